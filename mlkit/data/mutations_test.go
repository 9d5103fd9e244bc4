package data_test

import (
	"encoding/json"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/internal/fuzztest"
)

// A damaged scaler or list of classes is an error, or one that works.
func TestMutations(t *testing.T) {
	set := data.FromLabels([]float32{0, 1e-30, 5, 3e38, 2, 7}, []int{3}, []int32{0, 1})
	type saved struct {
		Scaler  *data.Scaler
		Classes data.Classes
	}
	s, err := data.FitStandard(set)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := json.Marshal(saved{s, data.Classes{"no", "ja <b>"}})
	if err != nil {
		t.Fatal(err)
	}
	n := 3000
	if testing.Short() {
		n = 300
	}
	fuzztest.Run(t, [][]byte{seed}, n, fuzztest.Bound{Fixed: 1 << 18, PerByte: 256}, func(t testing.TB, b []byte) {
		var s saved
		if json.Unmarshal(b, &s) != nil || s.Scaler == nil || s.Classes == nil {
			return
		}
		var batch data.Batch
		_ = s.Scaler.Of(set).Batch([]int{0, 1}, &batch)
		if _, err := json.Marshal(s); err != nil {
			t.Errorf("read, but not to be written: %v", err)
		}
	})
}
