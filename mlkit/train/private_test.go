package train_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// halver counts what it is asked, and halves each gradient.
type halver struct {
	source any
	norms  []float32
	steps  []int
	err    error
}

func (h *halver) Begin(source any) error { h.source = source; return nil }

func (h *halver) Factors(norms []float32) error {
	h.norms = append(h.norms, norms...)
	for i := range norms {
		norms[i] = 0.5
	}
	return h.err
}

func (h *halver) AddNoise(step int, sums [][]float32) {
	h.steps = append(h.steps, step)
	for _, s := range sums {
		for i := range s {
			s[i] += 1
		}
	}
}

func (h *halver) String() string { return "halves" }

// Config.Private gives each sample's gradient its factor, in pieces or at once,
// and noise to all parameters but the frozen ones.
func TestPrivateSteps(t *testing.T) {
	x, y := make([]float32, 12*3), make([]float32, 12*2)
	rng := nn.NewRand(4)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	set := data.FromSlices(x, []int{3}, y, []int{2})
	var first []float32
	for _, micro := range []int{0, 5, 1} {
		used, idle, frozen := nn.NewLinear(nn.NewRand(1), 3, 2), nn.NewLinear(nn.NewRand(2), 2, 2), nn.NewLinear(nn.NewRand(3), 3, 2)
		nn.Freeze(frozen)
		model := []*nn.Linear{used, idle, frozen}
		o := train.SupervisedBy(model, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
			return used.Forward(b.Input(t)).Add(frozen.Forward(b.Input(t)))
		}, nn.MSE)
		tape := tensor.NewTape(0)
		batch := data.Batch{}
		if err := set.Batch([]int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, &batch); err != nil {
			t.Fatal(err)
		}
		g := slices.Clone(o.Loss(tape, batch).Backward().Of(used.Weight))
		was, still := slices.Clone(used.Weight.Data), slices.Clone(frozen.Weight.Data)
		zero := idle.Weight.Data[0]
		h := &halver{}
		loader := &data.Loader{Dataset: set}
		history, err := train.Fit(context.Background(), o, loader, train.Config{Private: h, MicroBatch: micro, Optimizer: optim.SGD(0.1), Epochs: 1})
		if err != nil {
			t.Fatal(err)
		}
		if h.source != any(loader) || !slices.Equal(h.steps, []int{0}) || len(h.norms) != 12 {
			t.Errorf("pieces of %d: source %T, steps %v, %d norms", micro, h.source, h.steps, len(h.norms))
		}
		if first == nil {
			first = h.norms
		}
		for i, n := range h.norms {
			if math.Abs(float64(n-first[i])) > 1e-6 {
				t.Errorf("pieces of %d: norm %d is %v, at once %v", micro, i, n, first[i])
			}
		}
		for i, v := range used.Weight.Data {
			if want := was[i] - 0.1*(12*0.5*g[i]+1); math.Abs(float64(v-want)) > 1e-5 {
				t.Errorf("pieces of %d: weight %d is %v, want %v", micro, i, v, want)
			}
		}
		if d := zero - idle.Weight.Data[0]; math.Abs(float64(d)-0.1) > 1e-6 {
			t.Errorf("pieces of %d: a parameter without gradient moved by %v", micro, d)
		}
		if !slices.Equal(frozen.Weight.Data, still) {
			t.Error("a frozen parameter moved")
		}
		tape.Reset()
		if l := history.Last().Loss; !(l > 0) {
			t.Errorf("loss %v", l)
		}
	}
}

func TestPrivateErrors(t *testing.T) {
	set := data.FromSlices(make([]float32, 6), []int{1}, make([]float32, 6), []int{1})
	model := nn.NewLinear(nn.NewRand(1), 1, 1)
	refused := errors.New("not today")
	_, err := train.Fit(context.Background(), train.Supervised(model, nn.MSE), &data.Loader{Dataset: set}, train.Config{Private: &halver{err: refused}})
	if !errors.Is(err, refused) {
		t.Errorf("Factors' error: %v", err)
	}
	o := train.Supervised(model, nn.MSE)
	o.Split = nil
	if _, err := train.Fit(context.Background(), o, &data.Loader{Dataset: set}, train.Config{Private: &halver{}}); err == nil || !strings.Contains(err.Error(), "Split") {
		t.Errorf("without Split: %v", err)
	}
}
