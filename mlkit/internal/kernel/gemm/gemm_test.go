package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"descent/mlkit/internal/kernel/kerneltest"
)

// gemmCase is a Gemm with operands between guard values.
type gemmCase struct {
	Gemm
	a, b, c []float32
	check   func(testing.TB, string)
}

func newGemmCase(r *rand.Rand, g Gemm) gemmCase {
	ar, ac, br, bc := g.M, g.K, g.K, g.N
	if g.TransA {
		ar, ac = ac, ar
	}
	if g.TransB {
		br, bc = bc, br
	}
	size := func(rows, cols, ld int) int {
		if rows == 0 || cols == 0 {
			return 0
		}
		return (rows-1)*max(ld, cols) + cols
	}
	a, checkA := kerneltest.Guarded(r, size(ar, ac, g.LDA), r.IntN(5))
	b, checkB := kerneltest.Guarded(r, size(br, bc, g.LDB), r.IntN(5))
	c, checkC := kerneltest.Guarded(r, size(g.M, g.N, g.LDC), r.IntN(5))
	return gemmCase{g, a, b, c, func(t testing.TB, name string) {
		t.Helper()
		checkA(t, name+": a")
		checkB(t, name+": b")
		checkC(t, name+": c")
	}}
}

// run computes the product and compares it with a float64 loop.
func (g gemmCase) run(t testing.TB) {
	t.Helper()
	want, mag := g.reference()
	g.is(t, want, mag)
}

// is computes the product and compares it with what reference gave.
func (g gemmCase) is(t testing.TB, want, mag []float64) {
	t.Helper()
	name := fmt.Sprintf("%+v", g.Gemm)
	if len(name) > 300 {
		name = name[:300]
	}
	g.Run(g.c, g.a, g.b)
	kerneltest.Compare(t, name, g.c, want, mag)
	g.check(t, name)
}

// reference returns what the product is, by a float64 loop, and the sums of the
// absolute values of what is added.
func (g gemmCase) reference() (want, mag []float64) {
	lda, ldb, ldc := g.LDA, g.LDB, g.LDC
	if lda == 0 {
		if lda = g.K; g.TransA {
			lda = g.M
		}
	}
	if ldb == 0 {
		if ldb = g.N; g.TransB {
			ldb = g.K
		}
	}
	if ldc == 0 {
		ldc = g.N
	}
	want, mag = make([]float64, len(g.c)), make([]float64, len(g.c))
	for i, v := range g.c {
		want[i] = float64(v)
	}
	row, sums, sizes := make([]float64, g.K), make([]float64, g.N), make([]float64, g.N)
	for i := range g.M {
		for k := range row {
			at := i*lda + k
			if g.TransA {
				at = k*lda + i
			}
			row[k] = float64(g.a[at])
		}
		clear(sums)
		clear(sizes)
		// Along the rows of b as it lies in memory.
		if g.TransB {
			for j := range sums {
				for k, x := range row {
					p := x * float64(g.b[j*ldb+k])
					sums[j] += p
					sizes[j] += math.Abs(p)
				}
			}
		} else {
			for k, x := range row {
				for j := range sums {
					p := x * float64(g.b[k*ldb+j])
					sums[j] += p
					sizes[j] += math.Abs(p)
				}
			}
		}
		for j, sum := range sums {
			abs := sizes[j]
			if g.Alpha != 0 {
				sum *= float64(g.Alpha)
				abs *= math.Abs(float64(g.Alpha))
			}
			if g.Accumulate {
				sum += want[i*ldc+j]
			}
			if g.Bias != nil {
				sum += float64(g.Bias[j])
			}
			if g.BiasRows != nil {
				sum += float64(g.BiasRows[i])
			}
			if g.Act == ReLUAct {
				sum = math.Max(sum, 0)
			}
			want[i*ldc+j], mag[i*ldc+j] = sum, abs+1
		}
	}
	return want, mag
}

// randomGemm draws a shape whose sides are below limit, mostly small, and
// random options.
func randomGemm(r *rand.Rand, limit int) Gemm {
	side := func() int {
		switch r.IntN(8) {
		case 0:
			return r.IntN(4)
		case 1:
			return 1 << r.IntN(7)
		case 2, 3:
			return 1 + r.IntN(limit)
		}
		return 1 + r.IntN(40)
	}
	g := Gemm{M: side(), N: side(), K: side(), TransA: r.IntN(2) == 0, TransB: r.IntN(2) == 0, Accumulate: r.IntN(3) == 0}
	if r.IntN(4) == 0 {
		more := func(n int) int { return n + r.IntN(3)*r.IntN(20) }
		g.LDC = more(g.N)
		if g.LDA = more(g.K); g.TransA {
			g.LDA = more(g.M)
		}
		if g.LDB = more(g.N); g.TransB {
			g.LDB = more(g.K)
		}
	}
	if r.IntN(3) == 0 {
		g.Bias, _ = kerneltest.Guarded(r, g.N, r.IntN(3))
	}
	if r.IntN(3) == 0 {
		g.BiasRows, _ = kerneltest.Guarded(r, g.M, r.IntN(3))
	}
	if r.IntN(3) == 0 {
		g.Act = ReLUAct
	}
	if r.IntN(4) == 0 {
		g.Alpha = r.Float32()*4 - 2
	}
	return g
}

func TestGemmRandom(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		n := 2000
		if testing.Short() {
			n = 300
		}
		for range n {
			newGemmCase(r, randomGemm(r, 150)).run(t)
		}
	})
}

// TestGemmShapes covers the borders of tiles and blocks and extreme ratios, in
// all four combinations of transposes.
func TestGemmShapes(t *testing.T) {
	shapes := [][3]int{
		{1, 1, 1}, {1, 64, 20}, {64, 1, 20}, {1, 2, 3000}, {2, 3000, 1}, {3000, 1, 2}, {1, 1, 5000}, {1, 3000, 7},
		{11, 31, 1}, {12, 32, 4}, {13, 33, 5}, {15, 17, 16}, {24, 64, 383}, {25, 65, 385}, {128, 10, 128}, {97, 193, 40},
	}
	if !testing.Short() {
		shapes = append(shapes, [3]int{400, 70, 800}, [3]int{70, 4200, 33}, [3]int{500, 500, 500}, [3]int{3136, 64, 288}, [3]int{21632, 32, 9})
	}
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range shapes {
		for trans := range 4 {
			c := newGemmCase(r, Gemm{M: s[0], N: s[1], K: s[2], TransA: trans&1 != 0, TransB: trans&2 != 0})
			before := slices.Clone(c.c)
			want, mag := c.reference()
			kerneltest.Levels(t, func(t *testing.T) {
				copy(c.c, before)
				c.is(t, want, mag)
			})
		}
	}
}

func TestGemmEmpty(t *testing.T) {
	c := []float32{1, 2, 3, 4}
	Gemm{M: 2, N: 2}.Run(c, nil, nil)
	kerneltest.SameBits(t, "K = 0", c, []float32{0, 0, 0, 0})
	c = []float32{1, 2, 3, 4}
	Gemm{M: 2, N: 2, Accumulate: true, Bias: []float32{10, -20}, Act: ReLUAct}.Run(c, nil, nil)
	kerneltest.SameBits(t, "K = 0, accumulate", c, []float32{11, 0, 13, 0})
	Gemm{K: 3, N: 2}.Run(nil, nil, make([]float32, 6))
	Gemm{K: 3, M: 2}.Run(nil, make([]float32, 6), nil)
}

func TestGemmPanics(t *testing.T) {
	x := make([]float32, 12)
	const huge = math.MaxInt/2 + 1
	for name, f := range map[string]func(){
		"short a":     func() { Gemm{M: 4, N: 1, K: 4}.Run(x, x, x) },
		"short b":     func() { Gemm{M: 1, N: 4, K: 4}.Run(x, x, x) },
		"short c":     func() { Gemm{M: 4, N: 4, K: 1}.Run(x, x, x) },
		"negative":    func() { Gemm{M: -1, N: 4, K: 1}.Run(x, x, x) },
		"stride":      func() { Gemm{M: 2, N: 2, K: 2, LDB: 1}.Run(x, x, x) },
		"overflow":    func() { Gemm{M: 3, N: 1, K: huge}.Run(x, x, x) },
		"overflow ld": func() { Gemm{M: 3, N: 1, K: 1, LDA: huge}.Run(x, x, x) },
		"bias":        func() { Gemm{M: 1, N: 4, K: 1, Bias: x[:3]}.Run(x, x, x) },
		"bias rows":   func() { Gemm{M: 4, N: 1, K: 1, BiasRows: x[:3]}.Run(x, x, x) },
		"batch":       func() { GemmBatch(4, Gemm{M: 2, N: 2, K: 2}, x, x, x, 4, 4, 4) },
		"batch far":   func() { GemmBatch(4, Gemm{M: 1, N: 1, K: 1}, x, x, x, huge, 0, 0) },
		"batch over":  func() { GemmBatch(2, Gemm{M: 2, N: 2, K: 2}, x, x, x, 3, 4, 4) },
	} {
		kerneltest.MustPanic(t, name, f)
	}
}

func TestGemmBatch(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for range 60 {
			g := randomGemm(r, 60)
			g.LDA, g.LDB, g.LDC = 0, 0, 0
			batch := 1 + r.IntN(5)
			sa, sb, sc := g.M*g.K+r.IntN(3), g.K*g.N+r.IntN(3), g.M*g.N+r.IntN(3)
			if r.IntN(4) == 0 {
				sa = 0
			}
			if r.IntN(4) == 0 {
				sb = 0
			}
			a, _ := kerneltest.Guarded(r, (batch-1)*sa+g.M*g.K, 1)
			b, _ := kerneltest.Guarded(r, (batch-1)*sb+g.K*g.N, 2)
			c, check := kerneltest.Guarded(r, (batch-1)*sc+g.M*g.N, 3)
			want := append([]float32(nil), c...)
			for i := range batch {
				g.Run(want[i*sc:], a[i*sa:], b[i*sb:])
			}
			GemmBatch(batch, g, c, a, b, sc, sa, sb)
			kerneltest.SameBits(t, fmt.Sprintf("batch %d of %+v", batch, g), c, want)
			check(t, "batch")
		}
	})
}

// TestGemmSpecial checks that NaN and infinities reach exactly the elements
// that IEEE arithmetic says, also through zeros of the other operand.
func TestGemmSpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	kerneltest.Levels(t, func(t *testing.T) {
		for trans := range 4 {
			for _, n := range []int{1, 3, 17, 40} {
				for _, v := range []float32{inf, -inf, nan} {
					g := Gemm{M: n, N: n, K: n, TransA: trans&1 != 0, TransB: trans&2 != 0}
					a, b, c := make([]float32, n*n), make([]float32, n*n), make([]float32, n*n)
					for i := range b {
						b[i] = 1
					}
					row, k := n/2, n/3
					if g.TransA {
						a[k*n+row] = v
					} else {
						a[row*n+k] = v
					}
					g.Run(c, a, b)
					for i, got := range c {
						want := float32(0)
						if i/n == row {
							want = v
						}
						if got != want && (got == got || want == want) {
							t.Fatalf("n %d, %v at row %d: element %d is %g, want %g", n, v, row, i, got, want)
						}
					}
					clear(b)
					g.Act = ReLUAct
					g.Run(c, a, b)
					if got := c[row*n]; got == got {
						t.Fatalf("n %d: %g·0 gives %g through ReLU, want NaN", n, v, got)
					}
				}
			}
		}
	})
}
