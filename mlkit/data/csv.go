package data

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
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

// CSVOptions say how to read a CSV file. The zero value reads a comma-separated
// file whose first row holds the names and which lacks nothing.
type CSVOptions struct {
	Comma    rune // 0 means ','
	NoHeader bool // columns are then named "0", "1", …
	// Skip is how many lines to leave out at the beginning, whatever is in them.
	Skip int
	// Missing lists what stands for a missing value besides an empty cell
	// ("?", "NA"). Where it is not nil, missing cells are allowed: NaN in a
	// column of numbers, "" in one of texts. Else they are errors.
	Missing []string
	// Text names columns that are texts even if every cell is a number (codes
	// of categories).
	Text []string
}

// maxColumns bounds a table, against a damaged file in which a row never ends.
const maxColumns = 1 << 16

// ReadCSV reads a table. Errors tell line and column: a row that is too long
// or too short, a missing value, NaN, an infinity. Two columns of one name are
// an error, too; NoHeader with the header Skipped reads them.
func ReadCSV(r io.Reader, o CSVOptions) (*Table, error) {
	b := bufio.NewReader(r)
	if mark, _ := b.Peek(3); string(mark) == "\ufeff" { // Excel's; before a quote it is no CSV
		_, _ = b.Discard(3)
	}
	for range o.Skip { // not records: a remark may hold quotes, and a line be empty
		for more := true; more; {
			var err error
			if _, more, err = b.ReadLine(); err == io.EOF {
				break
			} else if err != nil {
				return nil, err
			}
		}
	}
	c := csv.NewReader(b)
	if o.Comma != 0 {
		c.Comma = o.Comma
	}
	c.ReuseRecord = true
	c.FieldsPerRecord = -1 // checked here: the message is to name both lengths
	var t Table
	var lines []int
	for row := 0; ; row++ {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if bad := (*csv.ParseError)(nil); errors.As(err, &bad) {
			bad.StartLine, bad.Line = bad.StartLine+o.Skip, bad.Line+o.Skip
		}
		if err != nil {
			return nil, err
		}
		line, _ := c.FieldPos(0)
		line += o.Skip
		if row == 0 {
			if len(record) > maxColumns {
				return nil, fmt.Errorf("line %d has %d fields, at most %d are allowed", line, len(record), maxColumns)
			}
			for i, f := range record {
				if o.NoHeader {
					f = strconv.Itoa(i)
				}
				f = strings.TrimSpace(f)
				if slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Name == f }) {
					return nil, fmt.Errorf("line %d: two columns are named %q", line, f)
				}
				t.Columns = append(t.Columns, Column{Name: f})
			}
			if !o.NoHeader {
				continue
			}
		}
		if len(record) != len(t.Columns) {
			return nil, fmt.Errorf("line %d has %d fields, the first row has %d", line, len(record), len(t.Columns))
		}
		for i, f := range record {
			t.Columns[i].Texts = append(t.Columns[i].Texts, strings.TrimSpace(f))
		}
		lines = append(lines, line)
	}
	if len(t.Columns) == 0 {
		return nil, errors.New("there are no rows")
	}
	for i := range t.Columns {
		if err := t.Columns[i].finish(o, lines); err != nil {
			return nil, err
		}
	}
	return &t, nil
}

// finish turns a column of texts into numbers where all of it are.
func (c *Column) finish(o CSVOptions, lines []int) error {
	numbers, isText := make([]float64, len(c.Texts)), slices.Contains(o.Text, c.Name)
	any := false
	for i, f := range c.Texts {
		if f == "" || slices.Contains(o.Missing, f) {
			if o.Missing == nil {
				return fmt.Errorf("line %d, column %q: the cell is empty; set CSVOptions.Missing to allow that", lines[i], c.Name)
			}
			c.Texts[i], numbers[i] = "", math.NaN()
			continue
		}
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			isText = true
			continue
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			if !isText {
				return fmt.Errorf("line %d, column %q: %q is no finite number; list it in CSVOptions.Missing if it stands for a missing value", lines[i], c.Name, f)
			}
			continue
		}
		numbers[i], any = v, true
	}
	if !isText && any {
		c.Numbers, c.Texts = numbers, nil
	}
	return nil
}

// LoadCSV reads the table in a file. Errors name the file, too.
func LoadCSV(path string, o CSVOptions) (*Table, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	defer f.Close()
	t, err := ReadCSV(f, o)
	if err != nil {
		return nil, fmt.Errorf("data: %s: %w", path, err)
	}
	return t, nil
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
	return nil, fmt.Errorf("data: the table has no column %q; it has %s", name, strings.Join(t.Names(), ", "))
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
			return nil, nil, fmt.Errorf("data: row %d has no label in column %q", i, name)
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
			return nil, fmt.Errorf("data: column %q holds numbers in one table and texts in the other", name)
		}
		for i := range t.Len() {
			if cats == nil {
				if math.IsNaN(c.Numbers[i]) {
					return nil, fmt.Errorf("data: row %d lacks a number in column %q: Fill the column first", i, name)
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

// Classification makes samples of a table: the named column is the label, all
// others are features, encoded by enc, or, when it is nil, by an encoder of the
// table itself. Labels number the classes of this table: of two tables, those
// mean the same only where the classes are equal (Rows of one table may lack
// some; make the samples of all rows and divide those, see Subset).
func (t *Table) Classification(label string, enc *Encoder) (set Dataset, classes []string, err error) {
	labels, classes, err := t.Labels(label)
	if err != nil {
		return nil, nil, err
	}
	x, width, err := t.features(label, enc)
	if err != nil {
		return nil, nil, err
	}
	return FromLabels(x, []int{width}, labels), classes, nil
}

// Regression makes samples of a table: the named column of numbers is the
// target [1], the others are features, as in Classification.
func (t *Table) Regression(target string, enc *Encoder) (Dataset, error) {
	c, err := t.Column(target)
	if err != nil {
		return nil, err
	}
	if c.Numbers == nil {
		return nil, fmt.Errorf("data: column %q holds texts: it cannot be a target", target)
	}
	y := make([]float32, len(c.Numbers))
	for i, v := range c.Numbers {
		if math.IsNaN(v) {
			return nil, fmt.Errorf("data: row %d lacks its target in column %q", i, target)
		}
		y[i] = float32(v)
	}
	x, width, err := t.features(target, enc)
	if err != nil {
		return nil, err
	}
	return FromSlices(x, []int{width}, y, []int{1}), nil
}

func (t *Table) features(without string, enc *Encoder) (x []float32, width int, err error) {
	if enc == nil {
		if enc, err = NewEncoder(t, t.Names(without)...); err != nil {
			return nil, 0, err
		}
	}
	x, err = enc.Encode(t)
	return x, len(enc.Names), err
}
