package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/cpu"
)

// Attend says how to compute attention. The zero value with Heads set
// is plain attention of everything to everything.
type Attend struct {
	Heads int // how many heads share the model's width; 1 or more, a divisor of it
	// KVHeads is how many heads keys and values have, a divisor of Heads; 0
	// means as many. With fewer, Heads/KVHeads heads of queries that lie side
	// by side share one of keys and values (grouped queries: Ainslie et al.,
	// GQA, 2023), and keys and values are d·KVHeads/Heads wide: dkv below.
	KVHeads int
	// Causal lets query i see the keys 0…i only (plus keys − queries, where
	// there are more keys than queries: the last query sees all).
	Causal bool
	// Padding, if not empty, is [batch, keys]: a key whose entry is not 0 is
	// seen by no query (PyTorch's key_padding_mask). Keys that are hidden at a
	// sample's end cost nothing.
	Padding Ints
	// Bias, unless it is the zero Tensor, is added to the scaled scores, −∞
	// hides a key: [Tq, Tk], [heads, Tq, Tk] or [batch, heads, Tq, Tk], where
	// heads, batch and Tq may be 1 for the same everywhere (PyTorch's
	// attn_mask, of floats). A gradient that flows to it costs the scores once
	// more, and no memory beside its own.
	Bias Tensor
	// Relative, unless it is the zero Tensor, is added as well, by how far a
	// key lies from a query: [heads, Tq+Tk−1], or 1 instead of heads. Query i
	// and key j get element j−i+Tq−1. Where queries are the last Tq of the
	// keys' positions, element e is thus for keys e−(Tk−1) positions after the
	// query.
	Relative Tensor
	// Dropout is the probability of dropping an attention weight in training.
	Dropout float32
}

// Attention is scaled dot-product attention with several heads (Vaswani et al.
// 2017, eq. 1), as one operation: queries [batch, Tq, d], keys and values
// [batch, Tk, dkv] give [batch, Tq, d]; dkv is d unless [Attend] has KVHeads.
// Head h works on the columns h·d/heads … of all of them. The second result
// holds the weights softmax(q·kᵀ/√(d/heads) + Bias + Relative), [batch, heads,
// Tq, Tk], before dropout, for drawing; no gradient flows through it, and it is
// computed when it is first read. A query that may see no key gets zeros. It
// panics with a [*ShapeError] when shapes do not fit, or there are queries but
// no keys.
//
// Scores are computed for a block of queries at a time, and in the backward
// pass once more (Dao et al., FlashAttention, 2022), so that memory grows with
// Tq + Tk and not with their product. Causal attention skips the keys that no
// query of a block sees.
func (q Tensor) Attention(k, v Tensor, a Attend) (y, weights Tensor) {
	const op = "Attention"
	nq, nk := q.node(op), k.node(op)
	nv := v.node(op)
	sameTape(op, q, k)
	sameTape(op, q, v)
	a.checkHeads(op)
	if nq.n != 3 || nk.n != 3 || nk.shape != nv.shape || nq.d[0] != nk.d[0] || nk.d[2]*a.Heads != nq.d[2]*a.KVHeads {
		shapePanic(op, 0, "queries must be [batch, Tq, d], keys and values [batch, Tk, d]"+a.grouped(), q, k, v)
	}
	d, dkv := nq.d[2], nk.d[2]
	return q.attention(op, a, [3]source{{q.i, 0, d}, {k.i, 0, dkv}, {v.i, 0, dkv}}, nq.d[0], nq.d[1], nk.d[1], d)
}

// SelfAttention is [Tensor.Attention] for queries, keys and values side by
// side in one tensor, [batch, T, d+2·dkv], which is read in place.
func (x Tensor) SelfAttention(a Attend) (y, weights Tensor) {
	const op = "SelfAttention"
	n := x.node(op)
	a.checkHeads(op)
	d, dkv, ok := a.widths(n)
	if !ok {
		shapePanic(op, -1, "queries, keys and values must lie side by side: [batch, T, 3·d]"+a.grouped(), x)
	}
	w := n.d[2]
	return x.attention(op, a, [3]source{{x.i, 0, w}, {x.i, d, w}, {x.i, d + dkv, w}}, n.d[0], n.d[1], n.d[1], d)
}

// CrossAttention is [Tensor.Attention] for keys and values side by side in one
// tensor, [batch, Tk, 2·dkv].
func (q Tensor) CrossAttention(kv Tensor, a Attend) (y, weights Tensor) {
	const op = "CrossAttention"
	nq, n := q.node(op), kv.node(op)
	sameTape(op, q, kv)
	a.checkHeads(op)
	if nq.n != 3 || n.n != 3 || n.d[2]*a.Heads != 2*nq.d[2]*a.KVHeads || n.d[0] != nq.d[0] {
		shapePanic(op, -1, "queries must be [batch, Tq, d], keys and values [batch, Tk, 2·d]"+a.grouped(), q, kv)
	}
	d, w := nq.d[2], n.d[2]
	return q.attention(op, a, [3]source{{q.i, 0, d}, {kv.i, 0, w}, {kv.i, w / 2, w}}, nq.d[0], nq.d[1], n.d[1], d)
}

// source is where queries, keys or values lie: an operand, the first column
// in it, and the length of its rows.
type source struct {
	i       int32
	off, ld int
}

// checkHeads panics unless the numbers of heads fit each other, and sets
// KVHeads.
func (at *Attend) checkHeads(op string) {
	if at.KVHeads == 0 {
		at.KVHeads = at.Heads
	}
	if at.Heads < 1 || at.KVHeads < 1 || at.Heads%at.KVHeads != 0 {
		panic(fmt.Sprintf("tensor: %s: %d heads of queries cannot share %d heads of keys and values: Heads must be a multiple of KVHeads, and 1 or more", op, at.Heads, at.KVHeads))
	}
}

// grouped is what an error message adds about the widths of keys and values.
func (at *Attend) grouped() string {
	if at.KVHeads == at.Heads {
		return ""
	}
	return fmt.Sprintf(", where keys and values are d·%d/%d wide each", at.KVHeads, at.Heads)
}

// widths divides rows of queries, keys and values side by side.
func (at *Attend) widths(n *node) (d, dkv int, ok bool) {
	units := at.Heads + 2*at.KVHeads
	if n.n != 3 || n.d[2]*at.Heads%units != 0 || n.d[2]*at.KVHeads%units != 0 {
		return 0, 0, false
	}
	return n.d[2] * at.Heads / units, n.d[2] * at.KVHeads / units, true
}

// check panics unless the settings fit, for samples queries and rows of
// padding.
func (at *Attend) check(op string, x Tensor, samples, batch, tq, tk, d int) {
	if tk == 0 && batch*tq > 0 {
		panic(&ShapeError{Op: op, Shapes: cloneShapes([]int{batch, tq, d}, []int{batch, tk, d}), Why: "there are no keys to attend to: leave the operation out, or give it one key that Padding hides"})
	}
	if d%at.Heads != 0 {
		panic(fmt.Sprintf("tensor: %s: %d heads cannot share a width of %d: it must be a multiple", op, at.Heads, d))
	}
	if len(at.Padding.Data) != 0 && (at.Padding.dims.n != 2 || at.Padding.dims.d[0] != batch ||
		at.Padding.dims.d[1] != tk) {
		panic(&ShapeError{Op: op, Shapes: cloneShapes(at.Padding.Dims()), Why: fmt.Sprintf("the padding mask must be [batch, keys], [%d %d]", batch, tk)})
	}
	if !(at.Dropout >= 0 && at.Dropout < 1) {
		panic(fmt.Sprintf("tensor: %s: dropout %v is outside of [0, 1)", op, at.Dropout))
	}
	at.checkBias(op, x, samples, tq, tk)
}

// start is the forward work before its operands are known; grad tells whether
// there is a backward pass.
func (at *Attend) start(t *Tape, batch, tq, tk, d int, grad bool) attention {
	a := attention{heads: at.Heads, shared: at.Heads / at.KVHeads, tq: tq, tk: tk, width: d, causal: at.Causal,
		padding: at.Padding.Data, keep: 1}
	a.divide(batch)
	a.end(t)
	a.bias.start(at, tq)
	if grad && a.small() {
		a.probs = t.floats.take(batch * a.heads * tq * a.ldp)
	}
	if at.Dropout > 0 && t.training {
		a.keep = 1 - at.Dropout
		a.seed, a.step, a.op = t.Rand()
	}
	return a
}

func (x Tensor) attention(op string, at Attend, from [3]source, batch, tq, tk, d int) (y, weights Tensor) {
	at.check(op, x, batch, batch, tq, tk, d)
	t := x.t
	more := t.ints.take(1)
	more[0] = optional(at.Relative)
	y, n := t.push(op)
	n.record(t, backAttention, from[0].i, from[1].i, from[2].i, optional(at.Bias), more[0])
	n.more = more
	a := attentions.lend(t, n)
	*a = at.start(t, batch, tq, tk, d, n.needs)
	for k, s := range from {
		a.x[k], a.off[k], a.ld[k] = t.nodes[s.i].data[min(s.off, len(t.nodes[s.i].data)):], s.off, s.ld
		a.sample[k] = a.rows(k) * s.ld
	}
	a.y = t.floats.take(batch * tq * d)
	n.data, n.shape = a.y, shape{n: 3, d: [MaxRank]int{batch, tq, d}}
	cpu.Parallel(a.parts(batch), a)
	return y, t.attentionWeights(a, batch)
}

// attentionWeights is the second result, which waits for someone to read it.
func (t *Tape) attentionWeights(a *attention, batch int) Tensor {
	w, n := t.push("AttentionWeights")
	n.shape = shape{n: 4, d: [MaxRank]int{batch, a.heads, a.tq, a.tk}}
	n.kept, n.fill = a, fillAttentionWeights
	return w
}

func fillAttentionWeights(t *Tape, n *node) {
	a := n.kept.(*attention)
	n.data = t.floats.take(n.size())
	for i := range n.d[0] * a.heads {
		a.weights(n.data[i*a.tq*a.tk:][:a.tq*a.tk], i/a.heads, i%a.heads)
	}
}

func backAttention(t *Tape, n *node) {
	a := n.kept.(*attention)
	batch := n.d[0]
	a.dy, a.ldd = n.grad, a.ld
	a.bias.startBack(t)
	// Side by side in one tensor, queries, keys and values write a fresh
	// gradient buffer piece by piece. Three tensors may be one and the same
	// three times over: then they add up.
	beside := a.off[2] > 0 && batch*a.tq*a.tk > 0
	for k := range 3 {
		var g []float32
		switch {
		case k > 0 && n.in[k] == n.in[k-1]:
			g, a.acc[k] = t.nodes[n.in[k]].grad, a.acc[k-1]
		case beside:
			g, a.acc[k] = t.gradBuffer(n, k)
		default:
			g, a.acc[k] = t.gradOf(n, k), true
		}
		if g != nil {
			a.dx[k] = g[min(a.off[k], len(g)):]
		}
	}
	a.backAll(t, batch)
}
