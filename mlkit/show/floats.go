package show

import "math"

// Number is any type of number that Floats and Mapped accept.
type Number interface {
	~float32 | ~float64 | ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

// Floats converts any slice of numbers to the []float64 that figures take.
func Floats[T Number](x []T) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// Linspace returns n evenly spaced numbers from lo to hi, both included (n = 1
// gives lo, n <= 0 nothing).
func Linspace(lo, hi float64, n int) []float64 {
	out := make([]float64, max(n, 0))
	for i := range out {
		if n == 1 {
			out[i] = lo
			break
		}
		t := float64(i) / float64(n-1)
		out[i] = lo*(1-t) + hi*t
	}
	return out
}

// Map returns f of every element of x.
func Map(x []float64, f func(float64) float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = f(v)
	}
	return out
}

// Smooth returns the exponential moving average of y with the given weight in
// [0, 1) on the past, corrected for its start as in Adam (Kingma and Ba 2015,
// section 3). Values that are not finite are passed through and leave the
// average alone.
func Smooth(y []float64, weight float64) []float64 {
	out := make([]float64, len(y))
	sum, norm := 0.0, 0.0
	for i, v := range y {
		if !finite(v) {
			out[i] = v
			continue
		}
		sum = weight*sum + (1-weight)*v
		norm = weight*norm + (1 - weight)
		out[i] = sum / norm
	}
	return out
}

// The magnitudes that have a place on an axis. Closer to the ends of float64,
// differences and steps of coordinates would overflow or vanish.
const (
	biggest = 1e300
	least   = 1e-300
)

// finite reports whether v can be put on an axis.
func finite(v float64) bool { return math.Abs(v) <= biggest }

// index returns 0, 1, …, n−1: the x of a series that gives none.
func index(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(i)
	}
	return out
}
