package elementwise

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

// elemCase says what an operation is in float64 and how far off its kernels may be: by tol * 2^-24 *
// (|result| + |old dst| + |a|, the last two for gradients only).
type elemCase struct {
	name   string
	op     elemOp
	inputs int
	s, t   float32
	ref    func(d, a, b, s, t float64) float64
	tol    float64
	kind   elemKind
	domain func(float64) float64 // maps a standard normal number to an input
}

type elemKind uint8

const (
	exactSpecials elemKind = iota // ±Inf, NaN, denormals, ±0 as the float64 formula says
	nanOnly                       // a gradient: NaN in, NaN out
	masks                         // a gradient that passes or stops dy
)

func unaryRef(f func(float64) float64) func(d, a, b, s, t float64) float64 {
	return func(_, a, _, _, _ float64) float64 { return f(a) }
}

func gradRef(f func(float64) float64) func(d, a, b, s, t float64) float64 {
	return func(d, a, b, _, _ float64) float64 { return d + a*f(b) }
}

func unitRange(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func positive(x float64) float64 { return math.Exp(2 * x) }

func wide(x float64) float64 { return 6 * x }

func awayFromZero(x float64) float64 {
	return x + math.Copysign(0.1, x)
}

func refGELUTanh(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

// derivative is a central difference in float64, good to about 1e-9.
func derivative(f func(float64) float64) func(float64) float64 {
	return func(x float64) float64 {
		const h = 1e-4
		return (8*(f(x+h)-f(x-h)) - (f(x+2*h) - f(x-2*h))) / (12 * h)
	}
}

func refSigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func refSiLU(x float64) float64 { return x * refSigmoid(x) }

func refGELU(x float64) float64 { return x * 0.5 * math.Erfc(-x/math.Sqrt2) }

func refMish(x float64) float64 {
	return x * math.Tanh(math.Log1p(math.Exp(x)))
}

var elemCases = []elemCase{
	{"Fill", opFill, 0, 3, 0, func(_, _, _, s, _ float64) float64 { return s }, 0, exactSpecials, nil},
	{"Add", opAdd, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return a + b }, 1, exactSpecials, nil},
	{"Sub", opSub, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return a - b }, 1, exactSpecials, nil},
	{"Mul", opMul, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return a * b }, 1, exactSpecials, nil},
	{"Div", opDiv, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return a / b }, 1, exactSpecials, nil},
	{"Max2", opMax2, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return math.Max(a, b) }, 0, nanOnly, nil},
	{"Min2", opMin2, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return math.Min(a, b) }, 0, nanOnly, nil},
	{"AddScalar", opAddScalar, 1, 1.7, 0, func(_, a, _, s, _ float64) float64 { return a + s }, 1, exactSpecials, nil},
	{"Scale", opScale, 1, 1.7, 0, func(_, a, _, s, _ float64) float64 { return a * s }, 1, exactSpecials, nil},
	{"Axpy", opAxpy, 1, 1.7, 0, func(d, a, _, s, _ float64) float64 { return d + a*s }, 3, nanOnly, nil},
	{"MulAdd", opMulAdd, 2, 0, 0, gradRef(func(b float64) float64 { return b }), 4, nanOnly, nil},
	{"DivAdd", opDivAdd, 2, 0, 0, func(d, a, b, _, _ float64) float64 { return d + a/b }, 30, nanOnly, awayFromZero},
	{"Clamp", opClamp, 1, -1, 0.5, func(_, a, _, s, t float64) float64 { return math.Min(math.Max(a, s), t) }, 0, exactSpecials, nil},
	{"ClampGrad", opClampGrad, 2, -1, 0.5, func(d, a, b, s, t float64) float64 {
		if b >= s && b <= t {
			return d + a
		}
		return d
	}, 1, masks, nil},
	{"Abs", opAbs, 1, 0, 0, unaryRef(math.Abs), 0, exactSpecials, nil},
	{"AbsGrad", opAbsGrad, 2, 0, 0, func(d, a, b, _, _ float64) float64 {
		switch {
		case b > 0:
			return d + a
		case b < 0:
			return d - a
		}
		return d
	}, 1, masks, nil},
	{"Neg", opNeg, 1, 0, 0, unaryRef(func(x float64) float64 { return -x }), 0, exactSpecials, nil},
	{"Reciprocal", opReciprocal, 1, 0, 0, unaryRef(func(x float64) float64 { return 1 / x }), 1, exactSpecials, nil},
	{"ReciprocalGrad", opReciprocalGrad, 2, 0, 0, gradRef(func(y float64) float64 { return -y * y }), 40, nanOnly, nil},
	{"Square", opSquare, 1, 0, 0, unaryRef(func(x float64) float64 { return x * x }), 1, exactSpecials, nil},
	{"SquareGrad", opSquareGrad, 2, 0, 0, gradRef(func(x float64) float64 { return 2 * x }), 4, nanOnly, nil},
	{"Exp", opExp, 1, 0, 0, unaryRef(math.Exp), 2, exactSpecials, wide},
	{"Expm1", opExpm1, 1, 0, 0, unaryRef(math.Expm1), 3, exactSpecials, wide},
	{"Expm1Grad", opExpm1Grad, 2, 0, 0, gradRef(func(y float64) float64 { return y + 1 }), 4, nanOnly, nil},
	{"Log", opLog, 1, 0, 0, unaryRef(math.Log), 2, exactSpecials, positive},
	{"Log1p", opLog1p, 1, 0, 0, unaryRef(math.Log1p), 3, exactSpecials, positive},
	{"Log1pGrad", opLog1pGrad, 2, 0, 0, gradRef(func(x float64) float64 { return 1 / (1 + x) }), 4, nanOnly, positive},
	{"Sqrt", opSqrt, 1, 0, 0, unaryRef(math.Sqrt), 1, exactSpecials, positive},
	{"SqrtGrad", opSqrtGrad, 2, 0, 0, gradRef(func(y float64) float64 { return 0.5 / y }), 8, nanOnly, unitRange},
	{"Rsqrt", opRsqrt, 1, 0, 0, unaryRef(func(x float64) float64 { return 1 / math.Sqrt(x) }), 3, exactSpecials, positive},
	{"RsqrtGrad", opRsqrtGrad, 2, 0, 0, gradRef(func(y float64) float64 { return -0.5 * y * y * y }), 40, nanOnly, nil},
	{"Tanh", opTanh, 1, 0, 0, unaryRef(math.Tanh), 4, exactSpecials, nil},
	{"TanhGrad", opTanhGrad, 2, 0, 0, gradRef(func(y float64) float64 { return 1 - y*y }), 4, nanOnly, unitRange},
	{"Sigmoid", opSigmoid, 1, 0, 0, unaryRef(func(x float64) float64 {
		e := math.Exp(-math.Abs(x)) // right where e^x is not a float64, too
		if x < 0 {
			return e / (1 + e)
		}
		return 1 / (1 + e)
	}), 4, exactSpecials, wide},
	{"SigmoidGrad", opSigmoidGrad, 2, 0, 0, gradRef(func(y float64) float64 { return y * (1 - y) }), 4, nanOnly, unitRange},
	{"Erf", opErf, 1, 0, 0, unaryRef(math.Erf), 4, exactSpecials, nil},
	{"ErfGrad", opErfGrad, 2, 0, 0, gradRef(derivative(math.Erf)), 30, nanOnly, nil},
	{"Sin", opSin, 1, 0, 0, unaryRef(math.Sin), 3, exactSpecials, wide},
	{"SinGrad", opSinGrad, 2, 0, 0, gradRef(math.Cos), 4, nanOnly, wide},
	{"Cos", opCos, 1, 0, 0, unaryRef(math.Cos), 3, exactSpecials, wide},
	{"CosGrad", opCosGrad, 2, 0, 0, gradRef(func(x float64) float64 { return -math.Sin(x) }), 4, nanOnly, wide},
	{"Pow", opPow, 1, 2.5, 0, func(_, a, _, s, _ float64) float64 { return math.Pow(a, s) }, 2, exactSpecials, positive},
	{"PowGrad", opPowGrad, 2, 2.5, 0, func(d, a, b, s, _ float64) float64 { return d + a*s*math.Pow(b, s-1) }, 8, nanOnly, positive},
	{"ReLU", opReLU, 1, 0, 0, unaryRef(func(x float64) float64 { return math.Max(x, 0) }), 0, exactSpecials, nil},
	{"ReLUGrad", opReLUGrad, 2, 0, 0, func(d, a, b, _, _ float64) float64 {
		if b <= 0 {
			return d
		}
		return d + a
	}, 1, masks, nil},
	{"ReLUMask", opReLUMask, 2, 0, 0, func(_, a, b, _, _ float64) float64 {
		if b <= 0 {
			return 0
		}
		return a
	}, 0, masks, nil},
	{"LeakyReLU", opLeakyReLU, 1, 0.1, 0, func(_, a, _, s, _ float64) float64 {
		if a > 0 {
			return a
		}
		return a * s
	}, 1, exactSpecials, nil},
	{"LeakyReLUGrad", opLeakyReLUGrad, 2, 0.1, 0, func(d, a, b, s, _ float64) float64 {
		if b > 0 {
			return d + a
		}
		return d + a*s
	}, 2, masks, nil},
	{"ELU", opELU, 1, 1.5, 1.1, func(_, a, _, s, t float64) float64 {
		if a > 0 {
			return a * t
		}
		return s * math.Expm1(a)
	}, 5, exactSpecials, nil},
	{"ELUGrad", opELUGrad, 2, 1.5, 1.1, func(d, a, b, s, t float64) float64 {
		if b > 0 {
			return d + a*t
		}
		return d + a*(b+s)
	}, 4, nanOnly, nil},
	{"GELU", opGELU, 1, 0, 0, unaryRef(refGELU), 0, nanOnly, nil},
	{"GELUGrad", opGELUGrad, 2, 0, 0, gradRef(derivative(refGELU)), 30, nanOnly, nil},
	{"GELUTanh", opGELUTanh, 1, 0, 0, unaryRef(refGELUTanh), 0, nanOnly, nil},
	{"GELUTanhGrad", opGELUTanhGrad, 2, 0, 0, gradRef(derivative(refGELUTanh)), 30, nanOnly, nil},
	{"SiLU", opSiLU, 1, 0, 0, unaryRef(refSiLU), 0, nanOnly, nil},
	{"SiLUGrad", opSiLUGrad, 2, 0, 0, gradRef(derivative(refSiLU)), 30, nanOnly, nil},
	{"Mish", opMish, 1, 0, 0, unaryRef(refMish), 0, nanOnly, nil},
	{"MishGrad", opMishGrad, 2, 0, 0, gradRef(derivative(refMish)), 30, nanOnly, nil},
	{"Softplus", opSoftplus, 1, 2, 0.5, func(_, a, _, s, t float64) float64 { return math.Log1p(math.Exp(s*a)) * t }, 0, nanOnly, nil},
	{"SoftplusGrad", opSoftplusGrad, 2, 2, 0, func(d, a, b, s, _ float64) float64 { return d + a*refSigmoid(s*b) }, 8, nanOnly, nil},
	{"Standardize", opStandardize, 1, 0.5, 2, func(_, a, _, s, t float64) float64 { return (a - s) * t }, 3, nanOnly, nil},
	{"SubTwo", opSubTwo, 1, 0.5, 2, func(_, a, _, s, t float64) float64 { return a - s - t }, 0, nanOnly, nil},
	{"SoftmaxGrad", opSoftmaxGrad, 2, 0.5, 0, func(d, a, b, s, _ float64) float64 { return d + b*(a-s) }, 20, nanOnly, unitRange},
	{"LogSoftmaxGrad", opLogSoftmaxGrad, 2, 0.5, 0, func(d, a, b, s, _ float64) float64 { return d + a - s*math.Exp(b) }, 8, nanOnly, func(x float64) float64 { return -math.Abs(x) }},
}

func TestElemCasesAreAll(t *testing.T) {
	seen := map[elemOp]bool{}
	for _, c := range elemCases {
		seen[c.op] = true
	}
	for op := range numElemOps {
		if !seen[op] {
			t.Errorf("operation %d has no case", op)
		}
		if elemPortable[op] == nil {
			t.Errorf("operation %d has no portable loop", op)
		}
	}
}

func (c *elemCase) bound(want, d, a float64) float64 {
	tol, size := c.tol, math.Abs(want)
	if c.inputs == 2 || c.op == opAxpy {
		size += math.Abs(d) + math.Abs(a)
	}
	if tol == 0 && c.kind == nanOnly {
		tol, size = 6, size+math.Abs(a) // small results are the difference of larger numbers
	}
	return tol*0x1p-24*size + 0x1p-149
}

// check compares one element; special results must agree as float32.
func (c *elemCase) check(got float32, d, a, b float32) error {
	want := c.ref(float64(d), float64(a), float64(b), float64(c.s), float64(c.t))
	g, w := float64(got), float64(float32(want))
	if math.IsNaN(g) && math.IsNaN(w) || g == w || math.Abs(g-want) <= c.bound(want, float64(d), float64(a)) {
		return nil
	}
	return fmt.Errorf("%s(dst %g, a %g, b %g): got %g, want %g, off by %.2f ulp", c.name, d, a, b, got, want, ulps(got, want))
}

// ulps returns how many units in the last place of want's float32 got is away.
func ulps(got float32, want float64) float64 {
	if math.IsNaN(want) && got != got || float32(want) == got {
		return 0
	}
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -149))
}

func TestElem(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		for _, c := range elemCases {
			r := rand.New(rand.NewPCG(uint64(c.op), 1))
			domain := c.domain
			if domain == nil {
				domain = func(x float64) float64 { return 2 * x }
			}
			for _, n := range kerneltest.Lengths() {
				dst, ok := kerneltest.Guarded(r, n, n%16)
				a, okA := kerneltest.Guarded(r, n, n/3%16)
				b, okB := kerneltest.Guarded(r, n, n/5%16)
				old := make([]float32, n)
				for i := range dst {
					old[i] = float32(r.NormFloat64())
					a[i] = float32(r.NormFloat64())
					b[i] = float32(domain(r.NormFloat64()))
					if c.inputs == 1 {
						a[i] = b[i]
					}
				}
				copy(dst, old)
				elem(c.op, dst, a, b, c.s, c.t)
				for i := range dst {
					if err := c.check(dst[i], old[i], a[i], b[i]); err != nil {
						t.Fatalf("n %d, i %d: %v", n, i, err)
					}
				}
				ok(t, c.name)
				okA(t, c.name)
				okB(t, c.name)
			}
		}
	})
}

// dst may be an input.
func TestElemInPlace(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for _, c := range elemCases {
			if c.inputs == 0 {
				continue
			}
			for _, n := range []int{5, 64, 149} {
				a, b := kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n)
				for which := range c.inputs {
					want, got := append([]float32(nil), [][]float32{a, b}[which]...), append([]float32(nil), [][]float32{a, b}[which]...)
					elem(c.op, want, a, b, c.s, c.t)
					if which == 0 {
						elem(c.op, got, got, b, c.s, c.t)
					} else {
						elem(c.op, got, a, got, c.s, c.t)
					}
					for i := range want {
						if got[i] != want[i] && (got[i] == got[i] || want[i] == want[i]) {
							t.Fatalf("%s, input %d: element %d is %g in place, %g else", c.name, which, i, got[i], want[i])
						}
					}
				}
			}
		}
	})
}

func TestElemSpecials(t *testing.T) {
	n := len(kerneltest.Specials)
	nan := float32(math.NaN())
	kerneltest.Levels(t, func(t *testing.T) {
		for _, c := range elemCases {
			switch c.kind {
			case exactSpecials:
				var a, b []float32
				for _, v := range kerneltest.Specials {
					for _, w := range kerneltest.Specials {
						a, b = append(a, v), append(b, w)
					}
				}
				dst := make([]float32, n*n)
				elem(c.op, dst, a, b, c.s, c.t)
				for i := range dst {
					if err := c.check(dst[i], 0, a[i], b[i]); err != nil {
						t.Error(err)
						break
					}
				}
			case nanOnly:
				for _, in := range [][2]float32{{nan, 0.5}, {0.5, nan}} {
					if c.inputs < 2 && in[0] == in[0] {
						continue
					}
					dst := make([]float32, 19)
					a, b := make([]float32, 19), make([]float32, 19)
					Fill(a, in[0])
					Fill(b, in[1])
					elem(c.op, dst, a, b, c.s, c.t)
					for i, v := range dst {
						if v == v {
							t.Errorf("%s(a %g, b %g): element %d is %g, want NaN", c.name, in[0], in[1], i, v)
							break
						}
					}
				}
			case masks:
				// Where nothing passes, a NaN in dy must not either.
				stop := map[elemOp]float32{opClampGrad: 3}[c.op]
				dst, a, b := make([]float32, 19), make([]float32, 19), make([]float32, 19)
				Fill(a, nan)
				Fill(b, stop)
				elem(c.op, dst, a, b, c.s, c.t)
				for i, v := range dst {
					if v != 0 && c.op != opLeakyReLUGrad {
						t.Errorf("%s: element %d is %g, want 0", c.name, i, v)
						break
					}
				}
			}
		}
	})
}

func TestElemSameBits(t *testing.T) {
	if cpu.Best < cpu.AVX512 {
		t.Skip("needs AVX-512 to compare")
	}
	const n = 5000
	r := rand.New(rand.NewPCG(3, 4))
	a, b, d := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range a {
		// Any exponent, half of the time a moderate one.
		a[i], b[i], d[i] = math.Float32frombits(r.Uint32()), math.Float32frombits(r.Uint32()), float32(r.NormFloat64())
		if i%2 == 0 {
			a[i], b[i] = 3*float32(r.NormFloat64()), 3*float32(r.NormFloat64())
		}
		if i%3 == 0 {
			a[i] = kerneltest.Specials[r.IntN(len(kerneltest.Specials))]
		}
		if i%7 == 0 {
			b[i] = kerneltest.Specials[r.IntN(len(kerneltest.Specials))]
		}
	}
	for _, c := range elemCases {
		kerneltest.LevelsAgree(t, c.name, func() []float32 {
			dst := append([]float32(nil), d...)
			elem(c.op, dst, a, b, c.s, c.t)
			return dst
		})
	}
}

// maxAbs decides whether the sine in assembly is good for all angles.
func TestMaxAbs(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		f := fusedTable[cpu.Current].maxAbs
		if f == nil {
			t.Skip("plain Go")
		}
		r := rand.New(rand.NewPCG(1, 2))
		for _, n := range append(kerneltest.Lengths(), cpu.Grain+1) {
			x, ok := kerneltest.Guarded(r, n, n%16)
			want := float32(0)
			for _, v := range x {
				want = max(want, v, -v)
			}
			if got := f(cpu.Ptr(x), n); got != want {
				t.Fatalf("n %d: the largest |x| is %g, want %g", n, got, want)
			}
			ok(t, "x")
		}
	})
}
