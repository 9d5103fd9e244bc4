package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/kerneltest"
)

var benchSizes = [][3]int{
	{64, 64, 64}, {128, 128, 128}, {256, 256, 256}, {512, 512, 512}, {1024, 1024, 1024}, {128, 256, 784}, {784, 256, 128},
	{128, 128, 256}, {128, 10, 128}, {3136, 64, 288}, {21632, 32, 9},
}

func benchGemm(b *testing.B, g Gemm) {
	r := rand.New(rand.NewPCG(1, 1))
	x, _ := kerneltest.Guarded(r, g.M*g.K, 16)
	y, _ := kerneltest.Guarded(r, g.K*g.N, 16)
	c, _ := kerneltest.Guarded(r, g.M*g.N, 16)
	for b.Loop() {
		g.Run(c, x, y)
	}
	kerneltest.Report(b, g.M*g.N*g.K, FMAPeak)
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range benchSizes {
		for trans, name := range []string{"NN", "TN", "NT", "TT"} {
			b.Run(fmt.Sprintf("%dx%dx%d/%s", s[0], s[1], s[2], name), func(b *testing.B) {
				benchGemm(b, Gemm{M: s[0], N: s[1], K: s[2], TransA: trans&1 != 0, TransB: trans&2 != 0})
			})
		}
	}
}

// BenchmarkGemmSmall has the products of a step of a 20-64-64-2 network on one
// sample, and of the prediction of one image.
func BenchmarkGemmSmall(b *testing.B) {
	for _, g := range []Gemm{
		{M: 1, N: 64, K: 20, TransB: true},
		{M: 1, N: 64, K: 64, TransB: true},
		{M: 1, N: 2, K: 64, TransB: true},
		{M: 1, N: 64, K: 2},
		{M: 1, N: 64, K: 64},
		{M: 64, N: 20, K: 1, TransA: true},
		{M: 64, N: 64, K: 1, TransA: true},
		{M: 2, N: 64, K: 1, TransA: true},
		{M: 1, N: 256, K: 784, TransB: true},
		{M: 1, N: 784, K: 256},
		{M: 32, N: 64, K: 20, TransB: true},
		{M: 32, N: 64, K: 64, TransB: true},
	} {
		b.Run(fmt.Sprintf("%dx%dx%d,%v,%v", g.M, g.N, g.K, g.TransA, g.TransB), func(b *testing.B) { benchGemm(b, g) })
	}
}
