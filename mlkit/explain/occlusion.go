package explain

import "fmt"

// Occlusion covers windows of the input with the baseline, one after the other,
// and gives each element the mean loss of score over the windows that covered
// it (Zeiler & Fergus, Visualizing and understanding convolutional networks,
// 2014). window and stride have a size for each axis of the input; the last
// window of an axis is cut off at its end.
func Occlusion(f Scores, in Input, window, stride []int) ([]float32, error) {
	in, err := in.checked("Occlusion")
	if err != nil {
		return nil, err
	}
	if len(in.Dims) == 0 || len(window) != len(in.Dims) || len(stride) != len(in.Dims) {
		return nil, fmt.Errorf("explain: Occlusion: window %v and stride %v for an input of shape %v: give a size for each axis", window, stride, in.Dims)
	}
	count := 1
	places := make([]int, len(in.Dims))
	for a, d := range in.Dims {
		if window[a] < 1 || window[a] > d || stride[a] < 1 || stride[a] > window[a] && d > window[a] {
			return nil, fmt.Errorf("explain: Occlusion: window %v with stride %v in an input of shape %v: need 1 ≤ stride ≤ window ≤ size", window, stride, in.Dims)
		}
		places[a] = 1 + (d-window[a]+stride[a]-1)/stride[a]
		count *= places[a]
	}
	lo, hi, at := make([]int, len(in.Dims)), make([]int, len(in.Dims)), make([]int, len(in.Dims))
	last := len(in.Dims) - 1
	// covered calls g for the runs of elements that window i covers.
	covered := func(i int, g func(from, to int)) {
		for a := last; a >= 0; a-- {
			lo[a] = i % places[a] * stride[a]
			hi[a] = min(lo[a]+window[a], in.Dims[a])
			i /= places[a]
		}
		copy(at, lo)
		for a := 0; a >= 0; { // the row at, and then the next one
			row := 0
			for a, d := range in.Dims {
				row = row*d + at[a]
			}
			g(row, row+hi[last]-lo[last])
			for a = last - 1; a >= 0; a-- {
				if at[a]++; at[a] < hi[a] {
					break
				}
				at[a] = lo[a]
			}
		}
	}
	scores, err := evaluate("Occlusion", f, in, count+1, func(i int, x []float32) {
		copy(x, in.X)
		if i > 0 {
			covered(i-1, func(from, to int) { copy(x[from:to], in.Baseline[from:to]) })
		}
	}, nil)
	if err != nil {
		return nil, err
	}
	sum, times := make([]float64, len(in.X)), make([]float64, len(in.X))
	for i := range count {
		covered(i, func(from, to int) {
			for k := from; k < to; k++ {
				sum[k] += scores[0] - scores[i+1]
				times[k]++
			}
		})
	}
	out := make([]float32, len(in.X))
	for k := range out {
		out[k] = float32(sum[k] / times[k])
	}
	return out, nil
}
