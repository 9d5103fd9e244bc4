package kernel

import "unsafe"

// vecKernels are the kernels that are not element-wise, for one level of the processor. Where there
// is no assembly a field is nil, and the function of the same name with Go behind it runs.
type vecKernels struct {
	sum          func(x *float32, n int) float32
	maxAbs       func(x *float32, n int) float32 // where elemTable has a sine
	dot          func(a, b *float32, n int) float32
	squares      func(x *float32, n int, mean float32) float32
	softmaxRow   func(dst, x *float32, n int) (m, logSum float32)
	logSumExpRow func(x *float32, n int) (m, logSum float32)
	addRows      func(dst, x *float32, rows, stride, n int)

	layerNormRow      func(y, x, gamma, beta *float32, n int, mean, rstd float32)
	layerNormGradSums func(dy, x, gamma *float32, n int, mean, rstd float32) (sum, dot float32)
	layerNormGradRow  func(dx, dy, x, gamma *float32, n int, mean, rstd, a, b float32)
	layerNormParams   func(dgamma, dbeta, dy, x, mean, rstd *float32, rows, stride, n int)

	planeAffine             func(y, x *float32, n int, mean, scale, shift float32)
	planeGradSums           func(dy, x *float32, n int, mean float32) (sum, dot float32)
	planeGrad, planeGradAdd func(dst, dy, x *float32, n int, mean, scale, slope, shift float32)
	rowAffine               func(y, x, mean, scale, shift *float32, n int)
	rowGrad                 func(dst, dy, x, mean, scale, slope, shift *float32, n int)
	columnSquares           func(dst, x, mean *float32, rows, stride, n int)
	columnGradSums          func(sum, dot, dy, x, mean *float32, rows, stride, n int)

	lstmRow     func(h, c, acts, tanhC, gates, cPrev *float32, n int)
	lstmGradRow func(dgates, dcPrev, dh, dc, acts, tanhC, cPrev *float32, n int)
	gruRow      func(h, acts, gx, gh, hPrev *float32, n int)
	gruGradRow  func(dgx, dgh, dhPrev, dh, acts, gh, hPrev *float32, n int)

	geluSlope func(y, slope, x *float32, n int)

	adam               func(p, g, m, v *float32, n int, take1, beta2, take2, step, root, eps, keep float32)
	momentum, nesterov func(p, g, buf *float32, n int, lr, mu, take float32)
	rmsProp            func(p, g, v *float32, n int, lr, alpha, take, eps float32)
	lion               func(p, g, m *float32, n int, lr, beta1, take1, beta2, take2, keep float32)
	bytesToFloats      func(dst *float32, src *byte, n int, scale, shift float32)

	dropout         func(dst, mask, x *float32, blocks int, key *uint32, counter int, limit int32, scale float32)
	dropoutGrad     func(dx, dy *float32, blocks int, key *uint32, counter int, limit int32, scale float32)
	uniform, normal func(dst *float32, blocks int, key *uint32, counter int)
}

var vecTable [avx512 + 1]vecKernels

// ptr returns where x begins, nil for nil.
func ptr(x []float32) *float32 { return unsafe.SliceData(x) }

func sum(x []float32) float32 {
	if f := vecTable[cpu].sum; f != nil {
		return f(ptr(x), len(x))
	}
	return sumGo(x)
}

func dot(a, b []float32) float32 {
	if f := vecTable[cpu].dot; f != nil {
		return f(ptr(a), ptr(b), len(a))
	}
	return dotGo(a, b)
}

func squares(x []float32, mean float32) float32 {
	if f := vecTable[cpu].squares; f != nil {
		return f(ptr(x), len(x), mean)
	}
	return squaresGo(x, mean)
}

// softmaxRow returns the largest element and the logarithm of the sum of e^(x-max).
func softmaxRow(dst, x []float32) (m, logSum float32) {
	if f := vecTable[cpu].softmaxRow; f != nil {
		return f(ptr(dst), ptr(x), len(x))
	}
	return softmaxRowGo(dst, x)
}

func logSumExpRow(x []float32) (m, logSum float32) {
	if f := vecTable[cpu].logSumExpRow; f != nil {
		return f(ptr(x), len(x))
	}
	return logSumExpRowGo(x)
}

// addRows adds n columns of rows rows, stride apart; rows > 0.
func addRows(dst, x []float32, rows, stride, n int) {
	_, _ = dst[:n], x[:(rows-1)*stride+n]
	if f := vecTable[cpu].addRows; f != nil {
		f(ptr(dst), ptr(x), rows, stride, n)
		return
	}
	addRowsGo(dst, x, rows, stride, n)
}

func layerNormRow(y, x, gamma, beta []float32, mean, rstd float32) {
	if f := vecTable[cpu].layerNormRow; f != nil {
		f(ptr(y), ptr(x), ptr(gamma), ptr(beta), len(y), mean, rstd)
		return
	}
	layerNormRowGo(y, x, gamma, beta, mean, rstd)
}

func layerNormGradSums(dy, x, gamma []float32, mean, rstd float32) (sum, dot float32) {
	if f := vecTable[cpu].layerNormGradSums; f != nil {
		return f(ptr(dy), ptr(x), ptr(gamma), len(dy), mean, rstd)
	}
	return layerNormGradSumsGo(dy, x, gamma, mean, rstd)
}

func layerNormGradRow(dx, dy, x, gamma []float32, mean, rstd, a, b float32) {
	if f := vecTable[cpu].layerNormGradRow; f != nil {
		f(ptr(dx), ptr(dy), ptr(x), ptr(gamma), len(dy), mean, rstd, a, b)
		return
	}
	layerNormGradRowGo(dx, dy, x, gamma, mean, rstd, a, b)
}

// layerNormParams works on n columns of the rows of mean; there is at least one.
func layerNormParams(dgamma, dbeta, dy, x, mean, rstd []float32, stride, n int) {
	if f := vecTable[cpu].layerNormParams; f != nil {
		f(ptr(dgamma), ptr(dbeta), ptr(dy), ptr(x), ptr(mean), ptr(rstd), len(mean), stride, n)
		return
	}
	layerNormParamsGo(dgamma, dbeta, dy, x, mean, rstd, stride, n)
}

func planeAffine(y, x []float32, mean, scale, shift float32) {
	if f := vecTable[cpu].planeAffine; f != nil {
		f(ptr(y), ptr(x), len(y), mean, scale, shift)
		return
	}
	planeAffineGo(y, x, mean, scale, shift)
}

func planeGradSums(dy, x []float32, mean float32) (sum, dot float32) {
	if f := vecTable[cpu].planeGradSums; f != nil {
		return f(ptr(dy), ptr(x), len(dy), mean)
	}
	return planeGradSumsGo(dy, x, mean)
}

func planeGrad(dst, dy, x []float32, mean, scale, slope, shift float32) {
	if f := vecTable[cpu].planeGrad; f != nil {
		f(ptr(dst), ptr(dy), ptr(x), len(dst), mean, scale, slope, shift)
		return
	}
	for i, d := range dy {
		dst[i] = scale*d + slope*(x[i]-mean) + shift
	}
}

func planeGradAdd(dst, dy, x []float32, mean, scale, slope, shift float32) {
	if f := vecTable[cpu].planeGradAdd; f != nil {
		f(ptr(dst), ptr(dy), ptr(x), len(dst), mean, scale, slope, shift)
		return
	}
	for i, d := range dy {
		dst[i] += scale*d + slope*(x[i]-mean) + shift
	}
}

func rowAffine(y, x, mean, scale, shift []float32) {
	if f := vecTable[cpu].rowAffine; f != nil {
		f(ptr(y), ptr(x), ptr(mean), ptr(scale), ptr(shift), len(y))
		return
	}
	for i, v := range x {
		y[i] = (v-mean[i])*scale[i] + shift[i]
	}
}

func rowGrad(dst, dy, x, mean, scale, slope, shift []float32) {
	if f := vecTable[cpu].rowGrad; f != nil {
		f(ptr(dst), ptr(dy), ptr(x), ptr(mean), ptr(scale), ptr(slope), ptr(shift), len(dst))
		return
	}
	for i, d := range dy {
		dst[i] = scale[i]*d + slope[i]*(x[i]-mean[i]) + shift[i]
	}
}

// columnSquares and columnGradSums work on n columns of rows > 0 rows, stride apart.
func columnSquares(dst, x, mean []float32, rows, stride, n int) {
	_, _, _ = dst[:n], mean[:n], x[:(rows-1)*stride+n]
	if f := vecTable[cpu].columnSquares; f != nil {
		f(ptr(dst), ptr(x), ptr(mean), rows, stride, n)
		return
	}
	columnSquaresGo(dst, x, mean, rows, stride, n)
}

func columnGradSums(sum, dot, dy, x, mean []float32, rows, stride, n int) {
	_, _, _, _ = sum[:n], dot[:n], mean[:n], x[:(rows-1)*stride+n]
	if f := vecTable[cpu].columnGradSums; f != nil {
		f(ptr(sum), ptr(dot), ptr(dy), ptr(x), ptr(mean), rows, stride, n)
		return
	}
	columnGradSumsGo(sum, dot, dy, x, mean, rows, stride, n)
}

func rmsProp(w, g, v []float32, lr, alpha, take, eps float32) {
	if f := vecTable[cpu].rmsProp; f != nil {
		f(ptr(w), ptr(g), ptr(v), len(w), lr, alpha, take, eps)
		return
	}
	rmsPropGo(w, g, v, lr, alpha, take, eps)
}

func lion(w, g, m []float32, lr, beta1, take1, beta2, take2, keep float32) {
	if f := vecTable[cpu].lion; f != nil {
		f(ptr(w), ptr(g), ptr(m), len(w), lr, beta1, take1, beta2, take2, keep)
		return
	}
	lionGo(w, g, m, lr, beta1, take1, beta2, take2, keep)
}

func adam(w, g, m, v []float32, take1, beta2, take2, step, root, eps, keep float32) {
	if f := vecTable[cpu].adam; f != nil {
		f(ptr(w), ptr(g), ptr(m), ptr(v), len(w), take1, beta2, take2, step, root, eps, keep)
		return
	}
	adamGo(w, g, m, v, take1, beta2, take2, step, root, eps, keep)
}

func momentum(w, g, buf []float32, lr, mu, take float32, nesterov bool) {
	f := vecTable[cpu].momentum
	if nesterov {
		f = vecTable[cpu].nesterov
	}
	if f != nil {
		f(ptr(w), ptr(g), ptr(buf), len(w), lr, mu, take)
		return
	}
	momentumGo(w, g, buf, lr, mu, take, nesterov)
}

func bytesToFloats(dst []float32, src []byte, scale, shift float32) {
	if f := vecTable[cpu].bytesToFloats; f != nil {
		f(ptr(dst), unsafe.SliceData(src), len(dst), scale, shift)
		return
	}
	bytesToFloatsGo(dst, src, scale, shift)
}
