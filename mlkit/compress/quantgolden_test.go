package compress_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"descent/mlkit/compress"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// The quantized layers of PyTorch and of NumPy, see testdata/quantgoldens.py.
func TestQuantizedGoldens(t *testing.T) {
	text, err := os.ReadFile("testdata/quantgoldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Dynamic struct{ X, Weight, Bias, Y []float32 }
		Network struct {
			X, Y, Conv []float32
			Params     [][]float32
			Step       float64
		}
		Int4 struct{ Weight, Rounded []float32 }
		LSTM struct {
			X, Y   []float32
			Params [][]float32
		}
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	near := func(name string, got, want []float32, tolerance float64) {
		t.Helper()
		if len(got) != len(want) {
			t.Fatalf("%s: %d numbers, want %d", name, len(got), len(want))
		}
		for i, w := range want {
			if d := math.Abs(float64(got[i] - w)); !(d <= tolerance) {
				t.Fatalf("%s: number %d is %v, want %v", name, i, got[i], w)
			}
		}
	}
	dynamic, err := compress.QuantizeDynamic(&nn.Linear{Weight: tensor.ParamOf(g.Dynamic.Weight, 12, 37), Bias: tensor.ParamOf(g.Dynamic.Bias, 12)})
	if err != nil {
		t.Fatal(err)
	}
	near("PyTorch's dynamic Linear", outputs(t, dynamic, g.Dynamic.X, 5, 37), g.Dynamic.Y, 1e-5)

	rng := nn.NewRand(1)
	first := nn.NewConv2D(rng, nn.Conv{In: 3, Out: 8, Kernel: 3, Padding: 1})
	model := nn.Sequential{first, nn.ReLU{}, nn.MaxPool2D{Kernel: 2}, nn.NewConv2D(rng, nn.Conv{In: 8, Out: 10, Kernel: 3}), nn.Flatten{}, nn.NewLinear(rng, 60, 6)}
	for i, p := range nn.Params(model) {
		copy(p.Data, g.Network.Params[i])
	}
	samples := batchOf(g.Network.X, 2, 3, 10, 8)
	static, err := compress.QuantizeStatic(model, samples, nil)
	if err != nil {
		t.Fatal(err)
	}
	near("NumPy's network", outputs(t, static, g.Network.X, 2, 3, 10, 8), g.Network.Y, 1e-5)
	conv, err := compress.QuantizeStatic(nn.Sequential{first, nn.ReLU{}}, samples, nil)
	if err != nil {
		t.Fatal(err)
	}
	near("PyTorch's convolution", outputs(t, conv, g.Network.X, 2, 3, 10, 8), g.Network.Conv, 0.501*g.Network.Step)

	int4, err := compress.QuantizeInt4(&nn.Linear{Weight: tensor.ParamOf(g.Int4.Weight, 3, 75)})
	if err != nil {
		t.Fatal(err)
	}
	one, rounded := make([]float32, 75*75), make([]float32, 3*75)
	for i := range 75 {
		one[i*76] = 1
	}
	for i, v := range outputs(t, int4, one, 75, 75) {
		rounded[i%3*75+i/3] = v
	}
	near("Q4_0", rounded, g.Int4.Rounded, 0)

	lstm := nn.NewLSTM(rng, nn.Recurrent{In: 12, Hidden: 20, Bidirectional: true})
	for i, p := range nn.Params(lstm) {
		copy(p.Data, g.LSTM.Params[i])
	}
	if dynamic, err = compress.QuantizeDynamic(lstm); err != nil {
		t.Fatal(err)
	}
	// A state that lies between two bytes may become either: half a step of
	// 2/255, times a weight of at most 1/√20, spreads over the later steps.
	near("PyTorch's LSTM", outputs(t, dynamic, g.LSTM.X, 3, 9, 12), g.LSTM.Y, 1e-3)
}

// The ranges of values of which one is far from all others.
func TestRanges(t *testing.T) {
	x := normals(10000, 1)
	x[17] = 1000
	lo, hi := compress.MinMax(x)
	if lo != slices.Min(x) || hi != 1000 {
		t.Errorf("MinMax: %v to %v", lo, hi)
	}
	lo, hi = compress.Percentile(0.01)(x)
	sorted := slices.Sorted(slices.Values(x))
	if lo != sorted[50] || hi != sorted[len(x)-51] {
		t.Errorf("Percentile: %v to %v", lo, hi)
	}
	// Beside normal numbers of 8 bits, the least error cuts off what is rare.
	x[17] = 1
	if lo, hi := compress.LeastError(x); !(lo > slices.Min(x) && hi < slices.Max(x) && hi > 2 && lo < -2) {
		t.Errorf("LeastError: %v to %v of %v to %v", lo, hi, slices.Min(x), slices.Max(x))
	}
	if lo, hi := compress.LeastError([]float32{0, 0}); lo != 0 || hi != 0 {
		t.Errorf("LeastError of zeros: %v to %v", lo, hi)
	}
}
