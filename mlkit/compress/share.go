package compress

import (
	"fmt"
	"math"
	"slices"

	"descent/mlkit/tensor"
)

// Share makes the weights of each parameter take at most that many different
// values beside zero: the means of one-dimensional k-means, which begins with
// values spread evenly from the lowest weight to the highest (Han, Mao & Dally,
// Deep compression, 2016, section 3). Zeros stay zero, so a pruned parameter
// stays pruned; of the others none becomes zero. It returns for each parameter
// the root mean square of what its weights have moved. Few values cost few bits
// each in the file of [Encode]. Fewer than one value is an error, and so is a
// weight that is not finite.
func Share(params []*tensor.Param, values int) (moved []float64, err error) {
	if values < 1 {
		return nil, fmt.Errorf("compress: Share: %d values for the weights: at least one", values)
	}
	for i, p := range params {
		if k := slices.IndexFunc(p.Data, notFinite); k >= 0 {
			return nil, fmt.Errorf("compress: Share: weight %d of %s is %v", k, called(p, i), p.Data[k])
		}
	}
	for _, p := range params {
		moved = append(moved, share(p.Data, values))
	}
	return moved, nil
}

func share(x []float32, values int) float64 {
	var sorted []float64
	for _, v := range x {
		if v != 0 {
			sorted = append(sorted, float64(v))
		}
	}
	if len(sorted) == 0 {
		return 0
	}
	slices.Sort(sorted)
	means := kMeans(sorted, values)
	sum := 0.
	for k, v := range x {
		if v != 0 {
			x[k] = float32(means[nearest(means, float64(v))])
			if x[k] == 0 { // a mean of both signs
				x[k] = float32(math.Copysign(math.SmallestNonzeroFloat32, float64(v)))
			}
			sum += (float64(x[k]) - float64(v)) * (float64(x[k]) - float64(v))
		}
	}
	return math.Sqrt(sum / float64(len(x)))
}

// kMeans are means in rising order that belong to at least one of the numbers,
// which are sorted.
func kMeans(sorted []float64, count int) []float64 {
	n := len(sorted)
	if distinct := slices.Compact(slices.Clone(sorted)); len(distinct) <= count {
		return distinct
	}
	sums := make([]float64, n+1) // of the numbers before
	for i, v := range sorted {
		sums[i+1] = sums[i] + v
	}
	lo, hi := sorted[0], sorted[n-1]
	means := make([]float64, count)
	for k := range means {
		means[k] = lo + (hi-lo)*(float64(k)+0.5)/float64(count)
	}
	for range 100 {
		changed := false
		next := means[:0:0]
		begin := 0
		for k, m := range means {
			end := n
			if k+1 < len(means) {
				end, _ = slices.BinarySearch(sorted, (m+means[k+1])/2)
			}
			if end > begin { // what no number is nearest to goes
				mean := (sums[end] - sums[begin]) / float64(end-begin)
				changed = changed || mean != m
				next = append(next, mean)
			}
			begin = max(begin, end)
		}
		changed = changed || len(next) != len(means)
		means = next
		if !changed {
			break
		}
	}
	return means
}

func nearest(means []float64, v float64) int {
	k, _ := slices.BinarySearch(means, v)
	if k == len(means) || k > 0 && v-means[k-1] < means[k]-v {
		k--
	}
	return k
}
