package gemm

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

// TestBlockEdges runs products whose sides are about those of blocks, of
// several blocks of A and of B, with small caches and with those of this
// machine: an element is the chain of its products, whatever the blocks and the
// number of workers.
func TestBlockEdges(t *testing.T) {
	defer func(rows, cols int) { blockRows, blockCols = rows, cols }(blockRows, blockCols)
	r := rand.New(rand.NewPCG(37, 38))
	shapes := [][3]int{{95, 255, 511}, {96, 256, 512}, {97, 257, 513}, {193, 300, 1025}, {289, 65, 640}, {250, 515, 130}, {700, 260, 300}}
	procs, caches := []int{1, 2, 5}, [][2]int{{96, 256}, {120, 4000}, {blockRows, blockCols}}
	if testing.Short() {
		shapes, procs, caches = [][3]int{{97, 257, 513}, {193, 300, 140}}, procs[:2], caches[:2]
	}
	for i, s := range shapes {
		for options := range 8 {
			if testing.Short() && options != 1 && options != 6 {
				continue
			}
			g := Gemm{M: s[0], N: s[1], K: s[2], TransA: options&1 != 0, TransB: options&2 != 0, Accumulate: options&4 != 0}
			c := newGemmCase(r, g)
			name := fmt.Sprintf("%+v", g)
			check := func(got []float32) {
				for range 500 {
					i, j := r.IntN(g.M), r.IntN(g.N)
					if want := c.chain(i, j); got[i*g.N+j] != want {
						t.Fatalf("%s: element %d, %d is %g, its chain gives %g", name, i, j, got[i*g.N+j], want)
					}
				}
			}
			for _, limits := range caches {
				blockRows, blockCols = limits[0], limits[1]
				kerneltest.Levels(t, func(t *testing.T) {
					var one []float32
					for _, n := range procs {
						before := runtime.GOMAXPROCS(n)
						got := append([]float32(nil), c.c...)
						g.Run(got, c.a, c.b)
						runtime.GOMAXPROCS(before)
						if one == nil {
							one = got
						}
						kerneltest.SameBits(t, name, got, one)
					}
					if TileShapes[cpu.Current].fused && i%2 == 0 {
						check(one)
					}
				})
			}
			c.check(t, name)
		}
	}
}

// TestTurned runs products of few rows with a transposed matrix, on both sides
// of where their transpose is computed instead, with all that can follow the
// last k.
func TestTurned(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 44))
	kerneltest.Levels(t, func(t *testing.T) {
		turned := 0
		for _, s := range [][3]int{{16, 64, 32}, {16, 64, 31}, {16, 63, 70}, {15, 130, 520}, {14, 60, 50}, {13, 60, 50}, {4, 600, 9}, {32, 200, 60}, {32, 140, 530}, {33, 200, 30}} {
			for options := range 16 {
				if testing.Short() && options%5 != 0 {
					continue
				}
				g := Gemm{M: s[0], N: s[1], K: s[2], TransB: true, Accumulate: options&1 != 0}
				if options&2 != 0 {
					g.Bias, _ = kerneltest.Guarded(r, g.N, 1)
					g.Act = ReLUAct
				}
				if options&4 != 0 {
					g.BiasRows, _ = kerneltest.Guarded(r, g.M, 1)
				}
				if options&8 != 0 {
					g.LDA, g.LDB, g.LDC = g.K+3, g.K+1, g.N+2
					g.Alpha = -0.5
				}
				c := newGemmCase(r, g)
				if g.turns() {
					turned++
				}
				same := g
				same.check(c.c, c.a, c.b)
				want := append([]float32(nil), c.c...)
				same.Block(want, c.a, c.b, 0, g.M, 0, g.N)
				c.run(t)
				if TileShapes[cpu.Current].fused {
					kerneltest.SameBits(t, fmt.Sprintf("%v, options %b", s, options), c.c, want)
				}
			}
		}
		if (turned > 0) != (TileShapes[cpu.Current].narrow > 0) {
			t.Errorf("%d products turned", turned)
		}
	})
}

// chain returns element i, j of the product as one chain of fused
// multiply-adds.
func (g gemmCase) chain(i, j int) (sum float32) {
	if g.Accumulate {
		sum = g.c[i*g.N+j]
	}
	for k := range g.K {
		x, y := i*g.K+k, k*g.N+j
		if g.TransA {
			x = k*g.M + i
		}
		if g.TransB {
			y = j*g.K + k
		}
		sum = fma32(g.a[x], g.b[y], sum)
	}
	return sum
}

// TestLongK checks that the levels agree on products of which an element is
// several chains: the blocks of k must not depend on what a level packs.
func TestLongK(t *testing.T) {
	r := rand.New(rand.NewPCG(39, 40))
	shapes := [][2]int{{40, 130}, {40, 20}, {7, 70}, {256, 130}, {256, 260}}
	if testing.Short() {
		shapes = shapes[:1]
	}
	for _, s := range shapes {
		for trans := range 4 {
			g := Gemm{M: s[0], N: s[1], K: longK + 100, TransA: trans&1 != 0, TransB: trans&2 != 0}
			c := newGemmCase(r, g)
			kerneltest.Variants(t, fmt.Sprintf("%+v", g), func() [][]float32 {
				out := append([]float32(nil), c.c...)
				g.Run(out, c.a, c.b)
				return [][]float32{out}
			})
		}
	}
}

// TestGrid checks that the blocks of C cover it, once, and that a large product
// has several for each worker.
func TestGrid(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		for _, s := range [][3]int{{1, 1, 1 << 19}, {64, 64, 100}, {512, 512, 512}, {1000, 1024, 1024}, {4096, 10, 4096}, {3, 5000, 4096}, {5000, 3, 4096}, {2048, 2048, 2048}} {
			for _, workers := range []int{2, 3, 8, 64} {
				j := gemmJob{g: Gemm{M: s[0], N: s[1], K: s[2], LDA: s[2], LDB: s[1], LDC: s[1]}}
				n := j.cut(workers)
				if n != j.across*j.down || (j.across-1)*j.cols >= s[1] || j.across*j.cols < s[1] || (j.down-1)*j.rows >= s[0] || j.down*j.rows < s[0] {
					t.Errorf("%v among %d workers: %+v", s, workers, j.grid)
				}
				if s[0] == 2048 && workers == 2 && n < 2*workers {
					t.Errorf("%v among %d workers: %d blocks", s, workers, n)
				}
			}
		}
	})
}

// TestPanels checks how rows are dealt out to panels: nothing around the panels
// may be written, nothing around the rows is read.
func TestPanels(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(41, 42))
		for width := 1; width <= 2*min(TileShapes[cpu.Current].Lanes, 16); width++ {
			for _, count := range []int{0, 1, 2, 5} {
				for _, k := range []int{1, 2, 3, 9} {
					ld := width*count + k%3
					src, _ := kerneltest.Guarded(r, max(0, (k-1)*ld+width*count), 3)
					dst, check := kerneltest.Guarded(r, width*count*k, width%16)
					want := append([]float32(nil), dst...)
					packRowsGo(want, src, width, count, k, ld)
					panels(dst, src, width, count, k, ld)
					name := fmt.Sprintf("%d panels of %d, %d rows", count, width, k)
					kerneltest.SameBits(t, name, dst, want)
					check(t, name)
				}
			}
		}
	})
}
