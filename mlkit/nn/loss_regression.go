package nn

import (
	"math"

	"descent/mlkit/tensor"
)

// MSE is the mean squared error: the mean over all elements of (pred −
// target)², which must have the same shape. A scalar.
func MSE(pred, target tensor.Tensor) tensor.Tensor { return MSELoss{}.Loss(pred, target) }

// MSELoss is the squared error.
type MSELoss struct{ Reduction Reduction }

// Loss compares a prediction with a target of the same shape.
func (c MSELoss) Loss(pred, target tensor.Tensor) tensor.Tensor {
	sameShape("MSELoss", pred, target)
	if c.Reduction == ReduceMean {
		recordMean(pred.Tape(), float64(pred.Size()))
		return pred.MeanSquaredError(target)
	}
	return c.Reduction.apply(pred.Sub(target).Square())
}

// MAE is the mean absolute error. Its gradient at 0 is 0.
func MAE(pred, target tensor.Tensor) tensor.Tensor { return L1Loss{}.Loss(pred, target) }

// L1Loss is the absolute error.
type L1Loss struct{ Reduction Reduction }

// Loss compares a prediction with a target of the same shape.
func (c L1Loss) Loss(pred, target tensor.Tensor) tensor.Tensor {
	sameShape("L1Loss", pred, target)
	return c.Reduction.apply(pred.Sub(target).Abs())
}

// Huber is HuberLoss with its defaults.
func Huber(pred, target tensor.Tensor) tensor.Tensor { return HuberLoss{}.Loss(pred, target) }

// HuberLoss is r²/2 for residuals r up to Delta and Delta·(|r| − Delta/2)
// beyond (Huber 1964): squared error for small residuals, absolute for
// outliers.
type HuberLoss struct {
	Delta     float32 // 0 means 1
	Reduction Reduction
}

// Loss compares a prediction with a target of the same shape.
func (c HuberLoss) Loss(pred, target tensor.Tensor) tensor.Tensor {
	sameShape("HuberLoss", pred, target)
	return c.Reduction.apply(huber(pred.Sub(target), or(c.Delta, 1)))
}

// huber is k·(r − k/2) with the clipped residual k, whose two halves give both
// branches and their gradient.
func huber(r tensor.Tensor, delta float32) tensor.Tensor {
	k := r.Clamp(-delta, delta)
	return k.Mul(r.Sub(k.Scale(0.5)))
}

// SmoothL1Loss is HuberLoss with Delta = Beta divided by Beta: r²/(2·Beta) for
// small residuals, so that its slope far away is 1 (Girshick, Fast R-CNN,
// 2015). For Beta = 1 the two are the same; Beta near 0 is L1Loss.
type SmoothL1Loss struct {
	Beta      float32 // 0 means 1; tensor.Zero is 0, L1Loss
	Reduction Reduction
}

// Loss compares a prediction with a target of the same shape.
func (c SmoothL1Loss) Loss(pred, target tensor.Tensor) tensor.Tensor {
	sameShape("SmoothL1Loss", pred, target)
	beta := or(c.Beta, 1)
	if beta == 0 {
		return c.Reduction.apply(pred.Sub(target).Abs())
	}
	return c.Reduction.apply(huber(pred.Sub(target), beta).Scale(1 / beta))
}

// PseudoHuberLoss is Delta²·(√(1 + (r/Delta)²) − 1) of the residual r: r²/2
// when small, Delta·|r| when large, smooth between (Charbonnier et al. 1997;
// Hartley & Zisserman 2003, appendix 6).
type PseudoHuberLoss struct {
	Delta     float32 // 0 means 1
	Reduction Reduction
}

// Loss compares a prediction with a target of the same shape.
func (c PseudoHuberLoss) Loss(pred, target tensor.Tensor) tensor.Tensor {
	return c.Reduction.apply(pseudoHuber(pred, target, or(c.Delta, 1)))
}

// pseudoHuber divides instead of subtracting 1: small residuals keep their
// digits.
var pseudoHuber = pointwiseWith("PseudoHuberLoss", func(x, y, delta float64) (v, dx, dy float64) {
	if delta == 0 {
		return 0, 0, 0 // the limit
	}
	r := x - y
	s := math.Hypot(1, r/delta)
	return r * r / (1 + s), r / s, -r / s
})

// LogCosh is LogCoshLoss with its defaults.
func LogCosh(pred, target tensor.Tensor) tensor.Tensor { return LogCoshLoss{}.Loss(pred, target) }

// LogCoshLoss is log cosh of the residual r: r²/2 when small, |r| − log 2 when
// large, smooth between.
type LogCoshLoss struct{ Reduction Reduction }

// Loss compares a prediction with a target of the same shape.
func (c LogCoshLoss) Loss(pred, target tensor.Tensor) tensor.Tensor {
	return c.Reduction.apply(logCosh(pred, target))
}

var logCosh = pointwise("LogCoshLoss", func(x, y float64) (v, dx, dy float64) {
	a := math.Abs(x - y)
	slope := math.Tanh(x - y)
	if a < 1 { // cosh a = 1 + 2·sinh²(a/2)
		s := math.Sinh(a / 2)
		return math.Log1p(2 * s * s), slope, -slope
	}
	return a + math.Log1p(math.Exp(-2*a)) - math.Ln2, slope, -slope
})

// GaussianNLLLoss is the negative log-likelihood of targets under normal
// distributions whose means and variances the model predicts (Nix & Weigend
// 1994), without the constant unless Full: (log σ² + (pred − target)²/σ²) / 2.
type GaussianNLLLoss struct {
	// Eps is the least variance that the formula sees; the gradient reaches a
	// smaller one as if it were Eps. 0 means 1e-6.
	Eps float32
	// Full adds log(2π)/2.
	Full      bool
	Reduction Reduction
}

// Loss compares means with targets; variance has their shape too (PyTorch also
// takes one variance for all: expand it). A negative variance gives NaN.
func (c GaussianNLLLoss) Loss(pred, target, variance tensor.Tensor) tensor.Tensor {
	sameShape("GaussianNLLLoss", pred, target)
	l := gaussian(pred.Sub(target), variance, or(c.Eps, 1e-6))
	if c.Full {
		l = l.AddScalar(float32(math.Log(2*math.Pi) / 2))
	}
	return c.Reduction.apply(l)
}

var gaussian = pointwiseWith("GaussianNLLLoss", func(r, variance, eps float64) (v, dr, dvariance float64) {
	if variance < 0 {
		variance = math.NaN()
	}
	variance = max(variance, eps) // NaN stays
	z := r / variance
	return (math.Log(variance) + r*z) / 2, z, (1/variance - z*z) / 2
})

// PoissonNLLLoss is the negative log-likelihood of counts under a Poisson
// distribution, without the terms that only depend on the target unless Full:
// e^pred − target·pred.
type PoissonNLLLoss struct {
	// Rate says that predictions are rates, not their logarithms: then it is
	// pred − target·log(pred + 1e-8). PyTorch's log_input=False.
	Rate bool
	// Full adds Stirling's approximation of log target! for targets above 1.
	Full      bool
	Reduction Reduction
}

// PoissonNLL is PoissonNLLLoss with its defaults.
func PoissonNLL(pred, target tensor.Tensor) tensor.Tensor {
	return PoissonNLLLoss{}.Loss(pred, target)
}

// Loss compares log rates (or rates) with counts of the same shape. No
// gradient flows into the target's Stirling term.
func (c PoissonNLLLoss) Loss(pred, target tensor.Tensor) tensor.Tensor {
	sameShape("PoissonNLLLoss", pred, target)
	l := poisson
	if c.Rate {
		l = poissonRate
	}
	return c.apply(l(pred, target), target)
}

var poisson = pointwise("PoissonNLLLoss", func(x, y float64) (v, dx, dy float64) {
	rate := math.Exp(x)
	return rate - y*x, rate - y, -x
})

var poissonRate = pointwise("PoissonNLLLoss", func(x, y float64) (v, dx, dy float64) {
	log := math.Log(x + 1e-8)
	return x - y*log, 1 - y/(x+1e-8), -log
})

// apply adds what only depends on the target, and reduces.
func (c PoissonNLLLoss) apply(l, target tensor.Tensor) tensor.Tensor {
	if c.Full {
		s := l.Tape().Scratch(target.Size())
		for i, v := range target.Data() {
			if y := float64(v); y > 1 {
				s[i] = float32(y*math.Log(y) - y + 0.5*math.Log(2*math.Pi*y))
			}
		}
		l = l.Add(l.Tape().Input(s, target.Dims()...))
	}
	return c.Reduction.apply(l)
}
