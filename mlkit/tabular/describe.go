package tabular

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"golang.org/x/text/width"
)

// Describe is a table about the table, a row for each column: its kind, how
// many cells are missing and how many different values it has; of numbers the
// mean, the sample standard deviation (n − 1, as pandas), the smallest, the
// median and the largest; of texts the most frequent one; and why a column is
// Text.
func (t *Table) Describe() *Table {
	n := len(t.Columns)
	out := &Table{Columns: []Column{
		{Name: "column", Kind: Text, Texts: make([]string, n)},
		{Name: "kind", Kind: Category, Texts: make([]string, n)},
		{Name: "missing", Kind: Number, Numbers: make([]float64, n)},
		{Name: "distinct", Kind: Number, Numbers: make([]float64, n)},
		{Name: "mean", Kind: Number, Numbers: make([]float64, n)},
		{Name: "std", Kind: Number, Numbers: make([]float64, n)},
		{Name: "min", Kind: Text, Texts: make([]string, n)}, // of dates, too
		{Name: "median", Kind: Text, Texts: make([]string, n)},
		{Name: "max", Kind: Text, Texts: make([]string, n)},
		{Name: "most frequent", Kind: Text, Texts: make([]string, n)},
		{Name: "note", Kind: Text, Texts: make([]string, n)},
	}}
	numbers := func(row, first int, v ...float64) {
		for k, x := range v {
			out.Columns[first+k].Numbers[row] = x
		}
	}
	texts := func(row, first int, v ...string) {
		for k, s := range v {
			out.Columns[first+k].Texts[row] = s
		}
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		texts(i, 0, c.Name, c.kindOf().String())
		texts(i, 10, c.note)
		if c.Numbers == nil {
			most, different := mostFrequent(c.Texts)
			numbers(i, 2, float64(c.Missing()), float64(different), math.NaN(), math.NaN())
			texts(i, 9, most)
			continue
		}
		v := c.present()
		numbers(i, 2, float64(c.Len()-len(v)), float64(len(slices.Compact(slices.Clone(v)))), math.NaN(), math.NaN())
		if len(v) == 0 {
			continue
		}
		for k, x := range []float64{v[0], median(v), v[len(v)-1]} {
			of := Column{Kind: c.Kind, Numbers: []float64{x}}
			texts(i, 6+k, of.cell(0))
		}
		if c.Kind != Date {
			numbers(i, 4, c.Mean(), sampleDeviation(v, c.Mean()))
		}
	}
	return out
}

func sampleDeviation(v []float64, mean float64) float64 {
	var sum float64
	for _, x := range v {
		sum += (x - mean) * (x - mean)
	}
	return math.Sqrt(sum / float64(len(v)-1)) // NaN of one
}

// mostFrequent is the most frequent text, of equals the first by its bytes.
func mostFrequent(texts []string) (most string, different int) {
	count := map[string]int{}
	for _, s := range texts {
		if s != "" {
			count[s]++
		}
	}
	for s, n := range count {
		if n > count[most] || n == count[most] && s < most {
			most = s
		}
	}
	return most, len(count)
}

// What String shows.
const (
	shownRows    = 10 // of a longer table the first and the last five
	shownColumns = 20
	shownWidth   = 30 // of a cell, in columns of the terminal
)

// String is the table for people: names, kinds, the first and the last rows,
// how many there are, and why columns are Text.
func (t *Table) String() string {
	rows := make([]int, 0, shownRows)
	for i := range t.Len() {
		if i < shownRows/2 || t.Len() <= shownRows || i >= t.Len()-shownRows/2 {
			rows = append(rows, i)
		}
	}
	lines := make([]strings.Builder, len(rows)+2)
	var notes strings.Builder
	for j := range t.Columns[:min(len(t.Columns), shownColumns)] {
		c := &t.Columns[j]
		cells := []string{c.Name, c.kindOf().String()}
		for _, i := range rows {
			s := c.cell(i)
			if c.Numbers != nil && c.Kind != Date && s != "" {
				s = fmt.Sprintf("%.6g", c.Numbers[i]+0)
				if v := c.Numbers[i]; v == math.Trunc(v) && math.Abs(v) < 1e15 {
					s = number(v)
				}
			}
			cells = append(cells, s)
		}
		wide := 0
		for k := range cells {
			cells[k] = cut(cells[k])
			wide = max(wide, columnsOf(cells[k]))
		}
		for k, s := range cells {
			pad := strings.Repeat(" ", wide-columnsOf(s))
			if c.Numbers != nil {
				s = pad + s
			} else {
				s += pad
			}
			if j > 0 {
				lines[k].WriteString("  ")
			}
			lines[k].WriteString(s)
		}
		if c.note != "" {
			fmt.Fprintf(&notes, "%s is text: %s\n", cut(c.Name), c.note)
		}
	}
	var out strings.Builder
	for k := range lines {
		if k == 2+shownRows/2 && t.Len() > shownRows {
			out.WriteString("…\n")
		}
		out.WriteString(strings.TrimRight(lines[k].String(), " ") + "\n")
	}
	fmt.Fprintf(&out, "%d rows, %d columns", t.Len(), len(t.Columns))
	if more := len(t.Columns) - shownColumns; more > 0 {
		fmt.Fprintf(&out, " (%d not shown)", more)
	}
	return out.String() + "\n" + notes.String()
}

// columnsOf is how many columns of a terminal a text fills: Chinese characters
// fill two.
func columnsOf(s string) int {
	n := 0
	for _, r := range s {
		n++
		if k := width.LookupRune(r).Kind(); k == width.EastAsianWide || k == width.EastAsianFullwidth {
			n++
		}
	}
	return n
}

// cut is a cell on one line and not too long.
func cut(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		return r
	}, s)
	n, keep := 0, 0 // keep: the bytes that fit with the sign that more follows
	for i, r := range s {
		if n <= shownWidth-1 {
			keep = i
		}
		if n += columnsOf(string(r)); n > shownWidth {
			return s[:keep] + "…"
		}
	}
	return s
}
