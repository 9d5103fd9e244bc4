package tabular_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"descent/mlkit/tabular"
)

func TestPartsOfATable(t *testing.T) {
	table := survivorTable(t)
	for got, want := range map[string]string{
		flat(table.Head(2)):           "age|sex|since\n22|male|18262\nNaN|female|18808",
		flat(table.Head(0)):           "age|sex|since",
		flat(table.Head(-1)):          "age|sex|since",
		flat(table.Rows([]int{4, 3})): "age|sex|since\n38|male|-1\n1e+06||18262",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if n := table.Head(99).Len(); n != 5 {
		t.Error(n)
	}
	// an empty part keeps its kinds
	if none := table.Rows(nil); none.Columns[0].Kind != tabular.Number || none.Columns[0].Numbers == nil || none.Columns[2].Kind != tabular.Date {
		t.Errorf("%+v", none.Columns)
	}
	chosen, err := table.Select("since", "age")
	if err != nil || !slices.Equal(chosen.Names(), []string{"since", "age"}) {
		t.Error(chosen, err)
	}
	dropped, err := table.Drop("sex")
	if err != nil || !slices.Equal(dropped.Names(), []string{"age", "since"}) || len(table.Columns) != 3 {
		t.Error(dropped, err)
	}
	for _, f := range []func() (*tabular.Table, error){
		func() (*tabular.Table, error) { return table.Select("age", "agge") },
		func() (*tabular.Table, error) { return table.Drop("agge") },
		func() (*tabular.Table, error) { return table.Select("age", "age") },
	} {
		if _, err := f(); err == nil {
			t.Error("no error")
		}
	}
}

func TestColumnFigures(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		numbers      []float64
		mean, median float64
		missing      int
	}{
		{[]float64{3, nan, 1, 2, nan}, 2, 2, 2},
		{[]float64{4, 1, 3, 2}, 2.5, 2.5, 0},
		{[]float64{math.MaxFloat64, math.MaxFloat64}, math.MaxFloat64, math.MaxFloat64, 0},
		{[]float64{nan}, nan, nan, 1},
		{nil, nan, nan, 0},
	} {
		col := tabular.Column{Numbers: c.numbers}
		same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
		if !same(col.Mean(), c.mean) || !same(col.Median(), c.median) || col.Missing() != c.missing {
			t.Errorf("%v: mean %v, median %v, missing %d", c.numbers, col.Mean(), col.Median(), col.Missing())
		}
	}
	texts := tabular.Column{Name: "a", Texts: []string{"x", ""}}
	if texts.FillText("y"); !slices.Equal(texts.Texts, []string{"x", "y"}) {
		t.Error(texts)
	}
	for _, f := range []func(){func() { texts.Fill(1) }, func() { (&tabular.Column{Numbers: []float64{1}}).FillText("x") }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("filled what it does not hold")
				}
			}()
			f()
		}()
	}
}

// Days and back, over three centuries and to the microsecond.
func TestTimesComeBack(t *testing.T) {
	for _, s := range []string{"1970-01-01T00:00:00Z", "1969-12-31T23:59:59.999999Z", "1816-02-29T12:34:56.789012Z", "2148-12-31T23:59:59.000001Z", "2024-07-01T00:00:00Z"} {
		table, err := read(t, tabular.CSVOptions{}, s)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := time.Parse(time.RFC3339, s)
		if got := table.Columns[0].Time(0); !got.Equal(want) {
			t.Errorf("%s became %v", s, got)
		}
	}
	if !(&tabular.Column{Kind: tabular.Date, Numbers: []float64{math.NaN()}}).Time(0).IsZero() {
		t.Error("a missing date")
	}
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	table, err := read(t, tabular.CSVOptions{Location: berlin}, "2024-07-01 12:00", "2024-01-01 12:00")
	if err != nil || table.Columns[0].Time(0).Hour() != 10 || table.Columns[0].Time(1).Hour() != 11 {
		t.Error(table, err)
	}
}

// The figures are those of pandas 3.1, d.describe(include="all") of the table
// in encoding_test.go with parse_dates=["since"]; medians are its 50 %, and
// nunique() counts the different values.
func TestDescribe(t *testing.T) {
	table := survivorTable(t)
	if err := table.SetKind("sex", tabular.Text); err != nil {
		t.Fatal(err)
	}
	got := table.Describe()
	for name, want := range map[string]any{
		"column":        []string{"age", "sex", "since"},
		"kind":          []string{"number", "text", "date"},
		"missing":       []float64{1, 1, 1},
		"distinct":      []float64{4, 2, 3},
		"min":           []string{"22", "", "1969-12-31"},
		"median":        []string{"32.25", "", "2020-01-01"},
		"max":           []string{"1000000", "", "2021-06-30"},
		"most frequent": []string{"", "female", ""}, // and male, as often
	} {
		c, err := got.Column(name)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, any(c.Texts)) && !reflect.DeepEqual(want, any(c.Numbers)) {
			t.Errorf("%s: %v %v, want %v", name, c.Texts, c.Numbers, want)
		}
	}
	mean, _ := got.Column("mean")
	std, _ := got.Column("std")
	if mean.Numbers[0] != 250021.625 || math.Abs(std.Numbers[0]-499985.583379) > 1e-6 || !math.IsNaN(mean.Numbers[1]) || !math.IsNaN(std.Numbers[2]) {
		t.Error(mean.Numbers, std.Numbers)
	}
}

func TestStringOfATable(t *testing.T) {
	table, err := tabular.ReadCSV(strings.NewReader("name,年龄,a,since\n王小明,22.123456789,\"1,5\",2024-01-05\nBob,1234567,2,2024-01-06\n\"a very long name that nobody wants to read, in two\nlines\",-3,3,2024-01-07\n"), tabular.CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const want = `name                               年龄  a          since
category                         number  text        date
王小明                          22.1235  1,5   2024-01-05
Bob                             1234567  2     2024-01-06
a very long name that nobody …       -3  3     2024-01-07
3 rows, 4 columns
a is text: 2 of 3 cells are plain numbers; line 2, "1,5" is a number in another notation
`
	if got := table.String(); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	var rows strings.Builder
	rows.WriteString("n\n")
	for i := range 100 {
		fmt.Fprintln(&rows, i)
	}
	if table, err = tabular.ReadCSV(strings.NewReader(rows.String()), tabular.CSVOptions{}); err != nil {
		t.Fatal(err)
	}
	if got := strings.Fields(table.String()); strings.Join(got, " ") != "n number 0 1 2 3 4 … 95 96 97 98 99 100 rows, 1 columns" {
		t.Error(got)
	}
	if got := (&tabular.Table{}).String(); !strings.Contains(got, "0 rows, 0 columns") {
		t.Error(got)
	}
	// a cell of a megabyte, and bytes that are no text
	huge := &tabular.Table{Columns: []tabular.Column{{Name: "\xff", Texts: []string{strings.Repeat("長\n", 1<<19), "\xff"}}}}
	if got := huge.String(); len(got) > 300 {
		t.Errorf("%d bytes", len(got))
	}
}
