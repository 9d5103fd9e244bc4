package compress

import (
	"math"
	"slices"
)

// A Range chooses, from the values that a layer's input has had, the bounds
// that its bytes cover: what lies beyond becomes the nearest bound. The values
// are finite and at least one; the result is widened to hold 0, which a byte
// represents exactly, as paddings and ReLU need it.
type Range func(values []float32) (lo, hi float32)

// MinMax covers all values: no value is cut off, and a single large one makes
// the steps between all others coarse.
func MinMax(values []float32) (lo, hi float32) { return slices.Min(values), slices.Max(values) }

// Percentile leaves out the given share of the values, 1e-4 for example, half
// of it at either end. A share outside of [0, 1) panics.
func Percentile(out float64) Range {
	if !(out >= 0 && out < 1) {
		panic("compress: Percentile: the share that is left out must be in [0, 1)")
	}
	return func(values []float32) (lo, hi float32) {
		sorted := slices.Sorted(slices.Values(values))
		skip := int(out / 2 * float64(len(sorted)))
		return sorted[skip], sorted[len(sorted)-1-skip]
	}
}

// LeastError is the range with the smallest squared error of rounding and
// cutting off together, among 100 shares of that of MinMax, estimated from a
// histogram of 2048 bins.
func LeastError(values []float32) (lo, hi float32) {
	lo, hi = withZero(MinMax(values))
	if lo == hi {
		return lo, hi
	}
	const bins = 2048
	var count [bins]float64
	width := (float64(hi) - float64(lo)) / bins
	for _, v := range values {
		count[min(int((float64(v)-float64(lo))/width), bins-1)]++
	}
	best, least := 1., math.Inf(1)
	for share := 100; share > 0; share-- {
		s := float64(share) / 100
		a := affineOf(float32(s*float64(lo)), float32(s*float64(hi)))
		var sum float64
		for i, n := range count {
			if n > 0 {
				v := float32(float64(lo) + (float64(i)+0.5)*width)
				d := float64(v) - float64(a.rounded(v))
				sum += n * d * d
			}
		}
		if sum < least {
			best, least = s, sum
		}
	}
	return float32(best * float64(lo)), float32(best * float64(hi))
}

func withZero(lo, hi float32) (float32, float32) { return min(lo, 0), max(hi, 0) }

// affine is how bytes stand for numbers: scale·(byte − zero) (Jacob et al.,
// Quantization and training of neural networks for efficient integer-arithmetic
// -only inference, 2018, equation 1).
type affine struct {
	scale float32
	zero  uint8
}

// affineOf spreads 256 steps over a range, which is widened to hold 0.
func affineOf(lo, hi float32) affine {
	lo, hi = withZero(lo, hi)
	scale := float32((float64(hi) - float64(lo)) / 255)
	if scale == 0 { // nothing but zeros
		return affine{scale: 1}
	}
	zero := math.RoundToEven(-float64(lo) / float64(scale))
	return affine{scale, uint8(max(0, min(255, zero)))}
}

// inverse is what numbers are multiplied by.
func (a affine) inverse() float32 { return 1 / a.scale }

// rounded is the number that v's byte stands for.
func (a affine) rounded(v float32) float32 {
	q := math.RoundToEven(float64(v * a.inverse()))
	q = max(-float64(a.zero), min(255-float64(a.zero), q))
	return float32(q) * a.scale
}

// rounding makes bytes of the rows of a matrix of n rows: symmetric, each with
// a scale of its own, from −127 to 127.
func rounding(w []float32, n int) (q []int8, scales []float32) {
	q, scales = make([]int8, len(w)), make([]float32, n)
	k := len(w) / n
	for r := range n {
		row := w[r*k : (r+1)*k]
		scales[r] = rowScale(row, 127)
		for i, v := range row {
			q[r*k+i] = int8(symmetric(v, scales[r], 127))
		}
	}
	return q, scales
}

// rowScale is the step that brings the largest magnitude to most.
func rowScale(row []float32, most float32) float32 {
	var top float32
	for _, v := range row {
		top = max(top, float32(math.Abs(float64(v))))
	}
	if scale := top / most; scale > 0 {
		return scale
	}
	return 1
}

func symmetric(v, scale, most float32) float32 {
	return max(-most, min(most, float32(math.RoundToEven(float64(v/scale)))))
}
