package search

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
	"strings"
	"text/tabwriter"
)

// Parameter is one hyper-parameter of a search and the values it may take.
// Make it with [Choice], [Uniform], [LogUniform] or [Integers].
type Parameter struct {
	Name   string
	values []any // of a Choice
	draw   func(rng *rand.Rand) any
	err    string
}

// Choice is a hyper-parameter with one of the given values, of any type.
func Choice[T any](name string, values ...T) Parameter {
	d := Parameter{Name: name}
	for _, v := range values {
		d.values = append(d.values, v)
	}
	if len(values) == 0 {
		d.err = "has no values"
	}
	d.draw = func(rng *rand.Rand) any { return d.values[rng.IntN(len(d.values))] }
	return d
}

// Uniform is a float64 that is drawn evenly from [low, high).
func Uniform(name string, low, high float64) Parameter {
	d := Parameter{Name: name, draw: func(rng *rand.Rand) any { return low + (high-low)*rng.Float64() }}
	if !(low < high) {
		d.err = fmt.Sprintf("has an empty range, %v to %v", low, high)
	}
	return d
}

// LogUniform is a float64 whose logarithm is drawn evenly: for rates and
// penalties, of which the order of magnitude is sought. 0 < low < high.
func LogUniform(name string, low, high float64) Parameter {
	d := Uniform(name, math.Log(low), math.Log(high))
	if !(low > 0 && low < high) {
		d.err = fmt.Sprintf("needs 0 < low < high for its logarithm, not %v and %v", low, high)
	}
	log := d.draw
	d.draw = func(rng *rand.Rand) any { return math.Exp(log(rng).(float64)) }
	return d
}

// Integers is an int that is drawn evenly from low to high, both included.
func Integers(name string, low, high int) Parameter {
	d := Parameter{Name: name, draw: func(rng *rand.Rand) any { return low + rng.IntN(high-low+1) }}
	if high < low {
		d.err = fmt.Sprintf("has an empty range, %d to %d", low, high)
	}
	return d
}

// Params is a value for each hyper-parameter. Its methods panic for a name that
// the search has not, or a value of another type.
type Params struct {
	// Number tells the points of a search apart, from 0. A successive halving
	// comes back to a point under its number.
	Number int
	names  []string
	values []any
}

// Value is the value of a hyper-parameter.
func (p Params) Value(name string) any {
	for i, n := range p.names {
		if n == name {
			return p.values[i]
		}
	}
	panic(fmt.Sprintf("search: no hyper-parameter %q in the search; it has %v", name, p.names))
}

// Float is the value of a float64.
func (p Params) Float(name string) float64 { return valueOf[float64](p, name) }

// Int is the value of an int.
func (p Params) Int(name string) int { return valueOf[int](p, name) }

// Text is the value of a string.
func (p Params) Text(name string) string { return valueOf[string](p, name) }

func valueOf[T any](p Params, name string) T {
	v, ok := p.Value(name).(T)
	if !ok {
		panic(fmt.Sprintf("search: the hyper-parameter %q is of type %T, not %T", name, p.Value(name), v))
	}
	return v
}

// String lists names and values.
func (p Params) String() string {
	var s []string
	for i, n := range p.names {
		s = append(s, fmt.Sprintf("%s=%s", n, cell(p.values[i])))
	}
	return strings.Join(s, " ")
}

// Trial is one evaluation of a point.
type Trial struct {
	Params Params
	Budget int     // what a successive halving gave it, else 0
	Score  float64 // the smaller the better
	Err    error   // of the evaluation
}

// Trials are the results of a search, in the order of evaluation.
type Trials []Trial

// GridSearch evaluates every combination of the values of Choices, the last
// dimension fastest. score trains a model and returns the value to minimise, as
// the loss on validation data. A trial that returns an error, or NaN, counts as
// the worst and the search goes on; only when all fail is that an error of the
// search. A cancelled context ends it; the trials so far are returned in any
// case.
func GridSearch(ctx context.Context, space []Parameter,
	score func(ctx context.Context, p Params) (float64, error)) (Trials, error) {
	names, err := check(space)
	if err != nil {
		return nil, err
	}
	total := 1
	for _, d := range space {
		if d.values == nil {
			return nil, fmt.Errorf("search: GridSearch: %q is a range; list values with Choice, or use RandomSearch", d.Name)
		}
		total *= len(d.values)
	}
	points := make([]Params, total)
	for i := range points {
		p := Params{Number: i, names: names, values: make([]any, len(space))}
		for k, rest := len(space)-1, i; k >= 0; k-- {
			n := len(space[k].values)
			p.values[k] = space[k].values[rest%n]
			rest /= n
		}
		points[i] = p
	}
	return evaluate(ctx, points, 0, plain(score))
}

// RandomSearch evaluates n points drawn from the space; the same seed draws
// the same points. Where few of many hyper-parameters matter it finds better
// values than a grid of as many points (Bergstra & Bengio 2012). Errors are
// treated as in [GridSearch].
func RandomSearch(ctx context.Context, space []Parameter, n int, seed uint64,
	score func(ctx context.Context, p Params) (float64, error)) (Trials, error) {
	points, err := sample(space, n, seed)
	if err != nil {
		return nil, err
	}
	return evaluate(ctx, points, 0, plain(score))
}

// Halving says how a successive halving spends its budget.
type Halving struct {
	Points int // drawn at the start
	// Min and Max are the budgets of a point in the first and the last round,
	// in any unit: epochs, samples.
	Min, Max int
	Eta      int // 1/Eta of the points stay, with Eta times the budget; 0 means 3
	Seed     uint64
}

// SuccessiveHalving evaluates random points with a small budget, the best of
// them with a larger one, and so on until one is left or Max is reached
// (Jamieson & Talwalkar, Non-stochastic Best Arm Identification and
// Hyperparameter Optimization, 2016). score trains from the start with the
// given budget, or goes on with what it keeps under the point's Number. Errors
// are treated as in [GridSearch]; points that failed do not come back.
func SuccessiveHalving(ctx context.Context, space []Parameter, h Halving,
	score func(ctx context.Context, p Params, budget int) (float64, error)) (Trials, error) {
	if h.Eta == 0 {
		h.Eta = 3
	}
	if h.Min < 1 || h.Max < h.Min || h.Eta < 2 {
		return nil, fmt.Errorf("search: SuccessiveHalving with budgets %d to %d and Eta %d: need 1 ≤ Min ≤ Max and Eta ≥ 2", h.Min, h.Max, h.Eta)
	}
	points, err := sample(space, h.Points, h.Seed)
	if err != nil {
		return nil, err
	}
	var all Trials
	for budget := h.Min; ; budget = min(budget*h.Eta, h.Max) {
		round, err := evaluate(ctx, points, budget, score)
		all = append(all, round...)
		if err != nil || budget == h.Max || len(points) == 1 {
			return all, err
		}
		points = points[:0:0]
		for _, t := range round.Sorted()[:(len(round)+h.Eta-1)/h.Eta] {
			if !t.failed() {
				points = append(points, t.Params)
			}
		}
	}
}

func plain(score func(context.Context, Params) (float64, error)) func(context.Context, Params, int) (float64, error) {
	return func(ctx context.Context, p Params, _ int) (float64, error) { return score(ctx, p) }
}

func check(space []Parameter) (names []string, err error) {
	seen := map[string]bool{}
	for _, d := range space {
		if d.err != "" {
			return nil, fmt.Errorf("search: search: %q %s", d.Name, d.err)
		}
		if d.draw == nil || seen[d.Name] {
			return nil, fmt.Errorf("search: search: %q is there twice, or was not made by Choice, Uniform, LogUniform or Integers", d.Name)
		}
		seen[d.Name] = true
		names = append(names, d.Name)
	}
	if len(names) == 0 {
		return nil, errors.New("search: search: no hyper-parameters given")
	}
	return names, nil
}

func sample(space []Parameter, n int, seed uint64) ([]Params, error) {
	names, err := check(space)
	if err != nil {
		return nil, err
	}
	if n < 1 {
		return nil, fmt.Errorf("search: search: %d points to draw, need at least one", n)
	}
	rng := rand.New(rand.NewPCG(seed, 0x736561726368))
	points := make([]Params, n)
	for i := range points {
		points[i] = Params{Number: i, names: names}
		for _, d := range space {
			points[i].values = append(points[i].values, d.draw(rng))
		}
	}
	return points, nil
}

func evaluate(ctx context.Context, points []Params, budget int,
	score func(context.Context, Params, int) (float64, error)) (Trials, error) {
	var trials Trials
	var errs []error
	for _, p := range points {
		if ctx.Err() != nil {
			return trials, fmt.Errorf("search: search: interrupted after %d of %d trials: %w", len(trials), len(points), ctx.Err())
		}
		s, err := score(ctx, p, budget)
		if err != nil && ctx.Err() != nil {
			continue // the context's error, not the trial's
		}
		trials = append(trials, Trial{Params: p, Budget: budget, Score: s, Err: err})
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("trial %d (%v): %w", p.Number, p, err))
		case math.IsNaN(s):
			errs = append(errs, fmt.Errorf("trial %d (%v): the score is NaN", p.Number, p))
		}
	}
	if ctx.Err() != nil && len(trials) < len(points) {
		return trials, fmt.Errorf("search: search: interrupted after %d of %d trials: %w", len(trials), len(points), ctx.Err())
	}
	if len(errs) == len(points) {
		return trials, fmt.Errorf("search: search: every trial failed: %w", errors.Join(errs...))
	}
	return trials, nil
}

func (t Trial) failed() bool { return t.Err != nil || math.IsNaN(t.Score) }

// Sorted puts the best first: larger budgets before smaller ones, then by
// score; what failed comes last.
func (ts Trials) Sorted() Trials {
	out := append(Trials{}, ts...)
	sort.SliceStable(out, func(i, j int) bool {
		a, b := out[i], out[j]
		switch {
		case a.failed() != b.failed():
			return b.failed()
		case a.Budget != b.Budget:
			return a.Budget > b.Budget
		}
		return a.Score < b.Score
	})
	return out
}

// Best is the first of Sorted; false when there is none or all failed.
func (ts Trials) Best() (Trial, bool) {
	if len(ts) == 0 {
		return Trial{}, false
	}
	t := ts.Sorted()[0]
	return t, !t.failed()
}

// Table gives the trials as a header and rows of cells, best first, for
// show.Table.
func (ts Trials) Table() (header []string, rows [][]any) {
	if len(ts) == 0 {
		return nil, nil
	}
	header = append([]string{"trial"}, ts[0].Params.names...)
	budgets := ts[0].Budget != 0
	if budgets {
		header = append(header, "budget")
	}
	header = append(header, "score", "error")
	for _, t := range ts.Sorted() {
		row := append([]any{t.Params.Number}, t.Params.values...)
		if budgets {
			row = append(row, t.Budget)
		}
		text := ""
		if t.Err != nil {
			text = t.Err.Error()
		}
		rows = append(rows, append(row, t.Score, text))
	}
	return header, rows
}

// String is the table as text.
func (ts Trials) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	header, rows := ts.Table()
	fmt.Fprintln(w, strings.Join(header, "\t"))
	for _, row := range rows {
		for i, v := range row {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell(v))
		}
		fmt.Fprintln(w)
	}
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}

func cell(v any) string {
	if f, ok := v.(float64); ok {
		return fmt.Sprintf("%.4g", f)
	}
	return fmt.Sprint(v)
}
