package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/kerneltest"
)

// TestListed holds a product whose first matrix lies scattered in memory
// against that of the matrix written out: the same bits at every level, and
// nothing written beside the result.
func TestListed(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	for i := range 60 {
		l := Listed{Runs: 1 + r.IntN(4), Each: 1 + r.IntN(30), Apart: r.IntN(40), Step: 1 + r.IntN(3), N: 1 + r.IntN(70)}
		l.At = make([]int, 1+r.IntN(2*transKC))
		if i%4 == 0 {
			l.At = make([]int, 2*transKC+1+r.IntN(100))
		}
		for k := range l.At {
			l.At[k] = r.IntN(50)
			l.Far = max(l.Far, l.At[k])
		}
		l.LDB, l.LDC = l.N+r.IntN(5), l.N+r.IntN(5)
		rows, depth := l.Runs*l.Each, len(l.At)
		a, _ := kerneltest.Guarded(r, (l.Runs-1)*l.Apart+(l.Each-1)*l.Step+l.Far+1, 1)
		b, _ := kerneltest.Guarded(r, (depth-1)*l.LDB+l.N, 2)
		if i%3 > 0 {
			l.Bias, _ = kerneltest.Guarded(r, l.N, 3)
		}
		full := make([]float32, rows*depth)
		for m := range rows {
			for k, at := range l.At {
				full[m*depth+k] = a[m/l.Each*l.Apart+m%l.Each*l.Step+at]
			}
		}
		name := fmt.Sprintf("%d runs of %d, %d×%d", l.Runs, l.Each, l.N, depth)
		kerneltest.Levels(t, func(t *testing.T) {
			c, check := kerneltest.Guarded(r, (rows-1)*l.LDC+l.N, i%16)
			want := append([]float32(nil), c...)
			g := Gemm{M: rows, N: l.N, K: depth, LDB: l.LDB, LDC: l.LDC, Bias: l.Bias, Alpha: 1}
			g.check(want, full, b)
			g.Block(want, full, b, 0, rows, 0, l.N)
			l.Run(c, a, b)
			kerneltest.SameBits(t, name, c, want)
			check(t, name)
		})
	}
}
