package optim

import (
	"math"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

var adamDefaults = settings{beta1: 0.9, beta2: 0.999, eps: 1e-8}

// Adam divides a running mean of the gradient by the root of a running mean of
// its square, both corrected for their start from zero (Kingma & Ba 2015):
//
//	m ← β₁m + (1−β₁)g,  v ← β₂v + (1−β₂)g²
//	p ← p − lr · m/(1−β₁ᵗ) / (√(v/(1−β₂ᵗ)) + eps)
//
// Options: Betas (0.9, 0.999), Eps (1e-8), MomentumSchedule (of β₁),
// WeightDecay (0: with it, Adam is AdamW). The usual learning rate is 1e-3.
func Adam(lr float64, opts ...Option) Rule { return adam("Adam", lr, adamDefaults, opts) }

// AdamW is Adam with decoupled weight decay (Loshchilov & Hutter 2019).
// Options as Adam's; WeightDecay is 0.01 on all parameters.
func AdamW(lr float64, opts ...Option) Rule {
	s := adamDefaults
	s.decay = 0.01
	return adam("AdamW", lr, s, opts)
}

func adam(rule string, lr float64, s settings, opts []Option) Rule {
	checkRate(rule, lr)
	s = configure(rule, "Betas Eps MomentumSchedule WeightDecay", s, opts)
	return tell(func(ps []*tensor.Param) Link {
		l, _, _ := adamLink(ps, lr, s)
		return l
	}, rule, lr, s)
}

// adamLink is Adam's link and its memory: the running means of the gradient and
// of its square.
func adamLink(ps []*tensor.Param, lr float64, s settings) (l *perParam, m, v [][]float32) {
	l = counted(ps)
	m, v = l.buffers("exp_avg"), l.buffers("exp_avg_sq")
	decay := s.decays(ps)
	l.final = true
	l.each = func(st *Step, i int, g []float32, t float64) {
		beta1 := s.momentumAt(st, s.beta1)
		elementwise.AdamUpdate(st.Params[i].Data, g, m[i], v[i], lr*st.Factor, beta1, s.beta2, s.eps,
			unbias(beta1, t), unbias(s.beta2, t), decay[i])
	}
	return l, m, v
}

// LazyAdam is Adam that leaves alone, of a parameter that is only looked up,
// the rows that the batch did not look up (PyTorch's SparseAdam, TensorFlow
// Addons' LazyAdam). A step then costs as much as the rows looked up, not as
// the table. It is not Adam: there every row moves in every step by its running
// mean, which decays meanwhile. Here the means of a row stand still, and so
// does the row; the correction t counts the steps of the parameter, not of the
// row. Parameters that are used in another way as well, and all others, get
// [Adam]'s steps. Options: Betas (0.9, 0.999), Eps (1e-8), which PyTorch's
// SparseAdam adds before the bias of the mean square is corrected.
func LazyAdam(lr float64, opts ...Option) Rule {
	checkRate("LazyAdam", lr)
	s := configure("LazyAdam", "Betas Eps", adamDefaults, opts)
	return tell(func(ps []*tensor.Param) Link {
		l, m, v := adamLink(ps, lr, s)
		l.rows = func(st *Step, i int, g []float32, at []int32, t float64) {
			p := st.Params[i]
			elementwise.AdamRows(p.Data, g, m[i], v[i], at, width(p), lr*st.Factor, s.beta1, s.beta2, s.eps,
				unbias(s.beta1, t), unbias(s.beta2, t))
		}
		return l
	}, "LazyAdam", lr, s)
}

// unbias is 1−βᵗ, the weight that a running mean has gathered in t steps.
func unbias(beta, t float64) float64 { return 1 - math.Pow(beta, t) }

// ScaleByAdam makes the update Adam's direction. Options: Betas, Eps.
func ScaleByAdam(opts ...Option) Rule {
	s := configure("ScaleByAdam", "Betas Eps", adamDefaults, opts)
	return tell(scaleByAdam(s, false), "ScaleByAdam", math.NaN(), s)
}

// ScaleByAMSGrad makes the update AMSGrad's direction. Options: Betas, Eps.
func ScaleByAMSGrad(opts ...Option) Rule {
	s := configure("ScaleByAMSGrad", "Betas Eps", adamDefaults, opts)
	return tell(scaleByAdam(s, true), "ScaleByAMSGrad", math.NaN(), s)
}

// AMSGrad is Adam whose denominator never shrinks: it divides by the root of
// the largest mean square so far (Reddi et al., On the Convergence of Adam and
// Beyond, 2018), PyTorch's Adam(amsgrad=True). Options: as Adam.
func AMSGrad(lr float64, opts ...Option) Rule {
	s := configure("AMSGrad", "Betas Eps WeightDecay", adamDefaults, opts)
	return descend("AMSGrad", lr, s, scaleByAdam(s, true))
}

func scaleByAdam(s settings, ams bool) Rule {
	return func(ps []*tensor.Param) Link {
		l := counted(ps)
		m, v := l.buffers("exp_avg"), l.buffers("exp_avg_sq")
		var largest [][]float32
		if ams {
			largest = l.buffers("max_exp_avg_sq")
		}
		l.each = func(_ *Step, i int, u []float32, t float64) {
			a, r := float32(1/unbias(s.beta1, t)), float32(1/math.Sqrt(unbias(s.beta2, t)))
			l.blocks(len(u), func(lo, hi int, tmp []float32) {
				u, m, v := u[lo:hi], m[i][lo:hi], v[i][lo:hi]
				moments(m, v, u, tmp, &s)
				if ams {
					w := largest[i][lo:hi]
					elementwise.Max2(w, w, v)
					v = w
				}
				elementwise.Scale(u, m, a)
				divideByRoot(u, v, tmp, r, float32(s.eps))
			})
		}
		return l
	}
}

// moments updates Adam's running means of the gradient and its square.
func moments(m, v, g, tmp []float32, s *settings) {
	elementwise.Scale(m, m, float32(s.beta1))
	elementwise.Axpy(m, float32(1-s.beta1), g)
	meanSquare(v, g, tmp, s.beta2)
}

// meanSquare updates a running mean of the square of g.
func meanSquare(v, g, tmp []float32, beta float64) {
	elementwise.Square(tmp, g)
	elementwise.Scale(v, v, float32(beta))
	elementwise.Axpy(v, float32(1-beta), tmp)
}

// divideByRoot computes u /= √v·r + eps.
func divideByRoot(u, v, tmp []float32, r, eps float32) {
	elementwise.Sqrt(tmp, v)
	elementwise.Scale(tmp, tmp, r)
	elementwise.AddScalar(tmp, tmp, eps)
	elementwise.Div(u, u, tmp)
}

// AdaMax is Adam with the running maximum of |g| as denominator (Kingma & Ba
// 2015, §7.1). Options: Betas (0.9, 0.999), Eps (1e-8), WeightDecay. PyTorch's
// learning rate is 2e-3.
func AdaMax(lr float64, opts ...Option) Rule {
	s := configure("AdaMax", "Betas Eps WeightDecay", adamDefaults, opts)
	return descend("AdaMax", lr, s, scaleByAdaMax(s))
}

// ScaleByAdaMax makes the update AdaMax's direction. Options: Betas, Eps.
func ScaleByAdaMax(opts ...Option) Rule {
	s := configure("ScaleByAdaMax", "Betas Eps", adamDefaults, opts)
	return tell(scaleByAdaMax(s), "ScaleByAdaMax", math.NaN(), s)
}

func scaleByAdaMax(s settings) Rule {
	return func(ps []*tensor.Param) Link {
		l := counted(ps)
		avg, inf := l.buffers("exp_avg"), l.buffers("exp_inf")
		l.each = func(_ *Step, i int, u []float32, t float64) {
			a := float32(1 / unbias(s.beta1, t))
			l.blocks(len(u), func(lo, hi int, tmp []float32) {
				u, m, n := u[lo:hi], avg[i][lo:hi], inf[i][lo:hi]
				elementwise.Scale(m, m, float32(s.beta1))
				elementwise.Axpy(m, float32(1-s.beta1), u)
				elementwise.Abs(tmp, u)
				elementwise.AddScalar(tmp, tmp, float32(s.eps))
				elementwise.Scale(n, n, float32(s.beta2))
				elementwise.Max2(n, n, tmp)
				elementwise.Scale(u, m, a)
				elementwise.Div(u, u, n)
			})
		}
		return l
	}
}

// NAdam is Adam with Nesterov's momentum (Dozat 2016). Options: Betas (0.9,
// 0.999), Eps (1e-8), MomentumDecay (4e-3), WeightDecay. PyTorch's learning
// rate is 2e-3.
func NAdam(lr float64, opts ...Option) Rule {
	s := configure("NAdam", "Betas Eps MomentumDecay WeightDecay", nadamDefaults, opts)
	return descend("NAdam", lr, s, scaleByNAdam(s))
}

var nadamDefaults = settings{beta1: 0.9, beta2: 0.999, eps: 1e-8, momentumDecay: 4e-3}

// ScaleByNAdam makes the update NAdam's direction. Options: Betas, Eps,
// MomentumDecay.
func ScaleByNAdam(opts ...Option) Rule {
	s := configure("ScaleByNAdam", "Betas Eps MomentumDecay", nadamDefaults, opts)
	return tell(scaleByNAdam(s), "ScaleByNAdam", math.NaN(), s)
}

func scaleByNAdam(s settings) Rule {
	return func(ps []*tensor.Param) Link {
		l := counted(ps)
		product := l.scalars("mu_product", 1)
		avg, sq := l.buffers("exp_avg"), l.buffers("exp_avg_sq")
		mu := func(t float64) float64 { return s.beta1 * (1 - 0.5*math.Pow(0.96, t*s.momentumDecay)) }
		l.each = func(_ *Step, i int, u []float32, t float64) {
			now, next := mu(t), mu(t+1)
			product[i][0] *= float32(now)
			prod := float64(product[i][0])
			a, b := float32((1-now)/(1-prod)), float32(next/(1-prod*next))
			r := float32(1 / math.Sqrt(unbias(s.beta2, t)))
			l.blocks(len(u), func(lo, hi int, tmp []float32) {
				u, m, v := u[lo:hi], avg[i][lo:hi], sq[i][lo:hi]
				moments(m, v, u, tmp, &s)
				elementwise.Scale(u, u, a)
				elementwise.Axpy(u, b, m)
				divideByRoot(u, v, tmp, r, float32(s.eps))
			})
		}
		return l
	}
}

// RAdam is Adam that warms itself up: while the mean square has seen too few
// steps for a bounded variance it is momentum, then its step is rectified (Liu
// et al., On the Variance of the Adaptive Learning Rate and Beyond, 2020).
// Options: Betas (0.9, 0.999), Eps (1e-8), WeightDecay. As in PyTorch, eps is
// added before the bias of the denominator is corrected.
func RAdam(lr float64, opts ...Option) Rule {
	s := configure("RAdam", "Betas Eps WeightDecay", adamDefaults, opts)
	return descend("RAdam", lr, s, scaleByRAdam(s))
}

// ScaleByRAdam makes the update RAdam's direction. Options: Betas, Eps.
func ScaleByRAdam(opts ...Option) Rule {
	s := configure("ScaleByRAdam", "Betas Eps", adamDefaults, opts)
	return tell(scaleByRAdam(s), "ScaleByRAdam", math.NaN(), s)
}

func scaleByRAdam(s settings) Rule {
	// Lengths of the simple moving average that the exponential one amounts to.
	full := 2/(1-s.beta2) - 1
	return func(ps []*tensor.Param) Link {
		l := counted(ps)
		avg, sq := l.buffers("exp_avg"), l.buffers("exp_avg_sq")
		l.each = func(_ *Step, i int, u []float32, t float64) {
			c2 := unbias(s.beta2, t)
			length := full - 2*t*(1-c2)/c2
			c, rectified := 1/unbias(s.beta1, t), length > 5
			if rectified {
				c *= math.Sqrt(c2 * (length - 4) * (length - 2) * full / ((full - 4) * (full - 2) * length))
			}
			l.blocks(len(u), func(lo, hi int, tmp []float32) {
				u, m, v := u[lo:hi], avg[i][lo:hi], sq[i][lo:hi]
				moments(m, v, u, tmp, &s)
				elementwise.Scale(u, m, float32(c))
				if rectified {
					divideByRoot(u, v, tmp, 1, float32(s.eps))
				}
			})
		}
		return l
	}
}
