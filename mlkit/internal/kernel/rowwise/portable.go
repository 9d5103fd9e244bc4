package rowwise

import (
	"math"

	"descent/mlkit/internal/kernel/elementwise"
)

// The loops that the kernels of this family stand for. Sums run in float64.

func sumGo(x []float32) float32 {
	var s float64
	for _, v := range x {
		s += float64(v)
	}
	return float32(s)
}

func dotGo(a, b []float32) float32 {
	b = b[:len(a)]
	var s float64
	for i, v := range a {
		s += float64(v) * float64(b[i])
	}
	return float32(s)
}

// squaresGo adds up (x-mean)^2.
func squaresGo(x []float32, mean float32) float32 {
	var s float64
	for _, v := range x {
		d := float64(v - mean)
		s += d * d
	}
	return float32(s)
}

// softmaxRowGo returns the row's largest element and log(sum of e^(x-max)).
func softmaxRowGo(dst, x []float32) (m, logSum float32) {
	m = largest(x)
	var s float64
	for j, v := range x {
		e := float32(math.Exp(float64(v - m)))
		dst[j] = e
		s += float64(e)
	}
	r := float32(1 / s)
	for j := range dst {
		dst[j] *= r
	}
	return m, float32(math.Log(s))
}

// logSumExpRowGo is softmaxRowGo without the softmax.
func logSumExpRowGo(x []float32) (m, logSum float32) {
	m = largest(x)
	var s float64
	for _, v := range x {
		s += math.Exp(float64(v - m))
	}
	return m, float32(math.Log(s))
}

// largest passes over NaN, which comes back with e^NaN.
func largest(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		if v > m {
			m = v
		}
	}
	return m
}

func addRowsGo(dst, x []float32, rows, stride int) {
	n := len(dst)
	for i := range rows {
		elementwise.Add(dst[:n], dst[:n], x[i*stride:i*stride+n])
	}
}

func addRowsAtGo(dst, x []float32, at []int32) {
	n := len(dst)
	for _, r := range at {
		elementwise.Add(dst, dst, x[int(r)*n:int(r)*n+n])
	}
}

func layerNormRowGo(y, x, gamma, beta []float32, mean, rstd float32) {
	for j, v := range x {
		y[j] = (v-mean)*rstd*gamma[j] + beta[j]
	}
}

// layerNormGradSumsGo adds up dy*gamma and dy*gamma*xhat, xhat = (x-mean)*rstd.
func layerNormGradSumsGo(dy, x, gamma []float32, mean, rstd float32) (sum, dot float32) {
	var s, d float64
	for j, v := range dy {
		g := float64(v) * float64(gamma[j])
		s += g
		d += g * float64((x[j]-mean)*rstd)
	}
	return float32(s), float32(d)
}

func layerNormGradRowGo(dx, dy, x, gamma []float32, mean, rstd, a, b float32) {
	for j, v := range dy {
		dx[j] += rstd * (v*gamma[j] - a - (x[j]-mean)*rstd*b)
	}
}

func layerNormParamsGo(dgamma, dbeta, dy, x, mean, rstd []float32, stride int) {
	n := len(dgamma)
	for i, m := range mean {
		r, in := rstd[i], x[i*stride:i*stride+n]
		for j, v := range dy[i*stride : i*stride+n] {
			dgamma[j] += v * ((in[j] - m) * r)
			dbeta[j] += v
		}
	}
}

func planeGradGo(dst, dy, x []float32, mean, scale, slope, shift float32) {
	for i, d := range dy {
		dst[i] = scale*d + slope*(x[i]-mean) + shift
	}
}

func planeGradAddGo(dst, dy, x []float32, mean, scale, slope, shift float32) {
	for i, d := range dy {
		dst[i] += scale*d + slope*(x[i]-mean) + shift
	}
}

func rowAffineGo(y, x, mean, scale, shift []float32) {
	for i, v := range x {
		y[i] = (v-mean[i])*scale[i] + shift[i]
	}
}

func rowGradGo(dst, dy, x, mean, scale, slope, shift []float32) {
	for i, d := range dy {
		dst[i] = scale[i]*d + slope[i]*(x[i]-mean[i]) + shift[i]
	}
}

func planeAffineGo(y, x []float32, mean, scale, shift float32) {
	for i, v := range x {
		y[i] = (v-mean)*scale + shift
	}
}

func planeAffineReLUGo(y, x []float32, mean, scale, shift float32) {
	for i, v := range x {
		y[i] = max(0, (v-mean)*scale+shift)
	}
}

// planeGradSumsReLUGo is planeGradSumsGo behind a ReLU of planeAffine's result,
// which sets dy to 0 where that is not above 0.
func planeGradSumsReLUGo(dy, x []float32, mean, scale, shift float32) (sum, dot float32) {
	for i, v := range x {
		if (v-mean)*scale+shift <= 0 {
			dy[i] = 0
		}
	}
	return planeGradSumsGo(dy, x, mean)
}

// planeGradSumsGo adds up dy and dy*(x-mean).
func planeGradSumsGo(dy, x []float32, mean float32) (sum, dot float32) {
	var s, d float64
	for i, v := range dy {
		s += float64(v)
		d += float64(v) * float64(x[i]-mean)
	}
	return float32(s), float32(d)
}

func columnSquaresGo(dst, x, mean []float32, rows, stride int) {
	n := len(dst)
	for i := range rows {
		for j, v := range x[i*stride : i*stride+n] {
			d := v - mean[j]
			dst[j] += d * d
		}
	}
}

func columnGradSumsGo(sum, dot, dy, x, mean []float32, rows, stride int) {
	n := len(sum)
	for i := range rows {
		in := x[i*stride : i*stride+n]
		for j, v := range dy[i*stride : i*stride+n] {
			sum[j] += v
			dot[j] += v * (in[j] - mean[j])
		}
	}
}

// lstmRowGo does one row of LSTMCell.
func lstmRowGo(h, c, acts, tanhC, gates, cPrev []float32) {
	n := len(h)
	for j := range h {
		i := float32(elementwise.SigmoidOf(float64(gates[j])))
		f := float32(elementwise.SigmoidOf(float64(gates[n+j])))
		u := float32(math.Tanh(float64(gates[2*n+j])))
		o := float32(elementwise.SigmoidOf(float64(gates[3*n+j])))
		acts[j], acts[n+j], acts[2*n+j], acts[3*n+j] = i, f, u, o
		cell := f*cPrev[j] + i*u
		t := float32(math.Tanh(float64(cell)))
		c[j], tanhC[j], h[j] = cell, t, o*t
	}
}

// lstmGradRowGo does one row of LSTMCellGrad.
func lstmGradRowGo(dgates, dcPrev, dh, dc, acts, tanhC, cPrev []float32) {
	n := len(dh)
	for j, d := range dh {
		i, f, u, o := acts[j], acts[n+j], acts[2*n+j], acts[3*n+j]
		t := tanhC[j]
		cell := d * o * (1 - t*t)
		if dc != nil {
			cell += dc[j]
		}
		dgates[j] = cell * u * (i * (1 - i))
		dgates[n+j] = cell * cPrev[j] * (f * (1 - f))
		dgates[2*n+j] = cell * i * (1 - u*u)
		dgates[3*n+j] = d * t * (o * (1 - o))
		dcPrev[j] = cell * f
	}
}

// gruRowGo does one row of GRUCell.
func gruRowGo(h, acts, gx, gh, hPrev []float32) {
	n := len(h)
	for j := range h {
		r := float32(elementwise.SigmoidOf(float64(gx[j] + gh[j])))
		z := float32(elementwise.SigmoidOf(float64(gx[n+j] + gh[n+j])))
		t := float32(math.Tanh(float64(gx[2*n+j] + r*gh[2*n+j])))
		acts[j], acts[n+j], acts[2*n+j] = r, z, t
		h[j] = t + z*(hPrev[j]-t)
	}
}

// gruGradRowGo does one row of GRUCellGrad.
func gruGradRowGo(dgx, dgh, dhPrev, dh, acts, gh, hPrev []float32) {
	n := len(dh)
	for j, d := range dh {
		r, z, t := acts[j], acts[n+j], acts[2*n+j]
		dn := d * (1 - z) * (1 - t*t)
		dz := d * (hPrev[j] - t) * z * (1 - z)
		dr := dn * gh[2*n+j] * r * (1 - r)
		dgx[j], dgh[j] = dr, dr
		dgx[n+j], dgh[n+j] = dz, dz
		dgx[2*n+j], dgh[2*n+j] = dn, dn*r
		dhPrev[j] = d * z
	}
}
