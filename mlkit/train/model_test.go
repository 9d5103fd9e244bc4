package train_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/formats"
	"descent/mlkit/nn"
	"descent/mlkit/tabular"
	"descent/mlkit/text"
	"descent/mlkit/train"
)

// hidden is what JSON would lose without a word.
type hidden struct {
	Name   string
	secret int
}

type settings struct {
	Width   int
	When    time.Time
	Nested  map[string][]float64
	Classes data.Classes
}

// All that was fitted comes back from the one file, equal.
func TestModelAndParts(t *testing.T) {
	table := &tabular.Table{Columns: []tabular.Column{{Name: "a", Numbers: []float64{1, 2, 4}}, {Name: "c", Texts: []string{"x", "y", "x"}}, {Name: "label", Texts: []string{"no", "yes", "no"}}}}
	task, err := tabular.Task{Label: "label", Encoding: tabular.Encoding{Scale: tabular.Standard}}.Prepare(table)
	if err != nil {
		t.Fatal(err)
	}
	scaler, err := data.FitStandard(data.FromSlices([]float32{1, 2, 3, 5}, []int{2}, []float32{0, 0}, nil))
	if err != nil {
		t.Fatal(err)
	}
	vocabulary := text.NewVocabulary([][]string{{"a", "b", "a"}}, 0, 1)
	own := settings{Width: 3, When: time.Unix(5, 0).UTC(), Nested: map[string][]float64{"x": {1, 0.1}}, Classes: data.Classes{"p", "q"}}
	saved := train.Parts{"table": task.Preprocessor, "scaler": scaler, "words": vocabulary, "classes": data.Classes{"cat", "dog"}, "settings": own, "number": 7, "names": []string{"ä", "\n<>"}}
	path := filepath.Join(t.TempDir(), "model")
	model := nn.NewLinear(nn.NewRand(1), 2, 3)
	if err := train.SaveModel(path, model, saved); err != nil {
		t.Fatal(err)
	}
	loaded := train.Parts{}
	for name, v := range saved {
		typ := reflect.TypeOf(v)
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		loaded[name] = reflect.New(typ).Interface()
	}
	back := nn.NewLinear(nn.NewRand(2), 2, 3)
	if err := train.LoadModel(path, loaded, func() any { return back }); err != nil {
		t.Fatal(err)
	}
	for name, v := range saved {
		want := reflect.ValueOf(v)
		if want.Kind() == reflect.Pointer {
			want = want.Elem()
		}
		if got := reflect.ValueOf(loaded[name]).Elem(); !reflect.DeepEqual(got.Interface(), want.Interface()) {
			t.Errorf("%s: %+v, was %+v", name, got, want)
		}
	}
	if !reflect.DeepEqual(bits(back), bits(model)) {
		t.Error("other weights")
	}
	// It is a file of weights, too.
	back = nn.NewLinear(nn.NewRand(2), 2, 3)
	if err := train.LoadWeights(path, back); err != nil || !reflect.DeepEqual(bits(back), bits(model)) {
		t.Error(err)
	}
	// What is left out, put in or of another kind is an error.
	load := func(parts train.Parts, build func() any) string {
		err := train.LoadModel(path, parts, build)
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("no error, or one without the path: %v", err)
			return ""
		}
		return err.Error()
	}
	with := func(name string, v any) train.Parts {
		p := train.Parts{}
		for k, v := range loaded {
			p[k] = v
		}
		if p[name] = v; v == nil {
			delete(p, name)
		}
		return p
	}
	ok := func() any { return back }
	for why, got := range map[string]string{
		"those asked for":                    load(with("scaler", nil), ok),
		`"extra"`:                            load(with("extra", new(int)), ok),
		`part "number": json: cannot`:        load(with("number", new([]int)), ok),
		`part "number": Parts must hold a p`: load(with("number", 7), ok),
		`unknown field "Width"`:              load(with("settings", new(struct{ When time.Time })), ok),
		"file [3 2], model [4 2]":            load(loaded, func() any { return nn.NewLinear(nn.NewRand(1), 2, 4) }),
	} {
		if !strings.Contains(got, why) {
			t.Errorf("%q, want %q", got, why)
		}
	}
	var mismatch *train.MismatchError
	if err := train.LoadModel(path, loaded, func() any { return nn.NewLinear(nn.NewRand(1), 2, 4) }); !errors.As(err, &mismatch) {
		t.Error(err)
	}
	if b, err := os.ReadFile(path); err != nil {
		t.Fatal(err)
	} else {
		b[len(b)-3] ^= 4
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		if s := load(loaded, ok); !strings.Contains(s, "damaged") {
			t.Error(s)
		}
	}
}

func TestPartsThatWouldNotComeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	var encoder *tabular.Encoder
	for why, v := range map[string]any{
		`unexported field "secret"`: hidden{secret: 1}, `field "secret", which`: []*hidden{{}}, "train_test.hidden has": map[string]struct{ H hidden }{},
		"it is nil": nil, "nil": encoder, "unsupported type": func() {}, "unsupported value": math.NaN(), "it is nil ": (*int)(nil),
	} {
		err := train.SaveModel(path, mlp(1), train.Parts{"p": v})
		if err == nil || !strings.Contains(err.Error()+" ", why) || !strings.Contains(err.Error(), `part "p"`) {
			t.Errorf("%T: %v, want %q", v, err, why)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%T: a file is written", v)
		}
	}
	// Without parts it is a file of weights; a file of weights is a model
	// without parts.
	if err := train.SaveModel(path, mlp(1), nil); err != nil {
		t.Error(err)
	}
	m := mlp(2)
	if err := train.LoadModel(path, nil, func() any { return m }); err != nil {
		t.Error(err)
	}
	if err := train.LoadModel(path+"2", nil, func() any { return m }); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	if s, err := formats.OpenSafetensors(path); err != nil || len(s.Names()) != 4 {
		t.Error(err)
	}
}

// Probabilities are those of float64, row by row.
func TestPredictorGivesProbabilities(t *testing.T) {
	x := []float32{1, 2, 3, -1, 0, 50, -100, 0, 1e-3}
	y, dims, err := train.NewPredictor(nn.Sequential{}, train.Softmax).Predict(x, 3, 3)
	if err != nil || !reflect.DeepEqual(dims, []int{3, 3}) {
		t.Fatal(dims, err)
	}
	for r := range 3 {
		var sum float64
		for _, v := range x[3*r : 3*r+3] {
			sum += math.Exp(float64(v))
		}
		for k, v := range x[3*r : 3*r+3] {
			if want := math.Exp(float64(v)) / sum; math.Abs(float64(y[3*r+k])-want) > 1e-6 {
				t.Errorf("softmax of row %d, class %d: %v, want %v", r, k, y[3*r+k], want)
			}
		}
	}
	y, _, err = train.NewPredictor(nn.Sequential{}, train.Sigmoid).Predict(x, 9, 1)
	for i, v := range x {
		if want := 1 / (1 + math.Exp(-float64(v))); err != nil || math.Abs(float64(y[i])-want) > 1e-6 {
			t.Errorf("sigmoid of %v: %v, want %v (%v)", v, y[i], want, err)
		}
	}
	if y, _, err = train.NewPredictor(nn.Sequential{}, train.Raw).Predict(x, 9, 1); err != nil || !reflect.DeepEqual(y, x) {
		t.Error(y, err)
	}
	all, _, err := train.NewPredictor(nn.Sequential{}, train.Sigmoid).All(t.Context(), &data.Loader{Dataset: data.FromSlices([]float32{0, 0}, nil, []float32{0, 0}, nil), BatchSize: 1})
	if err != nil || !reflect.DeepEqual(all, []float32{0.5, 0.5}) {
		t.Error(all, err)
	}
	if _, _, err := train.NewPredictor(nn.Sequential{}, train.Softmax).Predict(x, 9, 1); err == nil || !strings.Contains(err.Error(), "take Sigmoid") {
		t.Error(err)
	}
}
