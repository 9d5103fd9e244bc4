package compress_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"descent/mlkit/compress"
	"descent/mlkit/gradcheck"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// pruned is a dense layer with the given share of zeros.
func pruned(t *testing.T, seed uint64, in, out int, zeros float64) *nn.Linear {
	t.Helper()
	l := nn.NewLinear(nn.NewRand(seed), in, out)
	m, err := compress.Magnitude([]*tensor.Param{l.Weight}, zeros, compress.Global)
	if err != nil {
		t.Fatal(err)
	}
	m.Apply()
	return l
}

func TestSparseIsTheDenseLayer(t *testing.T) {
	for _, zeros := range []float64{0, 0.8, 1} {
		for _, dims := range [][]int{{300, 40}, {2, 5, 40}, {0, 40}, {1, 40}, {40}} {
			l := pruned(t, 1, 40, 30, zeros)
			if len(dims) == 3 {
				l.Bias = nil
			}
			s := compress.NewSparse(l)
			x := gradcheck.Random(2, dims...)
			tape := tensor.NewEvalTape()
			in := tape.Input(x.Data, dims...)
			want, got := l.Forward(in), s.Forward(in)
			if fmt.Sprint(got.Dims()) != fmt.Sprint(want.Dims()) {
				t.Fatalf("shape %v, want %v", got.Dims(), want.Dims())
			}
			near(t, fmt.Sprint(dims), got.Data(), want.Data(), 1e-6)
			near(t, "dense again", s.Dense().Weight.Data, l.Weight.Data, 0)
			if s.Zeros() < zeros-1e-3 || s.Zeros() > zeros+1e-3 {
				t.Errorf("%v zeros, want %v", s.Zeros(), zeros)
			}
		}
	}
}

func TestSparseGradient(t *testing.T) {
	l := pruned(t, 1, 7, 5, 0.6)
	s := compress.NewSparse(l)
	f := func(_ *tensor.Tape, x []tensor.Tensor) tensor.Tensor { return s.Forward(x[0]) }
	if err := gradcheck.CheckParams(gradcheck.Tolerance, f, nn.Params(s), gradcheck.Random(3, 2, 2, 7)); err != nil {
		t.Error(err)
	}
	s.Bias = nil
	if err := gradcheck.CheckParams(gradcheck.Tolerance, f, nn.Params(s), gradcheck.Random(4, 3, 7)); err != nil {
		t.Error(err)
	}
}

// A sparse network trains as the masked dense one does, saves and loads, and is
// counted without its zeros.
func TestSparsifyTrainsAndSaves(t *testing.T) {
	model := dense(1)
	m, err := compress.Magnitude(weights(model), 0.75, compress.Each)
	if err != nil {
		t.Fatal(err)
	}
	m.Apply()
	body := model[:4:4]
	nested := nn.Sequential{body, nn.Residual{Body: nn.Func(tensor.Tensor.ReLU)}, model[4]}
	small, err := compress.Sparsify(nested, 0.7)
	if err != nil {
		t.Fatal(err)
	}
	if n, want := nn.Summary(small, 4, 8).Params, 8*16/4+16*3/4+16+16+16+3; n != want {
		t.Errorf("%d parameters, want %d", n, want)
	}
	fit(t, small, optim.Adam(1e-2), 2, train.Config{})
	file := filepath.Join(t.TempDir(), "w.safetensors")
	if err := train.SaveWeights(file, small, nil); err != nil {
		t.Fatal(err)
	}
	again, err := compress.Sparsify(nested, 0.7)
	if err != nil {
		t.Fatal(err)
	}
	if err := train.LoadWeights(file, again); err != nil {
		t.Fatal(err)
	}
	a, b := nn.Params(small), nn.Params(again)
	for i := range a {
		near(t, a[i].Name, b[i].Data, a[i].Data, 0)
	}
	other := nn.Sequential{dense(2)[:4:4], nested[1], dense(2)[4]}
	om, _ := compress.Magnitude(weights(other), 0.75, compress.Each)
	om.Apply()
	if other, err = compress.Sparsify(other, 0.7); err != nil {
		t.Fatal(err)
	}
	if err := train.LoadWeights(file, other); err == nil || !strings.Contains(err.Error(), "values_") {
		t.Errorf("got %v, want a mismatch of the layers' zeros", err)
	}
}

func TestSparsifyRefuses(t *testing.T) {
	l := nn.NewLinear(nn.NewRand(1), 4, 4)
	for want, c := range map[string]struct {
		model nn.Sequential
		share float64
	}{
		"no Linear layer has 50 % zeros, the most are 0.0 %": {nn.Sequential{l}, 0.5},
		"0.weight and 1.weight are the same parameter":       {nn.Sequential{l, &nn.Linear{Weight: l.Weight}}, 0},
		"a sparsity of 2": {nn.Sequential{l}, 2},
	} {
		if _, err := compress.Sparsify(c.model, c.share); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	s := compress.NewSparse(l)
	defer func() {
		if err, ok := recover().(*tensor.ShapeError); !ok || err.Op != "Sparse" {
			t.Errorf("got %v, want a ShapeError", err)
		}
	}()
	tape := tensor.NewEvalTape()
	s.Forward(tape.Full(0, 2, 5))
}

func TestSparseAllocatesNothing(t *testing.T) {
	s := compress.NewSparse(pruned(t, 1, 64, 32, 0.9))
	x := gradcheck.Random(1, 20, 64)
	o := optim.New(nn.Params(s), optim.SGD(1e-3))
	tape := tensor.NewTape(1)
	step := func() {
		tape.Reset()
		o.Step(s.Forward(tape.Input(x.Data, 20, 64)).Square().Mean().Backward())
	}
	step()
	if n := testing.AllocsPerRun(20, step); n != 0 {
		t.Errorf("%g allocations in a step", n)
	}
}
