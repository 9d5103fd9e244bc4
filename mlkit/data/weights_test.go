package data

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1,
// 2], y=[0, 0, 0, 0, 0, 0, 1, 1, 2])
func TestClassWeights(t *testing.T) {
	labels := []int32{0, 0, 0, 0, 0, 0, 1, 1, 2, -1}
	w, err := ClassWeights(labels, 3)
	if want := []float32{0.5, 1.5, 3}; err != nil || !slices.Equal(w, want) {
		t.Fatalf("%v, %v", w, err)
	}
	if s := SampleWeights(labels, w); s[0] != 0.5 || s[8] != 3 || s[9] != 0 {
		t.Error(s)
	}
	if _, err := ClassWeights(labels, 2); err == nil || !strings.Contains(err.Error(), "label 2 of sample 8") {
		t.Error(err)
	}
	if _, err := ClassWeights(labels, 4); err == nil || !strings.Contains(err.Error(), "class 3 of 4 has no samples") {
		t.Error(err)
	}
}

// Samples come as often as their weights say, never with weight 0, the same for
// the same seed and epoch, and others in the next.
func TestWeightedSampling(t *testing.T) {
	const draws = 60_000
	set := FromSlices(make([]float32, 4), []int{1}, make([]float32, 4), []int{1})
	l := &Loader{Dataset: set, Weights: []float64{1, 0, 2, 0}, Draws: draws, BatchSize: 1000, Seed: 3}
	if l.Len() != 60 {
		t.Fatal(l.Len())
	}
	first := slices.Clone(l.Permutation(0))
	count := make([]int, 4)
	for _, i := range first {
		count[i]++
	}
	sd := math.Sqrt(draws * 1. / 3 * 2 / 3)
	if count[1]+count[3] != 0 || math.Abs(float64(count[0])-draws/3) > 4*sd {
		t.Error(count)
	}
	if second := slices.Clone(l.Permutation(1)); slices.Equal(first, second) || !slices.Equal(first, l.Permutation(0)) {
		t.Error("an epoch's order is not a function of the seed and the epoch")
	}
	l.SameOrder = true
	if again := slices.Clone(l.Permutation(0)); !slices.Equal(again, l.Permutation(7)) {
		t.Error("SameOrder has two orders")
	}
	l.Draws = 0
	if l.Len() != 1 || len(l.Permutation(0)) != 4 {
		t.Error("without Draws an epoch is as long as the set")
	}
	n := 0
	for b, err := range l.Epoch(0) {
		if err != nil {
			t.Fatal(err)
		}
		n += len(b.Index)
	}
	if n != 4 {
		t.Error(n)
	}
}

func TestWeightsRefused(t *testing.T) {
	set := FromSlices(make([]float32, 3), []int{1}, make([]float32, 3), []int{1})
	for want, l := range map[string]*Loader{
		"2 weights for 3 samples":                 {Weights: []float64{1, 2}},
		"Loader.Weights[1] is NaN":                {Weights: []float64{1, math.NaN(), 1}},
		"Loader.Weights[2] is -1":                 {Weights: []float64{1, 1, -1}},
		"the sum of Loader.Weights is 0":          {Weights: []float64{0, 0, 0}},
		"the sum of Loader.Weights is +Inf":       {Weights: []float64{math.MaxFloat64, math.MaxFloat64, 0}},
		"has Weights and an Order":                {Weights: []float64{1, 1, 1}, Order: []int{0}},
		"Loader.Draws is -1":                      {Weights: []float64{1, 1, 1}, Draws: -1},
		"but there are no Weights to draw by":     {Draws: 5},
		"needs a data set that knows the lengths": {Weights: []float64{1, 1, 1}, Bucket: 2},
	} {
		l.Dataset = set
		var err error
		for _, err = range l.Epoch(0) {
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
