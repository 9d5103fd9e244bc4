package tabular_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"descent/mlkit/tabular"
)

// flat writes a table for comparison: names and cells, | between columns.
func flat(t *tabular.Table) string {
	var b strings.Builder
	b.WriteString(strings.Join(t.Names(), "|"))
	for i := range t.Len() {
		b.WriteString("\n")
		for j, c := range t.Columns {
			if j > 0 {
				b.WriteString("|")
			}
			if c.Numbers != nil {
				fmt.Fprint(&b, c.Numbers[i])
			} else {
				b.WriteString(c.Texts[i])
			}
		}
	}
	return b.String()
}

// The same bytes give the same table however they arrive: at once, one by one,
// or with an error at the end of the last part.
func TestLineEndsMarksAndBlanks(t *testing.T) {
	for text, want := range map[string]string{
		"a,b\n1,x\n2,y\n":                    "a|b\n1|x\n2|y",
		"a,b\n1,x\n2,y":                      "a|b\n1|x\n2|y",
		"a,b\r\n1,x\r\n2,y\r\n":              "a|b\n1|x\n2|y",
		"a,b\r1,x\r2,y\r":                    "a|b\n1|x\n2|y",
		"a,b\r1,x\r2,y":                      "a|b\n1|x\n2|y",
		"a,b\n1,x\r\n2,y\r3,z\n":             "a|b\n1|x\n2|y\n3|z",
		"a,b\r\r\n1,x\r\r\n":                 "a|b\n1|x",
		"a,b\r1,\"x\ry\"\r2,\"p\r\nq\"\r":    "a|b\n1|x\ry\n2|p\nq",
		"a,b\n1,\"x\ny\"\n2,\"p \"\"q\"\"\"": "a|b\n1|x\ny\n2|p \"q\"",
		"\ufeffa,b\r1,x":                     "a|b\n1|x",
		"\ufeff\"a\",b\n1,x":                 "a|b\n1|x",
		"\n\na,b\n\n1,x\n\n\n2,y\n\n":        "a|b\n1|x\n2|y",
		" a\t, b \n\t1 ,\u00a0x\u3000\n":     "a|b\n1|x",
		"a,b\n1,x\n2,y\n\n\n":                "a|b\n1|x\n2|y",
		"a,b\n":                              "a|b",
	} {
		for how, r := range map[string]io.Reader{"whole": strings.NewReader(text), "bytes": iotest.OneByteReader(strings.NewReader(text)), "data and error": iotest.DataErrReader(strings.NewReader(text))} {
			table, err := tabular.ReadCSV(r, tabular.CSVOptions{})
			if err != nil {
				t.Errorf("%q, %s: %v", text, how, err)
			} else if got := flat(table); got != want {
				t.Errorf("%q, %s: %q, want %q", text, how, got, want)
			}
		}
	}
	if _, err := tabular.ReadCSV(iotest.ErrReader(io.ErrClosedPipe), tabular.CSVOptions{}); err != io.ErrClosedPipe {
		t.Error(err)
	}
}

// In a table of one column an empty line is a missing cell: so polars 2.1
// writes null, at the end, too.
func TestEmptyLinesOfOneColumn(t *testing.T) {
	const text = "y\r\n1\r\n\r\n\"2\r\n3\"\r\n\r\n\r\n4\r\n\r\n"
	if _, err := tabular.ReadCSV(strings.NewReader(text), tabular.CSVOptions{}); err == nil || !strings.Contains(err.Error(), `line 3, column "y": the cell is empty`) || !strings.Contains(err.Error(), "(4 cells are: lines 3, 6, 7, …)") {
		t.Error(err)
	}
	table, err := tabular.ReadCSV(strings.NewReader(text), tabular.CSVOptions{Missing: []string{}})
	if err != nil || flat(table) != "y\n1\n\n2\n3\n\n\n4\n" || table.Len() != 7 {
		t.Errorf("%q %v", flat(table), err)
	}
	table, err = tabular.ReadCSV(strings.NewReader("note\n\n1\n\n"), tabular.CSVOptions{NoHeader: true, Skip: 1, Missing: []string{}})
	if err != nil || flat(table) != "0\nNaN\n1\nNaN" {
		t.Errorf("%q %v", flat(table), err)
	}
}

// A first row that is no row of names is not taken for one.
func TestRowInPlaceOfNames(t *testing.T) {
	for text, bad := range map[string]string{
		"5,3,2\n1,8,2\n":                    "number 3",
		"3,female,22,7\n1,male,38,71\n":     "number 3",
		"5\n3\n":                            "number 5",
		"3,7\n1,2\n":                        "number 7",
		"0.5,a\n1,2\n":                      "number 0.5",
		",0,2\n0,1,2\n":                     "number 2",
		"0,1,2\n4,4,1\n":                    "",
		",0,1,2\n0,4,4,1\n":                 "",
		"0\n4\n":                            "",
		"country,2020,2019,2018\nx,4,4,1\n": "",
		"country,1990,2000,2018\nx,4,4,1\n": "",
		"a,1e5,2\n4,4,1\n":                  "",
	} {
		_, err := tabular.ReadCSV(strings.NewReader(text), tabular.CSVOptions{})
		if (err == nil) != (bad == "") || err != nil && !(strings.Contains(err.Error(), bad) && strings.Contains(err.Error(), "NoHeader")) {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := tabular.ReadCSV(strings.NewReader(text), tabular.CSVOptions{NoHeader: true}); err != nil && !strings.Contains(text, ",0") {
			t.Errorf("%q without names: %v", text, err)
		}
	}
}

// CRLF counts as one end of a line also where a read ends between the two.
func TestLineEndsAcrossReads(t *testing.T) {
	for _, row := range []string{"1\r\n", "10\r\n", "12345\r\n"} {
		table, err := tabular.ReadCSV(strings.NewReader("y\r\n"+strings.Repeat(row, 100_000)), tabular.CSVOptions{})
		if err != nil || table.Len() != 100_000 {
			t.Errorf("%q: %d rows, %v", row, table.Len(), err)
		}
	}
}

func TestSkippedLinesEndAnyhow(t *testing.T) {
	for _, preamble := range []string{"x\r\"y\r", "x\r\n\"y\r\n", "x\n\"y\n", "\r\n\r\n", "\r\r"} {
		table, err := tabular.ReadCSV(strings.NewReader(preamble+"a,b\r1,x\r"), tabular.CSVOptions{Skip: 2})
		if err != nil || flat(table) != "a|b\n1|x" {
			t.Errorf("%q: %v %v", preamble, table, err)
		}
	}
}

func TestCharsets(t *testing.T) {
	const text = "名,b\r\nété,1\r\n年龄,2\r\n"
	const latin = "nom,b\r\nété,1\r\n"
	utf16 := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
	for name, c := range map[string]struct {
		text    string
		charset encoding.Encoding
		unsaid  string // the error when the charset is not said
	}{
		"UTF-16":          {text, utf16, "is UTF-16: set CSVOptions.Charset"},
		"UTF-16, big":     {text, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), "is UTF-16: set CSVOptions.Charset"},
		"UTF-16, no mark": {latin, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), ""},
		"GB18030":         {text, simplifiedchinese.GB18030, "is not UTF-8: set CSVOptions.Charset"},
		"Latin-1":         {latin, charmap.ISO8859_1, "line 2, field 1: "},
		"Windows":         {latin, charmap.Windows1252, `"\xe9t\xe9" is not UTF-8`},
	} {
		b, err := c.charset.NewEncoder().String(c.text)
		if err != nil {
			t.Fatal(err)
		}
		table, err := tabular.ReadCSV(strings.NewReader(b), tabular.CSVOptions{Charset: c.charset})
		if want := strings.ReplaceAll(strings.TrimSpace(strings.ReplaceAll(c.text, "\r\n", "\n")), ",", "|"); err != nil || flat(table) != want {
			t.Errorf("%s: %v %v", name, table, err)
		}
		if _, err := tabular.ReadCSV(strings.NewReader(b), tabular.CSVOptions{}); err == nil || !strings.Contains(err.Error(), c.unsaid) {
			t.Errorf("%s, unsaid: %v", name, err)
		}
	}
	for text, why := range map[string]string{"a\x00\n\x001\x00\n": "zero bytes", "a,b\n1,\xff": "not UTF-8", "a\xc3,b\n": "line 1, field 1"} {
		if _, err := tabular.ReadCSV(strings.NewReader(text), tabular.CSVOptions{}); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q in it", text, err, why)
		}
	}
	// half a character at the end, and a charset that is another
	for _, text := range []string{"\xff\xfea\x00\n\x001", "\xff\xfea\x00\n\x00\x00\xd8\n\x00"} {
		if table, err := tabular.ReadCSV(strings.NewReader(text), tabular.CSVOptions{Charset: utf16}); err == nil {
			t.Errorf("%q: %v", text, table)
		}
	}
}

// A file with another comma is not a table of one column.
func TestAnotherComma(t *testing.T) {
	for _, comma := range []string{";", "\t", "|"} {
		text := "a,b\n1,2\n"
		text = strings.ReplaceAll(text, ",", comma)
		if _, err := tabular.ReadCSV(strings.NewReader(text), tabular.CSVOptions{}); err == nil || !strings.Contains(err.Error(), "line 1 is one field") || !strings.Contains(err.Error(), "CSVOptions.Comma") {
			t.Errorf("%q: %v", comma, err)
		}
		if table, err := tabular.ReadCSV(strings.NewReader(text), tabular.CSVOptions{Comma: []rune(comma)[0]}); err != nil || flat(table) != "a|b\n1|2" {
			t.Errorf("%q: %v %v", comma, table, err)
		}
		if table, err := tabular.ReadCSV(strings.NewReader(text), tabular.CSVOptions{Comma: ','}); err != nil || len(table.Columns) != 1 {
			t.Errorf("%q, one column after all: %v", comma, err)
		}
	}
	for _, comma := range []rune{'"', '\n', 0xfffd} {
		if _, err := tabular.ReadCSV(strings.NewReader("a"), tabular.CSVOptions{Comma: comma}); err == nil {
			t.Errorf("%q as a comma", comma)
		}
	}
}

// As many columns as are allowed: 131 KB that once took half a minute, in a
// comparison of each name with all others; so would finding columns one by one.
func TestVeryManyColumns(t *testing.T) {
	var b bytes.Buffer
	const n = 1 << 16
	for row := range 3 {
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			if row == 0 {
				fmt.Fprintf(&b, "%x", i)
			} else {
				fmt.Fprint(&b, (i*row)%7)
			}
		}
		b.WriteByte('\n')
	}
	table, err := tabular.ReadCSV(bytes.NewReader(b.Bytes()), tabular.CSVOptions{})
	if err != nil || len(table.Columns) != n {
		t.Fatal(err)
	}
	set, err := table.Regression("0", nil)
	if err != nil || set.Len() != 2 {
		t.Fatal(err)
	}
	if dropped, err := table.Drop(table.Names()[1:]...); err != nil || len(dropped.Columns) != 1 {
		t.Error(err)
	}
	if chosen, err := table.Select(table.Names()...); err != nil || len(chosen.Columns) != n {
		t.Error(err)
	}
	if _, err := table.Column("no"); err == nil || len(err.Error()) > 300 {
		t.Errorf("%.400v", err)
	}
	if s := table.String(); !strings.Contains(s, "2 rows, 65536 columns (65516 not shown)") || len(s) > 3000 {
		t.Errorf("%.200s", s)
	}
	wider := append([]byte("x,"), b.Bytes()...)
	if _, err := tabular.ReadCSV(bytes.NewReader(wider), tabular.CSVOptions{}); err == nil || !strings.Contains(err.Error(), "line 1 has 65537 fields, at most 65536 are allowed") {
		t.Error(err)
	}
}

// Times in the notations that pandas writes are no categories.
func TestTimesAreNoCategories(t *testing.T) {
	for _, cells := range []string{"2024-01,2024-02", "2024Q1,2024Q2", "2024-W01,2024-W02", "0 days 01:00:00,-1 days +23:00:00", "1 day,2 days"} {
		table, err := tabular.ReadCSV(strings.NewReader("t\n"+strings.ReplaceAll(cells, ",", "\n")), tabular.CSVOptions{})
		if err != nil || table.Columns[0].Kind != tabular.Text {
			t.Errorf("%s: %v, %v", cells, table, err)
		}
	}
	table, err := tabular.ReadCSV(strings.NewReader("t\n2024-13\n9999-99\n3 dogs\n"), tabular.CSVOptions{})
	if err != nil || table.Columns[0].Kind != tabular.Category {
		t.Errorf("%v, %v", table, err)
	}
}
