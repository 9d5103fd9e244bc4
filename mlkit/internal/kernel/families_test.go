package kernel_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/kerneltest"
	"descent/mlkit/internal/kernel/random"
	"descent/mlkit/internal/kernel/rowwise"
)

// Rows may be further apart than they are long; what is between them stays.
func TestRowsApart(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for _, c := range [][3]int{{1, 1, 3}, {5, 7, 9}, {130, 33, 144}, {300, 260, 272}} {
			rows, cols, gap := c[0], c[1], c[2]-c[1]
			x := kerneltest.RandomSlice(r, rows*cols)
			want, wide := make([]float32, rows*cols), kerneltest.RandomSlice(r, (cols-1)*(rows+gap)+rows)
			before := slices.Clone(wide)
			gemm.Transpose(want, x, rows, cols)
			gemm.TransposeWide(wide, x, rows, cols, rows+gap)
			for i := range cols {
				kerneltest.SameBits(t, "transposed", wide[i*(rows+gap):][:rows], want[i*rows:][:rows])
				if i > 0 {
					kerneltest.SameBits(t, "between rows", wide[i*(rows+gap)-gap:][:gap], before[i*(rows+gap)-gap:][:gap])
				}
			}
			apart := kerneltest.RandomSlice(r, (rows-1)*(cols+gap)+cols)
			for i := range rows {
				copy(apart[i*(cols+gap):], x[i*cols:][:cols])
			}
			sum, sumApart := make([]float32, cols), make([]float32, cols)
			rowwise.AddRows(sum, x, cols)
			rowwise.AddRowsWide(sumApart, apart, rows, cols+gap)
			kerneltest.SameBits(t, "sums", sumApart, sum)
		}
	})
	for what, f := range map[string]func(){
		"short rows":     func() { gemm.TransposeWide(make([]float32, 6), make([]float32, 6), 2, 3, 1) },
		"a short dst":    func() { gemm.TransposeWide(make([]float32, 9), make([]float32, 6), 2, 3, 4) },
		"a short source": func() { rowwise.AddRowsWide(make([]float32, 3), make([]float32, 6), 2, 4) },
		"short gates": func() {
			x := make([]float32, 2)
			rowwise.LSTMCellGrad(make([]float32, 8), x, x, nil, make([]float32, 8), x, x, 1, 5)
		},
	} {
		kerneltest.MustPanic(t, what, f)
	}
}

// everyKernel runs what is not element-wise on large inputs and returns all
// results.
func everyKernel(rows, cols int) []float32 {
	r := rand.New(rand.NewPCG(17, 18))
	n := rows * cols
	x, dy, z := kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n)
	gamma, beta := kerneltest.RandomSlice(r, cols), kerneltest.RandomSlice(r, cols)
	labels := make([]int32, rows)
	for i := range labels {
		labels[i] = int32(r.IntN(cols))
	}
	out := []float32{rowwise.Sum(x), rowwise.SumSquares(x), rowwise.Dot(x, dy)}
	keep := func(x ...[]float32) { out = append(out, slices.Concat(x...)...) }
	col, row := make([]float32, cols), make([]float32, rows)
	rowwise.AddRows(col, x, cols)
	rowwise.SumRows(row, x, cols)
	keep(col, row)
	y, g := make([]float32, n), make([]float32, n)
	rowwise.Softmax(y, x, cols)
	rowwise.SoftmaxGrad(g, dy, y, cols)
	keep(y, g)
	rowwise.LogSoftmax(y, x, cols)
	rowwise.LogSoftmaxGrad(g, dy, y, cols)
	keep(y, g)
	rowwise.SoftmaxCrossEntropy(row, y, x, labels, cols)
	rowwise.SoftmaxCrossEntropyGrad(g, row, y, labels, cols)
	keep(row, y, g)
	mean, rstd := make([]float32, rows), make([]float32, rows)
	rowwise.LayerNorm(y, nil, mean, rstd, x, gamma, beta, cols, 1e-5)
	rowwise.LayerNormGrad(g, gamma, beta, dy, x, mean, rstd, slices.Clone(gamma), cols)
	keep(mean, rstd, y, g, gamma, beta)
	g4, a4 := kerneltest.RandomSlice(r, 4*n), make([]float32, 4*n)
	rowwise.LSTMCell(y, g, a4, z, g4, x, cols)
	keep(y, g, a4, z)
	rowwise.LSTMCellGrad(g4, g, dy, y, a4, z, x, cols, 4*cols)
	keep(g4, g)
	g3, s3, a3, d3 := kerneltest.RandomSlice(r, 3*n), kerneltest.RandomSlice(r, 3*n), make([]float32, 3*n), make([]float32, 3*n)
	rowwise.GRUCell(y, a3, g3, s3, x, cols)
	keep(y, a3)
	rowwise.GRUCellGrad(g3, d3, y, dy, a3, s3, x, cols)
	keep(g3, d3, y)
	m, v := kerneltest.RandomSlice(r, n), make([]float32, n)
	elementwise.AdamUpdate(x, dy, m, v, 0.01, 0.9, 0.999, 1e-8, 0.1, 0.001, 0.01)
	elementwise.SGDMomentum(x, dy, m, 0.01, 0.9, 0, true)
	keep(x, m, v)
	elementwise.SGDOuterUpdate(x, row, col, 0.1)
	keep(x)
	elementwise.RMSProp(x, dy, v, 0.01, 0.9, 1e-8)
	elementwise.Lion(x, dy, m, 0.01, 0.9, 0.99, 0.1)
	keep(x, m, v)
	for _, size := range []int{1, cols} {
		c := n / rows / size * min(rows, 4) // n = samples * c * size
		if c*size > n || n%(c*size) != 0 {
			c = n / rows / size
		}
		mu, va, su, do := make([]float32, c), make([]float32, c), make([]float32, c), make([]float32, c)
		rowwise.ChannelStats(mu, va, x, size)
		rowwise.ChannelAffine(y, x, mu, va, mu, size)
		rowwise.ChannelGradSums(su, do, dy, x, mu, size)
		rowwise.ChannelGrad(g, dy, x, mu, va, su, do, size)
		keep(mu, va, su, do, y, g)
		p := rowwise.Norm{Mean: mu, RStd: make([]float32, c), Scale: make([]float32, c), Shift: su, ReLU: true, Size: size}
		p.Batch(y, x, va, do, 1e-5)
		copy(g, dy)
		p.Grad(g, x, y, do, va, make([]float32, c), make([]float32, c), true, true)
		keep(mu, p.RStd, p.Scale, do, va, y, g)
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	elementwise.BytesToFloats(y, b, 0.017, -0.3)
	keep(y)
	gemm.Transpose(y, x, rows, cols)
	keep(y)
	random.Dropout(y, g, x, 0.7, 1, 2, 3)
	random.DropoutGrad(x, dy, 0.7, 1, 2, 3)
	keep(x, y, g)
	random.Uniform(y, 1, 2, 7)
	random.Normal(g, 1, 2, 7)
	keep(y, g)
	return out
}

func TestSameBitsAtEveryLevelAndWorkers(t *testing.T) {
	shapes := [][2]int{{37, 91}, {300, 400}}
	if testing.Short() {
		shapes[1] = [2]int{130, 301}
	}
	for _, s := range shapes {
		kerneltest.LevelsAgree(t, fmt.Sprint(s), func() []float32 { return everyKernel(s[0], s[1]) })
		want := everyKernel(s[0], s[1])
		for _, procs := range []int{1, 2, 5} {
			before := runtime.GOMAXPROCS(procs)
			got := everyKernel(s[0], s[1])
			runtime.GOMAXPROCS(before)
			kerneltest.SameBits(t, fmt.Sprint("GOMAXPROCS ", procs), got, want)
		}
	}
}

func TestLengthsAreChecked(t *testing.T) {
	x := make([]float32, 6)
	for name, f := range map[string]func(){
		"Add":          func() { elementwise.Add(x, x[:5], x) },
		"Exp":          func() { elementwise.Exp(x, x[:5]) },
		"Axpy":         func() { elementwise.Axpy(x[:5], 1, x) },
		"AddRows":      func() { rowwise.AddRows(x[:3], x, 2) },
		"SumRows":      func() { rowwise.SumRows(x[:2], x, 2) },
		"Softmax":      func() { rowwise.Softmax(x, x, 4) },
		"cols":         func() { rowwise.Softmax(x, x, 0) },
		"label":        func() { rowwise.SoftmaxCrossEntropy(x[:2], x, x, []int32{0, 3}, 3) },
		"LayerNorm":    func() { rowwise.LayerNorm(x, nil, x[:2], x[:2], x, x[:2], x[:3], 3, 1e-5) },
		"LSTM":         func() { rowwise.LSTMCell(x, x, x, x, x, x, 3) },
		"Adam":         func() { elementwise.AdamUpdate(x, x, x, x[:5], 1, 1, 1, 1, 1, 1, 1) },
		"Dropout":      func() { random.Dropout(x, x[:3], x, 0.5, 1, 1, 1) },
		"keep":         func() { random.Dropout(x, nil, x, 0, 1, 1, 1) },
		"Transpose":    func() { gemm.Transpose(x, x, 2, 2) },
		"ArgMax":       func() { rowwise.ArgMax(nil) },
		"BytesToFloat": func() { elementwise.BytesToFloats(x, make([]byte, 5), 1, 0) },
	} {
		kerneltest.MustPanic(t, name, f)
	}
}

func TestNoAllocation(t *testing.T) {
	const rows, cols = 100, 500
	n := rows * cols
	x, y, z := make([]float32, n), make([]float32, n), make([]float32, n)
	row, col := make([]float32, rows), make([]float32, cols)
	labels := make([]int32, rows)
	if allocs := testing.AllocsPerRun(20, func() {
		elementwise.Add(x, y, z)
		elementwise.Exp(x, y)
		rowwise.Sum(x)
		rowwise.Dot(x, y)
		rowwise.AddRows(col, x, cols)
		rowwise.SoftmaxCrossEntropy(row, y, x, labels, cols)
		rowwise.SoftmaxCrossEntropyGrad(x, row, y, labels, cols)
		rowwise.LayerNorm(y, nil, row, row, x, col, col, cols, 1e-5)
		rowwise.LayerNormGrad(x, col, col, y, z, row, row, col, cols)
		elementwise.AdamUpdate(x, y, z, z, 1, 1, 1, 1, 1, 1, 1)
		elementwise.SGDMomentum(x, y, z, 1, 1, 1, true)
		gemm.Transpose(x, y, rows, cols)
		random.Dropout(x, nil, y, 0.5, 1, 2, 3)
		random.DropoutGrad(x, y, 0.5, 1, 2, 3)
		random.Uniform(x, 1, 2, 3)
		random.Normal(x, 1, 2, 3)
	}); allocs != 0 {
		t.Errorf("%g allocations, want none", allocs)
	}
}
