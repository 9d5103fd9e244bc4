package elementwise

import (
	"math"

	"descent/mlkit/internal/kernel/cpu"
)

// Updates of some rows of a parameter, of cols elements each: row i of g is the
// gradient of row at[i]. No row may occur twice. A row gets the very bits that
// the update of the whole parameter gives it.

// AxpyRows computes dst += alpha * x for the rows at.
func AxpyRows(dst []float32, alpha float32, x []float32, at []int32, cols int) {
	updateRows(axpyRowsPart, [9][]float32{dst, x}, at, cols, alpha, 0, [5]float32{})
}

func axpyRowsPart(j *elemJob, lo, hi int) {
	for i := lo; i < hi; i++ {
		axpy(rowAt(j, 0, i), j.Rows(1, i, i+1), nil, j.S, 0)
	}
}

// AdaGradRows is [AdaGrad] for the rows at.
func AdaGradRows(p, g, sum []float32, at []int32, cols int, lr, eps float64) {
	cpu.CheckLen("AdaGradRows", "sum", len(p), len(sum))
	updateRows(adaGradRowsPart, [9][]float32{p, g, sum}, at, cols, float32(lr), float32(eps), [5]float32{})
}

func adaGradRowsPart(j *elemJob, lo, hi int) {
	for i := lo; i < hi; i++ {
		adaGrad(rowAt(j, 0, i), j.Rows(1, i, i+1), rowAt(j, 2, i), j.S, j.T)
	}
}

// AdamRows is [AdamUpdate] without weight decay for the rows at; the others
// keep their means.
func AdamRows(p, g, m, v []float32, at []int32, cols int, lr, beta1, beta2, eps, bias1, bias2 float64) {
	cpu.CheckLen("AdamRows", "m", len(p), len(m))
	cpu.CheckLen("AdamRows", "v", len(p), len(v))
	updateRows(adamRowsPart, [9][]float32{p, g, m, v}, at, cols, float32(1-beta1), float32(beta2),
		[5]float32{float32(1 - beta2), float32(lr / bias1), float32(1 / math.Sqrt(bias2)), float32(eps)})
}

func adamRowsPart(j *elemJob, lo, hi int) {
	for i := lo; i < hi; i++ {
		adam(rowAt(j, 0, i), j.Rows(1, i, i+1), rowAt(j, 2, i), rowAt(j, 3, i), j.S, j.T, j.F[0], j.F[1], j.F[2],
			j.F[3], 1)
	}
}

func updateRows(part func(j *elemJob, lo, hi int), x [9][]float32, at []int32, cols int, s, t float32, f [5]float32) {
	cpu.CheckLen("an update of rows", "the gradient", len(at)*cols, len(x[1]))
	if len(x[1]) == 0 {
		return
	}
	j := newElemJob(part)
	j.X, j.Cols, j.More.at, j.S, j.T, j.F = x, cols, at, s, t, f
	j.Parallel(len(at), max(1, cpu.Grain/4/cols))
}
