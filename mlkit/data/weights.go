package data

import (
	"fmt"
	"math"
	"sort"
)

// ClassWeights returns the weight of each class, [classes], that makes all
// classes count alike: samples / (classes · samples of the class), whose mean
// over the samples is 1 (King & Zeng 2001; scikit-learn's "balanced"). They go
// into a loss (nn.CrossEntropyLoss.Weight) or, by [SampleWeights], into
// Loader.Weights. A label below 0 counts nowhere; one that is too large, or a
// class without samples, is an error.
func ClassWeights(labels []int32, classes int) ([]float32, error) {
	count, n := make([]int, classes), 0
	for i, l := range labels {
		if int(l) >= classes {
			return nil, fmt.Errorf("data: label %d of sample %d: there are %d classes", l, i, classes)
		}
		if l >= 0 {
			count[l]++
			n++
		}
	}
	weights := make([]float32, classes)
	for k, c := range count {
		if c == 0 {
			return nil, fmt.Errorf("data: class %d of %d has no samples: no weight makes it count like the others", k, classes)
		}
		weights[k] = float32(float64(n) / (float64(classes) * float64(c)))
	}
	return weights, nil
}

// SampleWeights returns the weight of each sample's class, for Loader.Weights;
// 0 for a label below 0. It panics on a label without a weight.
func SampleWeights(labels []int32, classWeights []float32) []float64 {
	weights := make([]float64, len(labels))
	for i, l := range labels {
		if l >= 0 {
			weights[i] = float64(classWeights[l])
		}
	}
	return weights
}

// checkWeights says why samples cannot be drawn, if so.
func (l *Loader) checkWeights() error {
	if l.Weights == nil {
		if l.Draws != 0 {
			return fmt.Errorf("data: Loader.Draws is %d, but there are no Weights to draw by", l.Draws)
		}
		return nil
	}
	switch n := l.Dataset.Len(); {
	case l.Order != nil:
		return fmt.Errorf("data: the Loader has Weights and an Order: Weights say which samples are drawn; for a part of the set give the others the weight 0")
	case l.Draws < 0:
		return fmt.Errorf("data: Loader.Draws is %d: want at least 0", l.Draws)
	case len(l.Weights) != n:
		return fmt.Errorf("data: the Loader has %d weights for %d samples", len(l.Weights), n)
	}
	var sum float64
	for i, w := range l.Weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return fmt.Errorf("data: Loader.Weights[%d] is %v: want finite numbers of at least 0", i, w)
		}
		sum += w
	}
	if len(l.Weights) > 0 && !(sum > 0 && !math.IsInf(sum, 1)) {
		return fmt.Errorf("data: the sum of Loader.Weights is %v: no sample can be drawn", sum)
	}
	return nil
}

// draw fills the order with samples drawn by their weights: each is the one in
// whose part of the sum a uniform number falls.
func (l *Loader) draw() {
	if err := l.checkWeights(); err != nil {
		panic(err)
	}
	l.sums = resize(l.sums, len(l.Weights))
	var sum float64
	for i, w := range l.Weights {
		sum += w
		l.sums[i] = sum
	}
	for i := range l.order {
		u := float64(l.random.Uint64()>>11) / (1 << 53) * sum
		l.order[i] = sort.Search(len(l.sums)-1, func(k int) bool { return l.sums[k] > u })
	}
}
