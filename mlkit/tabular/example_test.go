package tabular_test

import (
	"descent/mlkit/data"
	"descent/mlkit/tabular"
	"fmt"
	"strings"
)

// A table with numbers and categories: split it, learn categories and scales
// from the training part, and apply both to both parts.
func ExampleTable_Classification() {
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
	training, test := table.Rows([]int{0, 1, 2}), table.Rows([]int{3, 4})
	encoder, err := tabular.NewEncoder(training, training.Names("survived")...)
	if err != nil {
		fmt.Println(err)
		return
	}
	set, classes, err := training.Classification("survived", encoder)
	if err != nil {
		fmt.Println(err)
		return
	}
	scaler, err := data.FitMinMax(set)
	if err != nil {
		fmt.Println(err)
		return
	}
	testSet, _, err := test.Classification("survived", encoder)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(encoder.Names, classes)
	for _, s := range []data.Dataset{scaler.Of(set), scaler.Of(testSet)} {
		for batch := range (&data.Loader{Dataset: s}).Epoch(0) {
			fmt.Println(batch.XDims, batch.X, batch.Labels)
		}
	}
	// Output:
	// [age sex=female sex=male] [no yes]
	// [3 3] [0 0 1 1 1 0 0.25 1 0] [0 1 1]
	// [2 3] [0.8125 0 1 2 0 1] [0 0]
}
