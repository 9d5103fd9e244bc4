package tensor

import (
	"fmt"
	"math"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/random"
	"descent/mlkit/internal/kernel/rowwise"
)

// Attend says how attention is to be computed. The zero value with Heads set
// is plain attention of everything to everything.
type Attend struct {
	Heads int // how many heads share the model's width; 1 or more, a divisor of it
	// Causal lets query i see the keys 0…i only (plus keys − queries, where
	// there are more keys than queries: the last query sees all).
	Causal bool
	// Padding, if not empty, is [batch, keys]: a key whose entry is not 0 is
	// seen by no query (PyTorch's key_padding_mask).
	Padding Ints
	// Dropout is the probability of dropping an attention weight in training.
	Dropout float32
}

// Attention is scaled dot-product attention with several heads (Vaswani et
// al. 2017, eq. 1), as one operation: queries [batch, Tq, d], keys and values
// [batch, Tk, d] give [batch, Tq, d]. Head h works on the columns h·d/heads …
// of all of them. The second result holds the weights softmax(q·kᵀ/√(d/heads)),
// [batch, heads, Tq, Tk], before dropout, for drawing; no gradient flows
// through it. A query that may see no key gets zeros. It panics with a
// [*ShapeError] when shapes do not fit, or there are queries but no keys.
func (q Tensor) Attention(k, v Tensor, a Attend) (y, weights Tensor) {
	const op = "Attention"
	nq, nk := q.node(op), k.node(op)
	nv := v.node(op)
	sameTape(op, q, k)
	sameTape(op, q, v)
	if nq.n != 3 || nk.n != 3 || nk.shape != nv.shape || nq.d[0] != nk.d[0] || nq.d[2] != nk.d[2] {
		shapePanic(op, 0, "queries must be [batch, Tq, d], keys and values [batch, Tk, d]", q, k, v)
	}
	d := nq.d[2]
	return q.t.attention(op, a, [3]source{{q.i, 0, d}, {k.i, 0, d}, {v.i, 0, d}}, nq.d[0], nq.d[1], nk.d[1], d)
}

// SelfAttention is [Tensor.Attention] for queries, keys and values side by
// side in one tensor, [batch, T, 3·d], which is read in place.
func (x Tensor) SelfAttention(a Attend) (y, weights Tensor) {
	const op = "SelfAttention"
	n := x.node(op)
	if n.n != 3 || n.d[2]%3 != 0 {
		shapePanic(op, -1, "queries, keys and values must lie side by side: [batch, T, 3·d]", x)
	}
	d := n.d[2] / 3
	return x.t.attention(op, a, [3]source{{x.i, 0, 3 * d}, {x.i, d, 3 * d}, {x.i, 2 * d, 3 * d}}, n.d[0], n.d[1], n.d[1], d)
}

// CrossAttention is [Tensor.Attention] for keys and values side by side in one
// tensor, [batch, Tk, 2·d].
func (q Tensor) CrossAttention(kv Tensor, a Attend) (y, weights Tensor) {
	const op = "CrossAttention"
	nq, n := q.node(op), kv.node(op)
	sameTape(op, q, kv)
	if nq.n != 3 || n.n != 3 || n.d[2] != 2*nq.d[2] || n.d[0] != nq.d[0] {
		shapePanic(op, -1, "queries must be [batch, Tq, d], keys and values [batch, Tk, 2·d]", q, kv)
	}
	d := nq.d[2]
	return q.t.attention(op, a, [3]source{{q.i, 0, d}, {kv.i, 0, 2 * d}, {kv.i, d, 2 * d}}, nq.d[0], nq.d[1], n.d[1], d)
}

// source is where queries, keys or values lie: an operand, the first column
// in it, and the length of its rows.
type source struct {
	i       int32
	off, ld int
}

// attention is the work of one operation, forward or backward, divided by
// samples. The node keeps it from one to the other.
type attention struct {
	heads, tq, tk, width int
	causal               bool
	padding              []int32
	keep                 float32 // 1 without dropout
	seed, step, op       uint64

	x       [3][]float32 // queries, keys, values, from their first column on
	off, ld [3]int
	probs   []float32 // [batch, heads, tq, tk]
	dropped []float32 // the same after dropout; probs itself without
	y       []float32 // forward: the result

	// backward; dy, dx, dscores and dprobs begin with the sample base
	base    int
	dy      []float32
	dx      [3][]float32 // nil: not wanted
	ldd     [3]int       // as ld, of dx
	acc     [3]bool
	dscores []float32 // [batch, heads, tq, tk], zeros at first
	dprobs  []float32
}

var attentions = newKeeper[attention]()

// check panics unless the settings fit.
func (at *Attend) check(op string, batch, tq, tk, d int) {
	if tk == 0 && batch*tq > 0 {
		panic(&ShapeError{Op: op, Shapes: cloneShapes([]int{batch, tq, d}, []int{batch, tk, d}), Why: "there are no keys to attend to: leave the operation out, or give it one key that Padding hides"})
	}
	if at.Heads < 1 || d%at.Heads != 0 {
		panic(fmt.Sprintf("tensor: %s: %d heads cannot share a width of %d: it must be a multiple", op, at.Heads, d))
	}
	if len(at.Padding.Data) != 0 && (at.Padding.dims.n != 2 || at.Padding.dims.d[0] != batch || at.Padding.dims.d[1] != tk) {
		panic(&ShapeError{Op: op, Shapes: cloneShapes(at.Padding.Dims()), Why: fmt.Sprintf("the padding mask must be [batch, keys], [%d %d]", batch, tk)})
	}
	if !(at.Dropout >= 0 && at.Dropout < 1) {
		panic(fmt.Sprintf("tensor: %s: dropout %v is outside of [0, 1)", op, at.Dropout))
	}
}

// start is the forward work before its operands are known.
func (at *Attend) start(t *Tape, batch, tq, tk, d int) attention {
	a := attention{heads: at.Heads, tq: tq, tk: tk, width: d, causal: at.Causal, padding: at.Padding.Data, keep: 1}
	size := batch * at.Heads * tq * tk
	a.probs = t.floats.take(size)
	a.dropped = a.probs
	if at.Dropout > 0 && t.training {
		a.keep = 1 - at.Dropout
		a.seed, a.step, a.op = t.Rand()
		a.dropped = t.floats.take(size)
	}
	return a
}

func (t *Tape) attention(op string, at Attend, from [3]source, batch, tq, tk, d int) (y, weights Tensor) {
	at.check(op, batch, tq, tk, d)
	y, n := t.push(op)
	a := attentions.lend(t, n)
	*a = at.start(t, batch, tq, tk, d)
	for k, s := range from {
		a.x[k], a.off[k], a.ld[k] = t.nodes[s.i].data[min(s.off, len(t.nodes[s.i].data)):], s.off, s.ld
	}
	a.y = t.floats.take(batch * tq * d)
	n.data, n.shape = a.y, shape{n: 3, d: [MaxRank]int{batch, tq, d}}
	n.record(t, backAttention, from[0].i, from[1].i, from[2].i)
	cpu.Parallel(batch, a)
	return y, t.attentionWeights(a.probs, batch, at.Heads, tq, tk)
}

func (t *Tape) attentionWeights(probs []float32, batch, heads, tq, tk int) Tensor {
	w, n := t.push("AttentionWeights")
	n.data, n.shape = probs, shape{n: 4, d: [MaxRank]int{batch, heads, tq, tk}}
	return w
}

func backAttention(t *Tape, n *node) {
	a := n.kept.(*attention)
	a.dy, a.ldd = n.grad, a.ld
	// Side by side in one tensor, queries, keys and values write a fresh
	// gradient buffer piece by piece. Three tensors may be one and the same
	// three times over: then they add up.
	beside := a.off[2] > 0 && len(a.probs) > 0
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
	size := len(a.probs)
	scores := t.floats.reuse(size)
	probs := t.floats.reuse(size)
	a.dscores, a.dprobs = scores, probs
	cpu.Parallel(n.d[0], a)
	t.floats.recycle(scores)
	t.floats.recycle(probs)
}

// Part implements cpu.Task: one sample.
func (a *attention) Part(b int) {
	if a.dy == nil {
		a.forward(b)
	} else {
		a.backward(b)
	}
}

// head cuts out what one head of one sample sees of queries, keys or values.
func (a *attention) head(k, b, h int) []float32 {
	return a.x[k][b*a.rows(k)*a.ld[k]+h*(a.width/a.heads):]
}

// headGrad is head for their gradients.
func (a *attention) headGrad(k, b, h int) []float32 {
	return a.dx[k][b*a.rows(k)*a.ldd[k]+h*(a.width/a.heads):]
}

func (a *attention) rows(k int) int {
	if k == 0 {
		return a.tq
	}
	return a.tk
}

func (a *attention) scale() float32 {
	return float32(1 / math.Sqrt(float64(a.width/a.heads)))
}

func (a *attention) forward(b int) {
	per := a.tq * a.tk
	if per == 0 { // no queries: there is no y
		return
	}
	dh := a.width / a.heads
	probs := a.probs[b*a.heads*per:][:a.heads*per]
	gemm.GemmBatch(a.heads, gemm.Gemm{M: a.tq, N: a.tk, K: dh, TransB: true, LDA: a.ld[0], LDB: a.ld[1], Alpha: a.scale()},
		probs, a.head(0, b, 0), a.head(1, b, 0), per, dh, dh)
	a.mask(probs, b)
	rowwise.Softmax(probs, probs, a.tk)
	if a.causal || a.padding != nil {
		a.blank(probs)
	}
	dropped := probs
	if a.keep < 1 {
		dropped = a.dropped[b*a.heads*per:][:len(probs)]
		random.Dropout(dropped, nil, probs, a.keep, a.seed, a.step, a.op<<32|uint64(b))
	}
	y := a.y[b*a.tq*a.width:]
	for h := range a.heads {
		gemm.Gemm{M: a.tq, N: dh, K: a.tk, LDB: a.ld[2], LDC: a.width}.Run(y[min(h*dh, len(y)):], dropped[h*per:], a.head(2, b, h))
	}
}

var minusInf = float32(math.Inf(-1))

// mask makes the scores of unseen keys −∞.
func (a *attention) mask(scores []float32, b int) {
	if a.padding != nil {
		for j, p := range a.padding[b*a.tk:][:a.tk] {
			if p != 0 {
				for i := j; i < len(scores); i += a.tk {
					scores[i] = minusInf
				}
			}
		}
	}
	if !a.causal {
		return
	}
	for i := range a.heads * a.tq {
		first := max(0, i%a.tq+1+a.tk-a.tq) // the first key that is unseen
		elementwise.Fill(scores[i*a.tk+min(first, a.tk):(i+1)*a.tk], minusInf)
	}
}

// blank turns the rows of queries that saw no key, NaN, into zeros.
func (a *attention) blank(probs []float32) {
	for i := 0; i < len(probs); i += a.tk {
		if p := probs[i]; p != p {
			clear(probs[i : i+a.tk])
		}
	}
}

func (a *attention) backward(b int) {
	per := a.tq * a.tk
	if per == 0 {
		return
	}
	dh := a.width / a.heads
	probs := a.probs[b*a.heads*per:][:a.heads*per]
	dropped := a.dropped[b*a.heads*per:][:len(probs)]
	at := b - a.base
	dprobs := a.dprobs[at*a.heads*per:][:len(probs)]
	dscores := a.dscores[at*a.heads*per:][:len(probs)]
	dy := a.dy[at*a.tq*a.width:]
	clear(dscores)
	if a.dx[2] != nil { // dV = Pᵀ·dY
		for h := range a.heads {
			gemm.Gemm{M: a.tk, N: dh, K: a.tq, TransA: true, LDB: a.width, LDC: a.ldd[2], Accumulate: a.acc[2]}.Run(
				a.headGrad(2, at, h), dropped[h*per:], dy[h*dh:])
		}
	}
	if a.dx[0] == nil && a.dx[1] == nil {
		return
	}
	// dP = dY·Vᵀ, back through dropout and softmax
	gemm.GemmBatch(a.heads, gemm.Gemm{M: a.tq, N: a.tk, K: dh, TransB: true, LDA: a.width, LDB: a.ld[2]},
		dprobs, dy, a.head(2, b, 0), per, dh, dh)
	if a.keep < 1 {
		random.DropoutGrad(dscores, dprobs, a.keep, a.seed, a.step, a.op<<32|uint64(b))
		dscores, dprobs = dprobs, dscores
		clear(dscores)
	}
	rowwise.SoftmaxGrad(dscores, dprobs, probs, a.tk)
	for h := range a.heads {
		ds := dscores[h*per:][:per]
		if a.dx[0] != nil {
			gemm.Gemm{M: a.tq, N: dh, K: a.tk, LDB: a.ld[1], LDC: a.ldd[0], Alpha: a.scale(), Accumulate: a.acc[0]}.Run(
				a.headGrad(0, at, h), ds, a.head(1, b, h))
		}
		if a.dx[1] != nil {
			gemm.Gemm{M: a.tk, N: dh, K: a.tq, TransA: true, LDB: a.ld[0], LDC: a.ldd[1], Alpha: a.scale(), Accumulate: a.acc[1]}.Run(
				a.headGrad(1, at, h), ds, a.head(0, b, h))
		}
	}
}
