package train_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/metrics"
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

// A number of epochs that only early stopping makes sense of costs no memory.
func TestKeepStepsOfManyEpochs(t *testing.T) {
	h, err := train.Fit(context.Background(), train.Supervised(nn.NewLinear(nn.NewRand(1), 1, 1), nn.MSE), &data.Loader{Dataset: line(10), BatchSize: 3},
		train.Config{Epochs: math.MaxInt32, KeepSteps: true, Callbacks: []train.Callback{train.OnEpoch(func(*train.Run) error { return train.Stop("enough") })}})
	if err != nil || len(h.StepLoss) != 4 || cap(h.StepLoss) > 1<<21 {
		t.Errorf("%v, %d losses of steps, room for %d", err, len(h.StepLoss), cap(h.StepLoss))
	}
}

func TestEmptyAndUnevenSources(t *testing.T) {
	o := train.Supervised(nn.NewLinear(nn.NewRand(1), 1, 1), nn.MSE)
	if _, err := train.Fit(context.Background(), o, &data.Loader{Dataset: line(3)}, train.Config{Epochs: -1, KeepSteps: true}); err == nil {
		t.Error("−1 epochs are accepted")
	}
	small := &data.Loader{Dataset: line(3), BatchSize: 4, DropLast: true}
	if _, err := train.Evaluate(context.Background(), o, small); err == nil || !strings.Contains(err.Error(), "no batches") {
		t.Errorf("Evaluate of nothing: %v", err)
	}
	n := 0
	cut := nn.Func(func(x tensor.Tensor) tensor.Tensor { n++; return x.Expand(-1, n) })
	_, _, err := train.NewPredictor(cut).All(context.Background(), &data.Loader{Dataset: line(4), BatchSize: 2})
	if err == nil || !strings.Contains(err.Error(), "outputs of [2 2] after outputs of [2 1]") {
		t.Errorf("All of outputs of several sizes: %v", err)
	}
}

func TestFitReportsShapes(t *testing.T) {
	for _, micro := range []int{0, 5} {
		var shape *tensor.ShapeError
		var step *train.StepError
		model := nn.Sequential{nn.Func(tensor.Tensor.Tanh), nn.Sequential{nn.NewLinear(nn.NewRand(1), 2, 1)}}
		outer := nn.Func(func(x tensor.Tensor) tensor.Tensor { return model.Forward(x) })
		_, err := train.Fit(context.Background(), train.Objective[data.Batch]{Model: model, Size: data.Batch.Len, Split: data.Batch.Split,
			Loss: func(tp *tensor.Tape, b data.Batch) tensor.Tensor { return outer.Forward(b.Input(tp)).Mean() }},
			&data.Loader{Dataset: line(10)}, train.Config{MicroBatch: micro})
		if !errors.As(err, &shape) || !errors.As(err, &step) || !strings.Contains(err.Error(), `step 0: tensor: Linear (parameter "1.0.weight")`) ||
			!strings.Contains(step.Where, "nn.Sequential > nn.Sequential > nn.(*Linear)") {
			t.Errorf("%v", err)
		}
		if micro == 0 && !strings.Contains(step.Where, "fit_test.go:") {
			t.Errorf("%v", err)
		}
		_, _, err = train.NewPredictor(model).Predict(make([]float32, 3), 3, 1)
		if !errors.As(err, &step) || step.Step != -1 || strings.Contains(err.Error(), "step") {
			t.Errorf("%v", err)
		}
	}
}

// With a schedule-free rule the validation, the callbacks of an epoch's end,
// the files and Fit's caller see the averaged weights; the steps see others.
func TestFitWithAveragedWeights(t *testing.T) {
	model := nn.NewLinear(nn.NewRand(1), 1, 1)
	var atEnd, inStep []float32
	path := filepath.Join(t.TempDir(), "model.safetensors")
	var validated []float32
	_, err := train.Fit(context.Background(), train.Supervised(model, nn.MSE), &data.Loader{Dataset: line(20), BatchSize: 5}, train.Config{
		Epochs: 3, Optimizer: optim.ScheduleFreeSGD(0.05),
		Validation: func(context.Context, map[string]float64) error {
			validated = append(validated, bits(model)...)
			return nil
		},
		Callbacks: []train.Callback{
			train.Checkpoint(path, 1),
			train.OnStep(func(*train.Run) error { inStep = append(inStep, bits(model)...); return nil }),
			train.OnEpoch(func(*train.Run) error { atEnd = append(atEnd, bits(model)...); return nil }),
		}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(validated, atEnd) || !slices.Equal(atEnd[len(atEnd)-2:], bits(model)) {
		t.Errorf("validated %v, at the epochs' ends %v, at last %v", validated, atEnd, bits(model))
	}
	if slices.Equal(inStep[len(inStep)-2:], bits(model)) {
		t.Error("the last step's weights are the averaged ones")
	}
	saved := nn.NewLinear(nn.NewRand(2), 1, 1)
	if err := train.LoadWeights(path, saved); err != nil || !slices.Equal(bits(saved), bits(model)) {
		t.Errorf("saved %v, %v", bits(saved), err)
	}
}

// A singular matrix ends a training with an error, not the program.
func TestFitReportsSingularMatrices(t *testing.T) {
	for _, micro := range []int{0, 5} {
		var singular *tensor.SingularError
		_, err := train.Fit(context.Background(), train.Objective[data.Batch]{Model: nn.NewLinear(nn.NewRand(1), 2, 1), Size: data.Batch.Len, Split: data.Batch.Split,
			Loss: func(tp *tensor.Tape, b data.Batch) tensor.Tensor {
				return tp.Full(1, 2, 2).Solve(tp.Full(1, 2, 1)).Mean()
			}}, &data.Loader{Dataset: line(10)}, train.Config{MicroBatch: micro})
		if !errors.As(err, &singular) || !strings.Contains(err.Error(), "step 0: tensor: Solve of [2 2]") {
			t.Errorf("%v", err)
		}
	}
}

// The steps of an epoch allocate nothing; an epoch itself may (its record).
func TestFitStepsAllocateNothing(t *testing.T) {
	perEpoch := func(n int, config train.Config) float64 {
		model := nn.Sequential{nn.NewLinear(nn.NewRand(1), 1, 8), nn.Func(tensor.Tensor.Tanh), nn.NewLinear(nn.NewRand(2), 8, 1)}
		loader := &data.Loader{Dataset: line(n), BatchSize: 5}
		return testing.AllocsPerRun(5, func() {
			config.Epochs = 4
			if _, err := train.Fit(context.Background(), train.Supervised(model, nn.MSE), loader, config); err != nil {
				t.Fatal(err)
			}
		})
	}
	for name, config := range map[string]train.Config{"plain": {}, "accumulate": {Accumulate: 2}, "micro-batches": {MicroBatch: 2},
		"SAM": {SAM: &optim.SAM{}}, "validation": {Validation: train.Validate(train.Supervised(mlp(1), nn.MSE), &data.Loader{Dataset: line(50), BatchSize: 5})}} {
		if few, many := perEpoch(10, config), perEpoch(1000, config); many > few+8 { // the seen-map and the first steps
			t.Errorf("%s: %v allocations for 8 steps, %v for 800", name, few, many)
		}
	}
}

// One step of k batches, of k pieces, and of everything at once go the same
// way.
func TestAccumulateAndMicroBatchAreTheWholeBatch(t *testing.T) {
	fit := func(batch int, c train.Config) ([]float32, train.History) {
		model := mlp(1)
		c.Epochs, c.Optimizer, c.KeepSteps = 20, optim.SGD(0.1), true
		h, err := train.Fit(context.Background(), train.Supervised(model, nn.MSE),
			&data.Loader{Dataset: line(22), BatchSize: batch, Shuffle: true}, c)
		if err != nil {
			t.Fatal(err)
		}
		return bits(model), h
	}
	near := func(what string, a, b []float32) {
		t.Helper()
		for i := range a {
			if math.Abs(float64(a[i]-b[i])) > 1e-5 {
				t.Errorf("%s: %v, want %v", what, a, b)
				return
			}
		}
	}
	whole, hw := fit(8, train.Config{}) // steps of 8, 8, 6
	acc, ha := fit(4, train.Config{Accumulate: 2})
	near("accumulated", acc, whole)
	pairs, hs := fit(8, train.Config{MicroBatch: 2})
	near("pairs", pairs, whole)
	micro, hm := fit(8, train.Config{MicroBatch: 3})
	near("micro-batches", micro, whole)
	both, _ := fit(4, train.Config{Accumulate: 2, MicroBatch: 3})
	near("both", both, whole)
	for _, h := range []train.History{ha, hs, hm} {
		if h.Steps != hw.Steps || math.Abs(h.Last().Loss-hw.Last().Loss) > 1e-6 || math.Abs(h.StepLoss[2]-hw.StepLoss[2]) > 1e-6 {
			t.Errorf("%+v, want %+v", h, hw)
		}
	}
	old := runtime.GOMAXPROCS(1)
	one, _ := fit(8, train.Config{MicroBatch: 2})
	runtime.GOMAXPROCS(max(4, old))
	four, _ := fit(8, train.Config{MicroBatch: 2})
	again, _ := fit(8, train.Config{MicroBatch: 3})
	runtime.GOMAXPROCS(old)
	if !reflect.DeepEqual(one, four) || !reflect.DeepEqual(one, pairs) || !reflect.DeepEqual(micro, again) {
		t.Error("the number of processors shows in the bits")
	}
	for why, c := range map[string]train.Config{`MicroBatch cannot be used with this model: "running_mean" is a statistic`: {MicroBatch: 2},
		"pieces of -1": {MicroBatch: -1}, "SAM takes": {SAM: &optim.SAM{}, Accumulate: 2}} {
		_, err := train.Fit(context.Background(), train.Supervised(newNet(), nn.MSE), &data.Loader{Dataset: line(22)}, c)
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestFitWithSAM(t *testing.T) {
	model := nn.NewLinear(nn.NewRand(1), 1, 1)
	h, err := train.Fit(context.Background(), train.Supervised(model, nn.MSE), &data.Loader{Dataset: line(100), BatchSize: 50},
		train.Config{Epochs: 300, Optimizer: optim.SGD(0.3), SAM: &optim.SAM{Rho: 1e-4}})
	if err != nil || math.Abs(float64(model.Weight.Data[0])-3) > 1e-2 || h.Steps != 600 {
		t.Errorf("%v %v", err, model.Weight.Data)
	}
}

func TestManyGoroutinesPredictWithOneModel(t *testing.T) {
	p := train.NewPredictor(mlp(1))
	x := []float32{0.1, 0.2, 0.3}
	want, dims, err := p.Predict(x, 3, 1)
	if err != nil || !reflect.DeepEqual(dims, []int{3, 1}) {
		t.Fatal(err, dims)
	}
	set := data.FromSlices(x, []int{1}, make([]float32, 3), []int{1})
	if all, dims, err := p.All(context.Background(), &data.Loader{Dataset: set, BatchSize: 2}); err != nil || !reflect.DeepEqual(dims, []int{3, 1}) || !reflect.DeepEqual(all, want) {
		t.Errorf("%v %v %v, want %v", all, dims, err, want)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got, _, err := p.Predict(x, 3, 1); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%v %v", got, err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// A model that begins with an Embedding trains, is measured and predicts like
// any other.
func TestTokensTrainWithSupervised(t *testing.T) {
	ids := make([]int32, 200)
	for i := range ids {
		ids[i] = int32(i % 5)
	}
	rng := nn.NewRand(1)
	model := nn.Sequential{nn.NewEmbedding(rng, 5, 8), nn.NewLinear(rng, 8, 5)}
	o := train.Supervised(model, nn.CrossEntropy)
	loader := func() *data.Loader {
		return &data.Loader{Dataset: data.NextTokens(ids, 8, 4), BatchSize: 16, Shuffle: true, Prefetch: 2}
	}
	for name, c := range map[string]train.Config{"plain": {}, "pieces": {MicroBatch: 4}} {
		c.Epochs, c.Optimizer = 30, optim.Adam(0.02)
		if _, err := train.Fit(context.Background(), o, loader(), c); err != nil {
			t.Fatal(name, err)
		}
	}
	figures, err := train.Evaluate(context.Background(), o, loader(), metrics.Accuracy(), metrics.Perplexity())
	if err != nil || figures["accuracy"] != 1 || figures["perplexity"] > 1.2 {
		t.Errorf("%v %v", figures, err)
	}
	p := train.NewPredictor(model)
	y, dims, err := p.PredictTokens([]int32{3, 4}, 1, 2)
	if err != nil || !reflect.DeepEqual(dims, []int{1, 2, 5}) || y[4] < y[0] {
		t.Errorf("%v %v %v", y, dims, err)
	}
	if _, _, err := p.Predict([]float32{1}, 1, 1); err == nil || !strings.Contains(err.Error(), "reads token ids") {
		t.Error(err)
	}
	if y, dims, err := p.All(context.Background(), &data.Loader{Dataset: data.NextTokens(ids, 8, 4), BatchSize: 30}); err != nil || len(y) != 48*8*5 || dims[0] != 48 {
		t.Errorf("%d %v %v", len(y), dims, err)
	}
	features := train.Supervised(nn.NewLinear(rng, 1, 1), nn.CrossEntropy)
	if _, err := train.Fit(context.Background(), features, loader(), train.Config{}); err == nil || !strings.Contains(err.Error(), "which a *nn.Linear does not read") {
		t.Error(err)
	}
}

// An Objective with Predict and LossOf has a loss, in every caller; one with
// neither is refused, before anything changes.
func TestObjectivesWithoutLoss(t *testing.T) {
	loader := func() *data.Loader { return &data.Loader{Dataset: line(12), BatchSize: 4} }
	ctx := context.Background()
	callers := map[string]func(o train.Objective[data.Batch]) (float64, error){
		"Fit": func(o train.Objective[data.Batch]) (float64, error) {
			h, err := train.Fit(ctx, o, loader(), train.Config{})
			return h.Last().Loss, err
		},
		"pieces": func(o train.Objective[data.Batch]) (float64, error) {
			h, err := train.Fit(ctx, o, loader(), train.Config{MicroBatch: 2})
			return h.Last().Loss, err
		},
		"SAM": func(o train.Objective[data.Batch]) (float64, error) {
			h, err := train.Fit(ctx, o, loader(), train.Config{SAM: &optim.SAM{}})
			return h.Last().Loss, err
		},
		"Evaluate": func(o train.Objective[data.Batch]) (float64, error) {
			e, err := train.Evaluate(ctx, o, loader())
			return e["loss"], err
		},
		"Evaluate with metrics": func(o train.Objective[data.Batch]) (float64, error) {
			e, err := train.Evaluate(ctx, o, loader(), metrics.MAE())
			return e["loss"], err
		},
		"Validate": func(o train.Objective[data.Batch]) (float64, error) {
			into := map[string]float64{}
			err := train.Validate(o, loader())(ctx, into)
			return into["val_loss"], err
		},
		"LRRangeTest": func(o train.Objective[data.Batch]) (float64, error) {
			c, err := train.LRRangeTest(ctx, o, loader(), train.LRRange{Steps: 3, Max: 1e-3})
			return append(c.Losses, 0)[0], err
		},
	}
	for name, call := range callers {
		m := mlp(1)
		o := train.Supervised(m, nn.MSE)
		before := bits(m)
		none := o
		none.Loss, none.LossOf = nil, nil
		if _, err := call(none); err == nil || !strings.Contains(err.Error(), "the Objective has no loss") || !reflect.DeepEqual(bits(m), before) {
			t.Errorf("%s without a loss: %v", name, err)
		}
		whole := o
		whole.Loss = func(tp *tensor.Tape, b data.Batch) tensor.Tensor { return o.LossOf(o.Predict(tp, b), b) }
		want, err := call(whole)
		if err != nil {
			t.Fatal(name, err)
		}
		m = mlp(1)
		o = train.Supervised(m, nn.MSE)
		o.Loss = nil
		if got, err := call(o); err != nil || got != want || got == 0 {
			t.Errorf("%s: loss %v, %v; with Loss %v", name, got, err, want)
		}
	}
}
