package parquet_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/internal/fuzztest"
	"descent/mlkit/tabular"
	"descent/mlkit/tabular/parquet"
)

// Every type, in the pages, encodings and compressions that pyarrow writes, is
// what pyarrow reads.
func TestFilesOfPyarrow(t *testing.T) {
	b, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var goldens map[string]map[string][]any
	if err := json.Unmarshal(b, &goldens); err != nil {
		t.Fatal(err)
	}
	if len(goldens) != 6 {
		t.Fatalf("%d goldens", len(goldens))
	}
	for name, want := range goldens {
		table, err := parquet.Load(filepath.Join("testdata", name+".parquet"), parquet.Options{Missing: name == "gaps"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(table.Columns) != len(want) {
			t.Errorf("%s: %d columns, want %d", name, len(table.Columns), len(want))
		}
		for _, c := range table.Columns {
			cells := want[c.Name]
			if c.Len() != len(cells) {
				t.Errorf("%s, %s: %d cells, want %d", name, c.Name, c.Len(), len(cells))
				continue
			}
			for i, w := range cells {
				ok := false
				switch w := w.(type) {
				case nil:
					ok = c.Numbers != nil && math.IsNaN(c.Numbers[i]) || c.Texts != nil && c.Texts[i] == ""
				case string:
					ok = c.Texts != nil && c.Texts[i] == w && c.Kind == tabular.Category
				case float64: // a date has its days and their fraction, rounded
					ok = c.Numbers != nil && math.Abs(c.Numbers[i]-w) <= 1e-15*math.Abs(w)
				}
				if !ok {
					t.Errorf("%s, %s, row %d: %+v, want %v", name, c.Name, i, c, w)
				}
			}
			dates := slices.Contains([]string{"day", "ms", "us", "ns"}, c.Name)
			if dates != (c.Kind == tabular.Date) {
				t.Errorf("%s, %s: kind %v", name, c.Name, c.Kind)
			}
		}
	}
}

func TestChoice(t *testing.T) {
	table, err := parquet.Load("testdata/types.parquet", parquet.Options{Columns: []string{"name", "i8", "flag"},
		Kinds: map[string]tabular.Kind{"name": tabular.Text, "i8": tabular.Category, "flag": tabular.Category}})
	if err != nil {
		t.Fatal(err)
	}
	if n := table.Names(); !slices.Equal(n, []string{"name", "i8", "flag"}) {
		t.Errorf("columns %q", n)
	}
	if c := table.Columns[1]; c.Kind != tabular.Category || !slices.Equal(c.Texts, []string{"-128", "0", "1", "2", "127"}) {
		t.Errorf("%+v", c)
	}
	if c := table.Columns[2]; c.Texts[0] != "true" || table.Columns[0].Kind != tabular.Text {
		t.Errorf("%+v", table.Columns)
	}
	table, err = parquet.Load("testdata/many.parquet", parquet.Options{})
	if err != nil || table.Columns[0].Kind != tabular.Text || table.Columns[1].Kind != tabular.Category {
		t.Errorf("%v, %v", table, err)
	}
	table, err = parquet.Load("testdata/many.parquet", parquet.Options{Columns: []string{"few"}, MaxCategories: 6})
	if err != nil || table.Columns[0].Kind != tabular.Text {
		t.Errorf("%v, %v", table, err)
	}
	ids, err := parquet.Load("testdata/refused.parquet", parquet.Options{Columns: []string{"id", "uid"},
		Kinds: map[string]tabular.Kind{"id": tabular.Text, "uid": tabular.Category}})
	if err != nil || ids.Columns[0].Texts[1] != "9007199254740993" || ids.Columns[1].Texts[1] != "18446744073709551615" {
		t.Errorf("%v, %v", ids, err)
	}
}

// Errors name file, column and row, and say what to do.
func TestRefused(t *testing.T) {
	one := func(name string) parquet.Options { return parquet.Options{Columns: []string{name}} }
	for _, c := range []struct {
		file string
		o    parquet.Options
		says []string
	}{
		{"gaps", one("age"), []string{`column "age": row 1: nothing is there; set Options.Missing`}},
		{"gaps", one("size"), []string{`column "size": row 1: nothing is there`}},
		{"gaps", one("name"), []string{`column "name": row 1: nothing is there`}},
		{"refused", one("id"), []string{`column "id": row 1: 9007199254740993 is beyond 2⁵³`, "Options.Kinds"}},
		{"refused", one("uid"), []string{`column "uid": row 1: 18446744073709551615 is beyond`}},
		{"refused", one("list"), []string{`column "list": a list, map or group`, "Options.Columns"}},
		{"refused", one("group"), []string{`column "group": a list, map or group`}},
		{"refused", one("time"), []string{`column "time": TIME`, "Options.Columns leaves it out"}},
		{"refused", one("fixed"), []string{`column "fixed"`, "does not fit into a table"}},
		{"refused", one("inf"), []string{`column "inf": row 1: +Inf cannot be used`}},
		{"refused", one("bytes"), []string{`column "bytes": row 0`, "is no text in UTF-8"}},
		{"refused", one("blank"), []string{`column "blank": row 1: nothing is there`}},
		{"lz4", one("a"), []string{`column "a": is compressed by LZ4`, "another compression"}},
		{"runs", one("flag"), []string{`column "flag": holds booleans in runs`, "data pages of version 1"}},
		{"refused", one("nothing"), []string{`there is no column "nothing"`, `"good"`}},
		{"refused", parquet.Options{Columns: []string{"good", "good"}}, []string{`"good" is asked for twice`}},
		{"refused", parquet.Options{Kinds: map[string]tabular.Kind{"x": tabular.Text}}, []string{`there is no column "x", which Kinds names`}},
		{"types", parquet.Options{Kinds: map[string]tabular.Kind{"day": tabular.Category}}, []string{`column "day": holds dates`}},
		{"types", parquet.Options{Kinds: map[string]tabular.Kind{"name": tabular.Number}}, []string{`column "name": holds category, not number`, "SetKind"}},
		{"types", parquet.Options{Kinds: map[string]tabular.Kind{"f64": tabular.Text}}, []string{`column "f64": row 0: only integers`}},
		{"types", parquet.Options{Kinds: map[string]tabular.Kind{"f64": 9}}, []string{"Kind(9)"}},
		{"pandas/labels", parquet.Options{}, []string{`"__index_level_0__" holds the labels of rows that pandas writes`, "Options.Columns"}},
		{"make.py", parquet.Options{}, []string{"make.py"}},
		{"missing", parquet.Options{}, []string{"no such file"}},
	} {
		path := filepath.Join("testdata", c.file+".parquet")
		if c.file == "make.py" {
			path = filepath.Join("testdata", c.file)
		}
		_, err := parquet.Load(path, c.o)
		if err == nil {
			t.Errorf("%s %+v: no error", c.file, c.o)
			continue
		}
		for _, s := range append(c.says, filepath.Base(path)) {
			if !strings.Contains(err.Error(), s) {
				t.Errorf("%s %+v: %q does not say %q", c.file, c.o, err, s)
			}
		}
	}
}

// A file that is cut short is an error.
func TestCutShort(t *testing.T) {
	b, err := os.ReadFile("testdata/zstd.parquet")
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(b); cut += 97 {
		if _, err := parquet.Read(bytes.NewReader(b[:cut]), int64(cut), parquet.Options{}); err == nil {
			t.Errorf("the first %d bytes are a file", cut)
		}
	}
}

// seeds are the files of testdata.
func seeds(t testing.TB) (all [][]byte) {
	files, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, b)
	}
	return all
}

// A damaged file is an error or a table whose columns have one length, never a
// panic.
func check(t testing.TB, b []byte) {
	table, err := parquet.Read(bytes.NewReader(b), int64(len(b)), parquet.Options{Missing: true})
	if (table == nil) == (err == nil) {
		t.Errorf("%v, %v", table, err)
	}
	if err != nil {
		return
	}
	for _, c := range table.Columns {
		if c.Len() != table.Len() {
			t.Errorf("column %q has %d of %d cells", c.Name, c.Len(), table.Len())
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, b := range seeds(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

func TestDamagedFiles(t *testing.T) {
	fuzztest.Run(t, seeds(t), 1500, fuzztest.Bound{Fixed: 1 << 27, PerByte: 1 << 10}, check)
}

func ExampleLoad() {
	table, err := parquet.Load("testdata/types.parquet", parquet.Options{Columns: []string{"day", "colour", "price"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(table.Head(2))
	// Output:
	// day  colour     price
	//       date  category  number
	// 2024-02-29  red        12.34
	// 1969-12-31  blue       -0.01
	// 2 rows, 3 columns
}
