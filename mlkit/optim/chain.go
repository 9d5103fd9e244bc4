package optim

import (
	"fmt"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

// Chain runs rules one after the other, each on what the one before it made of
// the gradients. The short names (SGD, Adam, …), [Groups], [Lookahead] and the
// other wrappers change the parameters themselves and must come last; a link
// after them would have no effect, and panics at the first step.
func Chain(rules ...Rule) Rule {
	return func(ps []*tensor.Param) Link {
		c := make(chain, len(rules))
		for i, r := range rules {
			c[i] = r(ps)
		}
		return c
	}
}

type chain []Link

func (c chain) Update(s *Step) {
	for i, l := range c {
		if s.Applied {
			panic(fmt.Sprintf("optim: link %d of the chain comes after one that has already changed the parameters (SGD, Adam and the other short names do): move it before", i))
		}
		l.Update(s)
	}
}

func (c chain) State() []Slot {
	var all []Slot
	for _, l := range c {
		all = append(all, l.State()...)
	}
	return all
}

// stateless makes a link of a function that remembers nothing.
type stateless func(s *Step)

func (f stateless) Update(s *Step) { f(s) }
func (f stateless) State() []Slot  { return nil }

// Stateless makes a rule of a function that changes the updates of a step in
// place and remembers nothing.
func Stateless(f func(s *Step)) Rule {
	return func([]*tensor.Param) Link { return stateless(f) }
}

// byRows is Stateless for a function that ignores zeros, and so the rows that
// an update lacks; sees is how much of the updates it looks at.
func byRows(sees sight, f func(s *Step)) Rule {
	return func([]*tensor.Param) Link { return zeroBlind{seeing{stateless: f, sees: sees}} }
}

// ScaleByLearningRate multiplies the updates by −lr, times the step's schedule
// factor: the usual end of a chain.
func ScaleByLearningRate(lr float64) Rule {
	checkRate("ScaleByLearningRate", lr)
	return tell(byRows(elements, func(s *Step) {
		for _, u := range s.Updates {
			elementwise.Scale(u, u, float32(-lr*s.Factor))
		}
	}), "ScaleByLearningRate", lr, settings{})
}

// descend is the chain behind a short name: a direction, decoupled weight
// decay, the learning rate; then it changes the parameters.
func descend(rule string, lr float64, s settings, direction ...Rule) Rule {
	checkRate(rule, lr)
	links := direction
	if s.decay != 0 {
		links = append(links, AddDecayedWeights(s.decay, s.decayOn...))
	}
	return tell(applied(Chain(append(links, ScaleByLearningRate(lr))...)), rule, lr, s)
}

// applied makes a rule add its updates to the parameters itself.
func applied(r Rule) Rule {
	return func(ps []*tensor.Param) Link { return applying{r(ps)} }
}

type applying struct{ Link }

func (a applying) Update(s *Step) {
	a.Link.Update(s)
	s.Apply()
}

// Apply adds the updates to the parameters, once: for a rule around another
// that must see what came of it.
func (s *Step) Apply() {
	if s.Applied {
		return
	}
	s.narrow()
	for i, p := range s.Params {
		switch u, at := s.Updates[i], s.at(i); {
		case at != nil:
			elementwise.AxpyRows(p.Data, 1, u, at, width(p))
		case u != nil:
			elementwise.Add(p.Data, p.Data, u)
		}
	}
	s.Applied = true
}
