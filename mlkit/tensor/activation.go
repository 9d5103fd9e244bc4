package tensor

import (
	"math"

	"descent/mlkit/internal/kernel/elementwise"
)

// ReLU is max(x, 0) (Nair & Hinton 2010). Its derivative at 0 is taken as 0.
func (x Tensor) ReLU() Tensor {
	y, n := x.unary("ReLU", backReLU)
	elementwise.ReLU(n.data, x.t.operand(n, 0))
	return y
}

func backReLU(t *Tape, n *node) { // in place: the commonest activation saves a pass
	elementwise.ReLUMask(n.grad, n.grad, n.data)
	t.handOn(n, 0)
}

// Tanh is the hyperbolic tangent.
func (x Tensor) Tanh() Tensor { return opTanh.apply(x) }

// Sigmoid is 1/(1+e⁻ˣ).
func (x Tensor) Sigmoid() Tensor { return opSigmoid.apply(x) }

// SELU is ELU with the scale and α that keep activations at mean 0 and
// variance 1 (Klambauer et al. 2017).
func (x Tensor) SELU() Tensor { return opSELU.apply(x) }

// GELU is x·Φ(x), Φ the normal distribution function (Hendrycks & Gimpel
// 2016); [Tensor.GELUTanh] is its usual approximation.
func (x Tensor) GELU() Tensor { return opGELU.apply(x) }

// GELUTanh is GELU by x/2·(1 + tanh(√(2/π)·(x + 0.044715x³))).
func (x Tensor) GELUTanh() Tensor { return opGELUTanh.apply(x) }

// SiLU is x·sigmoid(x), also called swish (Elfwing et al. 2017).
func (x Tensor) SiLU() Tensor { return opSiLU.apply(x) }

// Mish is x·tanh(softplus(x)) (Misra 2019).
func (x Tensor) Mish() Tensor { return opMish.apply(x) }

// Softsign is x/(1+|x|) (Bergstra et al. 2009); NaN at ±Inf, as in PyTorch.
func (x Tensor) Softsign() Tensor { return opSoftsign.apply(x) }

var (
	opTanh        = &pointwise{"Tanh", elementwise.Tanh, elementwise.TanhGrad, true}
	opSigmoid     = &pointwise{"Sigmoid", elementwise.Sigmoid, elementwise.SigmoidGrad, true}
	opSELU        = &pointwise{"SELU", elementwise.SELU, elementwise.SELUGrad, true}
	opGELU        = &pointwise{"GELU", elementwise.GELU, elementwise.GELUGrad, false}
	opGELUTanh    = &pointwise{"GELUTanh", elementwise.GELUTanh, elementwise.GELUTanhGrad, false}
	opSiLU        = &pointwise{"SiLU", elementwise.SiLU, elementwise.SiLUGrad, false}
	opMish        = &pointwise{"Mish", elementwise.Mish, elementwise.MishGrad, false}
	opHardSigmoid = &pointwise{"HardSigmoid", elementwise.HardSigmoid, elementwise.HardSigmoidGrad, false}
	opHardSwish   = &pointwise{"HardSwish", elementwise.HardSwish, elementwise.HardSwishGrad, false}
	opSoftsign    = &pointwise{"Softsign", elementwise.Softsign, elementwise.SoftsignGrad, false}
)

// What the activations with a parameter keep.
type (
	leak     struct{ slope float32 }
	elu      struct{ alpha float32 }
	softplus struct{ beta float32 }
)

var (
	leaks      = newKeeper[leak]()
	elus       = newKeeper[elu]()
	softpluses = newKeeper[softplus]()
)

// LeakyReLU is x above 0 and slope·x elsewhere (Maas et al. 2013).
func (x Tensor) LeakyReLU(slope float32) Tensor {
	y, n := x.unary("LeakyReLU", backLeakyReLU)
	leaks.lend(x.t, n).slope = slope
	elementwise.LeakyReLU(n.data, x.t.operand(n, 0), slope)
	return y
}

func backLeakyReLU(t *Tape, n *node) {
	elementwise.LeakyReLUGrad(t.gradOf(n, 0), n.grad, t.operand(n, 0), n.kept.(*leak).slope)
}

// ELU is x above 0 and alpha·(eˣ − 1) elsewhere, alpha ≥ 0 (Clevert et al.
// 2015).
func (x Tensor) ELU(alpha float32) Tensor {
	y, n := x.unary("ELU", backELU)
	elus.lend(x.t, n).alpha = alpha
	elementwise.ELU(n.data, x.t.operand(n, 0), alpha)
	return y
}

func backELU(t *Tape, n *node) {
	elementwise.ELUGrad(t.gradOf(n, 0), n.grad, n.data, n.kept.(*elu).alpha)
}

// Softplus is log(1 + e^(beta·x))/beta, a smooth ReLU, without overflow; beta
// is usually 1.
func (x Tensor) Softplus(beta float32) Tensor {
	y, n := x.unary("Softplus", backSoftplus)
	softpluses.lend(x.t, n).beta = beta
	elementwise.Softplus(n.data, x.t.operand(n, 0), beta)
	return y
}

func backSoftplus(t *Tape, n *node) {
	elementwise.SoftplusGrad(t.gradOf(n, 0), n.grad, t.operand(n, 0), n.kept.(*softplus).beta)
}

// HardTanh is x limited to [−1, 1].
func (x Tensor) HardTanh() Tensor { return x.limit("HardTanh", -1, 1) }

// ReLU6 is x limited to [0, 6] (Howard et al., MobileNets, 2017).
func (x Tensor) ReLU6() Tensor { return x.limit("ReLU6", 0, 6) }

// HardSigmoid is x/6 + 1/2 limited to [0, 1], PyTorch's (and Keras 3's) form.
func (x Tensor) HardSigmoid() Tensor { return opHardSigmoid.apply(x) }

// limit is Clamp whose gradient stops at the borders, as it does at ReLU's 0.
func (x Tensor) limit(op string, low, high float32) Tensor {
	y, n := x.unary(op, backClamp)
	*limits.lend(x.t, n) = limit{math.Nextafter32(low, high), math.Nextafter32(high, low)}
	elementwise.Clamp(n.data, x.t.operand(n, 0), low, high)
	return y
}

// HardSwish is x·HardSigmoid(x) (Howard et al., MobileNetV3, 2019).
func (x Tensor) HardSwish() Tensor { return opHardSwish.apply(x) }

// LogSigmoid is log sigmoid(x), finite where Sigmoid underflows.
func (x Tensor) LogSigmoid() Tensor { return x.Neg().Softplus(1).Neg() }
