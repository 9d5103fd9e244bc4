package cpu

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Volume returns the product of dims, and false if it overflows int or a
// factor is negative.
func Volume(dims ...int) (n int, ok bool) {
	p := uint(1)
	for _, d := range dims {
		if d < 0 {
			return 0, false
		}
		hi, lo := bits.Mul(p, uint(d))
		if hi != 0 || int(lo) < 0 {
			return 0, false
		}
		p = lo
	}
	return int(p), true
}

// NeedSize panics unless a slice of n elements holds an array of dims.
func NeedSize(what string, n int, dims ...int) {
	need, ok := Volume(dims...)
	if ok && n >= need {
		return
	}
	shown := slices.Clone(dims) // so that dims itself stays on the stack
	if !ok {
		panic(fmt.Sprintf("kernel: %s: %v elements overflow int", what, shown))
	}
	panic(fmt.Sprintf("kernel: %s has %d elements, needs %v = %d", what, n, shown, need))
}

// WindowFits reports whether the sizes of a window along one axis make sense
// and no position inside it overflows.
func WindowFits(n, k, stride, pad, dil int) bool {
	const limit = math.MaxInt / 8
	span, ok := Volume(k, dil)
	return ok && n >= 1 && k >= 1 && pad >= 0 && n < limit && span < limit && pad < limit && stride < limit
}

// CheckLen panics unless an argument of op has want elements.
func CheckLen(op, name string, want, got int) {
	if want != got {
		badLen(op, name, want, got)
	}
}

//go:noinline
func badLen(op, name string, want, got int) {
	panic(fmt.Sprintf("kernel: %s: %s has %d elements, want %d", op, name, got, want))
}

// RowsOf returns how many rows of cols elements n elements make.
func RowsOf(op string, n, cols int) int {
	if cols <= 0 || n%cols != 0 {
		BadRows(op, n, cols)
	}
	return n / cols
}

//go:noinline
func BadRows(op string, n, cols int) {
	panic(fmt.Sprintf("kernel: %s: %d elements are not rows of %d", op, n, cols))
}
