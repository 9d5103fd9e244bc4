package kernel_test

import (
	"fmt"
	"math"
	"testing"

	"descent/mlkit/internal/kernel/conv"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/kerneltest"
	"descent/mlkit/internal/kernel/rowwise"
)

// TestSumsOfMany adds up a million and more equal numbers in every way there
// is: one after another they would be off by per cents.
func TestSumsOfMany(t *testing.T) {
	const n = 1<<20 + 77
	x, y, ones := make([]float32, n), make([]float32, n), make([]float32, n)
	elementwise.Fill(x, 0.1)
	elementwise.Fill(y, 0.3)
	elementwise.Fill(ones, 1)
	v, w := float64(x[0]), float64(y[0])
	check := func(t *testing.T, what string, got float32, want float64) {
		t.Helper()
		if e := math.Abs(float64(got)-want) / want; !(e < 2e-5) {
			t.Errorf("%s: %v, want %v, off by %.2g", what, got, want, e)
		}
	}
	kerneltest.Levels(t, func(t *testing.T) {
		one, two, three := []float32{0}, []float32{0}, []float32{0}
		reset := func() { one[0], two[0], three[0] = 0, 0, 0 }

		check(t, "Sum", rowwise.Sum(x), n*v)
		check(t, "Dot", rowwise.Dot(x, y), n*v*w)
		rowwise.AddRows(one, x, 1)
		check(t, "AddRows", one[0], n*v)
		reset()
		rowwise.AddRowsWide(one, x, n/7+1, 7)
		check(t, "AddRowsWide", one[0], (n/7+1)*v)
		rowwise.SumRows(one, x, n)
		check(t, "SumRows", one[0], n*v)
		p := conv.Pool{N: 1, C: 1, H: 1 << 10, W: 1 << 10, KH: 1 << 10, KW: 1 << 10}
		p.AvgForward(one, x[:1<<20])
		check(t, "AvgForward", one[0], v)
		for _, size := range []int{1, n} {
			rowwise.ChannelStats(one, two, x, size)
			check(t, "ChannelStats", one[0], v)
			rowwise.ChannelGradSums(one, two, x, y, []float32{0.2}, size)
			check(t, "ChannelGradSums", one[0], n*v)
			check(t, "ChannelGradSums", two[0], n*v*float64(y[0]-0.2))
		}
		for i := range y {
			y[i] = float32(i % 2)
		}
		rowwise.ChannelStats(one, two, y, 1)
		check(t, "ChannelStats", two[0], 0.25)
		mean, rstd := make([]float32, n), ones
		reset()
		rowwise.LayerNormGrad(nil, one, two, x, ones, mean, rstd, nil, 1)
		check(t, "LayerNormGrad: gamma", one[0], n*v)
		check(t, "LayerNormGrad: beta", two[0], n*v)
		reset()
		rowwise.LayerNormGrad(nil, one, nil, x, ones, mean, rstd, nil, 1)
		check(t, "LayerNormGrad: gamma alone", one[0], n*v)
		out := make([]float32, n)
		rowwise.LayerNorm(out, nil, one, two, y, nil, nil, n, 0)
		check(t, "LayerNorm: mean", one[0], 0.5)
		check(t, "LayerNorm: 1/deviation", two[0], 2)
		elementwise.Fill(y, 0.3)
		for _, g := range []gemm.Gemm{
			{M: 1, N: 1, K: n}, {M: 1, N: 2, K: n / 7, TransB: true}, {M: 2, N: 1, K: n / 7, TransB: true}, {M: 3, N: 2, K: n / 7, TransA: true},
			{M: 2, N: 3, K: n / 7, TransB: true, Alpha: 0.5}, {M: 7, N: 7, K: n / 7, Accumulate: true, Alpha: 2, Act: gemm.ReLUAct},
			{M: 7, N: 7, K: n / 7, TransA: true, Bias: []float32{1, 1, 1, 1, 1, 1, 1}, Accumulate: true}, {M: 1, N: 7, K: n / 7, Alpha: 2, TransB: true, Accumulate: true, Bias: []float32{1, 1, 1, 1, 1, 1, 1}},
		} {
			out := make([]float32, g.M*g.N)
			want := float64(g.K) * v * w
			if g.Alpha != 0 {
				want *= float64(g.Alpha)
			}
			if g.Accumulate {
				elementwise.Fill(out, 100)
				want += 100
			}
			if g.Bias != nil {
				want++
			}
			g.Run(out, x, y)
			for _, got := range out {
				check(t, fmt.Sprintf("%+v", g), got, want)
			}
		}
	})
}
