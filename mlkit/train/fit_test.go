package train_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// line is y = 3x − 1 without noise.
func line(n int) data.Dataset {
	x, y := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = float32(i)/float32(n) - 0.5
		y[i] = 3*x[i] - 1
	}
	return data.FromSlices(x, []int{1}, y, []int{1})
}

func TestFitFindsTheLine(t *testing.T) {
	model := nn.NewLinear(nn.NewRand(1), 1, 1)
	loader := &data.Loader{Dataset: line(100), BatchSize: 32, Shuffle: true, Seed: 1}
	h, err := train.Fit(context.Background(), train.Supervised(model, nn.MSE), loader, train.Config{
		Epochs: 200, Optimizer: optim.SGD(0.3), KeepSteps: true})
	if err != nil {
		t.Fatal(err)
	}
	if w, b := model.Weight.Data[0], model.Bias.Data[0]; math.Abs(float64(w)-3) > 1e-4 || math.Abs(float64(b)+1) > 1e-4 {
		t.Errorf("weight %v, bias %v, want 3 and −1", w, b)
	}
	if len(h.Epochs) != 200 || h.Steps != 800 || len(h.StepLoss) != 800 || h.Stopped != "" {
		t.Errorf("%d epochs, %d steps, %d step losses, stopped %q", len(h.Epochs), h.Steps, len(h.StepLoss), h.Stopped)
	}
	if h.Last().Loss > 1e-8 || h.Losses()[0] < h.Last().Loss {
		t.Errorf("losses %v … %v", h.Losses()[0], h.Last().Loss)
	}
}

func TestFitEndsWell(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	fit := func(ctx context.Context, lr float64, batch int, cb ...train.Callback) (train.History, error) {
		model := nn.NewLinear(nn.NewRand(1), 1, 1)
		return train.Fit(ctx, train.Supervised(model, nn.MSE), &data.Loader{Dataset: line(10), BatchSize: batch},
			train.Config{Epochs: 50, Optimizer: optim.SGD(lr), Callbacks: cb})
	}
	h, err := fit(ctx, 0.1, 5, train.OnEpoch(func(r *train.Run) error {
		if r.Epoch == 2 {
			return train.Stop("enough")
		}
		return nil
	}))
	if err != nil || len(h.Epochs) != 3 || h.Stopped != "enough" {
		t.Errorf("stop: %v, %d epochs, %q", err, len(h.Epochs), h.Stopped)
	}
	h, err = fit(ctx, 0.1, 5, train.OnStep(func(r *train.Run) error {
		if r.Step == 5 {
			cancel()
		}
		return nil
	}))
	if !errors.Is(err, context.Canceled) || h.Steps != 5 || len(h.Epochs) != 3 {
		t.Errorf("cancel: %v, %d steps, %d epochs", err, h.Steps, len(h.Epochs))
	}
	var bad *train.NonFiniteError
	if _, err = fit(context.Background(), 1e4, 0); !errors.As(err, &bad) || !strings.Contains(err.Error(), "lower the learning rate") {
		t.Errorf("divergence: %v", err)
	}
}

func TestFitReportsShapes(t *testing.T) {
	var shape *tensor.ShapeError
	_, err := train.Fit(context.Background(), train.Supervised(nn.NewLinear(nn.NewRand(1), 2, 1), nn.MSE),
		&data.Loader{Dataset: line(10)}, train.Config{})
	if !errors.As(err, &shape) || !strings.Contains(err.Error(), `step 0: tensor: Linear (parameter "weight")`) {
		t.Errorf("%v", err)
	}
}

// The steps of an epoch allocate nothing; an epoch itself may (its record).
func TestFitStepsAllocateNothing(t *testing.T) {
	perEpoch := func(n int) float64 {
		model := nn.Sequential{nn.NewLinear(nn.NewRand(1), 1, 8), nn.Func(tensor.Tensor.Tanh), nn.NewLinear(nn.NewRand(2), 8, 1)}
		loader := &data.Loader{Dataset: line(n), BatchSize: 5}
		return testing.AllocsPerRun(5, func() {
			if _, err := train.Fit(context.Background(), train.Supervised(model, nn.MSE), loader, train.Config{Epochs: 4}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := perEpoch(10), perEpoch(1000); many > few+8 { // the seen-map and the first steps
		t.Errorf("%v allocations for 8 steps, %v for 800", few, many)
	}
}
