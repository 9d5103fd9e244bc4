package rowwise

import (
	"math"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
)

// LayerNorm normalises each row of cols elements to mean 0 and variance 1 (the
// biased variance plus eps) and applies gamma and beta (Ba et al., 2016): y =
// (x-mean)*rstd*gamma + beta. mean and rstd, one per row, are kept for
// LayerNormGrad; xhat = (x-mean)*rstd is stored too unless nil. gamma, beta may
// be nil (1 and 0). y may be x.
func LayerNorm(y, xhat, mean, rstd, x, gamma, beta []float32, cols int, eps float32) {
	cpu.CheckLen("LayerNorm", "x", len(y), len(x))
	rows := cpu.RowsOf("LayerNorm", len(y), cols)
	cpu.CheckLen("LayerNorm", "mean", rows, len(mean))
	cpu.CheckLen("LayerNorm", "rstd", rows, len(rstd))
	if xhat != nil {
		cpu.CheckLen("LayerNorm", "xhat", len(y), len(xhat))
	}
	if gamma != nil {
		cpu.CheckLen("LayerNorm", "gamma", cols, len(gamma))
	}
	if beta != nil {
		cpu.CheckLen("LayerNorm", "beta", cols, len(beta))
	}
	if rows == 0 {
		return
	}
	j := newRowJob(layerNormPart)
	j.X, j.Cols, j.S = [9][]float32{y, xhat, mean, rstd, x, gamma, beta}, cols, eps
	j.Parallel(rows, rowsAtATime(rowGrain, cols))
}

func layerNormPart(j *rowJob, lo, hi int) {
	gamma, beta, n := j.X[5], j.X[6], float64(j.Cols)
	for i := lo; i < hi; i++ {
		x, y := j.Rows(4, i, i+1), j.Rows(0, i, i+1)
		m := float32(LongSum(x) / n)
		r := float32(1 / math.Sqrt(longSquares(x, m)/n+float64(j.S)))
		j.X[2][i], j.X[3][i] = m, r
		h := j.Rows(1, i, i+1)
		if h == nil && gamma != nil && beta != nil {
			layerNormRow(y, x, gamma, beta, m, r)
			continue
		}
		if h == nil {
			h = y
		}
		elementwise.Standardize(h, x, m, r)
		if gamma != nil {
			elementwise.Mul(y, h, gamma)
			h = y
		}
		switch {
		case beta != nil:
			elementwise.Add(y, h, beta)
		case gamma == nil && j.X[1] != nil:
			copy(y, h)
		}
	}
}

// LayerNormGrad adds the gradients of LayerNorm to dx, dgamma and dbeta; any of
// the three may be nil, and gamma too (1).
func LayerNormGrad(dx, dgamma, dbeta, dy, x, mean, rstd, gamma []float32, cols int) {
	cpu.CheckLen("LayerNormGrad", "x", len(dy), len(x))
	rows := cpu.RowsOf("LayerNormGrad", len(dy), cols)
	cpu.CheckLen("LayerNormGrad", "mean", rows, len(mean))
	cpu.CheckLen("LayerNormGrad", "rstd", rows, len(rstd))
	if dx != nil {
		cpu.CheckLen("LayerNormGrad", "dx", len(dy), len(dx))
	}
	if dgamma != nil {
		cpu.CheckLen("LayerNormGrad", "dgamma", cols, len(dgamma))
	}
	if dbeta != nil {
		cpu.CheckLen("LayerNormGrad", "dbeta", cols, len(dbeta))
	}
	if gamma != nil {
		cpu.CheckLen("LayerNormGrad", "gamma", cols, len(gamma))
	}
	if rows == 0 {
		return
	}
	if dgamma != nil && dbeta == nil { // a frozen beta alone is rare
		w := cpu.GetWorkspace()
		defer w.Release()
		dbeta = cpu.Floats(&w.A, cols)
		clear(dbeta)
	}
	if dgamma != nil {
		j := newRowJob(layerNormParamsPart)
		j.X, j.Cols = [9][]float32{dgamma, dbeta, dy, x, mean, rstd}, cols
		if len(dy) <= rowGrain {
			j.Parallel(cols, cols)
		} else {
			j.Parallel(cols, 64)
		}
	} else if dbeta != nil {
		AddRows(dbeta, dy, cols)
	}
	if dx != nil {
		j := newRowJob(layerNormGradPart)
		j.X, j.Cols = [9][]float32{dx, dy, x, gamma, mean, rstd}, cols
		j.Parallel(rows, rowsAtATime(rowGrain, cols))
	}
}

// layerNormParamsPart does some columns.
func layerNormParamsPart(j *rowJob, lo, hi int) {
	dy, x, mean, rstd, ld := j.X[2][lo:], j.X[3][lo:], j.X[4], j.X[5], j.Cols
	sumColumns(j.X[0][lo:hi], j.X[1][lo:hi], len(mean), func(dgamma, dbeta []float32, first, rows int) {
		layerNormParams(dgamma, dbeta, dy[first*ld:], x[first*ld:], mean[first:first+rows], rstd[first:first+rows], ld)
	})
}

// layerNormGradPart does some rows.
func layerNormGradPart(j *rowJob, lo, hi int) {
	n, gamma := float32(j.Cols), j.X[3]
	for i := lo; i < hi; i++ {
		dy, x, m, r := j.Rows(1, i, i+1), j.Rows(2, i, i+1), j.X[4][i], j.X[5][i]
		if gamma == nil {
			sum, dot := longPlaneGradSums(dy, x, m)
			s, d := float32(sum), float32(dot)
			planeGradAdd(j.Rows(0, i, i+1), dy, x, m, r, -r*r*r*d/n, -r*s/n)
			continue
		}
		s, d := longLayerNormGradSums(dy, x, gamma, m, r)
		layerNormGradRow(j.Rows(0, i, i+1), dy, x, gamma, m, r, s/n, d/n)
	}
}
