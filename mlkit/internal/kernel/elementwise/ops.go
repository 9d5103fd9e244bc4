package elementwise

// Fill sets every element of dst to v.
func Fill(dst []float32, v float32) { elem1(fill, dst, v, 0) }

// Add computes dst = a + b.
func Add(dst, a, b []float32) { elem3("Add", add, dst, a, b, 0, 0) }

// Sub computes dst = a - b.
func Sub(dst, a, b []float32) { elem3("Sub", sub, dst, a, b, 0, 0) }

// Mul computes dst = a * b.
func Mul(dst, a, b []float32) { elem3("Mul", mul, dst, a, b, 0, 0) }

// Div computes dst = a / b.
func Div(dst, a, b []float32) { elem3("Div", div, dst, a, b, 0, 0) }

// Max2 computes dst = max(a, b); NaN if either is NaN.
func Max2(dst, a, b []float32) { elem3("Max2", max2, dst, a, b, 0, 0) }

// Min2 computes dst = min(a, b); NaN if either is NaN.
func Min2(dst, a, b []float32) { elem3("Min2", min2, dst, a, b, 0, 0) }

// AddScalar computes dst = a + s.
func AddScalar(dst, a []float32, s float32) { elem2("AddScalar", addScalar, dst, a, s, 0) }

// Scale computes dst = s * a.
func Scale(dst, a []float32, s float32) { elem2("Scale", scale, dst, a, s, 0) }

// Axpy computes dst += alpha * x, one fused multiply-add each where the
// processor has it.
func Axpy(dst []float32, alpha float32, x []float32) { elem2("Axpy", axpy, dst, x, alpha, 0) }

// MulAdd computes dst += a * b, one fused multiply-add each where the processor
// has it.
func MulAdd(dst, a, b []float32) { elem3("MulAdd", mulAdd, dst, a, b, 0, 0) }

// DivAdd computes dst += a / b (the gradient of a logarithm).
func DivAdd(dst, a, b []float32) { elem3("DivAdd", divAdd, dst, a, b, 0, 0) }

// Clamp computes dst = min(max(x, lo), hi); NaN stays NaN.
func Clamp(dst, x []float32, lo, hi float32) { elem2("Clamp", clamp, dst, x, lo, hi) }

// ClampGrad adds dy to dx where lo <= x <= hi.
func ClampGrad(dx, dy, x []float32, lo, hi float32) {
	elem3("ClampGrad", clampGrad, dx, dy, x, lo, hi)
}

// Exp computes dst = e^x, +Inf above 88.72 and 0 below -103.97. Within 1.04 ulp
// of the exact result over all float32 (the vector code, measured over every
// one of them, as in the comments below).
func Exp(dst, x []float32) { elem2("Exp", exp, dst, x, 0, 0) }

// Expm1 computes dst = e^x - 1 without cancellation near 0. Within 1.54 ulp.
func Expm1(dst, x []float32) { elem2("Expm1", expm1, dst, x, 0, 0) }

// Log computes the natural logarithm; -Inf at 0, NaN below. Within 0.86 ulp.
func Log(dst, x []float32) { elem2("Log", log, dst, x, 0, 0) }

// Log1p computes log(1 + x) without cancellation near 0. Within 1.44 ulp.
func Log1p(dst, x []float32) { elem2("Log1p", log1p, dst, x, 0, 0) }

// Sqrt computes the square root, correctly rounded.
func Sqrt(dst, x []float32) { elem2("Sqrt", sqrt, dst, x, 0, 0) }

// Rsqrt computes 1 / sqrt(x). Within 1.5 ulp.
func Rsqrt(dst, x []float32) { elem2("Rsqrt", rsqrt, dst, x, 0, 0) }

// Tanh computes the hyperbolic tangent. Within 1.5 ulp.
func Tanh(dst, x []float32) { elem2("Tanh", tanh, dst, x, 0, 0) }

// Sigmoid computes 1 / (1 + e^-x), down to the denormals of large negative x.
// Within 1.98 ulp.
func Sigmoid(dst, x []float32) { elem2("Sigmoid", sigmoid, dst, x, 0, 0) }

// Erf computes the error function. Within 1.08 ulp.
func Erf(dst, x []float32) { elem2("Erf", erf, dst, x, 0, 0) }

// Sin computes the sine, right for arguments of any size. Within 1.54 ulp.
func Sin(dst, x []float32) { elem2("Sin", anySin, dst, x, 0, 0) }

// Cos computes the cosine, right for arguments of any size. Within 1.54 ulp.
func Cos(dst, x []float32) { elem2("Cos", anyCos, dst, x, 0, 0) }

// Abs computes |x|.
func Abs(dst, x []float32) { elem2("Abs", abs, dst, x, 0, 0) }

// Neg computes -x.
func Neg(dst, x []float32) { elem2("Neg", neg, dst, x, 0, 0) }

// Reciprocal computes 1 / x.
func Reciprocal(dst, x []float32) { elem2("Reciprocal", reciprocal, dst, x, 0, 0) }

// Square computes x * x.
func Square(dst, x []float32) { elem2("Square", square, dst, x, 0, 0) }

// Pow computes x^p with the special cases of math.Pow.
func Pow(dst, x []float32, p float32) { elem2("Pow", powGo, dst, x, p, 0) }

// PowGrad adds dy * p * x^(p-1).
func PowGrad(dx, dy, x []float32, p float32) { elem3("PowGrad", powGradGo, dx, dy, x, p, 0) }

// TanhGrad adds dy * (1 - y^2), y = tanh(x).
func TanhGrad(dx, dy, y []float32) { elem3("TanhGrad", tanhGrad, dx, dy, y, 0, 0) }

// SigmoidGrad adds dy * y * (1 - y), y = sigmoid(x).
func SigmoidGrad(dx, dy, y []float32) { elem3("SigmoidGrad", sigmoidGrad, dx, dy, y, 0, 0) }

// ErfGrad adds dy * 2/sqrt(pi) * e^(-x^2).
func ErfGrad(dx, dy, x []float32) { elem3("ErfGrad", erfGrad, dx, dy, x, 0, 0) }

// SinGrad adds dy * cos(x).
func SinGrad(dx, dy, x []float32) { elem3("SinGrad", anySinGrad, dx, dy, x, 0, 0) }

// CosGrad adds -dy * sin(x).
func CosGrad(dx, dy, x []float32) { elem3("CosGrad", anyCosGrad, dx, dy, x, 0, 0) }

// AbsGrad adds dy * sign(x), with sign(0) = 0.
func AbsGrad(dx, dy, x []float32) { elem3("AbsGrad", absGrad, dx, dy, x, 0, 0) }

// SqrtGrad adds dy / (2y), y = sqrt(x).
func SqrtGrad(dx, dy, y []float32) { elem3("SqrtGrad", sqrtGrad, dx, dy, y, 0, 0) }

// RsqrtGrad adds -dy * y^3 / 2, y = 1/sqrt(x).
func RsqrtGrad(dx, dy, y []float32) { elem3("RsqrtGrad", rsqrtGrad, dx, dy, y, 0, 0) }

// ReciprocalGrad adds -dy * y^2, y = 1/x.
func ReciprocalGrad(dx, dy, y []float32) {
	elem3("ReciprocalGrad", reciprocalGrad, dx, dy, y, 0, 0)
}

// SquareGrad adds 2 * dy * x.
func SquareGrad(dx, dy, x []float32) { elem3("SquareGrad", squareGrad, dx, dy, x, 0, 0) }

// Log1pGrad adds dy / (1 + x).
func Log1pGrad(dx, dy, x []float32) { elem3("Log1pGrad", log1pGrad, dx, dy, x, 0, 0) }

// Expm1Grad adds dy * (y + 1), y = e^x - 1.
func Expm1Grad(dx, dy, y []float32) { elem3("Expm1Grad", expm1Grad, dx, dy, y, 0, 0) }

// Steps of the kernels over rows.

// Standardize computes dst = (x - mean) * rstd.
func Standardize(dst, x []float32, mean, rstd float32) {
	elem2("Standardize", standardize, dst, x, mean, rstd)
}

// SubTwo computes dst = x - s - t, in this order.
func SubTwo(dst, x []float32, s, t float32) { elem2("SubTwo", subTwo, dst, x, s, t) }

// SoftmaxGradStep adds y * (dy - dot) to dx: the end of softmax's gradient,
// where dot is the sum of dy*y.
func SoftmaxGradStep(dx, dy, y []float32, dot float32) {
	elem3("SoftmaxGradStep", softmaxGradStep, dx, dy, y, dot, 0)
}

// LogSoftmaxGradStep adds dy - sum * e^y to dx: the end of log-softmax's
// gradient, where sum is that of dy.
func LogSoftmaxGradStep(dx, dy, y []float32, sum float32) {
	elem3("LogSoftmaxGradStep", logSoftmaxGradStep, dx, dy, y, sum, 0)
}
