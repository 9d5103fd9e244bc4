package tensor

import (
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// MeanSquaredError is the mean of (x − y)² over all elements of two tensors of
// one shape, a scalar: x.Sub(y).Square().Mean() in one operation, for the many
// small steps in which three would cost more than their arithmetic.
func (x Tensor) MeanSquaredError(y Tensor) Tensor {
	const op = "MeanSquaredError"
	a, b := x.node(op), y.node(op)
	sameTape(op, x, y)
	if a.shape != b.shape {
		shapePanic(op, 0, "both operands must have the same shape", x, y)
	}
	t := x.t
	d, loss := t.floats.take(len(a.data)), t.floats.take(1)
	elementwise.Sub(d, a.data, b.data)
	loss[0] = rowwise.SumSquares(d) / float32(len(d))
	z, n := t.push(op)
	n.data = loss
	n.record(t, backMeanSquaredError, x.i, y.i)
	return z
}

// The differences are computed again, which costs no more than to keep them:
// small models feel a loan.
func backMeanSquaredError(t *Tape, n *node) {
	a, b := t.operand(n, 0), t.operand(n, 1)
	s := 2 * n.grad[0] / float32(len(a))
	for k := range 2 {
		if g, acc := t.gradBuffer(n, k); acc {
			d := t.floats.take(len(a))
			elementwise.Sub(d, a, b)
			elementwise.Axpy(g, s, d)
		} else if g != nil {
			elementwise.Sub(g, a, b)
			elementwise.Scale(g, g, s)
		}
		s = -s
	}
}
