package tensor

import "descent/mlkit/internal/kernel/elementwise"

// Elementary functions, element by element.

// Exp is eˣ.
func (x Tensor) Exp() Tensor { return opExp.apply(x) }

// Expm1 is eˣ − 1, without cancellation near 0.
func (x Tensor) Expm1() Tensor { return opExpm1.apply(x) }

// Log is the natural logarithm: −Inf at 0, NaN below.
func (x Tensor) Log() Tensor { return opLog.apply(x) }

// Log1p is log(1 + x), without cancellation near 0.
func (x Tensor) Log1p() Tensor { return opLog1p.apply(x) }

// Sqrt is the square root, NaN below 0. Its gradient at 0 is +Inf.
func (x Tensor) Sqrt() Tensor { return opSqrt.apply(x) }

// Rsqrt is 1/√x.
func (x Tensor) Rsqrt() Tensor { return opRsqrt.apply(x) }

// Reciprocal is 1/x.
func (x Tensor) Reciprocal() Tensor { return opReciprocal.apply(x) }

// Square is x².
func (x Tensor) Square() Tensor { return opSquare.apply(x) }

// Abs is |x|. Its derivative at 0 is taken as 0.
func (x Tensor) Abs() Tensor { return opAbs.apply(x) }

// Sin is the sine of an angle in radians.
func (x Tensor) Sin() Tensor { return opSin.apply(x) }

// Cos is the cosine of an angle in radians.
func (x Tensor) Cos() Tensor { return opCos.apply(x) }

// Erf is the error function, 2/√π ∫₀ˣ e^(−t²) dt.
func (x Tensor) Erf() Tensor { return opErf.apply(x) }

var (
	opExp        = &pointwise{"Exp", elementwise.Exp, elementwise.MulAdd, true}
	opExpm1      = &pointwise{"Expm1", elementwise.Expm1, elementwise.Expm1Grad, true}
	opLog        = &pointwise{"Log", elementwise.Log, elementwise.DivAdd, false}
	opLog1p      = &pointwise{"Log1p", elementwise.Log1p, elementwise.Log1pGrad, false}
	opSqrt       = &pointwise{"Sqrt", elementwise.Sqrt, elementwise.SqrtGrad, true}
	opRsqrt      = &pointwise{"Rsqrt", elementwise.Rsqrt, elementwise.RsqrtGrad, true}
	opReciprocal = &pointwise{"Reciprocal", elementwise.Reciprocal, elementwise.ReciprocalGrad, true}
	opSquare     = &pointwise{"Square", elementwise.Square, elementwise.SquareGrad, false}
	opAbs        = &pointwise{"Abs", elementwise.Abs, elementwise.AbsGrad, false}
	opSin        = &pointwise{"Sin", elementwise.Sin, elementwise.SinGrad, false}
	opCos        = &pointwise{"Cos", elementwise.Cos, elementwise.CosGrad, false}
	opErf        = &pointwise{"Erf", elementwise.Erf, elementwise.ErfGrad, false}
)

// What the functions with a parameter keep.
type (
	power struct{ exponent float32 }
	limit struct{ low, high float32 }
)

var (
	powers = newKeeper[power]()
	limits = newKeeper[limit]()
)

// PowScalar is xᵖ for a fixed exponent, with the special cases of math.Pow.
func (x Tensor) PowScalar(p float32) Tensor {
	y, n := x.unary("PowScalar", backPowScalar)
	powers.lend(x.t, n).exponent = p
	elementwise.Pow(n.data, x.t.operand(n, 0), p)
	return y
}

func backPowScalar(t *Tape, n *node) {
	g := t.gradOf(n, 0)
	if p := n.kept.(*power).exponent; p != 0 { // x⁰ is constant, also at 0 where p·xᵖ⁻¹ is no number
		elementwise.PowGrad(g, n.grad, t.operand(n, 0), p)
	}
}

// Clamp limits x to [low, high]. The gradient passes where x is inside,
// borders included.
func (x Tensor) Clamp(low, high float32) Tensor {
	y, n := x.unary("Clamp", backClamp)
	*limits.lend(x.t, n) = limit{low, high}
	elementwise.Clamp(n.data, x.t.operand(n, 0), low, high)
	return y
}

func backClamp(t *Tape, n *node) {
	l := n.kept.(*limit)
	elementwise.ClampGrad(t.gradOf(n, 0), n.grad, t.operand(n, 0), l.low, l.high)
}
