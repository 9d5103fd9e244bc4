package compress_test

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/compress"
	"descent/mlkit/data"
	"descent/mlkit/formats"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// normals are standard normal numbers.
func normals(n int, seed uint64) []float32 {
	rng := nn.NewRand(seed)
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func batchOf(x []float32, dims ...int) data.Batch { return data.Batch{X: x, XDims: dims} }

// quantizable are networks of all kinds that can be quantized, and an input.
func quantizable() map[string]struct {
	model nn.Layer
	dims  []int
} {
	rng := nn.NewRand(7)
	normed := nn.NewBatchNorm(12)
	for i := range normed.RunningMean.Data {
		normed.RunningMean.Data[i], normed.RunningVar.Data[i] = float32(rng.NormFloat64())*0.1, 0.5+rng.Float32()
		normed.Weight.Data[i], normed.Bias.Data[i] = float32(rng.NormFloat64()), float32(rng.NormFloat64())
	}
	wide := nn.Conv{In: 20, Out: 20, Kernel: 3, Padding: 1}
	return map[string]struct {
		model nn.Layer
		dims  []int
	}{
		"one Linear":                 {nn.NewLinear(rng, 30, 20), []int{4, 30}},
		"Linear along the last axis": {nn.Sequential{nn.NewLinear(rng, 30, 20), nn.ReLU{}, nn.NewLinear(rng, 20, 7)}, []int{3, 5, 30}},
		"mlp":                        {nn.Sequential{nn.Flatten{}, nn.NewLinear(rng, 49, 50), nn.ReLU{}, nn.Dropout{P: 0.5}, nn.NewLinear(rng, 50, 30), nn.ReLU{}, nn.NewLinear(rng, 30, 10)}, []int{5, 1, 7, 7}},
		"cnn": {nn.Sequential{
			nn.NewConv2D(rng, nn.Conv{In: 1, Out: 6, Kernel: 5}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
			nn.NewConv2D(rng, nn.Conv{In: 6, Out: 16, Kernel: 3, Padding: 1}), nn.MaxPool2D{Kernel: 2}, nn.ReLU{},
			nn.Flatten{}, nn.NewLinear(rng, 16*25, 40), nn.ReLU{}, nn.NewLinear(rng, 40, 10),
		}, []int{3, 1, 24, 24}},
		"padded, strides, normed": {nn.Sequential{
			nn.NewConv2D(rng, nn.Conv{In: 3, Out: 12, Kernel: 3, Stride: 2, Padding: 1}), normed, nn.ReLU{},
			nn.NewConv2D(rng, nn.Conv{In: 12, Out: 20, Kernel: 3, KernelW: 1, PaddingW: nn.NoPadding, Padding: 2, Dilation: 2, DilationW: 1}), nn.ReLU{},
			nn.MaxPool2D{Kernel: 3, Stride: 2},
			nn.NewConv2D(rng, nn.Conv{In: 20, Out: 10, Kernel: 3, Padding: 2}), nn.GlobalAvgPool{},
		}, []int{2, 3, 17, 13}},
		"Conv1D": {nn.Sequential{
			nn.NewConv1D(rng, nn.Conv{In: 4, Out: 8, Kernel: 5, Padding: 2}), nn.ReLU{}, nn.MaxPool1D{Kernel: 2},
			nn.NewConv1D(rng, nn.Conv{In: 8, Out: 8, Kernel: 3, Dilation: 2, Padding: 2}), nn.Tanh{},
			nn.NewConv1D(rng, nn.Conv{In: 8, Out: 5, Kernel: 4, Stride: 3}), nn.Flatten{}, nn.NewLinear(rng, 25, 6),
		}, []int{3, 4, 33}},
		"residual": {nn.Sequential{nn.NewConv2D(rng, nn.Conv{In: 3, Out: 20, Kernel: 1}),
			nn.Residual{Body: nn.Sequential{nn.NewConv2D(rng, wide), nn.ReLU{}, nn.NewConv2D(rng, wide)}, Shortcut: nn.NewConv2D(rng, nn.Conv{In: 20, Out: 20, Kernel: 1})},
			nn.ReLU{}, nn.GlobalAvgPool{}, nn.NewLinear(rng, 20, 4)}, []int{2, 3, 8, 8}},
		"transformer": {nn.Sequential{nn.NewLinear(rng, 12, 32), nn.NewLearnedPositions(rng, 9, 32),
			nn.NewTransformerEncoder(rng, 2, nn.Transformer{Width: 32, Heads: 4, PreNorm: true, GELU: true, Dropout: 0.1}),
			nn.NewTransformerEncoder(rng, 1, nn.Transformer{Width: 32, Heads: 4, Hidden: 40}),
			nn.NewMultiHeadAttention(rng, 32, 2), nn.NewLinear(rng, 32, 3)}, []int{2, 9, 12}},
		"LSTM": {nn.Sequential{nn.NewLSTM(rng, nn.Recurrent{In: 12, Hidden: 20, Layers: 2}),
			nn.Func(func(x tensor.Tensor) tensor.Tensor { return x.Select(1, x.Dim(1)-1) }), nn.NewLinear(rng, 20, 3)}, []int{3, 9, 12}},
		"LSTM both ways, no bias": {nn.NewLSTM(rng, nn.Recurrent{In: 12, Hidden: 20, Layers: 2, Bidirectional: true, NoBias: true, Dropout: 0.5}), []int{3, 9, 12}},
	}
}

// outputs runs a model for prediction.
func outputs(t *testing.T, m nn.Layer, x []float32, dims ...int) []float32 {
	t.Helper()
	y, _, err := train.NewPredictor(m).Predict(x, dims...)
	if err != nil {
		t.Fatal(err)
	}
	return y
}

// relative is the root mean squared difference as a share of want.
func relative(got, want []float32) float64 {
	var d, s float64
	for i, w := range want {
		d += math.Pow(float64(got[i]-w), 2)
		s += float64(w) * float64(w)
	}
	return math.Sqrt(d / s)
}

// In bytes, every network computes about what it does in floats.
func TestQuantizedIsNear(t *testing.T) {
	for name, c := range quantizable() {
		t.Run(name, func(t *testing.T) {
			x := normals(tensor.SizeOf(c.dims), 3)
			want := outputs(t, c.model, x, c.dims...)
			dynamic, err := compress.QuantizeDynamic(c.model)
			if err != nil {
				t.Fatal(err)
			}
			static, err := compress.QuantizeStatic(c.model, batchOf(x, c.dims...), compress.MinMax)
			if err != nil {
				t.Fatal(err)
			}
			for what, q := range map[string]nn.Layer{"dynamic": dynamic, "static": static} {
				got, dims, err := train.NewPredictor(q).Predict(x, c.dims...)
				if err != nil {
					t.Fatal(err)
				}
				_, wantDims, _ := train.NewPredictor(c.model).Predict(x, c.dims...)
				if len(dims) != len(wantDims) || len(got) != len(want) {
					t.Fatalf("%s: outputs of %v, want %v", what, dims, wantDims)
				}
				if e := relative(got, want); !(e < 0.04) || e == 0 {
					t.Errorf("%s: outputs differ by %.4f of themselves", what, e)
				} else {
					t.Logf("%s: %.4f", what, e)
				}
			}
		})
	}
}

func TestQuantizeRefuses(t *testing.T) {
	rng := nn.NewRand(1)
	nan := float32(math.NaN())
	good := nn.Sequential{nn.NewLinear(rng, 8, 4), nn.ReLU{}, nn.NewLinear(rng, 4, 3)}
	bad := nn.Sequential{nn.NewLinear(rng, 8, 4), nn.NewLinear(rng, 4, 3)}
	bad[1].(*nn.Linear).Weight.Data[2] = nan
	for name, c := range map[string]struct {
		f    func() error
		want string
	}{
		"a GRU": {func() error {
			_, err := compress.QuantizeDynamic(nn.Sequential{nn.NewLinear(rng, 8, 4), nn.NewGRU(rng, nn.Recurrent{In: 4, Hidden: 4})})
			return err
		}, `layer "1" (*nn.GRU) cannot be quantized`},
		"groups": {func() error {
			_, err := compress.QuantizeDynamic(nn.Sequential{nn.Sequential{nn.NewConv2D(rng, nn.Conv{In: 4, Out: 4, Kernel: 3, Groups: 2})}})
			return err
		}, `layer "0.0" (*nn.Conv2D) cannot be quantized: it has 2 groups`},
		"zeros on one side": {func() error {
			_, err := compress.QuantizeDynamic(nn.Sequential{nn.NewConv2D(rng, nn.Conv{In: 4, Out: 4, Kernel: 2, Padding: nn.Same})})
			return err
		}, `layer "0" (*nn.Conv2D) cannot be quantized: it has further zeros`},
		"a normalised weight": {func() error {
			l := nn.NewLinear(rng, 8, 4)
			nn.AddWeightNorm(l)
			_, err := compress.QuantizeDynamic(nn.Sequential{l})
			return err
		}, `layer "0" (*nn.Linear) cannot be quantized: its weight is used with a change; nn.MergeLoRA or nn.MergeNorms`},
		"nothing to do": {func() error { _, err := compress.QuantizeDynamic(nn.Sequential{nn.ReLU{}}); return err }, "no layer with a product"},
		"no layer":      {func() error { _, err := compress.QuantizeDynamic(nn.Sequential{nil}); return err }, `layer "0"`},
		"a NaN weight":  {func() error { _, err := compress.QuantizeDynamic(bad); return err }, `layer "1" (*nn.Linear) is NaN`},
		"no samples":    {func() error { _, err := compress.QuantizeStatic(good, data.Batch{}, nil); return err }, "there are no samples"},
		"NaN samples": {func() error {
			_, err := compress.QuantizeStatic(good, batchOf([]float32{1, 2, 3, nan, 5, 6, 7, 8}, 1, 8), nil)
			return err
		}, "number 3 of the samples is NaN"},
		"other samples": {func() error {
			_, err := compress.QuantizeStatic(good, batchOf(make([]float32, 9), 1, 9), nil)
			return err
		}, `the samples do not fit layer "0" (*nn.Linear)`},
	} {
		if err := c.f(); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "compress: Quantize") {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	for what, make := range map[string]func() (*compress.Int8, error){
		"dynamic": func() (*compress.Int8, error) { return compress.QuantizeDynamic(good) },
		"static": func() (*compress.Int8, error) {
			return compress.QuantizeStatic(good, batchOf(normals(80, 1), 10, 8), nil)
		},
	} {
		q, err := make()
		if err != nil {
			t.Fatal(err)
		}
		for x, want := range map[*[]float32]string{
			{1, 2, nan, 4, 5, 6, 7, 8}: `layer "0" (*nn.Linear) in int8`,
			{1, 2, 3}:                  `layer "0" (*nn.Linear) in int8`,
		} {
			if _, _, err := train.NewPredictor(q).Predict(*x, 1, len(*x)); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want one with %q", what, err, want)
			}
		}
	}
}

// What is saved and loaded into a model of other weights computes the same
// bits; a damaged file is refused with the layer's name.
func TestInt8File(t *testing.T) {
	for name, c := range quantizable() {
		x := normals(tensor.SizeOf(c.dims), 3)
		static, err := compress.QuantizeStatic(c.model, batchOf(x, c.dims...), nil)
		if err != nil {
			t.Fatal(err)
		}
		dynamic, err := compress.QuantizeDynamic(c.model)
		if err != nil {
			t.Fatal(err)
		}
		for what, q := range map[string]*compress.Int8{"static": static, "dynamic": dynamic} {
			path := filepath.Join(t.TempDir(), "int8.safetensors")
			if err := q.Save(path); err != nil {
				t.Fatal(err)
			}
			want := outputs(t, q, x, c.dims...)
			before := [][]float32{}
			for _, p := range nn.Params(c.model) {
				before = append(before, slices.Clone(p.Data))
				for i := range p.Data {
					p.Data[i] = 1
				}
			}
			loaded, err := compress.LoadInt8(path, c.model)
			if err != nil {
				t.Fatalf("%s, %s: %v", name, what, err)
			}
			if got := outputs(t, loaded, x, c.dims...); !slices.Equal(got, want) {
				t.Errorf("%s, %s: other outputs after loading", name, what)
			}
			if got := outputs(t, q, x, c.dims...); !slices.Equal(got, want) {
				t.Errorf("%s, %s: the model's weights reach the quantized network", name, what)
			}
			for i, p := range nn.Params(c.model) {
				copy(p.Data, before[i])
			}
			if loaded.Bytes() != q.Bytes() {
				t.Errorf("%s, %s: %d bytes after loading, %d before", name, what, loaded.Bytes(), q.Bytes())
			}
		}
	}
}

func TestInt8FileRefuses(t *testing.T) {
	model := nn.Sequential{nn.NewLinear(nn.NewRand(1), 4, 3), nn.ReLU{}, nn.NewLinear(nn.NewRand(2), 3, 2)}
	q, err := compress.QuantizeStatic(model, batchOf(normals(40, 1), 10, 4), nil)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "int8.safetensors")
	if err := q.Save(path); err != nil {
		t.Fatal(err)
	}
	whole := func() (arrays []formats.Array, metadata map[string]string) {
		s, err := formats.OpenSafetensors(path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for _, n := range s.Names() {
			a, err := s.Read(n)
			if err != nil {
				t.Fatal(err)
			}
			arrays = append(arrays, a)
		}
		return arrays, s.Metadata
	}
	for name, c := range map[string]struct {
		damage func(a *formats.Array) (keep bool)
		want   string
	}{
		"scales missing": {func(a *formats.Array) bool { return a.Name != "2.weight_scale" }, `layer "2" (*nn.Linear) has no weight_scale`},
		"range missing":  {func(a *formats.Array) bool { return a.Name != "0.input_zero_point" }, `layer "0" (*nn.Linear) has no input_zero_point`},
		"another shape": {func(a *formats.Array) bool {
			if a.Name == "0.bias" {
				a.Dims, a.Data = []int{2}, []float32{1, 2}
			}
			return true
		}, "0.bias has the shape [2] in the file and [3] in the model"},
		"floats for bytes": {func(a *formats.Array) bool {
			if a.Name == "2.weight" {
				a.Data = make([]float32, 6)
			}
			return true
		}, `layer "2" (*nn.Linear): its weight is a []float32`},
		"a scale of 0": {func(a *formats.Array) bool {
			if a.Name == "2.input_scale" {
				a.Data = []float32{0}
			}
			return true
		}, `layer "2" (*nn.Linear) has a scale of 0`},
		"-128": {func(a *formats.Array) bool {
			if a.Name == "2.weight" {
				a.Data.([]int8)[1] = -128
			}
			return true
		}, `layer "2" (*nn.Linear) has a weight of -128`},
		"a stranger": {func(a *formats.Array) bool {
			if a.Name == "2.bias" {
				a.Name = "3.bias"
			}
			return true
		}, `layer "2" (*nn.Linear) has no bias`},
	} {
		arrays, metadata := whole()
		var kept []formats.Array
		for _, a := range arrays {
			if c.damage(&a) {
				kept = append(kept, a)
			}
		}
		bad := filepath.Join(t.TempDir(), "bad.safetensors")
		if err := formats.WriteFile(bad, func(w io.Writer) error { return formats.WriteSafetensors(w, kept, metadata) }); err != nil {
			t.Fatal(err)
		}
		if _, err := compress.LoadInt8(bad, model); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
	if _, err := compress.LoadInt8(path, nn.Sequential{nn.NewLinear(nn.NewRand(1), 4, 3)}); err == nil || !strings.Contains(err.Error(), "2.bias belongs to no layer") {
		t.Errorf("a smaller model: error %v", err)
	}
}

func TestInt8Summary(t *testing.T) {
	c := quantizable()["cnn"]
	x := normals(tensor.SizeOf(c.dims), 3)
	q, err := compress.QuantizeStatic(c.model, batchOf(x, c.dims...), nil)
	if err != nil {
		t.Fatal(err)
	}
	s := q.Summary(c.dims...)
	var got []string
	for _, r := range s.Rows {
		got = append(got, fmt.Sprint(r.Name, " ", r.Layer, " ", r.Shape, " ", r.Params))
	}
	want := []string{"0 Conv2D in int8 + ReLU + MaxPool2D [3 6 10 10] 156", "3 Conv2D in int8 + ReLU + MaxPool2D [3 16 5 5] 880",
		"7 Linear in int8 + ReLU [3 40] 16040", "9 Linear in int8 [3 10] 410"}
	if !slices.Equal(got, want) {
		t.Errorf("summary\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	float := nn.Summary(c.model, c.dims...)
	if s.Params != float.Params || s.ParamBytes != q.Bytes() || s.ParamBytes > float.ParamBytes/2 {
		t.Errorf("%d parameters in %d bytes, in float32 %d in %d", s.Params, s.ParamBytes, float.Params, float.ParamBytes)
	}
}

// A training that knows of the bytes ends in an int8 network that computes
// what it did.
func TestQuantizationAware(t *testing.T) {
	model := dense(1)
	aware, err := compress.QuantizationAware(model)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := aware.Quantize(); err == nil || !strings.Contains(err.Error(), `no training step has reached layer "0"`) {
		t.Errorf("without training: error %v", err)
	}
	set, x := classes(96, 2)
	loader := &data.Loader{Dataset: set, BatchSize: 16, Shuffle: true, Seed: 1}
	before := slices.Clone(model[0].(*nn.Linear).Weight.Data)
	if _, err := train.Fit(t.Context(), train.Supervised(aware, nn.CrossEntropy), loader, train.Config{Epochs: 20, Seed: 1, Optimizer: optim.Adam(1e-2)}); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(before, model[0].(*nn.Linear).Weight.Data) {
		t.Error("the weights have not moved")
	}
	q, err := aware.Quantize()
	if err != nil {
		t.Fatal(err)
	}
	want, got := outputs(t, aware, x, 96, 8), outputs(t, q, x, 96, 8)
	if e := relative(got, want); !(e < 1e-3) {
		t.Errorf("in bytes the outputs differ by %.5f of themselves from the training's", e)
	}
	if e := relative(got, outputs(t, model, x, 96, 8)); !(e > 1e-3) {
		t.Errorf("the training has not rounded: outputs differ by %.5f", e)
	}
}

// An LSTM, too, ends in bytes that compute what its training did; masks of
// dropout over all steps are refused.
func TestQuantizationAwareLSTM(t *testing.T) {
	rng := nn.NewRand(5)
	c := nn.Recurrent{In: 2, Hidden: 12, Layers: 2, Dropout: 0.1}
	model := nn.Sequential{nn.Func(func(x tensor.Tensor) tensor.Tensor { return x.Reshape(x.Dim(0), 4, 2) }), nn.NewLSTM(rng, c),
		nn.Func(func(x tensor.Tensor) tensor.Tensor { return x.Select(1, 3) }), nn.NewLinear(rng, 12, 3)}
	aware, err := compress.QuantizationAware(model)
	if err != nil {
		t.Fatal(err)
	}
	set, x := classes(96, 2)
	loader := &data.Loader{Dataset: set, BatchSize: 16, Shuffle: true, Seed: 1}
	h, err := train.Fit(t.Context(), train.Supervised(aware, nn.CrossEntropy), loader, train.Config{Epochs: 20, Seed: 1, Optimizer: optim.Adam(1e-2)})
	if err != nil {
		t.Fatal(err)
	}
	if first, last := h.Epochs[0].Loss, h.Epochs[19].Loss; !(last < 0.5*first) {
		t.Errorf("the loss falls from %.3f to %.3f", first, last)
	}
	q, err := aware.Quantize()
	if err != nil {
		t.Fatal(err)
	}
	want, got := outputs(t, aware, x, 96, 8), outputs(t, q, x, 96, 8)
	if e := relative(got, want); !(e < 5e-3) {
		t.Errorf("in bytes the outputs differ by %.5f of themselves from the training's", e)
	}
	c.RecurrentDropout = 0.2
	if _, err := compress.QuantizationAware(nn.NewLSTM(rng, c)); err == nil || !strings.Contains(err.Error(), "set both to 0") {
		t.Errorf("RecurrentDropout: error %v", err)
	}
}
