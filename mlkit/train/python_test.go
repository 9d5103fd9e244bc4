package train_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"descent/mlkit/formats"
	"descent/mlkit/train"
)

// Python's safetensors and NumPy read what this package writes, and what they
// write again are the same bytes. MLKIT_PYTHON names an interpreter that has
// numpy and safetensors.
func TestPythonReadsAndWritesTheSame(t *testing.T) {
	python := os.Getenv("MLKIT_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import numpy, safetensors.numpy").Run(); err != nil {
		t.Skipf("needs %s with numpy and safetensors (set MLKIT_PYTHON): %v", python, err)
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	n := newNet()
	n.RunningMean.Count = 12345
	if err := train.SaveWeights(file("a.safetensors"), n, map[string]string{"made": "<here>"}); err != nil {
		t.Fatal(err)
	}
	if err := formats.SaveNPY(file("a.npy"), formats.Array{Dims: []int{2, 3}, Data: []float32{1, 2, 3, 4, 5, 6}}); err != nil {
		t.Fatal(err)
	}
	if err := formats.SaveNPZ(file("a.npz"), formats.Array{Name: "x", Dims: []int{2}, Data: []int64{7, 8}}); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", `
import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
t = load_file("a.safetensors")
assert t["in.weight"].shape == (6, 1) and t["num_batches_tracked"] == 12345, t
with safe_open("a.safetensors", "np") as f: m = f.metadata()
save_file(t, "b.safetensors", m)
a = np.load("a.npy"); assert a.tolist() == [[1, 2, 3], [4, 5, 6]], a
np.save("b.npy", a)
assert np.load("a.npz")["x"].tolist() == [7, 8]
`)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, ext := range []string{".safetensors", ".npy"} {
		a, _ := os.ReadFile(file("a" + ext))
		b, err := os.ReadFile(file("b" + ext))
		if err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s: %v\n%q\n%q", ext, err, a, b)
		}
	}
	m := newNet()
	m.In.Weight.Data[0] = 9
	if err := train.LoadWeights(file("b.safetensors"), m); err != nil || !reflect.DeepEqual(n.bits(), m.bits()) || m.RunningVar.Count != 12345 {
		t.Errorf("%v", err)
	}
}
