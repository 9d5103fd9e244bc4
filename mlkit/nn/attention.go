package nn

import (
	"cmp"
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
	// seen by no query. See [PaddingMask].
	Padding tensor.Ints
	// Bias, unless it is the zero Tensor, is added to the scores, −∞ hides a
	// key: [Tq, Tk], [heads, Tq, Tk] or [batch, heads, Tq, Tk] with 1 for what
	// is the same everywhere. PyTorch's attn_mask of floats; its three axes are
	// [batch · heads, Tq, Tk], ours [heads, Tq, Tk].
	Bias tensor.Tensor
	// Relative, unless it is the zero Tensor, is added by distance: see
	// [tensor.Attend] and [PositionBias].
	Relative tensor.Tensor
}

func (m Mask) attend(a *MultiHeadAttention) tensor.Attend {
	return tensor.Attend{Heads: a.Heads, KVHeads: a.KVHeads, Causal: m.Causal, Padding: m.Padding, Bias: m.Bias,
		Relative: m.Relative, Dropout: a.Dropout}
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
	// InProjWeight is [width+2·kv, width], for queries, keys and values, where
	// kv = width·KVHeads/Heads; nil where keys or values have a width of their
	// own.
	InProjWeight *tensor.Param
	// Instead of InProjWeight: [width, width], [kv, key width], [kv, value
	// width].
	QProjWeight, KProjWeight, VProjWeight *tensor.Param

	InProjBias *tensor.Param // [width+2·kv]; nil for none
	OutProj    *Linear       // [width, width]
	Heads      int
	// KVHeads is how many heads keys and values have; 0 means Heads.
	KVHeads int
	// Dropout is the probability of dropping an attention weight in training.
	Dropout float32
	// Rotary rotates queries and keys by their positions; nil for none.
	Rotary *RotaryPositions
}

// Attention describes a [MultiHeadAttention].
type Attention struct {
	Width, Heads int
	// KVHeads is how many heads keys and values have, a divisor of Heads; 0
	// means Heads. With fewer, several heads of queries share one of keys and
	// values (grouped queries: Ainslie et al., GQA, 2023; with 1, Shazeer
	// 2019), and a cache for generation is smaller by the same factor.
	KVHeads int
	// KeyWidth and ValueWidth are the widths of what keys and values are
	// computed from, where that is not Width (PyTorch's kdim and vdim); 0 means
	// Width.
	KeyWidth, ValueWidth int
	// Rotary rotates queries and keys by their positions; nil for none.
	Rotary *RotaryPositions
}

// NewMultiHeadAttention is [NewAttention] of as many heads of keys and values
// as of queries: width must be a multiple of heads.
func NewMultiHeadAttention(rng *rand.Rand, width, heads int) *MultiHeadAttention {
	return NewAttention(rng, Attention{Width: width, Heads: heads})
}

// NewAttention makes an attention layer. Its weights start from Glorot's
// uniform distribution, biases from zero, as in PyTorch. Settings that do not
// fit panic.
func NewAttention(rng *rand.Rand, c Attention) *MultiHeadAttention {
	if c.Heads < 1 || c.Width < 1 || c.Width%c.Heads != 0 {
		panic(fmt.Sprintf("nn: %d attention heads cannot share a width of %d: it must be a multiple", c.Heads, c.Width))
	}
	if c.KVHeads < 0 || c.KVHeads > 0 && c.Heads%c.KVHeads != 0 {
		panic(fmt.Sprintf("nn: %d attention heads of queries cannot share %d of keys and values: Heads must be a multiple of KVHeads", c.Heads, c.KVHeads))
	}
	if c.KeyWidth < 0 || c.ValueWidth < 0 {
		panic(fmt.Sprintf("nn: attention: KeyWidth %d and ValueWidth %d: 0, for Width, or more", c.KeyWidth, c.ValueWidth))
	}
	if c.Rotary != nil && c.Width/c.Heads%2 != 0 {
		panic(fmt.Sprintf("nn: attention: Rotary turns pairs, but %d heads of a width of %d have %d columns each", c.Heads, c.Width, c.Width/c.Heads))
	}
	m := &MultiHeadAttention{Heads: c.Heads, KVHeads: c.KVHeads, Rotary: c.Rotary}
	kv := m.keyWidth(c.Width)
	glorot := func(out, in int) *tensor.Param {
		p, bound := tensor.NewParam(out, in), math.Sqrt(6/float64(out+in))
		Uniform(p, rng, -bound, bound)
		return p
	}
	m.InProjBias, m.OutProj = tensor.NewParam(c.Width+2*kv), NewLinear(rng, c.Width, c.Width)
	own := func(w int) bool { return w != 0 && w != c.Width }
	if own(c.KeyWidth) || own(c.ValueWidth) {
		m.QProjWeight = glorot(c.Width, c.Width)
		m.KProjWeight = glorot(kv, cmp.Or(c.KeyWidth, c.Width))
		m.VProjWeight = glorot(kv, cmp.Or(c.ValueWidth, c.Width))
	} else {
		m.InProjWeight = glorot(c.Width+2*kv, c.Width)
	}
	Constant(m.OutProj.Bias, 0)
	return m
}

// keyWidth is the width of keys, and of values, of a layer of this width.
func (m *MultiHeadAttention) keyWidth(width int) int {
	if m.KVHeads == 0 {
		return width
	}
	return width / m.Heads * m.KVHeads
}

// Forward is self-attention without a mask: [batch, time, width] → [batch,
// time, width].
func (m *MultiHeadAttention) Forward(x tensor.Tensor) tensor.Tensor {
	y, _ := m.Attend(x, x, x, Mask{})
	return y
}

// Attend maps queries [batch, Tq, width], and keys and values [batch, Tk,
// width] (or of their own width, see [Attention]), to [batch, Tq, width].
// Self-attention passes the same tensor three times; attention to an encoder's
// result passes that as keys and values. The second result, for drawing, holds
// the weights, [batch, heads, Tq, Tk]: what each query takes from each key, in
// sum 1; no gradient flows through it. They are computed when they are first
// read. A query that may see no key gets zeros (PyTorch: NaN).
func (m *MultiHeadAttention) Attend(queries, keys, values tensor.Tensor, mask Mask) (y, weights tensor.Tensor) {
	return m.attend(queries, keys, values, tensor.Tensor{}, mask)
}

// attend is Attend plus a residual, which may be the zero Tensor.
func (m *MultiHeadAttention) attend(q, k, v, add tensor.Tensor, mask Mask) (y, weights tensor.Tensor) {
	a := mask.attend(m)
	t := q.Tape()
	wo, bo := t.Use(m.OutProj.Weight), useOptional(t, m.OutProj.Bias)
	switch {
	case m.Rotary != nil && m.InProjWeight != nil && q == k && k == v:
		y, weights = m.together(q, 0).SelfAttention(a)
	case m.InProjWeight == nil:
		y, weights = m.queries(q).Attention(m.keys(k), m.values(v), a)
	case q == k && k == v:
		return q.SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: t.Use(m.InProjWeight),
			InBias: useOptional(t, m.InProjBias), OutWeight: wo, OutBias: bo, Add: add, Attend: a})
	case k == v:
		y, weights = m.queries(q).CrossAttention(m.keysAndValues(k), a)
	default:
		y, weights = m.queries(q).Attention(m.keys(k), m.values(v), a)
	}
	if add.Valid() {
		return y.LinearAdd(wo, bo, add), weights
	}
	return y.Linear(wo, bo), weights
}

// project computes rows from … to−1 of the projections, with own in place of
// InProjWeight where that is nil.
func (m *MultiHeadAttention) project(x tensor.Tensor, own *tensor.Param, from, to int) tensor.Tensor {
	t := x.Tape()
	b := useOptional(t, m.InProjBias)
	if m.InProjWeight != nil {
		return x.LinearRows(t.Use(m.InProjWeight), b, from, to)
	}
	if b.Valid() {
		b = b.Slice(0, from, to)
	}
	return x.Linear(t.Use(own), b)
}

// queries, keys and values project what they are computed from.
func (m *MultiHeadAttention) queries(x tensor.Tensor) tensor.Tensor {
	return m.turned(m.project(x, m.QProjWeight, 0, m.width()), 0, 0)
}

func (m *MultiHeadAttention) keys(x tensor.Tensor) tensor.Tensor {
	d := m.width()
	return m.turned(m.project(x, m.KProjWeight, d, d+m.keyWidth(d)), 0, 0)
}

func (m *MultiHeadAttention) values(x tensor.Tensor) tensor.Tensor {
	d := m.width()
	kv := m.keyWidth(d)
	return m.project(x, m.VProjWeight, d+kv, d+2*kv)
}

// keysAndValues are those of one tensor, side by side.
func (m *MultiHeadAttention) keysAndValues(x tensor.Tensor) tensor.Tensor {
	if m.InProjWeight == nil {
		return tensor.Concat(-1, m.keys(x), m.values(x))
	}
	d := m.width()
	return m.turned(m.project(x, nil, d, d+2*m.keyWidth(d)), cmp.Or(m.KVHeads, m.Heads), 0)
}

// together are queries, keys and values of one tensor side by side, from a
// position on.
func (m *MultiHeadAttention) together(x tensor.Tensor, position int) tensor.Tensor {
	t := x.Tape()
	qkv := x.Linear(t.Use(m.InProjWeight), useOptional(t, m.InProjBias))
	return m.turned(qkv, m.Heads+cmp.Or(m.KVHeads, m.Heads), position)
}

// turned applies Rotary to the first heads, 0 for all.
func (m *MultiHeadAttention) turned(x tensor.Tensor, heads, position int) tensor.Tensor {
	if m.Rotary == nil {
		return x
	}
	return x.Rotary(tensor.Rotary{Width: m.width() / m.Heads, Heads: heads, Position: position,
		Base: m.Rotary.Base, Adjacent: m.Rotary.Adjacent})
}

func (m *MultiHeadAttention) width() int { return m.OutProj.Weight.Dims()[1] }
