package tabular

import (
	"descent/mlkit/data"
	"fmt"
	"math"
)

// Classification makes samples of a table: the named column is the label, all
// others are features, encoded by enc, or, when it is nil, by an encoder of the
// table itself. Labels number the classes of this table: of two tables, those
// mean the same only where the classes are equal (Rows of one table may lack
// some; make the samples of all rows and divide those, see Subset).
func (t *Table) Classification(label string, enc *Encoder) (set data.Dataset, classes []string, err error) {
	labels, classes, err := t.Labels(label)
	if err != nil {
		return nil, nil, err
	}
	x, width, err := t.features(label, enc)
	if err != nil {
		return nil, nil, err
	}
	return data.FromLabels(x, []int{width}, labels), classes, nil
}

// Regression makes samples of a table: the named column of numbers is the
// target [1], the others are features, as in Classification.
func (t *Table) Regression(target string, enc *Encoder) (data.Dataset, error) {
	c, err := t.Column(target)
	if err != nil {
		return nil, err
	}
	if c.Numbers == nil {
		return nil, fmt.Errorf("tabular: column %q holds texts: it cannot be a target", target)
	}
	y := make([]float32, len(c.Numbers))
	for i, v := range c.Numbers {
		if math.IsNaN(v) {
			return nil, fmt.Errorf("tabular: row %d lacks its target in column %q", i, target)
		}
		y[i] = float32(v)
	}
	x, width, err := t.features(target, enc)
	if err != nil {
		return nil, err
	}
	return data.FromSlices(x, []int{width}, y, []int{1}), nil
}

func (t *Table) features(without string, enc *Encoder) (x []float32, width int, err error) {
	if enc == nil {
		if enc, err = NewEncoder(t, t.Names(without)...); err != nil {
			return nil, 0, err
		}
	}
	x, err = enc.Encode(t)
	return x, len(enc.Names), err
}
