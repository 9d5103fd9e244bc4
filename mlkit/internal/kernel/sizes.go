package kernel

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// volume returns the product of dims, and false if it overflows int or a
// factor is negative.
func volume(dims ...int) (n int, ok bool) {
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

// needSize panics unless a slice of n elements holds an array of dims.
func needSize(what string, n int, dims ...int) {
	need, ok := volume(dims...)
	if ok && n >= need {
		return
	}
	shown := slices.Clone(dims) // so that dims itself stays on the stack
	if !ok {
		panic(fmt.Sprintf("kernel: %s: %v elements overflow int", what, shown))
	}
	panic(fmt.Sprintf("kernel: %s has %d elements, needs %v = %d", what, n, shown, need))
}

// windowFits reports whether the sizes of a window along one axis make sense
// and no position inside it overflows.
func windowFits(n, k, stride, pad, dil int) bool {
	const limit = math.MaxInt / 8
	span, ok := volume(k, dil)
	return ok && n >= 1 && k >= 1 && pad >= 0 && n < limit && span < limit && pad < limit && stride < limit
}
