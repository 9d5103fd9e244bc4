package compress

import (
	"fmt"
	"math"
	"slices"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// Masks say which weights of a model stay.
type Masks struct {
	Params []*tensor.Param
	// Keep has a number for each weight of each parameter: 1 stays, 0 is
	// pruned. nil keeps the whole parameter.
	Keep [][]float32
}

// Scope says among which weights those with the lowest score are chosen.
type Scope int

const (
	// Global compares the weights of all parameters: some layers lose more.
	Global Scope = iota
	// Each takes the same share of every parameter.
	Each
)

// Magnitude prunes the given share of the weights, in [0, 1]: those of the
// smallest magnitude (Han et al., Learning both weights and connections for
// efficient neural networks, 2015). The number of weights is rounded, half to
// even. Among equals the first go. A weight that is NaN is an error that names
// its parameter. The parameters change only when the masks are applied.
func Magnitude(params []*tensor.Param, sparsity float64, scope Scope) (*Masks, error) {
	return ByScore(params, magnitudes(params), sparsity, scope)
}

func magnitudes(params []*tensor.Param) [][]float32 {
	scores := make([][]float32, len(params))
	for i, p := range params {
		scores[i] = make([]float32, p.Size())
		for k, w := range p.Data {
			scores[i][k] = float32(math.Abs(float64(w)))
		}
	}
	return scores
}

// Sensitivity is a score for [ByScore]: |w·∂L/∂w|, to first order the change of
// the loss if the weight went (Lee, Ajanthan & Torr, SNIP, 2019). A parameter
// without a gradient gets zeros.
func Sensitivity(params []*tensor.Param, g tensor.Grads) [][]float32 {
	scores := make([][]float32, len(params))
	for i, p := range params {
		scores[i] = make([]float32, p.Size())
		for k, d := range g.Of(p) {
			scores[i][k] = float32(math.Abs(float64(p.Data[k] * d)))
		}
	}
	return scores
}

// ByScore prunes the given share of the weights, in [0, 1]: those with the
// lowest scores, of which there is one for each weight of each parameter.
func ByScore(params []*tensor.Param, scores [][]float32, sparsity float64, scope Scope) (*Masks, error) {
	if err := checkShare(sparsity); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if len(scores) != len(params) {
		return nil, fmt.Errorf("compress: scores for %d parameters, but there are %d", len(scores), len(params))
	}
	m := &Masks{Params: params}
	for i, p := range params {
		if len(scores[i]) != p.Size() {
			return nil, fmt.Errorf("compress: %s has %d weights and %d scores", called(p, i), p.Size(), len(scores[i]))
		}
		if k := slices.IndexFunc(scores[i], func(s float32) bool { return s != s }); k >= 0 {
			return nil, fmt.Errorf("compress: the score of weight %d of %s is NaN: the training had failed before", k, called(p, i))
		}
	}
	if scope == Each {
		for _, s := range scores {
			m.Keep = append(m.Keep, highest(s, sparsity))
		}
		return m, nil
	}
	all := highest(slices.Concat(scores...), sparsity)
	for _, s := range scores {
		m.Keep, all = append(m.Keep, all[:len(s):len(s)]), all[len(s):]
	}
	return m, nil
}

// highest are 1 for scores that stay when the given share of the lowest goes.
func highest(scores []float32, sparsity float64) []float32 {
	keep := slices.Repeat([]float32{1}, len(scores))
	n := int(math.RoundToEven(sparsity * float64(len(scores))))
	if n == 0 {
		return keep
	}
	sorted := slices.Clone(scores)
	slices.Sort(sorted)
	limit := sorted[n-1]
	for k, s := range scores {
		if s < limit {
			keep[k], n = 0, n-1
		}
	}
	for k, s := range scores { // of those at the limit the first
		if s == limit && n > 0 {
			keep[k], n = 0, n-1
		}
	}
	return keep
}

// checkShare checks a sparsity.
func checkShare(sparsity float64) error {
	if !(sparsity >= 0 && sparsity <= 1) {
		return fmt.Errorf("a sparsity of %v: it is a share of the weights, from 0 to 1", sparsity)
	}
	return nil
}

func notFinite(x float32) bool { return math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) }

func called(p *tensor.Param, i int) string {
	if p.Name != "" {
		return p.Name
	}
	return fmt.Sprintf("parameter %d", i)
}

// Apply makes the pruned weights zero.
func (m *Masks) Apply() {
	for i, p := range m.Params {
		zero(p.Data, m.Keep[i])
	}
}

// zero clears what is not kept.
func zero(x, keep []float32) {
	if x == nil {
		return
	}
	for k, keep := range keep {
		if keep == 0 {
			x[k] = 0
		}
	}
}

// Sparsity is the share of pruned weights among all that the masks know.
func (m *Masks) Sparsity() float64 {
	pruned, all := 0, 0
	for i, p := range m.Params {
		all += p.Size()
		for _, k := range m.Keep[i] {
			if k == 0 {
				pruned++
			}
		}
	}
	if all == 0 {
		return 0
	}
	return float64(pruned) / float64(all)
}

// Around makes a rule leave pruned weights at zero, whatever it does: momentum,
// weight decay, averages. Their gradients are zero for the rule, also when it
// clips by their norm. The masks are saved with the optimizer's state, and a
// checkpoint that is loaded writes into m. Parameters that the masks do not
// name are trained as ever. Sharpness-aware minimisation ([optim.SAM]) looks
// around the point in all directions, also those of pruned weights; its steps
// leave them at zero.
func (m *Masks) Around(inner optim.Rule) optim.Rule {
	return func(ps []*tensor.Param) optim.Link {
		l := &masked{Link: inner(ps), params: ps, keep: make([][]float32, len(ps))}
		for i, p := range m.Params {
			at := slices.Index(ps, p)
			if at < 0 {
				panic(fmt.Sprintf("compress: the masks prune %s, which the optimizer does not train", called(p, i)))
			}
			if m.Keep[i] != nil {
				l.keep[at] = m.Keep[i]
				l.slots = append(l.slots, optim.Slot{Name: "mask", Param: at, Data: m.Keep[i]})
			}
		}
		return l
	}
}

// masked is a rule with masks around it.
type masked struct {
	optim.Link
	params []*tensor.Param
	keep   [][]float32 // by parameter of the optimizer; nil for none
	slots  []optim.Slot
}

// Average implements optim.Averager: what is pruned is zero in the average,
// too.
func (l *masked) Average(on bool) {
	optim.AverageLink(l.Link, on)
	for i, p := range l.params {
		zero(p.Data, l.keep[i])
	}
}

func (l *masked) State() []optim.Slot { return slices.Concat(l.Link.State(), l.slots) }

func (l *masked) Update(s *optim.Step) {
	for i, u := range s.Updates {
		zero(u, l.keep[i])
	}
	l.Link.Update(s)
	s.Apply()
	for i, p := range s.Params {
		zero(p.Data, l.keep[i])
	}
}

// Snapshot is a copy of the parameters' values.
func Snapshot(params []*tensor.Param) [][]float32 {
	all := make([][]float32, len(params))
	for i, p := range params {
		all[i] = slices.Clone(p.Data)
	}
	return all
}

// Rewind sets the parameters back to an earlier [Snapshot]. With masks applied
// after it, the network is a lottery ticket: the weights that survived, where
// they were at the start or after a few steps (Frankle & Carbin, The lottery
// ticket hypothesis, 2019). A snapshot of other sizes panics.
func Rewind(params []*tensor.Param, to [][]float32) {
	if len(params) != len(to) {
		panic(fmt.Sprintf("compress: a snapshot of %d parameters for a model of %d", len(to), len(params)))
	}
	for i, p := range params {
		if len(to[i]) != p.Size() {
			panic(fmt.Sprintf("compress: the snapshot has %d weights for %s, which has %d", len(to[i]), called(p, i), p.Size()))
		}
		copy(p.Data, to[i])
	}
}
