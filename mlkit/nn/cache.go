package nn

import (
	"fmt"
	"slices"

	"descent/mlkit/tensor"
)

// KVCache remembers the keys and values of what a stack of attention layers has
// read, so that a model that generates text computes only each new token, not
// the whole text again (Shazeer, Fast Transformer Decoding, 2019). Make it with
// [TransformerEncoder.Cache] for a language model, or with
// [TransformerDecoder.Cache] for a model that translates; then, for every
// token,
//
//	ids, at := cache.Extend(beginnings)         // what has not been read yet
//	x := positions.ForwardAt(embedding.ForwardTokens(t, ids), at)
//	x = stack.Continue(x, cache)                // [len(beginnings), new, width]
//
// on an evaluation tape, which may be Reset in between. It is made for the next
// of [Beam.Search] and [Sampling.Generate]. One goroutine at a time may use it.
// Changed parameters make it wrong: then make a new one.
type KVCache struct {
	self   []*tensor.KeyValues // of each layer
	read   [][]int32           // the tokens that are remembered, row by row
	wait   int                 // positions that Extend has promised to Continue
	memory []*tensor.KeyValues // of each layer of a decoder: of the encoder's result
	mask   tensor.Ints         // its padding
	from   []int               // whose memory each row reads
}

// NewKVCache makes an empty cache for a stack of your own with the given number
// of layers: after each Extend, layer i takes Layer(i) to
// [tensor.Tensor.CachedSelfAttention].
func NewKVCache(layers int) *KVCache {
	c := &KVCache{}
	for range layers {
		c.self = append(c.self, &tensor.KeyValues{})
	}
	return c
}

// Layer is what layer i of the stack has read.
func (c *KVCache) Layer(i int) *tensor.KeyValues { return c.self[i] }

// Extend gets ready to go on with sequences, all of the same length: it finds
// for each one the remembered row that begins like it, puts rows into that
// order, and returns the tokens that are still to be read, [len(sequences),
// new], and the position of the first of them. So the rows of a beam may fork,
// stop and change places, and a beginning that is not remembered is read from
// its start. At least one token is always read. With a decoder's memory of one
// row all sequences write about that; with more rows sequence i is about row i.
func (c *KVCache) Extend(sequences [][]int32) (ids tensor.Ints, position int) {
	if len(sequences) == 0 || len(sequences[0]) == 0 {
		panic("nn: KVCache.Extend: there is nothing to go on with")
	}
	n := len(sequences[0])
	bound := false // to its row
	if c.memory != nil {
		m := c.memory[0].Rows()
		bound = m > 1
		if bound && len(sequences) != m {
			panic(fmt.Sprintf("nn: KVCache.Extend: %d sequences about %d rows of memory; there must be as many, or one row", len(sequences), m))
		}
	}
	if c.wait > 0 { // Continue was never called: what was promised has not been read
		c.forget(c.kept())
	}
	kept := n - 1
	from := make([]int, len(sequences))
	for i, s := range sequences {
		if len(s) != n {
			panic(fmt.Sprintf("nn: KVCache.Extend: sequences of %d and of %d tokens; all must have the same length", n, len(s)))
		}
		best := -1
		for r, read := range c.read {
			if bound && r != i {
				continue
			}
			same := 0
			for same < len(read) && same < n && read[same] == s[same] {
				same++
			}
			if same > best {
				best, from[i] = same, r
			}
		}
		kept = min(kept, max(best, 0))
	}
	if kept > 0 {
		for _, kv := range c.self {
			kv.Truncate(kept)
			kv.Reorder(from)
		}
	} else {
		c.forget(0)
	}
	c.read = c.read[:0]
	fresh := make([]int32, 0, len(sequences)*(n-kept))
	for _, s := range sequences {
		c.read = append(c.read, slices.Clone(s))
		fresh = append(fresh, s[kept:]...)
	}
	c.wait = n - kept
	c.from = c.from[:0]
	for i := range sequences {
		if !bound {
			i = 0
		}
		c.from = append(c.from, i)
	}
	return tensor.NewInts(fresh, len(sequences), n-kept), kept
}

// kept is how many positions every layer remembers.
func (c *KVCache) kept() int {
	n := len(c.read[0])
	for _, kv := range c.self {
		n = min(n, kv.Len())
	}
	return n
}

// forget keeps n positions of every row.
func (c *KVCache) forget(n int) {
	for _, kv := range c.self {
		kv.Truncate(min(n, kv.Len()))
	}
	for i, s := range c.read {
		c.read[i] = s[:min(n, len(s))]
	}
	if n == 0 {
		c.read = c.read[:0]
	}
	c.wait = 0
}

// begin checks that x is what Extend has promised.
func (c *KVCache) begin(op string, layers int, x tensor.Tensor) {
	if t := x.Tape(); t.RecordsGrad() || t.Training() {
		panic("nn: " + op + " is for writing, not for training: use a tape of tensor.NewEvalTape")
	}
	if len(c.self) != layers {
		panic(fmt.Sprintf("nn: %s: the cache was made for a stack of %d layers, not of %d", op, len(c.self), layers))
	}
	if d := x.Dims(); c.wait == 0 || len(d) != 3 || d[0] != len(c.read) || d[1] != c.wait {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{append([]int{}, d...)},
			Why: fmt.Sprintf("the input must be the vectors of the ids that KVCache.Extend has just returned: [%d, %d, width]", len(c.read), c.wait)})
	}
}

// Cache makes an empty cache for [TransformerEncoder.Continue].
func (e *TransformerEncoder) Cache() *KVCache { return NewKVCache(len(e.Layers)) }

// Continue is Run under a causal mask, for the positions that follow what the
// cache has read: x [rows, new, width] → the same shape. The results are those
// of Run for all positions, but for rounding.
func (e *TransformerEncoder) Continue(x tensor.Tensor, cache *KVCache) tensor.Tensor {
	cache.begin("TransformerEncoder.Continue", len(e.Layers), x)
	mask := placed(e.Positions, Mask{}, x, cache.read)
	for i, l := range e.Layers {
		c := &l.Config
		x = c.recall(l.SelfAttn, l.Norm1, x,
			func(q, add tensor.Tensor) tensor.Tensor { return l.SelfAttn.Continue(q, add, cache.self[i], mask) })
		x = c.feedForward(l.Linear1, l.Linear2, l.Norm2, x)
	}
	cache.wait = 0
	if e.Norm != nil {
		x = e.Norm.Forward(x)
	}
	return x
}

// Cache makes a cache for [TransformerDecoder.Continue], which remembers what
// the layers see of an encoder's result, memory [rows, memory time, width],
// under its padding. The tape of memory may be Reset afterwards.
func (d *TransformerDecoder) Cache(memory tensor.Tensor, mask Mask) *KVCache {
	if mask.Causal {
		panic("nn: TransformerDecoder.Cache: the memory's mask cannot be causal: what is written sees all that was read")
	}
	if mask.Bias.Valid() || mask.Relative.Valid() {
		panic("nn: TransformerDecoder.Cache: the memory's mask can have Padding only: a Bias would have to grow with what is written")
	}
	c := NewKVCache(len(d.Layers))
	if mask.Padding.Data != nil {
		c.mask = tensor.NewInts(slices.Clone(mask.Padding.Data), mask.Padding.Dims()...)
	}
	for _, l := range d.Layers {
		kv := &tensor.KeyValues{}
		kv.Append(l.MultiheadAttn.keysAndValues(memory))
		c.memory = append(c.memory, kv)
	}
	return c
}

// Continue is Run under a causal mask, for the positions that follow what the
// cache has read: x [rows, new, width] → the same shape. The results are those
// of Run for all positions, but for rounding.
func (d *TransformerDecoder) Continue(x tensor.Tensor, cache *KVCache) tensor.Tensor {
	cache.begin("TransformerDecoder.Continue", len(d.Layers), x)
	mask := placed(d.Positions, Mask{}, x, cache.read)
	for i, l := range d.Layers {
		c := &l.Config
		x = c.recall(l.SelfAttn, l.Norm1, x,
			func(q, add tensor.Tensor) tensor.Tensor { return l.SelfAttn.Continue(q, add, cache.self[i], mask) })
		x = c.recall(l.MultiheadAttn, l.Norm2, x, func(q, add tensor.Tensor) tensor.Tensor {
			a, t := l.MultiheadAttn, q.Tape()
			y := a.queries(q).CachedAttention(cache.memory[i], cache.from, Mask{Padding: cache.mask}.attend(a))
			return y.LinearAdd(t.Use(a.OutProj.Weight), useOptional(t, a.OutProj.Bias), add)
		})
		x = c.feedForward(l.Linear1, l.Linear2, l.Norm3, x)
	}
	cache.wait = 0
	if d.Norm != nil {
		x = d.Norm.Forward(x)
	}
	return x
}

// recall is a residual branch of attention to a cache.
func (c *Transformer) recall(a *MultiHeadAttention, norm *LayerNorm, x tensor.Tensor,
	attend func(q, add tensor.Tensor) tensor.Tensor) tensor.Tensor {
	q := x
	if c.PreNorm {
		q = norm.Forward(x)
	}
	return c.after(norm, attend(q, x))
}

// Continue is causal self-attention for the positions that follow what the
// cache has read, on an evaluation tape: x [rows, new, width] → the same shape.
// It adds their keys and values to the cache. add, unless it is the zero
// Tensor, is a residual of the result's shape. The keys of the mask are all
// positions, those of the cache and the new ones; Causal is understood. Stacks
// of layers have a [KVCache] instead.
func (m *MultiHeadAttention) Continue(x, add tensor.Tensor, cache *tensor.KeyValues, mask Mask) tensor.Tensor {
	if m.InProjWeight == nil {
		panic("nn: MultiHeadAttention.Continue: keys and values have a width of their own, so this is no self-attention")
	}
	t := x.Tape()
	y := m.together(x, cache.Len()).CachedSelfAttention(cache, mask.attend(m))
	w, b := t.Use(m.OutProj.Weight), useOptional(t, m.OutProj.Bias)
	if add.Valid() {
		return y.LinearAdd(w, b, add)
	}
	return y.Linear(w, b)
}
