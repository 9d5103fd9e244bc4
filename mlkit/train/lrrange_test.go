package train_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// statistic is a layer with a buffer that every training step changes.
type statistic struct{ Mean *tensor.Buffer }

func (s *statistic) Forward(x tensor.Tensor) tensor.Tensor {
	if t := x.Tape(); t.Training() {
		v := t.Scratch(1)
		v[0] = x.Mean().Item()
		t.CollectBuffer(s.Mean, v, 0.1)
	}
	return x
}

func TestLRRange(t *testing.T) {
	linear, stat := nn.NewLinear(nn.NewRand(1), 1, 1), &statistic{tensor.NewBuffer(0.5, 1)}
	model := nn.Sequential{linear, stat}
	w, b := linear.Weight.Data[0], linear.Bias.Data[0]
	unchanged := func() {
		t.Helper()
		if linear.Weight.Data[0] != w || linear.Bias.Data[0] != b || stat.Mean.Data[0] != 0.5 || stat.Mean.Count != 0 {
			t.Errorf("the model changed: %v %v %v", linear.Weight.Data, linear.Bias.Data, stat.Mean)
		}
	}
	loader := &data.Loader{Dataset: line(96), BatchSize: 32, Shuffle: true, Seed: 1}
	curve, err := train.LRRangeTest(context.Background(), train.Supervised(model, nn.MSE), loader, train.LRRange{Max: 100})
	if err != nil {
		t.Fatal(err)
	}
	unchanged()
	n := len(curve.Rates)
	// Steps of a quadratic with curvature 2 diverge beyond the rate 1.
	if !curve.Diverged || n >= 100 || n < 60 || len(curve.Losses) != n || len(curve.Smoothed) != n {
		t.Errorf("diverged %v after %d rates", curve.Diverged, n)
	}
	if curve.Rates[0] != 1e-6 || curve.Rates[n-1] > 10 || !slices.IsSorted(curve.Rates) {
		t.Errorf("rates %v", curve.Rates)
	}
	if s := curve.Suggestion; s < 0.01 || s > 1 {
		t.Errorf("suggests %v", s)
	}
	// The suggestion trains.
	h, err := train.Fit(context.Background(), train.Supervised(model, nn.MSE), loader, train.Config{Epochs: 100, Optimizer: optim.SGD(curve.Suggestion)})
	if err != nil || h.Last().Loss > 0.05 {
		t.Errorf("loss %v, %v", h.Last().Loss, err)
	}
}

func TestLRRangeEnds(t *testing.T) {
	model := nn.NewLinear(nn.NewRand(1), 1, 1)
	before := slices.Clone(model.Weight.Data)
	o := train.Supervised(model, nn.MSE)
	loader := &data.Loader{Dataset: line(10), BatchSize: 5}
	all, err := train.LRRangeTest(context.Background(), o, loader, train.LRRange{Min: 1e-3, Max: 1e-2, Steps: 7,
		Rule: func(rate float64) optim.Rule { return optim.Adam(rate) }})
	if err != nil || len(all.Rates) != 7 || all.Diverged || math.Abs(all.Rates[6]-1e-2) > 1e-12 {
		t.Errorf("%+v, %v", all, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := train.LRRangeTest(ctx, o, loader, train.LRRange{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := train.LRRangeTest(context.Background(), o, loader, train.LRRange{Min: 1, Max: 0.1}); err == nil {
		t.Error("no error for an empty range")
	}
	if !slices.Equal(before, model.Weight.Data) {
		t.Error("the model changed")
	}
}

// PyTorch 2.15: torch.optim.lr_scheduler.ReduceLROnPlateau(SGD of rate 1,
// factor=.5, patience=2, threshold=.01, cooldown=1, min_lr=.1), stepped with
// these metrics; see optim/testdata/goldens.py.
var (
	plateauMetrics = []float64{1, 0.9, 0.9, 0.899, 0.898, 0.897, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4, 0.4}
	absoluteRates  = []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125, 0.1}
	plateauRates   = []float64{1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.25, 0.125, 0.125, 0.125, 0.125, 0.1, 0.1, 0.1, 0.1, 0.1}
)

func TestReduceOnPlateauEqualsPyTorchs(t *testing.T) {
	for _, sign := range []float64{1, -1, 100} { // minimise, maximise the negative, minimise by an absolute threshold
		p := train.Plateau{Metric: "m", Maximize: sign < 0, Factor: 0.5, Patience: 2, Threshold: 0.01, Absolute: sign > 1, Cooldown: 1, MinFactor: 0.1}
		plateauRates := plateauRates
		if p.Absolute { // threshold_mode="abs"
			plateauRates = absoluteRates
		}
		call := train.ReduceOnPlateau(p)
		r := &train.Run{History: &train.History{}, Optimizer: optim.New(nil, optim.SGD(1))}
		for k, m := range plateauMetrics {
			r.History.Epochs = append(r.History.Epochs, train.Epoch{Metrics: map[string]float64{"m": sign * m}})
			if err := call(train.EpochEnd, r); err != nil {
				t.Fatal(err)
			}
			if math.Abs(r.Optimizer.Scale-plateauRates[k]) > 1e-12 {
				t.Errorf("sign %v: %v after %d metrics, want %v", sign, r.Optimizer.Scale, k+1, plateauRates[k])
			}
		}
		// A fresh callback, as after a resume, says the same.
		r.Optimizer.Scale = 0
		if err := train.ReduceOnPlateau(p)(train.EpochEnd, r); err != nil || math.Abs(r.Optimizer.Scale-plateauRates[len(plateauRates)-1]) > 1e-12 {
			t.Errorf("after a resume %v, %v", r.Optimizer.Scale, err)
		}
	}
}

func TestReduceOnPlateauInFit(t *testing.T) {
	model := nn.NewLinear(nn.NewRand(1), 1, 1)
	fit := func(p train.Plateau) (train.History, error) {
		return train.Fit(context.Background(), train.Supervised(model, nn.MSE), &data.Loader{Dataset: line(10)},
			train.Config{Epochs: 40, Optimizer: optim.SGD(1e-12), Callbacks: []train.Callback{train.ReduceOnPlateau(p)}})
	}
	if _, err := fit(train.Plateau{}); err != nil { // 10 epochs of patience: three reductions
		t.Error(err)
	}
	h, err := fit(train.Plateau{Factor: 0.5, Patience: -1, MinFactor: 0.25})
	if last := h.Last().LearningRate; err != nil || math.Abs(last-0.25e-12) > 1e-24 {
		t.Errorf("learning rate %v, %v", last, err)
	}
	if _, err := fit(train.Plateau{Metric: "val_loss"}); err == nil {
		t.Error("no error for an unknown metric")
	}
	defer func() {
		if recover() == nil {
			t.Error("a factor of 2 must panic")
		}
	}()
	train.ReduceOnPlateau(train.Plateau{Factor: 2})
}
