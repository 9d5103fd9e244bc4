package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"descent/mlkit/tensor"
)

// A PositionBias gives attention the positions by a number for each distance,
// which is added to the scores, instead of by vectors added to the input.
type PositionBias interface {
	// Distances gives [heads, Tq+Tk−1] for [Mask.Relative], or 1 for heads,
	// where the queries are the last Tq of Tk positions: element e is for the
	// keys e−(Tk−1) positions after a query, those before it being negative.
	Distances(t *tensor.Tape, tq, tk int) tensor.Tensor
}

// placed is a mask with a stack's positions; read are the sequences of a cache.
func placed(p PositionBias, mask Mask, x tensor.Tensor, read [][]int32) Mask {
	if p == nil || x.Rank() != 3 {
		return mask
	}
	if mask.Relative.Valid() {
		panic("nn: a transformer with Positions got a Mask with Relative, too: leave one of them out")
	}
	tk := x.Dim(1)
	if read != nil {
		tk = len(read[0])
	}
	if x.Dim(1) > 0 {
		mask.Relative = p.Distances(x.Tape(), x.Dim(1), tk)
	}
	return mask
}

// RotaryPositions encode positions by rotating queries and keys
// (Su et al., RoFormer, 2021): see [tensor.Tensor.Rotary]. There is nothing to
// learn, and no bias to add. The zero value is the usual one.
type RotaryPositions struct {
	Base float64 // 0 means 10000
	// Adjacent turns neighbouring columns together, as the paper does, instead
	// of those half a head apart (Hugging Face).
	Adjacent bool
}

// ALiBi subtracts from each score the distance times a slope (Press, Smith &
// Lewis, Train Short, Test Long: Attention with Linear Biases, 2022, §3).
// Nothing is learned, and texts longer than those in training are no worse.
// Keys after a query count by their distance, too, for encoders.
type ALiBi struct{ Heads int }

// Slope is that of head h. Slopes are 2^(−8/n), 2^(−16/n), …, 2^(−8) for n
// heads, where n is a power of 2; else those of the next smaller power, and
// then every other one of its double, as in the authors' program.
func (a ALiBi) Slope(h int) float32 {
	n := 1
	for 2*n <= a.Heads {
		n *= 2
	}
	exponent := float64(h+1) / float64(n)
	if h >= n {
		exponent = float64(2*(h-n)+1) / float64(2*n)
	}
	return float32(math.Exp2(-8 * exponent))
}

// Distances implements [PositionBias].
func (a ALiBi) Distances(t *tensor.Tape, tq, tk int) tensor.Tensor {
	if a.Heads < 1 {
		panic(fmt.Sprintf("nn: ALiBi of %d heads: as many are needed as the attention has", a.Heads))
	}
	n := tq + tk - 1
	x := t.Scratch(a.Heads * n)
	for h := range a.Heads {
		slope := a.Slope(h)
		for e := range n {
			x[h*n+e] = -slope * float32(max(e-(tk-1), tk-1-e))
		}
	}
	return t.Input(x, a.Heads, n)
}

// RelativePositions learns a number for each head and bucket of distances: one
// for each short distance, then buckets that grow with the logarithm up to
// MaxDistance, and one for all beyond (T5: Raffel et al. 2020, §2.1). A model
// uses one for all its layers.
type RelativePositions struct {
	Weight      *tensor.Param // [buckets, heads], T5's relative_attention_bias.weight
	MaxDistance int
	// Causal gives all buckets to the past and none to what comes after a
	// query: for decoders. T5's bidirectional=False.
	Causal bool
}

// NewRelativePositions makes positions with T5's 32 buckets and MaxDistance
// 128, from the normal distribution with deviation 0.02.
func NewRelativePositions(rng *rand.Rand, heads int, causal bool) *RelativePositions {
	if heads < 1 {
		panic(fmt.Sprintf("nn: NewRelativePositions: %d heads: as many are needed as the attention has", heads))
	}
	p := &RelativePositions{Weight: tensor.NewParam(32, heads), MaxDistance: 128, Causal: causal}
	Normal(p.Weight, rng, 0, 0.02)
	return p
}

// Bucket is the row of Weight for keys that lie distance positions after a
// query.
func (p *RelativePositions) Bucket(distance int) int {
	buckets, first := p.Weight.Dims()[0], 0
	if p.Causal {
		distance = max(-distance, 0)
	} else {
		buckets /= 2
		if distance > 0 {
			first = buckets
		}
		distance = max(distance, -distance)
	}
	exact := buckets / 2
	if distance < exact {
		return first + distance
	}
	far := math.Log(float64(distance)/float64(exact)) /
		math.Log(float64(p.MaxDistance)/float64(exact)) * float64(buckets-exact)
	return first + min(exact+int(far), buckets-1)
}

// Distances implements [PositionBias].
func (p *RelativePositions) Distances(t *tensor.Tape, tq, tk int) tensor.Tensor {
	if b := p.Weight.Dims()[0]; b < 4 || p.MaxDistance <= b/2 {
		panic(fmt.Sprintf("nn: RelativePositions of %d buckets up to a distance of %d: 4 buckets are needed, and MaxDistance beyond half of them", b, p.MaxDistance))
	}
	ids := t.ScratchInts(tq + tk - 1)
	for e := range ids {
		ids[e] = int32(p.Bucket(e - (tk - 1)))
	}
	return t.Use(p.Weight).Rows(tensor.NewInts(ids)).Transpose(0, 1)
}
