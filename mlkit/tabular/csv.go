package tabular

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/encoding"
)

// CSVOptions say how to read a CSV file. The zero value reads a comma-separated
// file of UTF-8 whose first row holds the names and which lacks nothing.
type CSVOptions struct {
	Comma    rune // 0 means ','
	NoHeader bool // columns are then named "0", "1", …
	// Skip is how many lines to leave out at the beginning, whatever is in
	// them.
	Skip int
	// Missing lists what stands for a missing value besides an empty cell ("?",
	// "NA"; MissingWords are pandas'). Where it is not nil, missing cells are
	// allowed: NaN in a column of numbers or dates, "" in one of texts. Else
	// they are errors.
	Missing []string
	// Kinds are the kinds of columns by their names. Those that are not here
	// are inferred (see ReadCSV). A cell that does not fit its column's kind is
	// an error.
	Kinds map[string]Kind
	// Decimal stands before the fraction of a number, 0 means '.'. Thousands
	// may stand between groups of three digits before it, 0 means nothing may.
	Decimal, Thousands rune
	// DateLayouts are how dates are written, as package time spells it
	// ("02.01.2006"), tried in this order. None means ISO 8601: 2006-01-02,
	// with or without a time of day and an offset.
	DateLayouts []string
	// Location is where dates are that do not tell their offset, nil means UTC.
	Location *time.Location
	// MaxCategories is how many different texts a column may have to be
	// inferred a Category, 0 means 1000.
	MaxCategories int
	// Charset is how characters are encoded, nil means UTF-8.
	Charset encoding.Encoding
}

// maxColumns bounds a table, against a damaged file in which a row never ends,
// and maxName the bytes of a column's name, which is part of each of its
// features'.
const (
	maxColumns = 1 << 16
	maxName    = 1 << 10
)

// ReadCSV reads a table. Lines end in LF, CRLF or CR, blanks around a cell do
// not count, and empty lines are skipped, unless the table has one column:
// there they are missing cells, at the end, too.
//
// The kind of a column that CSVOptions.Kinds does not say is inferred:
//
//   - Number, if every cell is a decimal number ("-1.5e3"), and none has leading
//     zeros (007), is an integer beyond 2⁵³ or is beyond float64: those would be
//     merged with others.
//   - Date, if every cell is a date in one layout.
//   - Text, if at least half of the cells are numbers or dates in some notation,
//     but not all in one that is understood (1,234; 5 %; 3/4/2025; NA among
//     numbers): one category for each would be nonsense, and an [Encoder] refuses
//     it and says why.
//   - Category else, with at most MaxCategories different texts, and not more than
//     50 of them in a column where most cells occur but once; Text beyond that.
//
// Missing cells do not count. Errors tell line and column, the first ones of
// many: a row that is too long or too short, a missing value, NaN or an
// infinity in a column of numbers. Two columns of one name are an error, too,
// as are names that look like a row of numbers; NoHeader with the header
// Skipped reads them.
func ReadCSV(r io.Reader, o CSVOptions) (*Table, error) {
	in := inference{o: o, notation: notation{o.Decimal, o.Thousands, o.DateLayouts, o.Location}}
	if err := in.check(); err != nil {
		return nil, err
	}
	text, err := source(r, o.Charset, o.Skip)
	if err != nil {
		return nil, err
	}
	c := csv.NewReader(text)
	if o.Comma != 0 {
		c.Comma = o.Comma
	}
	c.ReuseRecord = true
	c.FieldsPerRecord = -1 // checked here: the message is to name both lengths
	var columns []cells
	next := 1 // the line where the next record is to begin
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
		for i, f := range record {
			if err := checkText(f, o.Charset); err != nil {
				return nil, fmt.Errorf("line %d, field %d: %w", line+o.Skip, i+1, err)
			}
		}
		if row == 0 {
			if columns, err = header(record, o); err != nil {
				return nil, fmt.Errorf("line %d %w", line+o.Skip, err)
			}
			if !o.NoHeader {
				next = line
			}
		}
		if len(record) != len(columns) {
			return nil, fmt.Errorf("line %d has %d fields, the first row has %d", line+o.Skip, len(record), len(columns))
		}
		in.emptyLines(columns, next, line)
		next = line + 1
		for _, f := range record {
			next += strings.Count(f, "\n")
		}
		if row == 0 && !o.NoHeader {
			continue
		}
		for i, f := range record {
			if !columns[i].add(strings.TrimSpace(f)) {
				return nil, fmt.Errorf("line %d, column %q: more than 4 GB of text in one column", line+o.Skip, columns[i].name)
			}
		}
		in.lines = append(in.lines, line+o.Skip)
	}
	if len(columns) == 0 {
		return nil, errors.New("there are no rows")
	}
	in.emptyLines(columns, next, text.count+1)
	t := &Table{Columns: make([]Column, len(columns))}
	known := 0
	for i := range columns {
		kind, said := o.Kinds[columns[i].name]
		if said {
			known++
		}
		if t.Columns[i], err = in.column(&columns[i], kind); err != nil {
			return nil, err
		}
		columns[i] = cells{} // the memory is no longer needed
	}
	if known < len(o.Kinds) {
		for name := range o.Kinds {
			if _, err := t.Column(name); err != nil {
				return nil, fmt.Errorf("CSVOptions.Kinds: %w", err)
			}
		}
	}
	return t, nil
}

// emptyLines adds the lines from from to before to, which are empty, to a table
// of one column.
func (in *inference) emptyLines(columns []cells, from, to int) {
	if len(columns) == 1 {
		for ; from < to; from++ {
			columns[0].add("")
			in.lines = append(in.lines, from+in.o.Skip)
		}
	}
}

func header(record []string, o CSVOptions) ([]cells, error) {
	if len(record) > maxColumns {
		return nil, fmt.Errorf("has %d fields, at most %d are allowed", len(record), maxColumns)
	}
	if k := strings.IndexAny(record[0], ";\t|"); len(record) == 1 && k >= 0 && o.Comma == 0 && !o.NoHeader {
		return nil, fmt.Errorf("is one field, %.60q: set CSVOptions.Comma to %q, or to ',' if that is the name of the only column", record[0], record[0][k])
	}
	columns, seen := make([]cells, len(record)), make(map[string]bool, len(record))
	for i, f := range record {
		if f = strings.TrimSpace(f); o.NoHeader {
			f = strconv.Itoa(i)
		}
		if len(f) > maxName {
			return nil, fmt.Errorf("has a name of %d bytes for column %d, at most %d are allowed: %.40q…", len(f), i, maxName, f)
		}
		if seen[f] {
			return nil, fmt.Errorf("has two columns that are named %q", f)
		}
		seen[f], columns[i].name = true, strings.Clone(f)
	}
	if f := rowOfNumbers(columns); f != "" && !o.NoHeader {
		return nil, fmt.Errorf("has the number %s where the name of a column should be: set CSVOptions.NoHeader if the file has no names; if it has these, Skip them, too, and set Column.Name", f)
	}
	return columns, nil
}

// rowOfNumbers gives a number among the names of columns that makes them look
// like a row of the table, "" if there is none. Names are years or places,
// which ascend or descend, one by one where all names are numbers.
func rowOfNumbers(columns []cells) string {
	var numbers []float64
	others, last, turns := 0, 0., false
	for _, c := range columns {
		v, is := (notation{}).parse(c.name)
		if c.name == "" {
			continue // of an index
		}
		if is == isNumber && strings.Contains(c.name, ".") {
			return c.name
		}
		if is != isNumber || strings.ContainsAny(c.name, "eE") {
			others++
			continue
		}
		numbers = append(numbers, v)
		if k := len(numbers); k == 2 {
			last = v - numbers[0]
		} else if k > 2 {
			turns = turns || (v-numbers[k-2])*last <= 0
		}
	}
	switch n := len(numbers); {
	case n == 0:
		return ""
	case n == 1 && others == 0 && numbers[0] != 0, turns:
		return number(numbers[0])
	case others == 0:
		for i, v := range numbers[1:] {
			if math.Abs(v-numbers[i]) != 1 {
				return number(v)
			}
		}
	}
	return ""
}

// cells are those of one column, one after the other: a tenth of the memory of
// as many strings.
type cells struct {
	name string
	text []byte
	ends []uint32
	all  string // text, when it is complete
}

func (c *cells) add(s string) bool {
	c.text = append(c.text, s...)
	c.ends = append(c.ends, uint32(len(c.text)))
	return len(c.text) <= math.MaxUint32
}

func (c *cells) len() int { return len(c.ends) }

// finish is called after the last add.
func (c *cells) finish() { c.all, c.text = string(c.text), nil }

// at is a cell: a part of all, which it keeps in memory.
func (c *cells) at(i int) string {
	from := uint32(0)
	if i > 0 {
		from = c.ends[i-1]
	}
	return c.all[from:c.ends[i]]
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
