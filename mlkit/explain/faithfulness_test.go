package explain_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/explain"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

func TestCurvesAsElsewhere(t *testing.T) {
	g := read(t)
	f, in := g.mlp()
	in.Groups = g.MLP.Groups
	down, err := explain.Deletion(f, in, in.X, 3)
	up, err2 := explain.Insertion(f, in, in.X, 100) // no more steps than groups
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	near(t, "deletion", narrow(down.Score), g.Curves.Deletion)
	near(t, "insertion", narrow(up.Score), g.Curves.Insertion)
	near(t, "shares", narrow(down.Share), []float32{0, 1. / 3, 2. / 3, 1})
	s := g.Curves.Deletion
	near(t, "area", []float32{float32(down.Area())}, []float32{(s[0]/2 + s[1] + s[2] + s[3]/2) / 3})
}

// Of a sum, what contributes most goes first; the order of the values, and no
// other, decides.
func TestCurveFollowsValues(t *testing.T) {
	sum := func(x tensor.Tensor) tensor.Tensor { return x.Sum(1) }
	in := explain.Input{X: []float32{3, 1, 2, 0}}
	best, err := explain.Deletion(sum, in, []float32{30, 10, 20, 0}, 2)
	if err != nil || !slices.Equal(best.Score, []float64{6, 1, 0}) || !slices.Equal(best.Share, []float64{0, 0.5, 1}) {
		t.Errorf("best first: %v, %v", best, err)
	}
	worst, err := explain.Deletion(sum, in, []float32{-3, -1, -2, 0}, 2)
	if err != nil || !slices.Equal(worst.Score, []float64{6, 5, 0}) || worst.Area() <= best.Area() {
		t.Errorf("worst first: %v, %v", worst, err)
	}
}

// The gradient of a trained network follows its weights; a copy of the input
// does not.
func TestSanity(t *testing.T) {
	rng := nn.NewRand(1)
	model := nn.Sequential{nn.NewLinear(rng, 40, 32), nn.ReLU{}, nn.NewLinear(rng, 32, 20), nn.ReLU{}, nn.NewLinear(rng, 20, 3)}
	in := explain.Input{X: make([]float32, 40), Target: 1}
	for k := range in.X {
		in.X[k] = float32(rng.NormFloat64())
	}
	var layers [][]*tensor.Param
	for _, l := range []int{0, 2, 4} {
		layers = append(layers, nn.Params(model[l]))
	}
	before := explain.Snapshot(nn.Params(model), 0)
	gradient := func() ([]float32, error) { return explain.SmoothGrad(model.Forward, in, 0, 1, 1) }
	a, err := explain.Sanity(layers, gradient, 1)
	if err != nil || len(a) != 3 {
		t.Fatal(a, err)
	}
	if last := a[2]; math.Abs(last.Values) > 0.4 || math.Abs(last.Magnitudes) > 0.4 {
		t.Errorf("of shuffled weights a gradient that is like the trained one: %v", a)
	}
	if b, _ := explain.Sanity(layers, gradient, 1); !slices.Equal(a, b) {
		t.Errorf("the same seed gives %v and %v", a, b)
	}
	copies, err := explain.Sanity(layers, func() ([]float32, error) { return in.X, nil }, 1)
	if err != nil || copies[2] != (explain.Likeness{Values: 1, Magnitudes: 1}) {
		t.Errorf("the input itself: %v, %v", copies, err)
	}
	for i, p := range nn.Params(model) {
		if !slices.Equal(p.Data, before.Weights[i]) {
			t.Errorf("parameter %q has changed", p.Name)
		}
	}
}

func TestRankCorrelation(t *testing.T) {
	ok := must[float64](t)
	for want, ab := range map[float64][2][]float64{
		1:            {{1, 2, 30}, {-5, 0, 0.1}},
		-1:           {{1, 2, 30}, {3, 2, 1}},
		0.8:          {{1, 2, 3, 4}, {1, 3, 2, 4}},
		0.9486832981: {{1, 2, 2, 4}, {1, 2, 3, 4}}, // SciPy's spearmanr
	} {
		if got := ok(explain.RankCorrelation(ab[0], ab[1])); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v: %v, want %v", ab, got, want)
		}
	}
}

func TestCounterfactualAsElsewhere(t *testing.T) {
	g := read(t).Nearest
	linear := func(x tensor.Tensor) tensor.Tensor { return x.MatMul(x.Tape().Input(g.Slope, 6, 1)) }
	in := explain.Input{X: g.Start}
	change := explain.Change{Fixed: g.Fixed, Low: g.Low, High: g.High, Scale: g.Scale}
	a, err := explain.Counterfactual(linear, in, g.Goal, change)
	if err != nil {
		t.Fatal(err)
	}
	if off(a.X, g.Found) > 1e-3 || math.Abs(a.Distance-g.Distance) > 1e-3 || a.Score < g.Goal {
		t.Errorf("found %v at %v with score %v, want %v at %v with %v", a.X, a.Distance, a.Score, g.Found, g.Distance, g.Goal)
	}
	for k, v := range a.X {
		if v != g.Start[k] != slices.Contains(a.Changed, k) || g.Fixed[k] && v != g.Start[k] || v < g.Low[k] || v > g.High[k] {
			t.Errorf("element %d is %v, in a range from %v to %v; changed: %v", k, v, g.Low[k], g.High[k], a.Changed)
		}
	}
	// The same downwards.
	down := func(x tensor.Tensor) tensor.Tensor { return linear(x).Neg() }
	b, err := explain.Counterfactual(down, in, -g.Goal, change)
	if err != nil || off(a.X, b.X) > 1e-6 || b.Score > -g.Goal {
		t.Errorf("downwards %v, %v", b, err)
	}
}

// For a network of two inputs, no point of a fine grid with the score is much
// nearer.
func TestCounterfactualIsNearest(t *testing.T) {
	for seed := range uint64(8) {
		rng := nn.NewRand(seed)
		model := nn.Sequential{nn.NewLinear(rng, 2, 16), nn.ReLU{}, nn.NewLinear(rng, 16, 16), nn.Tanh{}, nn.NewLinear(rng, 16, 1)}
		for _, p := range nn.Params(model) {
			for k := range p.Data {
				p.Data[k] *= 2
			}
		}
		const side = 201
		grid := make([]float32, 0, 2*side*side)
		for i := range side {
			for j := range side {
				grid = append(grid, float32(i-side/2)*0.03, float32(j-side/2)*0.03)
			}
		}
		tape := tensor.NewEvalTape()
		scores := slices.Clone(model.Forward(tape.Input(grid, side*side, 2)).Data())
		sorted := slices.Sorted(slices.Values(scores))
		want := float64(sorted[len(sorted)*9/10])
		in := explain.Input{X: []float32{0.3, -0.6}}
		scale := []float32{1, 0.5}
		nearest := math.Inf(1)
		for i, s := range scores {
			if float64(s) >= want {
				nearest = min(nearest, math.Abs(float64(grid[2*i]-in.X[0]))+math.Abs(float64(grid[2*i+1]-in.X[1]))/0.5)
			}
		}
		a, err := explain.Counterfactual(model.Forward, in, want, explain.Change{Low: []float32{-3, -3}, High: []float32{3, 3}, Scale: scale})
		if err != nil || a.Score < want || a.Distance > nearest*1.02+1e-3 {
			t.Errorf("seed %d: found %v, %v; a point of the grid is %v away, of score %v", seed, a, err, nearest, want)
		}
	}
}

// A choice changes where that is nearest, and stays one of its elements.
func TestCounterfactualOfChoices(t *testing.T) {
	score := func(x tensor.Tensor) tensor.Tensor { // 0.1·number + 5·(second category)
		return x.MatMul(x.Tape().Input([]float32{0.1, 0, 5, 1}, 4, 1))
	}
	in := explain.Input{X: []float32{1, 1, 0, 0}}
	change := explain.Change{Choices: [][]int{{1, 2, 3}}}
	a, err := explain.Counterfactual(score, in, 5.2, change)
	if err != nil || math.Abs(a.Distance-2) > 1e-2 || off(a.X, []float32{2, 0, 1, 0}) > 1e-2 || !slices.Equal(a.Changed, []int{0, 1, 2}) {
		t.Errorf("%v, %v", a, err)
	}
	change.Fixed = []bool{false, true, false, false}
	if a, err = explain.Counterfactual(score, in, 5.2, change); err != nil || math.Abs(float64(a.X[0])-52) > 0.1 || len(a.Changed) != 1 {
		t.Errorf("with a fixed category: %v, %v", a, err)
	}
}

func TestSpreads(t *testing.T) {
	got, err := explain.Spreads([]float32{1, 0, 7, 2, 0, 7, 4, 1, 7, 9, 0, 7}, 3)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "spreads", got, []float32{1.5, float32(math.Sqrt(3. / 16)), 1})
}

func TestBadQuestions(t *testing.T) {
	f, in := read(t).mlp()
	ask := func(want float64, change func(c *explain.Change)) error {
		c := explain.Change{}
		change(&c)
		return second(explain.Counterfactual(f, in, want, c))
	}
	some := func(v float32) []float32 { return slices.Repeat([]float32{v}, 6) }
	layer := [][]*tensor.Param{{tensor.NewParam(2)}}
	lengths := 0
	for want, err := range map[string]error{
		"2 values in 3 steps":       second(explain.Deletion(f, in, []float32{1, 2}, 3)),
		"in 0 steps":                second(explain.Insertion(f, in, in.X, 0)),
		"value 1 is NaN":            second(explain.Insertion(f, in, []float32{1, float32(math.NaN()), 1, 1, 1, 1}, 1)),
		"no layers":                 second(explain.Sanity(nil, nil, 1)),
		"layer 1 of 2 has no":       second(explain.Sanity(append(layer, nil), nil, 1)),
		"of its own":                second(explain.Sanity(layer, func() ([]float32, error) { return nil, errors.New("of its own") }, 1)),
		"0 on shuffled":             second(explain.Sanity(layer, func() ([]float32, error) { lengths++; return make([]float32, lengths), nil }, 1)),
		"score of NaN":              ask(math.NaN(), func(c *explain.Change) {}),
		"Fixed has 2 elements":      ask(1, func(c *explain.Change) { c.Fixed = make([]bool, 2) }),
		"scale of element 0 is 0":   ask(1, func(c *explain.Change) { c.Scale = some(0) }),
		"outside of its range":      ask(1, func(c *explain.Change) { c.High = some(-9) }),
		"found no input":            ask(1e6, func(c *explain.Change) {}),
		"neither 0 nor 1":           ask(1, func(c *explain.Change) { c.Choices = [][]int{{0, 1}} }),
		"choice 0 has element 6":    ask(1, func(c *explain.Change) { c.Choices = [][]int{{6}} }),
		"a table of 5 numbers":      second(explain.Spreads(make([]float32, 5), 2)),
		"row 1 of column 0 is +Inf": second(explain.Spreads([]float32{1, float32(math.Inf(1))}, 1)),
		"that are 1, not one": second(explain.Counterfactual(f, explain.Input{X: make([]float32, 6)}, 1,
			explain.Change{Choices: [][]int{{0, 1}}})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	// Fixed elements may lie outside of their ranges.
	fixed := []bool{true, false, false, false, false, false}
	low, high := some(-50), some(50)
	low[0], high[0] = 60, 70
	rng := rand.New(rand.NewPCG(1, 0))
	score, _, err := explain.Score(f, in)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := explain.Counterfactual(f, in, score+0.3*rng.Float64(), explain.Change{Fixed: fixed, Low: low, High: high}); err != nil || a.X[0] != in.X[0] {
		t.Errorf("%v, %v", a, err)
	}
}
