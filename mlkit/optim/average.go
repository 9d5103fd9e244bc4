package optim

import (
	"fmt"
	"math"
	"slices"

	"descent/mlkit/tensor"
)

// Lookahead lets a rule take k steps, then moves slow weights the fraction
// alpha of the way to where it got and starts again from there (Zhang et al.,
// Lookahead Optimizer: k steps forward, 1 step back, 2019; k = 5 or 10, alpha =
// 0.5). The model holds the fast weights between; after a multiple of k steps
// they are the slow ones. The rule's own state runs on, as in optax by default.
func Lookahead(inner Rule, k int, alpha float64) Rule {
	if k < 1 || !(alpha > 0 && alpha <= 1) {
		panic(fmt.Sprintf("optim: Lookahead with k = %d and alpha = %v: need k ≥ 1 and 0 < alpha ≤ 1", k, alpha))
	}
	return func(ps []*tensor.Param) Link {
		l := &perParam{params: ps}
		return &lookahead{Link: noAverages("Lookahead", inner(ps)), k: k, alpha: float32(alpha),
			slow: l.buffers("slow_param"), slots: l.slots, count: make([]float32, 1)}
	}
}

type lookahead struct {
	Link
	k     int
	alpha float32
	slow  [][]float32
	slots []Slot
	count []float32 // steps since the slow weights were set, plus 1; 0 before the first
}

func (l *lookahead) Update(s *Step) {
	if l.count[0] == 0 { // not at New: the model may be loaded after it
		for i, p := range s.Params {
			copy(l.slow[i], p.Data)
		}
		l.count[0] = 1
	}
	l.Link.Update(s)
	s.Apply()
	if l.count[0]++; int(l.count[0]) <= l.k {
		return
	}
	l.count[0] = 1
	for i, p := range s.Params {
		mix(l.slow[i], p.Data, l.alpha)
		copy(p.Data, l.slow[i])
	}
}

func (l *lookahead) State() []Slot {
	return slices.Concat(l.Link.State(), l.slots, []Slot{{Name: "lookahead_step", Param: -1, Data: l.count}})
}

// mix moves a the fraction c of the way to b. Where they are equal, as for
// frozen parameters, the bits stay.
func mix(a, b []float32, c float32) {
	for k, v := range b {
		a[k] += c * (v - a[k])
	}
}

// EMA keeps an exponential moving average of the weights, which usually
// generalises better than the last ones (Polyak & Juditsky 1992):
//
//	ema := optim.NewEMA(0.999)
//	opt := optim.New(params, ema.Around(optim.Adam(1e-3)))
//	...
//	ema.Swap() // evaluate with the average
//	ema.Swap() // and continue training
//
// After the first step the average is the weights themselves, then a ← decay·a
// + (1−decay)·p, as PyTorch's AveragedModel with get_ema_multi_avg_fn. It is
// saved with the optimizer's state. Buffers, such as running statistics,
// are averages already and are left alone.
type EMA struct {
	decay  float64
	params []*tensor.Param
	avg    [][]float32
	slots  []Slot
	count  []float32
	swap   bool
}

// NewEMA makes an average with the given decay, in [0, 1): 0.999 averages over
// about the last 1000 steps.
func NewEMA(decay float64) *EMA {
	if e := outside("the decay", decay, 0, belowOne); e != "" {
		panic("optim: NewEMA: " + e)
	}
	return &EMA{decay: decay}
}

// Around makes a rule update the average after each of its steps. The EMA
// belongs to the optimizer that was made of the rule last.
func (e *EMA) Around(inner Rule) Rule {
	return func(ps []*tensor.Param) Link {
		l := &perParam{params: ps}
		e.params, e.avg, e.count, e.swap = ps, l.buffers("ema"), make([]float32, 1), false
		e.slots = append(l.slots, Slot{Name: emaCount, Param: -1, Data: e.count})
		return &averaging{noAverages("EMA", inner(ps)), e}
	}
}

// emaCount names an EMA's count of steps.
const emaCount = "ema_step"

type averaging struct {
	Link
	e *EMA
}

func (a *averaging) State() []Slot { return slices.Concat(a.Link.State(), a.e.slots) }

func (a *averaging) Update(s *Step) {
	e := a.e
	if e.swap {
		panic("optim: a step while the averaged weights are swapped in: call EMA.Swap before training on")
	}
	a.Link.Update(s)
	s.Apply()
	first := e.count[0] == 0
	e.count[0]++
	for i, p := range s.Params {
		if first {
			copy(e.avg[i], p.Data)
		} else {
			mix(e.avg[i], p.Data, float32(1-e.decay))
		}
	}
}

// Swap exchanges the weights of the model and their average, and back. Before
// the first step it does nothing.
func (e *EMA) Swap() {
	if e.params == nil || e.count[0] == 0 {
		return
	}
	e.swap = !e.swap
	for i, p := range e.params {
		for k, a := range e.avg[i] {
			e.avg[i][k], p.Data[k] = p.Data[k], a
		}
	}
}

// SkipNonFinite leaves out the steps in which a gradient holds NaN or Inf:
// neither parameters nor the inner rule's state change, nor running statistics
// (but those that a GradSum has committed). Without it a NaN
// gradient makes its parameters NaN, and the running means too. The state
// "skipped" counts what was left out.
func SkipNonFinite(inner Rule) Rule {
	return func(ps []*tensor.Param) Link { return &skipping{inner(ps), make([]float32, 1)} }
}

type skipping struct {
	Link
	skipped []float32
}

func (k *skipping) State() []Slot {
	return slices.Concat(k.Link.State(), []Slot{{Name: "skipped", Param: -1, Data: k.skipped}})
}

func (k *skipping) Update(s *Step) {
	if n := GlobalNorm(s.Updates); math.IsNaN(n) || math.IsInf(n, 0) {
		k.skipped[0]++
		s.Applied, s.Skipped = true, true
		return
	}
	k.Link.Update(s)
	s.Apply()
}
