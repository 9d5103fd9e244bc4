package compress

import (
	"fmt"
	"math"
	"slices"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// Pruning prunes while a rule trains: at regular intervals it makes new masks,
// until the sparsity of its schedule is reached. What is pruned stays zero.
type Pruning struct {
	// Filter selects the parameters that lose weights; nil: [optim.Matrices].
	// Those that are frozen lose none, and Sparsity does not count them.
	Filter optim.Filter
	Scope  Scope
	// Sparsity is the share of zeros after a step, counted from 1: [Gradual],
	// or a function of your own. A share that falls leaves the masks as they
	// are.
	Sparsity func(step int) float64
	// Every is how many steps the masks stay; 0 is 1.
	Every int
	// ByMovement prunes what moves towards zero instead of what is near it (see
	// [Movement]).
	ByMovement bool

	masks *Masks
}

// Gradual is the schedule of Zhu & Gupta (To prune, or not to prune, 2017,
// equation 1): from one sparsity to another between two steps, fast at first,
// as
//
//	to + (from − to)·(1 − (step − begin)/(end − begin))³
//
// and constant after it. Until begin nothing is pruned.
func Gradual(from, to float64, begin, end int) func(step int) float64 {
	if !(from >= 0 && from <= to && to <= 1) || begin < 0 || end <= begin {
		panic(fmt.Sprintf("compress: Gradual(%v, %v, %d, %d): need 0 ≤ from ≤ to ≤ 1 and 0 ≤ begin < end", from, to, begin, end))
	}
	return func(step int) float64 {
		if step < begin {
			return 0
		}
		left := 1 - min(float64(step-begin)/float64(end-begin), 1)
		return to + (from-to)*left*left*left
	}
}

// Masks are the masks of the optimizer that was made of the rule last, nil
// before there is one.
func (p *Pruning) Masks() *Masks { return p.masks }

// Around makes a rule prune. A weight that is NaN panics, as the training has
// failed then; wrap the inner rule in [optim.SkipNonFinite] where single steps
// may fail.
func (p *Pruning) Around(inner optim.Rule) optim.Rule {
	if p.Sparsity == nil || p.Every < 0 {
		panic("compress: Pruning needs a Sparsity, for instance Gradual(0, 0.9, 0, 1000), and an Every that is not negative")
	}
	return func(ps []*tensor.Param) optim.Link {
		m := &Masks{}
		l := &pruning{masked: masked{Link: inner(ps), params: ps, keep: make([][]float32, len(ps))}, p: p,
			reached: make([]float32, 1)}
		for i, q := range ps {
			if p.Filter != nil && !p.Filter(q) || p.Filter == nil && !optim.Matrices(q) {
				continue
			}
			keep := slices.Repeat([]float32{1}, q.Size())
			m.Params, m.Keep, l.keep[i] = append(m.Params, q), append(m.Keep, keep), keep
			l.slots = append(l.slots, optim.Slot{Name: "mask", Param: i, Data: keep})
			if p.ByMovement {
				l.movement = append(l.movement, make([]float32, q.Size()))
				l.moved = append(l.moved, make([]float32, q.Size()))
				l.slots = append(l.slots, optim.Slot{Name: "movement", Param: i, Data: l.movement[len(l.movement)-1]})
			}
			l.at = append(l.at, i)
		}
		if len(m.Params) == 0 {
			panic("compress: the Filter of Pruning selects no parameter")
		}
		l.slots = append(l.slots, optim.Slot{Name: "sparsity", Param: -1, Data: l.reached})
		p.masks = m
		l.masks = m
		return l
	}
}

type pruning struct {
	masked
	p        *Pruning
	masks    *Masks
	at       []int       // of the masks' parameters among the optimizer's
	movement [][]float32 // of the masks' parameters
	moved    [][]float32 // the same, of one step
	reached  []float32   // the sparsity of the masks
}

func (l *pruning) Update(s *optim.Step) {
	// The rule overwrites weights and gradients, and says only then whether the
	// step counts.
	for i, moved := range l.moved {
		clear(moved)
		addMovement(moved, l.masks.Params[i].Data, s.Updates[l.at[i]])
	}
	l.masked.Update(s)
	for i, moved := range l.moved {
		for k := range moved {
			if !s.Skipped {
				l.movement[i][k] += moved[k]
			}
		}
	}
	if s.N%max(l.p.Every, 1) != 0 {
		return
	}
	target := l.p.Sparsity(s.N)
	if float32(target) <= l.reached[0] {
		return
	}
	scores := magnitudes(l.masks.Params)
	for i := range l.movement {
		copy(scores[i], l.movement[i])
	}
	for i, keep := range l.masks.Keep { // what is pruned goes first
		for k, keep := range keep {
			if keep == 0 {
				scores[i][k] = float32(math.Inf(-1))
			}
		}
	}
	var trained Masks // what is frozen stays as it is
	for i, q := range l.masks.Params {
		if !q.Frozen {
			trained.Params, trained.Keep = append(trained.Params, q), append(trained.Keep, l.masks.Keep[i])
			scores[len(trained.Params)-1] = scores[i]
		}
	}
	m, err := ByScore(trained.Params, scores[:len(trained.Params)], target, l.p.Scope)
	if err != nil {
		panic(err)
	}
	for i, keep := range m.Keep {
		copy(trained.Keep[i], keep)
	}
	l.masks.Apply()
	l.reached[0] = float32(target)
}

// Movement adds to the scores what a step of a gradient g moves the weights
// away from zero: −w·g. Summed up over a training these are the scores of Sanh,
// Wolf & Rush (Movement pruning, 2020, equation 4) with a constant learning
// rate. There weights that were pruned can come back, as the masked ones are
// trained on; here they stay zero.
func Movement(scores, w, g []float32) {
	if len(scores) != len(w) || len(g) != len(w) {
		panic(fmt.Sprintf("compress: Movement with %d scores, %d weights and %d gradients", len(scores), len(w), len(g)))
	}
	addMovement(scores, w, g)
}

func addMovement(scores, w, g []float32) {
	for k, d := range g {
		scores[k] -= w[k] * d
	}
}
