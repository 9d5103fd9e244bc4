package tabular_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"descent/mlkit/tabular"
)

const survivors = "age,sex,since\n22,male,2020-01-01\n,female,2021-06-30\n26.5,female,\n1000000,,2020-01-01\n38,male,1969-12-31\n"

func survivorTable(t *testing.T) *tabular.Table {
	t.Helper()
	table, err := tabular.ReadCSV(strings.NewReader(survivors), tabular.CSVOptions{Missing: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// The features are scikit-learn 1.9's, of d = pd.read_csv(…) with the rows
// above and x = d[["age"]].to_numpy():
//
//	m = SimpleImputer(strategy="median", add_indicator=True).fit(x)
//	print(m.transform(x))                     # 32.25 and an indicator
//	s = StandardScaler().fit(x)               # before filling, of what is there
//	print(((np.nan_to_num(x, nan=np.nanmedian(x)) - s.mean_) / s.scale_).astype(np.float32))
//	m = MinMaxScaler().fit(x)
//	print((np.nan_to_num(x, nan=np.nanmedian(x)) * m.scale_ + m.min_).astype(np.float32))
//	print(OneHotEncoder(handle_unknown="ignore").fit(d[["sex"]].dropna()).transform(d[["sex"]].fillna("x")))
//	print(OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=2).fit(d[["sex"]].dropna()).transform(d[["sex"]].fillna("?")))
func TestEncodings(t *testing.T) {
	table := survivorTable(t)
	for _, c := range []struct {
		encoding tabular.Encoding
		column   string
		names    []string
		want     []float32
	}{
		{tabular.Encoding{Fill: tabular.FillMedian, Indicator: true}, "age", []string{"age", "age missing"}, []float32{22, 0, 32.25, 1, 26.5, 0, 1e6, 0, 38, 0}},
		{tabular.Encoding{Fill: tabular.FillMean}, "age", []string{"age"}, []float32{22, 250021.625, 26.5, 1e6, 38}},
		{tabular.Encoding{Fill: tabular.FillMedian, Scale: tabular.Standard}, "age", []string{"age"}, []float32{-0.577366054058075, -0.5773423910140991, -0.577355682849884, 1.7320507764816284, -0.5773290991783142}},
		{tabular.Encoding{Fill: tabular.FillMedian, Scale: tabular.MinMax}, "age", []string{"age"}, []float32{0.0, 1.025022538669873e-05, 4.500098839343991e-06, 1.0, 1.600035284354817e-05}},
		{tabular.Encoding{Unknown: true, Scale: tabular.Standard}, "sex", []string{"sex=female", "sex=male", "sex unknown"}, []float32{0, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0, 1, 0, 1, 0}},
		{tabular.Encoding{Unknown: true, Ordinal: []string{"sex"}, Scale: tabular.Standard}, "sex", []string{"sex"}, []float32{1, 0, 0, 2, 1}},
		{tabular.Encoding{Fill: tabular.FillMedian}, "since", []string{"since"}, []float32{18263, 18809, 18263, 18263, 0}},
		{tabular.Encoding{Fill: tabular.FillMedian, Scale: tabular.MinMax, Indicator: true}, "since", []string{"since", "since missing"}, []float32{18263. / 18809, 0, 1, 0, 18263. / 18809, 1, 18263. / 18809, 0, 0, 0}},
	} {
		e, err := c.encoding.Fit(table, c.column)
		if err != nil {
			t.Fatal(err)
		}
		x, err := e.Encode(table)
		if err != nil || !slices.Equal(e.Names, c.names) || len(x) != len(c.want) {
			t.Fatalf("%+v: %v %v %v", c.encoding, e.Names, x, err)
		}
		for i := range x {
			if math.Abs(float64(x[i]-c.want[i])) > 1e-7*math.Abs(float64(c.want[i])) {
				t.Errorf("%+v: %v, want %v", c.encoding, x, c.want)
				break
			}
		}
	}
	e, err := tabular.Encoding{Unknown: true, Ordinal: []string{"sex"}}.Fit(table, "sex")
	if err != nil || !slices.Equal(e.Categories("sex"), []string{"female", "male"}) || e.Categories("age") != nil {
		t.Error(err)
	}
}

// A constant column is 0 after scaling, as in scikit-learn, and changes by what
// it changes.
func TestScalingOfAConstant(t *testing.T) {
	table := &tabular.Table{Columns: []tabular.Column{{Name: "a", Numbers: slices.Repeat([]float64{0.1}, 1000)}}}
	for _, scale := range []tabular.Scaling{tabular.Standard, tabular.MinMax} {
		e, err := tabular.Encoding{Scale: scale}.Fit(table)
		if err != nil {
			t.Fatal(err)
		}
		if x, err := e.Encode(&tabular.Table{Columns: []tabular.Column{{Name: "a", Numbers: []float64{0.1, 2.1}}}}); err != nil || !slices.Equal(x, []float32{0, 2}) {
			t.Error(x, err)
		}
	}
}

func TestCodes(t *testing.T) {
	table := survivorTable(t)
	e, err := tabular.Encoding{Fill: tabular.FillMean, Indicator: true, Unknown: true, Ordinal: []string{"sex"}}.Fit(table)
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Encode(table)
	if err != nil {
		t.Fatal(err)
	}
	if got := e.Codes([]int32{7}, x, "sex"); !slices.Equal(got, []int32{7, 1, 0, 0, 2, 1}) {
		t.Error(got)
	}
	buffer := make([]int32, 0, 8)
	if n := testing.AllocsPerRun(10, func() { buffer = e.Codes(buffer[:0], x, "sex") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	for _, f := range []func(){func() { e.Codes(nil, x, "age") }, func() { e.Codes(nil, x[1:], "sex") }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("codes of what has none")
				}
			}()
			f()
		}()
	}
}

// Ten seconds are 0.00012 days, and less than float32 tells at 1.7e9: scaling
// comes first. StandardScaler().fit_transform of scikit-learn.
func TestScalingComesBeforeFloat32(t *testing.T) {
	table := &tabular.Table{Columns: []tabular.Column{{Name: "t", Numbers: []float64{1.7e9, 1.7e9 + 10, 1.7e9 + 20, 1.7e9 + 60}}}}
	e, err := tabular.Encoding{Scale: tabular.Standard}.Fit(table)
	if err != nil {
		t.Fatal(err)
	}
	if x, err := e.Encode(table); err != nil || !slices.Equal(x, []float32{-0.9878783226013184, -0.5488212704658508, -0.10976426303386688, 1.6464638710021973}) {
		t.Error(x, err)
	}
	if _, err := tabular.NewEncoder(table); err == nil || !strings.Contains(err.Error(), "4 different numbers around 1.70000002e+09, of which float32 keeps 1: set Encoding.Scale") {
		t.Error(err)
	}
	table.Columns = append(table.Columns, tabular.Column{Name: "x", Numbers: []float64{1, 2, 3, 4}})
	if _, err := table.Regression("t", nil); err == nil || !strings.Contains(err.Error(), "subtract their mean") {
		t.Error(err)
	}
	if err := table.SetKind("t", tabular.Date); err != nil {
		t.Fatal(err)
	}
}

// What cannot be encoded is an error with the column and the first row, and
// never zeros.
func TestEncodeRefuses(t *testing.T) {
	table := survivorTable(t)
	numbers := func(v ...float64) tabular.Column { return tabular.Column{Name: "age", Numbers: v} }
	texts := func(v ...string) tabular.Column { return tabular.Column{Name: "sex", Texts: v} }
	tableOf := func(c ...tabular.Column) *tabular.Table { return &tabular.Table{Columns: c} }
	encode := func(o tabular.Encoding, train, on *tabular.Table) error {
		e, err := o.Fit(train)
		if err == nil {
			_, err = e.Encode(on)
		}
		return err
	}
	many := make([]string, 70_000)
	for i := range many {
		many[i] = fmt.Sprint("c", i)
	}
	for why, err := range map[string]error{
		`row 1 lacks a number in column "age": Fill the column first, or set Encoding.Fill`:                        encode(tabular.Encoding{Unknown: true}, table, table),
		`row 1 has "other", which the training part lacks in column "sex": set Encoding.Unknown`:                   encode(tabular.Encoding{}, tableOf(texts("male", "female")), tableOf(texts("male", "other"))),
		`row 2 lacks a text in column "sex"`:                                                                       encode(tabular.Encoding{}, tableOf(texts("male", "female")), tableOf(texts("male", "male", ""))),
		`column "sex" has no value in any of the 2 rows`:                                                           encode(tabular.Encoding{Unknown: true}, tableOf(texts("", "")), nil),
		`column "age" has no value in any of the 1 rows`:                                                           encode(tabular.Encoding{Fill: tabular.FillMean}, tableOf(numbers(math.NaN())), nil),
		`column "age" has no value in any of the 0 rows`:                                                           encode(tabular.Encoding{}, tableOf(numbers()), nil),
		`row 1, column "age": 1e+39 is beyond float32`:                                                             encode(tabular.Encoding{}, tableOf(numbers(1, 1e39)), tableOf(numbers(1, 1e39))),
		`row 0, column "age": 1e-50 is beyond float32`:                                                             encode(tabular.Encoding{}, tableOf(numbers(1e-50, 1)), tableOf(numbers(1e-50, 1))),
		`row 0, column "age": +Inf is beyond float32`:                                                              encode(tabular.Encoding{}, tableOf(numbers(1, 2)), tableOf(numbers(math.Inf(1), 1))),
		`column "age" is of kind category, and of kind number in the training part: read it with CSVOptions.Kinds`: encode(tabular.Encoding{}, tableOf(numbers(1, 2)), tableOf(tabular.Column{Name: "age", Texts: []string{"1", "x"}})),
		`column "age" has 2 rows, column "sex" has 1`:                                                              encode(tabular.Encoding{}, tableOf(texts("male"), numbers(1, 2)), nil),
		`column "age" is of kind category and holds something else: SetKind`:                                       encode(tabular.Encoding{}, tableOf(tabular.Column{Name: "age", Kind: tabular.Category, Numbers: []float64{1}}), nil),
		`column "sex" is of kind number and holds something else`:                                                  encode(tabular.Encoding{}, tableOf(tabular.Column{Name: "sex", Kind: tabular.Number, Texts: []string{"1"}}), nil),
		`two columns are named "age"`:                                                                              encode(tabular.Encoding{}, tableOf(numbers(1, 2), numbers(1, 2)), nil),
		`has no column "age"`:                                                                                      encode(tabular.Encoding{}, tableOf(numbers(1, 2)), tableOf(texts("male"))),
		"there are no columns to encode":                                                                           encode(tabular.Encoding{}, tableOf(), nil),
		"a column without a name":                                                                                  encode(tabular.Encoding{}, tableOf(tabular.Column{Numbers: []float64{1, 2}}), nil),
		"Indicator marks what Fill fills":                                                                          encode(tabular.Encoding{Indicator: true}, table, table),
		`Ordinal names "job", which is not among the columns`:                                                      encode(tabular.Encoding{Ordinal: []string{"job"}}, table, table),
		`Ordinal names "age", which is of kind number`:                                                             encode(tabular.Encoding{Ordinal: []string{"age"}}, table, table),
		"no such Encoding":                           encode(tabular.Encoding{Scale: 3}, table, table),
		`column "age": center 0, scale +Inf`:         encode(tabular.Encoding{Scale: tabular.Standard}, tableOf(numbers(-1e300, 1e300)), nil),
		`column "sex" has 70000 different texts`:     encode(tabular.Encoding{}, tableOf(texts(many...)), nil),
		`0 features and 70000 more for column "sex"`: encode(tabular.Encoding{}, tableOf(tabular.Column{Name: "sex", Kind: tabular.Category, Texts: many}), nil),
		`70000 rows of 65000 features (65000 of them are column "sex"'s) are more than 1073741824 numbers: encode parts`: encode(tabular.Encoding{}, tableOf(tabular.Column{Name: "sex", Kind: tabular.Category, Texts: many[:65_000]}), tableOf(texts(many...))),
	} {
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q in it", err, why)
		}
	}
	if err := encode(tabular.Encoding{Ordinal: []string{"sex"}}, tableOf(tabular.Column{Name: "sex", Kind: tabular.Category, Texts: many}), tableOf(texts(many...))); err != nil {
		t.Errorf("codes of 70,000 categories: %v", err)
	}
}

// The answer is never a feature, and a table needs some.
func TestSamplesRefuse(t *testing.T) {
	read := func(s string) *tabular.Table {
		table, err := tabular.ReadCSV(strings.NewReader(s), tabular.CSVOptions{Missing: []string{}})
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	only, both := read("y\n1\n2\n"), read("a,y\n1,1\n2,2\n")
	all, err := tabular.NewEncoder(both)
	if err != nil {
		t.Fatal(err)
	}
	classification := func(table *tabular.Table, e *tabular.Encoder) error {
		_, _, err := table.Classification("y", e)
		return err
	}
	regression := func(table *tabular.Table, e *tabular.Encoder) error {
		_, err := table.Regression("y", e)
		return err
	}
	prepare := func(p tabular.Task, table *tabular.Table) error {
		_, err := p.Prepare(table)
		return err
	}
	for _, c := range []struct {
		why string
		err error
	}{
		{`no column but "y"`, classification(only, nil)},
		{`no column but "y"`, regression(only, nil)},
		{`no column but "y"`, prepare(tabular.Task{Label: "y"}, only)},
		{`column "y" is the answer and among the features`, classification(both, all)},
		{`column "y" is the answer and among the features`, regression(both, all)},
		{"no rows", classification(read("a,y\n"), nil)},
		{"no rows", prepare(tabular.Task{Label: "y", Test: 0.5}, read("a,y\n"))},
		{"a part empty", prepare(tabular.Task{Target: "y", Test: 0.5}, both.Rows(nil))},
		{"a part empty", prepare(tabular.Task{Label: "y", Test: 0.1}, both)},
		{"either a Label", prepare(tabular.Task{}, both)},
		{"either a Label", prepare(tabular.Task{Label: "y", Target: "a"}, both)},
		{"want 0 to below 1", prepare(tabular.Task{Label: "y", Test: 1}, both)},
		{`column "a" has no value`, classification(read("a,y\n,u\n,v\n"), nil)},
		{`row 0 has no label in column "y"`, classification(read("a,y\n1,\n2,\n"), nil)},
		{`row 0, column "y": 1e+39 is beyond float32`, regression(read("a,y\n1,1e39\n2,2\n"), nil)},
		{`holds texts or dates (kind date)`, regression(read("a,y\n1,2024-01-01\n"), nil)},
		{`plain numbers; line 2, "1,5" is a number in another notation): it cannot be a target`, regression(read("a,y\n1,\"1,5\"\n2,3\n"), nil)},
		{`no column "y"`, prepare(tabular.Task{Target: "y"}, read("a\n1\n"))},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.why) {
			t.Errorf("%v, want %q in it", c.err, c.why)
		}
	}
}

// A column of texts that nobody filled in: an error, once a panic.
func TestRowsWithoutACategory(t *testing.T) {
	table := survivorTable(t)
	if err := table.SetKind("age", tabular.Category); err != nil {
		t.Fatal(err)
	}
	sub, err := table.Rows([]int{3}).Select("sex", "since")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := sub.Classification("since", nil); err == nil || !strings.Contains(err.Error(), `column "sex" has no value`) {
		t.Error(err)
	}
}

// A regression: the encoder has seen the training rows only, and both parts
// have the rows that Fold says.
func TestTaskOfRegression(t *testing.T) {
	var b strings.Builder
	b.WriteString("a,kind,y\n")
	for i := range 20 {
		fmt.Fprintf(&b, "%d,k%d,%d\n", i, i%3, 10*i)
	}
	table, err := tabular.ReadCSV(strings.NewReader(b.String()), tabular.CSVOptions{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := tabular.Task{Target: "y", Test: 0.25, Seed: 3, Encoding: tabular.Encoding{Scale: tabular.MinMax}}.Prepare(table)
	if err != nil || s.Train.Len() != 15 || s.Test.Len() != 5 || s.Preprocessor.Classes != nil {
		t.Fatal(s, err)
	}
	e, err := tabular.Encoding{Scale: tabular.MinMax}.Fit(table.Rows(s.Fold.Train), "a", "kind")
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Encode(table.Rows(s.Fold.Test))
	if b := batch(t, s.Test, 0, 0, 1, 2, 3, 4); err != nil || !reflect.DeepEqual(b.X, x) || b.Y[2] != float32(10*s.Fold.Test[2]) {
		t.Errorf("%v %v, want %v", b.X, b.Y, x)
	}
	saved, err := json.Marshal(s.Preprocessor)
	if err != nil || strings.Contains(string(saved), "classes") {
		t.Errorf("%s %v", saved, err)
	}
}

// A second table that has other classes, or some of them: labels number the
// classes of the first.
func TestClassesOfAnotherTable(t *testing.T) {
	read := func(text string) *tabular.Table {
		table, err := tabular.ReadCSV(strings.NewReader(text), tabular.CSVOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	p, err := tabular.Task{Label: "kind"}.Fit(read("a,kind\n1,cat\n2,dog\n3,eel\n"))
	if err != nil {
		t.Fatal(err)
	}
	set, err := p.Dataset(read("kind,a\neel,5\ndog,6\n"))
	if err != nil {
		t.Fatal(err)
	}
	if b := batch(t, set, 0, 0, 1); !slices.Equal(b.Labels, []int32{2, 1}) || !slices.Equal(b.X, []float32{5, 6}) {
		t.Errorf("%v %v", b.Labels, b.X)
	}
	for text, why := range map[string]string{"a,kind\n1,fox\n": `row 0, column "kind": data: no class is named "fox"; there are ["cat" "dog" "eel"]`, "a,b\n1,2\n": `no column "kind"`, "kind,a\ncat,x\n": "of kind category"} {
		if _, err := p.Dataset(read(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q in it", text, err, why)
		}
	}
	r, err := tabular.Task{Target: "a"}.Fit(read("a,kind\n1,cat\n2,dog\n"))
	if err != nil {
		t.Fatal(err)
	}
	if set, err = r.Dataset(read("kind,a\ndog,7\n")); err != nil || batch(t, set, 0, 0).Y[0] != 7 {
		t.Error(err)
	}
}

// One row at a time gives the features of the table's.
func TestEncodeRow(t *testing.T) {
	table := survivorTable(t)
	e, err := tabular.Encoding{Scale: tabular.Standard, Fill: tabular.FillMedian, Indicator: true, Unknown: true}.Fit(table)
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.Encode(table)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range []map[string]any{
		{"age": 22., "sex": "male", "since": "2020-01-01"},
		{"age": nil, "sex": "female", "since": time.Date(2021, 6, 30, 2, 0, 0, 0, time.FixedZone("", 7200))},
		{"age": json.Number("26.5"), "sex": "female", "since": nil},
		{"age": 1_000_000, "sex": nil, "since": "2020-01-01T00:00:00Z"},
	} {
		if got, err := e.EncodeRow(row); err != nil || !slices.Equal(got, x[i*len(e.Names):(i+1)*len(e.Names)]) {
			t.Errorf("%v: %v %v", row, got, err)
		}
	}
	for why, row := range map[string]map[string]any{
		`no value for column "since"`:                    {"age": 1., "sex": "male"},
		`column "agge", which the encoder does not know`: {"age": 1., "sex": "male", "since": nil, "agge": 2},
		`column "age": 22 (string) is no number`:         {"age": "22", "sex": "male", "since": nil},
		`column "age": NaN (float64) is no number`:       {"age": math.NaN(), "sex": "male", "since": nil},
		`column "sex": 1 (int) is no text`:               {"age": 1, "sex": 1, "since": nil},
		`column "since": 5 (int) is no date`:             {"age": 1, "sex": "male", "since": 5},
		`column "since": 1/2/2024 (string) is no date`:   {"age": 1, "sex": "male", "since": "1/2/2024"},
		`+Inf is beyond float32`:                         {"age": math.Inf(1), "sex": "male", "since": nil},
	} {
		if x, err := e.EncodeRow(row); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v: %v %v, want %q in it", row, x, err, why)
		}
	}
}
