package privacy_test

import (
	"context"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/privacy"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

type batchObjective = train.Objective[data.Batch]

// rows makes n labelled samples of dims.
func rows(n int, dims ...int) data.Dataset {
	rng := nn.NewRand(11)
	x, y := make([]float32, n*tensor.SizeOf(dims)), make([]int32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range y {
		y[i] = int32(rng.IntN(4))
	}
	return data.FromLabels(x, dims, y)
}

var doubled = tensor.NewOp("Doubled", func(b tensor.Back) {
	for i, d := range b.DY() {
		b.DX(0)[i] += 2 * d
	}
})

// models are some networks and their data; the last has an operation of its
// own, which takes a tape for each sample.
func models() map[string]func() (batchObjective, data.Dataset) {
	return map[string]func() (batchObjective, data.Dataset){
		"mlp": func() (batchObjective, data.Dataset) {
			r := nn.NewRand(1)
			m := nn.Sequential{nn.NewLinear(r, 6, 8), nn.Func(tensor.Tensor.Tanh), nn.NewLinear(r, 8, 4)}
			return train.Supervised(m, nn.CrossEntropy), rows(40, 6)
		},
		"lstm": func() (batchObjective, data.Dataset) {
			r := nn.NewRand(1)
			m := struct {
				L *nn.LSTM
				H *nn.Linear
			}{nn.NewLSTM(r, nn.Recurrent{In: 3, Hidden: 5, Bidirectional: true, Layers: 2}), nn.NewLinear(r, 10, 4)}
			return train.SupervisedBy(m, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
				return m.H.Forward(m.L.Forward(b.Input(t)).Mean(1))
			}, nn.CrossEntropy), rows(40, 7, 3)
		},
		"own operation": func() (batchObjective, data.Dataset) {
			r := nn.NewRand(1)
			a, b := nn.NewLinear(r, 6, 8), nn.NewLinear(r, 8, 4)
			double := nn.Func(func(x tensor.Tensor) tensor.Tensor {
				y := x.Tape().Scratch(x.Size())
				for i, v := range x.Data() {
					y[i] = 2 * v
				}
				return doubled.Apply(y, x.Dims(), []tensor.Tensor{x})
			})
			return train.Supervised(nn.Sequential{a, double, b}, nn.CrossEntropy), rows(40, 6)
		},
	}
}

func fit(t *testing.T, o batchObjective, p *privacy.SGD, loader *privacy.Poisson, c train.Config) (train.History, error) {
	t.Helper()
	c.Private = p
	if c.Optimizer == nil {
		c.Optimizer = optim.SGD(1)
	}
	return train.Fit(context.Background(), o, loader, c)
}

func weights(model any) (all [][]float32) {
	for _, p := range nn.Params(model) {
		all = append(all, slices.Clone(p.Data))
	}
	return all
}

// A step without noise is that of gradients clipped one by one, by every way
// of computing it.
func TestStepOfClippedGradients(t *testing.T) {
	for name, make := range models() {
		for _, micro := range []int{0, 3} {
			o, set := make()
			loader := &privacy.Poisson{Dataset: set, BatchSize: 10, InsecureSeed: 5}
			var want [][]float32
			for batch, err := range loader.Epoch(0) {
				if err != nil {
					t.Fatal(err)
				}
				sum := tensor.NewGradSum()
				clipped := 0
				if err := train.PerSample(o, batch, 1, func(_ int, _ float64, g tensor.Grads) {
					var all [][]float32
					for _, p := range nn.Params(o.Model) {
						all = append(all, g.Of(p))
					}
					n := optim.GlobalNorm(all)
					if n > 0.8 {
						clipped++
					}
					sum.Add(g, float32(min(1, 0.8/n)/10))
				}); err != nil {
					t.Fatal(err)
				}
				if clipped == 0 {
					t.Errorf("%s: nothing to clip", name)
				}
				for _, p := range nn.Params(o.Model) {
					w := slices.Clone(p.Data)
					for i, g := range sum.Grads().Of(p) {
						w[i] -= g
					}
					want = append(want, w)
				}
				break
			}
			stop := train.OnStep(func(*train.Run) error { return train.Stop("one step") })
			p := &privacy.SGD{Clip: 0.8}
			if _, err := fit(t, o, p, loader, train.Config{MicroBatch: micro, Callbacks: []train.Callback{stop}}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for k, w := range weights(o.Model) {
				for i, v := range w {
					if math.Abs(float64(v-want[k][i])) > 2e-6 {
						t.Fatalf("%s, pieces of %d: parameter %d, element %d: %v, want %v", name, micro, k, i, v, want[k][i])
					}
				}
			}
			if e, err := p.Epsilon(1e-5); !math.IsInf(e, 1) || err != nil {
				t.Errorf("%s: without noise ε = %v, %v", name, e, err)
			}
		}
	}
}

// Noise is Gaussian, has the right size, reaches every parameter, also those
// that no sample uses, and is the same on any number of processors.
func TestNoise(t *testing.T) {
	r := nn.NewRand(1)
	used, idle := nn.NewLinear(r, 6, 4), nn.NewLinear(r, 300, 300)
	model := struct{ A, B *nn.Linear }{used, idle}
	o := train.SupervisedBy(model, func(t *tensor.Tape, b data.Batch) tensor.Tensor { return used.Forward(b.Input(t)) }, nn.CrossEntropy)
	set := rows(40, 6)
	before := weights(model)
	run := func(procs int, seed uint64) []float32 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		for k, p := range nn.Params(model) {
			copy(p.Data, before[k])
		}
		p := &privacy.SGD{Clip: 3, Noise: 2, InsecureSeed: seed}
		if _, err := fit(t, o, p, &privacy.Poisson{Dataset: set, BatchSize: 20, InsecureSeed: 1}, train.Config{}); err != nil {
			t.Fatal(err)
		}
		if got := p.Spent(); !slices.Equal(got, []privacy.Steps{{Rate: 0.5, Noise: 2, Count: 2}}) {
			t.Errorf("spent %+v", got)
		}
		return slices.Clone(idle.Weight.Data)
	}
	a := run(1, 9)
	if !slices.Equal(a, run(4, 9)) {
		t.Error("the noise depends on the number of processors")
	}
	if slices.Equal(a, run(1, 10)) || slices.Equal(run(1, 0), run(1, 0)) {
		t.Error("two seeds, or two secret keys, have the same noise")
	}
	sd := math.Sqrt2 * 2 * 3 / 20 // of two steps
	var z []float64
	for i, v := range a {
		z = append(z, float64(v-before[2][i])/sd)
	}
	slices.Sort(z)
	worst := 0.0 // Kolmogorov's distance
	for i, v := range z {
		worst = max(worst, math.Abs(math.Erfc(-v/math.Sqrt2)/2-(float64(i)+0.5)/float64(len(z))))
	}
	if worst*math.Sqrt(float64(len(z))) > 1.63 { // 1 in 100
		t.Errorf("the noise is %v from normal", worst)
	}
}

// A step without any sample is one of noise: that it was empty must not show.
func TestEmptyBatches(t *testing.T) {
	o, set := models()["mlp"]()
	p := &privacy.SGD{Clip: 1, Noise: 1}
	before := weights(o.Model)
	_, err := fit(t, o, p, &privacy.Poisson{Dataset: set, BatchSize: 0.5, InsecureSeed: 4}, train.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if n := p.Spent()[0].Count; n != 80 {
		t.Errorf("%d steps of 80", n)
	}
	if slices.Equal(weights(o.Model)[0], before[0]) {
		t.Error("nothing changed")
	}
}

func TestRefusals(t *testing.T) {
	o, set := models()["mlp"]()
	r := nn.NewRand(1)
	normed := train.Supervised(nn.Sequential{nn.NewLinear(r, 6, 8), nn.NewBatchNorm(8), nn.NewLinear(r, 8, 4)}, nn.CrossEntropy)
	weighted := o
	weighted.Weight = func(b data.Batch) float64 { return 1 }
	good := &privacy.Poisson{Dataset: set, BatchSize: 10}
	one := func(source train.Source[data.Batch], o batchObjective, c train.Config) error {
		_, err := train.Fit(context.Background(), o, source, c)
		return err
	}
	sgd := &privacy.SGD{Clip: 1, Noise: 1}
	for says, err := range map[string]error{
		"batch normalisation":    one(good, normed, train.Config{Private: sgd}),
		"running_mean":           one(good, normed, train.Config{Private: sgd}),
		"use a *privacy.Poisson": one(&data.Loader{Dataset: set, BatchSize: 10, Shuffle: true}, o, train.Config{Private: sgd}),
		"SGD.Clip":               one(good, o, train.Config{Private: &privacy.SGD{Noise: 1}}),
		"SGD.Noise":              one(good, o, train.Config{Private: &privacy.SGD{Clip: 1, Noise: math.NaN()}}),
		"Accumulate":             one(good, o, train.Config{Private: sgd, Accumulate: 2}),
		"Group":                  one(good, o, train.Config{Private: sgd, Group: train.LocalGroup(1)[0]}),
		"SAM":                    one(good, o, train.Config{Private: sgd, SAM: &optim.SAM{}}),
		"Objective.Weight":       one(good, weighted, train.Config{Private: sgd}),
		"at most the 40":         one(&privacy.Poisson{Dataset: set, BatchSize: 41}, o, train.Config{Private: sgd}),
		"above 0":                one(&privacy.Poisson{Dataset: set}, o, train.Config{Private: sgd}),
		"no Dataset":             one(&privacy.Poisson{BatchSize: 2}, o, train.Config{Private: sgd}),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
	x := make([]float32, 40*6)
	x[0] = 3e38
	if err := one(&privacy.Poisson{Dataset: data.FromLabels(x, []int{6}, make([]int32, 40)), BatchSize: 40}, o, train.Config{Private: sgd, AllowNonFinite: true}); err == nil || !strings.Contains(err.Error(), "norm of a sample's gradient") {
		t.Errorf("an infinite gradient: %v", err)
	}
}

// A resumed training ends in the same bits, and has spent all its steps.
func TestResume(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint")
	run := func(epochs int, save bool) ([][]float32, *privacy.SGD) {
		o, set := models()["mlp"]()
		p := &privacy.SGD{Clip: 1, Noise: 1, InsecureSeed: 3}
		c := train.Config{Epochs: epochs, Optimizer: optim.Adam(0.01)}
		if save {
			c.Resume = path
			c.Callbacks = []train.Callback{train.Checkpoint(path, 0)}
		}
		if _, err := fit(t, o, p, &privacy.Poisson{Dataset: set, BatchSize: 10, InsecureSeed: 8}, c); err != nil {
			t.Fatal(err)
		}
		return weights(o.Model), p
	}
	want, _ := run(4, false)
	run(2, true)
	got, p := run(4, true)
	for k := range want {
		if !slices.Equal(got[k], want[k]) {
			t.Errorf("parameter %d differs after a resume", k)
		}
	}
	if n := p.Spent()[0].Count; n != 16 {
		t.Errorf("spent %d steps of 16", n)
	}
}

// What a resumed training has spent includes the steps of its checkpoint, at
// the noise that they had: also where nothing is left to do, where the settings
// have changed, where the same SGD goes on, and where it was used before.
func TestResumeKeepsTheAccount(t *testing.T) {
	train1 := func(t *testing.T, path string, p *privacy.SGD, epochs int, batch float64, allow bool) {
		t.Helper()
		o, set := models()["mlp"]()
		c := train.Config{Epochs: epochs, Optimizer: optim.SGD(0.1)}
		if path != "" {
			c.Resume, c.AllowChanged, c.Callbacks = path, allow, []train.Callback{train.Checkpoint(path, 0)}
		}
		if _, err := fit(t, o, p, &privacy.Poisson{Dataset: set, BatchSize: batch}, c); err != nil {
			t.Fatal(err)
		}
	}
	half := &privacy.SGD{Clip: 1, Noise: 1}
	for name, c := range map[string]struct {
		first, second *privacy.SGD // of the process that ended, and of the next
		epochs        int
		batch         float64
		other         bool // the second process has trained something else before
		want          []privacy.Steps
	}{
		"done":  {&privacy.SGD{Clip: 1, Noise: 1}, &privacy.SGD{Clip: 1, Noise: 1}, 2, 10, false, []privacy.Steps{{Rate: 0.25, Noise: 1, Count: 8}}},
		"more":  {&privacy.SGD{Clip: 1, Noise: 1}, &privacy.SGD{Clip: 1, Noise: 1}, 3, 10, false, []privacy.Steps{{Rate: 0.25, Noise: 1, Count: 12}}},
		"noise": {&privacy.SGD{Clip: 1, Noise: 1}, &privacy.SGD{Clip: 1, Noise: 3}, 3, 10, false, []privacy.Steps{{Rate: 0.25, Noise: 1, Count: 8}, {Rate: 0.25, Noise: 3, Count: 4}}},
		"same":  {half, half, 3, 10, false, []privacy.Steps{{Rate: 0.25, Noise: 1, Count: 12}}},
		"used":  {&privacy.SGD{Clip: 1, Noise: 1}, &privacy.SGD{Clip: 1, Noise: 1}, 3, 10, true, []privacy.Steps{{Rate: 0.5, Noise: 1, Count: 2}, {Rate: 0.25, Noise: 1, Count: 12}}},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "checkpoint")
			train1(t, path, c.first, 2, 10, false)
			if c.other {
				train1(t, "", c.second, 1, 20, false)
			}
			train1(t, path, c.second, c.epochs, c.batch, true)
			if got := c.second.Spent(); !slices.Equal(got, c.want) {
				t.Errorf("spent %v instead of %v", got, c.want)
			}
		})
	}
}

// A δ that one published sample would reach is refused; before any step ε is 0.
func TestEpsilon(t *testing.T) {
	p := &privacy.SGD{Clip: 1, Noise: 1}
	if e, err := p.Epsilon(1e-5); e != 0 || err != nil {
		t.Error("before any step ε is", e, err)
	}
	o, set := models()["mlp"]()
	if _, err := fit(t, o, p, &privacy.Poisson{Dataset: set, BatchSize: 10}, train.Config{}); err != nil {
		t.Fatal(err)
	}
	if e, err := p.Epsilon(0.024); !(e > 0) || err != nil {
		t.Error(e, err)
	}
	for _, delta := range []float64{0.025, 0.5} {
		if _, err := p.Epsilon(delta); err == nil || !strings.Contains(err.Error(), "below 1/samples, 0.025") {
			t.Error(delta, err)
		}
	}
}

// A step allocates nothing.
func TestStepsAllocateNothing(t *testing.T) {
	o, set := models()["mlp"]()
	count := func(epochs int) float64 {
		return testing.AllocsPerRun(1, func() {
			if _, err := fit(t, o, &privacy.SGD{Clip: 1, Noise: 1, InsecureSeed: 1}, &privacy.Poisson{Dataset: set, BatchSize: 1, InsecureSeed: 1}, train.Config{Epochs: epochs}); err != nil {
				t.Fatal(err)
			}
		})
	}
	few, many := count(10), count(110)
	if per := (many - few) / 4000; per > 0.1 { // an epoch's records
		t.Errorf("%v allocations a step", per)
	}
}

// Every sample is in a batch with the rate's probability, independently.
func TestPoisson(t *testing.T) {
	const n, q, epochs = 50, 0.1, 400
	set := rows(n, 2)
	p := &privacy.Poisson{Dataset: set, BatchSize: n * q, InsecureSeed: 2}
	if p.Len() != 10 {
		t.Errorf("%d batches an epoch", p.Len())
	}
	var first [][]int
	counts, together, squares, batches := make([]float64, n), 0.0, 0.0, 0.0
	for e := range epochs {
		for b, err := range p.Epoch(e) {
			if err != nil {
				t.Fatal(err)
			}
			if e == 0 {
				first = append(first, slices.Clone(b.Index))
			}
			if !slices.IsSorted(b.Index) || len(slices.Compact(slices.Clone(b.Index))) != len(b.Index) {
				t.Fatalf("batch %v", b.Index)
			}
			for _, i := range b.Index {
				counts[i]++
			}
			if slices.Contains(b.Index, 3) && slices.Contains(b.Index, 4) {
				together++
			}
			squares += math.Pow(float64(b.Len())-n*q, 2)
			batches++
		}
	}
	for i, c := range counts {
		if math.Abs(c/batches-q) > 4*math.Sqrt(q*(1-q)/batches) {
			t.Errorf("sample %d is in %v of the batches", i, c/batches)
		}
	}
	if math.Abs(together/batches-q*q) > 4*math.Sqrt(q*q/batches) {
		t.Errorf("two samples meet in %v of the batches, want %v", together/batches, q*q)
	}
	if v := squares / batches; math.Abs(v/(n*q*(1-q))-1) > 0.1 {
		t.Errorf("variance of the batch size %v, want %v", v, n*q*(1-q))
	}
	var rest [][]int
	for b := range p.EpochFrom(context.Background(), 0, 4) {
		rest = append(rest, slices.Clone(b.Index))
	}
	if len(rest) != 6 || !slices.EqualFunc(rest, first[4:], slices.Equal) {
		t.Error("EpochFrom yields other batches")
	}
	secret := &privacy.Poisson{Dataset: set, BatchSize: n}
	for b := range secret.Epoch(0) {
		if b.Len() != n {
			t.Errorf("at rate 1, %d samples", b.Len())
		}
	}
}
