package tabular

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
		return nil, fmt.Errorf("tabular: %w", err)
	}
	defer f.Close()
	t, err := ReadCSV(f, o)
	if err != nil {
		return nil, fmt.Errorf("tabular: %s: %w", path, err)
	}
	return t, nil
}
