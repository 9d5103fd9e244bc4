package kerneltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
)

func Lengths() []int {
	var n []int
	for i := range 35 {
		n = append(n, i)
	}
	return append(n, 47, 63, 64, 65, 127, 129, 200, 1001)
}

var Specials = func() []float32 {
	x := []float32{0, 1, 0.5, 2, 3.25, 1e-3, 88, 88.8, 89.5, 103, 104, 200, 1e10, 1e20, math.MaxFloat32, 0x1p-126,
		0x1p-127, 0x1p-149, 0x1.8p-140, 1e-30, float32(math.Inf(1))}
	for _, v := range x[:len(x):len(x)] {
		x = append(x, -v)
	}
	x[len(x)/2] = float32(math.Copysign(0, -1))
	return append(x, float32(math.NaN()))
}()

// LevelsAgree wants the same bits of f at every level but the portable one.
func LevelsAgree(t *testing.T, name string, f func() []float32) {
	t.Helper()
	var want []float32
	for _, l := range cpu.Levels[1:] {
		before := cpu.SetLevel(l)
		got := f()
		cpu.SetLevel(before)
		if want == nil {
			want = got
			continue
		}
		for i := range want {
			if math.Float32bits(got[i]) != math.Float32bits(want[i]) && (got[i] == got[i] || want[i] == want[i]) {
				t.Fatalf("%s: element %d is %g (%#x) at %v, %g (%#x) before", name, i,
					got[i], math.Float32bits(got[i]), l, want[i], math.Float32bits(want[i]))
			}
		}
	}
}

// guard is what surrounds the data of a guarded slice.
const guard = float32(-1.25e30)

// Guarded returns n numbers in [-1, 1) that start off numbers after a 64-byte
// boundary, as far as Go's allocator gives one, and a check that nothing
// around them was written.
func Guarded(r *rand.Rand, n, off int) (x []float32, check func(t testing.TB, name string)) {
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

// Levels runs f at each level of instructions that this machine has.
func Levels(t *testing.T, f func(t *testing.T)) {
	for _, l := range cpu.Levels {
		t.Run(l.String(), func(t *testing.T) {
			defer cpu.SetLevel(cpu.SetLevel(l))
			f(t)
		})
	}
}

// Compare fails the test unless got is near want: within the error of a sum
// whose terms have the absolute sum mag.
func Compare(t testing.TB, name string, got []float32, want, mag []float64) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= 1e-5*mag[i]+1e-6) {
			t.Fatalf("%s: element %d is %g, want %g (difference %g)", name, i, got[i], w, d)
		}
	}
}

// SameBits fails the test unless the slices are equal bit for bit.
func SameBits(t testing.TB, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %g (%#x), want %g (%#x)", name, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}

// MustPanic fails the test unless f panics with a message of this package.
func MustPanic(t *testing.T, name string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if s := fmt.Sprint(recover()); len(s) < 8 || s[:8] != "kernel: " {
			t.Errorf("%s: panicked with %q, want a message of this package", name, s)
		}
	}()
	f()
}

// Near fails the test unless got is within tol * 2^-24 * (|want| + mag) of
// want.
func Near(t testing.TB, name string, got []float32, want []float64, tol, mag float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", name, len(got), len(want))
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w); !(d <= tol*0x1p-24*(math.Abs(w)+mag)) {
			t.Fatalf("%s: element %d is %g, want %g (difference %g)", name, i, got[i], w, d)
		}
	}
}

func Doubles(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func RandomSlice(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}
