package random

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/kerneltest"
)

// The known answers that Random123 (its file kat_vectors) gives for
// Philox-4x32-10.
func TestPhiloxKnownAnswers(t *testing.T) {
	for _, tc := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{[4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, [2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		k := key{tc.key[0], tc.key[1], tc.ctr[1], tc.ctr[2], tc.ctr[3]}
		a, b, c, d := k.words(tc.ctr[0])
		if got := [4]uint32{a, b, c, d}; got != tc.want {
			t.Errorf("counter %x: got %x, want %x", tc.ctr, got, tc.want)
		}
	}
}

// The numbers of a stream do not depend on how it is cut, nor on the processor:
// to the bit, but for the normal ones in portable code.
func TestStreams(t *testing.T) {
	const n = 300
	all := func(f func(dst []float32, offset uint64)) []float32 {
		x := make([]float32, n)
		f(x, 0)
		return x
	}
	uniform := func(dst []float32, offset uint64) { Uniform(dst, 1<<40+3, 5, offset) }
	normal := func(dst []float32, offset uint64) { Normal(dst, 1<<40+3, 5, offset) }
	before := cpu.SetLevel(cpu.Portable)
	u, g := all(uniform), all(normal)
	cpu.SetLevel(before)
	kerneltest.Levels(t, func(t *testing.T) {
		kerneltest.SameBits(t, "uniform", all(uniform), u)
		kerneltest.Near(t, "normal", all(normal), kerneltest.Doubles(g), 16, 1)
		for _, piece := range []int{1, 7, 63, 64, 65, 130} {
			for name, f := range map[string]func([]float32, uint64){"uniform": uniform, "normal": normal} {
				want, got := all(f), make([]float32, n)
				for lo := 0; lo < n; lo += piece {
					f(got[lo:min(lo+piece, n)], uint64(lo))
				}
				kerneltest.SameBits(t, fmt.Sprint(name, " in pieces of ", piece), got, want)
			}
		}
	})
}

func TestStreamsDiffer(t *testing.T) {
	x, seen := make([]float32, 64), map[string]bool{}
	for _, k := range [][2]uint64{{0, 0}, {1, 0}, {0, 1}, {1 << 32, 0}, {0, 1 << 32}} {
		Uniform(x, k[0], k[1], 0)
		s := fmt.Sprint(x)
		if seen[s] {
			t.Errorf("seed %d, stream %d repeats another", k[0], k[1])
		}
		seen[s] = true
	}
}

// Moments, and the share of the numbers beyond one and two, within five
// standard errors.
func TestDistributions(t *testing.T) {
	const n = 1 << 18
	x := make([]float32, n)
	kerneltest.Levels(t, func(t *testing.T) {
		check := func(name string, got, want, variance float64) {
			t.Helper()
			if d := math.Abs(got - want); d > 5*math.Sqrt(variance/n) {
				t.Errorf("%s: %g, want %g", name, got, want)
			}
		}
		moments := func() (m1, m2, m4 float64) {
			for _, v := range x {
				d := float64(v)
				m1 += d / n
				m2 += d * d / n
				m4 += d * d * d * d / n
			}
			return
		}
		Uniform(x, 7, 1, 0)
		m1, m2, _ := moments()
		check("uniform's mean", m1, 0.5, 1.0/12)
		check("uniform's second moment", m2, 1.0/3, 4.0/45)
		if lo, hi := slices.Min(x), slices.Max(x); lo < 0 || hi >= 1 {
			t.Errorf("uniform numbers from %g to %g", lo, hi)
		}
		Normal(x, 7, 1, 0)
		m1, m2, m4 := moments()
		check("normal's mean", m1, 0, 1)
		check("normal's variance", m2, 1, 2)
		check("normal's fourth moment", m4, 3, 96)
		var beyond [2]float64
		var cross float64
		for i, v := range x {
			for k := range beyond {
				if math.Abs(float64(v)) > float64(k+1) {
					beyond[k] += 1.0 / n
				}
			}
			cross += float64(v) * float64(x[i^16]) / n // the two of a pair
		}
		check("normal beyond 1", beyond[0], 0.317311, 0.2166)
		check("normal beyond 2", beyond[1], 0.045500, 0.0434)
		check("normal's pairs", cross, 0, 2)
	})
}

func TestDropout(t *testing.T) {
	const n = 5000
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i%9) - 4.5
	}
	var first []float32
	kerneltest.Levels(t, func(t *testing.T) {
		for _, keep := range []float32{0.25, 0.8, 1} {
			for _, n := range []int{0, 1, 63, 64, 65, 300, n} {
				y, mask, dx := make([]float32, n), make([]float32, n), make([]float32, n)
				elementwise.Fill(dx, 1)
				Dropout(y, mask, x[:n], keep, 1, 2, 3)
				DropoutGrad(dx, x[:n], keep, 1, 2, 3)
				kept := 0.0
				for i, m := range mask {
					if m != 0 {
						kept++
					}
					if m != 0 && m != 1/keep || y[i] != x[i]*m || dx[i] != 1+x[i]*m {
						t.Fatalf("element %d of %d: x %g, mask %g, y %g, dx %g", i, n, x[i], m, y[i], dx[i])
					}
				}
				k := float64(keep)
				if d := math.Abs(kept - k*float64(n)); d > 5*math.Sqrt(k*(1-k)*float64(n)) {
					t.Errorf("kept %g of %d, want %g of them", kept, n, keep)
				}
				inPlace := slices.Clone(x[:n])
				Dropout(inPlace, nil, inPlace, keep, 1, 2, 3)
				kerneltest.SameBits(t, "in place without mask", inPlace, y)
				if n == len(x) && keep == 0.8 {
					if first == nil {
						first = y
					}
					kerneltest.SameBits(t, "another level", y, first)
				}
			}
		}
	})
	a, b := make([]float32, n), make([]float32, n)
	Dropout(a, nil, x, 0.5, 1, 2, 3)
	for _, k := range [][3]uint64{{2, 2, 3}, {1, 3, 3}, {1, 2, 4}} {
		Dropout(b, nil, x, 0.5, k[0], k[1], k[2])
		if slices.Equal(a, b) {
			t.Errorf("(seed, step, op) %v drops what (1, 2, 3) does", k)
		}
	}
}

func TestDropoutMask(t *testing.T) {
	const n = 1000
	kerneltest.Levels(t, func(t *testing.T) {
		y, want := make([]float32, n), make([]float32, n)
		Dropout(y, want, y, 0.6, 1, 2, 3)
		for _, r := range [][2]int{{0, 0}, {0, n}, {0, 64}, {5, 6}, {1, 63}, {60, 70}, {64, 200}, {127, n}} {
			got := make([]float32, r[1]-r[0])
			DropoutMask(got, 0.6, 1, 2, 3, uint64(r[0]))
			kerneltest.SameBits(t, "mask", got, want[r[0]:r[1]])
		}
	})
}
