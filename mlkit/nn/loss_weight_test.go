package nn_test

import (
	"math"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Every mean loss notes what it divided by: with it, the losses of two halves
// of a batch make the loss of the whole.
func TestMeansOfHalvesMakeTheWhole(t *testing.T) {
	labels, w := []int32{2, -100, 1, 0, 0, 1}, []float32{0.5, 3, 1.25}
	x := make([]float32, 18)
	y := make([]float32, 18)
	heat := make([]float32, 18)
	for i := range x {
		x[i], y[i] = float32(math.Sin(float64(i))), 0.5+0.5*float32(math.Cos(float64(2*i)))
		heat[i] = y[i] / 2
	}
	heat[1] = 1 // a centre in the first half only
	type half struct{ lo, hi int }
	in := func(tp *tensor.Tape, v []float32, h half) tensor.Tensor {
		return tp.Input(v[3*h.lo:3*h.hi], h.hi-h.lo, 3)
	}
	classes := func(f func(x tensor.Tensor, y tensor.Ints) tensor.Tensor) func(*tensor.Tape, half) tensor.Tensor {
		return func(tp *tensor.Tape, h half) tensor.Tensor { return f(in(tp, x, h), tensor.NewInts(labels[h.lo:h.hi])) }
	}
	values := func(target []float32, f func(x, y tensor.Tensor) tensor.Tensor) func(*tensor.Tape, half) tensor.Tensor {
		return func(tp *tensor.Tape, h half) tensor.Tensor { return f(in(tp, x, h), in(tp, target, h)) }
	}
	for name, f := range map[string]func(*tensor.Tape, half) tensor.Tensor{
		"cross-entropy": classes(nn.CrossEntropy),
		"weights":       classes(nn.CrossEntropyLoss{Weight: w}.Loss),
		"smoothed":      classes(nn.CrossEntropyLoss{LabelSmoothing: 0.2, Ignore: []int32{0}}.Loss),
		"all":           classes(nn.CrossEntropyLoss{Weight: w, LabelSmoothing: 0.2, Ignore: []int32{2}}.Loss),
		"linear": classes(func(x tensor.Tensor, y tensor.Ints) tensor.Tensor {
			return nn.CrossEntropyLoss{Weight: w, LabelSmoothing: 0.2, Ignore: []int32{2}}.Linear(x, x.Tape().Input([]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, 3, 3), tensor.Tensor{}, y)
		}),
		"NLL": classes(func(x tensor.Tensor, y tensor.Ints) tensor.Tensor {
			return nn.NLLLoss{Weight: w}.Loss(x.LogSoftmax(-1), y)
		}),
		"focal": classes(nn.FocalLoss{Weight: w}.Loss),
		"soft": values(y, func(x, y tensor.Tensor) tensor.Tensor {
			return nn.CrossEntropyLoss{Weight: w}.Soft(x, y.Softmax(-1))
		}),
		"MSE":         values(y, nn.MSE),
		"MAE":         values(y, nn.MAE),
		"BCE":         values(y, nn.BCEWithLogitsLoss{Weight: w, PosWeight: w}.Loss),
		"batch mean":  values(y, nn.KLDivLoss{Reduction: nn.ReduceBatchMean}.Loss),
		"cosine":      values(y, nn.CosineLoss),
		"heat":        values(heat, nn.HeatmapFocalLoss),
		"heat, empty": values(y[:18:18], func(x, y tensor.Tensor) tensor.Tensor { return nn.HeatmapFocalLoss(x, y.Scale(0.5)) }),
		"weighted": values(y, func(x, y tensor.Tensor) tensor.Tensor {
			return nn.WeightedMean(nn.MSELoss{Reduction: nn.ReduceNone}.Loss(x, y), y)
		}),
		"scaled": classes(func(x tensor.Tensor, y tensor.Ints) tensor.Tensor { return nn.CrossEntropy(x, y).Scale(3) }),
	} {
		tape := tensor.NewTape(1)
		whole := float64(f(tape, half{0, 6}).Item())
		if len(tape.Means()) != 1 {
			t.Errorf("%s: means %v", name, tape.Means())
			continue
		}
		var sum, weight, floor float64
		for _, h := range []half{{0, 1}, {1, 4}, {4, 6}} {
			tape.Reset()
			v := float64(f(tape, h).Item())
			if tape.MeanOfNothing() {
				continue
			}
			m := tape.Means()[0]
			sum, weight, floor = sum+m.Divisor*v, weight+m.Weight, max(floor, m.Divisor)
		}
		if weight == 0 {
			weight = floor
		}
		if got := sum / weight; !(math.Abs(got-whole) <= 1e-6*(1+math.Abs(whole))) {
			t.Errorf("%s: %v in pieces, %v in one", name, got, whole)
		}
	}
	tape := tensor.NewTape(1)
	nn.CrossEntropy(tape.Input(x[:3], 1, 3), tensor.NewInts([]int32{-100}))
	if !tape.MeanOfNothing() {
		t.Errorf("a row that is ignored counts: %v", tape.Means())
	}
	if tape.Reset(); tape.MeanOfNothing() || len(tape.Means()) != 0 {
		t.Error("means outlive Reset")
	}
}

// NumPy: np.average([0.5, -1, 2, 4, 0.25, 3], weights=[1, 0, 2.5, 0.125, 0, 4])
func TestWeightedMean(t *testing.T) {
	l, w := []float32{0.5, -1, 2, 4, 0.25, 3}, []float32{1, 0, 2.5, 0.125, 0, 4}
	mean := func(tp *tensor.Tape, l tensor.Tensor) tensor.Tensor { return nn.WeightedMean(l, tp.Input(w, 2, 3)) }
	tape := tensor.NewTape(1)
	step := func() (float64, []float32) {
		tape.Reset()
		x := tape.Variable(l, 2, 3)
		y := mean(tape, x)
		return float64(y.Item()), y.Backward().Wrt(x)
	}
	v, g := step()
	if math.Abs(v-2.360655737704918) > 1e-6 || math.Abs(float64(g[2])-2.5/7.625) > 1e-7 || g[1] != 0 {
		t.Errorf("%v %v", v, g)
	}
	err := gradcheck.CheckTol(2e-3, func(tp *tensor.Tape, x []tensor.Tensor) tensor.Tensor { return mean(tp, x[0]) }, gradcheck.Input{Data: l, Dims: []int{2, 3}})
	if err != nil {
		t.Error(err)
	}
	step()
	if n := testing.AllocsPerRun(10, func() { step() }); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
	tape.Reset()
	if v := nn.WeightedMean(tape.Input(l, 6), tape.Input(make([]float32, 6), 6)).Item(); !math.IsNaN(float64(v)) || !tape.MeanOfNothing() {
		t.Errorf("the mean of nothing is %v", v)
	}
	defer func() {
		if _, ok := recover().(*tensor.ShapeError); !ok {
			t.Error("weights of another shape are broadcast")
		}
	}()
	nn.WeightedMean(tape.Input(l, 2, 3), tape.Input(w[:3], 3))
}
