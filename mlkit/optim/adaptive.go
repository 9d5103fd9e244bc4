package optim

import (
	"math"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

// AdaGrad divides by the root of the sum of all squared gradients, so often
// changed parameters slow down (Duchi et al. 2011):
//
//	s ← s + g²,  p ← p − lr·g / (√s + eps)
//
// Options: Eps (1e-10), RateDecay (0), InitialAccumulator (0; Keras starts at
// 0.1), WeightDecay. PyTorch's learning rate is 1e-2.
func AdaGrad(lr float64, opts ...Option) Rule {
	s := configure("AdaGrad", "Eps RateDecay InitialAccumulator WeightDecay", settings{eps: 1e-10}, opts)
	if s.decay != 0 {
		return descend("AdaGrad", lr, s, scaleByAdaGrad(s))
	}
	checkRate("AdaGrad", lr)
	return tell(func(ps []*tensor.Param) Link {
		l, sum := adaGradLink(ps, s)
		l.final = true
		rate := func(st *Step, t float64) float64 { return lr * st.Factor / (1 + (t-1)*s.lrDecay) }
		l.each = func(st *Step, i int, g []float32, t float64) {
			elementwise.AdaGrad(st.Params[i].Data, g, sum[i], rate(st, t), s.eps)
		}
		if float32(s.eps) > 0 { // else 0/0 makes what has never had a gradient NaN
			l.rows = func(st *Step, i int, g []float32, at []int32, t float64) {
				p := st.Params[i]
				elementwise.AdaGradRows(p.Data, g, sum[i], at, width(p), rate(st, t), s.eps)
			}
		}
		return l
	}, "AdaGrad", lr, s)
}

// adaGradLink is a link with AdaGrad's memory.
func adaGradLink(ps []*tensor.Param, s settings) (*perParam, [][]float32) {
	l := counted(ps)
	sum := l.buffers("sum")
	for _, b := range sum {
		elementwise.Fill(b, float32(s.accumulator))
	}
	return l, sum
}

// ScaleByAdaGrad makes the update AdaGrad's direction. Options: Eps,
// RateDecay, InitialAccumulator.
func ScaleByAdaGrad(opts ...Option) Rule {
	s := configure("ScaleByAdaGrad", "Eps RateDecay InitialAccumulator", settings{eps: 1e-10}, opts)
	return tell(scaleByAdaGrad(s), "ScaleByAdaGrad", math.NaN(), s)
}

func scaleByAdaGrad(s settings) Rule {
	return func(ps []*tensor.Param) Link {
		l, sum := adaGradLink(ps, s)
		l.each = func(_ *Step, i int, u []float32, t float64) {
			l.blocks(len(u), func(lo, hi int, tmp []float32) {
				u, b := u[lo:hi], sum[i][lo:hi]
				elementwise.MulAdd(b, u, u)
				elementwise.Scale(u, u, float32(1/(1+(t-1)*s.lrDecay)))
				divideByRoot(u, b, tmp, 1, float32(s.eps))
			})
		}
		return l
	}
}

// RMSProp divides by the root of a running mean of squared gradients (Tieleman
// & Hinton 2012):
//
//	v ← rho·v + (1−rho)·g²,  p ← p − lr·g / (√v + eps)
//
// Options: Rho (0.99; Keras has 0.9), Eps (1e-8; Keras has 1e-7), Centered, Mu
// (0: momentum on the scaled gradient), WeightDecay. PyTorch's learning rate is
// 1e-2.
func RMSProp(lr float64, opts ...Option) Rule {
	s := configure("RMSProp", "Rho Eps Centered Mu WeightDecay", settings{rho: 0.99, eps: 1e-8}, opts)
	if s.centered || s.momentum != 0 || s.decay != 0 {
		direction := []Rule{scaleByRMS(s)}
		if s.momentum != 0 {
			direction = append(direction, Trace(s.momentum))
		}
		return descend("RMSProp", lr, s, direction...)
	}
	checkRate("RMSProp", lr)
	return tell(func(ps []*tensor.Param) Link {
		l := &perParam{params: ps, final: true}
		sq := l.buffers("square_avg")
		l.each = func(st *Step, i int, g []float32, _ float64) {
			elementwise.RMSProp(st.Params[i].Data, g, sq[i], lr*st.Factor, s.rho, s.eps)
		}
		return l
	}, "RMSProp", lr, s)
}

// ScaleByRMS makes the update RMSProp's direction. Options: Rho, Eps, Centered.
func ScaleByRMS(opts ...Option) Rule {
	s := configure("ScaleByRMS", "Rho Eps Centered", settings{rho: 0.99, eps: 1e-8}, opts)
	return tell(scaleByRMS(s), "ScaleByRMS", math.NaN(), s)
}

func scaleByRMS(s settings) Rule {
	return func(ps []*tensor.Param) Link {
		l := &perParam{params: ps}
		sq := l.buffers("square_avg")
		var avg [][]float32
		if s.centered {
			avg = l.buffers("grad_avg")
		}
		l.each = func(_ *Step, i int, u []float32, _ float64) {
			l.blocks(len(u), func(lo, hi int, tmp []float32) {
				u, v := u[lo:hi], sq[i][lo:hi]
				meanSquare(v, u, tmp, s.rho)
				if s.centered {
					m := avg[i][lo:hi]
					elementwise.Scale(m, m, float32(s.rho))
					elementwise.Axpy(m, float32(1-s.rho), u)
					elementwise.Square(tmp, m)
					elementwise.Sub(tmp, v, tmp)
					elementwise.Clamp(tmp, tmp, 0, float32(math.Inf(1))) // rounding must not make a variance negative
					v = tmp
				}
				divideByRoot(u, v, tmp, 1, float32(s.eps))
			})
		}
		return l
	}
}

// AdaDelta scales by the ratio of the root mean squares of the past updates
// and gradients, so that the update has the units of the parameter (Zeiler
// 2012). Options: Rho (0.9; Keras has 0.95), Eps (1e-6; Keras has 1e-7),
// WeightDecay. The learning rate is 1 in the paper and in PyTorch.
func AdaDelta(lr float64, opts ...Option) Rule {
	s := configure("AdaDelta", "Rho Eps WeightDecay", settings{rho: 0.9, eps: 1e-6}, opts)
	return descend("AdaDelta", lr, s, scaleByAdaDelta(s))
}

// ScaleByAdaDelta makes the update AdaDelta's direction. Options: Rho, Eps.
func ScaleByAdaDelta(opts ...Option) Rule {
	s := configure("ScaleByAdaDelta", "Rho Eps", settings{rho: 0.9, eps: 1e-6}, opts)
	return tell(scaleByAdaDelta(s), "ScaleByAdaDelta", math.NaN(), s)
}

func scaleByAdaDelta(s settings) Rule {
	eps := float32(s.eps)
	return func(ps []*tensor.Param) Link {
		l := &perParam{params: ps}
		sq, acc := l.buffers("square_avg"), l.buffers("acc_delta")
		l.each = func(_ *Step, i int, u []float32, _ float64) {
			l.blocks(len(u), func(lo, hi int, tmp []float32) {
				u, v, a := u[lo:hi], sq[i][lo:hi], acc[i][lo:hi]
				meanSquare(v, u, tmp, s.rho)
				elementwise.AddScalar(tmp, a, eps)
				elementwise.Sqrt(tmp, tmp)
				elementwise.Mul(u, u, tmp)
				elementwise.AddScalar(tmp, v, eps)
				elementwise.Sqrt(tmp, tmp)
				elementwise.Div(u, u, tmp)
				meanSquare(a, u, tmp, s.rho)
			})
		}
		return l
	}
}

// Lion steps by the sign of a mix of momentum and gradient (Chen et al.,
// Symbolic Discovery of Optimization Algorithms, 2023):
//
//	p ← p − lr·sign(β₁m + (1−β₁)g),  m ← β₂m + (1−β₂)g
//
// Options: Betas (0.9, 0.99), WeightDecay (0). Its learning rate is usually 3
// to 10 times smaller than AdamW's, and its weight decay larger by the same
// factor.
func Lion(lr float64, opts ...Option) Rule {
	checkRate("Lion", lr)
	s := configure("Lion", "Betas WeightDecay", settings{beta1: 0.9, beta2: 0.99}, opts)
	return tell(func(ps []*tensor.Param) Link {
		l := &perParam{params: ps, final: true}
		avg, decay := l.buffers("exp_avg"), s.decays(ps)
		l.each = func(st *Step, i int, g []float32, _ float64) {
			elementwise.Lion(st.Params[i].Data, g, avg[i], lr*st.Factor, s.beta1, s.beta2, decay[i])
		}
		return l
	}, "Lion", lr, s)
}

// ScaleByLion makes the update Lion's direction, −1, 0 or 1. Options: Betas.
func ScaleByLion(opts ...Option) Rule {
	s := configure("ScaleByLion", "Betas", settings{beta1: 0.9, beta2: 0.99}, opts)
	b1, c1, b2, c2 := float32(s.beta1), float32(1-s.beta1), float32(s.beta2), float32(1-s.beta2)
	return func(ps []*tensor.Param) Link {
		l := &perParam{params: ps}
		avg := l.buffers("exp_avg")
		l.each = func(_ *Step, i int, u []float32, _ float64) {
			m := avg[i]
			for k, d := range u {
				c := b1*m[k] + c1*d
				m[k] = b2*m[k] + c2*d
				switch {
				case c > 0:
					c = 1
				case c < 0:
					c = -1
				}
				u[k] = c // 0, or NaN
			}
		}
		return l
	}
}

// LAMB is Adam whose update of each parameter tensor is scaled to the norm of
// the parameter, for very large batches (You et al., Large Batch Optimization
// for Deep Learning, 2020), in optax's form: no clipping of the norms. Options:
// Betas (0.9, 0.999), Eps (1e-6), WeightDecay (0), which is part of the update
// that is scaled.
func LAMB(lr float64, opts ...Option) Rule {
	checkRate("LAMB", lr)
	s := configure("LAMB", "Betas Eps WeightDecay", settings{beta1: 0.9, beta2: 0.999, eps: 1e-6}, opts)
	return tell(applied(Chain(scaleByAdam(s, false), AddDecayedWeights(s.decay, s.decayOn...), ScaleByTrustRatio(),
		ScaleByLearningRate(lr))), "LAMB", lr, s)
}

// ScaleByTrustRatio multiplies the update u of each parameter p by ‖p‖/‖u‖ (by
// 1 when one of them is zero), as LARS and LAMB do (You et al. 2017, 2020).
func ScaleByTrustRatio() Rule {
	return tellOf(sees(pairs, func(s *Step) {
		for i, u := range s.Updates {
			if u == nil {
				continue
			}
			if p, n := norm(s.Params[i].Data), norm(u); p != 0 && n != 0 {
				elementwise.Scale(u, u, float32(p/n))
			}
		}
	}), "ScaleByTrustRatio")
}
