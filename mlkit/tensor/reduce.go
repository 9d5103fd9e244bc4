package tensor

import "descent/mlkit/internal/kernel"

// Sum adds all elements up; the result is a scalar.
func (x Tensor) Sum() Tensor {
	y, n := x.scalar("Sum", backFillScaled)
	n.f[0] = 1
	n.data[0] = kernel.Sum(x.t.operand(n, 0))
	return y
}

// Mean is the average of all elements, a scalar; NaN for none.
func (x Tensor) Mean() Tensor {
	y, n := x.scalar("Mean", backFillScaled)
	data := x.t.operand(n, 0)
	n.f[0] = 1 / float32(len(data))
	n.data[0] = kernel.Sum(data) / float32(len(data))
	return y
}

func backFillScaled(t *Tape, n *node) {
	v := n.grad[0] * n.f[0]
	if g, acc := t.gradBuffer(n, 0); acc {
		kernel.AddScalar(g, g, v)
	} else if g != nil {
		kernel.Fill(g, v)
	}
}

// scalar records an operation whose result is one number.
func (x Tensor) scalar(op string, back func(*Tape, *node)) (Tensor, *node) {
	x.node(op)
	y, n := x.t.push(op)
	n.data = x.t.floats.take(1)
	n.record(x.t, back, x.i)
	return y, n
}
