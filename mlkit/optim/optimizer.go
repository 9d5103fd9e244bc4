package optim

import (
	"fmt"
	"math"
	"slices"

	"descent/mlkit/tensor"
)

// A Rule is the recipe of an optimizer, or of one link of it. It holds no
// state: [New] builds the state for a list of parameters, so one Rule can
// serve many models.
type Rule func(params []*tensor.Param) Link

// A Link is a Rule at work on given parameters: one transformation of the
// updates, with what it remembers from step to step.
type Link interface {
	// Update changes the updates of a step in place.
	Update(s *Step)
	// State lists what a checkpoint must hold to resume exactly from here. The
	// slices are the link's own memory: loading a checkpoint writes into them.
	State() []Slot
}

// Slot is one piece of a link's state.
type Slot struct {
	Name string // "exp_avg", PyTorch's name where there is one
	// Param is the index of the parameter it belongs to, −1 for none.
	Param int
	Data  []float32

	byElement bool // a number for each element of the parameter
}

// Step is one step on its way through a chain.
type Step struct {
	// N counts the steps from 1.
	N int
	// Factor scales every learning rate in this step (see Optimizer.Schedule).
	Factor float64
	Params []*tensor.Param
	// Updates holds the gradient of each parameter at first, and in the end
	// what is added to the parameter. nil means no gradient in this step: leave
	// the parameter alone.
	Updates [][]float32
	// Applied is set by a fused last link that has changed the parameters
	// itself; the updates are then not added.
	Applied bool
	// Skipped is set by a link that leaves the whole step out; the buffers
	// (running statistics) then stay as they are, too.
	Skipped bool

	// rows, where not nil, are the rows of the parameter that Updates holds,
	// one after the other; the update of all others is zero. Only links that
	// can work with such updates (see rowLink) get them.
	rows [][]int32
	// factors, where not nil, are what the update is the product of; Updates
	// has none then. Only links that can work with them (see factorLink) get
	// them.
	factors []factors
	sparse  bool // there may be rows or factors

	own      [][2]int // of NewShare: the elements that Params hold; nil: all
	narrowed bool     // and so do Updates
}

// Optimizer changes parameters by their gradients.
type Optimizer struct {
	// Schedule, if any, scales every learning rate; so does Scale, which a
	// plateau rule may lower (0 means 1). A factor below 0 or NaN panics.
	Schedule Schedule
	Scale    float64

	params []*tensor.Param
	link   Link
	bare   Link // the same without what only describes it
	step   Step
	steps  int
	byRows []bool     // the link can do with the rows of a gradient
	outer  bool       // and with the factors of any
	others []Averager // the links that train at other weights
	shares [][][2]int // of NewShare, by rank
}

// New makes an optimizer for the parameters. It panics when one is there twice:
// it would take two steps at once.
func New(params []*tensor.Param, rule Rule) *Optimizer {
	seen := map[*tensor.Param]bool{}
	for i, p := range params {
		if p == nil || seen[p] {
			panic(fmt.Sprintf("optim: parameter %d is nil, or there twice (two models may share it): nn.Params of one struct that holds them lists each once", i))
		}
		seen[p] = true
	}
	l := rule(params)
	o := &Optimizer{params: params, link: l, bare: bare(l), byRows: make([]bool, len(params)), outer: takesFactors(l),
		step: Step{Params: params, Updates: make([][]float32, len(params)), rows: make([][]int32, len(params))}}
	if o.outer {
		o.step.factors = make([]factors, len(params))
	}
	for i := range params {
		o.byRows[i] = takesRows(l, i)
	}
	eachAverager(o.link, func(a Averager) { o.others = append(o.others, a) })
	return o
}

// Params are the parameters that the optimizer changes.
func (o *Optimizer) Params() []*tensor.Param { return o.params }

// Steps is the number of steps taken.
func (o *Optimizer) Steps() int { return o.steps }

// SetSteps sets the step counter, for resuming.
func (o *Optimizer) SetSteps(n int) { o.steps = n }

// State lists the state of all links, for checkpoints. No two slots of a
// parameter have the same name: the second "step" of a chain is "step.1".
func (o *Optimizer) State() []Slot {
	slots := slices.Clone(o.link.State())
	type key struct {
		name  string
		param int
	}
	seen := map[key]int{}
	for i, s := range slots {
		k := key{s.Name, s.Param}
		if n := seen[k]; n > 0 {
			slots[i].Name = fmt.Sprintf("%s.%d", s.Name, n)
		}
		seen[k]++
	}
	return slots
}

// Factor is the factor on every learning rate at the next step.
func (o *Optimizer) Factor() float64 {
	f := 1.0
	if o.Schedule != nil {
		f = o.Schedule(o.steps)
	}
	if o.Scale != 0 {
		f *= o.Scale
	}
	return f
}

// Step changes every parameter that has a gradient in g by one step, and
// commits the buffers of g's tape (running statistics). It consumes the
// gradients: they are scaled and clipped in place. Frozen parameters and those
// that the loss does not depend on stay as they are. A gradient with NaN makes
// its parameters NaN (see [SkipNonFinite]).
func (o *Optimizer) Step(g tensor.Grads) {
	if o.update(g); !o.step.Skipped {
		g.Commit()
	}
}

func (o *Optimizer) update(g tensor.Grads) {
	s := &o.step
	// A formula that ends at 0 may miss it by a rounding.
	if s.Factor = o.Factor(); !(s.Factor > -1e-12 && s.Factor <= math.MaxFloat64) {
		panic(fmt.Sprintf("optim: the factor on the learning rate is %v at step %d, must be finite and at least 0: look at the Schedule", s.Factor, o.steps))
	}
	o.steps++
	s.N, s.Applied, s.Skipped, s.narrowed = o.steps, false, false, false
	if s.sparse = g.Wait(); s.sparse {
		o.takeSparse(g)
	} else {
		g.OfAll(o.params, s.Updates)
	}
	o.bare.Update(s)
	if !s.Applied {
		s.Apply()
	}
	clear(s.Updates) // they die with the tape's step
	if s.sparse {
		clear(s.rows)
		clear(s.factors)
	}
}

// takeSparse takes gradients as rows or factors where they are there as such
// and the link can do with them.
func (o *Optimizer) takeSparse(g tensor.Grads) {
	s := &o.step
	for i, p := range o.params {
		if p.Frozen {
			continue
		}
		if o.outer {
			if column, row := g.Outer(p, i); row != nil {
				s.factors[i] = factors{column, row}
				continue
			}
		}
		if o.byRows[i] {
			s.rows[i], s.Updates[i] = g.Rows(p, i)
		} else {
			s.Updates[i] = g.OfHint(p, i)
		}
	}
}
