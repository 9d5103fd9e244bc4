package train_test

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// The mean of the gradients of samples is the gradient of the batch, in the
// same bits on any number of processors, and their norms are those of
// SampleNorms, of a recurrent network, too.
func TestPerSample(t *testing.T) {
	rng := nn.NewRand(3)
	const n = 7
	x, labels := make([]float32, n*5*3), make([]int32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range labels {
		labels[i] = int32(i % 4)
	}
	batch := data.Batch{Index: make([]int, n), X: x, XDims: []int{n, 5, 3}, Labels: labels, LabelsDims: []int{n}}
	lstm, head, dense := nn.NewLSTM(rng, nn.Recurrent{In: 3, Hidden: 6}), nn.NewLinear(rng, 6, 4), nn.NewLinear(rng, 3, 4)
	recurrent := train.SupervisedBy(struct {
		L *nn.LSTM
		H *nn.Linear
	}{lstm, head}, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return head.Forward(lstm.Last(b.Input(t), nn.Sequences{}))
	}, nn.CrossEntropy)
	plain := train.SupervisedBy(dense, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return dense.Forward(b.Input(t)).Mean(1)
	}, nn.CrossEntropy)

	for name, o := range map[string]train.Objective[data.Batch]{"recurrent": recurrent, "plain": plain} {
		params := nn.Params(o.Model)
		all := func(procs int) (sum [][]float32, norms []float32, losses []float64) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
			s := tensor.NewGradSum()
			err := train.PerSample(o, batch, 1, func(i int, loss float64, g tensor.Grads) {
				if i != len(losses) {
					t.Errorf("%s: sample %d comes in place %d", name, i, len(losses))
				}
				square := 0.0
				for _, p := range params {
					for _, v := range g.Of(p) {
						square += float64(v) * float64(v)
					}
				}
				norms, losses = append(norms, float32(math.Sqrt(square))), append(losses, loss)
				s.Add(g, 1./n)
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range params {
				sum = append(sum, slices.Clone(s.Grads().Of(p)))
			}
			return sum, norms, losses
		}
		sum, norms, losses := all(1)
		again, _, _ := all(4)
		tape := tensor.NewTape(1)
		l := o.Loss(tape, batch)
		mean := 0.0
		for _, v := range losses {
			mean += v / n
		}
		if math.Abs(mean-float64(l.Item())) > 1e-6 {
			t.Errorf("%s: mean of the losses %v, of the batch %v", name, mean, l.Item())
		}
		g := l.Backward()
		for k, p := range params {
			if !slices.Equal(sum[k], again[k]) {
				t.Errorf("%s: parameter %s depends on the number of processors", name, p.Name)
			}
			for i, v := range g.Of(p) {
				if math.Abs(float64(v-sum[k][i])) > 1e-6 {
					t.Fatalf("%s: parameter %s, element %d: %v, of the batch %v", name, p.Name, i, sum[k][i], v)
				}
			}
		}
		tape.Reset()
		fast, err := o.Predict(tape, batch).SoftmaxCrossEntropy(tensor.NewInts(labels)).SampleNorms()
		if err != nil {
			t.Error(err)
		}
		for i, v := range fast {
			if math.Abs(float64(v-norms[i])) > 1e-5*float64(v) {
				t.Errorf("%s: norm %d: %v, by one pass %v", name, i, norms[i], v)
			}
		}
	}
}

func TestPerSampleErrors(t *testing.T) {
	model := nn.Sequential{nn.NewLinear(nn.NewRand(1), 1, 4), nn.NewBatchNorm(4)}
	none := func(int, float64, tensor.Grads) { t.Error("visited") }
	batch := data.Batch{Index: []int{0, 1}, X: []float32{1, 2}, XDims: []int{2, 1}, Y: make([]float32, 8), YDims: []int{2, 4}}
	err := train.PerSample(train.Supervised(model, nn.MSE), batch, 1, none)
	if err == nil || !strings.Contains(err.Error(), "PerSample cannot be used") || !strings.Contains(err.Error(), "running_mean") {
		t.Errorf("batch norm: %v", err)
	}
	o := train.Supervised(nn.NewLinear(nn.NewRand(1), 1, 4), nn.MSE)
	o.Split = nil
	if err := train.PerSample(o, batch, 1, none); err == nil || !strings.Contains(err.Error(), "Split") {
		t.Errorf("without Split: %v", err)
	}
	batch.YDims = []int{2, 2, 2} // no sample fits
	if err := train.PerSample(train.Supervised(nn.NewLinear(nn.NewRand(1), 1, 4), nn.MSE), batch, 1, none); err == nil {
		t.Error("a wrong shape is no error")
	}
}

// A sample in which nothing counts has no gradients, and is not left out.
func TestPerSampleOfAnIgnoredLabel(t *testing.T) {
	model := nn.NewLinear(nn.NewRand(1), 1, 2)
	batch := data.Batch{Index: []int{0, 1}, X: []float32{1, 2}, XDims: []int{2, 1}, Labels: []int32{-100, 1}, LabelsDims: []int{2}}
	var got []bool
	if err := train.PerSample(train.Supervised(model, nn.CrossEntropy), batch, 1, func(i int, _ float64, g tensor.Grads) {
		got = append(got, g.Of(model.Weight) != nil)
	}); err != nil || !slices.Equal(got, []bool{false, true}) {
		t.Errorf("gradients %v, error %v", got, err)
	}
}
