package elementwise

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

// elemCase says what an operation is in float64 and how far off its kernels may
// be: by tol * 2^-24 * (|result| + |old dst| + |a|, the last two for gradients
// only).
type elemCase struct {
	name   string
	f      elemFunc
	inputs int
	s, t   float32
	ref    func(d, a, b, s, t float64) float64
	tol    float64 // in units of 2⁻²⁴ of the size, half a last place; see bound
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

func refHardSigmoid(x float64) float64 { return math.Min(math.Max(x/6+0.5, 0), 1) }

func refMish(x float64) float64 {
	return x * math.Tanh(math.Log1p(math.Exp(x)))
}

func refSoftsign(x float64) float64 { return x / (1 + math.Abs(x)) }

var elemCases = []elemCase{
	{"Fill", fill, 0, 3, 0, func(_, _, _, s, _ float64) float64 { return s }, 0, exactSpecials, nil},
	{"Add", add, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return a + b }, 1, exactSpecials, nil},
	{"Sub", sub, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return a - b }, 1, exactSpecials, nil},
	{"Mul", mul, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return a * b }, 1, exactSpecials, nil},
	{"Div", div, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return a / b }, 1, exactSpecials, nil},
	{"Max2", max2, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return math.Max(a, b) }, 0, nanOnly, nil},
	{"Min2", min2, 2, 0, 0, func(_, a, b, _, _ float64) float64 { return math.Min(a, b) }, 0, nanOnly, nil},
	{"AddScalar", addScalar, 1, 1.7, 0, func(_, a, _, s, _ float64) float64 { return a + s }, 1, exactSpecials, nil},
	{"Scale", scale, 1, 1.7, 0, func(_, a, _, s, _ float64) float64 { return a * s }, 1, exactSpecials, nil},
	{"axpyProduct", axpyProduct, 1, 1.7, 0.6, func(d, a, _, s, t float64) float64 { return d + s*(t*a) }, 5, nanOnly, nil},
	{"Axpy", axpy, 1, 1.7, 0, func(d, a, _, s, _ float64) float64 { return d + a*s }, 3, nanOnly, nil},
	{"MulAdd", mulAdd, 2, 0, 0, gradRef(func(b float64) float64 { return b }), 4, nanOnly, nil},
	{"DivAdd", divAdd, 2, 0, 0, func(d, a, b, _, _ float64) float64 { return d + a/b }, 30, nanOnly, awayFromZero},
	{"Clamp", clamp, 1, -1, 0.5, func(_, a, _, s, t float64) float64 { return math.Min(math.Max(a, s), t) }, 0, exactSpecials, nil},
	{"ClampGrad", clampGrad, 2, -1, 0.5, func(d, a, b, s, t float64) float64 {
		if b >= s && b <= t {
			return d + a
		}
		return d
	}, 1, masks, nil},
	{"Abs", abs, 1, 0, 0, unaryRef(math.Abs), 0, exactSpecials, nil},
	{"AbsGrad", absGrad, 2, 0, 0, func(d, a, b, _, _ float64) float64 {
		switch {
		case b > 0:
			return d + a
		case b < 0:
			return d - a
		}
		return d
	}, 1, masks, nil},
	{"Neg", neg, 1, 0, 0, unaryRef(func(x float64) float64 { return -x }), 0, exactSpecials, nil},
	{"Reciprocal", reciprocal, 1, 0, 0, unaryRef(func(x float64) float64 { return 1 / x }), 1, exactSpecials, nil},
	{"ReciprocalGrad", reciprocalGrad, 2, 0, 0, gradRef(func(y float64) float64 { return -y * y }), 40, nanOnly, nil},
	{"Square", square, 1, 0, 0, unaryRef(func(x float64) float64 { return x * x }), 1, exactSpecials, nil},
	{"SquareGrad", squareGrad, 2, 0, 0, gradRef(func(x float64) float64 { return 2 * x }), 4, nanOnly, nil},
	{"Exp", exp, 1, 0, 0, unaryRef(math.Exp), 2, exactSpecials, wide},
	{"Expm1", expm1, 1, 0, 0, unaryRef(math.Expm1), 3, exactSpecials, wide},
	{"Expm1Grad", expm1Grad, 2, 0, 0, gradRef(func(y float64) float64 { return y + 1 }), 4, nanOnly, nil},
	{"Log", log, 1, 0, 0, unaryRef(math.Log), 2, exactSpecials, positive},
	{"Log1p", log1p, 1, 0, 0, unaryRef(math.Log1p), 3, exactSpecials, positive},
	{"Log1pGrad", log1pGrad, 2, 0, 0, gradRef(func(x float64) float64 { return 1 / (1 + x) }), 4, nanOnly, positive},
	{"Sqrt", sqrt, 1, 0, 0, unaryRef(math.Sqrt), 1, exactSpecials, positive},
	{"SqrtGrad", sqrtGrad, 2, 0, 0, gradRef(func(y float64) float64 { return 0.5 / y }), 8, nanOnly, unitRange},
	{"Rsqrt", rsqrt, 1, 0, 0, unaryRef(func(x float64) float64 { return 1 / math.Sqrt(x) }), 3, exactSpecials, positive},
	{"RsqrtGrad", rsqrtGrad, 2, 0, 0, gradRef(func(y float64) float64 { return -0.5 * y * y * y }), 40, nanOnly, nil},
	{"Tanh", tanh, 1, 0, 0, unaryRef(math.Tanh), 4, exactSpecials, nil},
	{"TanhGrad", tanhGrad, 2, 0, 0, gradRef(func(y float64) float64 { return 1 - y*y }), 4, nanOnly, unitRange},
	{"Sigmoid", sigmoid, 1, 0, 0, unaryRef(func(x float64) float64 {
		e := math.Exp(-math.Abs(x)) // right where e^x is not a float64, too
		if x < 0 {
			return e / (1 + e)
		}
		return 1 / (1 + e)
	}), 4, exactSpecials, wide},
	{"SigmoidGrad", sigmoidGrad, 2, 0, 0, gradRef(func(y float64) float64 { return y * (1 - y) }), 4, nanOnly, unitRange},
	{"Erf", erf, 1, 0, 0, unaryRef(math.Erf), 4, exactSpecials, nil},
	{"ErfGrad", erfGrad, 2, 0, 0, gradRef(derivative(math.Erf)), 30, nanOnly, nil},
	{"Sin", anySin, 1, 0, 0, unaryRef(math.Sin), 3, exactSpecials, wide},
	{"SinGrad", anySinGrad, 2, 0, 0, gradRef(math.Cos), 4, nanOnly, wide},
	{"Cos", anyCos, 1, 0, 0, unaryRef(math.Cos), 3, exactSpecials, wide},
	{"CosGrad", anyCosGrad, 2, 0, 0, gradRef(func(x float64) float64 { return -math.Sin(x) }), 4, nanOnly, wide},
	{"Pow", powGo, 1, 2.5, 0, func(_, a, _, s, _ float64) float64 { return math.Pow(a, s) }, 2, exactSpecials, positive},
	{"PowGrad", powGradGo, 2, 2.5, 0, func(d, a, b, s, _ float64) float64 { return d + a*s*math.Pow(b, s-1) }, 8, nanOnly, positive},
	{"ReLU", relu, 1, 0, 0, unaryRef(func(x float64) float64 { return math.Max(x, 0) }), 0, exactSpecials, nil},
	{"ReLUMask", reluMask, 2, 0, 0, func(_, a, b, _, _ float64) float64 {
		if b <= 0 {
			return 0
		}
		return a
	}, 0, masks, nil},
	{"LeakyReLU", leakyReLU, 1, 0.1, 0, func(_, a, _, s, _ float64) float64 {
		if a > 0 {
			return a
		}
		return a * s
	}, 1, exactSpecials, nil},
	{"LeakyReLUGrad", leakyReLUGrad, 2, 0.1, 0, func(d, a, b, s, _ float64) float64 {
		if b > 0 {
			return d + a
		}
		return d + a*s
	}, 2, masks, nil},
	{"ELU", elu, 1, 1.5, 1.1, func(_, a, _, s, t float64) float64 {
		if a > 0 {
			return a * t
		}
		return s * math.Expm1(a)
	}, 5, exactSpecials, nil},
	{"ELUGrad", eluGrad, 2, 1.5, 1.1, func(d, a, b, s, t float64) float64 {
		if b > 0 {
			return d + a*t
		}
		return d + a*(b+s)
	}, 4, nanOnly, nil},
	{"GELU", gelu, 1, 0, 0, unaryRef(refGELU), 0, nanOnly, nil},
	{"GELUGrad", geluGrad, 2, 0, 0, gradRef(derivative(refGELU)), 30, nanOnly, nil},
	{"GELUTanh", geluTanh, 1, 0, 0, unaryRef(refGELUTanh), 0, nanOnly, nil},
	{"GELUTanhGrad", geluTanhGrad, 2, 0, 0, gradRef(derivative(refGELUTanh)), 30, nanOnly, nil},
	{"SiLU", silu, 1, 0, 0, unaryRef(refSiLU), 0, nanOnly, nil},
	{"SiLUGrad", siluGrad, 2, 0, 0, gradRef(derivative(refSiLU)), 30, nanOnly, nil},
	{"HardSigmoid", hardSigmoid, 1, 0, 0, unaryRef(refHardSigmoid), 3, exactSpecials, nil},
	{"HardSigmoidGrad", hardSigmoidGrad, 2, 0, 0, func(d, a, b, _, _ float64) float64 {
		if math.Abs(b) < 3 {
			return d + a/6
		}
		return d
	}, 4, masks, nil},
	{"HardSwish", hardSwish, 1, 0, 0, unaryRef(func(x float64) float64 { return x * refHardSigmoid(x) }), 4, exactSpecials, nil},
	{"HardSwishGrad", hardSwishGrad, 2, 0, 0, gradRef(func(x float64) float64 {
		if math.Abs(x) < 3 {
			return x/3 + 0.5
		}
		return refHardSigmoid(x)
	}), 6, nanOnly, nil},
	{"Mish", mish, 1, 0, 0, unaryRef(refMish), 0, nanOnly, nil},
	{"MishGrad", mishGrad, 2, 0, 0, gradRef(derivative(refMish)), 30, nanOnly, nil},
	{"Softsign", softsign, 1, 0, 0, unaryRef(refSoftsign), 2, exactSpecials, wide},
	{"SoftsignGrad", softsignGrad, 2, 0, 0, gradRef(func(x float64) float64 { return 1 / ((1 + math.Abs(x)) * (1 + math.Abs(x))) }), 4, nanOnly, wide},
	{"Softplus", softplus, 1, 2, 0.5, func(_, a, _, s, t float64) float64 { return math.Log1p(math.Exp(s*a)) * t }, 0, nanOnly, nil},
	{"SoftplusGrad", softplusGrad, 2, 2, 0, func(d, a, b, s, _ float64) float64 { return d + a*refSigmoid(s*b) }, 8, nanOnly, nil},
	{"SigmoidLoss", sigmoidLoss, 2, 0, 0, func(d, a, b, _, _ float64) float64 {
		return d*b*math.Log1p(math.Exp(-a)) + (1-b)*math.Log1p(math.Exp(a))
	}, 8, nanOnly, unitRange},
	{"SigmoidLossSlope", sigmoidLossSlope, 2, 0, 0, func(d, a, b, _, _ float64) float64 {
		return (1-b)*refSigmoid(a) - d*b*refSigmoid(-a)
	}, 8, nanOnly, unitRange},
	{"Standardize", standardize, 1, 0.5, 2, func(_, a, _, s, t float64) float64 { return (a - s) * t }, 3, nanOnly, nil},
	{"SubTwo", subTwo, 1, 0.5, 2, func(_, a, _, s, t float64) float64 { return a - s - t }, 0, nanOnly, nil},
	{"SoftmaxGradStep", softmaxGradStep, 2, 0.5, 0, func(d, a, b, s, _ float64) float64 { return d + b*(a-s) }, 20, nanOnly, unitRange},
	{"LogSoftmaxGradStep", logSoftmaxGradStep, 2, 0.5, 0, func(d, a, b, s, _ float64) float64 { return d + a - s*math.Exp(b) }, 8, nanOnly, func(x float64) float64 { return -math.Abs(x) }},
}

// TestElemCasesAreAll wants a case for every kernel that gen has written a
// choice for.
func TestElemCasesAreAll(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range elemCases {
		seen[strings.ToLower(c.name)] = true
	}
	f, err := parser.ParseFile(token.NewFileSet(), "dispatch_generic.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, d := range f.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Type.Params.NumFields() != 5 || f.Type.Params.List[0].Names[0].Name != "dst" {
			continue
		}
		if found++; !seen[strings.ToLower(f.Name.Name)] {
			t.Errorf("%s has no case", f.Name.Name)
		}
	}
	if found < 60 {
		t.Errorf("found only %d kernels", found)
	}
}

func (c *elemCase) bound(want, d, a float64) float64 {
	tol, size := c.tol, math.Abs(want)
	if c.inputs == 2 || c.name == "Axpy" || c.name == "axpyProduct" {
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
		for which, c := range elemCases {
			r := rand.New(rand.NewPCG(uint64(which), 1))
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
				elem(c.f, dst, a, b, c.s, c.t)
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
					elem(c.f, want, a, b, c.s, c.t)
					if which == 0 {
						elem(c.f, got, got, b, c.s, c.t)
					} else {
						elem(c.f, got, a, got, c.s, c.t)
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
				elem(c.f, dst, a, b, c.s, c.t)
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
					elem(c.f, dst, a, b, c.s, c.t)
					for i, v := range dst {
						if v == v {
							t.Errorf("%s(a %g, b %g): element %d is %g, want NaN", c.name, in[0], in[1], i, v)
							break
						}
					}
				}
			case masks:
				// Where nothing passes, a NaN in dy must not either.
				stop := map[string]float32{"ClampGrad": 3, "HardSigmoidGrad": 3}[c.name]
				dst, a, b := make([]float32, 19), make([]float32, 19), make([]float32, 19)
				Fill(a, nan)
				Fill(b, stop)
				elem(c.f, dst, a, b, c.s, c.t)
				for i, v := range dst {
					if v != 0 && c.name != "LeakyReLUGrad" {
						t.Errorf("%s: element %d is %g, want 0", c.name, i, v)
						break
					}
				}
			}
		}
	})
}

func TestElemSameBits(t *testing.T) {
	if len(cpu.Levels) < 3 {
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
			elem(c.f, dst, a, b, c.s, c.t)
			return dst
		})
	}
}

// maxAbs decides whether the sine in assembly is good for all angles.
func TestMaxAbs(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		for _, n := range append(kerneltest.Lengths(), cpu.Grain+1) {
			x, ok := kerneltest.Guarded(r, n, n%16)
			want := float32(0)
			for _, v := range x {
				want = max(want, v, -v)
			}
			if got := maxAbs(x); got != want {
				t.Fatalf("n %d: the largest |x| is %g, want %g", n, got, want)
			}
			ok(t, "x")
		}
	})
}
