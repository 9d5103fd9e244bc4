package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// guard is what surrounds the data of a guarded slice.
const guard = float32(-1.25e30)

// guarded returns n numbers in [-1, 1) that start off numbers after a 64-byte
// boundary, as far as Go's allocator gives one, and a check that nothing
// around them was written.
func guarded(r *rand.Rand, n, off int) (x []float32, check func(t testing.TB, name string)) {
	const margin = 48
	all := make([]float32, margin+off+n+margin)
	for i := range all {
		all[i] = guard
	}
	x = all[margin+off:][:n:n]
	for i := range x {
		x[i] = r.Float32()*2 - 1
	}
	return x, func(t testing.TB, name string) {
		t.Helper()
		for i, v := range all {
			if at := i - margin - off; (at < 0 || at >= n) && v != guard {
				t.Fatalf("%s: wrote %g at %d, outside [0, %d)", name, v, at, n)
			}
		}
	}
}

// levels runs f at each level of instructions that this machine has.
func levels(t *testing.T, f func(t *testing.T)) {
	for l := portable; l <= best; l++ {
		t.Run(l.String(), func(t *testing.T) {
			defer setLevel(setLevel(l))
			f(t)
		})
	}
}

// compare fails the test unless got is near want: within the error of a sum
// whose terms have the absolute sum mag.
func compare(t testing.TB, name string, got []float32, want, mag []float64) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= 1e-5*mag[i]+1e-6) {
			t.Fatalf("%s: element %d is %g, want %g (difference %g)", name, i, got[i], w, d)
		}
	}
}

// sameBits fails the test unless the slices are equal bit for bit.
func sameBits(t testing.TB, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %g (%#x), want %g (%#x)", name, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// mustPanic fails the test unless f panics with a message of this package.
func mustPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if s := fmt.Sprint(recover()); len(s) < 8 || s[:8] != "kernel: " {
			t.Errorf("%s: panicked with %q, want a message of this package", name, s)
		}
	}()
	f()
}
