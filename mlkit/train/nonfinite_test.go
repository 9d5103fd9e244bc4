package train_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/train"
)

// An infinite feature behind a tanh leaves the loss finite and makes the
// weights NaN: where that is the last step, no later loss tells.
func TestLastStepMakesNaN(t *testing.T) {
	for _, act := range []nn.Layer{nn.Tanh{}, nn.Sigmoid{}} {
		rng := nn.NewRand(1)
		m := nn.Sequential{nn.NewLinear(rng, 1, 2), act, nn.NewLinear(rng, 2, 1)}
		loader := &data.Loader{Dataset: data.FromSlices([]float32{1, float32(math.Inf(1))}, []int{1}, []float32{1, 2}, []int{1})}
		h, err := train.Fit(context.Background(), train.Supervised(m, nn.MSE), loader, train.Config{})
		var bad *train.NonFiniteError
		if !errors.As(err, &bad) || bad.Param != "0.weight" || bad.Step != 1 || !strings.Contains(err.Error(), "infinities in the data") || h.Stopped == "" {
			t.Errorf("%T: %v, %q", act, err, h.Stopped)
		}
		if _, err := train.Fit(context.Background(), train.Supervised(m, nn.MSE), loader, train.Config{AllowNonFinite: true}); err != nil {
			t.Errorf("allowed: %v", err)
		}
	}
}

// Counts and thresholds below 0 are no defaults.
func TestNegativeSettings(t *testing.T) {
	m := nn.NewLinear(nn.NewRand(1), 1, 1)
	set := data.FromSlices([]float32{1, 2}, []int{1}, []float32{1, 2}, []int{1})
	fit := func(l *data.Loader, c train.Config) error {
		_, err := train.Fit(context.Background(), train.Supervised(m, nn.MSE), l, c)
		return err
	}
	if err := fit(&data.Loader{Dataset: set}, train.Config{Accumulate: -3}); err == nil || !strings.Contains(err.Error(), "-3 batches (Accumulate)") {
		t.Error(err)
	}
	if err := fit(&data.Loader{Dataset: set, BatchSize: -4}, train.Config{}); err == nil || !strings.Contains(err.Error(), "BatchSize is -4") {
		t.Error(err)
	}
	for _, v := range []float64{-1, math.NaN()} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a MinDelta of %v", v)
				}
			}()
			train.EarlyStop{MinDelta: v}.Callback()
		}()
	}
}
