package train_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// uneven is twelve samples of two features, whose labels are padding here and
// there: all of the first two pieces of two, one of the third.
func uneven() data.Dataset {
	x := make([]float32, 24)
	for i := range x {
		x[i] = float32(math.Sin(float64(3 * i)))
	}
	return data.FromLabels(x, []int{2}, []int32{-100, -100, -100, -100, -100, 2, 1, 0, 0, 2, 1, -100})
}

// values is the same samples with three targets in [0, 1] each.
func values() data.Dataset {
	x, y := make([]float32, 24), make([]float32, 36)
	for i := range x {
		x[i] = float32(math.Sin(float64(3 * i)))
	}
	for i := range y {
		y[i] = float32(0.5 + 0.5*math.Cos(float64(i*i)))
	}
	return data.FromSlices(x, []int{2}, y, []int{3})
}

// objectives are losses whose parts do not weigh alike, or that must not be
// taken for such.
func objectives(m *nn.Linear) map[string]struct {
	o   train.Objective[data.Batch]
	set data.Dataset
} {
	type entry = struct {
		o   train.Objective[data.Batch]
		set data.Dataset
	}
	class := []float32{0.5, 4, 1}
	labels := func(loss func(tensor.Tensor, tensor.Ints) tensor.Tensor) entry {
		return entry{train.Supervised(m, loss), uneven()}
	}
	targets := func(loss func(x, y tensor.Tensor) tensor.Tensor) entry {
		return entry{train.Supervised(m, loss), values()}
	}
	all := map[string]entry{
		"ignored":       labels(nn.CrossEntropy),
		"class weights": labels(nn.CrossEntropyLoss{Weight: class}.Loss),
		"ignored class": labels(nn.CrossEntropyLoss{Ignore: []int32{0}}.Loss),
		"smoothed":      labels(nn.CrossEntropyLoss{LabelSmoothing: 0.1, Weight: class, Ignore: []int32{1}}.Loss),
		"focal":         labels(nn.FocalLoss{Weight: class}.Loss),
		"NLL": labels(func(x tensor.Tensor, y tensor.Ints) tensor.Tensor {
			return nn.NLLLoss{Weight: class}.Loss(x.LogSoftmax(-1), y)
		}),
		"two of a kind": labels(func(x tensor.Tensor, y tensor.Ints) tensor.Tensor {
			return nn.CrossEntropy(x, y).Add(nn.FocalLoss{}.Loss(x, y).Scale(0.3))
		}),
		"penalty": labels(func(x tensor.Tensor, y tensor.Ints) tensor.Tensor {
			return nn.CrossEntropy(x, y).Add(x.Tape().Use(m.Weight).Square().Sum().Scale(0.1))
		}),
		"binary":  targets(nn.BCEWithLogitsLoss{Weight: class, PosWeight: class}.Loss),
		"squares": targets(nn.MSE),
		"sample weights": targets(func(x, y tensor.Tensor) tensor.Tensor { // the targets serve as weights, too
			return nn.WeightedMean(nn.L1Loss{Reduction: nn.ReduceNone}.Loss(x, y), y.Square())
		}),
		"own mean": targets(func(x, y tensor.Tensor) tensor.Tensor { return x.Sub(y).Square().Mean() }),
	}
	own := train.SupervisedBy(m, func(t *tensor.Tape, b data.Batch) tensor.Tensor { return m.Forward(b.Input(t)) },
		func(x, y tensor.Tensor) tensor.Tensor { // a mask by hand, which nobody can see
			mask := x.Tape().Input(y.Data(), y.Dims()...)
			return x.Sub(y).Square().Mul(mask).Sum().Div(mask.Sum())
		})
	own.Weight = func(b data.Batch) (w float64) {
		for _, v := range b.Y {
			w += float64(v)
		}
		return w
	}
	all["by hand"] = entry{own, values()}
	return all
}

// The step is that of the whole batch, the loss of an epoch and of an
// evaluation that of all its samples, however they are cut.
func TestWeightsTravelWithMeans(t *testing.T) {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 2e-5*(1+math.Abs(b)) }
	for name := range objectives(nil) {
		run := func(batch int, c train.Config) ([]float32, train.History) {
			m := nn.NewLinear(nn.NewRand(1), 2, 3)
			e := objectives(m)[name]
			c.Epochs, c.Optimizer, c.KeepSteps = 3, optim.SGD(0.5), true
			h, err := train.Fit(context.Background(), e.o, &data.Loader{Dataset: e.set, BatchSize: batch}, c)
			if err != nil {
				t.Fatalf("%s %+v: %v", name, c, err)
			}
			return bits(m), h
		}
		want, hw := run(12, train.Config{})
		for _, c := range []struct {
			batch int
			train.Config
		}{{12, train.Config{MicroBatch: 4}}, {12, train.Config{MicroBatch: 5}}, {12, train.Config{MicroBatch: 1}}, {2, train.Config{Accumulate: 6}},
			{5, train.Config{Accumulate: 3}}, {1, train.Config{Accumulate: 12}}, {4, train.Config{Accumulate: 3, MicroBatch: 2}}} {
			got, h := run(c.batch, c.Config)
			for i := range want {
				if !near(float64(got[i]), float64(want[i])) {
					t.Errorf("%s, batches of %d, %+v: weights %v, those of the whole batch %v", name, c.batch, c.Config, got, want)
					break
				}
			}
			for i, v := range h.Losses() {
				if !near(v, hw.Epochs[i].Loss) || !near(h.StepLoss[i], hw.Epochs[i].Loss) {
					t.Errorf("%s, batches of %d, %+v: losses %v, those of the whole batch %v", name, c.batch, c.Config, h.Losses(), hw.Losses())
				}
			}
			old := runtime.GOMAXPROCS(1)
			again, _ := run(c.batch, c.Config)
			runtime.GOMAXPROCS(old)
			if !reflect.DeepEqual(again, got) {
				t.Errorf("%s: the number of processors shows in the bits", name)
			}
		}
		m := nn.NewLinear(nn.NewRand(1), 2, 3)
		e := objectives(m)[name]
		var first float64
		for _, batch := range []int{12, 5, 2, 1} {
			got, err := train.Evaluate(context.Background(), e.o, &data.Loader{Dataset: e.set, BatchSize: batch})
			if err != nil {
				t.Fatal(name, err)
			}
			if batch == 12 {
				first = got["loss"]
			}
			if !near(got["loss"], first) {
				t.Errorf("%s: loss %v in batches of %d, %v in one", name, got["loss"], batch, first)
			}
		}
	}
}

// The loss against one computed by hand, in float64.
func TestWeightedLossByHand(t *testing.T) {
	x := []float32{1, 0, 3, 0.5, 0, 2, 2, 2.5}
	labels, w := []int32{0, -100, 1, 1}, []float32{2, 0.25}
	var sum, weight float64
	for i, y := range labels {
		if y >= 0 {
			a, b := float64(x[2*i]), float64(x[2*i+1])
			sum += float64(w[y]) * (math.Log(math.Exp(a)+math.Exp(b)) - []float64{a, b}[y])
			weight += float64(w[y])
		}
	}
	for _, batch := range []int{4, 3, 2, 1} {
		o := train.Supervised(nn.Sequential{}, nn.CrossEntropyLoss{Weight: w}.Loss)
		got, err := train.Evaluate(context.Background(), o, &data.Loader{Dataset: data.FromLabels(x, []int{2}, labels), BatchSize: batch})
		if err != nil || math.Abs(got["loss"]-sum/weight) > 1e-6 {
			t.Errorf("batches of %d: %v %v, want %v", batch, got, err, sum/weight)
		}
	}
}

// Padded sequences of labels: tokens count, not sequences.
func TestPaddedSequencesByTokens(t *testing.T) {
	rng := nn.NewRand(3)
	set := &data.Sequences{Width: 2}
	for _, n := range []int{1, 7, 2, 5, 1, 3} {
		x, y := make([]float32, 2*n), make([]int32, n)
		for i := range x {
			x[i] = rng.Float32()
		}
		for i := range y {
			y[i] = int32(i % 3)
		}
		set.X, set.LabelSequences = append(set.X, x), append(set.LabelSequences, y)
	}
	fit := func(batch int, c train.Config) []float32 {
		m := nn.NewLinear(nn.NewRand(1), 2, 3)
		c.Optimizer = optim.SGD(1)
		_, err := train.Fit(context.Background(), train.Supervised(m, nn.CrossEntropyLoss{Ignore: []int32{-1}}.Loss), &data.Loader{Dataset: set, BatchSize: batch}, c)
		if err != nil {
			t.Fatal(err)
		}
		return bits(m)
	}
	want := fit(6, train.Config{})
	for _, got := range [][]float32{fit(6, train.Config{MicroBatch: 1}), fit(2, train.Config{Accumulate: 3}), fit(1, train.Config{Accumulate: 6})} {
		for i := range want {
			if math.Abs(float64(got[i]-want[i])) > 1e-5 {
				t.Errorf("%v, want %v", got, want)
				break
			}
		}
	}
}

// A batch in which nothing counts makes no step, whatever the way.
func TestNothingCounts(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	labels := []int32{-100, -100, 0, 1}
	for name, c := range map[string]train.Config{"plain": {}, "pieces": {MicroBatch: 1}, "accumulated": {Accumulate: 1, MicroBatch: 2}, "SAM": {SAM: &optim.SAM{}}} {
		m := nn.NewLinear(nn.NewRand(1), 2, 2)
		c.Epochs, c.KeepSteps, c.Optimizer = 2, true, optim.Adam(0.1)
		h, err := train.Fit(context.Background(), train.Supervised(m, nn.CrossEntropy), &data.Loader{Dataset: data.FromLabels(x, []int{2}, labels), BatchSize: 2}, c)
		if err != nil || h.Steps != 2 || len(h.StepLoss) != 2 || math.IsNaN(h.Last().Loss) || math.IsNaN(float64(bits(m)[0])) {
			t.Errorf("%s: %v, %+v, %v", name, err, h, bits(m))
		}
		m = nn.NewLinear(nn.NewRand(1), 2, 2)
		before := bits(m)
		_, err = train.Fit(context.Background(), train.Supervised(m, nn.CrossEntropy), &data.Loader{Dataset: data.FromLabels(x[:4], []int{2}, labels[:2])}, c)
		if err == nil || !strings.Contains(err.Error(), "nothing in epoch 0 counts") || !reflect.DeepEqual(bits(m), before) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := train.Supervised(nn.Sequential{}, nn.CrossEntropy)
	if _, err := train.Evaluate(context.Background(), o, &data.Loader{Dataset: data.FromLabels(x[:4], []int{2}, labels[:2])}); err == nil || !strings.Contains(err.Error(), "nothing in the source counts") {
		t.Error(err)
	}
	o.Weight = func(data.Batch) float64 { return math.NaN() }
	if _, err := train.Evaluate(context.Background(), o, &data.Loader{Dataset: data.FromLabels(x, []int{2}, labels)}); err == nil || !strings.Contains(err.Error(), "Objective.Weight is NaN") {
		t.Error(err)
	}
	// The rate test takes as many steps as it is asked for, all the same.
	m := nn.NewLinear(nn.NewRand(1), 2, 2)
	curve, err := train.LRRangeTest(context.Background(), train.Supervised(m, nn.CrossEntropy), &data.Loader{Dataset: data.FromLabels(x, []int{2}, labels), BatchSize: 2}, train.LRRange{Steps: 9, Max: 1e-3})
	if err != nil || len(curve.Losses) != 9 || math.IsNaN(curve.Losses[0]) {
		t.Errorf("%v %v", curve, err)
	}
}

// Means over different rows cannot be put together: an error says so, and
// Objective.Weight decides.
func TestMixedMeans(t *testing.T) {
	m := nn.NewLinear(nn.NewRand(1), 2, 3)
	loss := func(x tensor.Tensor, y tensor.Ints) tensor.Tensor {
		return nn.CrossEntropy(x, y).Add(nn.CrossEntropyLoss{Ignore: []int32{0}}.Loss(x, y))
	}
	set := data.FromLabels(make([]float32, 16), []int{2}, []int32{0, 1, 1, 2, 0, 0, 0, 1})
	for name, c := range map[string]train.Config{"pieces": {MicroBatch: 4}, "accumulated": {Accumulate: 2}} {
		o := train.Supervised(m, loss)
		batch := map[string]int{"pieces": 8, "accumulated": 4}[name]
		if _, err := train.Fit(context.Background(), o, &data.Loader{Dataset: set, BatchSize: batch}, c); err == nil || !strings.Contains(err.Error(), "means over different weights") {
			t.Errorf("%s: %v", name, err)
		}
		o.Weight = func(b data.Batch) float64 { return float64(b.Len()) }
		if _, err := train.Fit(context.Background(), o, &data.Loader{Dataset: set, BatchSize: batch}, c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// In the same proportion in every part they can be.
		same := func(x tensor.Tensor, y tensor.Ints) tensor.Tensor {
			return nn.CrossEntropy(x, y).Add(nn.MSE(x, x.Scale(0.5)))
		}
		if _, err := train.Fit(context.Background(), train.Supervised(m, same), &data.Loader{Dataset: set, BatchSize: batch}, c); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A checkpoint inside of an epoch keeps the sum of weights, too.
func TestWeightsSurviveResume(t *testing.T) {
	path := t.TempDir() + "/c"
	run := func(resume string, stop int) (train.History, error) {
		m := nn.NewLinear(nn.NewRand(1), 2, 3)
		return train.Fit(context.Background(), train.Supervised(m, nn.CrossEntropyLoss{Weight: []float32{0.3, 2, 1}}.Loss), &data.Loader{Dataset: uneven(), BatchSize: 2},
			train.Config{Epochs: 2, Resume: resume, Callbacks: []train.Callback{train.Checkpoint(path, 1), train.OnStep(func(r *train.Run) error {
				if r.Step == stop {
					return fmt.Errorf("crash")
				}
				return nil
			})}})
	}
	want, err := run("", -1)
	if err != nil {
		t.Fatal(err)
	}
	for stop := 2; stop < 8; stop++ {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if _, err := run("", stop); err == nil {
			t.Fatal("no crash")
		}
		if got, err := run(path, -1); err != nil || !reflect.DeepEqual(got.Losses(), want.Losses()) || got.Steps != want.Steps {
			t.Errorf("stopped at %d: %v %v, want %v", stop, got.Losses(), err, want.Losses())
		}
	}
}
