package formats_test

import (
	"descent/mlkit/formats"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

func TestWriteFileLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	good := formats.Array{Dims: []int{1}, Data: []float32{1}}
	if err := formats.SaveNPY(path, good); err != nil {
		t.Fatal(err)
	}
	// What a killed process left is swept when it is old, and only then.
	stale, young := filepath.Join(dir, ".x.npy.123.tmp"), filepath.Join(dir, ".x.npy.456.tmp")
	for _, name := range []string{stale, young} {
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * time.Hour)
	os.Chtimes(stale, old, old)
	if err := formats.SaveNPY(path, formats.Array{Dims: []int{2}, Data: []float32{1}}); err == nil {
		t.Error("no error")
	}
	if a, err := formats.LoadNPY(path); err != nil || !reflect.DeepEqual(a, good) {
		t.Errorf("%v %v", a, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); !reflect.DeepEqual(left, []string{young}) {
		t.Errorf("left: %v", left)
	}
	if err := formats.SaveNPY(filepath.Join(path, "below a file"), good); err == nil {
		t.Error("no error")
	}
}
