package tabular

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"descent/mlkit/internal/strictjson"
)

// An Encoder turns columns of a table into features, as [Encoding] says and by
// what the training part showed. It is saved and loaded whole as JSON,
// {"columns": [{"name": "sex", "kind": "category", "categories": [...]}, …]}.
type Encoder struct {
	// Names are the features': "age", "sex=female", "sex=male".
	Names []string

	columns []fittedColumn
}

// fittedColumn is what an Encoder knows of a column, and the form in which it
// is saved.
type fittedColumn struct {
	Name string `json:"name"`
	Kind string `json:"kind"`

	// Of numbers and dates: what is missing becomes Fill, if there is one, and
	// x becomes (x − center)/scale.
	Scaling   *fittedScale `json:"scaling,omitempty"`
	Fill      *float64     `json:"fill,omitempty"`
	Indicator bool         `json:"indicator,omitempty"`

	// Of categories, ascending.
	Categories []string `json:"categories,omitempty"`
	Unknown    bool     `json:"unknown,omitempty"`
	Ordinal    bool     `json:"ordinal,omitempty"`
}

type fittedScale struct {
	Center float64 `json:"center"`
	Scale  float64 `json:"scale"`
}

// width is the number of features.
func (f *fittedColumn) width() int {
	switch {
	case f.Indicator:
		return 2
	case f.Scaling != nil || f.Ordinal:
		return 1
	case f.Unknown:
		return len(f.Categories) + 1
	}
	return len(f.Categories)
}

func newEncoder(columns []fittedColumn) (*Encoder, error) {
	if len(columns) == 0 {
		return nil, errors.New("tabular: there are no columns to encode")
	}
	e, seen := &Encoder{columns: columns}, make(map[string]bool, len(columns))
	for i := range columns {
		f := &columns[i]
		if seen[f.Name] {
			return nil, fmt.Errorf("tabular: column %.60q is to be encoded twice", f.Name)
		}
		seen[f.Name] = true
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("tabular: column %.60q: %w", f.Name, err)
		}
		if len(e.Names)+f.width() > maxFeatures {
			return nil, fmt.Errorf("tabular: %d features and %d more for column %q, which has %d categories (%.100q, …): at most %d are allowed; Encoding.Ordinal makes one feature of it",
				len(e.Names), f.width(), f.Name, len(f.Categories), f.Categories[:min(3,
					len(f.Categories))], maxFeatures)
		}
		if f.Scaling != nil || f.Ordinal {
			e.Names = append(e.Names, f.Name)
			if f.Indicator {
				e.Names = append(e.Names, f.Name+" missing")
			}
			continue
		}
		for _, k := range f.Categories {
			e.Names = append(e.Names, f.Name+"="+k)
		}
		if f.Unknown {
			e.Names = append(e.Names, f.Name+" unknown")
		}
	}
	return e, nil
}

// check refuses what Fit does not make: a column of a damaged file, or one that
// overflowed.
func (f *fittedColumn) check() error {
	finite := func(v float64) bool { return !math.IsNaN(v - v) }
	if f.Name == "" || len(f.Name) > maxName {
		return fmt.Errorf("its name has %d bytes: want 1 to %d", len(f.Name), maxName)
	}
	switch f.Kind {
	case "number", "date":
		if f.Categories != nil || f.Unknown || f.Ordinal {
			return errors.New("it is of numbers and has categories")
		}
		if f.Scaling == nil {
			return errors.New("its scaling is missing")
		}
		if s := f.Scaling; !finite(s.Center) || !finite(s.Scale) || s.Scale <= 0 || f.Fill != nil && !finite(*f.Fill) {
			return fmt.Errorf("center %v, scale %v: both must be finite, and the scale above 0", s.Center, s.Scale)
		}
		if f.Indicator && f.Fill == nil {
			return errors.New("it has an indicator of what is missing, and nothing to fill it with")
		}
	case "category":
		if f.Scaling != nil || f.Fill != nil || f.Indicator {
			return errors.New("it is a category and has a scale or filling")
		}
		for i, k := range f.Categories {
			if k == "" || i > 0 && k <= f.Categories[i-1] {
				return fmt.Errorf("category %d is %q: they must ascend and not be empty", i, k)
			}
		}
		if len(f.Categories) == 0 {
			return errors.New("it has no categories")
		}
	default:
		return fmt.Errorf("a column of kind %q cannot be encoded", f.Kind)
	}
	return nil
}

// Kinds are the kinds of the encoded columns: with them in CSVOptions.Kinds a
// second file is read as the first was.
func (e *Encoder) Kinds() map[string]Kind {
	kinds := make(map[string]Kind, len(e.columns))
	for _, f := range e.columns {
		kinds[f.Name] = Kind(slices.Index(kindNames[:], f.Kind))
	}
	return kinds
}

// Categories are the texts of a category in the order of its features, or of
// its codes, which are 0 to len−1, and len for the unknown if Encoding.Unknown
// was set. nil for another column.
func (e *Encoder) Categories(column string) []string {
	for _, f := range e.columns {
		if f.Name == column {
			return slices.Clone(f.Categories)
		}
	}
	return nil
}

// Encode gives the features, [rows, len(Names)]. Columns are found by their
// names; t may have others. An error tells the row, from 0, and the column.
func (e *Encoder) Encode(t *Table) ([]float32, error) {
	if len(e.columns) == 0 {
		return nil, errors.New("tabular: this Encoder has not been fitted or loaded")
	}
	all, err := t.byName()
	if err != nil {
		return nil, err
	}
	width := 0
	for i := range e.columns {
		width += e.columns[i].width()
	}
	if t.Len() > maxEncoded/width {
		widest := slices.MaxFunc(e.columns, func(a, b fittedColumn) int { return a.width() - b.width() })
		return nil, fmt.Errorf("tabular: %d rows of %d features (%d of them are column %q's) are more than %d numbers: encode parts of the rows, or make codes of categories (Encoding.Ordinal)",
			t.Len(), width, widest.width(), widest.Name, maxEncoded)
	}
	x := make([]float32, t.Len()*width)
	at := 0
	for i := range e.columns {
		f := &e.columns[i]
		c := all[f.Name]
		if c == nil {
			return nil, t.lacks(f.Name)
		}
		if kind := c.kindOf(); kind.String() != f.Kind && (kind != Text || f.Kind != "category") {
			return nil, fmt.Errorf("tabular: column %q is of kind %v%s, and of kind %s in the training part: read it with CSVOptions.Kinds, or SetKind", f.Name, kind, c.because(), f.Kind)
		}
		if f.Scaling != nil {
			err = f.encodeNumbers(c, x[at:], width)
		} else {
			err = f.encodeCategories(c, x[at:], width)
		}
		if err != nil {
			return nil, err
		}
		at += f.width()
	}
	return x, nil
}

// Codes appends to dst the codes of a column of Encoding.Ordinal [rows], out of
// the features x [rows, len(Names)] that Encode made: the ids for an embedding
// of len(Categories) rows, and one more with Encoding.Unknown. It panics when
// column is no such column, or x no whole rows.
func (e *Encoder) Codes(dst []int32, x []float32, column string) []int32 {
	at, width := -1, 0
	for i := range e.columns {
		if f := &e.columns[i]; f.Name == column && f.Ordinal {
			at = width
		}
		width += e.columns[i].width()
	}
	if at < 0 || len(x)%width != 0 {
		panic(fmt.Sprintf("tabular: Codes: %d numbers in rows of %d, column %q: want whole rows, and a column of Encoding.Ordinal", len(x), width, column))
	}
	for i := at; i < len(x); i += width {
		dst = append(dst, int32(x[i]))
	}
	return dst
}

// encodeNumbers writes a column to the beginning of every row of x.
func (f *fittedColumn) encodeNumbers(c *Column, x []float32, width int) error {
	for i, v := range c.Numbers {
		if math.IsNaN(v) {
			if f.Fill == nil {
				return fmt.Errorf("tabular: row %d lacks a number in column %q: Fill the column first, or set Encoding.Fill", i, f.Name)
			}
			v = *f.Fill
			if f.Indicator {
				x[i*width+1] = 1
			}
		}
		var err error
		if x[i*width], err = float((v - f.Scaling.Center) / f.Scaling.Scale); err != nil {
			return fmt.Errorf("tabular: row %d, column %q: %w", i, f.Name, err)
		}
	}
	return nil
}

func (f *fittedColumn) encodeCategories(c *Column, x []float32, width int) error {
	for i, s := range c.Texts {
		k, known := slices.BinarySearch(f.Categories, s)
		if !known {
			if !f.Unknown {
				what := fmt.Sprintf("has %.40q, which the training part lacks", s)
				if s == "" {
					what = "lacks a text"
				}
				return fmt.Errorf("tabular: row %d %s in column %q: set Encoding.Unknown to give it a place", i, what, f.Name)
			}
			k = len(f.Categories)
		}
		if f.Ordinal {
			x[i*width] = float32(k)
		} else {
			x[i*width+k] = 1
		}
	}
	return nil
}

// encoderJSON is the form in which an Encoder is saved.
type encoderJSON struct {
	Columns []fittedColumn `json:"columns"`
}

// MarshalJSON writes everything that Fit learned. An Encoder that has not been
// fitted is an error.
func (e Encoder) MarshalJSON() ([]byte, error) {
	if len(e.columns) == 0 {
		return nil, errors.New("tabular: an Encoder that has not been fitted cannot be saved")
	}
	b, err := strictjson.Marshal(encoderJSON{e.columns})
	if err != nil {
		return nil, fmt.Errorf("tabular: encoder: %w", err)
	}
	return b, nil
}

// UnmarshalJSON reads what MarshalJSON wrote; e is unchanged after an error.
func (e *Encoder) UnmarshalJSON(b []byte) error {
	var j encoderJSON
	if err := strictjson.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("tabular: encoder: %w", err)
	}
	read, err := newEncoder(j.Columns)
	if err != nil {
		return err
	}
	*e = *read
	return nil
}
