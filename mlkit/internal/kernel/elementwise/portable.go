package elementwise

import "math"

// The loops that the element-wise kernels stand for: what runs on processors
// without assembly of ours, and what the assembly is tested against. The
// transcendental ones go through float64, so they are right to half a unit in
// the last place of float32.

func fillGo(dst, _, _ []float32, s, _ float32) {
	for i := range dst {
		dst[i] = s
	}
}

func addGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + b[i]
	}
}

func subGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] - b[i]
	}
}

func mulGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}

func divGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] / b[i]
	}
}

func max2Go(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = max(a[i], b[i])
	}
}

func min2Go(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = min(a[i], b[i])
	}
}

func addScalarGo(dst, a, _ []float32, s, _ float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] + s
	}
}

func scaleGo(dst, a, _ []float32, s, _ float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * s
	}
}

func axpyGo(dst, a, _ []float32, s, _ float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] += s * a[i]
	}
}

func axpyProductGo(dst, a, _ []float32, s, t float32) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] += s * (0 + t*a[i])
	}
}

func mulAddGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += a[i] * b[i]
	}
}

func divAddGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += a[i] / b[i]
	}
}

func clampGo(dst, a, _ []float32, s, t float32) {
	for i, v := range a[:len(dst)] {
		dst[i] = min(max(v, s), t)
	}
}

func clampGradGo(dst, a, b []float32, s, t float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		if b[i] >= s && b[i] <= t {
			dst[i] += a[i]
		}
	}
}

func absGo(dst, a, _ []float32, _, _ float32) {
	for i, v := range a[:len(dst)] {
		dst[i] = math.Float32frombits(math.Float32bits(v) &^ (1 << 31))
	}
}

func absGradGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		switch {
		case b[i] > 0:
			dst[i] += a[i]
		case b[i] < 0:
			dst[i] -= a[i]
		}
	}
}

func negGo(dst, a, _ []float32, _, _ float32) {
	for i, v := range a[:len(dst)] {
		dst[i] = -v
	}
}

func reciprocalGo(dst, a, _ []float32, _, _ float32) {
	for i, v := range a[:len(dst)] {
		dst[i] = 1 / v
	}
}

var reciprocalGradGo = grad(func(y float64) float64 { return -y * y })

func squareGo(dst, a, _ []float32, _, _ float32) {
	for i, v := range a[:len(dst)] {
		dst[i] = v * v
	}
}

var squareGradGo = grad(func(x float64) float64 { return 2 * x })
var expGo = each(math.Exp)
var expm1Go = each(math.Expm1)
var expm1GradGo = grad(func(y float64) float64 { return y + 1 })
var logGo = each(math.Log)
var log1pGo = each(math.Log1p)

func log1pGradGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += a[i] / (1 + b[i])
	}
}

var sqrtGo = each(math.Sqrt)

func sqrtGradGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += 0.5 * a[i] / b[i]
	}
}

var rsqrtGo = each(func(x float64) float64 { return 1 / math.Sqrt(x) })
var rsqrtGradGo = grad(func(y float64) float64 { return -0.5 * y * y * y })
var tanhGo = each(math.Tanh)
var tanhGradGo = grad(func(y float64) float64 { return 1 - y*y })
var sigmoidGo = each(SigmoidOf)
var sigmoidGradGo = grad(func(y float64) float64 { return y * (1 - y) })
var erfGo = each(math.Erf)
var erfGradGo = grad(func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) })
var sinGo = each(math.Sin)
var sinGradGo = grad(math.Cos)
var cosGo = each(math.Cos)
var cosGradGo = grad(func(x float64) float64 { return -math.Sin(x) })

func powGo(dst, a, _ []float32, s, _ float32) {
	for i, v := range a[:len(dst)] {
		dst[i] = float32(math.Pow(float64(v), float64(s)))
	}
}

func powGradGo(dst, a, b []float32, s, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	p := float64(s)
	for i := range dst {
		dst[i] += float32(float64(a[i]) * p * math.Pow(float64(b[i]), p-1))
	}
}

func reluGo(dst, a, _ []float32, _, _ float32) {
	for i, v := range a[:len(dst)] {
		if v < 0 {
			v = 0
		}
		dst[i] = v
	}
}

func reluMaskGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		v := a[i]
		if b[i] <= 0 {
			v = 0
		}
		dst[i] = v
	}
}

func leakyReLUGo(dst, a, _ []float32, s, _ float32) {
	for i, v := range a[:len(dst)] {
		if !(v > 0) {
			v *= s
		}
		dst[i] = v
	}
}

func leakyReLUGradGo(dst, a, b []float32, s, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		if b[i] > 0 {
			dst[i] += a[i]
		} else {
			dst[i] += s * a[i]
		}
	}
}

var geluGo = each(func(x float64) float64 { return x * normalCDF(x) })
var geluGradGo = grad(geluSlopeAt)
var geluTanhGo = each(func(x float64) float64 { return x * SigmoidOf(geluInner(x)) })
var geluTanhGradGo = grad(func(x float64) float64 {
	s := SigmoidOf(geluInner(x))
	return s + x*s*(1-s)*geluC*(1+3*0.044715*x*x)
})

var siluGo = each(func(x float64) float64 { return x * SigmoidOf(x) })
var siluGradGo = grad(func(x float64) float64 {
	s := SigmoidOf(x)
	return s * (1 + x*(1-s))
})

var hardSigmoidGo = each(hardSigmoidOf)
var hardSwishGo = each(func(x float64) float64 { return x * hardSigmoidOf(x) })
var hardSwishGradGo = grad(func(x float64) float64 {
	if math.Abs(x) < 3 {
		return hardSigmoidOf(x) + x/6
	}
	return hardSigmoidOf(x)
})

func hardSigmoidGradGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		if -3 < b[i] && b[i] < 3 {
			dst[i] += a[i] * (1.0 / 6)
		}
	}
}

func hardSigmoidOf(x float64) float64 { return min(max(x+3, 0), 6) / 6 }

var softsignGo = each(func(x float64) float64 { return x / (1 + math.Abs(x)) })
var softsignGradGo = grad(func(x float64) float64 {
	r := 1 / (1 + math.Abs(x))
	return r * r
})

var mishGo = each(func(x float64) float64 { return x * math.Tanh(softplusOf(x)) })
var mishGradGo = grad(func(x float64) float64 {
	t := math.Tanh(softplusOf(x))
	return t + x*SigmoidOf(x)*(1-t*t)
})

func softplusGo(dst, a, _ []float32, s, t float32) {
	for i, v := range a[:len(dst)] {
		dst[i] = float32(softplusOf(float64(s)*float64(v)) * float64(t))
	}
}

func softplusGradGo(dst, a, b []float32, s, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += float32(float64(a[i]) * SigmoidOf(float64(s)*float64(b[i])))
	}
}

func sigmoidLossGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, w := range dst {
		x, y := float64(a[i]), float64(b[i])
		dst[i] = float32(float64(w)*y*softplusOf(-x) + (1-y)*softplusOf(x))
	}
}

func sigmoidLossSlopeGo(dst, a, b []float32, _, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i, w := range dst {
		x, y := float64(a[i]), float64(b[i])
		dst[i] = float32((1-y)*SigmoidOf(x) - float64(w)*y*SigmoidOf(-x))
	}
}

// dst = (a - s) * t
func standardizeGo(dst, a, _ []float32, s, t float32) {
	for i, v := range a[:len(dst)] {
		dst[i] = (v - s) * t
	}
}

// dst = a - s - t
func subTwoGo(dst, a, _ []float32, s, t float32) {
	for i, v := range a[:len(dst)] {
		dst[i] = v - s - t
	}
}

// dst += b * (a - s)
func softmaxGradStepGo(dst, a, b []float32, s, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += b[i] * (a[i] - s)
	}
}

// dst += a - s*e^b
func logSoftmaxGradStepGo(dst, a, b []float32, s, _ float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] += a[i] - s*float32(math.Exp(float64(b[i])))
	}
}

// each makes the loop dst = f(a).
func each(f func(float64) float64) elemFunc {
	return func(dst, a, _ []float32, _, _ float32) {
		for i, v := range a[:len(dst)] {
			dst[i] = float32(f(float64(v)))
		}
	}
}

// grad makes the loop dst += a * f(b).
func grad(f func(float64) float64) elemFunc {
	return func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] += float32(float64(a[i]) * f(float64(b[i])))
		}
	}
}

func SigmoidOf(x float64) float64 {
	e := math.Exp(-math.Abs(x))
	if x < 0 {
		return e / (1 + e)
	}
	return 1 / (1 + e) // NaN comes here
}

func softplusOf(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

func geluSlopeAt(x float64) float64 { return normalCDF(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi) }

// geluC is 2*sqrt(2/pi): (1 + tanh(u))/2 = sigmoid(2u), so GELUTanh is
// x*sigmoid(geluInner(x)).
const geluC = 1.5957691216057307117597842397375

func geluInner(x float64) float64 { return geluC * (x + 0.044715*x*x*x) }

// eluGo computes t*x above 0 and s*(e^x - 1) elsewhere.
func eluGo(dst, a, _ []float32, s, t float32) {
	for i, v := range a[:len(dst)] {
		if v > 0 {
			dst[i] = t * v
		} else {
			dst[i] = float32(float64(s) * math.Expm1(float64(v)))
		}
	}
}

func eluGradGo(dst, a, b []float32, s, t float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		if b[i] > 0 {
			dst[i] += t * a[i]
		} else {
			dst[i] += a[i] * (b[i] + s)
		}
	}
}
