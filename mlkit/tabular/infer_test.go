package tabular_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/tabular"
)

// read reads a table whose column "a" has these cells, beside another column.
func read(t *testing.T, o tabular.CSVOptions, cells ...string) (*tabular.Table, error) {
	t.Helper()
	var b strings.Builder
	b.WriteString("a,y\n")
	for i, c := range cells {
		fmt.Fprintf(&b, "\"%s\",%d\n", strings.ReplaceAll(c, `"`, `""`), i%2)
	}
	return tabular.ReadCSV(strings.NewReader(b.String()), o)
}

// What a column is, without a word from anybody. Number: pandas reads the same
// value. Text: pandas makes texts of it as well, or inf, or an int64 that is
// none.
func TestInferredKinds(t *testing.T) {
	for _, c := range []struct {
		cells   []string
		kind    tabular.Kind
		numbers []float64
	}{
		{[]string{"1", "-2.5", "+3", ".5", "5.", "1e3", "-1.5E-2", "0", "-0", "0.0"}, tabular.Number, []float64{1, -2.5, 3, .5, 5, 1000, -.015, 0, 0, 0}},
		{[]string{"9007199254740992", "-9007199254740992", "1e300"}, tabular.Number, []float64{1 << 53, -1 << 53, 1e300}},
		{[]string{"male", "female"}, tabular.Category, nil},
		{[]string{"true", "false", "TRUE"}, tabular.Category, nil},
		{[]string{"yes", "no"}, tabular.Category, nil},
		{[]string{"10-19", "20-29", "90+"}, tabular.Category, nil},
		{[]string{"Nan", "Bob"}, tabular.Category, nil},
		{[]string{"Bob", "Nan"}, tabular.Category, nil},
		{[]string{"Bob", "Inf", "12", "Al"}, tabular.Category, nil},
		{[]string{"0x1p-2", "0x10"}, tabular.Category, nil},
		{[]string{"12B", "3A", "May"}, tabular.Category, nil},
		{[]string{"room 5", "room 6"}, tabular.Category, nil},
		{[]string{"maybe 5", "decent 6", "3 marches"}, tabular.Category, nil},
		{[]string{"中文", "été"}, tabular.Category, nil},
		// numbers and dates in some notation, which need a word
		{[]string{"1,234", "500", "600", "700"}, tabular.Text, nil},
		{[]string{"1,5", "2,5"}, tabular.Text, nil},
		{[]string{"1.234.567", "2.345.678"}, tabular.Text, nil},
		{[]string{"1 234", "2 345"}, tabular.Text, nil},
		{[]string{"1\u202f234", "2\u00a0345"}, tabular.Text, nil},
		{[]string{"1'234.5", "2’345"}, tabular.Text, nil},
		{[]string{"1_2", "12", "3_4"}, tabular.Text, nil},
		{[]string{"12%", "15 %"}, tabular.Text, nil},
		{[]string{"$5", "€7.50", "7 €", "-£3"}, tabular.Text, nil},
		{[]string{"(3)", "5-", "−5"}, tabular.Text, nil},
		{[]string{"NA", "3"}, tabular.Text, nil},
		{[]string{"3", "4", "n/a", "?", "-", "None"}, tabular.Text, nil},
		{[]string{"1e400", "2"}, tabular.Text, nil},
		{[]string{"1e-400", "2"}, tabular.Text, nil},
		{[]string{"5", "x"}, tabular.Text, nil},
		{[]string{"5", "x", "y"}, tabular.Category, nil},
		{[]string{"01234", "98765"}, tabular.Text, nil},
		{[]string{"9007199254740993", "9007199254740995"}, tabular.Text, nil},
		{[]string{"18446744073709551616", "1"}, tabular.Text, nil},
		{[]string{"9007199254740993.0", "1"}, tabular.Text, nil},
		{[]string{"05/01/2024", "3/4/24"}, tabular.Text, nil},
		{[]string{"5.1.2024", "3.4.2024"}, tabular.Text, nil},
		{[]string{"12:30", "9:15 pm"}, tabular.Text, nil},
		{[]string{"3 Jan 2020", "January 4th, 2021", "04-MAY-21"}, tabular.Text, nil},
		{[]string{"2024-01-05", "2024-13-05"}, tabular.Text, nil},
		{[]string{"2024-01-05", "2024-01-05 10:00"}, tabular.Text, nil}, // which of them is midnight?
		{[]string{"2024年1月5日", "1999年12月31日"}, tabular.Text, nil},
		{[]string{"１２３", "１２．５"}, tabular.Text, nil},
		{[]string{"1.5万", "3亿", "12元"}, tabular.Text, nil},
		{[]string{"10号", "11号"}, tabular.Category, nil},
		// dates that nobody can misread; the days are pandas':
		// (pd.Timestamp(s) - pd.Timestamp(0)) / pd.Timedelta(days=1)
		{[]string{"2020-01-01", "2021-06-30", "1969-12-31"}, tabular.Date, []float64{18262, 18808, -1}},
		{[]string{"2020-02-29 12:00"}, tabular.Date, []float64{18321.5}},
		{[]string{"2020-02-29T12:00:00+02:00", "2020-03-29T01:30:00Z"}, tabular.Date, []float64{18321.416666666668, 18350.0625}},
		{[]string{"1969-12-31 18:00:00.0"}, tabular.Date, []float64{-0.25}},
	} {
		table, err := read(t, tabular.CSVOptions{}, c.cells...)
		if err != nil {
			t.Errorf("%q: %v", c.cells, err)
			continue
		}
		a := table.Columns[0]
		if a.Kind != c.kind || !reflect.DeepEqual(a.Numbers, c.numbers) {
			t.Errorf("%q is %v %v, want %v %v", c.cells, a.Kind, a.Numbers, c.kind, c.numbers)
		}
		if slices.ContainsFunc(a.Numbers, func(v float64) bool { return v == 0 && math.Signbit(v) }) {
			t.Errorf("%q has -0, of which 1/x is -Inf", c.cells)
		}
		if c.kind == tabular.Text {
			if _, err := tabular.NewEncoder(table, "a"); err == nil || !strings.Contains(err.Error(), `column "a" is text`) || !strings.Contains(err.Error(), "line ") {
				t.Errorf("%q as a feature: %v", c.cells, err)
			}
		}
		if c.kind == tabular.Text || c.kind == tabular.Category {
			if !slices.Equal(a.Texts, c.cells) {
				t.Errorf("%q became %q", c.cells, a.Texts)
			}
		}
	}
}

// The kind is that of the column, not of the order of its rows.
func TestKindsDoNotDependOnTheOrder(t *testing.T) {
	for _, cells := range [][]string{{"Nan", "Bob", "3"}, {"1", "NaN", "x", "2"}, {"NA", "5", "1,5"}, {"2024-01-05", "5", "x"}, {"NaN", "1"}, {"inf", "NA", "1"}} {
		first, firstErr := read(t, tabular.CSVOptions{}, cells...)
		for range len(cells) {
			cells = append(cells[1:], cells[0])
			again, err := read(t, tabular.CSVOptions{}, cells...)
			if (err == nil) != (firstErr == nil) || err == nil && again.Columns[0].Kind != first.Columns[0].Kind {
				t.Errorf("%q: %v, otherwise %v", cells, err, firstErr)
			}
		}
	}
}

func TestTooManyCategories(t *testing.T) {
	many := func(n, rows int) (cells []string) {
		for i := range rows {
			cells = append(cells, fmt.Sprintf("name %c%c%c", 'a'+i%n%26, 'a'+i%n/26%26, 'a'+i%n/676))
		}
		return cells
	}
	for _, c := range []struct {
		different, rows, limit int
		kind                   tabular.Kind
	}{
		{50, 50, 0, tabular.Category},
		{51, 51, 0, tabular.Text},
		{51, 102, 0, tabular.Category},
		{1000, 2000, 0, tabular.Category},
		{1001, 5000, 0, tabular.Text},
		{1001, 5000, 1001, tabular.Category},
		{11, 5000, 10, tabular.Text},
	} {
		cells := many(c.different, c.rows)
		table, err := read(t, tabular.CSVOptions{MaxCategories: c.limit}, cells...)
		if err != nil {
			t.Fatal(err)
		}
		if table.Columns[0].Kind != c.kind {
			t.Errorf("%d different texts in %d rows are %v", c.different, c.rows, table.Columns[0].Kind)
		}
		if _, err := tabular.NewEncoder(table, "a"); (err == nil) != (c.kind == tabular.Category) {
			t.Errorf("%d different texts in %d rows: %v", c.different, c.rows, err)
		}
		// who says so may have them all
		if table, err = read(t, tabular.CSVOptions{Kinds: map[string]tabular.Kind{"a": tabular.Category}}, cells...); err != nil {
			t.Fatal(err)
		}
		if e, err := tabular.NewEncoder(table, "a"); err != nil || len(e.Names) != c.different {
			t.Errorf("%d different texts, said to be categories: %v", c.different, err)
		}
	}
}

func TestKindsThatAreSaid(t *testing.T) {
	missing := []string{"NA"}
	for _, c := range []struct {
		kind  tabular.Kind
		o     tabular.CSVOptions
		cells []string
		want  string // the cells as Labels names them, or a part of the error
	}{
		{tabular.Number, tabular.CSVOptions{}, []string{"007", "9007199254740993", "-0"}, "0 7 9007199254740992"},
		{tabular.Number, tabular.CSVOptions{}, []string{"5", "1_2", "x", "3", "0x10", "y"}, `column "a" is to hold numbers: line 3, "1_2" is no number; line 4, "x" is no number; line 6, "0x10" is no number; and 1 more`},
		{tabular.Number, tabular.CSVOptions{}, []string{"1e999"}, "beyond float64"},
		{tabular.Number, tabular.CSVOptions{}, []string{"NaN"}, "no finite number"},
		{tabular.Category, tabular.CSVOptions{}, []string{"1", "01", "1.0", "NaN"}, "01 1 1.0 NaN"},
		{tabular.Text, tabular.CSVOptions{}, []string{"1", "2"}, "1 2"},
		{tabular.Date, tabular.CSVOptions{}, []string{"2024-01-05", "2024-01-05 10:30"}, "2024-01-05 2024-01-05 10:30:00"},
		{tabular.Date, tabular.CSVOptions{}, []string{"2024-01-05", "2024-01-05T10:30:00Z"}, "mixes dates with and without the offset"},
		{tabular.Date, tabular.CSVOptions{}, []string{"5/1/2024"}, `is to hold dates as ["2006-01-02"`},
		{tabular.Date, tabular.CSVOptions{DateLayouts: []string{"2/1/2006", "2. January 2006"}}, []string{"5/1/2024", "6. May 1999"}, "1999-05-06 2024-01-05"},
		{tabular.Auto, tabular.CSVOptions{DateLayouts: []string{"2/1/2006"}}, []string{"5/1/2024", "31/12/1999"}, "1999-12-31 2024-01-05"},
		{tabular.Auto, tabular.CSVOptions{DateLayouts: []string{"2006年1月2日"}}, []string{"2024年1月5日"}, "2024-01-05"},
		{tabular.Number, tabular.CSVOptions{Thousands: ','}, []string{"0,123"}, `"0,123" is no number`},
		{tabular.Auto, tabular.CSVOptions{DateLayouts: []string{"Jan 2006 MST"}}, []string{"x"}, "does not tell its offset"},
		{tabular.Number, tabular.CSVOptions{Missing: missing}, []string{"NA", "NA"}, "no label"},
		{tabular.Kind(9), tabular.CSVOptions{}, []string{"1"}, "no kind"},
	} {
		c.o.Kinds = map[string]tabular.Kind{"a": c.kind}
		var got string
		table, err := read(t, c.o, c.cells...)
		if err == nil {
			var classes []string
			_, classes, err = table.Labels("a")
			got = strings.Join(classes, " ")
		}
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%q as %v: %s, want %s", c.cells, c.kind, got, c.want)
		}
	}
	if _, err := read(t, tabular.CSVOptions{Kinds: map[string]tabular.Kind{"zip": tabular.Text}}, "1"); err == nil || !strings.Contains(err.Error(), `no column "zip"; it has a, y`) {
		t.Error(err)
	}
}

func TestSetKind(t *testing.T) {
	table, err := read(t, tabular.CSVOptions{}, "10", "3", "10")
	if err != nil {
		t.Fatal(err)
	}
	a, _ := table.Column("a")
	for _, kind := range []tabular.Kind{tabular.Category, tabular.Number, tabular.Date, tabular.Category} {
		if err := table.SetKind("a", kind); err != nil || a.Kind != kind {
			t.Fatal(kind, err)
		}
	}
	if want := []string{"1970-01-11", "1970-01-04", "1970-01-11"}; !slices.Equal(a.Texts, want) || a.Numbers != nil {
		t.Errorf("%+v", a)
	}
	if err := table.SetKind("a", tabular.Number); err == nil || !strings.Contains(err.Error(), `row 0, "1970-01-11" is no number`) || a.Kind != tabular.Category {
		t.Error(err, a.Kind)
	}
	if err := table.SetKind("b", tabular.Number); err == nil {
		t.Error("no such column")
	}
}

// The values are pandas':
//
//	pd.read_csv(io.StringIO('x,y\n"1,234.5",1\n"-12,345,678",2\n999,3\n"1,000e3",4\n'), thousands=",").x.tolist()
//	pd.read_csv(io.StringIO("x;y\n1.234,5;1\n-12.345.678;2\n999;3\n,5;4\n1e-3;5\n"), sep=";", thousands=".", decimal=",").x.tolist()
//
// but groups that are not of three digits, which pandas joins, are no numbers.
func TestNotations(t *testing.T) {
	for _, c := range []struct {
		decimal, thousands rune
		cells              []string
		want               []float64 // nil: no numbers
	}{
		{0, ',', []string{"1,234.5", "-12,345,678", "999", "1,000e3"}, []float64{1234.5, -12345678, 999, 1000000}},
		{',', '.', []string{"1.234,5", "-12.345.678", "999", ",5", "1e-3"}, []float64{1234.5, -12345678, 999, 0.5, 0.001}},
		{',', 0, []string{"1,5", "2", "-,25e2"}, []float64{1.5, 2, -25}},
		{0, '\'', []string{"1'234", "5"}, []float64{1234, 5}},
		{0, '\u00a0', []string{"1\u00a0234.5"}, []float64{1234.5}},
		{0, ' ', []string{"1 234"}, []float64{1234}},
		{'·', '’', []string{"1’234·5"}, []float64{1234.5}},
		{0, ',', []string{"1,23"}, nil},
		{0, ',', []string{"1234,567"}, nil},
		{0, ',', []string{",123"}, nil},
		{0, ',', []string{"1,,234"}, nil},
		{0, ',', []string{"1.5,000"}, nil},
		{0, ',', []string{"0,123"}, nil}, // leading zeros: perhaps a decimal comma
		{',', 0, []string{"1.5"}, nil},
		{',', 0, []string{"1,5,2"}, nil},
		{',', '.', []string{"1,5.2"}, nil},
		{',', '.', []string{"1.5"}, nil},
		{',', '.', []string{"1e1.5"}, nil},
	} {
		table, err := read(t, tabular.CSVOptions{Decimal: c.decimal, Thousands: c.thousands}, c.cells...)
		if err != nil {
			t.Fatal(err)
		}
		if got := table.Columns[0].Numbers; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q with %q and %q: %v, want %v", c.cells, c.decimal, c.thousands, got, c.want)
		}
	}
	for _, o := range []tabular.CSVOptions{{Decimal: ',', Thousands: ','}, {Thousands: '.'}, {Decimal: '5'}, {Thousands: '-'}, {Decimal: 'e'}} {
		if _, err := read(t, o, "1"); err == nil || !strings.Contains(err.Error(), "CSVOptions.") {
			t.Errorf("Decimal %q, Thousands %q: %v", o.Decimal, o.Thousands, err)
		}
	}
}

func TestMissingWords(t *testing.T) {
	table, err := read(t, tabular.CSVOptions{Missing: tabular.MissingWords}, "NA", "3", "", "NaN", "null", "4", "#N/A", "None")
	if err != nil {
		t.Fatal(err)
	}
	if a := table.Columns[0]; a.Kind != tabular.Number || a.Missing() != 6 || a.Mean() != 3.5 {
		t.Errorf("%+v", a)
	}
	// a word that is not in the list is no number
	if table, err = read(t, tabular.CSVOptions{Missing: []string{"?"}}, "?", "NA", "3"); err != nil || table.Columns[0].Kind != tabular.Text {
		t.Errorf("%+v, %v", table, err)
	}
	// each cell that lacks something counts, the first are named
	_, err = read(t, tabular.CSVOptions{}, "1", "", " \t\u00a0", "2", "", "")
	if err == nil || !strings.Contains(err.Error(), `line 3, column "a": the cell is empty; set CSVOptions.Missing to allow that (4 cells are: lines 3, 4, 6, …)`) {
		t.Error(err)
	}
	_, err = read(t, tabular.CSVOptions{}, "1", "NaN", "-inf")
	if err == nil || !strings.Contains(err.Error(), `line 3, column "a": "NaN" is no finite number; line 4, "-inf" is no finite number; list it`) {
		t.Error(err)
	}
}

func TestLabels(t *testing.T) {
	for _, c := range []struct {
		cells []string
		want  string // labels and classes, or a part of the error
	}{
		{[]string{"-1", "0", "-0", "1", "0.0"}, `[0 1 1 2 1] ["-1" "0" "1"]`},
		{[]string{"1_2", "12", "3_4"}, `[1 0 2] ["12" "1_2" "3_4"]`},
		{[]string{"1234567", "2000000", "1e6"}, `[1 2 0] ["1000000" "1234567" "2000000"]`},
		{[]string{"9007199254740993", "9007199254740992", "9007199254740994"}, `[1 0 2]`},
		{[]string{"0.1", "1e-7", "1e22"}, `["1e-07" "0.1" "1e+22"]`},
		{[]string{"1", "2", "3+"}, `["1" "2" "3+"]`},
		{[]string{"Nan", "Bob"}, `[1 0] ["Bob" "Nan"]`},
		{[]string{"01", "1"}, `["01" "1"]`},
		{[]string{"2024-01-05", "2024-01-04"}, `[1 0] ["2024-01-04" "2024-01-05"]`},
		{[]string{"0", "1", "NA"}, `cannot be labels: 2 of 3 cells are plain numbers; line 4, "NA" is a word for a missing value. List "NA"`},
		{[]string{"0", "1", "?"}, `List "?" in CSVOptions.Missing`},
	} {
		table, err := read(t, tabular.CSVOptions{}, c.cells...)
		if err != nil {
			t.Fatal(err)
		}
		labels, classes, err := table.Labels("a")
		if got := fmt.Sprintf("%v %q %v", labels, classes, err); !strings.Contains(got, c.want) {
			t.Errorf("%q: %s, want %s", c.cells, got, c.want)
		}
	}
	var cells []string
	for i := range 60 {
		cells = append(cells, fmt.Sprint(float64(i)/7))
	}
	table, err := read(t, tabular.CSVOptions{}, cells...)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := table.Labels("a"); err == nil || !strings.Contains(err.Error(), "60 different values in 60 rows, which looks like a target of regression") {
		t.Error(err)
	}
	names, err := read(t, tabular.CSVOptions{Kinds: map[string]tabular.Kind{"a": tabular.Text}}, cells...)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := names.Labels("a"); err == nil || !strings.Contains(err.Error(), "60 different values in 60 rows") {
		t.Error(err)
	}
	if err := table.SetKind("a", tabular.Category); err != nil {
		t.Fatal(err)
	}
	if _, classes, err := table.Labels("a"); err != nil || len(classes) != 60 {
		t.Error(classes, err)
	}
}
