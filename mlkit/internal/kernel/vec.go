package kernel

import "unsafe"

// vecKernels are the kernels that are not element-wise, for one level of the processor. Where there
// is no assembly a field is nil, and the function of the same name with Go behind it runs.
type vecKernels struct {
	sum        func(x *float32, n int) float32
	dot        func(a, b *float32, n int) float32
	squares    func(x *float32, n int, mean float32) float32
	softmaxRow func(dst, x *float32, n int) (m, sum float32)
	expSumRow  func(x *float32, n int) (m, sum float32)
	addRows    func(dst, x *float32, rows, stride, n int)

	layerNormRow      func(y, x, gamma, beta *float32, n int, mean, rstd float32)
	layerNormGradSums func(dy, x, gamma *float32, n int, mean, rstd float32) (sum, dot float32)
	layerNormGradRow  func(dx, dy, x, gamma *float32, n int, mean, rstd, a, b float32)
	layerNormParams   func(dgamma, dbeta, dy, x, mean, rstd *float32, rows, stride, n int)

	lstmRow     func(h, c, acts, tanhC, gates, cPrev *float32, n int)
	lstmGradRow func(dgates, dcPrev, dh, dc, acts, tanhC, cPrev *float32, n int)
	gruRow      func(h, acts, gx, gh, hPrev *float32, n int)
	gruGradRow  func(dgx, dgh, dhPrev, dh, acts, gh, hPrev *float32, n int)

	adam               func(p, g, m, v *float32, n int, take1, beta2, take2, step, root, eps, keep float32)
	momentum, nesterov func(p, g, buf *float32, n int, lr, mu, take float32)
	bytesToFloats      func(dst *float32, src *byte, n int, scale, shift float32)

	dropout         func(dst, mask, x *float32, blocks int, key *uint32, counter int, limit int32, scale float32)
	dropoutGrad     func(dx, dy *float32, blocks int, key *uint32, counter int, limit int32, scale float32)
	uniform, normal func(dst *float32, blocks int, key *uint32, counter int)
}

var vecTable [avx512 + 1]vecKernels

func p(x []float32) *float32 { return unsafe.SliceData(x) }

func sum(x []float32) float32 {
	if f := vecTable[cpu].sum; f != nil {
		return f(p(x), len(x))
	}
	return sumGo(x)
}

func dot(a, b []float32) float32 {
	if f := vecTable[cpu].dot; f != nil {
		return f(p(a), p(b), len(a))
	}
	return dotGo(a, b)
}

func squares(x []float32, mean float32) float32 {
	if f := vecTable[cpu].squares; f != nil {
		return f(p(x), len(x), mean)
	}
	return squaresGo(x, mean)
}

func softmaxRow(dst, x []float32) (m, sum float32) {
	if f := vecTable[cpu].softmaxRow; f != nil {
		return f(p(dst), p(x), len(x))
	}
	return softmaxRowGo(dst, x)
}

func expSumRow(x []float32) (m, sum float32) {
	if f := vecTable[cpu].expSumRow; f != nil {
		return f(p(x), len(x))
	}
	return expSumRowGo(x)
}

// addRows adds n columns of rows rows, stride apart; rows > 0.
func addRows(dst, x []float32, rows, stride, n int) {
	_, _ = dst[:n], x[:(rows-1)*stride+n]
	if f := vecTable[cpu].addRows; f != nil {
		f(p(dst), p(x), rows, stride, n)
		return
	}
	addRowsGo(dst, x, rows, stride, n)
}

func layerNormRow(y, x, gamma, beta []float32, mean, rstd float32) {
	if f := vecTable[cpu].layerNormRow; f != nil {
		f(p(y), p(x), p(gamma), p(beta), len(y), mean, rstd)
		return
	}
	layerNormRowGo(y, x, gamma, beta, mean, rstd)
}

func layerNormGradSums(dy, x, gamma []float32, mean, rstd float32) (sum, dot float32) {
	if f := vecTable[cpu].layerNormGradSums; f != nil {
		return f(p(dy), p(x), p(gamma), len(dy), mean, rstd)
	}
	return layerNormGradSumsGo(dy, x, gamma, mean, rstd)
}

func layerNormGradRow(dx, dy, x, gamma []float32, mean, rstd, a, b float32) {
	if f := vecTable[cpu].layerNormGradRow; f != nil {
		f(p(dx), p(dy), p(x), p(gamma), len(dy), mean, rstd, a, b)
		return
	}
	layerNormGradRowGo(dx, dy, x, gamma, mean, rstd, a, b)
}

// layerNormParams works on n columns of the rows of mean; there is at least one.
func layerNormParams(dgamma, dbeta, dy, x, mean, rstd []float32, stride, n int) {
	if f := vecTable[cpu].layerNormParams; f != nil {
		f(p(dgamma), p(dbeta), p(dy), p(x), p(mean), p(rstd), len(mean), stride, n)
		return
	}
	layerNormParamsGo(dgamma, dbeta, dy, x, mean, rstd, stride, n)
}

func adam(w, g, m, v []float32, take1, beta2, take2, step, root, eps, keep float32) {
	if f := vecTable[cpu].adam; f != nil {
		f(p(w), p(g), p(m), p(v), len(w), take1, beta2, take2, step, root, eps, keep)
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
		f(p(w), p(g), p(buf), len(w), lr, mu, take)
		return
	}
	momentumGo(w, g, buf, lr, mu, take, nesterov)
}

func bytesToFloats(dst []float32, src []byte, scale, shift float32) {
	if f := vecTable[cpu].bytesToFloats; f != nil {
		f(p(dst), unsafe.SliceData(src), len(dst), scale, shift)
		return
	}
	bytesToFloatsGo(dst, src, scale, shift)
}
