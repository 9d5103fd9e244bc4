package train_test

import (
	"context"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/formats"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

func mlp(seed uint64) nn.Sequential {
	return nn.Sequential{nn.NewLinear(nn.NewRand(seed), 1, 4), nn.Func(tensor.Tensor.Tanh), nn.NewLinear(nn.NewRand(seed+1), 4, 1)}
}

// bits are a model's weights, for exact comparison.
func bits(model any) []float32 {
	var all []float32
	for _, p := range nn.Params(model) {
		all = append(all, p.Data...)
	}
	return all
}

func TestCached(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("MLKIT_CACHE", dir)
	type config struct {
		LR   float64
		note string
		Tags map[string][]int
	}
	key := config{0.1, "a", map[string][]int{"x": {1}, "y": {2}}}
	fits := 0
	run := func(key any, seed uint64) (nn.Sequential, train.History) {
		t.Helper()
		m := mlp(seed)
		h, err := train.Cached(key, m, func() (train.History, error) {
			fits++
			h, err := train.Fit(context.Background(), train.Supervised(m, nn.MSE), &data.Loader{Dataset: line(20), BatchSize: 5},
				train.Config{Epochs: 3, Optimizer: optim.SGD(0.1), KeepSteps: true})
			h.Epochs[1].Metrics["val_loss"] = math.NaN()
			return h, err
		})
		if err != nil {
			t.Fatal(err)
		}
		return m, h
	}
	m1, h1 := run(key, 1)
	m2, h2 := run(config{0.1, "a", map[string][]int{"y": {2}, "x": {1}}}, 1)
	if fits != 1 || !reflect.DeepEqual(bits(m1), bits(m2)) {
		t.Errorf("%d fits; %v %v", fits, bits(m1), bits(m2))
	}
	if !math.IsNaN(h2.Epochs[1].Metrics["val_loss"]) {
		t.Errorf("NaN came back as %v", h2.Epochs[1].Metrics)
	}
	h1.Epochs[1].Metrics["val_loss"], h2.Epochs[1].Metrics["val_loss"] = 0, 0
	if !reflect.DeepEqual(h1, h2) {
		t.Errorf("history\n%+v\n%+v", h1, h2)
	}
	run(config{0.1, "b", key.Tags}, 1)
	run(config{0.1, "a", map[string][]int{"x": {1}, "y": {3}}}, 1)
	run(key, 2) // other initial weights
	run(&key, 1)
	if fits != 5 {
		t.Errorf("%d fits, want 5", fits)
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.safetensors"))
	if len(files) != 5 {
		t.Errorf("%v", files)
	}
	for _, f := range files {
		if err := os.Truncate(f, 100); err != nil {
			t.Fatal(err)
		}
	}
	if m3, _ := run(key, 1); fits != 6 || !reflect.DeepEqual(bits(m1), bits(m3)) {
		t.Errorf("damaged: %d fits", fits)
	}

	failed := errors.New("no")
	if _, err := train.Cached(9, mlp(1), func() (train.History, error) { return train.History{Steps: 7}, failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	if _, err := train.Cached(map[string]any{"f": func() {}}, mlp(1), nil); err == nil || !strings.Contains(err.Error(), "key[f] is a func()") {
		t.Error(err)
	}
	type loop struct{ L *loop }
	l := &loop{}
	l.L = l
	if _, err := train.Cached(l, mlp(1), nil); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Error(err)
	}
}

type tiedModel struct{ Embed, Out *nn.Linear }

func newTied(seed uint64) *tiedModel {
	m := &tiedModel{nn.NewLinear(nn.NewRand(seed), 3, 3), nn.NewLinear(nn.NewRand(seed+1), 3, 3)}
	m.Out.Weight = m.Embed.Weight
	return m
}

func TestWeightsRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "w.safetensors")
	m := newTied(1)
	if err := train.SaveWeights(path, m, map[string]string{"classes": "a b"}); err != nil {
		t.Fatal(err)
	}
	other := newTied(5)
	if err := train.LoadWeights(path, other); err != nil || !reflect.DeepEqual(bits(m), bits(other)) {
		t.Errorf("%v", err)
	}
	s, err := formats.OpenSafetensors(path)
	if err != nil || s.Metadata["classes"] != "a b" || len(s.Names()) != 3 {
		t.Fatalf("%v %v", s, err)
	}
	s.Close()

	// PyTorch's safetensors keeps tied weights under either name.
	save := func(arrays ...formats.Array) {
		t.Helper()
		err := formats.WriteFile(path, func(w io.Writer) error { return formats.WriteSafetensors(w, arrays, nil) })
		if err != nil {
			t.Fatal(err)
		}
	}
	nine, three := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, []float32{1, 2, 3}
	bias := func(name string) formats.Array { return formats.Array{Name: name, Dims: []int{3}, Data: three} }
	save(bias("embed.bias"), bias("out.bias"), formats.Array{Name: "out.weight", Dims: []int{3, 3}, Data: nine})
	if err := train.LoadWeights(path, other); err != nil || !reflect.DeepEqual(other.Embed.Weight.Data, nine) {
		t.Errorf("tied: %v %v", err, other.Embed.Weight.Data)
	}

	before := bits(other)
	save(bias("embed.weight"), bias("out.bias"), bias("head.bias"), formats.Array{Name: "train/x", Dims: []int{1}, Data: []int64{1}})
	err = train.LoadWeights(path, other)
	var bad *train.MismatchError
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "embed.weight: file [3], model [3 3]") ||
		!reflect.DeepEqual(bad.Missing, []string{"embed.bias"}) || !reflect.DeepEqual(bad.Unexpected, []string{"head.bias"}) {
		t.Errorf("%v", err)
	}
	if !reflect.DeepEqual(before, bits(other)) {
		t.Error("the model changed although the file does not fit")
	}

	// Transfer: part of a file, under other names.
	save(formats.Array{Name: "backbone.weight", Dims: []int{3, 3}, Data: nine}, bias("head.bias"))
	s, err = formats.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = train.LoadTensors(s, other, train.LoadOptions{Partial: true, Rename: func(n string) string { return strings.Replace(n, "backbone", "embed", 1) }})
	if err != nil || !reflect.DeepEqual(other.Embed.Weight.Data, nine) {
		t.Errorf("%v", err)
	}
}

// Two tensors of a file are not one of the model's, unless they are equal.
func TestTwoTensorsForOne(t *testing.T) {
	ones, zero := []float32{1, 1, 1, 1, 1, 1, 1, 1, 1}, make([]float32, 3)
	load := func(head formats.Array, rename func(string) string) error {
		m := newTied(1)
		before := bits(m)
		path := filepath.Join(t.TempDir(), "w")
		arrays := []formats.Array{{Name: "embed.weight", Dims: []int{3, 3}, Data: ones}, head, {Name: "embed.bias", Dims: []int{3}, Data: zero}, {Name: "out.bias", Dims: []int{3}, Data: zero}}
		if err := formats.WriteFile(path, func(w io.Writer) error { return formats.WriteSafetensors(w, arrays, nil) }); err != nil {
			t.Fatal(err)
		}
		s, err := formats.OpenSafetensors(path)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		err = train.LoadTensors(s, m, train.LoadOptions{Rename: rename})
		if err != nil && !reflect.DeepEqual(bits(m), before) {
			t.Errorf("%v, and the model changed", err)
		}
		return err
	}
	other := append([]float32{}, ones...)
	other[8] = 2
	half := make([]float64, 9)
	for i := range half {
		half[i] = 1
	}
	if err := load(formats.Array{Name: "out.weight", Dims: []int{3, 3}, Data: half}, nil); err != nil {
		t.Errorf("equal in another type: %v", err)
	}
	swap := func(name string) string { // the tied ones under other names
		return map[string]string{"embed.weight": "out.weight", "head": "embed.weight"}[name] + map[string]string{"embed.bias": "embed.bias", "out.bias": "out.bias"}[name]
	}
	if err := load(formats.Array{Name: "head", Dims: []int{3, 3}, Data: ones}, swap); err != nil {
		t.Errorf("equal and renamed: %v", err)
	}
	both := func(name string) string {
		if name == "head" {
			return "embed.weight"
		}
		return name
	}
	for why, err := range map[string]error{
		"embed.weight and out.weight, which hold different values": load(formats.Array{Name: "out.weight", Dims: []int{3, 3}, Data: other}, nil),
		"out.weight: file [4 3], model [3 3]":                      load(formats.Array{Name: "out.weight", Dims: []int{4, 3}, Data: make([]float32, 12)}, nil),
		"out.weight: file I32":                                     load(formats.Array{Name: "out.weight", Dims: []int{3, 3}, Data: make([]int32, 9)}, nil),
		"both renamed to embed.weight":                             load(formats.Array{Name: "head", Dims: []int{3, 3}, Data: ones}, both),
	} {
		var mismatch *train.MismatchError
		if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

// Batch normalisations keep their own counters, one inside of another's name or
// shared under two.
func TestCountersOfNestedNorms(t *testing.T) {
	type block struct {
		RunningMean, RunningVar *tensor.Buffer
		Inner                   *nn.BatchNorm
	}
	type model struct{ A, B *block }
	make1 := func(count int64) *model {
		b := &block{tensor.NewBuffer(0, 2), tensor.NewBuffer(1, 2), nn.NewBatchNorm(2)}
		b.RunningMean.Count, b.RunningVar.Count = count, count
		b.Inner.RunningMean.Count, b.Inner.RunningVar.Count = 10*count, 10*count
		return &model{b, b}
	}
	path := filepath.Join(t.TempDir(), "w")
	from := make1(3)
	if err := train.SaveWeights(path, from, nil); err != nil {
		t.Fatal(err)
	}
	to := make1(0)
	if err := train.LoadWeights(path, to); err != nil || to.A.RunningVar.Count != 3 || to.A.Inner.RunningMean.Count != 30 || to.A.Inner.RunningVar.Count != 30 {
		t.Errorf("%v %+v", err, to.A)
	}
	// PyTorch writes what is shared under both names, counters too.
	s, err := formats.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var twice []formats.Array
	for _, name := range s.Names() {
		a, err := s.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		twice = append(twice, a)
		a.Name = strings.Replace(name, "a.", "b.", 1)
		twice = append(twice, a)
	}
	if err := formats.WriteFile(path+"2", func(w io.Writer) error { return formats.WriteSafetensors(w, twice, nil) }); err != nil {
		t.Fatal(err)
	}
	to = make1(0)
	if err := train.LoadWeights(path+"2", to); err != nil || to.A.RunningVar.Count != 3 || to.A.Inner.RunningVar.Count != 30 {
		t.Errorf("%v %+v", err, to.A)
	}
}
