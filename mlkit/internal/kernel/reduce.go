package kernel

import (
	"fmt"
	"math"
)

// Sum returns the sum of x.
func Sum(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return float32(s)
}

// SumSquares returns the sum of the squares of x.
func SumSquares(x []float32) float32 { return Dot(x, x) }

// Dot returns the sum of a[i]*b[i].
func Dot(a, b []float32) float32 {
	checkLen("Dot", "the second input", len(a), len(b))
	var s float64
	for i, v := range a {
		s += float64(v) * float64(b[i])
	}
	return float32(s)
}

// MaxOf returns the largest element, NaN if any is NaN, -Inf if x is empty.
func MaxOf(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// ArgMax returns the index of the first largest element; a NaN counts as the largest, as in
// PyTorch and NumPy. It panics if x is empty.
func ArgMax(x []float32) int {
	if len(x) == 0 {
		panic("kernel: ArgMax: the input is empty")
	}
	best := 0
	for i, v := range x {
		if v != v {
			return i
		}
		if v > x[best] {
			best = i
		}
	}
	return best
}

// rowsOf returns how many rows of cols elements n elements make.
func rowsOf(op string, n, cols int) int {
	if cols <= 0 || n%cols != 0 {
		badRows(op, n, cols)
	}
	return n / cols
}

//go:noinline
func badRows(op string, n, cols int) {
	panic(fmt.Sprintf("kernel: %s: %d elements are not rows of %d", op, n, cols))
}

// AddRow computes dst[i][j] = a[i][j] + row[j]; a has rows of len(row).
func AddRow(dst, a, row []float32) {
	checkLen("AddRow", "the input", len(dst), len(a))
	if len(dst) == 0 {
		return
	}
	n := len(row)
	for i := range rowsOf("AddRow", len(dst), n) {
		d, x := dst[i*n:i*n+n], a[i*n:i*n+n]
		for j, v := range row {
			d[j] = x[j] + v
		}
	}
}

// MulRow computes dst[i][j] = a[i][j] * row[j]; a has rows of len(row).
func MulRow(dst, a, row []float32) {
	checkLen("MulRow", "the input", len(dst), len(a))
	if len(dst) == 0 {
		return
	}
	n := len(row)
	for i := range rowsOf("MulRow", len(dst), n) {
		d, x := dst[i*n:i*n+n], a[i*n:i*n+n]
		for j, v := range row {
			d[j] = x[j] * v
		}
	}
}

// AddRows adds the sums of the columns of x to dst: dst[j] += sum over i of x[i*cols+j], from the
// first row to the last (the gradient of a bias).
func AddRows(dst, x []float32, cols int) {
	checkLen("AddRows", "dst", cols, len(dst))
	if len(x) == 0 {
		return
	}
	for i := range rowsOf("AddRows", len(x), cols) {
		for j, v := range x[i*cols : i*cols+cols] {
			dst[j] += v
		}
	}
}

// SumRows computes the sums of the rows of x: dst[i] = sum over j of x[i*cols+j].
func SumRows(dst, x []float32, cols int) {
	checkLen("SumRows", "dst", rowsOf("SumRows", len(x), cols), len(dst))
	for i := range dst {
		dst[i] = Sum(x[i*cols : i*cols+cols])
	}
}
