package text

import (
	"encoding/json"
	"testing"

	"descent/mlkit/internal/fuzztest"
)

// A damaged vocabulary or BPE is an error, or one that works.
func TestMutations(t *testing.T) {
	words := Words("der die das der die der <b> été 中文 \"\\")
	type saved struct {
		V *Vocabulary
		B *BPE
	}
	var seeds [][]byte
	for _, in := range []saved{{NewVocabulary([][]string{words}, 0, 1), TrainBPE(append(words, "dies", "dies"), 20)}, {NewVocabulary(nil, 0, 1), TrainBPE(nil, 3)}} {
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	n := 3000
	if testing.Short() {
		n = 300
	}
	fuzztest.Run(t, seeds, n, fuzztest.Bound{Fixed: 1 << 18, PerByte: 512}, func(t testing.TB, b []byte) {
		var s saved
		if json.Unmarshal(b, &s) != nil {
			return
		}
		if s.V != nil {
			if ids := s.V.Encode(words); len(ids) != len(words) {
				t.Errorf("%d ids of %d words", len(ids), len(words))
			}
		}
		if s.B != nil {
			s.B.SplitAll(words)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Errorf("read, but not to be written: %v", err)
		}
	})
}
