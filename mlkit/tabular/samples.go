package tabular

import (
	"errors"
	"fmt"
	"slices"

	"descent/mlkit/data"
)

// Classification makes samples of a table: the named column is the label, all
// others are features, encoded by enc, or, when it is nil, by an encoder of the
// table itself. Labels number the classes of this table: of two tables, those
// mean the same only where the classes are equal, and [Preprocessor.Dataset]
// makes samples of both with the classes of one.
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
	y, err := t.target(target)
	if err != nil {
		return nil, err
	}
	x, width, err := t.features(target, enc)
	if err != nil {
		return nil, err
	}
	return data.FromSlices(x, []int{width}, y, []int{1}), nil
}

// features encodes all columns but one, the answer, which must not be among
// those that enc takes.
func (t *Table) features(answer string, enc *Encoder) (x []float32, width int, err error) {
	if t.Len() == 0 {
		return nil, 0, errors.New("tabular: the table has no rows")
	}
	if enc == nil {
		if enc, err = (Encoding{}).fitAllBut(t, answer); err != nil {
			return nil, 0, err
		}
	}
	if slices.ContainsFunc(enc.columns, func(f fittedColumn) bool { return f.Name == answer }) {
		return nil, 0, fmt.Errorf("tabular: column %q is the answer and among the features of the encoder", answer)
	}
	x, err = enc.Encode(t)
	return x, len(x) / t.Len(), err
}

func (o Encoding) fitAllBut(t *Table, answer string) (*Encoder, error) {
	columns := t.Names(answer)
	if len(columns) == 0 {
		return nil, fmt.Errorf("tabular: the table has no column but %q: there are no features", answer)
	}
	return o.fit(t, columns)
}
