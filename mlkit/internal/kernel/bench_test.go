package kernel_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/kerneltest"
	"descent/mlkit/internal/kernel/random"
	"descent/mlkit/internal/kernel/rowwise"
)

func BenchmarkVec(b *testing.B) {
	for _, s := range [][2]int{{1, 10}, {64, 10}, {32, 128}, {128, 512}} {
		rows, cols := s[0], s[1]
		n := rows * cols
		r := rand.New(rand.NewPCG(1, 2))
		x, y, z, d := kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n), make([]float32, n)
		row, row2, col, col2 := make([]float32, rows), make([]float32, rows), make([]float32, cols), make([]float32, cols)
		x4, y4 := kerneltest.RandomSlice(r, 4*n), make([]float32, 4*n)
		x3, y3, z3, d3 := kerneltest.RandomSlice(r, 3*n), kerneltest.RandomSlice(r, 3*n), make([]float32, 3*n), make([]float32, 3*n)
		labels, bytes := make([]int32, rows), make([]byte, n)
		var s float32
		for _, k := range []struct {
			name  string
			bytes int
			f     func()
		}{
			{"Sum", 4 * n, func() { s += rowwise.Sum(x) }},
			{"Dot", 8 * n, func() { s += rowwise.Dot(x, y) }},
			{"AddRows", 4 * n, func() { rowwise.AddRows(col, x, cols) }},
			{"SumRows", 4 * n, func() { rowwise.SumRows(row, x, cols) }},
			{"Softmax", 8 * n, func() { rowwise.Softmax(d, x, cols) }},
			{"SoftmaxGrad", 16 * n, func() { rowwise.SoftmaxGrad(d, x, y, cols) }},
			{"SoftmaxCrossEntropy", 8 * n, func() { rowwise.SoftmaxCrossEntropy(row, d, x, labels, cols) }},
			{"SoftmaxCrossEntropyGrad", 12 * n, func() { rowwise.SoftmaxCrossEntropyGrad(d, row, x, labels, cols) }},
			{"LayerNorm", 8 * n, func() { rowwise.LayerNorm(d, nil, row, row2, x, col, col2, cols, 1e-5) }},
			{"LayerNormGrad", 16 * n, func() { rowwise.LayerNormGrad(d, col, col2, y, x, row, row2, col, cols) }},
			{"LSTMCell", 48 * n, func() { rowwise.LSTMCell(d, y, y4, z, x4, x, cols) }},
			{"LSTMCellGrad", 56 * n, func() { rowwise.LSTMCellGrad(x4, d, x, y, y4, z, x, cols, 4*cols) }},
			{"GRUCell", 44 * n, func() { rowwise.GRUCell(d, z3, x3, y3, x, cols) }},
			{"GRUCellGrad", 60 * n, func() { rowwise.GRUCellGrad(d3, x3, d, y, z3, y3, x, cols) }},
			{"AdamUpdate", 28 * n, func() { elementwise.AdamUpdate(d, x, y, z, 0, 0.9, 0.999, 1, 0.1, 0.1, 0) }},
			{"SGDMomentum", 20 * n, func() { elementwise.SGDMomentum(d, x, y, 0, 0.9, 0, true) }},
			{"BytesToFloats", 5 * n, func() { elementwise.BytesToFloats(d, bytes, 1, 0) }},
			{"Transpose", 8 * n, func() { gemm.Transpose(d, x, rows, cols) }},
			{"Dropout", 8 * n, func() { random.Dropout(d, nil, x, 0.5, 1, 2, 3) }},
			{"Uniform", 4 * n, func() { random.Uniform(d, 1, 2, 0) }},
			{"Normal", 4 * n, func() { random.Normal(d, 1, 2, 0) }},
		} {
			b.Run(fmt.Sprintf("%s/%dx%d", k.name, rows, cols), func(b *testing.B) { kerneltest.BenchBytes(b, k.bytes, k.f) })
		}
	}
}
