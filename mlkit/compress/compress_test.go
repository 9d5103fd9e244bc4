package compress_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/compress"
	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// classes are points of three classes in eight dimensions.
func classes(n int, seed uint64) (data.Dataset, []float32) {
	rng := nn.NewRand(seed)
	var x []float32
	var labels []int32
	for i := range n {
		labels = append(labels, int32(i%3))
		for k := range 8 {
			x = append(x, float32(rng.NormFloat64())+float32((k+i%3)%3))
		}
	}
	return data.FromLabels(x, []int{8}, labels), x
}

func dense(seed uint64) nn.Sequential {
	rng := nn.NewRand(seed)
	return nn.Sequential{nn.NewLinear(rng, 8, 16), nn.NewBatchNorm(16), nn.ReLU{}, nn.Dropout{P: 0.1}, nn.NewLinear(rng, 16, 3)}
}

func zeros(ps []*tensor.Param) (n, all int) {
	for _, p := range ps {
		all += p.Size()
		for _, w := range p.Data {
			if w == 0 {
				n++
			}
		}
	}
	return n, all
}

// Under every rule a zero stays zero, and the others move.
func TestMasksHoldUnderEveryRule(t *testing.T) {
	ema := optim.NewEMA(0.9)
	for name, rule := range map[string]optim.Rule{
		"SGD":       optim.SGD(0.1),
		"Momentum":  optim.Momentum(0.1, 0.9, optim.WeightDecay(0.1)),
		"Adam":      optim.Adam(1e-2),
		"AdamW":     optim.AdamW(1e-2),
		"Lion":      optim.Lion(1e-3),
		"Muon":      optim.Muon(1e-2, optim.Adam(1e-2)),
		"Lookahead": optim.Lookahead(optim.Adam(1e-2), 3, 0.5),
		"averaged":  optim.ScheduleFreeAdamW(1e-2),
		"EMA":       ema.Around(optim.Adam(1e-2)),
		"links":     optim.Chain(optim.ClipByGlobalNorm(1), optim.ScaleByAdam(), optim.ScaleByLearningRate(1e-2)),
		"nonfinite": optim.SkipNonFinite(optim.Adam(1e-2)),
	} {
		t.Run(name, func(t *testing.T) {
			model := dense(1)
			ws := weights(model)
			m, err := compress.Magnitude(ws, 0.75, compress.Each)
			if err != nil {
				t.Fatal(err)
			}
			m.Apply()
			before := compress.Snapshot(ws)
			fit(t, model, m.Around(rule), 3, train.Config{})
			for i, p := range ws {
				moved := 0
				for k, w := range p.Data {
					if m.Keep[i][k] == 0 && math.Float32bits(w) != 0 {
						t.Fatalf("%s[%d] was pruned and is %v", p.Name, k, w)
					}
					if w != before[i][k] {
						moved++
					}
				}
				if moved < p.Size()/8 {
					t.Errorf("only %d of %d weights of %s have moved", moved, p.Size(), p.Name)
				}
			}
			if s := m.Sparsity(); s != 0.75 {
				t.Errorf("sparsity %v", s)
			}
		})
	}
}

func fit(t *testing.T, model nn.Sequential, rule optim.Rule, epochs int, c train.Config) {
	t.Helper()
	c.Epochs, c.Seed, c.Optimizer = epochs, 1, rule
	set, _ := classes(96, 2)
	loader := &data.Loader{Dataset: set, BatchSize: 16, Shuffle: true, Seed: 1}
	if _, err := train.Fit(context.Background(), train.Supervised(model, nn.CrossEntropy), loader, c); err != nil {
		t.Fatal(err)
	}
}

// A training that was interrupted and resumed prunes the same weights, and ends
// with the same bits.
func TestPruningResumes(t *testing.T) {
	for _, movement := range []bool{false, true} {
		t.Run(fmt.Sprintf("by movement %v", movement), func(t *testing.T) {
			run := func(epochs int, file string) (nn.Sequential, *compress.Pruning) {
				model := dense(1)
				p := &compress.Pruning{Sparsity: compress.Gradual(0, 0.8, 2, 20), Every: 4, ByMovement: movement}
				c := train.Config{}
				if file != "" {
					c.Resume, c.Callbacks = file, []train.Callback{train.Checkpoint(file, 0)}
				}
				fit(t, model, p.Around(optim.Adam(1e-2)), epochs, c)
				return model, p
			}
			whole, p := run(6, "")
			file := filepath.Join(t.TempDir(), "checkpoint")
			run(2, file) // in the middle of the schedule
			resumed, q := run(6, file)
			for i, w := range nn.Params(whole) {
				if !slices.Equal(w.Data, nn.Params(resumed)[i].Data) {
					t.Errorf("%s differs after a resume", w.Name)
				}
			}
			n, all := zeros(weights(resumed))
			if want := int(math.RoundToEven(0.8 * float64(all))); n != want || q.Masks().Sparsity() != p.Masks().Sparsity() {
				t.Errorf("%d of %d weights are zero, want %d; the masks say %v and %v", n, all, want, q.Masks().Sparsity(), p.Masks().Sparsity())
			}
		})
	}
}

// A step that SkipNonFinite leaves out counts for no criterion, and what is
// frozen loses nothing.
func TestPruningLeavesOut(t *testing.T) {
	frozen, w := tensor.ParamOf([]float32{.1, .2, .3, .4}, 2, 2), tensor.ParamOf([]float32{1, 2, 3, 4}, 2, 2)
	frozen.Frozen = true
	for _, scope := range []compress.Scope{compress.Global, compress.Each} {
		p := &compress.Pruning{Sparsity: func(int) float64 { return 0.5 }, Every: 2, Scope: scope, ByMovement: true}
		o := optim.New([]*tensor.Param{frozen, w}, p.Around(optim.SkipNonFinite(optim.SGD(1e-3))))
		for _, scale := range []float32{float32(math.NaN()), 1} {
			tape := tensor.NewTape(1)
			o.Step(tape.Use(w).Mul(tape.Use(frozen)).Sum().Scale(scale).Backward())
		}
		if n, _ := zeros([]*tensor.Param{w}); n != 2 {
			t.Errorf("%d weights of 4 are zero, want 2", n)
		}
		if n, _ := zeros([]*tensor.Param{frozen}); n != 0 {
			t.Errorf("%d frozen weights are zero", n)
		}
		w = tensor.ParamOf([]float32{1, 2, 3, 4}, 2, 2)
	}
}

// A step is computed in pieces, of several batches, or twice at two points:
// what is pruned stays zero, and the schedule counts steps of the optimizer.
func TestPruningInPieces(t *testing.T) {
	for name, c := range map[string]train.Config{
		"MicroBatch": {MicroBatch: 5},
		"Accumulate": {Accumulate: 3},
		"SAM":        {SAM: &optim.SAM{}},
		"ASAM":       {SAM: &optim.SAM{Rho: 0.5, Adaptive: true}},
	} {
		for _, movement := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, by movement %v", name, movement), func(t *testing.T) {
				model := nn.Sequential{nn.NewLinear(nn.NewRand(1), 8, 16), nn.ReLU{}, nn.NewLinear(nn.NewRand(2), 16, 3)}
				last := 0
				schedule := compress.Gradual(0, 0.8, 2, 10)
				p := &compress.Pruning{Every: 2, ByMovement: movement, Sparsity: func(step int) float64 {
					last = step
					return schedule(step)
				}}
				fit(t, model, p.Around(optim.Adam(1e-2)), 6, c)
				steps := 36 // of 6 batches an epoch
				if c.Accumulate > 0 {
					steps = 12
				}
				if last != steps {
					t.Errorf("the schedule's last step is %d, want %d", last, steps)
				}
				n, all := zeros(weights(model))
				if want := int(math.RoundToEven(0.8 * float64(all))); n != want {
					t.Errorf("%d weights are zero, want %d", n, want)
				}
			})
		}
	}
	run := func(pieces int) []float32 {
		model := nn.Sequential{nn.NewLinear(nn.NewRand(1), 8, 3)}
		p := &compress.Pruning{Sparsity: compress.Gradual(0, 0.5, 0, 6)}
		fit(t, model, p.Around(optim.SGD(0.1)), 2, train.Config{MicroBatch: pieces})
		return nn.Params(model)[0].Data
	}
	near(t, "weights", run(5), run(0), 1e-5)
}

// Beyond 2²⁴ steps a float32 no longer counts.
func TestPruningCountsLongTrainings(t *testing.T) {
	w := tensor.ParamOf([]float32{1, 2, 3, 4}, 2, 2)
	var seen []int
	p := &compress.Pruning{Sparsity: func(step int) float64 { seen = append(seen, step); return 0 }}
	o := optim.New([]*tensor.Param{w}, p.Around(optim.SGD(0)))
	o.SetSteps(1 << 24)
	for range 2 {
		o.Step(tensor.NewTape(1).Use(w).Sum().Backward())
	}
	if want := []int{1<<24 + 1, 1<<24 + 2}; !slices.Equal(seen, want) {
		t.Errorf("steps %v, want %v", seen, want)
	}
}

// What a training may not change stays so in the two layers.
func TestLowRankKeepsFrozen(t *testing.T) {
	l := nn.NewLinear(nn.NewRand(1), 6, 4)
	for _, frozen := range [][2]bool{{true, true}, {true, false}, {false, true}, {false, false}} {
		l.Weight.Frozen, l.Bias.Frozen = frozen[0], frozen[1]
		two, _, err := compress.LowRank(l, 2)
		if err != nil {
			t.Fatal(err)
		}
		a, b := two[0].(*nn.Linear), two[1].(*nn.Linear)
		if a.Weight.Frozen != frozen[0] || b.Weight.Frozen != frozen[0] || b.Bias.Frozen != frozen[1] {
			t.Errorf("of %v: %v %v %v", frozen, a.Weight.Frozen, b.Weight.Frozen, b.Bias.Frozen)
		}
	}
}

// Weights that the movement criterion prunes are those that moved towards zero.
func TestMovement(t *testing.T) {
	scores := []float32{0, 0, 0, 1}
	compress.Movement(scores, []float32{1, 1, -2, 0}, []float32{0.5, -0.5, -1, 9})
	if want := []float32{-0.5, 0.5, -2, 1}; !slices.Equal(scores, want) {
		t.Errorf("scores %v, want %v", scores, want)
	}
}

// A narrowed network computes what it did with the removed outputs at zero.
func TestNarrow(t *testing.T) {
	rng := nn.NewRand(3)
	depthwise := nn.NewConv2D(rng, nn.Conv{In: 6, Out: 6, Kernel: 3, Padding: nn.Same, Groups: 6})
	for name, c := range map[string]struct {
		model nn.Sequential
		at    int
		dims  []int
	}{
		"mlp":       {dense(3), 0, []int{5, 8}},
		"no bias":   {nn.Sequential{&nn.Linear{Weight: nn.NewLinear(rng, 8, 6).Weight}, nn.Tanh{}, nn.NewLinear(rng, 6, 2)}, 0, []int{5, 8}},
		"flatten":   {nn.Sequential{nn.NewConv2D(rng, nn.Conv{In: 1, Out: 6, Kernel: 3}), nn.NewPReLU(6), nn.MaxPool2D{Kernel: 2}, nn.Flatten{}, nn.NewBatchNorm(54), nn.NewLinear(rng, 54, 3)}, 0, []int{2, 1, 8, 8}},
		"depthwise": {nn.Sequential{nn.NewConv2D(rng, nn.Conv{In: 1, Out: 6, Kernel: 3}), nn.NewBatchNorm(6), nn.ReLU{}, depthwise, nn.ReLU{}, nn.NewConv2D(rng, nn.Conv{In: 6, Out: 4, Kernel: 1}), nn.GlobalAvgPool{}}, 0, []int{2, 1, 8, 8}},
		"second":    {nn.Sequential{nn.NewConv1D(rng, nn.Conv{In: 2, Out: 5, Kernel: 3}), nn.ReLU{}, nn.NewConv1D(rng, nn.Conv{In: 5, Out: 6, Kernel: 3}), nn.ReLU{}, nn.NewConv1D(rng, nn.Conv{In: 6, Out: 2, Kernel: 2})}, 2, []int{2, 2, 12}},
	} {
		t.Run(name, func(t *testing.T) {
			size := 1
			for _, d := range c.dims {
				size *= d
			}
			x := make([]float32, size)
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
			run := func() []float32 {
				tape := tensor.NewEvalTape()
				return slices.Clone(c.model.Forward(tape.Input(x, c.dims...)).Data())
			}
			keep := compress.Strongest(c.model[c.at], 4)
			// What is to go is silenced at the consumer: its weights for those
			// inputs are zero.
			consumer := len(c.model) - 1
			for nn.Params(nn.Sequential{c.model[consumer]}) == nil {
				consumer--
			}
			w := nn.Params(nn.Sequential{c.model[consumer]})[0]
			in, per := w.Dims()[1], 1
			for _, d := range w.Dims()[2:] {
				per *= d
			}
			n := nn.Params(nn.Sequential{c.model[c.at]})[0].Dims()[0]
			for k := range w.Data {
				if !slices.Contains(keep, k/per%in/(in/n)) {
					w.Data[k] = 0
				}
			}
			want := run()
			before := sizes(c.model)
			if err := compress.Narrow(c.model, c.at, keep); err != nil {
				t.Fatal(err)
			}
			if after := sizes(c.model); after >= before {
				t.Errorf("%d weights before, %d after", before, after)
			}
			near(t, "outputs", run(), want, 1e-5)
		})
	}
}

func sizes(model any) (n int) {
	for _, p := range nn.Params(model) {
		n += p.Size()
	}
	return n
}

// What cannot be narrowed says which layer is in the way, and stays as it was.
func TestNarrowRefuses(t *testing.T) {
	rng := nn.NewRand(1)
	lin := func(in, out int) *nn.Linear { return nn.NewLinear(rng, in, out) }
	twice, tied := lin(4, 4), lin(4, 4)
	tied.Weight = twice.Weight
	for _, c := range []struct {
		model nn.Sequential
		at    int
		keep  []int
		why   string
	}{
		{nn.Sequential{lin(4, 4), nn.Residual{Body: lin(4, 4)}}, 0, []int{0}, "layer 1 (nn.Residual) behind layer 0 needs all"},
		{nn.Sequential{lin(4, 4), nn.NewLayerNorm(4), lin(4, 2)}, 0, []int{0}, "LayerNorm"},
		{nn.Sequential{lin(4, 4), nn.NewBatchNorm(4), lin(8, 2)}, 0, []int{0}, "layer 2 (*nn.Linear) behind layer 0 has 8 inputs"},
		{nn.Sequential{lin(4, 4), nn.ReLU{}}, 0, []int{0}, "the network's own"},
		{nn.Sequential{nn.ReLU{}, lin(4, 4)}, 0, []int{0}, "only a Linear or a convolution"},
		{nn.Sequential{lin(4, 4), lin(4, 4)}, 0, []int{1, 1}, "rising order"},
		{nn.Sequential{lin(4, 4), lin(4, 4)}, 0, []int{4}, "rising order"},
		{nn.Sequential{lin(4, 4), lin(4, 4)}, 0, nil, "nothing of layer 0"},
		{nn.Sequential{lin(4, 4), twice, twice, lin(4, 2)}, 0, []int{1}, "1.weight and 2.weight are the same"},
		{nn.Sequential{twice, nn.ReLU{}, lin(4, 4), tied}, 0, []int{1}, "0.weight and 3.weight are the same"},
		{nn.Sequential{lin(4, 4)}, 3, []int{1}, "layer 3 of a network of 1"},
		{nn.Sequential{nn.NewConv2D(rng, nn.Conv{In: 4, Out: 4, Kernel: 1}), nn.NewConv2D(rng, nn.Conv{In: 4, Out: 4, Kernel: 1, Groups: 2})}, 0, []int{1}, "2 groups"},
	} {
		before := fmt.Sprint(sizes(c.model), len(compress.Snapshot(nn.Params(c.model))))
		err := compress.Narrow(c.model, c.at, c.keep)
		if err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("got %v, want an error with %q", err, c.why)
		}
		if after := fmt.Sprint(sizes(c.model), len(compress.Snapshot(nn.Params(c.model)))); after != before {
			t.Errorf("%v, yet the model has changed", err)
		}
	}
}

// The rest of what is wrong is said, too.
func TestBadInput(t *testing.T) {
	l := nn.NewLinear(nn.NewRand(1), 4, 3)
	l.Weight.Name = "head.weight"
	ps := []*tensor.Param{l.Weight}
	nan := &nn.Linear{Weight: tensor.ParamOf([]float32{1, float32(math.NaN())}, 1, 2)}
	nan.Weight.Name = "nan.weight"
	x := make([]float32, 8)
	objective := train.Supervised(nn.Sequential{l}, nn.CrossEntropy)
	teacher := func(t *tensor.Tape, b data.Batch) tensor.Tensor { return t.Full(0, 2, 3) }
	only := func(_ any, err error) error { return err }
	for want, err := range map[string]error{
		"a sparsity of 1.5":        only(compress.Magnitude(ps, 1.5, compress.Global)),
		"a sparsity of NaN":        only(compress.Magnitude(ps, math.NaN(), compress.Global)),
		"weight 1 of nan.weight":   only(compress.Magnitude([]*tensor.Param{nan.Weight}, 0.5, compress.Each)),
		"head.weight has 12":       only(compress.ByScore(ps, [][]float32{{1}}, 0.5, compress.Each)),
		"scores for 0 parameters":  only(compress.ByScore(ps, nil, 0.5, compress.Each)),
		"Wanda: 0 inputs":          only(compress.Wanda(l, nil, 0.5)),
		"Wanda: 7 inputs":          only(compress.Wanda(l, x[:7], 0.5)),
		"SparseGPT: input or":      only(compress.SparseGPT(nan, x, 0.5)),
		"SparseGPT: a sparsity":    only(compress.SparseGPT(l, x, -1)),
		"Distillation without":     only(compress.Distillation{Share: 1}.Objective(objective)),
		"with Share 0":             only(compress.Distillation{Teacher: teacher}.Objective(objective)),
		"temperature -1":           only(compress.Distillation{Teacher: teacher, Share: 1, T: -1}.Objective(objective)),
		"student's Objective need": only(compress.Distillation{Teacher: teacher, Share: 0.5}.Objective(train.Objective[data.Batch]{})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if _, _, err := compress.LowRank(l, 4); err == nil || !strings.Contains(err.Error(), "need 1 to 3") {
		t.Error(err)
	}
	if _, _, err := compress.LowRank(nan, 1); err == nil || !strings.Contains(err.Error(), "nan.weight is NaN") {
		t.Error(err)
	}
	for want, f := range map[string]func(){
		"which the optimizer does not train": func() {
			m, _ := compress.Magnitude(ps, 0.5, compress.Each)
			optim.New([]*tensor.Param{l.Bias}, m.Around(optim.SGD(1)))
		},
		"needs a Sparsity": func() { (&compress.Pruning{}).Around(optim.SGD(1)) },
		"selects no parameter": func() {
			optim.New([]*tensor.Param{l.Bias}, (&compress.Pruning{Sparsity: compress.Gradual(0, 1, 0, 1)}).Around(optim.SGD(1)))
		},
		"0 ≤ begin < end":        func() { compress.Gradual(0, 0.5, 5, 5) },
		"a snapshot of 1":        func() { compress.Rewind(nil, [][]float32{{1}}) },
		"4 of 3 outputs":         func() { compress.Strongest(l, 4) },
		"a nn.ReLU has no filte": func() { compress.Strongest(nn.ReLU{}, 1) },
	} {
		func() {
			defer func() {
				if said := fmt.Sprint(recover()); !strings.Contains(said, want) {
					t.Errorf("panic %q, want %q", said, want)
				}
			}()
			f()
		}()
	}
}

// Each term of the loss is a mean over the batch, so pieces of a batch add up
// to it.
func TestDistillationInPieces(t *testing.T) {
	run := func(pieces int) []float32 {
		student, teacher := nn.NewLinear(nn.NewRand(1), 8, 3), nn.NewLinear(nn.NewRand(2), 8, 3)
		o, err := compress.Distillation{T: 2, Share: 0.5, Teacher: func(t *tensor.Tape, b data.Batch) tensor.Tensor {
			return teacher.Forward(b.Input(t))
		}}.Objective(train.Supervised(student, nn.CrossEntropy))
		if err != nil {
			t.Fatal(err)
		}
		set, _ := classes(40, 1)
		c := train.Config{Epochs: 2, Seed: 1, Optimizer: optim.SGD(0.1), MicroBatch: pieces}
		if _, err := train.Fit(context.Background(), o, &data.Loader{Dataset: set, BatchSize: 20}, c); err != nil {
			t.Fatal(err)
		}
		return student.Weight.Data
	}
	near(t, "weights", run(7), run(0), 1e-5)
}

// A student that a teacher trains without labels learns what the teacher knows.
func TestDistillationTeaches(t *testing.T) {
	teacher := dense(1)
	fit(t, teacher, optim.Adam(1e-2), 20, train.Config{})
	student := nn.Sequential{nn.NewLinear(nn.NewRand(5), 8, 3)}
	o, err := compress.Distillation{T: 3, Share: 1, Teacher: func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return teacher.Forward(b.Input(t))
	}}.Objective(train.Supervised(student, nn.CrossEntropy))
	if err != nil {
		t.Fatal(err)
	}
	before := compress.Snapshot(nn.Params(teacher))
	set, _ := classes(96, 2)
	loader := &data.Loader{Dataset: set, BatchSize: 16, Shuffle: true, Seed: 1}
	if _, err := train.Fit(context.Background(), o, loader, train.Config{Epochs: 40, Seed: 1, Optimizer: optim.Adam(1e-2)}); err != nil {
		t.Fatal(err)
	}
	for i, p := range nn.Params(teacher) {
		if !slices.Equal(p.Data, before[i]) {
			t.Errorf("the teacher's %s has changed", p.Name)
		}
	}
	_, test := classes(300, 9)
	agree := 0
	for i := range 300 {
		best := func(m nn.Sequential) int {
			tape := tensor.NewEvalTape()
			z := m.Forward(tape.Input(test[8*i:8*i+8], 1, 8)).Data()
			return slices.Index(z, slices.Max(z))
		}
		if best(teacher) == best(student) {
			agree++
		}
	}
	if agree < 270 {
		t.Errorf("teacher and student agree on %d of 300 points", agree)
	}
}

// Sensitivity scores what the loss would lose to first order; a weight without
// a gradient scores nothing.
func TestSensitivity(t *testing.T) {
	a, b := tensor.ParamOf([]float32{1, -2, 3}, 3), tensor.ParamOf([]float32{5}, 1)
	tape := tensor.NewTape(1)
	g := tape.Use(a).Mul(tape.Input([]float32{4, 1, 0}, 3)).Sum().Backward()
	scores := compress.Sensitivity([]*tensor.Param{a, b}, g)
	if !slices.Equal(scores[0], []float32{4, 2, 0}) || !slices.Equal(scores[1], []float32{0}) {
		t.Errorf("scores %v", scores)
	}
	m, err := compress.ByScore([]*tensor.Param{a}, scores[:1], 0.34, compress.Each)
	if err != nil || !slices.Equal(m.Keep[0], []float32{1, 1, 0}) {
		t.Error(m, err)
	}
}
