package kernel

import "math"

// LayerNorm normalises each row of cols elements to mean 0 and variance 1 (the biased variance plus
// eps) and applies gamma and beta (Ba et al., 2016): y = (x-mean)*rstd*gamma + beta. mean and rstd,
// one per row, are kept for LayerNormGrad; xhat = (x-mean)*rstd is stored too unless nil. gamma, beta
// may be nil (1 and 0). y may be x.
func LayerNorm(y, xhat, mean, rstd, x, gamma, beta []float32, cols int, eps float32) {
	checkLen("LayerNorm", "x", len(y), len(x))
	rows := rowsOf("LayerNorm", len(y), cols)
	checkLen("LayerNorm", "mean", rows, len(mean))
	checkLen("LayerNorm", "rstd", rows, len(rstd))
	if xhat != nil {
		checkLen("LayerNorm", "xhat", len(y), len(xhat))
	}
	if gamma != nil {
		checkLen("LayerNorm", "gamma", cols, len(gamma))
	}
	if beta != nil {
		checkLen("LayerNorm", "beta", cols, len(beta))
	}
	if rows == 0 {
		return
	}
	j := getJob((*job).layerNormPart)
	j.x, j.cols, j.s = [9][]float32{y, xhat, mean, rstd, x, gamma, beta}, cols, eps
	j.parallel(rows, rowsAtATime(rowGrain, cols))
}

func (j *job) layerNormPart(lo, hi int) {
	gamma, beta, n := j.x[5], j.x[6], float64(j.cols)
	for i := lo; i < hi; i++ {
		x, y := j.rows(4, i, i+1), j.rows(0, i, i+1)
		m := float32(longSum(x) / n)
		r := float32(1 / math.Sqrt(longSquares(x, m)/n+float64(j.s)))
		j.x[2][i], j.x[3][i] = m, r
		h := j.rows(1, i, i+1)
		if h == nil && gamma != nil && beta != nil {
			layerNormRow(y, x, gamma, beta, m, r)
			continue
		}
		if h == nil {
			h = y
		}
		elem(opStandardize, h, x, nil, m, r)
		if gamma != nil {
			elem(opMul, y, h, gamma, 0, 0)
			h = y
		}
		switch {
		case beta != nil:
			elem(opAdd, y, h, beta, 0, 0)
		case gamma == nil && j.x[1] != nil:
			copy(y, h)
		}
	}
}

// LayerNormGrad adds the gradients of LayerNorm to dx, dgamma and dbeta; any of the three may be
// nil, and gamma too (1).
func LayerNormGrad(dx, dgamma, dbeta, dy, x, mean, rstd, gamma []float32, cols int) {
	checkLen("LayerNormGrad", "x", len(dy), len(x))
	rows := rowsOf("LayerNormGrad", len(dy), cols)
	checkLen("LayerNormGrad", "mean", rows, len(mean))
	checkLen("LayerNormGrad", "rstd", rows, len(rstd))
	if dx != nil {
		checkLen("LayerNormGrad", "dx", len(dy), len(dx))
	}
	if dgamma != nil {
		checkLen("LayerNormGrad", "dgamma", cols, len(dgamma))
	}
	if dbeta != nil {
		checkLen("LayerNormGrad", "dbeta", cols, len(dbeta))
	}
	if gamma != nil {
		checkLen("LayerNormGrad", "gamma", cols, len(gamma))
	}
	if rows == 0 {
		return
	}
	if dgamma != nil && dbeta == nil { // a frozen beta alone is rare
		w := getWorkspace()
		defer w.release()
		dbeta = floats(&w.a, cols)
		clear(dbeta)
	}
	if dgamma != nil {
		j := getJob((*job).layerNormParamsPart)
		j.x, j.cols = [9][]float32{dgamma, dbeta, dy, x, mean, rstd}, cols
		if len(dy) <= rowGrain {
			j.parallel(cols, cols)
		} else {
			j.parallel(cols, 64)
		}
	} else if dbeta != nil {
		AddRows(dbeta, dy, cols)
	}
	if dx != nil {
		j := getJob((*job).layerNormGradPart)
		j.x, j.cols = [9][]float32{dx, dy, x, gamma, mean, rstd}, cols
		j.parallel(rows, rowsAtATime(rowGrain, cols))
	}
}

// layerNormParamsPart does some columns.
func (j *job) layerNormParamsPart(lo, hi int) {
	dy, x, mean, rstd, ld := j.x[2][lo:], j.x[3][lo:], j.x[4], j.x[5], j.cols
	sumColumns(j.x[0][lo:hi], j.x[1][lo:hi], len(mean), func(dgamma, dbeta []float32, first, rows int) {
		layerNormParams(dgamma, dbeta, dy[first*ld:], x[first*ld:], mean[first:first+rows], rstd[first:first+rows], ld, hi-lo)
	})
}

// layerNormGradPart does some rows.
func (j *job) layerNormGradPart(lo, hi int) {
	n, gamma := float32(j.cols), j.x[3]
	for i := lo; i < hi; i++ {
		dy, x, m, r := j.rows(1, i, i+1), j.rows(2, i, i+1), j.x[4][i], j.x[5][i]
		if gamma == nil {
			sum, dot := longPlaneGradSums(dy, x, m)
			s, d := float32(sum), float32(dot)
			planeGradAdd(j.rows(0, i, i+1), dy, x, m, r, -r*r*r*d/n, -r*s/n)
			continue
		}
		s, d := longLayerNormGradSums(dy, x, gamma, m, r)
		layerNormGradRow(j.rows(0, i, i+1), dy, x, gamma, m, r, s/n, d/n)
	}
}
