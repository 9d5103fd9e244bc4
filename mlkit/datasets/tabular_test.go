package datasets_test

import (
	"math"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/tabular"
)

// The sums are scikit-learn's own: load_iris().data.sum() and so on, and
// load_diabetes(scaled=False).
func TestTabularSets(t *testing.T) {
	if testing.Short() {
		t.Skip("may download")
	}
	for _, c := range []struct {
		name, label string
		load        func() (*tabular.Table, error)
		rows, width int
		features    float64 // sum of all features
		target      float64 // sum of the labels or targets
	}{
		{"iris", "class", datasets.Iris, 150, 4, 2078.7, 150},
		{"wine", "class", datasets.Wine, 178, 13, 159975.295999, 167},
		{"breast cancer", "class", datasets.BreastCancer, 569, 30, 1056474.4596356, 569 - 357}, // labels the other way round
		{"diabetes", "progression", datasets.Diabetes, 442, 10, 276404.2336, 67243},
		{"titanic", "survived", datasets.Titanic, 889, 6, 0, 340},
		{"votes", "party", datasets.HouseVotes, 435, 16, 0, 168}, // republicans
	} {
		table, err := c.load()
		if err != nil {
			t.Logf("%s: %v", c.name, err)
			t.Skip("the data are not at hand")
		}
		var set data.Dataset
		if c.label == "progression" {
			set, err = table.Regression(c.label, nil)
		} else {
			set, _, err = table.Classification(c.label, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
		for b, err := range (&data.Loader{Dataset: set}).Epoch(0) {
			if err != nil {
				t.Fatal(err)
			}
			var features, target float64
			for _, v := range b.X {
				features += float64(v)
			}
			for _, v := range b.Y {
				target += float64(v)
			}
			for _, v := range b.Labels {
				target += float64(v)
			}
			if b.XDims[0] != c.rows || b.XDims[1] != c.width || c.features != 0 && math.Abs(features/c.features-1) > 1e-7 || target != c.target {
				t.Errorf("%s: %v, features sum to %v, targets to %v", c.name, b.XDims, features, target)
			}
		}
	}
	digits, err := datasets.Digits()
	if err != nil {
		t.Fatal(err)
	}
	var pixels, labels int
	for _, p := range digits.Pixels {
		pixels += int(p)
	}
	for _, l := range digits.Labels {
		labels += int(l)
	}
	if pixels != 561718 || labels != 8070 || digits.Len() != 1797 {
		t.Errorf("%d images, pixels sum to %d, labels to %d", digits.Len(), pixels, labels)
	}
}

// Iris to a loader in two calls: the table, and the rest. The features of the
// training part have mean 0 and standard deviation 1, and each species is in
// both parts in its proportion.
func TestIrisInTwoCalls(t *testing.T) {
	if testing.Short() {
		t.Skip("may download")
	}
	table, err := datasets.Iris()
	if err != nil {
		t.Skip("the data are not at hand: ", err)
	}
	iris, err := tabular.Task{Label: "class", Test: 0.2, Seed: 1, Encoding: tabular.Encoding{Scale: tabular.Standard}}.Prepare(table)
	if err != nil {
		t.Fatal(err)
	}
	count := func(set data.Dataset) (n [3]int, sums, squares [4]float64) {
		for b, err := range (&data.Loader{Dataset: set, BatchSize: 16, Shuffle: true}).Epoch(0) {
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range b.X {
				sums[i%4] += float64(v)
				squares[i%4] += float64(v) * float64(v)
			}
			for _, l := range b.Labels {
				n[l]++
			}
		}
		return n, sums, squares
	}
	n, sums, squares := count(iris.Train)
	for j := range 4 {
		if math.Abs(sums[j]) > 1e-4 || math.Abs(squares[j]/120-1) > 1e-6 {
			t.Errorf("feature %d: sum %v, mean square %v", j, sums[j], squares[j]/120)
		}
	}
	tested, _, _ := count(iris.Test)
	if n != [3]int{40, 40, 40} || tested != [3]int{10, 10, 10} || iris.Preprocessor.Classes[2] != "virginica" {
		t.Errorf("%v to train on, %v to test on, %q", n, tested, iris.Preprocessor.Classes)
	}
}
