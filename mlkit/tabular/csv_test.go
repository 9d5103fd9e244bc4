package tabular_test

import (
	"descent/mlkit/tabular"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
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
		"a,b\n1,2\n3\n":     "line 3 has 1 fields, the first row has 2",
		"a,b\n1,2\n3,4,5\n": "line 3 has 3 fields",
		"a,b\n1,\n":         `line 2, column "b": the cell is empty`,
		"a,b\n1,NaN\n":      `line 2, column "b": "NaN" is no finite number`,
		"a,b\n\"1,2\n":      "extraneous or missing",
		"":                  "no rows",
		"a,b, a\n1,2,3\n":   `line 1 has two columns that are named "a"`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := tabular.LoadCSV(path, tabular.CSVOptions{}); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("a,b\n1,x\n2,y\n", true)
	f.Add("\ufeff\"a\"\"\",b\n1e400,nan\n", false)
	f.Fuzz(func(t *testing.T, s string, header bool) {
		table, err := tabular.ReadCSV(strings.NewReader(s), tabular.CSVOptions{NoHeader: !header, Missing: []string{"?"}})
		if err != nil {
			return
		}
		for _, c := range table.Columns {
			if max(len(c.Numbers), len(c.Texts)) != table.Len() {
				t.Fatalf("column %q has %d of %d rows", c.Name, max(len(c.Numbers), len(c.Texts)), table.Len())
			}
		}
		if e, err := tabular.NewEncoder(table); err == nil {
			if x, err := e.Encode(table); err == nil && len(x) != table.Len()*len(e.Names) {
				t.Fatal("encoded size")
			}
		}
	})
}
