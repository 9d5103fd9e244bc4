package tensor

import "descent/mlkit/internal/kernel"

// MatMul is the matrix product over the last two axes: [..., m, k] times
// [..., k, n] gives [..., m, n]. The leading axes must be equal, or y is a
// single matrix [k, n] that serves all of x.
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
	batch, shared := 1, b.n == 2
	for i, d := range a.d[:a.n-2] {
		batch *= d
		if !shared && (b.n != a.n || b.d[i] != d) {
			shapePanic(op, i, "the leading axes must be equal, or the second operand a single matrix", x, y)
		}
	}
	if shared && a.n > 2 { // one product with all rows of x
		m, batch = m*batch, 1
	}
	s := a.shape
	s.d[s.n-1] = n
	t := x.t
	c := t.floats.take(s.size())
	kernel.GemmBatch(batch, kernel.Gemm{M: m, N: n, K: k, TransB: trans}, c, a.data, b.data, m*n, m*k, k*n)
	res, nd := t.push(op)
	nd.data, nd.shape = c, s
	nd.i = [16]int{batch, m, n, k}
	if trans {
		nd.i[4] = 1
	}
	nd.record(t, backMatMul, x.i, y.i)
	return res
}

func backMatMul(t *Tape, nd *node) {
	batch, m, n, k, trans := nd.i[0], nd.i[1], nd.i[2], nd.i[3], nd.i[4] == 1
	a, b := t.operand(nd, 0), t.operand(nd, 1)
	if g, acc := t.gradBuffer(nd, 0); g != nil { // da = dy·bᵀ
		kernel.GemmBatch(batch, kernel.Gemm{M: m, N: k, K: n, TransB: !trans, Accumulate: acc}, g, nd.grad, b, m*k, m*n, k*n)
	}
	if g, acc := t.gradBuffer(nd, 1); g != nil {
		if trans { // db = dyᵀ·a, [n, k]
			kernel.GemmBatch(batch, kernel.Gemm{M: n, N: k, K: m, TransA: true, Accumulate: acc}, g, nd.grad, a, k*n, m*n, m*k)
		} else { // db = aᵀ·dy, [k, n]
			kernel.GemmBatch(batch, kernel.Gemm{M: k, N: n, K: m, TransA: true, Accumulate: acc}, g, a, nd.grad, k*n, m*k, m*n)
		}
	}
}
