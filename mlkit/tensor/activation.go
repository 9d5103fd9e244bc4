package tensor

import "descent/mlkit/internal/kernel"

// ReLU is max(x, 0) (Nair & Hinton 2010). Its derivative at 0 is taken as 0.
func (x Tensor) ReLU() Tensor {
	y, n := x.unary("ReLU", backReLU)
	kernel.ReLU(n.data, x.t.operand(n, 0))
	return y
}

func backReLU(t *Tape, n *node) { kernel.ReLUGrad(t.gradOf(n, 0), n.grad, n.data) }

// Tanh is the hyperbolic tangent.
func (x Tensor) Tanh() Tensor {
	y, n := x.unary("Tanh", backTanh)
	kernel.Tanh(n.data, x.t.operand(n, 0))
	return y
}

func backTanh(t *Tape, n *node) { kernel.TanhGrad(t.gradOf(n, 0), n.grad, n.data) }

// Sigmoid is 1/(1+e⁻ˣ).
func (x Tensor) Sigmoid() Tensor {
	y, n := x.unary("Sigmoid", backSigmoid)
	kernel.Sigmoid(n.data, x.t.operand(n, 0))
	return y
}

func backSigmoid(t *Tape, n *node) { kernel.SigmoidGrad(t.gradOf(n, 0), n.grad, n.data) }
