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
	loss := t.floats.take(align + len(a.data)) // and behind it the differences: small models feel a loan
	d := loss[align:]
	elementwise.Sub(d, a.data, b.data)
	loss[0] = rowwise.SumSquares(d) / float32(len(d))
	z, n := t.push(op)
	n.data = loss[:1]
	n.record(t, backMeanSquaredError, x.i, y.i)
	return z
}

func backMeanSquaredError(t *Tape, n *node) {
	d := n.data[align:cap(n.data)]
	s := 2 * n.grad[0] / float32(len(d))
	for k := range 2 {
		if g, acc := t.gradBuffer(n, k); acc {
			elementwise.Axpy(g, s, d)
		} else if g != nil {
			elementwise.Scale(g, d, s)
		}
		s = -s
	}
}
