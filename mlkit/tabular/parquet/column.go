package parquet

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"descent/mlkit/tabular"
)

// errMissing is the error of a cell in which nothing is.
var errMissing = errors.New("nothing is there; set Options.Missing to allow that")

// column reads one column of all row groups.
func column(f *parquet.File, c *parquet.Column, o *Options) (tabular.Column, error) {
	if !c.Leaf() || c.Repeated() {
		return tabular.Column{}, errors.New("a list, map or group does not fit into a table; Options.Columns leaves it out")
	}
	d, err := decoderOf(c, f)
	if err != nil {
		return tabular.Column{}, err
	}
	if c.Type().Kind() == parquet.Boolean && runLength(f, c) {
		return tabular.Column{}, errors.New("holds booleans in runs, which the library that decodes files reads wrongly (version 0.32): write the file with data pages of version 1, or the column as integers")
	}
	for _, g := range f.Metadata().RowGroups {
		if g.Columns[c.Index()].MetaData.Codec == format.Lz4Raw { // a damaged block would take all memory
			return tabular.Column{}, errors.New("is compressed by LZ4, which cannot be read safely: write the file with another compression, such as snappy or zstd")
		}
	}
	out, kind := tabular.Column{Name: c.Name(), Kind: o.Kinds[c.Name()]}, d.kind
	texts := kind == tabular.Category
	switch out.Kind {
	case tabular.Auto:
		out.Kind = kind
	case tabular.Category, tabular.Text:
		if kind == tabular.Date {
			return out, errors.New("holds dates, which cannot be read as texts: Table.SetKind makes texts of them")
		}
		texts = true
	default:
		if out.Kind != kind {
			return out, fmt.Errorf("holds %v, not %v; Table.SetKind reads numbers and dates in texts", kind, out.Kind)
		}
	}
	rows := int(f.NumRows())
	if rows < 0 {
		return out, fmt.Errorf("the file says that it has %d rows", rows)
	}
	if texts {
		out.Texts = []string{}
	} else {
		out.Numbers = []float64{}
	}
	one := map[string]string{} // each text once
	err = eachValue(f, c, func(v parquet.Value) error {
		if texts {
			s, err := d.textOf(v)
			if err == errMissing && o.Missing {
				s, err = "", nil
			}
			if err != nil {
				return err
			}
			shared, known := one[s]
			if !known {
				shared = s
				one[s] = s
			}
			out.Texts = append(out.Texts, shared)
			return nil
		}
		x, err := d.numberOf(v)
		if err == errMissing && o.Missing {
			x, err = math.NaN(), nil
		}
		out.Numbers = append(out.Numbers, x)
		return err
	})
	if err != nil {
		return out, err
	}
	if n := out.Len(); n != rows {
		return out, fmt.Errorf("has %d cells in a file of %d rows: it is damaged", n, rows)
	}
	if out.Kind == tabular.Category && o.Kinds[c.Name()] == tabular.Auto {
		delete(one, "")
		limit := o.MaxCategories
		if limit == 0 {
			limit = 1000
		}
		// As package tabular infers it from a CSV file.
		if len(one) > limit || len(one) > 50 && 2*len(one) > rows-out.Missing() {
			out.Kind = tabular.Text
		}
	}
	return out, nil
}

// runLength reports whether the values of a column, not their levels alone, are
// encoded in runs. The library takes a run of k booleans for k/8 bytes.
func runLength(f *parquet.File, c *parquet.Column) bool {
	for _, g := range f.Metadata().RowGroups {
		m := g.Columns[c.Index()].MetaData
		for _, s := range m.EncodingStats {
			if s.Encoding == format.RLE && s.PageType != format.DictionaryPage {
				return true
			}
		}
		if len(m.EncodingStats) == 0 && slices.Contains(m.Encoding, format.RLE) &&
			!slices.Contains(m.Encoding, format.Plain) {
			return true
		}
	}
	return false
}

// eachValue calls use with the cells of a column, and names the row in its
// errors.
func eachValue(f *parquet.File, c *parquet.Column, use func(parquet.Value) error) error {
	row := 0
	values := make([]parquet.Value, 512)
	for _, g := range f.RowGroups() {
		err := func() error {
			pages := g.ColumnChunks()[c.Index()].Pages()
			defer pages.Close()
			for {
				page, err := pages.ReadPage()
				if err == io.EOF {
					return nil
				}
				if err != nil {
					return err
				}
				r := page.Values()
				for {
					n, err := r.ReadValues(values)
					for _, v := range values[:n] {
						if err := use(v); err != nil {
							return err
						}
						row++
					}
					if err == io.EOF || err == nil && n == 0 {
						break
					}
					if err != nil {
						return err
					}
				}
				parquet.Release(page)
			}
		}()
		if err != nil {
			return fmt.Errorf("row %d: %w", row, err)
		}
	}
	return nil
}

// textOf is a cell as a text.
func (d *decoder) textOf(v parquet.Value) (string, error) {
	if v.IsNull() {
		return "", errMissing
	}
	if d.text == nil { // codes
		if d.name != nil {
			return d.name(v)
		}
		return "", errors.New("only integers and booleans among numbers can be read as texts")
	}
	s, err := d.text(v)
	switch {
	case err != nil:
		return "", err
	case s == "":
		return "", errMissing
	case !utf8.ValidString(s):
		return "", fmt.Errorf("%.40q is no text in UTF-8", s)
	}
	return s, nil
}

// numberOf is a cell as a number.
func (d *decoder) numberOf(v parquet.Value) (float64, error) {
	if v.IsNull() {
		return 0, errMissing
	}
	x, err := d.number(v)
	switch {
	case err != nil:
		return 0, err
	case math.IsNaN(x):
		return 0, errMissing
	case math.IsInf(x, 0):
		return 0, fmt.Errorf("%v cannot be used; replace it in the file", x)
	}
	return x, nil
}
