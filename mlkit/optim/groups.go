package optim

import (
	"fmt"
	"math"

	"descent/mlkit/tensor"
)

// Group is a set of parameters with a rule of its own.
type Group struct {
	Name string // for messages
	// On selects the parameters, of those that no earlier group took; nil
	// selects all.
	On Filter
	// Rule changes them. Freeze leaves them alone.
	Rule Rule
	// Factor multiplies the group's learning rate; 0 means 1.
	Factor float64
	// Schedule, if any, multiplies it by a factor that depends on the step, in
	// addition to the optimizer's own.
	Schedule Schedule
}

// Freeze is the rule that changes nothing.
func Freeze(ps []*tensor.Param) Link {
	return zeroBlind{seeing{stateless: func(s *Step) { s.Applied = true }, sees: elements}}
}

// Groups trains groups of parameters by different rules or rates (PyTorch's
// parameter groups), here a pretrained body more slowly than its new head:
//
//	optim.Groups(
//		optim.Group{On: optim.Named("head.*"), Rule: optim.AdamW(1e-3)},
//		optim.Group{Rule: optim.AdamW(1e-3), Factor: 0.1})
//
// A parameter belongs to the first group that selects it; one that none
// selects panics in [New]. A group's rule sees its own parameters only; what
// looks at all of them together, as ClipByGlobalNorm, goes before Groups in a
// chain.
func Groups(groups ...Group) Rule {
	return func(ps []*tensor.Param) Link {
		g := &grouped{parts: make([]part, len(groups))}
		for k, gr := range groups {
			if gr.Rule == nil {
				panic(fmt.Sprintf("optim: group %d %q has no rule: optim.Freeze leaves parameters as they are", k, gr.Name))
			}
			g.parts[k].Group = gr
		}
	next:
		for i, p := range ps {
			for k := range g.parts {
				if m := &g.parts[k]; m.On == nil || m.On(p) {
					m.index = append(m.index, i)
					m.step.Params = append(m.step.Params, p)
					continue next
				}
			}
			panic(fmt.Sprintf("optim: parameter %q %v is in no group: end with a group without On", p.Name, p.Dims()))
		}
		for k := range g.parts {
			m := &g.parts[k]
			m.link = m.Rule(m.step.Params)
			m.step.Updates, m.step.rows = make([][]float32, len(m.index)), make([][]int32, len(m.index))
		}
		return g
	}
}

// ByDepth trains the stages of a network, given from its input to its output,
// at lower rates the farther they are from the output: the last by rule as it
// is, each one before with decay times the learning rate of the next
// (discriminative fine-tuning; Howard & Ruder, ULMFiT, 2018, with a decay of
// 1/2.6). A parameter that no stage selects panics in [New].
//
//	optim.ByDepth(optim.AdamW(1e-3), 0.4, optim.Named("stem.*"), optim.Named("blocks.*"), optim.Named("head.*"))
func ByDepth(rule Rule, decay float64, stages ...Filter) Rule {
	if !(decay > 0) {
		panic(fmt.Sprintf("optim: ByDepth: a decay of %v: must be positive; nn.Freeze leaves parameters as they are", decay))
	}
	groups := make([]Group, len(stages))
	for k, on := range stages {
		groups[k] = Group{Name: fmt.Sprintf("stage %d", k), On: on, Rule: rule,
			Factor: math.Pow(decay, float64(len(stages)-1-k))}
	}
	return Groups(groups...)
}

type grouped struct{ parts []part }

type part struct {
	Group
	index []int    // of the group's parameters among all
	own   [][2]int // of Step.own
	step  Step
	link  Link
}

func (g *grouped) Update(s *Step) {
	for k := range g.parts {
		m := &g.parts[k]
		m.step.N, m.step.Factor, m.step.Applied = s.N, s.Factor, false
		m.step.sparse, m.step.narrowed, m.step.own = s.sparse, s.narrowed, s.ownOf(m)
		if m.Factor != 0 {
			m.step.Factor *= m.Factor
		}
		if m.Schedule != nil {
			m.step.Factor *= m.Schedule(s.N - 1)
		}
		for j, i := range m.index {
			m.step.Updates[j], m.step.rows[j] = s.Updates[i], s.at(i)
		}
		m.link.Update(&m.step)
		m.step.Apply()
		clear(m.step.Updates)
	}
	s.Applied = true
}

func (g *grouped) State() []Slot {
	var all []Slot
	for _, m := range g.parts {
		for _, slot := range m.link.State() {
			if slot.Param >= 0 {
				slot.Param = m.index[slot.Param]
			}
			all = append(all, slot)
		}
	}
	return all
}
