package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

// fma32 returns a·b+c rounded once: the sum is rounded to odd in float64, where
// the product is exact, and then to float32.
func fma32(a, b, c float32) float32 {
	p, z := float64(a)*float64(b), float64(c)
	s := p + z
	t := s - p
	if e := (p - (s - t)) + (z - t); e != 0 {
		if bits := math.Float64bits(s); bits&1 == 0 {
			if (e > 0) == (s > 0) {
				bits++
			} else {
				bits--
			}
			s = math.Float64frombits(bits)
		}
	}
	return float32(s)
}

// TestGemmChain checks what the package promises: an element of C is one chain
// of fused multiply-adds in the order of k.
func TestGemmChain(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		if !TileShapes[cpu.Current].fused {
			t.Skip("the loops in plain Go round products")
		}
		r := rand.New(rand.NewPCG(13, 14))
		for _, s := range [][3]int{{2, 2, 7}, {13, 33, 20}, {5, 70, 300}, {30, 40, 1000}, {70, 150, 500}} {
			for trans := range 8 {
				g := Gemm{M: s[0], N: s[1], K: s[2], TransA: trans&1 != 0, TransB: trans&2 != 0, Accumulate: trans&4 != 0}
				c := newGemmCase(r, g)
				want := make([]float32, len(c.c))
				for i := range g.M {
					for j := range g.N {
						want[i*g.N+j] = c.chain(i, j)
					}
				}
				g.Run(c.c, c.a, c.b)
				kerneltest.SameBits(t, fmt.Sprintf("%+v", g), c.c, want)
			}
		}
	})
}

// TestVectorChain checks the same of products with a vector and of outer
// products, which have ways of their own; the second of each is for several
// workers.
func TestVectorChain(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		if !TileShapes[cpu.Current].fused {
			t.Skip("the loops in plain Go round products")
		}
		r := rand.New(rand.NewPCG(19, 20))
		for _, s := range [][3]int{{1, 67, 83}, {1, 701, 302}, {71, 67, 1}, {301, 503, 1}} {
			for options := range 8 {
				g := Gemm{M: s[0], N: s[1], K: s[2], TransA: options&1 != 0, Accumulate: options&2 != 0}
				if g.TransB = g.K == 1 && options&4 != 0; options&4 != 0 {
					g.LDC = g.N + 3
					if g.LDA = g.K + 2; g.TransA {
						g.LDA = g.M + 2
					}
				}
				c := newGemmCase(r, g)
				want := append([]float32(nil), c.c...)
				for i := range g.M {
					for j := range g.N {
						want[i*max(g.N, g.LDC)+j] = c.strided(i, j)
					}
				}
				g.Run(c.c, c.a, c.b)
				kerneltest.SameBits(t, fmt.Sprintf("%+v", g), c.c, want)
				c.check(t, fmt.Sprintf("%+v", g))
			}
		}
	})
}

// strided is chain for strides of A and C.
func (g gemmCase) strided(i, j int) float32 {
	lda, x := g.LDA, float32(0)
	if lda == 0 {
		if lda = g.K; g.TransA {
			lda = g.M
		}
	}
	if g.Accumulate {
		x = g.c[i*max(g.N, g.LDC)+j]
	}
	for k := range g.K {
		at := i*lda + k
		if g.TransA {
			at = k*lda + i
		}
		x = fma32(g.a[at], g.b[k*g.N+j], x)
	}
	return x
}

func TestGemmSameBits(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 15
	}
	r := rand.New(rand.NewPCG(15, 16))
	for i := range n {
		g := randomGemm(r, 150)
		if i == 0 {
			g = Gemm{M: 130, N: 200, K: 800, Accumulate: true, Alpha: 0.3} // several workers
		}
		c := newGemmCase(r, g)
		kerneltest.Variants(t, fmt.Sprintf("%+v", g), func() [][]float32 {
			out := append([]float32(nil), c.c...)
			g.Run(out, c.a, c.b)
			return [][]float32{out}
		})
	}
	for _, g := range []Gemm{{M: 1, N: 701, K: 302, TransB: true}, {M: 1, N: 701, K: 302, TransB: true, Alpha: 2, Accumulate: true, Act: ReLUAct},
		{M: 701, N: 1, K: 302}, {M: 1, N: 701, K: 302}, {M: 301, N: 503, K: 1}, {M: 301, N: 503, K: 1, Accumulate: true}} {
		c := newGemmCase(r, g)
		g.Bias = make([]float32, g.N)
		if g.TransB || g.N == 1 {
			copy(g.Bias, kerneltest.RandomSlice(r, g.N))
		} else {
			g.Bias = nil
		}
		kerneltest.Variants(t, fmt.Sprintf("%d×%d×%d", g.M, g.N, g.K), func() [][]float32 {
			out := append([]float32(nil), c.c...)
			g.Run(out, c.a, c.b)
			return [][]float32{out}
		})
	}
	batch := newGemmCase(r, Gemm{M: 40, N: 30 * 40, K: 40}) // 30 products of 40×40×40
	kerneltest.Variants(t, "batch", func() [][]float32 {
		out := make([]float32, len(batch.c))
		GemmBatch(30, Gemm{M: 40, N: 40, K: 40, TransB: true}, out, batch.a, batch.b, 1600, 0, 1600)
		return [][]float32{out}
	})
}

// TestGemmAllocatesNothing checks that calls take no memory after the first.
func TestGemmAllocatesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, g := range []Gemm{
		{M: 5, N: 7, K: 9}, {M: 1, N: 50, K: 60, TransB: true}, {M: 50, N: 1, K: 60}, {M: 50, N: 1, K: 60, TransA: true},
		{M: 1, N: 700, K: 300}, {M: 1, N: 700, K: 300, TransB: true}, {M: 300, N: 500, K: 1},
		{M: 16, N: 130, K: 150, TransB: true}, {M: 300, N: 300, K: 600, TransA: true}, {M: 1200, N: 100, K: 300},
		{M: 130, N: 140, K: 150, TransA: true, TransB: true, Alpha: 2, Accumulate: true},
	} {
		c := newGemmCase(r, g)
		run := func() { g.Run(c.c, c.a, c.b) }
		run()
		if n := testing.AllocsPerRun(20, run); n != 0 {
			t.Errorf("%+v: %g allocations a call", g, n)
		}
		batch := func() { GemmBatch(1, g, c.c, c.a, c.b, 0, 0, 0) }
		batch()
		if n := testing.AllocsPerRun(20, batch); n != 0 {
			t.Errorf("batch of %+v: %g allocations a call", g, n)
		}
	}
}

// FuzzGemm compares products of any shape and options with a float64 loop.
func FuzzGemm(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(33), uint8(7), uint8(0), uint8(2))
	f.Add(uint64(2), uint8(1), uint8(64), uint8(20), uint8(2), uint8(1))
	f.Add(uint64(3), uint8(13), uint8(1), uint8(100), uint8(0x35), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, m, n, k, options, l uint8) {
		defer cpu.SetLevel(cpu.SetLevel(cpu.Levels[int(l)%len(cpu.Levels)]))
		r := rand.New(rand.NewPCG(seed, 0))
		bit := func(i int) bool { return options>>i&1 != 0 }
		g := Gemm{M: int(m), N: int(n), K: int(k), TransA: bit(0), TransB: bit(1), Accumulate: bit(2), Act: Activation(options >> 3 & 1)}
		if bit(4) {
			g.Bias, _ = kerneltest.Guarded(r, g.N, 1)
		}
		if bit(5) {
			g.BiasRows, _ = kerneltest.Guarded(r, g.M, 1)
		}
		if bit(6) {
			g.Alpha = 0.5
		}
		if bit(7) {
			g.LDA, g.LDB, g.LDC = max(g.M, g.K)+3, max(g.N, g.K)+1, g.N+2
		}
		newGemmCase(r, g).run(t)
	})
}
