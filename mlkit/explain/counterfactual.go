package explain

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Change says how an input may be changed by [Counterfactual]. The zero value
// lets every element become any number.
type Change struct {
	// Fixed elements stay as they are: a birthplace, an age. nil: none.
	Fixed []bool
	// Low and High are the range of each element; nil for none. A fixed element
	// may lie outside of its own.
	Low, High []float32
	// Scale is how far an element goes for a distance of 1: see [Spreads]. nil:
	// 1 for all.
	Scale []float32
	// Choices are sets of elements of which exactly one is 1 and the others are
	// 0: the columns of a category. Another choice is a distance of 1, and at
	// most two of the choices change. A choice with a fixed element stays.
	Choices [][]int
	// Starts is the number of random inputs from which it searches as well, 0
	// for 20, none if negative; the same Seed gives the same.
	Starts int
	Seed   uint64
}

// Alternative is an input that has the score that was asked for.
type Alternative struct {
	X        []float32
	Score    float64
	Distance float64 // from the input
	Changed  []int   // the elements that differ from it
}

// Counterfactual looks for the nearest input with another score: at least want
// where the input's score is lower, at most want where it is higher (Wachter,
// Mittelstadt & Russell, Counterfactual explanations without opening the black
// box, 2018, with their distance, the sum of |change|/scale, which changes few
// elements). "With a fare of 40 instead of 8 the model would have said yes" is
// about the model; it does not say whether the world follows.
//
// It solves a sequence of linear programs, each for the score's tangent within
// a trust region, from the input and from random starts; for a linear model the
// first start is exact, for others it is the nearest that was found. That
// nothing within the ranges reaches the score is an error.
func Counterfactual(f Scores, in Input, want float64, c Change) (Alternative, error) {
	in, err := in.checked("Counterfactual")
	if err != nil {
		return Alternative{}, err
	}
	s := &search{f: f, in: in, want: want, low: c.Low, high: c.High, scale: c.Scale, fixed: slices.Clone(c.Fixed)}
	if err := s.check(c); err != nil {
		return Alternative{}, err
	}
	first, err := evaluate("Counterfactual", f, in, 1, func(_ int, x []float32) { copy(x, in.X) }, nil)
	if err != nil {
		return Alternative{}, err
	}
	s.sign = 1
	if s.from = first[0]; s.from > want {
		s.sign = -1
	}
	runs := s.choose(c.Choices)
	starts := c.Starts
	if starts == 0 {
		starts = 20
	}
	rng := rand.New(rand.NewPCG(c.Seed, 0))
	for range starts {
		runs = append(runs, s.random(rng))
	}
	if err := s.descend(runs); err != nil {
		return Alternative{}, err
	}
	return s.nearest(runs)
}

// Spreads are the scales of a table's columns [rows, columns] for [Change]: the
// median absolute deviation (Wachter et al. 2018, equation 4), or the standard
// deviation where that is 0, or 1 where all values are equal.
func Spreads(x []float32, columns int) ([]float32, error) {
	if err := table("Spreads", x, columns); err != nil {
		return nil, err
	}
	out := make([]float32, columns)
	column := make([]float64, len(x)/columns)
	for c := range out {
		for r := range column {
			if column[r] = float64(x[r*columns+c]); column[r]-column[r] != 0 {
				return nil, fmt.Errorf("explain: Spreads: row %d of column %d is %v", r, c, column[r])
			}
		}
		std := stat.PopStdDev(column, nil)
		m := median(column)
		for r, v := range column {
			column[r] = math.Abs(v - m)
		}
		out[c] = float32(cmp.Or(median(column), std, 1))
	}
	return out, nil
}

func median(x []float64) float64 {
	s := slices.Sorted(slices.Values(x))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// search is one call of Counterfactual.
type search struct {
	f                Scores
	in               Input
	want, from, sign float64 // the score is to rise by sign
	fixed            []bool
	low, high, scale []float32
}

func (s *search) check(c Change) error {
	n := len(s.in.X)
	for name, l := range map[string]int{"Low": len(c.Low), "High": len(c.High), "Scale": len(c.Scale), "Fixed": len(c.Fixed)} {
		if l != 0 && l != n {
			return fmt.Errorf("explain: Counterfactual: %s has %d elements for an input of %d", name, l, n)
		}
	}
	if s.want-s.want != 0 {
		return fmt.Errorf("explain: Counterfactual: a score of %v is asked for", s.want)
	}
	fill := func(x *[]float32, v float64) {
		if *x == nil {
			*x = slices.Repeat([]float32{float32(v)}, n)
		}
	}
	fill(&s.low, math.Inf(-1))
	fill(&s.high, math.Inf(1))
	fill(&s.scale, 1)
	if s.fixed == nil {
		s.fixed = make([]bool, n)
	}
	for k, v := range s.in.X {
		switch {
		case !(s.scale[k] > 0) || s.scale[k] > math.MaxFloat32:
			return fmt.Errorf("explain: Counterfactual: the scale of element %d is %v: want a positive number", k, s.scale[k])
		case !s.fixed[k] && !(s.low[k] <= v && v <= s.high[k]):
			return fmt.Errorf("explain: Counterfactual: element %d is %v, outside of its range from %v to %v", k, v, s.low[k], s.high[k])
		}
	}
	seen := make([]bool, n)
	for i, set := range c.Choices {
		chosen := 0
		for _, k := range set {
			if k < 0 || k >= n || seen[k] {
				return fmt.Errorf("explain: Counterfactual: choice %d has element %d, which is none of the %d, or in a choice already", i, k, n)
			}
			seen[k] = true
			switch s.in.X[k] {
			case 1:
				chosen++
			case 0:
			default:
				return fmt.Errorf("explain: Counterfactual: element %d of choice %d is %v, neither 0 nor 1", k, i, s.in.X[k])
			}
		}
		if chosen != 1 {
			return fmt.Errorf("explain: Counterfactual: choice %d has %d elements that are 1, not one", i, chosen)
		}
	}
	return nil
}

// run is a descent from one start.
type run struct {
	base   []float32 // what the distance of the numbers counts from: the input with its choices
	extra  float64   // the distance of the choices
	x, g   []float32
	score  float64
	radius float64 // of the trust region, in scales
	cost   float64 // of a missing unit of score, in distance
	found  []float32
	least  float64 // its distance
	done   bool
}

// choose makes a run for the input and for every change of one or two choices,
// and then fixes what belongs to choices.
func (s *search) choose(choices [][]int) []*run {
	start := func(x []float32, extra float64) *run {
		return &run{base: x, extra: extra, x: slices.Clone(x), least: math.Inf(1), radius: 2}
	}
	runs := []*run{start(s.in.X, 0)}
	for _, set := range choices {
		stays := slices.ContainsFunc(set, func(k int) bool { return s.fixed[k] })
		for _, k := range set {
			s.fixed[k] = true
		}
		if stays {
			continue
		}
		for _, r := range slices.Clone(runs) {
			for _, k := range set {
				if r.base[k] == 1 || r.extra == 2 {
					continue
				}
				x := slices.Clone(r.base)
				for _, other := range set {
					x[other] = 0
				}
				x[k] = 1
				runs = append(runs, start(x, r.extra+1))
			}
		}
	}
	return runs
}

// random starts somewhere within the ranges, or where there are none, some
// scales away.
func (s *search) random(rng *rand.Rand) *run {
	r := &run{base: s.in.X, x: slices.Clone(s.in.X), least: math.Inf(1), radius: 2}
	for k := range r.x {
		if s.fixed[k] {
			continue
		}
		v := float64(r.x[k]) + 3*float64(s.scale[k])*rng.NormFloat64()
		if lo, hi := float64(s.low[k]), float64(s.high[k]); !math.IsInf(lo, 0) && !math.IsInf(hi, 0) {
			v = lo + rng.Float64()*(hi-lo)
		}
		r.x[k] = min(max(float32(v), s.low[k]), s.high[k])
	}
	return r
}

func (s *search) distance(r *run, x []float32) float64 {
	d := r.extra
	for k, v := range x {
		d += math.Abs(float64(v-r.base[k])) / float64(s.scale[k])
	}
	return d
}

// lacking is how much score is missing; 0 where it is reached.
func (s *search) lacking(score float64) float64 { return max(s.sign*(s.want-score), 0) }

func (s *search) merit(r *run, x []float32, score float64) float64 {
	return s.distance(r, x) + r.cost*s.lacking(score)
}

// descend takes all runs to their ends, side by side.
func (s *search) descend(runs []*run) error {
	const rounds, smallest = 120, 1e-4
	next := make([][]float32, len(runs))
	for round := range rounds {
		var at []int
		for i, r := range runs {
			switch {
			case r.done:
				continue
			case round == 0:
				next[i] = slices.Clone(r.x)
			default:
				next[i] = s.step(r)
			}
			at = append(at, i)
		}
		if len(at) == 0 {
			break
		}
		grads := make([][]float32, len(at))
		scores, err := evaluate("Counterfactual", s.f, s.in, len(at), func(i int, x []float32) { copy(x, next[at[i]]) },
			func(i int, g []float32) { grads[i] = slices.Clone(g) })
		if err != nil {
			return err
		}
		for j, i := range at {
			r, x, score := runs[i], next[i], scores[j]
			if d := s.distance(r, x); s.lacking(score) == 0 && d < r.least {
				r.found, r.least = x, d
			}
			if round == 0 || s.merit(r, x, score) < s.merit(r, r.x, r.score)-1e-9 {
				r.x, r.score, r.g = x, score, grads[j]
				if round > 0 {
					r.radius = min(2*r.radius, 16)
				}
			} else if r.radius /= 4; r.radius < smallest {
				r.done = true
			}
		}
	}
	return nil
}

// step solves the linear program of the tangent at r.x: the least distance
// within the trust region for which the tangent reaches the score, or, where
// none does, the highest tangent. One constraint and a price for each element:
// the program is a knapsack that may be filled in fractions, dearest last.
func (s *search) step(r *run) []float32 {
	y := slices.Clone(r.x)
	lack := s.sign*(s.want-r.score) + 1e-5*(1+math.Abs(s.want-s.from))
	order := make([]int, 0, len(y))
	lo, hi := make([]float64, len(y)), make([]float64, len(y))
	for k := range y {
		if s.fixed[k] {
			continue
		}
		reach := r.radius * float64(s.scale[k])
		lo[k], hi[k] = max(float64(s.low[k]), float64(r.x[k])-reach), min(float64(s.high[k]), float64(r.x[k])+reach)
		y[k] = float32(min(max(float64(r.base[k]), lo[k]), hi[k]))
		lack -= s.sign * float64(r.g[k]) * (float64(y[k]) - float64(r.x[k]))
		order = append(order, k)
	}
	gain := func(k int) float64 { return math.Abs(float64(r.g[k])) * float64(s.scale[k]) }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(gain(b), gain(a)) })
	for _, k := range order {
		if lack <= 0 || gain(k) == 0 {
			break
		}
		slope := s.sign * float64(r.g[k])
		to := hi[k]
		if slope < 0 {
			to = lo[k]
		}
		if need := float64(y[k]) + lack/slope; math.Abs(need-float64(y[k])) < math.Abs(to-float64(y[k])) {
			to = need
		}
		lack -= slope * (to - float64(y[k]))
		y[k] = float32(to)
		r.cost = max(r.cost, 2/gain(k))
	}
	return y
}

// nearest takes the best of the runs' ends and shortens what can be shortened:
// element by element, and along the way back to the input.
func (s *search) nearest(runs []*run) (Alternative, error) {
	found := slices.DeleteFunc(slices.Clone(runs), func(r *run) bool { return r.found == nil })
	if len(found) == 0 {
		best := slices.MinFunc(runs, func(a, b *run) int { return cmp.Compare(s.lacking(a.score), s.lacking(b.score)) })
		return Alternative{}, fmt.Errorf("explain: Counterfactual: found no input within the ranges with a score of %v: from %v, the nearest to it was %v", s.want, s.from, best.score)
	}
	slices.SortStableFunc(found, func(a, b *run) int { return cmp.Compare(a.least, b.least) })
	found = found[:min(len(found), 8)]
	var best Alternative
	for i, r := range found {
		if err := s.shorten(r); err != nil {
			return best, err
		}
		if d := s.distance(r, r.found); i == 0 || d < best.Distance {
			best = Alternative{X: r.found, Distance: d}
		}
	}
	scores, err := s.scores([][]float32{best.X})
	if err != nil {
		return best, err
	}
	best.Score = scores[0]
	for k, v := range best.X {
		if v != s.in.X[k] {
			best.Changed = append(best.Changed, k)
		}
	}
	return best, nil
}

func (s *search) scores(xs [][]float32) ([]float64, error) {
	return evaluate("Counterfactual", s.f, s.in, len(xs), func(i int, x []float32) { copy(x, xs[i]) }, nil)
}

func (s *search) shorten(r *run) error {
	var changed []int
	for k, v := range r.found {
		if v != r.base[k] {
			changed = append(changed, k)
		}
	}
	part := func(k int) float64 { return math.Abs(float64(r.found[k]-r.base[k])) / float64(s.scale[k]) }
	slices.SortStableFunc(changed, func(a, b int) int { return cmp.Compare(part(a), part(b)) })
	for _, k := range changed {
		x := slices.Clone(r.found)
		x[k] = r.base[k]
		scores, err := s.scores([][]float32{x})
		if err != nil {
			return err
		}
		if s.lacking(scores[0]) == 0 {
			r.found = x
		}
	}
	for range 3 { // each time a 32nd of the stretch is left
		var way [][]float32
		for i := range 32 {
			x := slices.Clone(r.base)
			t := 1 - math.Pow(32, -2)*float64(i*i)
			for k := range x {
				x[k] += float32(t * float64(r.found[k]-r.base[k]))
			}
			way = append(way, x)
		}
		way[0] = r.found
		scores, err := s.scores(way)
		if err != nil {
			return err
		}
		for i, x := range way {
			if s.lacking(scores[i]) > 0 {
				break
			}
			r.found = x
		}
	}
	return nil
}
