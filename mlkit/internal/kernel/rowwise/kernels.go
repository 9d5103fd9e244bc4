package rowwise

import "descent/mlkit/internal/kernel/cpu"

// rowKernels are the kernels of this family for one level of the processor. Where there is no
// assembly a field is nil, and the function of the same name with Go behind it runs.
type rowKernels struct {
	sum          func(x *float32, n int) float32
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
}

var rowTable [cpu.AVX512 + 1]rowKernels

func sum(x []float32) float32 {
	if f := rowTable[cpu.Current].sum; f != nil {
		return f(cpu.Ptr(x), len(x))
	}
	return sumGo(x)
}

func dot(a, b []float32) float32 {
	if f := rowTable[cpu.Current].dot; f != nil {
		return f(cpu.Ptr(a), cpu.Ptr(b), len(a))
	}
	return dotGo(a, b)
}

func squares(x []float32, mean float32) float32 {
	if f := rowTable[cpu.Current].squares; f != nil {
		return f(cpu.Ptr(x), len(x), mean)
	}
	return squaresGo(x, mean)
}

// softmaxRow returns the largest element and the logarithm of the sum of e^(x-max).
func softmaxRow(dst, x []float32) (m, logSum float32) {
	if f := rowTable[cpu.Current].softmaxRow; f != nil {
		return f(cpu.Ptr(dst), cpu.Ptr(x), len(x))
	}
	return softmaxRowGo(dst, x)
}

func logSumExpRow(x []float32) (m, logSum float32) {
	if f := rowTable[cpu.Current].logSumExpRow; f != nil {
		return f(cpu.Ptr(x), len(x))
	}
	return logSumExpRowGo(x)
}

// addRows adds n columns of rows rows, stride apart; rows > 0.
func addRows(dst, x []float32, rows, stride, n int) {
	_, _ = dst[:n], x[:(rows-1)*stride+n]
	if f := rowTable[cpu.Current].addRows; f != nil {
		f(cpu.Ptr(dst), cpu.Ptr(x), rows, stride, n)
		return
	}
	addRowsGo(dst, x, rows, stride, n)
}

func layerNormRow(y, x, gamma, beta []float32, mean, rstd float32) {
	if f := rowTable[cpu.Current].layerNormRow; f != nil {
		f(cpu.Ptr(y), cpu.Ptr(x), cpu.Ptr(gamma), cpu.Ptr(beta), len(y), mean, rstd)
		return
	}
	layerNormRowGo(y, x, gamma, beta, mean, rstd)
}

func layerNormGradSums(dy, x, gamma []float32, mean, rstd float32) (sum, dot float32) {
	if f := rowTable[cpu.Current].layerNormGradSums; f != nil {
		return f(cpu.Ptr(dy), cpu.Ptr(x), cpu.Ptr(gamma), len(dy), mean, rstd)
	}
	return layerNormGradSumsGo(dy, x, gamma, mean, rstd)
}

func layerNormGradRow(dx, dy, x, gamma []float32, mean, rstd, a, b float32) {
	if f := rowTable[cpu.Current].layerNormGradRow; f != nil {
		f(cpu.Ptr(dx), cpu.Ptr(dy), cpu.Ptr(x), cpu.Ptr(gamma), len(dy), mean, rstd, a, b)
		return
	}
	layerNormGradRowGo(dx, dy, x, gamma, mean, rstd, a, b)
}

// layerNormParams works on n columns of the rows of mean; there is at least one.
func layerNormParams(dgamma, dbeta, dy, x, mean, rstd []float32, stride, n int) {
	if f := rowTable[cpu.Current].layerNormParams; f != nil {
		f(cpu.Ptr(dgamma), cpu.Ptr(dbeta), cpu.Ptr(dy), cpu.Ptr(x), cpu.Ptr(mean), cpu.Ptr(rstd), len(mean), stride, n)
		return
	}
	layerNormParamsGo(dgamma, dbeta, dy, x, mean, rstd, stride, n)
}

func planeAffine(y, x []float32, mean, scale, shift float32) {
	if f := rowTable[cpu.Current].planeAffine; f != nil {
		f(cpu.Ptr(y), cpu.Ptr(x), len(y), mean, scale, shift)
		return
	}
	planeAffineGo(y, x, mean, scale, shift)
}

func planeGradSums(dy, x []float32, mean float32) (sum, dot float32) {
	if f := rowTable[cpu.Current].planeGradSums; f != nil {
		return f(cpu.Ptr(dy), cpu.Ptr(x), len(dy), mean)
	}
	return planeGradSumsGo(dy, x, mean)
}

func planeGrad(dst, dy, x []float32, mean, scale, slope, shift float32) {
	if f := rowTable[cpu.Current].planeGrad; f != nil {
		f(cpu.Ptr(dst), cpu.Ptr(dy), cpu.Ptr(x), len(dst), mean, scale, slope, shift)
		return
	}
	for i, d := range dy {
		dst[i] = scale*d + slope*(x[i]-mean) + shift
	}
}

func planeGradAdd(dst, dy, x []float32, mean, scale, slope, shift float32) {
	if f := rowTable[cpu.Current].planeGradAdd; f != nil {
		f(cpu.Ptr(dst), cpu.Ptr(dy), cpu.Ptr(x), len(dst), mean, scale, slope, shift)
		return
	}
	for i, d := range dy {
		dst[i] += scale*d + slope*(x[i]-mean) + shift
	}
}

func rowAffine(y, x, mean, scale, shift []float32) {
	if f := rowTable[cpu.Current].rowAffine; f != nil {
		f(cpu.Ptr(y), cpu.Ptr(x), cpu.Ptr(mean), cpu.Ptr(scale), cpu.Ptr(shift), len(y))
		return
	}
	for i, v := range x {
		y[i] = (v-mean[i])*scale[i] + shift[i]
	}
}

func rowGrad(dst, dy, x, mean, scale, slope, shift []float32) {
	if f := rowTable[cpu.Current].rowGrad; f != nil {
		f(cpu.Ptr(dst), cpu.Ptr(dy), cpu.Ptr(x), cpu.Ptr(mean), cpu.Ptr(scale), cpu.Ptr(slope), cpu.Ptr(shift), len(dst))
		return
	}
	for i, d := range dy {
		dst[i] = scale[i]*d + slope[i]*(x[i]-mean[i]) + shift[i]
	}
}

// columnSquares and columnGradSums work on n columns of rows > 0 rows, stride apart.
func columnSquares(dst, x, mean []float32, rows, stride, n int) {
	_, _, _ = dst[:n], mean[:n], x[:(rows-1)*stride+n]
	if f := rowTable[cpu.Current].columnSquares; f != nil {
		f(cpu.Ptr(dst), cpu.Ptr(x), cpu.Ptr(mean), rows, stride, n)
		return
	}
	columnSquaresGo(dst, x, mean, rows, stride, n)
}

func columnGradSums(sum, dot, dy, x, mean []float32, rows, stride, n int) {
	_, _, _, _ = sum[:n], dot[:n], mean[:n], x[:(rows-1)*stride+n]
	if f := rowTable[cpu.Current].columnGradSums; f != nil {
		f(cpu.Ptr(sum), cpu.Ptr(dot), cpu.Ptr(dy), cpu.Ptr(x), cpu.Ptr(mean), rows, stride, n)
		return
	}
	columnGradSumsGo(sum, dot, dy, x, mean, rows, stride, n)
}
