package elementwise

import "math"

// elemPortable holds the loop that each element-wise kernel stands for: what runs on processors
// without assembly of ours, and what the assembly is tested against. The transcendental ones go
// through float64, so they are right to half a unit in the last place of float32.
var elemPortable = [numElemOps]elemGo{
	opFill: func(dst, _, _ []float32, s, _ float32) {
		for i := range dst {
			dst[i] = s
		}
	},
	opAdd: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] = a[i] + b[i]
		}
	},
	opSub: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] = a[i] - b[i]
		}
	},
	opMul: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] = a[i] * b[i]
		}
	},
	opDiv: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] = a[i] / b[i]
		}
	},
	opMax2: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] = max(a[i], b[i])
		}
	},
	opMin2: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] = min(a[i], b[i])
		}
	},
	opAddScalar: func(dst, a, _ []float32, s, _ float32) {
		a = a[:len(dst)]
		for i := range dst {
			dst[i] = a[i] + s
		}
	},
	opScale: func(dst, a, _ []float32, s, _ float32) {
		a = a[:len(dst)]
		for i := range dst {
			dst[i] = a[i] * s
		}
	},
	opAxpy: func(dst, a, _ []float32, s, _ float32) {
		a = a[:len(dst)]
		for i := range dst {
			dst[i] += s * a[i]
		}
	},
	opMulAdd: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] += a[i] * b[i]
		}
	},
	opDivAdd: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] += a[i] / b[i]
		}
	},
	opClamp: func(dst, a, _ []float32, s, t float32) {
		for i, v := range a[:len(dst)] {
			dst[i] = min(max(v, s), t)
		}
	},
	opClampGrad: func(dst, a, b []float32, s, t float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			if b[i] >= s && b[i] <= t {
				dst[i] += a[i]
			}
		}
	},
	opAbs: func(dst, a, _ []float32, _, _ float32) {
		for i, v := range a[:len(dst)] {
			dst[i] = math.Float32frombits(math.Float32bits(v) &^ (1 << 31))
		}
	},
	opAbsGrad: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			switch {
			case b[i] > 0:
				dst[i] += a[i]
			case b[i] < 0:
				dst[i] -= a[i]
			}
		}
	},
	opNeg: func(dst, a, _ []float32, _, _ float32) {
		for i, v := range a[:len(dst)] {
			dst[i] = -v
		}
	},
	opReciprocal: func(dst, a, _ []float32, _, _ float32) {
		for i, v := range a[:len(dst)] {
			dst[i] = 1 / v
		}
	},
	opReciprocalGrad: grad(func(y float64) float64 { return -y * y }),
	opSquare: func(dst, a, _ []float32, _, _ float32) {
		for i, v := range a[:len(dst)] {
			dst[i] = v * v
		}
	},
	opSquareGrad: grad(func(x float64) float64 { return 2 * x }),
	opExp:        each(math.Exp),
	opExpm1:      each(math.Expm1),
	opExpm1Grad:  grad(func(y float64) float64 { return y + 1 }),
	opLog:        each(math.Log),
	opLog1p:      each(math.Log1p),
	opLog1pGrad: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] += a[i] / (1 + b[i])
		}
	},
	opSqrt: each(math.Sqrt),
	opSqrtGrad: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] += 0.5 * a[i] / b[i]
		}
	},
	opRsqrt:       each(func(x float64) float64 { return 1 / math.Sqrt(x) }),
	opRsqrtGrad:   grad(func(y float64) float64 { return -0.5 * y * y * y }),
	opTanh:        each(math.Tanh),
	opTanhGrad:    grad(func(y float64) float64 { return 1 - y*y }),
	opSigmoid:     each(SigmoidOf),
	opSigmoidGrad: grad(func(y float64) float64 { return y * (1 - y) }),
	opErf:         each(math.Erf),
	opErfGrad:     grad(func(x float64) float64 { return 2 / math.SqrtPi * math.Exp(-x*x) }),
	opSin:         each(math.Sin),
	opSinGrad:     grad(math.Cos),
	opCos:         each(math.Cos),
	opCosGrad:     grad(func(x float64) float64 { return -math.Sin(x) }),
	opPow: func(dst, a, _ []float32, s, _ float32) {
		for i, v := range a[:len(dst)] {
			dst[i] = float32(math.Pow(float64(v), float64(s)))
		}
	},
	opPowGrad: func(dst, a, b []float32, s, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		p := float64(s)
		for i := range dst {
			dst[i] += float32(float64(a[i]) * p * math.Pow(float64(b[i]), p-1))
		}
	},

	opReLU: func(dst, a, _ []float32, _, _ float32) {
		for i, v := range a[:len(dst)] {
			if v < 0 {
				v = 0
			}
			dst[i] = v
		}
	},
	opReLUGrad: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			if !(b[i] <= 0) {
				dst[i] += a[i]
			}
		}
	},
	opReLUMask: func(dst, a, b []float32, _, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			v := a[i]
			if b[i] <= 0 {
				v = 0
			}
			dst[i] = v
		}
	},
	opLeakyReLU: func(dst, a, _ []float32, s, _ float32) {
		for i, v := range a[:len(dst)] {
			if !(v > 0) {
				v *= s
			}
			dst[i] = v
		}
	},
	opLeakyReLUGrad: func(dst, a, b []float32, s, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			if b[i] > 0 {
				dst[i] += a[i]
			} else {
				dst[i] += s * a[i]
			}
		}
	},
	opELU:      elu,
	opELUGrad:  eluGrad,
	opGELU:     each(func(x float64) float64 { return x * normalCDF(x) }),
	opGELUGrad: grad(geluSlope),
	opGELUTanh: each(func(x float64) float64 { return x * SigmoidOf(geluInner(x)) }),
	opGELUTanhGrad: grad(func(x float64) float64 {
		s := SigmoidOf(geluInner(x))
		return s + x*s*(1-s)*geluC*(1+3*0.044715*x*x)
	}),
	opSiLU: each(func(x float64) float64 { return x * SigmoidOf(x) }),
	opSiLUGrad: grad(func(x float64) float64 {
		s := SigmoidOf(x)
		return s * (1 + x*(1-s))
	}),
	opMish: each(func(x float64) float64 { return x * math.Tanh(softplus(x)) }),
	opMishGrad: grad(func(x float64) float64 {
		t := math.Tanh(softplus(x))
		return t + x*SigmoidOf(x)*(1-t*t)
	}),
	opSoftplus: func(dst, a, _ []float32, s, t float32) {
		for i, v := range a[:len(dst)] {
			dst[i] = float32(softplus(float64(s)*float64(v)) * float64(t))
		}
	},
	opSoftplusGrad: func(dst, a, b []float32, s, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] += float32(float64(a[i]) * SigmoidOf(float64(s)*float64(b[i])))
		}
	},

	// dst = (a - s) * t
	opStandardize: func(dst, a, _ []float32, s, t float32) {
		for i, v := range a[:len(dst)] {
			dst[i] = (v - s) * t
		}
	},
	// dst = a - s - t
	opSubTwo: func(dst, a, _ []float32, s, t float32) {
		for i, v := range a[:len(dst)] {
			dst[i] = v - s - t
		}
	},
	// dst += b * (a - s)
	opSoftmaxGrad: func(dst, a, b []float32, s, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] += b[i] * (a[i] - s)
		}
	},
	// dst += a - s*e^b
	opLogSoftmaxGrad: func(dst, a, b []float32, s, _ float32) {
		a, b = a[:len(dst)], b[:len(dst)]
		for i := range dst {
			dst[i] += a[i] - s*float32(math.Exp(float64(b[i])))
		}
	},
}

// each makes the loop dst = f(a).
func each(f func(float64) float64) elemGo {
	return func(dst, a, _ []float32, _, _ float32) {
		for i, v := range a[:len(dst)] {
			dst[i] = float32(f(float64(v)))
		}
	}
}

// grad makes the loop dst += a * f(b).
func grad(f func(float64) float64) elemGo {
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

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func normalCDF(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }

func geluSlope(x float64) float64 { return normalCDF(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi) }

// geluC is 2*sqrt(2/pi): (1 + tanh(u))/2 = sigmoid(2u), so GELUTanh is x*sigmoid(geluInner(x)).
const geluC = 1.5957691216057307117597842397375

func geluInner(x float64) float64 { return geluC * (x + 0.044715*x*x*x) }

// elu computes t*x above 0 and s*(e^x - 1) elsewhere.
func elu(dst, a, _ []float32, s, t float32) {
	for i, v := range a[:len(dst)] {
		if v > 0 {
			dst[i] = t * v
		} else {
			dst[i] = float32(float64(s) * math.Expm1(float64(v)))
		}
	}
}

func eluGrad(dst, a, b []float32, s, t float32) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		if b[i] > 0 {
			dst[i] += t * a[i]
		} else {
			dst[i] += a[i] * (b[i] + s)
		}
	}
}
