package tabular_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"descent/mlkit/tabular"
)

func TestReadCSV(t *testing.T) {
	t1, err := tabular.ReadCSV(strings.NewReader("\ufeffage, sex,class,zip\n22,male,b,10\n38.5,\"female\",a,20\n\n26,female,b,10\n"), tabular.CSVOptions{Kinds: map[string]tabular.Kind{"zip": tabular.Category}})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(t1.Names("zip"), []string{"age", "sex", "class"}) || t1.Len() != 3 || !reflect.DeepEqual(t1.Columns[0].Numbers, []float64{22, 38.5, 26}) {
		t.Errorf("%+v", t1)
	}
	labels, classes, err := t1.Labels("class")
	if err != nil || !reflect.DeepEqual(labels, []int32{1, 0, 1}) || !reflect.DeepEqual(classes, []string{"a", "b"}) {
		t.Errorf("%v %v %v", labels, classes, err)
	}
	if labels, classes, err = t1.Labels("age"); err != nil || !reflect.DeepEqual(labels, []int32{0, 2, 1}) || classes[2] != "38.5" {
		t.Errorf("%v %v %v", labels, classes, err)
	}
	e, err := tabular.Encoding{Unknown: true}.Fit(t1.Rows([]int{0, 1}), "sex", "age", "zip")
	if err != nil || !reflect.DeepEqual(e.Names, []string{"sex=female", "sex=male", "sex unknown", "age", "zip=10", "zip=20", "zip unknown"}) {
		t.Fatal(err, e)
	}
	_, err = tabular.ReadCSV(strings.NewReader("zip;sex;age\n# skipped?\n30;male;\n20;other;?\n10;female;4\n"), tabular.CSVOptions{Comma: ';', Missing: []string{"?"}, Kinds: map[string]tabular.Kind{"zip": tabular.Category}})
	if err == nil || !strings.Contains(err.Error(), "line 2 has 1 fields, the first row has 3") {
		t.Errorf("%v", err)
	}
	t2, err := tabular.ReadCSV(strings.NewReader("zip;sex;age\n30;male;\n20;other;?\n10;female;4\n"), tabular.CSVOptions{Comma: ';', Missing: []string{"?"}, Kinds: map[string]tabular.Kind{"zip": tabular.Category}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(t2); err == nil || !strings.Contains(err.Error(), `row 0 lacks a number in column "age"`) {
		t.Errorf("%v", err)
	}
	age, _ := t2.Column("age")
	if !math.IsNaN(age.Numbers[1]) || age.Mean() != 4 {
		t.Errorf("%v", age)
	}
	age.Fill(age.Mean() + 1)
	x, err := e.Encode(t2)
	if err != nil || !reflect.DeepEqual(x, []float32{0, 1, 0, 5, 0, 0, 1, 0, 0, 1, 5, 0, 1, 0, 1, 0, 0, 4, 1, 0, 0}) {
		t.Errorf("%v %v", x, err)
	}
	if _, err := t2.Column("none"); err == nil || !strings.Contains(err.Error(), "it has zip, sex, age") {
		t.Errorf("%v", err)
	}
	if n, err := tabular.ReadCSV(strings.NewReader("note\n1,2\n3,4\n"), tabular.CSVOptions{NoHeader: true, Skip: 1}); err != nil || n.Len() != 2 || n.Columns[1].Name != "1" {
		t.Errorf("%v %v", n, err)
	}
}

func TestCSVPreamble(t *testing.T) {
	o := tabular.CSVOptions{Skip: 3}
	preamble := "# from \"a survey\n\n" + strings.Repeat("long ", 2000) + "\n"
	n, err := tabular.ReadCSV(strings.NewReader(preamble+"a,b\n1,2\n"), o)
	if err != nil || n.Len() != 1 || n.Columns[0].Name != "a" {
		t.Errorf("%+v, %v", n, err)
	}
	for rows, want := range map[string]string{"a,b\n1,2\n1\n": "line 6 has 1 fields", "a,b\n1,\"2\n": "line 5", "": "no rows"} {
		if _, err := tabular.ReadCSV(strings.NewReader(preamble+rows), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	if n, err := tabular.ReadCSV(strings.NewReader("\ufeff\"a, b\",c\n1,2\n"), tabular.CSVOptions{}); err != nil || n.Columns[0].Name != "a, b" {
		t.Errorf("a byte order mark before a quote: %+v, %v", n, err)
	}
}

func TestCSVErrorsNameThePlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.csv")
	for text, why := range map[string]string{
		"a,b\n1,2\n3\n":                        "line 3 has 1 fields, the first row has 2",
		"a,b\n1,2\n3,4,5\n":                    "line 3 has 3 fields",
		"a,b\n1,\n":                            `line 2, column "b": the cell is empty`,
		"a,b\n1,NaN\n":                         `line 2, column "b": "NaN" is no finite number`,
		"a,b\n\"1,2\n":                         "extraneous or missing",
		"":                                     "no rows",
		"5.1,3,x\n4,2,y\n":                     "line 1 has the number 5.1 where the name of a column should be: set CSVOptions.NoHeader",
		strings.Repeat("長", 342) + ",b\n1,2\n": "line 1 has a name of 1026 bytes for column 0, at most 1024",
		"a,b, a\n1,2,3\n":                      `line 1 has two columns that are named "a"`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := tabular.LoadCSV(path, tabular.CSVOptions{}); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// The corpus in testdata/fuzz holds what once went wrong, and one file of each
// kind of column.
func FuzzReadCSV(f *testing.F) {
	f.Add("a,b\n1,x\n2,y\n", true, false)
	f.Add("\ufeff\"a\"\"\",b\n1e400,nan\n", false, true)
	f.Fuzz(func(t *testing.T, s string, header, comma bool) {
		o := tabular.CSVOptions{NoHeader: !header, Missing: []string{"?"}}
		if comma {
			o.Comma, o.Decimal, o.Thousands, o.DateLayouts = ';', ',', '.', []string{"2.1.2006", "15:04"}
		}
		table, err := tabular.ReadCSV(strings.NewReader(s), o)
		if err != nil {
			return
		}
		if !utf8.ValidString(table.String()) {
			t.Fatal("not UTF-8")
		}
		table.Describe()
		for i := range table.Columns {
			c := &table.Columns[i]
			if c.Len() != table.Len() || (c.Kind == tabular.Number || c.Kind == tabular.Date) != (c.Numbers != nil) {
				t.Fatalf("column %q of kind %v has %d of %d rows", c.Name, c.Kind, c.Len(), table.Len())
			}
			if labels, classes, err := table.Labels(c.Name); err == nil {
				for k, l := range labels {
					if classes[l] == "" || c.Texts != nil && classes[l] != c.Texts[k] {
						t.Fatalf("row %d of %q is %q", k, c.Name, classes[l])
					}
				}
			}
			_, _, _ = table.Classification(c.Name, nil)
			_, _ = table.Regression(c.Name, nil)
		}
		e, err := tabular.Encoding{Scale: tabular.Standard, Fill: tabular.FillMedian, Indicator: true, Unknown: true}.Fit(table)
		if err != nil {
			return
		}
		saved, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var again tabular.Encoder
		if err := json.Unmarshal(saved, &again); err != nil {
			t.Fatalf("%s: %v", saved, err)
		}
		x, err := e.Encode(table)
		y, errAgain := again.Encode(table)
		if (err == nil) != (errAgain == nil) || !slices.Equal(x, y) || err == nil && len(x) != table.Len()*len(e.Names) {
			t.Fatalf("%v %v, after loading %v %v", x, err, y, errAgain)
		}
		for i, v := range x {
			if math.IsNaN(float64(v - v)) {
				t.Fatalf("feature %d is %v", i, v)
			}
		}
	})
}
