package tabular

import (
	"fmt"
	"math"
	"slices"

	"descent/mlkit/data"
)

// Labels numbers the different values of a column in ascending order (of texts:
// in the order of their bytes), and gives their names. A missing label is an
// error, and, among numbers, a word that may stand for one, as are more
// different values than an inferred Category may have: [Table.SetKind] and
// CSVOptions.Kinds say that it is a Category all the same.
func (t *Table) Labels(name string) (labels []int32, classes []string, err error) {
	c, err := t.Column(name)
	if err != nil {
		return nil, nil, err
	}
	if classes, err = c.classes(); err != nil {
		return nil, nil, err
	}
	labels, err = c.labels(classes)
	return labels, classes, err
}

// classes are the names of the different values, ascending.
func (c *Column) classes() ([]string, error) {
	if c.Len() == 0 {
		return nil, fmt.Errorf("tabular: column %q has no rows, and so no labels", c.Name)
	}
	if c.Numbers == nil {
		classes := distinct(c.Texts)
		if c.note != "" {
			for _, k := range classes {
				if missingWord(k) {
					return nil, fmt.Errorf("tabular: column %q cannot be labels: %s. List %q in CSVOptions.Missing, or say in Kinds that it is a category",
						c.Name, c.note, k)
				}
			}
		}
		return classes, c.plausible(len(classes))
	}
	values := slices.Compact(c.present())
	if err := c.plausible(len(values)); err != nil {
		return nil, err
	}
	classes := make([]string, 0, len(values))
	for _, v := range values {
		k := Column{Kind: c.Kind, Numbers: []float64{v}}
		if s := k.cell(0); len(classes) == 0 || classes[len(classes)-1] != s { // −0 is 0
			classes = append(classes, s)
		}
	}
	return classes, nil
}

// plausible refuses more different labels than an inferred Category may have
// texts, unless somebody has said that it is one.
func (c *Column) plausible(different int) error {
	if c.Kind == Category || different <= maxCategories && (different <= fewCategories || 2*different <= c.Len()) {
		return nil
	}
	return fmt.Errorf("tabular: column %q has %d different values in %d rows, which looks like a target of regression or a name; if they are labels, SetKind(%[1]q, tabular.Category)",
		c.Name, different, c.Len())
}

// labels are the numbers of the cells among classes.
func (c *Column) labels(classes []string) ([]int32, error) {
	number := make(map[string]int32, len(classes))
	for i, k := range classes {
		number[k] = int32(i)
	}
	labels := make([]int32, c.Len())
	for i := range labels {
		s := c.cell(i)
		if s == "" {
			return nil, fmt.Errorf("tabular: row %d has no label in column %q", i, c.Name)
		}
		l, known := number[s]
		if !known {
			_, err := data.Classes(classes).Label(s)
			return nil, fmt.Errorf("tabular: row %d, column %q: %w", i, c.Name, err)
		}
		labels[i] = l
	}
	return labels, nil
}

// target is the numbers of a column as targets of regression.
func (t *Table) target(name string) ([]float32, error) {
	c, err := t.Column(name)
	if err != nil {
		return nil, err
	}
	if c.kindOf() != Number {
		return nil, fmt.Errorf("tabular: column %q holds texts or dates (kind %v)%s: it cannot be a target", c.Name, c.kindOf(), c.because())
	}
	if err := keptByFloat32(c.present()); err != nil {
		return nil, fmt.Errorf("tabular: column %q: %w: subtract their mean", c.Name, err)
	}
	y := make([]float32, len(c.Numbers))
	for i, v := range c.Numbers {
		if math.IsNaN(v) {
			return nil, fmt.Errorf("tabular: row %d lacks its target in column %q", i, c.Name)
		}
		if y[i], err = float(v); err != nil {
			return nil, fmt.Errorf("tabular: row %d, column %q: %w", i, c.Name, err)
		}
	}
	return y, nil
}

// because says why a column is Text.
func (c *Column) because() string {
	if c.note == "" {
		return ""
	}
	return " (" + c.note + ")"
}

// float is v as float32, where it has it.
func float(v float64) (float32, error) {
	f := float32(v)
	if math.IsInf(float64(f), 0) || f == 0 && v != 0 {
		return 0, fmt.Errorf("%v is beyond float32 (1e-45 to 3.4e38): scale the column, or take its logarithm", v)
	}
	return f, nil
}

// keptByFloat32 refuses numbers, ascending, of which float32 makes half or more
// equal to others: seconds since 1970 within a minute, say.
func keptByFloat32(v []float64) error {
	different, kept := 0, 0
	for i, x := range v {
		if i == 0 || x != v[i-1] {
			different++
		}
		if i == 0 || float32(x) != float32(v[i-1]) {
			kept++
		}
	}
	if different > 0 && 2*kept <= different {
		return fmt.Errorf("it has %d different numbers around %v, of which float32 keeps %d", different, v[len(v)/2], kept)
	}
	return nil
}
