package nn

import (
	"fmt"
	"math"
	"math/rand/v2"

	"descent/mlkit/tensor"
)

// Mask says which keys a query may see.
type Mask struct {
	// Causal: position i sees the positions 0…i only.
	Causal bool
	// Padding, if not empty, is [batch, keys]: a key whose entry is not 0 is
	// seen by nobody. See [PaddingMask].
	Padding tensor.Ints
}

// PaddingMask marks the positions with the padding id: a mask for
// [Mask.Padding] from a batch of ids, [batch, time]. It lives on the tape.
func PaddingMask(t *tensor.Tape, ids tensor.Ints, padding int32) tensor.Ints {
	m := t.ScratchInts(len(ids.Data))
	for i, id := range ids.Data {
		if id == padding {
			m[i] = 1
		}
	}
	return tensor.NewInts(m, ids.Dims()...)
}

// LengthMask marks the positions beyond each sequence's length: a mask for
// [Mask.Padding], [batch, time]. It lives on the tape.
func LengthMask(t *tensor.Tape, lengths tensor.Ints, time int) tensor.Ints {
	m := t.ScratchInts(len(lengths.Data) * time)
	for b, l := range lengths.Data {
		for i := int(max(l, 0)); i < time; i++ {
			m[b*time+i] = 1
		}
	}
	return tensor.NewInts(m, len(lengths.Data), time)
}

// MultiHeadAttention projects queries, keys and values, lets several heads
// attend (Vaswani et al. 2017, §3.2.2) and projects their results.
type MultiHeadAttention struct {
	InProjWeight *tensor.Param // [3·width, width]: for queries, keys, values
	InProjBias   *tensor.Param // [3·width]; nil for none
	OutProj      *Linear       // [width, width]
	Heads        int
	// Dropout is the probability of dropping an attention weight in training.
	Dropout float32
}

// NewMultiHeadAttention makes an attention layer: width must be a multiple of
// heads. InProjWeight starts from Glorot's uniform distribution, biases from
// zero, as in PyTorch.
func NewMultiHeadAttention(rng *rand.Rand, width, heads int) *MultiHeadAttention {
	if heads < 1 || width < 1 || width%heads != 0 {
		panic(fmt.Sprintf("nn: %d attention heads cannot share a width of %d: it must be a multiple", heads, width))
	}
	m := &MultiHeadAttention{InProjWeight: tensor.NewParam(3*width, width), InProjBias: tensor.NewParam(3 * width),
		OutProj: NewLinear(rng, width, width), Heads: heads}
	bound := math.Sqrt(6 / float64(4*width))
	Uniform(m.InProjWeight, rng, -bound, bound)
	Constant(m.OutProj.Bias, 0)
	return m
}

// Forward is self-attention without a mask: [batch, time, width] → [batch, time,
// width].
func (m *MultiHeadAttention) Forward(x tensor.Tensor) tensor.Tensor {
	y, _ := m.Attend(x, x, x, Mask{})
	return y
}

// Attend maps queries [batch, Tq, width], and keys and values [batch, Tk,
// width], to [batch, Tq, width]. Self-attention passes the same tensor three
// times; attention to an encoder's result passes that as keys and values. The
// second result, for drawing, holds the weights, [batch, heads, Tq, Tk]: what
// each query takes from each key, in sum 1; no gradient flows through it. They
// are computed when they are first read. A query that may see no key gets zeros
// (PyTorch: NaN).
func (m *MultiHeadAttention) Attend(queries, keys, values tensor.Tensor, mask Mask) (y, weights tensor.Tensor) {
	return m.attend(queries, keys, values, tensor.Tensor{}, mask)
}

// attend is Attend plus a residual, which may be the zero Tensor.
func (m *MultiHeadAttention) attend(q, k, v, add tensor.Tensor, mask Mask) (y, weights tensor.Tensor) {
	a := tensor.Attend{Heads: m.Heads, Causal: mask.Causal, Padding: mask.Padding, Dropout: m.Dropout}
	t := q.Tape()
	w, b := t.Use(m.InProjWeight), useOptional(t, m.InProjBias)
	wo, bo := t.Use(m.OutProj.Weight), useOptional(t, m.OutProj.Bias)
	d := m.InProjWeight.Dims()[1]
	switch {
	case q == k && k == v:
		return q.SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: w, InBias: b, OutWeight: wo, OutBias: bo, Add: add, Attend: a})
	case k == v:
		y, weights = q.LinearRows(w, b, 0, d).CrossAttention(k.LinearRows(w, b, d, 3*d), a)
	default:
		y, weights = q.LinearRows(w, b, 0, d).Attention(k.LinearRows(w, b, d, 2*d), v.LinearRows(w, b, 2*d, 3*d), a)
	}
	if add.Valid() {
		return y.LinearAdd(wo, bo, add), weights
	}
	return y.Linear(wo, bo), weights
}
