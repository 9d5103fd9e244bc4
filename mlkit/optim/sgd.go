package optim

import (
	"math"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

// SGD is gradient descent, p ← p − lr·g (Robbins & Monro 1951): stochastic,
// mini-batch or full-batch as the batches are. Options: WeightDecay.
func SGD(lr float64, opts ...Option) Rule {
	s := configure("SGD", "WeightDecay", settings{}, opts)
	if s.decay != 0 {
		return descend("SGD", lr, s)
	}
	checkRate("SGD", lr)
	return tell(byFactors(func(s *Step) {
		rate := float32(lr * s.Factor)
		for i, p := range s.Params {
			switch u, at, outer := s.Updates[i], s.at(i), s.outer(i); {
			case outer.row != nil:
				elementwise.SGDOuterUpdate(p.Data, outer.column, outer.row, rate)
			case at != nil:
				elementwise.AxpyRows(p.Data, -rate, u, at, width(p))
			case u != nil:
				elementwise.SGDUpdate(p.Data, u, rate)
			}
		}
		s.Applied = true
	}), "SGD", lr, s)
}

// Momentum is gradient descent with momentum mu (Polyak 1964) in PyTorch's
// form, where the learning rate multiplies the whole velocity b:
//
//	b ← mu·b + (1−dampening)·g      (b = g in the first step)
//	p ← p − lr·b
//
// Options: Dampening (0), MomentumSchedule, WeightDecay.
func Momentum(lr, mu float64, opts ...Option) Rule {
	return momentum("Momentum", "Dampening MomentumSchedule WeightDecay", lr, mu, false, opts)
}

// Nesterov is Momentum with the gradient looked up ahead (Nesterov 1983, in
// the form of Sutskever et al. 2013): p ← p − lr·(g + mu·b). Options:
// MomentumSchedule, WeightDecay.
func Nesterov(lr, mu float64, opts ...Option) Rule {
	return momentum("Nesterov", "MomentumSchedule WeightDecay", lr, mu, true, opts)
}

func momentum(rule, takes string, lr, mu float64, nesterov bool, opts []Option) Rule {
	checkRate(rule, lr)
	opts = append(opts, Mu(mu), UseNesterov(nesterov))
	s := configure(rule, takes+" Mu UseNesterov", settings{}, opts)
	if s.decay != 0 {
		return descend(rule, lr, s, trace(s))
	}
	return tell(func(ps []*tensor.Param) Link {
		l, buf := traceLink(ps, s)
		l.final = true
		l.each = func(st *Step, i int, g []float32, t float64) {
			elementwise.SGDMomentum(st.Params[i].Data, g, buf[i], float32(lr*st.Factor),
				float32(s.momentumAt(st, s.momentum)), s.dampens(t), s.nesterov)
		}
		return l
	}, rule, lr, s)
}

// Trace keeps the velocity of momentum and makes it the update: the first half
// of [Momentum]. Options: Dampening, UseNesterov, MomentumSchedule.
func Trace(mu float64, opts ...Option) Rule {
	s := configure("Trace", "Dampening UseNesterov Mu MomentumSchedule", settings{}, append(opts, Mu(mu)))
	return tell(trace(s), "Trace", math.NaN(), s)
}

func trace(s settings) Rule {
	return func(ps []*tensor.Param) Link {
		l, buf := traceLink(ps, s)
		l.each = func(st *Step, i int, u []float32, t float64) {
			b, mu := buf[i], float32(s.momentumAt(st, s.momentum))
			elementwise.Scale(b, b, mu)
			elementwise.Axpy(b, 1-s.dampens(t), u)
			if s.nesterov {
				elementwise.Axpy(u, mu, b)
			} else {
				copy(u, b)
			}
		}
		return l
	}
}

// traceLink counts steps only where dampening makes the first one special.
func traceLink(ps []*tensor.Param, s settings) (*perParam, [][]float32) {
	l := &perParam{params: ps}
	if s.dampening != 0 {
		l = counted(ps)
	}
	return l, l.buffers("momentum_buffer")
}

func (s *settings) dampens(t float64) float32 {
	if t == 1 {
		return 0
	}
	return float32(s.dampening)
}
