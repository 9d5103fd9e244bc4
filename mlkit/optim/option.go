package optim

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"descent/mlkit/tensor"
)

// An Option changes one of a rule's settings from its default, PyTorch's where
// it has the rule. A rule says which options it takes; any other panics when
// the rule is made, and so does a value out of range, so that no setting is
// ever silently ignored.
type Option struct {
	name string
	set  func(*settings)
	err  string
}

// settings are all settings of all rules. Which of them a rule reads follows
// from the options it takes.
type settings struct {
	beta1, beta2, eps    float64
	momentum, dampening  float64
	rho                  float64 // decay of the mean square
	lrDecay, accumulator float64
	momentumDecay        float64
	momenta              Schedule // of the momentum, or beta1; nil: constant
	nsSteps              int
	nesterov, centered   bool
	decay                float64
	decayOn              []Filter
	only                 Filter
	adaptWidth           func(rows, cols int) float64
}

// configure applies the options to a rule's defaults.
func configure(rule, takes string, s settings, opts []Option) settings {
	for _, o := range opts {
		if !slices.Contains(strings.Fields(takes), o.name) {
			panic(fmt.Sprintf("optim: %s takes no option %s (it takes: %s)", rule, o.name, takes))
		}
		if o.err != "" {
			panic(fmt.Sprintf("optim: %s: %s", rule, o.err))
		}
		o.set(&s)
	}
	return s
}

func checkRate(rule string, lr float64) {
	if e := outside("the learning rate", lr, 0, math.MaxFloat64); e != "" {
		panic(fmt.Sprintf("optim: %s: %s", rule, e))
	}
}

// outside says that v is not in [low, high], "" if it is.
func outside(what string, v, low, high float64) string {
	if v >= low && v <= high {
		return ""
	}
	if high == math.MaxFloat64 {
		return fmt.Sprintf("%s is %v, must be finite and at least %v", what, v, low)
	}
	return fmt.Sprintf("%s is %v, must lie in [%v, %v]", what, v, low, high)
}

// belowOne is the upper limit of a decay rate: at 1 nothing new would enter.
var belowOne = math.Nextafter(1, 0)

// Betas are the decay rates of the running means of the gradient and of its
// square, both in [0, 1).
func Betas(beta1, beta2 float64) Option {
	return Option{"Betas", func(s *settings) { s.beta1, s.beta2 = beta1, beta2 },
		outside("beta1", beta1, 0, belowOne) + outside("beta2", beta2, 0, belowOne)}
}

// Eps is the number added to a denominator, at least 0.
func Eps(eps float64) Option {
	return Option{"Eps", func(s *settings) { s.eps = eps }, outside("eps", eps, 0, math.MaxFloat64)}
}

// WeightDecay is decoupled weight decay (Loshchilov & Hutter 2019): p shrinks
// by lr·lambda·p in each step, beside the step of the gradient and untouched by
// the rule's scaling. Every short name takes it. It acts on the parameters that
// all filters select, on all without a filter. PyTorch's weight_decay of SGD,
// Adam and others is something else, the penalty [L2].
func WeightDecay(lambda float64, on ...Filter) Option {
	return Option{"WeightDecay", func(s *settings) { s.decay, s.decayOn = lambda, on },
		outside("the weight decay", lambda, 0, math.MaxFloat64)}
}

// Mu is the factor of momentum, in [0, 1).
func Mu(mu float64) Option {
	return Option{"Mu", func(s *settings) { s.momentum = mu }, outside("the momentum", mu, 0, belowOne)}
}

// MomentumSchedule gives the momentum of each step, in place of a constant: mu
// of Momentum and Nesterov, beta1 of Adam and AdamW, as PyTorch's cycles do.
// The schedule's values are momenta, in [0, 1), and not factors: see
// [Opposite].
func MomentumSchedule(s Schedule) Option {
	return Option{name: "MomentumSchedule", set: func(c *settings) { c.momenta = s }}
}

// momentumAt is the momentum of a step: the constant, or the schedule's.
func (s *settings) momentumAt(st *Step, constant float64) float64 {
	if s.momenta == nil {
		return constant
	}
	m := s.momenta(st.N - 1)
	if e := outside("the momentum", m, 0, belowOne); e != "" {
		panic(fmt.Sprintf("optim: MomentumSchedule at step %d: %s", st.N-1, e))
	}
	return m
}

// Dampening weakens what enters the momentum to (1−d)·gradient.
func Dampening(d float64) Option {
	return Option{"Dampening", func(s *settings) { s.dampening = d }, outside("the dampening", d, 0, 1)}
}

// UseNesterov switches between Nesterov's momentum and the plain one.
func UseNesterov(on bool) Option {
	return Option{name: "UseNesterov", set: func(s *settings) { s.nesterov = on }}
}

// Rho is the decay rate of the running mean of squares in RMSProp (PyTorch:
// alpha) and AdaDelta, in [0, 1).
func Rho(rho float64) Option {
	return Option{"Rho", func(s *settings) { s.rho = rho }, outside("rho", rho, 0, belowOne)}
}

// Centered makes RMSProp divide by the standard deviation instead of the root
// mean square.
func Centered() Option {
	return Option{name: "Centered", set: func(s *settings) { s.centered = true }}
}

// InitialAccumulator is what AdaGrad's sums start with.
func InitialAccumulator(v float64) Option {
	return Option{"InitialAccumulator", func(s *settings) { s.accumulator = v },
		outside("the initial accumulator", v, 0, math.MaxFloat64)}
}

// RateDecay makes AdaGrad divide the learning rate by 1 + d·(step−1).
func RateDecay(d float64) Option {
	return Option{"RateDecay", func(s *settings) { s.lrDecay = d }, outside("the decay of the rate", d, 0, math.MaxFloat64)}
}

// MomentumDecay is the decay of NAdam's momentum (its psi), at least 0.
func MomentumDecay(psi float64) Option {
	return Option{"MomentumDecay", func(s *settings) { s.momentumDecay = psi }, outside("the momentum decay", psi, 0, math.MaxFloat64)}
}

// NewtonSchulz is the number of Newton–Schulz iterations of Muon, 1 to 99.
func NewtonSchulz(steps int) Option {
	return Option{"NewtonSchulz", func(s *settings) { s.nsSteps = steps }, outside("the number of iterations", float64(steps), 1, 99)}
}

// MatchRMS makes Muon scale the update of a rows × cols matrix by
// 0.2·√max(rows, cols) instead of √max(1, rows/cols), so that its size is
// AdamW's and a learning rate tuned for that serves (Liu et al., Muon is
// Scalable for LLM Training, 2025).
func MatchRMS() Option {
	return Option{name: "MatchRMS", set: func(s *settings) {
		s.adaptWidth = func(rows, cols int) float64 { return 0.2 * math.Sqrt(float64(max(rows, cols))) }
	}}
}

// Only limits Muon to the matrices that the filter selects.
func Only(f Filter) Option {
	return Option{name: "Only", set: func(s *settings) { s.only = f }}
}

// decays are the decoupled weight decays of each parameter.
func (s *settings) decays(ps []*tensor.Param) []float64 {
	d := make([]float64, len(ps))
	for i, p := range ps {
		if selected(p, s.decayOn) {
			d[i] = s.decay
		}
	}
	return d
}
