package tensor

import "descent/mlkit/internal/kernel/rowwise"

// Softmax is eˣ/Σeˣ along an axis, without overflow. It is NaN where all
// elements of the axis are −Inf.
func (x Tensor) Softmax(axis int) Tensor {
	return x.alongLast("Softmax", axis, rowwise.Softmax, backSoftmax)
}

func backSoftmax(t *Tape, n *node) {
	if len(n.data) > 0 {
		rowwise.SoftmaxGrad(t.gradOf(n, 0), n.grad, n.data, n.last())
	}
}

// LogSoftmax is log Softmax, x − log Σeˣ, which stays finite where Softmax
// underflows.
func (x Tensor) LogSoftmax(axis int) Tensor {
	return x.alongLast("LogSoftmax", axis, rowwise.LogSoftmax, backLogSoftmax)
}

func backLogSoftmax(t *Tape, n *node) {
	if len(n.data) > 0 {
		rowwise.LogSoftmaxGrad(t.gradOf(n, 0), n.grad, n.data, n.last())
	}
}

// alongLast applies a kernel for rows along any axis; another than the last is
// brought there and back.
func (x Tensor) alongLast(op string, axis int, f func(dst, x []float32, cols int), back func(*Tape, *node)) Tensor {
	in := x.node(op)
	if a := in.axis(op, axis); a != in.n-1 {
		return x.Transpose(a, -1).alongLast(op, -1, f, back).Transpose(a, -1)
	}
	y, n := x.unary(op, back)
	if len(n.data) > 0 {
		f(n.data, x.t.operand(n, 0), n.last())
	}
	return y
}
