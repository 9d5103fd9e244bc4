package tabular

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// A Column holds numbers, where its kind is Number or Date, or texts.
type Column struct {
	Name string
	Kind Kind

	Numbers []float64 // nil for a column of texts; NaN is missing
	Texts   []string  // nil for a column of numbers; "" is missing

	note string // why it is Text, for messages
}

// kindOf is the kind, also of a column made by hand.
func (c *Column) kindOf() Kind {
	switch {
	case c.Kind != Auto:
		return c.Kind
	case c.Numbers != nil:
		return Number
	}
	return Category
}

// Len is the number of rows.
func (c *Column) Len() int { return max(len(c.Numbers), len(c.Texts)) }

// Missing is the number of cells in which nothing is.
func (c *Column) Missing() int {
	n := 0
	for _, v := range c.Numbers {
		if math.IsNaN(v) {
			n++
		}
	}
	for _, s := range c.Texts {
		if s == "" {
			n++
		}
	}
	return n
}

// present are the numbers that are not missing, ascending.
func (c *Column) present() []float64 {
	v := slices.DeleteFunc(slices.Clone(c.Numbers), math.IsNaN)
	slices.Sort(v)
	return v
}

// Mean is the mean of the numbers that are not missing, NaN if there are none:
// of the training part, a value to fill gaps with.
func (c *Column) Mean() float64 {
	var mean, n float64
	for _, v := range c.Numbers {
		if !math.IsNaN(v) {
			n++
			mean += (v - mean) / n // a sum might overflow
		}
	}
	if n == 0 {
		return math.NaN()
	}
	return mean
}

// Median is the median of the numbers that are not missing, the mean of the
// middle two where their count is even, NaN if there are none.
func (c *Column) Median() float64 { return median(c.present()) }

func median(ascending []float64) float64 {
	n := len(ascending)
	if n == 0 {
		return math.NaN()
	}
	return ascending[(n-1)/2] + (ascending[n/2]-ascending[(n-1)/2])/2
}

// Fill puts v where a number is missing. It panics on a column of texts, which
// FillText fills.
func (c *Column) Fill(v float64) {
	if c.Numbers == nil && c.Texts != nil {
		panic(fmt.Sprintf("tabular: Fill: column %q holds texts: use FillText", c.Name))
	}
	for i, x := range c.Numbers {
		if math.IsNaN(x) {
			c.Numbers[i] = v
		}
	}
}

// FillText puts v where a text is missing. It panics on a column of numbers.
func (c *Column) FillText(v string) {
	if c.Numbers != nil {
		panic(fmt.Sprintf("tabular: FillText: column %q holds numbers: use Fill", c.Name))
	}
	for i, s := range c.Texts {
		if s == "" {
			c.Texts[i] = v
		}
	}
}

// Time is the date in row i of a column of dates, in UTC, the zero time where
// it is missing. Between 1791 and 2149 it is true to the microsecond, beyond
// that to a few.
func (c *Column) Time(i int) time.Time {
	days := c.Numbers[i]
	if math.IsNaN(days) {
		return time.Time{}
	}
	whole := math.Floor(days)
	return time.Unix(int64(whole)*86400, 0).Add(time.Duration((days-whole)*86400e6+0.5) * time.Microsecond).UTC()
}

// daysOf is a time as a column of dates keeps it.
func daysOf(t time.Time) float64 {
	day := math.Floor(float64(t.Unix()) / 86400)
	return day + (float64(t.Unix())-day*86400+float64(t.Nanosecond())/1e9)/86400
}

// names are the cells as texts, "" where one is missing.
func (c *Column) names() []string {
	if c.Numbers == nil {
		return c.Texts
	}
	out := make([]string, len(c.Numbers))
	for i := range out {
		out[i] = c.cell(i)
	}
	return out
}

// cell is the text of row i, "" where it is missing.
func (c *Column) cell(i int) string {
	switch {
	case c.Numbers == nil:
		return c.Texts[i]
	case math.IsNaN(c.Numbers[i]):
		return ""
	case c.Kind == Date:
		t := c.Time(i)
		if t.Equal(t.Truncate(24 * time.Hour)) {
			return t.Format(time.DateOnly)
		}
		return t.Format("2006-01-02 15:04:05.999999")
	}
	return number(c.Numbers[i])
}

// number writes a number for people: 1234567, not 1.234567e+06. −0 is 0.
func number(v float64) string {
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return strconv.FormatFloat(v+0, 'f', -1, 64)
}

// distinct are the different texts that are not missing, ascending.
func distinct(texts []string) []string {
	seen := map[string]bool{}
	for _, s := range texts {
		seen[s] = s != ""
	}
	out := make([]string, 0, len(seen))
	for s, there := range seen {
		if there {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return out
}
