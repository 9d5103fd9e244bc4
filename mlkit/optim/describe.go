package optim

import (
	"fmt"
	"math"
	"strings"

	"descent/mlkit/tensor"
)

// told is a link that tells what it is.
type told struct {
	Link
	about string
	lr    float64 // NaN if it has none
}

// bare is a link without what only describes it, which small models feel.
func bare(l Link) Link {
	for {
		switch in := l.(type) {
		case told:
			l = in.Link
		case zeroBlind:
			l = in.seeing
		default:
			return l
		}
	}
}

// tell makes a rule's links tell its name and settings.
func tell(rule Rule, name string, lr float64, s settings) Rule {
	if !math.IsNaN(lr) {
		name += fmt.Sprintf(", learning rate %v", lr)
	}
	about := name + s.String()
	return func(ps []*tensor.Param) Link {
		counts := ""
		if s.decay != 0 {
			counts = selection(ps, s.decayOn)
		}
		return told{rule(ps), about + counts, lr}
	}
}

// tellOf is tell for a rule with settings of its own.
func tellOf(rule Rule, format string, args ...any) Rule {
	return tell(rule, fmt.Sprintf(format, args...), math.NaN(), settings{})
}

// selection says which parameters filters select, where it is not all.
func selection(ps []*tensor.Param, filters []Filter) string {
	var on []string
	for _, p := range ps {
		if selected(p, filters) {
			on = append(on, p.Name)
		}
	}
	if len(on) == len(ps) {
		return ""
	}
	return " on " + strings.Join(on, " ")
}

// String lists the settings that are not zero.
func (s settings) String() string {
	var b strings.Builder
	for _, v := range []struct {
		name  string
		value float64
	}{
		{"beta1", s.beta1}, {"beta2", s.beta2}, {"eps", s.eps}, {"momentum", s.momentum}, {"dampening", s.dampening}, {"rho", s.rho}, {"rate decay", s.lrDecay},
		{"initial accumulator", s.accumulator}, {"momentum decay", s.momentumDecay}, {"Newton–Schulz steps", float64(s.nsSteps)}, {"weight decay", s.decay},
	} {
		if v.value != 0 {
			fmt.Fprintf(&b, ", %s %v", v.name, v.value)
		}
	}
	for _, v := range []struct {
		name string
		on   bool
	}{{"Nesterov", s.nesterov}, {"centred", s.centered}, {"momentum by a schedule", s.momenta != nil}} {
		if v.on {
			b.WriteString(", " + v.name)
		}
	}
	if s.adaptWidth != nil {
		fmt.Fprintf(&b, ", a 64×16 matrix by %.4g", s.adaptWidth(64, 16))
	}
	return b.String()
}

// String names the rule and its settings: "Adam, learning rate 0.001, beta1
// 0.9, beta2 0.999, eps 1e-08". A custom rule is named by its type, or by its
// link's method String. Schedules are functions and not part of it.
func (o *Optimizer) String() string { return describe(o.link) }

func describe(l Link) string {
	switch l := l.(type) {
	case told:
		return l.about
	case chain:
		parts := make([]string, len(l))
		for i, m := range l {
			parts[i] = describe(m)
		}
		return strings.Join(parts, " → ")
	case *grouped:
		parts := make([]string, len(l.parts))
		for k, m := range l.parts {
			parts[k] = fmt.Sprintf("%s of %d parameters: %s", m.Name, len(m.index), describe(m.link))
			if m.Factor != 0 {
				parts[k] += fmt.Sprintf(", factor %v", m.Factor)
			}
		}
		return "groups (" + strings.Join(parts, "; ") + ")"
	case applying:
		return describe(l.Link)
	case *lookahead:
		return fmt.Sprintf("Lookahead, k %d, alpha %v, of (%s)", l.k, l.alpha, describe(l.Link))
	case *averaging:
		return fmt.Sprintf("EMA, decay %v, of (%s)", l.e.decay, describe(l.Link))
	case *skipping:
		return fmt.Sprintf("SkipNonFinite of (%s)", describe(l.Link))
	case fmt.Stringer:
		return l.String()
	case stateless, zeroBlind:
		return "Stateless"
	}
	return fmt.Sprintf("%T", l)
}

// LearningRate is the learning rate of the next step: that of the rule, times
// the schedule's factor and Scale. Of several groups it is that of the first
// one that has a rate. A custom link reports its rate through a method
// LearningRate() float64; where no link does, it is NaN.
func (o *Optimizer) LearningRate() float64 { return o.Factor() * rateOf(o.link, o.steps) }

// rateOf is a link's learning rate in a step counted from 0, before the
// optimizer's own factor.
func rateOf(l Link, step int) float64 {
	switch l := l.(type) {
	case told:
		return l.lr
	case interface{ LearningRate() float64 }:
		return l.LearningRate()
	case chain:
		for i := len(l) - 1; i >= 0; i-- {
			if r := rateOf(l[i], step); !math.IsNaN(r) {
				return r
			}
		}
	case *grouped:
		for k := range l.parts {
			m := &l.parts[k]
			r := rateOf(m.link, step)
			if m.Factor != 0 {
				r *= m.Factor
			}
			if m.Schedule != nil {
				r *= m.Schedule(step)
			}
			if !math.IsNaN(r) {
				return r
			}
		}
	case applying:
		return rateOf(l.Link, step)
	case *lookahead:
		return rateOf(l.Link, step)
	case *averaging:
		return rateOf(l.Link, step)
	case *skipping:
		return rateOf(l.Link, step)
	case *maxNorm:
		return rateOf(l.Link, step)
	}
	return math.NaN()
}
