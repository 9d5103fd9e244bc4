package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"descent/mlkit/tensor"
)

// Embedding is a table of vectors, one for each id. A step changes only the
// rows that it looks up where the optimizer supports it: see package
// optim.
type Embedding struct {
	Weight *tensor.Param // [count, width]
	// Padding is the id that fills up shorter sequences: its vector gets no
	// gradient. −1 for none.
	Padding int
}

// NewEmbedding makes a table of count vectors, from the normal distribution
// with variance 1, as in PyTorch.
func NewEmbedding(rng *rand.Rand, count, width int) *Embedding {
	e := &Embedding{Weight: tensor.NewParam(count, width), Padding: -1}
	for i := range e.Weight.Data {
		e.Weight.Data[i] = float32(rng.NormFloat64())
	}
	return e
}

// NewPaddedEmbedding is NewEmbedding with an id for padding, whose vector is
// zero and stays so.
func NewPaddedEmbedding(rng *rand.Rand, count, width, padding int) *Embedding {
	if padding < 0 || padding >= count {
		panic(fmt.Sprintf("nn: the padding id %d is none of the ids 0…%d", padding, count-1))
	}
	e := NewEmbedding(rng, count, width)
	e.Padding = padding
	clear(e.Weight.Data[padding*width : (padding+1)*width])
	return e
}

// ForwardTokens maps ids of any shape [...] to their vectors, [..., width]. An
// id outside of the table panics.
func (e *Embedding) ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	return t.Use(e.Weight).Embed(ids, e.Padding)
}

// Forward lets an Embedding be the first layer of a [Sequential], which calls
// ForwardTokens instead. It panics: features are not ids.
func (e *Embedding) Forward(x tensor.Tensor) tensor.Tensor {
	panic(&tensor.ShapeError{Op: "Embedding", Shapes: [][]int{append([]int{}, x.Dims()...)},
		Why: "an Embedding reads token ids, not features: call ForwardTokens, or give the data set ids (data.Sequences.Tokens)"})
}

// EmbeddingBag averages, or adds up, the vectors of bags of ids: a bag of
// words, a set of features. It is an [Embedding] and [MeanOverTime] in one,
// without the vectors of all words in memory, so several times faster.
type EmbeddingBag struct {
	Weight *tensor.Param // [count, width]
	// Padding is the id that fills up shorter bags: it counts for nothing, and
	// its vector gets no gradient. −1 for none.
	Padding int
	// Sum adds up instead of averaging.
	Sum bool
}

// NewEmbeddingBag makes a table of count vectors, from the normal distribution
// with variance 1, as in PyTorch, whose bags are averaged.
func NewEmbeddingBag(rng *rand.Rand, count, width int) *EmbeddingBag {
	return &EmbeddingBag{Weight: NewEmbedding(rng, count, width).Weight, Padding: -1}
}

// ForwardTokens maps bags of ids [..., words] to their vectors [..., width].
func (e *EmbeddingBag) ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	return e.ForwardBags(t, ids, tensor.Ints{})
}

// ForwardBags is ForwardTokens for bags of the given lengths [bags]: of ids
// [bags, words] the first ones of each row count, of ids [total] the bags lie
// one after the other. It gives [bags, width]; a bag without ids gives zeros.
// An id that counts and is outside of the table panics with a
// *tensor.ShapeError.
func (e *EmbeddingBag) ForwardBags(t *tensor.Tape, ids, lengths tensor.Ints) tensor.Tensor {
	return t.Use(e.Weight).EmbedBag(ids, lengths, e.Padding, !e.Sum)
}

// Forward lets an EmbeddingBag be the first layer of a [Sequential], which
// calls ForwardTokens instead. It panics: features are not ids.
func (e *EmbeddingBag) Forward(x tensor.Tensor) tensor.Tensor {
	panic(&tensor.ShapeError{Op: "EmbeddingBag", Shapes: [][]int{append([]int{}, x.Dims()...)},
		Why: "an EmbeddingBag reads token ids, not features: call ForwardTokens, or give the data set ids (data.Sequences.Tokens)"})
}

// LearnedPositions adds a learned vector to each position of a sequence.
type LearnedPositions struct {
	Weight *tensor.Param // [length, width]
}

// NewLearnedPositions makes vectors for up to length positions, from the
// normal distribution with standard deviation 0.02 (as BERT and GPT-2 start).
func NewLearnedPositions(rng *rand.Rand, length, width int) *LearnedPositions {
	l := &LearnedPositions{tensor.NewParam(length, width)}
	for i := range l.Weight.Data {
		l.Weight.Data[i] = float32(0.02 * rng.NormFloat64())
	}
	return l
}

// Forward adds the positions: [batch, time, width] → the same shape. A sequence
// longer than the positions panics with a *tensor.ShapeError.
func (l *LearnedPositions) Forward(x tensor.Tensor) tensor.Tensor { return l.ForwardAt(x, 0) }

// ForwardAt is Forward for a piece of a sequence that begins at a position:
// what a [KVCache] has not read yet.
func (l *LearnedPositions) ForwardAt(x tensor.Tensor, position int) tensor.Tensor {
	w := x.Tape().Use(l.Weight)
	checkPositions("LearnedPositions", x, position, l.Weight.Dims()[0], l.Weight.Dims()[1])
	if n := x.Dim(1); n < w.Dim(0) {
		w = w.Slice(0, position, position+n)
	}
	return x.Add(w)
}

// SinusoidalPositions adds sines and cosines of wavelengths from 2π to
// 10000·2π to each position of a sequence (Vaswani et al. 2017, §3.5):
// sin(p/10000^(2i/width)) in the even columns 2i, the cosine in the odd ones.
// It has no parameters.
type SinusoidalPositions struct {
	length, width int
	table         []float32
}

// NewSinusoidalPositions makes an encoding for up to length positions.
func NewSinusoidalPositions(length, width int) *SinusoidalPositions {
	s := &SinusoidalPositions{length, width, make([]float32, length*width)}
	for p := range length {
		for j := range width {
			angle := float64(p) / math.Pow(10000, float64(j&^1)/float64(width))
			if j%2 == 0 {
				s.table[p*width+j] = float32(math.Sin(angle))
			} else {
				s.table[p*width+j] = float32(math.Cos(angle))
			}
		}
	}
	return s
}

// Forward adds the positions: [batch, time, width] → the same shape. A sequence
// longer than the positions panics with a *tensor.ShapeError.
func (s *SinusoidalPositions) Forward(x tensor.Tensor) tensor.Tensor { return s.ForwardAt(x, 0) }

// ForwardAt is Forward for a piece of a sequence that begins at a position:
// what a [KVCache] has not read yet.
func (s *SinusoidalPositions) ForwardAt(x tensor.Tensor, position int) tensor.Tensor {
	checkPositions("SinusoidalPositions", x, position, s.length, s.width)
	n := x.Dim(1)
	return x.Add(x.Tape().Input(s.table[position*s.width:][:n*s.width], n, s.width))
}

func checkPositions(op string, x tensor.Tensor, first, length, width int) {
	if d := x.Dims(); len(d) != 3 || first < 0 || d[1] > length-first || d[2] != width {
		why := fmt.Sprintf("the input must be [batch, time, %d], with a time of at most %d", width, length)
		if first != 0 {
			why += fmt.Sprintf("; it begins at position %d", first)
		}
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{append([]int{}, d...)}, Why: why})
	}
}
