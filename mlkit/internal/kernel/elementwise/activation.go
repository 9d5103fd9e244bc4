package elementwise

import "descent/mlkit/internal/kernel/cpu"

// Activations and their gradients. A gradient is added to dx; it takes y (the
// output) where that is enough, because y is kept anyway, and x otherwise.

// SELU's two constants: the fixed point of mean 0 and variance 1
// (Klambauer et al., Self-Normalizing Neural Networks, 2017, eq. 14).
const (
	seluAlpha = 1.6732632423543772848170429916717
	seluScale = 1.0507009873554804934193349852946
)

// ReLU computes max(x, 0); NaN stays NaN.
func ReLU(dst, x []float32) { elem2("ReLU", relu, dst, x, 0, 0) }

// ReLUMask computes dst = dy where y > 0 and 0 elsewhere: the gradient of ReLU.
// Either its output or its input will do as y.
func ReLUMask(dst, dy, y []float32) { elem3("ReLUMask", reluMask, dst, dy, y, 0, 0) }

// LeakyReLU computes x above 0 and slope*x elsewhere.
func LeakyReLU(dst, x []float32, slope float32) {
	elem2("LeakyReLU", leakyReLU, dst, x, slope, 0)
}

// LeakyReLUGrad adds dy where x > 0 and slope*dy elsewhere.
func LeakyReLUGrad(dx, dy, x []float32, slope float32) {
	elem3("LeakyReLUGrad", leakyReLUGrad, dx, dy, x, slope, 0)
}

// ELU computes x above 0 and alpha*(e^x - 1) elsewhere (Clevert et al., 2015).
func ELU(dst, x []float32, alpha float32) { elem2("ELU", elu, dst, x, alpha, 1) }

// ELUGrad adds dy where y > 0 and dy*(y + alpha) elsewhere; y is the output,
// alpha >= 0.
func ELUGrad(dx, dy, y []float32, alpha float32) { elem3("ELUGrad", eluGrad, dx, dy, y, alpha, 1) }

// SELU computes scale * ELU(x, alpha) with the constants of Klambauer et al.,
// 2017.
func SELU(dst, x []float32) { elem2("SELU", elu, dst, x, seluAlpha*seluScale, seluScale) }

// SELUGrad adds dy*scale where y > 0 and dy*(y + scale*alpha) elsewhere; y is
// the output.
func SELUGrad(dx, dy, y []float32) {
	elem3("SELUGrad", eluGrad, dx, dy, y, seluAlpha*seluScale, seluScale)
}

// GELU computes x * Phi(x), Phi the normal distribution function (Hendrycks &
// Gimpel, 2016).
func GELU(dst, x []float32) { elem2("GELU", gelu, dst, x, 0, 0) }

// GELUGrad adds dy * (Phi(x) + x*phi(x)).
func GELUGrad(dx, dy, x []float32) { elem3("GELUGrad", geluGrad, dx, dy, x, 0, 0) }

// GELUSlope computes y = GELU(x) and its derivative there, so that the way back
// is a product. slope may be x; y must be apart from both.
func GELUSlope(y, slope, x []float32) {
	cpu.CheckLen("GELUSlope", "slope", len(y), len(slope))
	cpu.CheckLen("GELUSlope", "the input", len(y), len(x))
	j := newElemJob(geluSlopePart)
	j.X[0], j.X[1], j.X[2] = y, slope, x
	j.Parallel(len(y), cpu.Grain)
}

func geluSlopePart(j *elemJob, lo, hi int) {
	y, slope, x := j.At(0, lo, hi), j.At(1, lo, hi), j.At(2, lo, hi)
	geluSlope(y, slope, x)
}

// GELUTanh computes GELU's approximation x/2 * (1 + tanh(sqrt(2/pi)*(x +
// 0.044715*x^3))).
func GELUTanh(dst, x []float32) { elem2("GELUTanh", geluTanh, dst, x, 0, 0) }

// GELUTanhGrad adds dy times the derivative of GELUTanh at x.
func GELUTanhGrad(dx, dy, x []float32) { elem3("GELUTanhGrad", geluTanhGrad, dx, dy, x, 0, 0) }

// SiLU computes x * sigmoid(x), also called swish.
func SiLU(dst, x []float32) { elem2("SiLU", silu, dst, x, 0, 0) }

// SiLUGrad adds dy * s * (1 + x*(1-s)), s = sigmoid(x).
func SiLUGrad(dx, dy, x []float32) { elem3("SiLUGrad", siluGrad, dx, dy, x, 0, 0) }

// HardSigmoid computes x/6 + 1/2 limited to [0, 1].
func HardSigmoid(dst, x []float32) { elem2("HardSigmoid", hardSigmoid, dst, x, 0, 0) }

// HardSigmoidGrad adds dy/6 where |x| < 3.
func HardSigmoidGrad(dx, dy, x []float32) {
	elem3("HardSigmoidGrad", hardSigmoidGrad, dx, dy, x, 0, 0)
}

// HardSwish computes x * HardSigmoid(x) (Howard et al., MobileNetV3, 2019).
func HardSwish(dst, x []float32) { elem2("HardSwish", hardSwish, dst, x, 0, 0) }

// HardSwishGrad adds dy * (HardSigmoid(x) + x/6 where |x| < 3).
func HardSwishGrad(dx, dy, x []float32) { elem3("HardSwishGrad", hardSwishGrad, dx, dy, x, 0, 0) }

// Mish computes x * tanh(softplus(x)) (Misra, 2019).
func Mish(dst, x []float32) { elem2("Mish", mish, dst, x, 0, 0) }

// MishGrad adds dy times the derivative of Mish at x.
func MishGrad(dx, dy, x []float32) { elem3("MishGrad", mishGrad, dx, dy, x, 0, 0) }

// Softsign computes x / (1 + |x|) (Bergstra et al., 2009).
func Softsign(dst, x []float32) { elem2("Softsign", softsign, dst, x, 0, 0) }

// SoftsignGrad adds dy / (1 + |x|)^2.
func SoftsignGrad(dx, dy, x []float32) { elem3("SoftsignGrad", softsignGrad, dx, dy, x, 0, 0) }

// Softplus computes log(1 + e^(beta*x)) / beta without overflow; beta is not 0.
func Softplus(dst, x []float32, beta float32) {
	elem2("Softplus", softplus, dst, x, beta, 1/beta)
}

// SoftplusGrad adds dy * sigmoid(beta*x).
func SoftplusGrad(dx, dy, x []float32, beta float32) {
	elem3("SoftplusGrad", softplusGrad, dx, dy, x, beta, 0)
}

// SigmoidLoss computes dst*y*softplus(-x) + (1-y)*softplus(x): the binary
// cross-entropy of logits x and targets y, where dst holds the weights of the
// positives before. A sum of positive numbers: no digit is lost.
func SigmoidLoss(dst, x, y []float32) { elem3("SigmoidLoss", sigmoidLoss, dst, x, y, 0, 0) }

// SigmoidLossSlope computes SigmoidLoss' derivative with respect to x,
// (1-y)*sigmoid(x) - dst*y*sigmoid(-x).
func SigmoidLossSlope(dst, x, y []float32) {
	elem3("SigmoidLossSlope", sigmoidLossSlope, dst, x, y, 0, 0)
}
