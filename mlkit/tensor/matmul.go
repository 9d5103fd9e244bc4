package tensor

import "descent/mlkit/internal/kernel/gemm"

// MatMul is the matrix product over the last two axes: [..., m, k] times
// [..., k, n] gives [..., m, n]. The leading axes broadcast. (A vector needs
// an Unsqueeze first; PyTorch's exceptions for vectors are left out.)
func (x Tensor) MatMul(y Tensor) Tensor { return x.matmul("MatMul", y, false) }

// MatMulT is x·yᵀ: [..., m, k] times [..., n, k] gives [..., m, n], without a
// transposed copy.
func (x Tensor) MatMulT(y Tensor) Tensor { return x.matmul("MatMulT", y, true) }

func (x Tensor) matmul(op string, y Tensor, trans bool) Tensor {
	a, b := x.node(op), y.node(op)
	sameTape(op, x, y)
	if a.n < 2 || b.n < 2 {
		shapePanic(op, 0, "both operands need two axes at least", x, y)
	}
	m, k := a.d[a.n-2], a.d[a.n-1]
	kb, n := b.d[b.n-2], b.d[b.n-1]
	if trans {
		kb, n = n, kb
	}
	if k != kb {
		shapePanic(op, -1, "the inner dimensions differ", x, y)
	}
	s, w, ok := batches(&a.shape, &b.shape)
	if !ok {
		shapePanic(op, 0, "the leading axes do not broadcast: aligned at their last, lengths must be equal or 1", x, y)
	}
	s.d[s.n], s.d[s.n+1] = m, n
	s.n += 2
	s = makeShape(op, s.dims())
	t := x.t
	c := t.floats.take(s.size())
	g := gemm.Gemm{M: m, N: n, K: k, TransB: trans}
	for o := w.start(); o.more; o.next() {
		to, from, by := c[o.y*m*n:], a.data[o.a*m*k:], b.data[o.b*k*n:]
		if o.incB {
			gemm.GemmBatch(o.run, g, to, from, by, m*n, stride(o.incA, m*k), k*n)
		} else { // one product with the rows of all matrices of x
			g := g
			g.M *= o.run
			g.Run(to, from, by)
		}
	}
	res, nd := t.push(op)
	nd.data, nd.shape = c, s
	*products.lend(t, nd) = product{m, n, k, trans}
	nd.record(t, backMatMul, x.i, y.i)
	return res
}

// batches broadcasts the leading axes; the walk counts in matrices.
func batches(a, b *shape) (shape, walk, bool) {
	if a.n == 2 && b.n == 2 {
		return shape{}, walk{n: 1, d: [MaxRank]int{1}, sa: [MaxRank]int{1}, sb: [MaxRank]int{1}}, true
	}
	la, lb := *a, *b
	la.n, lb.n = la.n-2, lb.n-2
	s, w, ok := broadcast(&la, &lb)
	return s, w, ok
}

func stride(advances bool, size int) int {
	if advances {
		return size
	}
	return 0
}

// product is what a product of matrices keeps.
type product struct {
	m, n, k int
	trans   bool // the second operand is transposed
}

var products = newKeeper[product]()

func backMatMul(t *Tape, nd *node) {
	p := nd.kept.(*product)
	m, n, k, trans := p.m, p.n, p.k, p.trans
	na, nb := &t.nodes[nd.in[0]], &t.nodes[nd.in[1]]
	a, b, dy := na.data, nb.data, nd.grad
	_, w, _ := batches(&na.shape, &nb.shape)
	if ga, acc := t.matrixGrad(nd, 0, &w, w.sa); ga != nil { // da = dy·bᵀ
		g := gemm.Gemm{M: m, N: k, K: n, TransB: !trans, Accumulate: acc}
		for o := w.start(); o.more; o.next() {
			to, from, by := ga[o.a*m*k:], dy[o.y*m*n:], b[o.b*k*n:]
			switch {
			case !o.incB:
				g := g
				g.M *= o.run
				g.Run(to, from, by)
			case o.incA:
				gemm.GemmBatch(o.run, g, to, from, by, m*k, m*n, k*n)
			default: // all products go to one gradient
				for i := range o.run {
					g.Run(to, from[i*m*n:], by[i*k*n:])
				}
			}
		}
	}
	if gb, acc := t.matrixGrad(nd, 1, &w, w.sb); gb != nil {
		for o := w.start(); o.more; o.next() {
			to, from, by := gb[o.b*k*n:], dy[o.y*m*n:], a[o.a*m*k:]
			run, rows := o.run, m
			if !o.incB { // the sum over the matrices is one product
				run, rows = 1, m*o.run
			}
			if trans { // db = dyᵀ·a, [n, k]
				g := gemm.Gemm{M: n, N: k, K: rows, TransA: true, Accumulate: acc}
				gemm.GemmBatch(run, g, to, from, by, k*n, m*n, stride(o.incA, m*k))
			} else { // db = aᵀ·dy, [k, n]
				g := gemm.Gemm{M: k, N: n, K: rows, TransA: true, Accumulate: acc}
				gemm.GemmBatch(run, g, to, by, from, k*n, stride(o.incA, m*k), m*n)
			}
		}
	}
}

// matrixGrad is gradBuffer, with zeros to accumulate to where the walk comes to
// one matrix several times: an operand that was broadcast.
func (t *Tape) matrixGrad(n *node, k int, w *walk, strides [MaxRank]int) (g []float32, accumulate bool) {
	g, accumulate = t.gradBuffer(n, k)
	if accumulate || g == nil {
		return g, accumulate
	}
	for i, s := range strides[:w.n] {
		// A second operand shared along the last axis gets one product there.
		if s == 0 && (k == 0 || i < w.n-1) || w.d[i] == 0 {
			clear(g)
			return g, true
		}
	}
	return g, false
}
