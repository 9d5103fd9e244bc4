package explain_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/explain"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// goldens are what testdata/goldens.py printed.
type goldens struct {
	MLP struct {
		Weights                                                          [][]float32
		X, Baseline, Saliency, Times, Integrated, Shapley, Grouped, Lime []float32
		Scores                                                           []float64
		Target                                                           int
		Groups                                                           []int
	}
	CNN struct {
		Weights           [][]float32
		X, Cam, Occlusion []float32
	}
	Rollout struct {
		Layers [][]float32
		Flow   []float32
	}
	Curves  struct{ Deletion, Insertion []float32 }
	Nearest struct {
		Slope, Start, Scale, Low, High, Found []float32
		Fixed                                 []bool
		Goal, Distance                        float64
	}
	Influence struct {
		Checkpoints             [][][]float32
		Rows, Test              []float32
		Labels                  []int32
		Answer                  int32
		Tracin, Self, Influence []float32
	}
}

func read(t *testing.T) *goldens {
	t.Helper()
	g := new(goldens)
	b, err := os.ReadFile("testdata/goldens.json")
	if err == nil {
		err = json.Unmarshal(b, g)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (g *goldens) mlp() (explain.Scores, explain.Input) {
	w := g.MLP.Weights
	m := nn.Sequential{&nn.Linear{Weight: tensor.ParamOf(w[0], 8, 6), Bias: tensor.ParamOf(w[1], 8)}, nn.Tanh{},
		&nn.Linear{Weight: tensor.ParamOf(w[2], 3, 8), Bias: tensor.ParamOf(w[3], 3)}}
	return m.Forward, explain.Input{X: g.MLP.X, Baseline: g.MLP.Baseline, Target: g.MLP.Target}
}

func near(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for k := range got {
		if d := math.Abs(float64(got[k] - want[k])); !(d <= 1e-5*max(1, math.Abs(float64(want[k])))) {
			t.Fatalf("%s: number %d is %v, want %v", what, k, got[k], want[k])
		}
	}
}

func must[T any](t *testing.T) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestOfVectorsAsElsewhere(t *testing.T) {
	g := read(t)
	f, in := g.mlp()
	ok := must[[]float32](t)
	near(t, "saliency", ok(explain.Saliency(f, in)), g.MLP.Saliency)
	near(t, "gradient × input", ok(explain.GradientTimesInput(f, in)), g.MLP.Times)
	near(t, "integrated gradients", ok(explain.IntegratedGradients(f, in, 20)), g.MLP.Integrated)
	near(t, "Shapley", ok(explain.Shapley(f, in)), g.MLP.Shapley)
	near(t, "KernelSHAP of all coalitions", ok(explain.KernelSHAP(f, in, 62, 1)), g.MLP.Shapley)
	near(t, "SmoothGrad without noise", absolute(ok(explain.SmoothGrad(f, in, 0, 70, 1))), g.MLP.Saliency)
	var sets []uint64
	for set := range uint64(64) {
		sets = append(sets, set)
	}
	near(t, "LIME", ok(explain.LIMEFit(f, in, sets, 0.75, 0.1)), g.MLP.Lime)
	in.Groups = g.MLP.Groups
	near(t, "Shapley of groups", ok(explain.Shapley(f, in)), g.MLP.Grouped)
	near(t, "KernelSHAP of groups", ok(explain.KernelSHAP(f, in, 6, 1)), g.MLP.Grouped)
}

func absolute(x []float32) []float32 {
	for k, v := range x {
		x[k] = float32(math.Abs(float64(v)))
	}
	return x
}

func TestOfImagesAsElsewhere(t *testing.T) {
	g := read(t)
	w := g.CNN.Weights
	rng := nn.NewRand(1)
	first, second := nn.NewConv2D(rng, nn.Conv{In: 1, Out: 4, Kernel: 3, Padding: 1}), nn.NewConv2D(rng, nn.Conv{In: 4, Out: 3, Kernel: 3})
	for i, p := range []*tensor.Param{first.Weight, first.Bias, second.Weight, second.Bias} {
		copy(p.Data, w[i])
	}
	trunk, head := nn.Sequential{first, nn.ReLU{}}, nn.Sequential{nn.MaxPool2D{Kernel: 2}, second, nn.Flatten{}}
	in := explain.Input{X: g.CNN.X, Dims: []int{1, 7, 7}, Target: 1, Baseline: slices.Repeat([]float32{0.5}, 49)}
	cam, h, width, err := explain.GradCAM(trunk.Forward, head.Forward, in)
	if err != nil || h != 7 || width != 7 {
		t.Fatal(h, width, err)
	}
	near(t, "Grad-CAM", cam, g.CNN.Cam)
	whole := nn.Sequential{trunk, head}
	near(t, "occlusion", must[[]float32](t)(explain.Occlusion(whole.Forward, in, []int{1, 3, 2}, []int{1, 2, 2})), g.CNN.Occlusion)
}

func TestAttentionRollout(t *testing.T) {
	g := read(t)
	near(t, "rollout", must[[]float32](t)(explain.AttentionRollout(g.Rollout.Layers, 4)), g.Rollout.Flow)
}

// What shares out the difference of two scores shares out all of it.
func TestComplete(t *testing.T) {
	f, in := read(t).mlp()
	score, base, err := explain.Score(f, in)
	if err != nil {
		t.Fatal(err)
	}
	ok := must[[]float32](t)
	for name, values := range map[string][]float32{
		"integrated gradients": ok(explain.IntegratedGradients(f, in, 50)),
		"Shapley":              ok(explain.Shapley(f, in)),
		"KernelSHAP":           ok(explain.KernelSHAP(f, in, 30, 7)),
	} {
		sum := 0.
		for _, v := range values {
			sum += float64(v)
		}
		if math.Abs(sum-(score-base)) > 1e-4 {
			t.Errorf("%s adds up to %v, want %v", name, sum, score-base)
		}
	}
}

// Samples approach what all coalitions say, and the same seed gives the same.
func TestSampled(t *testing.T) {
	rng := nn.NewRand(3)
	model := nn.Sequential{nn.NewLinear(rng, 11, 16), nn.Tanh{}, nn.NewLinear(rng, 16, 1)}
	in := explain.Input{X: make([]float32, 11)}
	for k := range in.X {
		in.X[k] = float32(2 * rng.NormFloat64())
	}
	ok := must[[]float32](t)
	want := ok(explain.Shapley(model.Forward, in))
	few, many := ok(explain.KernelSHAP(model.Forward, in, 60, 1)), ok(explain.KernelSHAP(model.Forward, in, 1500, 1))
	if off(many, want) > off(few, want)/2 || off(many, want) > 0.02 {
		t.Errorf("60 coalitions are off by %v, 1500 by %v", off(few, want), off(many, want))
	}
	if !slices.Equal(few, ok(explain.KernelSHAP(model.Forward, in, 60, 1))) {
		t.Error("the same seed gives other values")
	}
	lime := ok(explain.LIME(model.Forward, in, 500, 0.5, 1e-3, 1))
	if !slices.Equal(lime, ok(explain.LIME(model.Forward, in, 500, 0.5, 1e-3, 1))) || slices.Index(absolute(lime), slices.Max(lime)) != slices.Index(absolute(want), slices.Max(want)) {
		t.Errorf("LIME says %v, Shapley %v", lime, want)
	}
	smooth := ok(explain.SmoothGrad(model.Forward, in, 0.1, 20, 1))
	if slices.Equal(smooth, ok(explain.SmoothGrad(model.Forward, in, 0.1, 20, 2))) {
		t.Error("another seed gives the same noise")
	}
}

func off(a, b []float32) (d float64) {
	for k := range a {
		d = max(d, math.Abs(float64(a[k]-b[k])))
	}
	return d
}

// Dropout does not drop while a model is explained, and its statistics stay.
func TestModelStays(t *testing.T) {
	rng := nn.NewRand(1)
	norm := nn.NewBatchNorm(8)
	model := nn.Sequential{nn.NewLinear(rng, 6, 8), norm, nn.Dropout{P: 0.9}, nn.NewLinear(rng, 8, 2)}
	in := explain.Input{X: []float32{1, 2, 3, 4, 5, 6}, Target: 1}
	ok := must[[]float32](t)
	if !slices.Equal(ok(explain.Saliency(model.Forward, in)), ok(explain.Saliency(model.Forward, in))) || norm.RunningMean.Count != 0 {
		t.Error("the model runs as in training")
	}
}

func TestTables(t *testing.T) {
	rng := nn.NewRand(2)
	x := make([]float32, 300)
	for k := range x {
		x[k] = float32(rng.NormFloat64())
	}
	scores := func(a tensor.Tensor) tensor.Tensor { // 3·first + second², and the third says nothing
		second := a.Select(1, 1)
		return a.Select(1, 0).Scale(3).Add(second.Mul(second))
	}
	tape := tensor.NewEvalTape()
	truth := slices.Clone(scores(tape.Input(x, 100, 3)).Data())
	imp, err := explain.PermutationImportance(func(x []float32) float64 {
		tape.Reset()
		sum := 0.
		for i, v := range scores(tape.Input(x, 100, 3)).Data() {
			sum -= math.Pow(float64(v-truth[i]), 2) / 100
		}
		return sum
	}, x, 3, 5, 1)
	if err != nil {
		t.Fatal(err)
	}
	// The mean square of a difference of two draws is twice the variance.
	if imp[2].Mean != 0 || imp[2].Std != 0 || imp[0].Mean < 12 || imp[0].Mean > 30 || imp[1].Mean < 1 || imp[1].Mean > imp[0].Mean || len(imp[0].Values) != 5 {
		t.Errorf("importances %v", imp)
	}
	curve, err := explain.PartialDependence(scores, x, 3, 0, 0, []float32{-1, 0, 2})
	if err != nil || math.Abs(curve[1]-curve[0]-3) > 1e-4 || math.Abs(curve[2]-curve[1]-6) > 1e-4 {
		t.Errorf("curve %v, %v", curve, err)
	}
}

func TestBadInput(t *testing.T) {
	f, in := read(t).mlp()
	with := func(change func(in *explain.Input)) explain.Input {
		c := in
		change(&c)
		return c
	}
	nan := func(x tensor.Tensor) tensor.Tensor { return x.Scale(float32(math.NaN())) }
	for want, err := range map[string]error{
		"an input of 0 numbers":      second(explain.Saliency(f, explain.Input{})),
		"shape [5]":                  second(explain.Saliency(f, with(func(in *explain.Input) { in.Dims = []int{5} }))),
		"a baseline of 2 numbers":    second(explain.Saliency(f, with(func(in *explain.Input) { in.Baseline = []float32{1, 2} }))),
		"Target is 3":                second(explain.Saliency(f, with(func(in *explain.Input) { in.Target = 3 }))),
		"explain their vectors":      second(explain.Saliency(nn.NewEmbedding(nn.NewRand(1), 5, 2).Forward, explain.Input{X: []float32{1, 3}})),
		"refuses its input":          second(explain.IntegratedGradients(nn.NewLinear(nn.NewRand(1), 5, 2).Forward, explain.Input{X: []float32{1, 3}}, 5)),
		"Target is -1":               second(explain.Saliency(f, with(func(in *explain.Input) { in.Target = -1 }))),
		"element 1 of the input":     second(explain.Saliency(f, explain.Input{X: []float32{1, float32(math.Inf(1))}})),
		"score of input 0 is NaN":    second(explain.Saliency(nan, in)),
		"groups for 1 elements":      second(explain.Shapley(f, with(func(in *explain.Input) { in.Groups = []int{0} }))),
		"group 1 of 3 has no":        second(explain.Shapley(f, with(func(in *explain.Input) { in.Groups = []int{0, 0, 0, 2, 2, 2} }))),
		"element 2 has group -1":     second(explain.Shapley(f, with(func(in *explain.Input) { in.Groups = []int{0, 0, -1, 2, 2, 2} }))),
		"13 groups, at most 12":      second(explain.Shapley(f, explain.Input{X: make([]float32, 13)})),
		"65 groups, at most 64":      second(explain.KernelSHAP(f, explain.Input{X: make([]float32, 65)}, 500, 1)),
		"5 coalitions for 6":         second(explain.KernelSHAP(f, in, 5, 1)),
		"LIME: 3 samples":            second(explain.LIME(f, in, 3, 1, 0, 1)),
		"0 steps":                    second(explain.IntegratedGradients(f, in, 0)),
		"noise of -1":                second(explain.SmoothGrad(f, in, -1, 2, 1)),
		"give a size for each axis":  second(explain.Occlusion(f, in, nil, nil)),
		"of 6 has group":             second(explain.Shapley(f, with(func(in *explain.Input) { in.Groups = []int{0, 0, 0, 0, 0, math.MaxInt} }))),
		"-1 tokens":                  second(explain.AttentionRollout(nil, -1)),
		"shape [-2 -3]":              second(explain.Saliency(f, with(func(in *explain.Input) { in.Dims = []int{-2, -3} }))),
		"need 1 ≤ stride":            second(explain.Occlusion(f, in, []int{2}, []int{3})),
		"shape [2 5] for 1 inputs":   second(explain.Saliency(func(x tensor.Tensor) tensor.Tensor { return x.Tape().Full(0, 2, 5) }, in)),
		"layer 0 has 3 numbers":      second(explain.AttentionRollout([][]float32{{1, 2, 3}}, 2)),
		"a table of 5 numbers":       second(explain.PermutationImportance(nil, make([]float32, 5), 2, 1, 1)),
		"0 repetitions":              second(explain.PermutationImportance(nil, make([]float32, 4), 2, 0, 1)),
		"column 2 of 2":              second(explain.PartialDependence(f, make([]float32, 4), 2, 2, 0, nil)),
		"not [n, channels, height, ": func() error { _, _, _, err := explain.GradCAM(f, f, in); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// A score that does not depend on the input has a gradient of zeros.
func TestConstantScore(t *testing.T) {
	in := explain.Input{X: []float32{1, 2}}
	constant := func(x tensor.Tensor) tensor.Tensor { return x.Tape().Full(3, x.Dims()[0], 1) }
	got, err := explain.Saliency(constant, in)
	if err != nil || !slices.Equal(got, []float32{0, 0}) {
		t.Errorf("got %v and %v", got, err)
	}
}

func second[T any](_ T, err error) error { return err }

func Example() {
	model := func(x tensor.Tensor) tensor.Tensor { // price = 3·rooms − age
		return x.Select(1, 0).Scale(3).Sub(x.Select(1, 1))
	}
	house := explain.Input{X: []float32{5, 4}, Baseline: []float32{3, 10}}
	shares, err := explain.Shapley(model, house)
	fmt.Println(shares, err)
	// Output: [6 6] <nil>
}
