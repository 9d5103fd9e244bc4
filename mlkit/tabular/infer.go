package tabular

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	maxCategories  = 1000 // that are inferred, unless CSVOptions.MaxCategories says more
	fewCategories  = 50   // that are plausible even where most cells occur but once
	shownOffenders = 3
	shownCell      = 40 // bytes of a cell in a message
)

// inference makes columns of cells.
type inference struct {
	notation
	o     CSVOptions
	lines []int // of the rows in the file, nil: rows are numbered from 0
}

func (in *inference) missing(s string) bool { return s == "" || slices.Contains(in.o.Missing, s) }

// offenders are the cells of a column that do not fit, of which a message tells
// the first.
type offenders struct {
	count int
	first []string
}

func (o *offenders) add(in *inference, row int, cell string, why string) {
	o.count++
	if len(o.first) >= shownOffenders {
		return
	}
	place := fmt.Sprintf("row %d", row)
	if in.lines != nil {
		place = fmt.Sprintf("line %d", in.lines[row])
	}
	if len(cell) > shownCell {
		cell = strings.ToValidUTF8(cell[:shownCell], "") + "…"
	}
	o.first = append(o.first, fmt.Sprintf("%s, %q %s", place, cell, why))
}

func (o *offenders) String() string {
	s := strings.Join(o.first, "; ")
	if more := o.count - len(o.first); more > 0 {
		s += fmt.Sprintf("; and %d more", more)
	}
	return s
}

// columnOf makes a column of texts that were in a table already.
func columnOf(name string, texts []string, kind Kind) (Column, error) {
	c := cells{name: name}
	for _, s := range texts {
		if !c.add(s) {
			return Column{}, fmt.Errorf("column %q has more than 4 GB of text", name)
		}
	}
	return (&inference{o: CSVOptions{Missing: []string{}}}).column(&c, kind)
}

func (in *inference) column(c *cells, kind Kind) (Column, error) {
	c.finish()
	if in.o.Missing == nil {
		var empty offenders
		for i := range c.len() {
			if len(c.at(i)) == 0 {
				if empty.count++; empty.count <= shownOffenders {
					empty.first = append(empty.first, fmt.Sprint(in.lines[i]))
				}
			}
		}
		if empty.count > 0 {
			others := ""
			if empty.count > 1 {
				others = fmt.Sprintf(" (%d cells are: lines %s%s)", empty.count, strings.Join(empty.first, ", "),
					strings.Repeat(", …", min(1, empty.count-len(empty.first))))
			}
			return Column{}, fmt.Errorf("line %s, column %q: the cell is empty; set CSVOptions.Missing to allow that%s", empty.first[0], c.name, others)
		}
	}
	switch kind {
	case Auto:
		return in.infer(c)
	case Number:
		numbers, bad := in.numbers(c, true)
		if bad.count > 0 {
			return Column{}, fmt.Errorf("column %q is to hold numbers: %s; CSVOptions.Missing, Decimal and Thousands say how to read them", c.name, &bad)
		}
		return Column{Name: c.name, Kind: Number, Numbers: numbers}, nil
	case Date:
		return in.dates(c)
	case Category, Text:
		return Column{Name: c.name, Kind: kind, Texts: in.texts(c, kind)}, nil
	}
	return Column{}, fmt.Errorf("column %q is to be of %v, which is no kind", c.name, kind)
}

// numbers reads a column of numbers. Where somebody has said that it is one,
// leading zeros are allowed and large integers rounded.
func (in *inference) numbers(c *cells, said bool) ([]float64, offenders) {
	out := make([]float64, c.len())
	var bad offenders
	for i := range out {
		s := c.at(i)
		if in.missing(s) {
			out[i] = math.NaN()
			continue
		}
		v, is := in.parse(s)
		if is != isNumber && !(said && (is == leadingZeros || is == beyondExact)) {
			bad.add(in, i, s, is.String())
			if !said { // one is enough
				return nil, bad
			}
		}
		out[i] = v
	}
	return out, bad
}

func (in *inference) dates(c *cells) (Column, error) {
	layouts := in.layouts
	if len(layouts) == 0 {
		layouts = isoDates
	}
	out := make([]float64, c.len())
	var bad, with, without offenders
	for i := range out {
		s := c.at(i)
		if in.missing(s) {
			out[i] = math.NaN()
			continue
		}
		days, k := in.date(s, layouts)
		switch {
		case k < 0:
			bad.add(in, i, s, "is no such date")
		case zoned(layouts[k]):
			with.add(in, i, s, "tells its offset")
		default:
			without.add(in, i, s, "does not")
		}
		out[i] = days
	}
	if bad.count > 0 {
		return Column{}, fmt.Errorf("column %q is to hold dates as %.100q: %s; CSVOptions.DateLayouts and Missing say how to read them", c.name, layouts, &bad)
	}
	if with.count > 0 && without.count > 0 {
		return Column{}, fmt.Errorf("column %q mixes dates with and without the offset of their zone: %s; %s", c.name, with.first[0], without.first[0])
	}
	return Column{Name: c.name, Kind: Date, Numbers: out}, nil
}

// texts are the cells, "" where one is missing. Those of a category are kept
// once.
func (in *inference) texts(c *cells, kind Kind) []string {
	out := make([]string, c.len())
	one := map[string]string{}
	for i := range out {
		s := c.at(i)
		if in.missing(s) {
			continue
		}
		if kind == Category {
			shared, known := one[s]
			if !known {
				shared = strings.Clone(s)
				one[shared] = shared
			}
			s = shared
		}
		out[i] = s
	}
	return out
}

// infer finds the kind of a column, as ReadCSV promises.
func (in *inference) infer(c *cells) (Column, error) {
	if numbers, bad := in.numbers(c, false); bad.count == 0 &&
		slices.ContainsFunc(numbers, func(v float64) bool { return !math.IsNaN(v) }) {
		return Column{Name: c.name, Kind: Number, Numbers: numbers}, nil
	}
	if days, ok := in.sameDates(c); ok {
		return Column{Name: c.name, Kind: Date, Numbers: days}, nil
	}
	limit := in.o.MaxCategories
	if limit == 0 {
		limit = maxCategories
	}
	seen := map[string]bool{}
	var present, numbers, like, words int
	var odd, notFinites offenders
	for i := range c.len() {
		s := c.at(i)
		if in.missing(s) {
			continue
		}
		present++
		if len(seen) <= limit {
			seen[s] = true
		}
		switch _, is := in.parse(s); {
		case is == isNumber:
			numbers++
			like++
		case is == notFinite:
			notFinites.add(in, i, s, is.String())
			words++
		default:
			why := is.String()
			if missingWord(s) {
				words++
				why = "is a word for a missing value"
			} else if l := looksLike(s); is != notNumber || l != "" {
				like++
				if is == notNumber {
					why = l
				}
			}
			odd.add(in, i, s, why)
		}
	}
	if notFinites.count > 0 && numbers+notFinites.count == present {
		place, _, _ := strings.Cut(notFinites.first[0], ", ")
		return Column{}, fmt.Errorf("%s, column %q: %s; list it in CSVOptions.Missing if it stands for a missing value, or say in Kinds that the column is Text",
			place, c.name, strings.TrimPrefix(notFinites.String(), place+", "))
	}
	out := Column{Name: c.name, Kind: Text}
	switch {
	case like > 0 && 2*like >= present-words:
		out.note = fmt.Sprintf("%d of %d cells are plain numbers; %s", numbers, present, &odd)
	case len(seen) > limit:
		out.note = fmt.Sprintf("it has more than %d different texts", limit)
	case len(seen) > fewCategories && 2*len(seen) > present:
		out.note = fmt.Sprintf("its %d cells have %d different texts", present, len(seen))
	default:
		out.Kind = Category
	}
	out.Texts = in.texts(c, out.Kind)
	return out, nil
}

// sameDates reads a column whose cells are all dates in one layout.
func (in *inference) sameDates(c *cells) ([]float64, bool) {
	layouts := in.layouts
	if len(layouts) == 0 {
		layouts = isoDates
	}
	var layout []string // the one
	out := make([]float64, c.len())
	for i := range out {
		s := c.at(i)
		if in.missing(s) {
			out[i] = math.NaN()
			continue
		}
		if layout == nil {
			_, k := in.date(s, layouts)
			if k < 0 {
				return nil, false
			}
			layout = layouts[k : k+1]
		}
		var k int
		if out[i], k = in.date(s, layout); k < 0 {
			return nil, false
		}
	}
	return out, layout != nil
}
