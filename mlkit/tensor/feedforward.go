package tensor

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// FeedForward is what [Tensor.FeedForward] works with.
type FeedForward struct {
	Weight1, Bias1 Tensor // [hidden, in] and [hidden]; a bias may be the zero Tensor
	Weight2, Bias2 Tensor // [out, hidden] and [out]
	Add            Tensor // of the result's shape, or the zero Tensor: a residual
	GELU           bool   // the exact GELU between the layers instead of ReLU
}

// FeedForward is a dense layer, an activation, another dense layer and a
// residual, W₂·act(W₁·x + b₁) + b₂ + add, as one operation: x [..., in] gives
// [..., out]. Rows go through it in blocks, so that what is between the layers
// stays in the cache: small blocks side by side where the weights are small,
// else large ones in turn, which all workers share. The activations are kept
// for the backward pass, and so are GELU's slopes. It panics with a
// [*ShapeError] when an operand does not fit.
func (x Tensor) FeedForward(w FeedForward) Tensor {
	const op = "FeedForward"
	nx, n1, n2 := x.node(op), w.Weight1.node(op), w.Weight2.node(op)
	sameTape(op, x, w.Weight1)
	sameTape(op, x, w.Weight2)
	in := nx.last()
	if nx.n < 1 || n1.n != 2 || n1.d[1] != in || n2.n != 2 || n2.d[1] != n1.d[0] {
		shapePanic(op, -1, "input and weights must be [..., in], [hidden, in] and [out, hidden]", x, w.Weight1, w.Weight2)
	}
	hidden, out := n1.d[0], n2.d[0]
	x.operandShape(op, "Bias1", w.Bias1, hidden)
	x.operandShape(op, "Bias2", w.Bias2, out)
	s := nx.shape
	s.d[s.n-1] = out
	x.operandShape(op, "Add", w.Add, s.dims()...)
	count := SizeOf(s.d[:s.n-1])

	t := x.t
	more := t.ints.take(2)
	more[moreBias1], more[moreBias2] = optional(w.Bias1), optional(w.Bias2)
	y, n := t.push(op)
	n.record(t, backFeedForward, x.i, w.Weight1.i, w.Weight2.i, optional(w.Add), more[moreBias1], more[moreBias2])
	n.more = more
	n.shape = s
	n.data = t.floats.take(count * out)
	f := feedForwards.lend(t, n)
	*f = feedForward{count: count, in: in, hidden: hidden, out: out, gelu: w.GELU, x: t.operand(n, 0),
		b1: t.dataAt(more[moreBias1]), b2: t.dataAt(more[moreBias2]), add: t.dataAt(n.in[3]), y: n.data}
	if n.needs {
		f.act = t.floats.take(count * hidden)
		if w.GELU {
			f.slope = t.floats.take(count * hidden)
		}
	}
	f.w1, f.w2 = t.operand(n, 1), t.operand(n, 2)
	if f.step = f.rowsAtOnce(); f.step != blockRows || count <= blockRows {
		for lo := 0; lo < count; lo += f.step {
			f.forward(lo, min(f.step, count-lo))
		}
		return y
	}
	// The weights, transposed once: see recurrent.
	f.ld1, f.ld2, f.across = rowStride(hidden), rowStride(out), true
	f.w1, f.w2 = t.floats.reuse(in*f.ld1), t.floats.reuse(hidden*f.ld2)
	gemm.TransposeWide(f.w1, t.operand(n, 1), hidden, in, f.ld1)
	gemm.TransposeWide(f.w2, t.operand(n, 2), out, hidden, f.ld2)
	cpu.Parallel(blocksOf(count), f)
	t.floats.recycle(f.w1)
	t.floats.recycle(f.w2)
	return y
}

// The operands beyond the node's four.
const (
	moreBias1 = iota
	moreBias2
)

// blockRows is how many rows go through the block together where the weights
// are small, wideRows where they are large.
const (
	blockRows = 64
	wideRows  = 1024
)

func (f *feedForward) rowsAtOnce() int {
	if f.hidden*max(f.in, f.out) > smallWeights {
		return wideRows
	}
	return blockRows
}

func blocksOf(rows int) int { return (rows + blockRows - 1) / blockRows }

// feedForward is the work of one operation, divided into blocks of rows. The
// node keeps it for the backward pass.
type feedForward struct {
	count, in, hidden, out int
	step                   int // rows at once
	gelu                   bool
	x, w1, b1, w2, b2, add []float32
	act, slope             []float32 // activations, and for GELU their slopes; nil: no way back
	across                 bool      // w1 and w2 are transposed, rows ld1 and ld2 apart
	ld1, ld2               int
	y                      []float32

	// backward, a chunk of rows at a time
	first, end int
	dy, dx     []float32
	accumulate bool
	dpre       []float32 // of the chunk: gradients before the activations
}

var feedForwards = newKeeper[feedForward]()

// Part implements cpu.Task.
func (f *feedForward) Part(i int) {
	if f.dy == nil {
		lo := i * blockRows
		f.forward(lo, min(blockRows, f.count-lo))
		return
	}
	lo := f.first + i*blockRows
	f.backward(lo, min(blockRows, f.end-lo))
}

// workspaces are working memory of one part: the next part on this core
// finds it in the cache.
var workspaces cpu.FreeList[[]float32]

func workspace(n int) *[]float32 {
	w := workspaces.Get()
	if cap(*w) < n {
		*w = make([]float32, n)
	}
	*w = (*w)[:n]
	return w
}

func (f *feedForward) forward(lo, n int) {
	var act []float32
	if f.act != nil {
		act = rows(f.act, lo, n, f.hidden)
	} else {
		w := workspace(n * f.hidden)
		defer workspaces.Put(w)
		act = *w
	}
	pre := act
	if f.slope != nil {
		pre = rows(f.slope, lo, n, f.hidden)
	}
	g := gemm.Gemm{M: n, N: f.hidden, K: f.in, TransB: !f.across, LDB: f.ld1, Bias: f.b1}
	if !f.gelu {
		g.Act = gemm.ReLUAct
	}
	g.Run(pre, rows(f.x, lo, n, f.in), f.w1)
	switch {
	case f.slope != nil:
		elementwise.GELUSlope(act, pre, pre)
	case f.gelu:
		elementwise.GELU(act, pre)
	}
	y := rows(f.y, lo, n, f.out)
	if f.add != nil {
		copy(y, rows(f.add, lo, n, f.out))
	}
	gemm.Gemm{M: n, N: f.out, K: f.hidden, TransB: !f.across, LDB: f.ld2, Bias: f.b2,
		Accumulate: f.add != nil}.Run(y, act, f.w2)
}

// backward needs w2 as it is, with rows ld2 apart, and w1.
func (f *feedForward) backward(lo, n int) {
	dpre := rows(f.dpre, lo-f.first, n, f.ld2)
	gemm.Gemm{M: n, N: f.hidden, K: f.out, LDB: f.ld2, LDC: f.ld2}.Run(dpre, rows(f.dy, lo, n, f.out), f.w2)
	at := 1 // rows at a time
	if f.ld2 == f.hidden {
		at = n
	}
	for i := 0; i < n; i += at {
		d := rows(dpre, i, at, f.ld2)[:at*f.hidden]
		if f.gelu {
			elementwise.Mul(d, d, rows(f.slope, lo+i, at, f.hidden))
		} else {
			elementwise.ReLUMask(d, d, rows(f.act, lo+i, at, f.hidden))
		}
	}
	if f.dx != nil {
		gemm.Gemm{M: n, N: f.in, K: f.hidden, LDA: f.ld2, Accumulate: f.accumulate}.Run(rows(f.dx, lo, n, f.in),
			dpre, f.w1)
	}
}

func backFeedForward(t *Tape, n *node) {
	f := n.kept.(*feedForward)
	f.dy = n.grad
	f.dx, f.accumulate = t.gradBuffer(n, 0)
	f.w1 = t.operand(n, 1)
	f.ld2, f.w2 = f.hidden, t.operand(n, 2)
	wide := f.step == wideRows
	if !wide { // rows of a length that is a power of two compete for places in the cache
		f.ld2 = rowStride(f.hidden)
		w2 := t.floats.reuse(f.out * f.ld2)
		for i := range f.out {
			copy(w2[i*f.ld2:], rows(f.w2, i, 1, f.hidden))
		}
		f.w2 = w2
	}
	if f.count == 0 { // nothing to write: zeros
		t.gradOf(n, 1)
		t.gradOf(n, 2)
	}
	g1, acc1 := t.gradBuffer(n, 1)
	g2, acc2 := t.gradBuffer(n, 2)
	dw1, dw2 := t.paramSum(g1, acc1, f.count), t.paramSum(g2, acc2, f.count)
	db1, gb2 := t.paramSum(t.gradMore(n, moreBias1), true, f.count), t.gradMore(n, moreBias2)
	chunk := min(f.count, max(f.step, chunkSize/max(f.hidden, 1)&^(blockRows-1)))
	f.dpre = t.floats.reuse(chunk * f.ld2)
	for ; f.first < f.count; f.first = f.end {
		f.end = min(f.first+chunk, f.count)
		k := f.end - f.first
		if wide {
			f.backward(f.first, k)
		} else {
			cpu.Parallel(blocksOf(k), f)
		}
		dw1.product(&gemm.Gemm{M: f.hidden, N: f.in, K: k, LDA: f.ld2}, f.dpre,
			rows(f.x, f.first, k, f.in)) // dpreᵀ·x
		dw2.product(&gemm.Gemm{M: f.out, N: f.hidden, K: k}, rows(f.dy, f.first, k, f.out),
			rows(f.act, f.first, k, f.hidden)) // dyᵀ·act
		db1.rows(f.dpre, k, f.ld2)
	}
	dw1.done(t)
	dw2.done(t)
	db1.done(t)
	if gb2 != nil {
		rowwise.AddRows(gb2, f.dy, f.out)
	}
	if !wide {
		t.floats.recycle(f.w2)
	}
	t.floats.recycle(f.dpre)
	if n.in[3] >= 0 {
		t.handOn(n, 3)
	}
}
