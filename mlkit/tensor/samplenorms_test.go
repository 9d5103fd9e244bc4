package tensor_test

import (
	_ "embed"
	"encoding/json"
	"errors"
	"math"
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
	}
)

func TestSampleNormsEqualPyTorchs(t *testing.T) {
	var goldens map[string]struct {
		Shapes [][]int
		Norms  []float64
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
		// The second pass: the sum of clipped gradients is that of clipped
		// ones.
		tape.Reset()
		factors := make([]float32, 3)
		for b, n := range norms {
			factors[b] = min(1, 0.7/n)
		}
		sum := f(tape, use()).BackwardFrom(factors)
		square := 0.0
		for _, p := range params {
			for _, g := range sum.Of(p) {
				square += float64(g) * float64(g)
			}
		}
		if n := math.Sqrt(square); n > 3*0.7+1e-5 || n == 0 {
			t.Errorf("%s: three clipped gradients sum to norm %v", name, n)
		}
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
		"padding": {func(t *tensor.Tape, p []T) T { return mean(p[0].Embed(normIDs, 1)) }, [][]int{{4, 5}}},
		"norms": {func(t *tensor.Tape, p []T) T {
			return mean(in(t, 0, 3, 2, 3, 4).LayerNorm(p[0], p[1], 1e-5).GroupNorm(1, p[2], T{}, 1e-5))
		}, [][]int{{3, 4}, {3, 4}, {2}}},
		"frozen": {func(t *tensor.Tape, p []T) T { return mean(in(t, 0, 3, 4).Linear(p[0], p[1])) }, [][]int{{3, 4}, {3}}},
	} {
		tape := tensor.NewTape(1)
		var params []*tensor.Param
		for k, d := range c.shapes {
			params = append(params, tensor.ParamOf(gradcheck.Random(uint64(k+5), d...).Data, d...))
		}
		params[0].Frozen = name == "frozen"
		run := func() T {
			tape.Reset()
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
