package tabular

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Table is rows of a CSV file, by columns.
type Table struct{ Columns []Column }

// A Column holds numbers, or texts where not every cell is a number.
type Column struct {
	Name    string
	Numbers []float64 // nil for a column of texts
	Texts   []string  // nil for a column of numbers
}

// Len is the number of rows.
func (t *Table) Len() int {
	if len(t.Columns) == 0 {
		return 0
	}
	return max(len(t.Columns[0].Numbers), len(t.Columns[0].Texts))
}

// Names are the names of the columns, without those given.
func (t *Table) Names(without ...string) []string {
	var names []string
	for _, c := range t.Columns {
		if !slices.Contains(without, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}

// Column is the column of a name.
func (t *Table) Column(name string) (*Column, error) {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i], nil
		}
	}
	return nil, fmt.Errorf("tabular: the table has no column %q; it has %s", name, strings.Join(t.Names(), ", "))
}

// Rows is a table of the rows at index.
func (t *Table) Rows(index []int) *Table {
	s := &Table{}
	for _, c := range t.Columns {
		d := Column{Name: c.Name}
		for _, i := range index {
			if c.Numbers != nil {
				d.Numbers = append(d.Numbers, c.Numbers[i])
			} else {
				d.Texts = append(d.Texts, c.Texts[i])
			}
		}
		s.Columns = append(s.Columns, d)
	}
	return s
}

// Mean is the mean of the numbers that are not missing: of the training part,
// a value to fill gaps with.
func (c *Column) Mean() float64 {
	var sum, n float64
	for _, v := range c.Numbers {
		if !math.IsNaN(v) {
			sum, n = sum+v, n+1
		}
	}
	return sum / n
}

// Fill puts v where a number is missing.
func (c *Column) Fill(v float64) {
	for i, x := range c.Numbers {
		if math.IsNaN(x) {
			c.Numbers[i] = v
		}
	}
}

// Labels numbers the different values of a column in ascending order (of
// texts: in the order of the alphabet), and gives their names.
func (t *Table) Labels(name string) (labels []int32, classes []string, err error) {
	c, err := t.Column(name)
	if err != nil {
		return nil, nil, err
	}
	texts := c.Texts
	if c.Numbers != nil {
		distinct := slices.Clone(c.Numbers)
		slices.Sort(distinct)
		for _, v := range slices.Compact(distinct) {
			classes = append(classes, strconv.FormatFloat(v, 'g', -1, 64))
		}
		for _, v := range c.Numbers {
			texts = append(texts, strconv.FormatFloat(v, 'g', -1, 64))
		}
	} else {
		classes = distinctTexts(texts)
	}
	number := map[string]int32{}
	for i, name := range classes {
		number[name] = int32(i)
	}
	for i, f := range texts {
		if f == "" || f == "NaN" {
			return nil, nil, fmt.Errorf("tabular: row %d has no label in column %q", i, name)
		}
		labels = append(labels, number[f])
	}
	return labels, classes, nil
}

func distinctTexts(texts []string) []string {
	d := slices.Clone(texts)
	slices.Sort(d)
	d = slices.Compact(d)
	if len(d) > 0 && d[0] == "" { // missing
		d = d[1:]
	}
	return d
}
