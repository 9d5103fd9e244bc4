package train

import (
	"io"
	"slices"
	"testing"

	"descent/mlkit/formats"
)

// LiveProgress is Progress on a terminal.
func LiveProgress(w io.Writer) Callback { return progress(w, true) }

var Shorten = shorten

// CheckpointArrays are the tensors of a checkpoint, by name.
func CheckpointArrays(t *testing.T, path string) (all [][]float32) {
	s, err := formats.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	names := slices.Sorted(slices.Values(s.Names()))
	for _, name := range names {
		if x, err := s.Floats(name); err == nil {
			all = append(all, x)
		}
	}
	return all
}
