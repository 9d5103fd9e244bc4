package tabular

import (
	"fmt"
	"slices"
	"strings"
)

// A Table is rows, kept by columns.
type Table struct{ Columns []Column }

// Len is the number of rows.
func (t *Table) Len() int {
	if len(t.Columns) == 0 {
		return 0
	}
	return t.Columns[0].Len()
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
	return nil, t.lacks(name)
}

func (t *Table) lacks(name string) error {
	const most = 20
	names := t.Names()
	if len(names) > most {
		names = append(names[:most], fmt.Sprintf("… (%d in all)", len(names)))
	}
	return fmt.Errorf("tabular: the table has no column %q; it has %s", name, strings.Join(names, ", "))
}

// byName finds columns at one look each, however many there are, and checks
// that the table is one.
func (t *Table) byName() (map[string]*Column, error) {
	all := make(map[string]*Column, len(t.Columns))
	for i := range t.Columns {
		c := &t.Columns[i]
		if all[c.Name] != nil {
			return nil, fmt.Errorf("tabular: two columns are named %q", c.Name)
		}
		if c.Len() != t.Len() {
			return nil, fmt.Errorf("tabular: column %q has %d rows, column %q has %d", c.Name, c.Len(), t.Columns[0].Name, t.Len())
		}
		if numeric := c.kindOf().numeric(); numeric && c.Texts != nil || !numeric && c.Numbers != nil {
			return nil, fmt.Errorf("tabular: column %q is of kind %v and holds something else: SetKind changes both", c.Name, c.Kind)
		}
		all[c.Name] = c
	}
	return all, nil
}

// Rows is a table of the rows at index, in that order. An index that is not
// 0 … Len−1 panics.
func (t *Table) Rows(index []int) *Table {
	s := &Table{Columns: make([]Column, len(t.Columns))}
	for j, c := range t.Columns {
		d := Column{Name: c.Name, Kind: c.Kind, note: c.note}
		if c.Numbers != nil {
			d.Numbers = pick(c.Numbers, index)
		} else {
			d.Texts = pick(c.Texts, index)
		}
		s.Columns[j] = d
	}
	return s
}

func pick[T any](x []T, index []int) []T {
	out := make([]T, len(index))
	for k, i := range index {
		out[k] = x[i]
	}
	return out
}

// Head is a table of the first n rows, of all where there are fewer.
func (t *Table) Head(n int) *Table {
	index := make([]int, min(max(n, 0), t.Len()))
	for i := range index {
		index[i] = i
	}
	return t.Rows(index)
}

// Select is a table of the named columns, in that order. It shares their cells
// with t.
func (t *Table) Select(names ...string) (*Table, error) {
	all, err := t.byName()
	if err != nil {
		return nil, err
	}
	s := &Table{}
	for _, name := range names {
		c := all[name]
		if c == nil {
			return nil, t.lacks(name)
		}
		s.Columns = append(s.Columns, *c)
	}
	if _, err := s.byName(); err != nil {
		return nil, err
	}
	return s, nil
}

// Drop is a table without the named columns. It shares the cells of the others
// with t. A name that no column has is an error.
func (t *Table) Drop(names ...string) (*Table, error) {
	all, err := t.byName()
	if err != nil {
		return nil, err
	}
	drop := make(map[string]bool, len(names))
	for _, name := range names {
		if all[name] == nil {
			return nil, t.lacks(name)
		}
		drop[name] = true
	}
	s := &Table{}
	for _, c := range t.Columns {
		if !drop[c.Name] {
			s.Columns = append(s.Columns, c)
		}
	}
	return s, nil
}

// SetKind gives a column another kind. Texts become numbers or dates where
// every cell is one, as ReadCSV reads them with the zero CSVOptions; else it is
// an error that names the first cells that are not. Numbers become texts as
// [Table.Labels] names them, which do not tell 007 from 7: to keep codes as
// they are written, say so in CSVOptions.Kinds.
func (t *Table) SetKind(name string, kind Kind) error {
	c, err := t.Column(name)
	if err != nil {
		return err
	}
	texts := c.Texts
	if c.Numbers != nil {
		if kind.numeric() {
			c.Kind, c.note = kind, ""
			return nil
		}
		texts = c.names()
	}
	d, err := columnOf(name, texts, kind)
	if err != nil {
		return fmt.Errorf("tabular: %w", err)
	}
	*c = d
	return nil
}
