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
	for i := range rows {
		in, out := x[i*cols:i*cols+cols], y[i*cols:i*cols+cols]
		m := Sum(in) / float32(cols)
		var s float64
		for _, v := range in {
			s += float64(v-m) * float64(v-m)
		}
		r := float32(1 / math.Sqrt(s/float64(cols)+float64(eps)))
		mean[i], rstd[i] = m, r
		for j, v := range in {
			h := (v - m) * r
			if xhat != nil {
				xhat[i*cols+j] = h
			}
			if gamma != nil {
				h *= gamma[j]
			}
			if beta != nil {
				h += beta[j]
			}
			out[j] = h
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
	for i := range rows {
		g, in := dy[i*cols:i*cols+cols], x[i*cols:i*cols+cols]
		m, r := mean[i], rstd[i]
		var s1, s2 float64
		for j, d := range g {
			h := (in[j] - m) * r
			if dgamma != nil {
				dgamma[j] += d * h
			}
			if dbeta != nil {
				dbeta[j] += d
			}
			if gamma != nil {
				d *= gamma[j]
			}
			s1 += float64(d)
			s2 += float64(d) * float64(h)
		}
		if dx == nil {
			continue
		}
		a, b := float32(s1/float64(cols)), float32(s2/float64(cols))
		for j, d := range g {
			if gamma != nil {
				d *= gamma[j]
			}
			dx[i*cols+j] += r * (d - a - (in[j]-m)*r*b)
		}
	}
}
