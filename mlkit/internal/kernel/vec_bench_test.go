package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// benchBytes runs f, which reads and writes n bytes, at each level of the processor and reports
// GB/s.
func benchBytes(b *testing.B, n int, f func()) {
	for l := best; ; l-- {
		b.Run(l.String(), func(b *testing.B) {
			defer setLevel(setLevel(l))
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(n)*float64(b.N)/1e9/b.Elapsed().Seconds(), "GB/s")
		})
		if l == portable {
			return
		}
	}
}

// BenchmarkElem counts each input read and dst written, and dst read where it is added to.
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
			benchBytes(b, 4*n*(c.inputs+1), func() { elem(c.op, dst, x, y, c.s, c.t) })
		})
	}
}

// BenchmarkAdd shows the cost of a call and of leaving the caches.
func BenchmarkAdd(b *testing.B) {
	for _, n := range []int{1, 16, 100, 1000, 32_000, 1_000_000, 8_000_000} {
		x, y, dst := make([]float32, n), make([]float32, n), make([]float32, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchBytes(b, 12*n, func() { Add(dst, x, y) })
		})
	}
}

func BenchmarkVec(b *testing.B) {
	for _, s := range [][2]int{{1, 10}, {64, 10}, {32, 128}, {128, 512}} {
		rows, cols := s[0], s[1]
		n := rows * cols
		r := rand.New(rand.NewPCG(1, 2))
		x, y, z, d := randomSlice(r, n), randomSlice(r, n), randomSlice(r, n), make([]float32, n)
		row, row2, col, col2 := make([]float32, rows), make([]float32, rows), make([]float32, cols), make([]float32, cols)
		x4, y4 := randomSlice(r, 4*n), make([]float32, 4*n)
		x3, y3, z3, d3 := randomSlice(r, 3*n), randomSlice(r, 3*n), make([]float32, 3*n), make([]float32, 3*n)
		labels, bytes := make([]int32, rows), make([]byte, n)
		var s float32
		for _, k := range []struct {
			name  string
			bytes int
			f     func()
		}{
			{"Sum", 4 * n, func() { s += Sum(x) }},
			{"Dot", 8 * n, func() { s += Dot(x, y) }},
			{"AddRows", 4 * n, func() { AddRows(col, x, cols) }},
			{"SumRows", 4 * n, func() { SumRows(row, x, cols) }},
			{"Softmax", 8 * n, func() { Softmax(d, x, cols) }},
			{"SoftmaxGrad", 16 * n, func() { SoftmaxGrad(d, x, y, cols) }},
			{"SoftmaxCrossEntropy", 8 * n, func() { SoftmaxCrossEntropy(row, d, x, labels, cols) }},
			{"SoftmaxCrossEntropyGrad", 12 * n, func() { SoftmaxCrossEntropyGrad(d, row, x, labels, cols) }},
			{"LayerNorm", 8 * n, func() { LayerNorm(d, nil, row, row2, x, col, col2, cols, 1e-5) }},
			{"LayerNormGrad", 16 * n, func() { LayerNormGrad(d, col, col2, y, x, row, row2, col, cols) }},
			{"LSTMCell", 48 * n, func() { LSTMCell(d, y, y4, z, x4, x, cols) }},
			{"LSTMCellGrad", 56 * n, func() { LSTMCellGrad(x4, d, x, y, y4, z, x, cols, 4*cols) }},
			{"GRUCell", 44 * n, func() { GRUCell(d, z3, x3, y3, x, cols) }},
			{"GRUCellGrad", 60 * n, func() { GRUCellGrad(d3, x3, d, y, z3, y3, x, cols) }},
			{"AdamUpdate", 28 * n, func() { AdamUpdate(d, x, y, z, 0, 0.9, 0.999, 1, 0.1, 0.1, 0) }},
			{"SGDMomentum", 20 * n, func() { SGDMomentum(d, x, y, 0, 0.9, 0, true) }},
			{"BytesToFloats", 5 * n, func() { BytesToFloats(d, bytes, 1, 0) }},
			{"Transpose", 8 * n, func() { Transpose(d, x, rows, cols) }},
			{"Dropout", 8 * n, func() { Dropout(d, nil, x, 0.5, 1, 2, 3) }},
			{"Uniform", 4 * n, func() { Uniform(d, 1, 2, 0) }},
			{"Normal", 4 * n, func() { Normal(d, 1, 2, 0) }},
		} {
			b.Run(fmt.Sprintf("%s/%dx%d", k.name, rows, cols), func(b *testing.B) { benchBytes(b, k.bytes, k.f) })
		}
	}
}
