package train_test

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/internal/fuzztest"
	"descent/mlkit/train"
)

// A damaged file of weights is an error that names it and leaves the model as
// it was, or holds as many numbers; a damaged model, which is sealed by a
// checksum, is always an error.
func TestMutations(t *testing.T) {
	dir := t.TempDir()
	weights, model := filepath.Join(dir, "weights"), filepath.Join(dir, "model")
	if err := train.SaveWeights(weights, newNet(), map[string]string{"made by": "a test"}); err != nil {
		t.Fatal(err)
	}
	if err := train.SaveModel(model, newNet(), train.Parts{"classes": data.Classes{"no", "yes"}}); err != nil {
		t.Fatal(err)
	}
	var seeds [2][]byte
	for i, path := range []string{weights, model} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		seeds[i] = b
	}
	n := 2000
	if testing.Short() {
		n = 200
	}
	before := newNet().bits()
	fuzztest.Run(t, seeds[:1], n, fuzztest.Bound{Fixed: 1 << 20, PerByte: 256}, func(t testing.TB, b []byte) {
		write(t, weights, b)
		n := newNet()
		err := train.LoadWeights(weights, n)
		if err != nil && (!strings.Contains(err.Error(), weights) || !reflect.DeepEqual(before, n.bits())) {
			t.Errorf("%v; changed: %v", err, !reflect.DeepEqual(before, n.bits()))
		}
		if len(n.bits()) != len(before) {
			t.Errorf("%d numbers, want %d", len(n.bits()), len(before))
		}
	})
	fuzztest.Run(t, seeds[1:], n, fuzztest.Bound{Fixed: 1 << 20, PerByte: 256}, func(t testing.TB, b []byte) {
		write(t, model, b)
		var classes data.Classes
		err := train.LoadModel(model, train.Parts{"classes": &classes}, func() any { return newNet() })
		if same := string(b) == string(seeds[1]); same != (err == nil) || err != nil && !strings.Contains(err.Error(), model) {
			t.Errorf("damaged: %v, error %v", !same, err)
		}
	})
}

// write writes a file again without cutting it to nothing first: some file
// systems then wait for the disk.
func write(t testing.TB, path string, b []byte) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(int64(len(b))); err != nil {
		t.Fatal(err)
	}
}
