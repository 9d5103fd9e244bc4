package tensor

import "descent/mlkit/internal/kernel"

// Exp is eˣ.
func (x Tensor) Exp() Tensor {
	y, n := x.unary("Exp", backExp)
	kernel.Exp(n.data, x.t.operand(n, 0))
	return y
}

func backExp(t *Tape, n *node) { kernel.MulAdd(t.gradOf(n, 0), n.grad, n.data) }

// Log is the natural logarithm: −Inf at 0, NaN below.
func (x Tensor) Log() Tensor {
	y, n := x.unary("Log", backLog)
	kernel.Log(n.data, x.t.operand(n, 0))
	return y
}

func backLog(t *Tape, n *node) {
	kernel.Div(n.grad, n.grad, t.operand(n, 0))
	t.handOn(n, 0)
}

// Sqrt is the square root, NaN below 0. Its gradient at 0 is +Inf.
func (x Tensor) Sqrt() Tensor {
	y, n := x.unary("Sqrt", backSqrt)
	kernel.Sqrt(n.data, x.t.operand(n, 0))
	return y
}

func backSqrt(t *Tape, n *node) { // d√x = 1/(2√x)
	kernel.Scale(n.grad, n.grad, 0.5)
	kernel.Div(n.grad, n.grad, n.data)
	t.handOn(n, 0)
}
