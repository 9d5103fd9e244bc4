package optim

import (
	"descent/mlkit/internal/kernel"
	"descent/mlkit/tensor"
)

// Chain runs rules one after the other, each on what the one before it made of
// the gradients.
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
	for _, l := range c {
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

// ScaleByLearningRate multiplies the updates by −lr, times the step's schedule
// factor: the usual end of a chain.
func ScaleByLearningRate(lr float64) Rule {
	return func([]*tensor.Param) Link {
		return stateless(func(s *Step) {
			for _, u := range s.Updates {
				kernel.Scale(u, u, float32(-lr*s.Factor))
			}
		})
	}
}

func (s *Step) apply() {
	for i, p := range s.Params {
		if u := s.Updates[i]; u != nil {
			kernel.Add(p.Data, p.Data, u)
		}
	}
}
