package gemm

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

// TestShared runs products on workers that share what they pack: the bits must be those of one block,
// at any number of workers, and nothing may be allocated after the first call.
func TestShared(t *testing.T) {
	defer func(n int) { sharedWork = n }(sharedWork)
	sharedWork = 1
	if cpu.Workers() < 2 {
		t.Skip("needs two processors")
	}
	r := rand.New(rand.NewPCG(35, 36))
	shapes := []Gemm{
		{M: 300, N: 290, K: 410}, {M: 301, N: 131, K: 770}, {M: 500, N: 40, K: 33}, {M: 2, N: 1100, K: 130, TransB: true}, {M: 250, N: 1100, K: 40},
	}
	kerneltest.Levels(t, func(t *testing.T) {
		for _, g := range shapes {
			for _, options := range []int{0, 1, 2, 3, 12, 18, 21, 31} {
				g.TransA, g.TransB, g.Accumulate = options&1 != 0, g.TransB || options&2 != 0, options&4 != 0
				if g.Alpha = 0; options&8 != 0 {
					g.Alpha = 0.5
				}
				if g.Bias, g.Act = nil, None; options&16 != 0 {
					g.Bias, _ = kerneltest.Guarded(r, g.N, 1)
					g.Act = ReLUAct
				}
				name := fmt.Sprintf("%d×%d×%d, options %b", g.M, g.N, g.K, options)
				c := newGemmCase(r, g)
				whole := g
				whole.check(c.c, c.a, c.b)
				want := append([]float32(nil), c.c...)
				whole.Block(want, c.a, c.b, 0, g.M, 0, g.N)
				for _, procs := range []int{2, 5} {
					before := runtime.GOMAXPROCS(procs)
					got := append([]float32(nil), c.c...)
					g.Run(got, c.a, c.b)
					runtime.GOMAXPROCS(before)
					kerneltest.SameBits(t, name, got, want)
				}
				if testing.Short() && options > 2 {
					break
				}
			}
		}
	})
	c := newGemmCase(r, shapes[0])
	run := func() { shapes[0].Run(c.c, c.a, c.b) }
	run()
	if n := testing.AllocsPerRun(20, run); n != 0 {
		t.Errorf("%g allocations a call", n)
	}
}
