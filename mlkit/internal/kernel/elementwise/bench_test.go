package elementwise

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/kerneltest"
)

// BenchmarkElem counts each input read and dst written, and dst read where it
// is added to.
func BenchmarkElem(b *testing.B) {
	const n = 4096 // in the first-level cache
	for _, c := range elemCases {
		x, y, dst := make([]float32, n), make([]float32, n), make([]float32, n)
		r := rand.New(rand.NewPCG(1, 2))
		for i := range x {
			x[i], y[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
			if c.domain != nil {
				x[i], y[i] = float32(c.domain(float64(x[i]))), float32(c.domain(float64(y[i])))
			}
		}
		b.Run(c.name, func(b *testing.B) {
			kerneltest.BenchBytes(b, 4*n*(c.inputs+1), func() { elem(c.f, dst, x, y, c.s, c.t) })
		})
	}
}

// BenchmarkAdd shows the cost of a call and of leaving the caches.
func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{1, 16, 100, 1000, 32_000, 1_000_000, 8_000_000} {
		x, y, dst := make([]float32, n), make([]float32, n), make([]float32, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			kerneltest.BenchBytes(b, 12*n, func() { Add(dst, x, y) })
		})
	}
}
