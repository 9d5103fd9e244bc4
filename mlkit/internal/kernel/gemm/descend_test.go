package gemm

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/kerneltest"
)

// TestDescend holds the update without a stored gradient against the product
// and an update: the same bits at every level, on one worker and on several.
func TestDescend(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(3))
	r := rand.New(rand.NewPCG(43, 44))
	for i, c := range [][3]int{{1, 1, 1}, {1, 7, 5}, {2, 64, 64}, {16, 130, 257}, {64, 256, 100}, {129, 33, 200}, {512, 96, 70}, {17, 500, 500}} {
		rows, out, in := c[0], c[1], c[2]
		dy, _ := kerneltest.Guarded(r, rows*out, 1)
		x, _ := kerneltest.Guarded(r, rows*in, 2)
		w, check := kerneltest.Guarded(r, out*in, i)
		before := append([]float32(nil), w...)
		kerneltest.Levels(t, func(t *testing.T) {
			want, g := append([]float32(nil), before...), make([]float32, len(w))
			Gemm{M: out, N: in, K: rows, TransA: true}.Run(g, dy, x)
			elementwise.SGDUpdate(want, g, 0.3)
			copy(w, before)
			Descend(w, dy, x, rows, out, in, 0.3)
			name := fmt.Sprintf("%d samples, %d×%d", rows, out, in)
			kerneltest.SameBits(t, name, w, want)
			check(t, name)
		})
	}
	kerneltest.MustPanic(t, "no rows", func() { Descend(nil, nil, nil, 0, 0, 0, 1) })
	kerneltest.MustPanic(t, "w too short", func() { Descend(make([]float32, 5), make([]float32, 2), make([]float32, 3), 1, 2, 3, 1) })
}
