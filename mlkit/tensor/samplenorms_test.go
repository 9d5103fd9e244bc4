package tensor_test

import (
	_ "embed"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/tensor"
)

// samplenorms.json is what testdata/samplenorms.py printed with torch.func.
//
//go:embed testdata/samplenorms.json
var sampleNormsJSON []byte

// network computes the losses of 3 samples; p are its parameters.
type network func(t *tensor.Tape, p []T) T

var (
	normLabels = tensor.NewInts([]int32{2, 0, 1})
	normIDs    = tensor.NewInts([]int32{2, 0, 2, 1, 1, 1, 1, 0, 3, 0, 1, 3}, 3, 4)
	normNets   = map[string]network{
		"mlp": func(t *tensor.Tape, p []T) T {
			x := t.Input(fill(0, false, 3, 4), 3, 4)
			return x.LinearReLU(p[0], p[1]).LinearGELU(p[2], T{}).Linear(p[3], p[4]).SoftmaxCrossEntropy(normLabels)
		},
		"conv": func(t *tensor.Tape, p []T) T {
			x := t.Input(fill(0, false, 3, 2, 6, 6), 3, 2, 6, 6)
			y := x.Conv2DMaxPool(p[0], p[1], tensor.Conv{Padding: [2]int{1, 1}}, true)
			y = y.Conv2DReLU(p[2], T{}, tensor.Conv{Stride: [2]int{2, 2}, Groups: 2}).GroupNorm(2, p[3], p[4], 1e-5)
			return y.Mean(2, 3).Linear(p[5], T{}).SoftmaxCrossEntropy(normLabels)
		},
		"attention": func(t *tensor.Tape, p []T) T {
			y, _ := p[0].Rows(normIDs).Linear(p[1], p[2]).SelfAttention(tensor.Attend{Heads: 2})
			y = y.LayerNorm(p[3], p[4], 1e-5).RMSNorm(p[5], 1e-5).Linear(p[6], T{})
			return y.Mean(1).SoftmaxCrossEntropy(normLabels)
		},
		"lstm": func(t *tensor.Tape, p []T) T {
			x := t.Input(fill(0, false, 3, 6, 2), 3, 6, 2).TimeMajor(tensor.Ints{})
			_, h, _ := x.LSTM(tensor.Recurrent{WeightIH: p[0], WeightHH: p[1], BiasIH: p[2], BiasHH: p[3]})
			return h.Linear(p[4], T{}).SoftmaxCrossEntropy(normLabels)
		},
	}
)

func TestSampleNormsEqualPyTorchs(t *testing.T) {
	var goldens map[string]struct {
		Shapes  [][]int
		Norms   []float64
		Clipped [][]float32
	}
	if err := json.Unmarshal(sampleNormsJSON, &goldens); err != nil {
		t.Fatal(err)
	}
	if len(goldens) != len(normNets) {
		t.Fatalf("%d networks, %d goldens", len(normNets), len(goldens))
	}
	for name, f := range normNets {
		tape := tensor.NewTape(1)
		var params []*tensor.Param
		for k, d := range goldens[name].Shapes {
			params = append(params, tensor.ParamOf(scaled(fill(k+1, false, d...)), d...))
		}
		use := func() (p []T) {
			for _, q := range params {
				p = append(p, tape.Use(q))
			}
			return p
		}
		norms, err := f(tape, use()).SampleNorms()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for b, want := range goldens[name].Norms {
			if d := math.Abs(float64(norms[b]) - want); d > 1e-5*want {
				t.Errorf("%s: sample %d: %v, PyTorch %v", name, b, norms[b], want)
			}
		}
		// The second pass, and the one pass that does both.
		tape.Reset()
		factors := make([]float32, 3)
		clip := func(norms []float32) {
			for b, n := range norms {
				factors[b] = min(1, 0.7/n)
			}
			copy(norms, factors)
		}
		clip(norms)
		sum := f(tape, use()).BackwardFrom(factors)
		whole := func() (all []float32) {
			for _, p := range params {
				all = append(all, sum.Of(p)...)
			}
			return all
		}
		want := slices.Concat(goldens[name].Clipped...)
		same(t, name+", two passes", whole(), want, 1e-5)
		tape.Reset()
		if sum, err = f(tape, use()).BackwardSamples(3, clip); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		same(t, name, whole(), want, 1e-5)
	}
}

// Sequences and images of other sizes and options take other ways; each must
// agree with a pass back for every sample alone.
func TestSampleNormsEqualOnesBySample(t *testing.T) {
	in := func(t *tensor.Tape, k int, d ...int) T { return t.Input(fill(k, false, d...), d...) }
	mean := func(y T) T { return y.Reshape(y.Dim(0), -1).Square().Mean(1) }
	for name, c := range map[string]struct {
		f      network
		shapes [][]int
	}{
		"long sequence": {func(t *tensor.Tape, p []T) T { return mean(in(t, 0, 3, 40, 4).Linear(p[0], p[1])) }, [][]int{{3, 4}, {3}}},
		"rows":          {func(t *tensor.Tape, p []T) T { return mean(in(t, 0, 3, 2, 4).LinearRows(p[0], p[1], 1, 3)) }, [][]int{{3, 4}, {3}}},
		"flat sequence": {func(t *tensor.Tape, p []T) T {
			return in(t, 0, 6, 9).Linear(p[0], T{}).Square().Reshape(3, 2, 8).Mean(1, 2)
		}, [][]int{{8, 9}}},
		"residual": {func(t *tensor.Tape, p []T) T {
			x := in(t, 0, 3, 2, 4)
			return mean(x.LinearAdd(p[0], p[1], x).Tanh().Transpose(1, 2).MatMul(in(t, 1, 2, 2)).Softmax(-1))
		}, [][]int{{4, 4}, {4}}},
		"conv1d": {func(t *tensor.Tape, p []T) T {
			return mean(in(t, 0, 3, 2, 9).Conv1D(p[0], p[1], tensor.Conv{Dilation: [2]int{2}}).MaxPool1D(tensor.Pool{Kernel: [2]int{2}}))
		}, [][]int{{4, 2, 3}, {4}}},
		"conv without relu, odd size": {func(t *tensor.Tape, p []T) T {
			return mean(in(t, 0, 3, 2, 5, 7).Conv2DMaxPool(p[0], T{}, tensor.Conv{Padding: [2]int{1, 1}}, false).Slice(2, 0, 1))
		}, [][]int{{4, 2, 3, 3}}},
		"conv with large images": {func(t *tensor.Tape, p []T) T {
			y := in(t, 0, 3, 1, 8, 8).Conv2DReLU(p[0], p[1], tensor.Conv{}).Conv2DMaxPool(p[2], p[3], tensor.Conv{Padding: [2]int{1, 1}}, false)
			return mean(y)
		}, [][]int{{2, 1, 2, 2}, {2}, {1, 2, 2, 1}, {1}}},
		"conv, two images a sample": {func(t *tensor.Tape, p []T) T {
			y := in(t, 0, 6, 1, 8, 8).Conv2D(p[0], p[1], tensor.Conv{}).Tanh().Conv2DReLU(p[2], p[3], tensor.Conv{Stride: [2]int{2, 2}})
			return y.Square().Reshape(3, 2, -1).Mean(1, 2)
		}, [][]int{{2, 1, 3, 3}, {2}, {9, 2, 5, 5}, {9}}},
		"conv, depthwise": {func(t *tensor.Tape, p []T) T {
			y := in(t, 0, 3, 4, 7, 7).Conv2D(p[0], p[1], tensor.Conv{Groups: 4}).Conv2D(p[2], T{}, tensor.Conv{})
			return mean(y)
		}, [][]int{{4, 1, 3, 3}, {4}, {2, 4, 1, 1}}},
		"frozen conv": {func(t *tensor.Tape, p []T) T {
			return mean(in(t, 0, 3, 2, 5, 5).Conv2D(p[0], p[1], tensor.Conv{}).Conv2D(p[2], p[3], tensor.Conv{}))
		}, [][]int{{3, 2, 2, 2}, {3}, {4, 3, 2, 2}, {4}}},
		"padding": {func(t *tensor.Tape, p []T) T { return mean(p[0].Embed(normIDs, 1)) }, [][]int{{4, 5}}},
		"norms": {func(t *tensor.Tape, p []T) T {
			return mean(in(t, 0, 3, 2, 3, 4).LayerNorm(p[0], p[1], 1e-5).GroupNorm(1, p[2], T{}, 1e-5))
		}, [][]int{{3, 4}, {3, 4}, {2}}},
		"frozen": {func(t *tensor.Tape, p []T) T { return mean(in(t, 0, 3, 4).Linear(p[0], p[1])) }, [][]int{{3, 4}, {3}}},
		"lstm": {func(t *tensor.Tape, p []T) T {
			x := in(t, 0, 3, 5, 2).Linear(p[0], T{}).TimeMajor(tensor.NewInts([]int32{5, 2, 3}, 3)).Dropout(0.2)
			x, _, _ = x.LSTM(tensor.Recurrent{WeightIH: p[1], WeightHH: p[2], BiasIH: p[3], BiasHH: p[4]})
			_, h, c := x.Dropout(0.2).LSTM(tensor.Recurrent{WeightIH: p[5], WeightHH: p[6], BiasIH: p[7], Reverse: true})
			return mean(h.Mul(c))
		}, [][]int{{3, 2}, {16, 3}, {16, 4}, {16}, {16}, {8, 4}, {8, 2}, {8}}},
		"gru, both ways": {func(t *tensor.Tape, p []T) T {
			l := tensor.NewInts([]int32{5, 2, 3}, 3)
			x := in(t, 0, 3, 5, 2).TimeMajor(l)
			out, _ := x.GRUBoth(tensor.Recurrent{WeightIH: p[0], WeightHH: p[1], BiasIH: p[2], BiasHH: p[3], Lengths: l, StateMask: fill(3, true, 3, 4)},
				tensor.Recurrent{WeightIH: p[4], WeightHH: p[5], BiasIH: p[6], BiasHH: p[7], Lengths: l, Reverse: true})
			return mean(out[0].JoinDirections(out[1], true, l).Linear(p[8], T{}))
		}, [][]int{{12, 2}, {12, 4}, {12}, {12}, {12, 2}, {12, 4}, {12}, {12}, {3, 8}}},
		"rnn of many steps": {func(t *tensor.Tape, p []T) T {
			out, _ := in(t, 0, 3, 60, 2).TimeMajor(tensor.Ints{}).RNN(tensor.Recurrent{WeightIH: p[0], WeightHH: p[1], BiasHH: p[2]}, false)
			return mean(out.JoinDirections(T{}, false, tensor.Ints{}).JoinDirections(T{}, true, tensor.Ints{}))
		}, [][]int{{4, 2}, {4, 4}, {4}}},
		"pooled": {func(t *tensor.Tape, p []T) T {
			return mean(in(t, 0, 3, 2, 6, 6).Conv2DMaxPool(p[0], p[1], tensor.Conv{}, true))
		}, [][]int{{17, 2, 3, 3}, {17}}},
	} {
		tape := tensor.NewTape(1)
		var params []*tensor.Param
		for k, d := range c.shapes {
			params = append(params, tensor.ParamOf(gradcheck.Random(uint64(k+5), d...).Data, d...))
		}
		params[0].Frozen = strings.HasPrefix(name, "frozen")
		run := func() T {
			tape.Reset()
			tape.Seed(1, 1)
			var p []T
			for _, q := range params {
				p = append(p, tape.Use(q))
			}
			return c.f(tape, p)
		}
		norms, err := run().SampleNorms()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for b := range 3 {
			one := make([]float32, 3)
			one[b] = 1
			g := run().BackwardFrom(one)
			want := 0.0
			for _, p := range params {
				for _, v := range g.Of(p) {
					want += float64(v) * float64(v)
				}
			}
			want = math.Sqrt(want)
			if d := math.Abs(float64(norms[b]) - want); d > 1e-5*want || want == 0 {
				t.Errorf("%s: sample %d: %v, alone %v", name, b, norms[b], want)
			}
		}
		// And the gradients, each times its factor.
		factors := []float32{0.5, -2, 3}
		var want [][]float32
		g := run().BackwardFrom(factors)
		for _, p := range params {
			want = append(want, slices.Clone(g.Of(p)))
		}
		g, err = run().BackwardSamples(3, func(n []float32) {
			if !slices.Equal(n, norms) {
				t.Errorf("%s: norms %v, before %v", name, n, norms)
			}
			copy(n, factors)
		})
		if err != nil {
			t.Fatal(err)
		}
		for k, p := range params {
			same(t, name, g.Of(p), want[k], 1e-5)
		}
	}
}

// same compares up to an error relative to the largest element.
func same(t *testing.T, name string, got, want []float32, within float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d elements, want %d", name, len(got), len(want))
		return
	}
	most := 0.0
	for _, v := range want {
		most = max(most, math.Abs(float64(v)))
	}
	for i, v := range want {
		if math.Abs(float64(got[i]-v)) > within*most {
			t.Errorf("%s: element %d: %v, want %v", name, i, got[i], v)
			return
		}
	}
}

// The mean of all losses does as well as the losses of the samples; its
// factors are those of the samples' losses, not of shares of the mean.
func TestBackwardSamplesOfAMean(t *testing.T) {
	w, bias := tensor.ParamOf(gradcheck.Random(5, 4, 4).Data, 4, 4), tensor.ParamOf(gradcheck.Random(6, 4).Data, 4)
	for name, f := range map[string]func(y, x T) (each, all T){
		"square":       func(y, _ T) (each, all T) { return y.Square().Mean(1), y.Square().Mean() },
		"mean squared": func(y, x T) (each, all T) { return y.Sub(x).Square().Mean(1), y.MeanSquaredError(x) },
		"classes": func(y, _ T) (each, all T) {
			l := y.SoftmaxCrossEntropy(normLabels)
			return l, l.Mean()
		},
	} {
		tape := tensor.NewTape(1)
		var norms [2][]float32
		var grads [2][]float32
		for k := range 2 {
			tape.Reset()
			x := tape.Input(fill(0, false, 3, 4), 3, 4)
			each, all := f(x.Linear(tape.Use(w), tape.Use(bias)).Tanh(), x)
			l := each
			if k == 1 {
				l = all
			}
			g, err := l.BackwardSamples(3, func(n []float32) { norms[k] = slices.Clone(n); copy(n, []float32{1, 2, 3}) })
			if err != nil {
				t.Fatal(err)
			}
			grads[k] = slices.Clone(g.Of(w))
		}
		same(t, name, norms[1], norms[0], 1e-6)
		same(t, name, grads[1], grads[0], 1e-6)
	}
	tape := tensor.NewTape(1)
	y := tape.Input(fill(0, false, 3, 4), 3, 4).Linear(tape.Use(w), tape.Use(bias))
	var u *tensor.UnsupportedError
	for name, l := range map[string]T{"a sum": y.Sum(), "of other samples": y.Mean(1), "with a penalty": y.Square().Mean().Add(tape.Use(w).Square().Mean())} {
		if _, err := l.BackwardSamples(2, func([]float32) {}); !errors.As(err, &u) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSampleNormsAreRefused(t *testing.T) {
	w := tensor.ParamOf(fill(1, false, 4, 4), 4, 4)
	v := tensor.ParamOf(fill(2, false, 4), 4)
	for name, c := range map[string]struct {
		f        func(x, w, v T) T
		op, says string
	}{
		"batch norm":     {func(x, w, v T) T { return x.Linear(w, T{}).BatchNorm(v, T{}, nil, nil, 0, 1e-5).Sum(1) }, "BatchNorm", "batch normalisation"},
		"across":         {func(x, w, v T) T { y := x.Linear(w, T{}); return y.Sub(y.Mean(0)).Sum(1) }, "Mean", "mix"},
		"softmax across": {func(x, w, v T) T { return x.Linear(w, T{}).Softmax(0).Sum(1) }, "Transpose", "mix"},
		"shuffled":       {func(x, w, v T) T { return x.Linear(w, T{}).Flip(0).Sum(1) }, "Flip", "mix"},
		"gram":           {func(x, w, v T) T { y := x.Linear(w, T{}); return y.MatMulT(y).Sum(1) }, "MatMulT", "mix"},
		"tied":           {func(x, w, v T) T { return x.Linear(w, T{}).Linear(w, T{}).Sum(1) }, "Linear", "second time"},
		"own scale":      {func(x, w, v T) T { return x.Linear(w, T{}).Mul(v).Sum(1) }, "Mul", "parameter"},
		"transposed":     {func(x, w, v T) T { return x.Linear(w.Transpose(0, 1), T{}).Sum(1) }, "Transpose", "parameter"},
		"own operation":  {func(x, w, v T) T { return cube(x.Linear(w, T{})).Sum(1) }, "Cube", "mix"},
	} {
		tape := tensor.NewTape(1)
		_, err := c.f(tape.Input(fill(0, false, 3, 4), 3, 4), tape.Use(w), tape.Use(v)).SampleNorms()
		var u *tensor.UnsupportedError
		if !errors.As(err, &u) || u.Op != c.op || !strings.Contains(u.Why, c.says) || !strings.Contains(u.Why, "train.PerSample") {
			t.Errorf("%s: %v, want one that names %s and says %q", name, err, c.op, c.says)
		}
	}
}

// A private step's memory is at most a fifth more than a plain one's.
func TestBackwardSamplesNeedsLittleMemory(t *testing.T) {
	const batch = 512
	labels := tensor.NewInts(make([]int32, batch))
	for name, c := range map[string]struct {
		f      network
		shapes [][]int
	}{
		"mlp": {func(t *tensor.Tape, p []T) T {
			x := t.Input(fill(0, false, batch, 784), batch, 784)
			return x.LinearReLU(p[0], p[1]).LinearReLU(p[2], p[3]).Linear(p[4], p[5]).SoftmaxCrossEntropy(labels)
		}, [][]int{{256, 784}, {256}, {128, 256}, {128}, {10, 128}, {10}}},
		"tanh cnn": {func(t *tensor.Tape, p []T) T {
			pool := tensor.Pool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}}
			y := t.Input(fill(0, false, batch, 1, 28, 28), batch, 1, 28, 28)
			y = y.Conv2D(p[0], p[1], tensor.Conv{Stride: [2]int{2, 2}, Padding: [2]int{3, 3}}).Tanh().MaxPool2D(pool)
			y = y.Conv2D(p[2], p[3], tensor.Conv{Stride: [2]int{2, 2}}).Tanh().MaxPool2D(pool).Flatten()
			return y.Linear(p[4], p[5]).Tanh().Linear(p[6], p[7]).SoftmaxCrossEntropy(labels)
		}, [][]int{{16, 1, 8, 8}, {16}, {32, 16, 4, 4}, {32}, {32, 512}, {32}, {10, 32}, {10}}},
	} {
		var used [2]int
		for k := range used {
			tape := tensor.NewTape(1)
			var p []T
			for i, d := range c.shapes {
				p = append(p, tape.Use(tensor.ParamOf(scaled(fill(i+1, false, d...)), d...)))
			}
			losses := c.f(tape, p)
			if k == 0 {
				losses.Mean().Backward()
			} else if _, err := losses.BackwardSamples(batch, func([]float32) {}); err != nil {
				t.Fatal(err)
			}
			used[k] = tape.Used()
		}
		ratio := float64(used[1]) / float64(used[0])
		t.Logf("%s: %.3f of the memory", name, ratio)
		if ratio > 1.2 {
			t.Errorf("%s: %d bytes for a plain step, %d for one with samples' factors", name, used[0], used[1])
		}
	}
}
