package tabular_test

import (
	"encoding/json"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/internal/fuzztest"
	"descent/mlkit/tabular"
)

// mutations is how many damaged inputs a test tries.
func mutations() int {
	if testing.Short() {
		return 300
	}
	return 3000
}

// Damaged tables take memory in proportion to their size.
func TestMutationsOfCSV(t *testing.T) {
	bound := fuzztest.Bound{Fixed: 1 << 20, PerByte: 1 << 10}
	fuzztest.Run(t, fuzztest.Corpus(t, "FuzzReadCSV"), mutations(), bound, func(t testing.TB, b []byte) {
		table, err := tabular.ReadCSV(strings.NewReader(string(b)), tabular.CSVOptions{})
		if err != nil {
			return
		}
		for i := range table.Columns {
			if c := &table.Columns[i]; c.Len() != table.Len() {
				t.Errorf("column %q has %d of %d rows", c.Name, c.Len(), table.Len())
			}
		}
	})
}

// A damaged preprocessor is an error, or one that encodes without a panic.
func TestMutationsOfPreprocessors(t *testing.T) {
	table := peopleTable(t)
	var seeds [][]byte
	for _, o := range []tabular.Encoding{
		{Scale: tabular.Standard, Fill: tabular.FillMean, Indicator: true, Unknown: true},
		{Scale: tabular.MinMax, Fill: tabular.FillMedian, Unknown: true, Ordinal: []string{"job", "sex"}},
	} {
		e, err := o.Fit(table, table.Names("survived")...)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(tabular.Preprocessor{Answer: "survived", Encoder: e, Classes: data.Classes{"no", "yes"}})
		if err != nil {
			t.Fatal(err)
		}
		seeds = append(seeds, b)
	}
	fuzztest.Run(t, seeds, mutations(), fuzztest.Bound{Fixed: 1 << 18, PerByte: 256}, func(t testing.TB, b []byte) {
		var p tabular.Preprocessor
		if json.Unmarshal(b, &p) != nil {
			return
		}
		if x, err := p.Encoder.Encode(table); err == nil && len(x) != table.Len()*len(p.Encoder.Names) {
			t.Errorf("%d figures of %d rows of %d", len(x), table.Len(), len(p.Encoder.Names))
		}
		if _, err := json.Marshal(p); err != nil {
			t.Errorf("read, but not to be written: %v", err)
		}
	})
}
