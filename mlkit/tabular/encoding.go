package tabular

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Scaling is how an [Encoder] brings numbers and dates to a common scale. It is
// computed in float64 before a feature becomes a float32, so that large numbers
// that differ little (times, identities of months) stay different.
type Scaling uint8

const (
	// Unscaled leaves numbers as they are; dates are days since the earliest of
	// the training part.
	Unscaled Scaling = iota
	// Standard brings them to mean 0 and standard deviation 1 (the biased one,
	// as scikit-learn's StandardScaler).
	Standard
	// MinMax brings the smallest to 0 and the largest to 1.
	MinMax
)

// Filling is what an [Encoder] puts where a number or date is missing.
type Filling uint8

const (
	// Refuse puts nothing: a missing number is an error.
	Refuse Filling = iota
	// FillMean puts the mean of the training part.
	FillMean
	// FillMedian puts its median.
	FillMedian
)

// Encoding says how columns become features. The zero value takes numbers as
// they are and makes of a category one feature for each text, 1 in its place
// and 0 elsewhere (one-hot); a missing cell, or a text that the training part
// lacks, is an error.
type Encoding struct {
	// Scale is for numbers and dates. Categories, codes and indicators are
	// never scaled. A constant column is only centred.
	Scale Scaling
	// Fill is for missing numbers and dates. With Indicator, a column that
	// lacks some in the training part gets a second feature, "age missing", 1
	// where it does.
	Fill      Filling
	Indicator bool
	// Unknown gives every category one more place, the last, for cells that are
	// missing or whose text the training part lacks.
	Unknown bool
	// Ordinal names categories that become one feature each, the number of the
	// text in the order of Encoder.Categories, for an embedding: see
	// Encoder.Codes.
	Ordinal []string
}

// maxFeatures bounds an encoder, maxEncoded the numbers that one call of Encode
// makes: 4 GiB.
const (
	maxFeatures = 1 << 16
	maxEncoded  = 1 << 30
)

// NewEncoder fits the zero Encoding.
func NewEncoder(train *Table, columns ...string) (*Encoder, error) {
	return Encoding{}.Fit(train, columns...)
}

// Fit learns from the training part how to encode the named columns, all when
// none is named: the categories, the scales and what fills gaps. A column that
// cannot be a feature is an error that says why: one of kind Text, one in which
// every cell is missing, one that has more different texts than an inferred
// Category may have without having been declared one.
func (o Encoding) Fit(train *Table, columns ...string) (*Encoder, error) {
	if len(columns) == 0 {
		columns = train.Names()
	}
	return o.fit(train, columns)
}

func (o Encoding) fit(train *Table, columns []string) (*Encoder, error) {
	if o.Scale > MinMax || o.Fill > FillMedian {
		return nil, fmt.Errorf("tabular: no such Encoding: %+v", o)
	}
	if o.Indicator && o.Fill == Refuse {
		return nil, errors.New("tabular: Encoding.Indicator marks what Fill fills: set Fill, too")
	}
	all, err := train.byName()
	if err != nil {
		return nil, err
	}
	for _, name := range o.Ordinal {
		if !slices.Contains(columns, name) {
			return nil, fmt.Errorf("tabular: Encoding.Ordinal names %q, which is not among the columns to encode", name)
		}
	}
	ordinal := make(map[string]bool, len(o.Ordinal))
	for _, name := range o.Ordinal {
		ordinal[name] = true
	}
	var fitted []fittedColumn
	for _, name := range columns {
		c := all[name]
		if c == nil {
			return nil, train.lacks(name)
		}
		if name == "" {
			return nil, errors.New(`tabular: a column without a name, often the row numbers that pandas writes: Drop("") it, or name it`)
		}
		if c.Missing() == c.Len() {
			return nil, fmt.Errorf("tabular: column %q has no value in any of the %d rows: Drop it", name, c.Len())
		}
		if ordinal[name] && c.kindOf() != Category {
			return nil, fmt.Errorf("tabular: Encoding.Ordinal names %q, which is of kind %v, not category", name, c.kindOf())
		}
		f := fittedColumn{Name: name, Kind: c.kindOf().String()}
		switch c.kindOf() {
		case Number, Date:
			if f.numbers(c, o); *f.Scaling == (fittedScale{0, 1}) {
				if err := keptByFloat32(c.present()); err != nil {
					return nil, fmt.Errorf("tabular: column %q: %w: set Encoding.Scale", name, err)
				}
			}
		case Category:
			f.Categories, f.Unknown, f.Ordinal = distinct(c.Texts), o.Unknown, ordinal[name]
			if c.Kind == Auto && len(f.Categories) > maxCategories {
				return nil, fmt.Errorf("tabular: column %q has %d different texts (%.100q, …); set its Kind to Category if each is to be a feature", name, len(f.Categories), f.Categories[:3])
			}
		default:
			return nil, fmt.Errorf("tabular: column %q is text%s: it cannot be a feature. Say in CSVOptions how to read it (Kinds, Missing, Decimal, Thousands, DateLayouts), or Drop it", name, c.because())
		}
		fitted = append(fitted, f)
	}
	return newEncoder(fitted)
}

// numbers learns of a column of numbers or dates.
func (f *fittedColumn) numbers(c *Column, o Encoding) {
	v := c.present()
	mean := c.Mean()
	scale := fittedScale{Scale: 1}
	switch lo, hi := v[0], v[len(v)-1]; {
	case o.Scale == Standard:
		var sum float64
		for _, x := range v {
			sum += (x - mean) / float64(len(v)) * (x - mean)
		}
		scale.Center, scale.Scale = mean, math.Sqrt(sum)
		if lo == hi { // a sum of rounding errors would blow up
			scale = fittedScale{lo, 1}
		}
	case o.Scale == MinMax:
		scale = fittedScale{lo, hi - lo}
		if lo == hi {
			scale.Scale = 1
		}
	case c.Kind == Date:
		scale.Center = lo
	}
	f.Scaling = &scale
	switch o.Fill {
	case FillMean:
		f.Fill = &mean
	case FillMedian:
		m := median(v)
		f.Fill = &m
	}
	f.Indicator = o.Indicator && len(v) < c.Len()
}
