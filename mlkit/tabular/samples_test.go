package tabular_test

import (
	"descent/mlkit/data"
	"descent/mlkit/tabular"
	"reflect"
	"strings"
	"testing"
)

func TestTableToSamples(t *testing.T) {
	table, err := tabular.ReadCSV(strings.NewReader("a,kind,y\n1,u,5\n2,v,?\n"), tabular.CSVOptions{Missing: []string{"?"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Regression("y", nil); err == nil || !strings.Contains(err.Error(), `row 1 lacks its target in column "y"`) {
		t.Errorf("%v", err)
	}
	if _, _, err := table.Classification("y", nil); err == nil || !strings.Contains(err.Error(), `row 1 has no label in column "y"`) {
		t.Errorf("%v", err)
	}
	y, _ := table.Column("y")
	y.Fill(6)
	set, err := table.Regression("y", nil)
	if err != nil {
		t.Fatal(err)
	}
	if b := batch(t, set, 0, 1, 0); !reflect.DeepEqual(b.X, []float32{2, 0, 1, 1, 1, 0}) || !reflect.DeepEqual(b.Y, []float32{6, 5}) {
		t.Errorf("%v %v", b.X, b.Y)
	}
	for _, err := range []error{
		func() error { _, err := table.Regression("kind", nil); return err }(),
		func() error { _, err := table.Regression("z", nil); return err }(),
		func() error { _, _, err := table.Classification("z", nil); return err }(),
		func() error { _, err := tabular.NewEncoder(table, "z"); return err }(),
		func() error {
			e, _ := tabular.NewEncoder(table, "kind")
			other, _ := tabular.ReadCSV(strings.NewReader("kind\n1\n"), tabular.CSVOptions{})
			_, err := e.Encode(other)
			return err
		}(),
		func() error { _, err := tabular.LoadCSV("no such file", tabular.CSVOptions{}); return err }(),
	} {
		if err == nil {
			t.Error("no error")
		}
	}
}

// batch is the samples at index.
func batch(t *testing.T, set data.Dataset, epoch int, index ...int) data.Batch {
	t.Helper()
	b := data.Batch{Epoch: epoch}
	if err := set.Batch(index, &b); err != nil {
		t.Fatal(err)
	}
	return b
}
