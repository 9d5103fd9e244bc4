package tabular_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/tabular"
)

const people = `age,sex,since,job,survived
22,male,2020-01-01,<a> & "b",no
,female,2021-06-30,x,yes
26.5,female,,x,yes
1e30,,2020-01-01,été,no
`

func peopleTable(t *testing.T) *tabular.Table {
	t.Helper()
	table, err := tabular.ReadCSV(strings.NewReader(strings.ReplaceAll(people, `<a> & "b"`, `"<a> & ""b"""`)), tabular.CSVOptions{Missing: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// Whatever an Encoding can say comes back: the same JSON, names and features.
func TestEncoderComesBackWhole(t *testing.T) {
	table := peopleTable(t)
	for _, o := range []tabular.Encoding{
		{Scale: tabular.Standard, Fill: tabular.FillMean, Indicator: true, Unknown: true},
		{Scale: tabular.MinMax, Fill: tabular.FillMedian, Unknown: true, Ordinal: []string{"sex"}},
		{Scale: tabular.MinMax, Fill: tabular.FillMedian, Indicator: true, Unknown: true, Ordinal: []string{"job", "sex"}},
	} {
		e, err := o.Fit(table, table.Names("survived")...)
		if err != nil {
			t.Fatal(err)
		}
		in := tabular.Preprocessor{Answer: "survived", Encoder: e, Classes: data.Classes{"no", "yes"}}
		b, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var out tabular.Preprocessor
		if err := json.Unmarshal(b, &out); err != nil || !reflect.DeepEqual(in, out) {
			t.Fatalf("%s: %+v, %v", b, out, err)
		}
		x, err := e.Encode(table)
		if err != nil {
			t.Fatal(err)
		}
		if y, err := out.Encoder.Encode(table); err != nil || !reflect.DeepEqual(x, y) {
			t.Errorf("%v\n%v\n%v", x, y, err)
		}
		// by value, in a map, as people keep things
		if again, err := json.Marshal(map[string]any{"e": *e}); err != nil || !strings.Contains(string(b), string(again[5:len(again)-1])) {
			t.Errorf("%s\n%s\n%v", again, b, err)
		}
	}
}

func TestEncoderRefusesWhatIsDamaged(t *testing.T) {
	for text, why := range map[string]string{
		`{}`:               `"columns" is missing`,
		`null`:             "null",
		`{"Names":["a"]}`:  "unknown field",
		`{"columns":[]}`:   "no columns",
		`{"columns":null}`: "null",
		`{"columns":[{"name":"","kind":"category","categories":["x"]}]}`:                                  "want 1 to 1024",
		`{"columns":[{"name":"` + strings.Repeat("a", 1025) + `","kind":"category","categories":["x"]}]}`: "its name has 1025 bytes",
		`{"columns":[{"name":"a"}]}`:                                                                                        `"kind" is missing`,
		`{"columns":[{"name":"a","kind":"number"}]}`:                                                                        "scaling is missing",
		`{"columns":[{"name":"a","kind":"number","scaling":{"center":0}}]}`:                                                 `"scale" is missing`,
		`{"columns":[{"name":"a","kind":"number","scaling":{"center":0,"scale":0}}]}`:                                       "scale above 0",
		`{"columns":[{"name":"a","kind":"number","scaling":null}]}`:                                                         "null",
		`{"columns":[{"name":"a","kind":"number","scaling":{"center":0,"scale":1},"fill":null}]}`:                           "null",
		`{"columns":[{"name":"a","kind":"number","scaling":{"center":0,"scale":1},"indicator":true}]}`:                      "nothing to fill",
		`{"columns":[{"name":"a","kind":"number","scaling":{"center":0,"scale":1},"categories":["x"]}]}`:                    "has categories",
		`{"columns":[{"name":"a","kind":"category"}]}`:                                                                      "no categories",
		`{"columns":[{"name":"a","kind":"category","categories":["y","x"]}]}`:                                               "must ascend",
		`{"columns":[{"name":"a","kind":"category","categories":["x","x"]}]}`:                                               "must ascend",
		`{"columns":[{"name":"a","kind":"category","categories":["x"],"fill":1}]}`:                                          "has a scale or filling",
		`{"columns":[{"name":"a","kind":"category","categories":["x"],"Unknown":true}]}`:                                    "unknown field",
		`{"columns":[{"name":"a","kind":"text","categories":["x"]}]}`:                                                       "cannot be encoded",
		`{"columns":[{"name":"a","kind":"category","categories":["x"]},{"name":"a","kind":"category","categories":["x"]}]}`: "twice",
	} {
		e, err := tabular.NewEncoder(&tabular.Table{Columns: []tabular.Column{{Name: "old", Numbers: []float64{1}}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), e); err == nil || !strings.Contains(err.Error(), why) || e.Names[0] != "old" {
			t.Errorf("%s: %v, want %q in it", text, err, why)
		}
	}
	for text, why := range map[string]string{
		`{"answer":"a","classes":["a"]}`:                                                                        `"encoder" is missing`,
		`{"encoder":{"columns":[{"name":"a","kind":"category","categories":["x"]}]}}`:                           `"answer" is missing`,
		`{"answer":"","encoder":{"columns":[{"name":"a","kind":"category","categories":["x"]}]}}`:               "the name of an Answer",
		`{"answer":"a","encoder":{"columns":[]}}`:                                                               "no columns",
		`{"answer":"a","encoder":{"columns":[{"name":"a","kind":"category","categories":["x"]}]},"classes":[]}`: "no classes",
	} {
		var p tabular.Preprocessor
		if err := json.Unmarshal([]byte(text), &p); err == nil || !strings.Contains(err.Error(), why) || p.Encoder != nil {
			t.Errorf("%s: %v, want %q in it", text, err, why)
		}
	}
	for _, v := range []any{tabular.Encoder{}, &tabular.Encoder{Names: []string{"a"}}, tabular.Preprocessor{}} {
		if b, err := json.Marshal(v); err == nil {
			t.Errorf("%v was saved as %s", v, b)
		}
	}
	if _, err := (&tabular.Encoder{}).Encode(peopleTable(t)); err == nil {
		t.Error("an Encoder that was never fitted encodes")
	}
}

// Whatever loads encodes, or says why not, and comes back the same.
func FuzzEncoderJSON(f *testing.F) {
	f.Add([]byte(`{"columns":[{"name":"age","kind":"number","scaling":{"center":1,"scale":2},"fill":3,"indicator":true},{"name":"since","kind":"date","scaling":{"center":-1e5,"scale":1}}]}`))
	f.Add([]byte(`{"columns":[{"name":"sex","kind":"category","categories":["female","male"],"unknown":true},{"name":"job","kind":"category","categories":["x"],"unknown":true,"ordinal":true}]}`))
	table, err := tabular.ReadCSV(strings.NewReader("age,sex,since,job\n22,male,2020-01-01,x\n,,,\n"), tabular.CSVOptions{Missing: []string{}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var e, again tabular.Encoder
		if json.Unmarshal(b, &e) != nil {
			return
		}
		saved, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(saved, &again); err != nil {
			t.Fatal(err)
		}
		x, err := e.Encode(table)
		y, errAgain := again.Encode(table)
		if (err == nil) != (errAgain == nil) || !slices.Equal(x, y) || err == nil && len(x) != 2*len(e.Names) {
			t.Fatalf("%s: %v %v, %v %v", saved, x, err, y, errAgain)
		}
	})
}
