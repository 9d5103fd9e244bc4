package tabular

import (
	"fmt"
	"math"
	"slices"
)

// An Encoder turns columns of a table into features: numbers as they are, a
// column of texts into one feature for each category, 1 in its place and 0
// elsewhere (one-hot). The categories are those of the table it was made from,
// the training part; one that is met first later is all zeros.
type Encoder struct {
	// Names are the features': "age", "sex=female", "sex=male".
	Names []string

	columns    []string
	categories [][]string // nil for a column of numbers
}

// NewEncoder makes an encoder of the named columns, of all when none is named.
func NewEncoder(train *Table, columns ...string) (*Encoder, error) {
	if len(columns) == 0 {
		columns = train.Names()
	}
	e := &Encoder{columns: columns}
	for _, name := range columns {
		c, err := train.Column(name)
		if err != nil {
			return nil, err
		}
		if c.Numbers != nil {
			e.Names, e.categories = append(e.Names, name), append(e.categories, nil)
			continue
		}
		cats := append([]string{}, distinctTexts(c.Texts)...)
		for _, k := range cats {
			e.Names = append(e.Names, name+"="+k)
		}
		e.categories = append(e.categories, cats)
	}
	return e, nil
}

// Encode gives the features, [rows, len(Names)].
func (e *Encoder) Encode(t *Table) ([]float32, error) {
	w := len(e.Names)
	x := make([]float32, t.Len()*w)
	at := 0
	for k, name := range e.columns {
		c, err := t.Column(name)
		if err != nil {
			return nil, err
		}
		cats := e.categories[k]
		if (cats == nil) != (c.Numbers != nil) {
			return nil, fmt.Errorf("tabular: column %q holds numbers in one table and texts in the other", name)
		}
		for i := range t.Len() {
			if cats == nil {
				if math.IsNaN(c.Numbers[i]) {
					return nil, fmt.Errorf("tabular: row %d lacks a number in column %q: Fill the column first", i, name)
				}
				x[i*w+at] = float32(c.Numbers[i])
			} else if j, ok := slices.BinarySearch(cats, c.Texts[i]); ok {
				x[i*w+at+j] = 1
			}
		}
		if cats == nil {
			at++
		} else {
			at += len(cats)
		}
	}
	return x, nil
}
