package compress_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"descent/mlkit/compress"
	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// goldens are what testdata/goldens.py printed.
type goldens struct {
	Weights, Biases, Each, Global [][]float32
	X                             []float32
	Y                             []int32
	Trained                       struct {
		Loss    []float64
		Weights [][]float32
	}
	Calibrated struct {
		Inputs, Weight, Wanda, SparseGPT, Keep []float32
		Errors                                 []float64
	}
	LowRank struct {
		Dropped []float64
		Product []float32
	}
	Distill struct {
		Student, Teacher, Grad []float32
		Loss                   float64
	}
	Shared  []float32
	Gradual []float64
}

func read(t *testing.T) *goldens {
	t.Helper()
	b, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	g := new(goldens)
	if err := json.Unmarshal(b, g); err != nil {
		t.Fatal(err)
	}
	return g
}

func near[T float32 | float64](t *testing.T, what string, got, want []T, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d numbers, want %d", what, len(got), len(want))
	}
	for k := range got {
		if d := math.Abs(float64(got[k]) - float64(want[k])); !(d <= tolerance*max(1, math.Abs(float64(want[k])))) {
			t.Fatalf("%s: number %d is %v, want %v", what, k, got[k], want[k])
		}
	}
}

// network is that of goldens.py.
func (g *goldens) network() nn.Sequential {
	layer := func(i, in, out int) *nn.Linear {
		return &nn.Linear{Weight: tensor.ParamOf(slices.Clone(g.Weights[i]), out, in), Bias: tensor.ParamOf(slices.Clone(g.Biases[i]), out)}
	}
	return nn.Sequential{layer(0, 6, 5), nn.ReLU{}, layer(1, 5, 4)}
}

func weights(model any) (ps []*tensor.Param) {
	for _, p := range nn.Params(model) {
		if optim.Matrices(p) {
			ps = append(ps, p)
		}
	}
	return ps
}

func TestMagnitudeIsPyTorchs(t *testing.T) {
	g := read(t)
	for _, c := range []struct {
		scope    compress.Scope
		sparsity float64
		want     [][]float32
	}{{compress.Each, 0.55, g.Each}, {compress.Global, 0.7, g.Global}} {
		m, err := compress.Magnitude(weights(g.network()), c.sparsity, c.scope)
		if err != nil {
			t.Fatal(err)
		}
		for i, keep := range m.Keep {
			if !slices.Equal(keep, c.want[i]) {
				t.Errorf("scope %v: %s keeps %v, want %v", c.scope, m.Params[i].Name, keep, c.want[i])
			}
		}
	}
}

func TestTrainingWithMasksIsPyTorchs(t *testing.T) {
	g := read(t)
	model := g.network()
	m, err := compress.Magnitude(weights(model), 0.7, compress.Global)
	if err != nil {
		t.Fatal(err)
	}
	m.Apply()
	opt := optim.New(nn.Params(model), m.Around(optim.Chain(optim.L2(0.01), optim.Momentum(0.1, 0.9))))
	tape := tensor.NewTape(1)
	var losses []float64
	for range 20 {
		tape.Reset()
		loss := nn.CrossEntropy(model.Forward(tape.Input(g.X, 8, 6)), tensor.NewInts(g.Y))
		losses = append(losses, float64(loss.Item()))
		opt.Step(loss.Backward())
	}
	near(t, "loss", losses, g.Trained.Loss, 1e-5)
	for i, p := range weights(model) {
		near(t, p.Name, p.Data, g.Trained.Weights[i], 1e-5)
	}
}

func TestCalibratedIsThePapers(t *testing.T) {
	g := read(t)
	c := g.Calibrated
	layer := func() *nn.Linear { return &nn.Linear{Weight: tensor.ParamOf(slices.Clone(c.Weight), 5, 140)} }
	l := layer()
	m, err := compress.Wanda(l, c.Inputs, 0.6)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Keep[0], c.Wanda) || !slices.Equal(l.Weight.Data, c.Weight) {
		t.Error("Wanda keeps others than the paper's program, or has changed the weights")
	}
	if m, err = compress.SparseGPT(l, c.Inputs, 0.6); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Keep[0], c.Keep) {
		t.Error("SparseGPT keeps others than the paper's program")
	}
	near(t, "SparseGPT", l.Weight.Data, c.SparseGPT, 1e-5)
	if e := c.Errors; e[2] > min(e[0], e[1])/2 { // what it is for
		t.Errorf("the outputs' errors after magnitude pruning, Wanda and SparseGPT are %v", e)
	}
}

func TestLowRankIsTheNearest(t *testing.T) {
	g := read(t)
	l := &nn.Linear{Weight: tensor.ParamOf(slices.Clone(g.Calibrated.Weight), 5, 140), Bias: tensor.ParamOf([]float32{1, 2, 3, 4, 5}, 5)}
	two, dropped, err := compress.LowRank(l, 2)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "dropped", dropped, g.LowRank.Dropped, 1e-6)
	unit := make([]float32, 140*140)
	for i := range 140 {
		unit[i*141] = 1
	}
	tape := tensor.NewEvalTape()
	got := two.Forward(tape.Input(unit, 140, 140)).Data()
	off := 0.
	for i := range 140 {
		for o := range 5 {
			d := float64(got[i*5+o]) - float64(o+1)
			near(t, "product", []float64{d}, []float64{float64(g.LowRank.Product[o*140+i])}, 1e-5)
			off += math.Pow(d-float64(l.Weight.Data[o*140+i]), 2)
		}
	}
	want := 0.
	for _, s := range dropped {
		want += s * s
	}
	near(t, "error", []float64{off}, []float64{want}, 1e-5)
}

func TestDistillationIsHintons(t *testing.T) {
	g := read(t)
	p := tensor.ParamOf(slices.Clone(g.Distill.Student), 8, 4)
	o, err := compress.Distillation{T: 4, Share: 0.7, Teacher: func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return t.Input(g.Distill.Teacher, 8, 4)
	}}.Objective(train.SupervisedBy([]*tensor.Param{p}, func(t *tensor.Tape, b data.Batch) tensor.Tensor { return t.Use(p) }, nn.CrossEntropy))
	if err != nil {
		t.Fatal(err)
	}
	tape := tensor.NewTape(1)
	loss := o.LossOf(o.Predict(tape, data.Batch{}), data.Batch{Labels: g.Y})
	near(t, "loss", []float64{float64(loss.Item())}, []float64{g.Distill.Loss}, 1e-5)
	near(t, "gradient", loss.Backward().Of(p), g.Distill.Grad, 1e-6)
}

func TestGradualIsZhusAndGuptas(t *testing.T) {
	f := compress.Gradual(0.1, 0.9, 10, 100)
	var got []float64
	for step := 10; step < 130; step += 7 {
		got = append(got, f(step))
	}
	near(t, "sparsity", got, read(t).Gradual, 1e-12)
	if f(9) != 0 {
		t.Errorf("before it begins it prunes %v", f(9))
	}
}
