package sparse

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/kerneltest"
)

// pruned is a matrix [out, in] with about the given share of zeros; its second
// row has no others.
func pruned(r *rand.Rand, out, in int, zeros float64) []float32 {
	w := kerneltest.RandomSlice(r, out*in)
	for i := range w {
		if r.Float64() < zeros || i/in == 1 {
			w[i] = 0
		}
	}
	return w
}

// The product is the dense one, bit for bit where both run in assembly.
func TestMulTIsTheDenseProduct(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, out := range []int{1, 3, 70} {
			for _, in := range []int{1, 5, 130} {
				for _, n := range []int{0, 2, 3, 7, 8, 17, 63, 64, 100, 128, 129, 300} {
					name := fmt.Sprintf("%d×%d→%d", n, in, out)
					w, bias := pruned(r, out, in, 0.8), kerneltest.RandomSlice(r, out)
					x := kerneltest.RandomSlice(r, n*in)
					m, values := Compress(w, out, in)
					for _, b := range [][]float32{nil, bias} {
						y, check := kerneltest.Guarded(r, n*out, 1)
						want := make([]float32, n*out)
						gemm.Gemm{M: n, N: out, K: in, TransB: true, Bias: b}.Run(want, x, w)
						m.MulT(y, x, values, b)
						check(t, name)
						if cpu.Current == cpu.Portable || in == 1 || out == 1 { // of one column: other chains
							kerneltest.Near(t, name, y, kerneltest.Doubles(want), 16, 8)
						} else {
							equal(t, name, y, want)
						}
					}
				}
			}
		}
	})
}

// equal is SameBits, but a zero may have either sign.
func equal(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: element %d is %g, want %g", name, i, got[i], want[i])
		}
	}
}

// One sample is sixteen chains in the dense product.
func TestMulTOfOneSample(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		w, bias, x := pruned(r, 90, 257, 0.9), kerneltest.RandomSlice(r, 90), kerneltest.RandomSlice(r, 257)
		m, values := Compress(w, 90, 257)
		y, want := make([]float32, 90), make([]float32, 90)
		m.MulT(y, x, values, bias)
		gemm.Gemm{M: 1, N: 90, K: 257, TransB: true, Bias: bias}.Run(want, x, w)
		kerneltest.Near(t, "one sample", y, kerneltest.Doubles(want), 32, 4)
	})
}

func TestMulTBitsAtEveryLevelAndWorkers(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	w, bias, x := pruned(r, 700, 500, 0.7), kerneltest.RandomSlice(r, 700), kerneltest.RandomSlice(r, 200*500)
	m, values := Compress(w, 700, 500)
	run := func() []float32 {
		y := make([]float32, 200*700)
		m.MulT(y, x, values, bias)
		return y
	}
	kerneltest.LevelsAgree(t, "MulT", run)
	want := run()
	for _, procs := range []int{1, 2, 5} {
		before := runtime.GOMAXPROCS(procs)
		got := run()
		runtime.GOMAXPROCS(before)
		kerneltest.SameBits(t, fmt.Sprint("GOMAXPROCS ", procs), got, want)
	}
	if n := testing.AllocsPerRun(10, func() { m.MulT(x[:0], x[:0], values, bias) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
	y := make([]float32, 200*700)
	if n := testing.AllocsPerRun(10, func() { m.MulT(y, x, values, bias) }); n != 0 {
		t.Errorf("%g allocations", n)
	}
}

func TestMulTChecksLengths(t *testing.T) {
	m, values := Compress([]float32{1, 0, 2, 0, 0, 3}, 2, 3)
	x, y := make([]float32, 6), make([]float32, 4)
	for name, f := range map[string]func(){
		"x":      func() { m.MulT(y, x[:5], values, nil) },
		"y":      func() { m.MulT(y[:3], x, values, nil) },
		"values": func() { m.MulT(y, x, values[:2], nil) },
		"bias":   func() { m.MulT(y, x, values, y[:1]) },
		"rows":   func() { n := m; n.First = n.First[:2]; n.MulT(y, x, values, nil) },
		"end":    func() { n := m; n.First = []int32{0, 1, 2}; n.MulT(y, x, values, nil) },
		"dense":  func() { Compress(x, 3, 3) },
	} {
		kerneltest.MustPanic(t, name, f)
	}
}

func BenchmarkMulT(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range [][3]int{{128, 784, 300}, {128, 1024, 1024}, {16, 1024, 1024}, {1, 1024, 1024}, {1, 784, 300}} {
		n, in, out := s[0], s[1], s[2]
		x, y := kerneltest.RandomSlice(r, n*in), make([]float32, n*out)
		for _, zeros := range []float64{0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98} {
			w := pruned(r, out, in, zeros)
			m, values := Compress(w, out, in)
			b.Run(fmt.Sprintf("%dx%dx%d/%g", n, in, out, zeros), func(b *testing.B) {
				if zeros == 0 {
					for b.Loop() {
						gemm.Gemm{M: n, N: out, K: in, TransB: true}.Run(y, x, w)
					}
					return
				}
				for b.Loop() {
					m.MulT(y, x, values, nil)
				}
			})
		}
	}
}
