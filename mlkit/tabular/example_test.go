package tabular_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"descent/mlkit/data"
	"descent/mlkit/tabular"
)

// A table with numbers and categories becomes training and test sets:
// categories and scales are learned from the training part, and applied to
// both.
func ExampleTask() {
	table, err := tabular.ReadCSV(strings.NewReader(`age,sex,survived
22,male,no
38,female,yes
26,female,yes
35,male,no
54,male,no
`), tabular.CSVOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	people, err := tabular.Task{Label: "survived", Test: 0.4, Encoding: tabular.Encoding{Scale: tabular.MinMax}}.Prepare(table)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(people.Preprocessor.Encoder.Names, people.Preprocessor.Classes, people.Fold)
	for _, set := range []data.Dataset{people.Train, people.Test} {
		for batch := range (&data.Loader{Dataset: set}).Epoch(0) {
			fmt.Println(batch.XDims, batch.X, batch.Labels)
		}
	}
	// Output:
	// [age sex=female sex=male] [no yes] {[0 2 3] [1 4]}
	// [3 3] [0 0 1 0.30769232 1 0 1 0 1] [0 1 0]
	// [2 3] [1.2307693 1 0 2.4615386 0 1] [1 0]
}

// A service needs what was fitted: it saves and loads whole.
func ExampleEncoder() {
	train := &tabular.Table{Columns: []tabular.Column{
		{Name: "age", Numbers: []float64{20, 60, 70}},
		{Name: "sex", Texts: []string{"male", "female", "female"}},
	}}
	fitted, err := tabular.Encoding{Scale: tabular.Standard, Unknown: true}.Fit(train)
	if err != nil {
		fmt.Println(err)
		return
	}
	saved, err := json.Marshal(fitted)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(string(saved))

	var encoder tabular.Encoder
	if err := json.Unmarshal(saved, &encoder); err != nil {
		fmt.Println(err)
		return
	}
	row := &tabular.Table{Columns: []tabular.Column{
		{Name: "age", Numbers: []float64{50}},
		{Name: "sex", Texts: []string{"other"}},
	}}
	fmt.Println(encoder.Names)
	fmt.Println(encoder.Encode(row))
	// Output:
	// {"columns":[{"name":"age","kind":"number","scaling":{"center":50,"scale":21.602468994692867}},{"name":"sex","kind":"category","categories":["female","male"],"unknown":true}]}
	// [age sex=female sex=male sex unknown]
	// [0 0 0 1] <nil>
}
