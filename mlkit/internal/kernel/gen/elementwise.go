//go:build gen

package main

import (
	"math"

	"github.com/mmcloughlin/avo/reg"
)

// elemIn is what a body may use: a and b are read when asked for, d is the old
// content of dst.
type elemIn struct {
	s       strip
	d, x, y reg.Register
	S, T    vec
}

func (in elemIn) a() vec   { return in.s.load(in.x) }
func (in elemIn) b() vec   { return in.s.load(in.y) }
func (in elemIn) old() vec { return in.s.load(in.d) }

// elemKernel is one element-wise kernel: the name of its function in package
// elementwise, how many vectors a turn of its loop takes, and its body.
type elemKernel struct {
	name   string
	unroll int
	scalar int // how many of s, t it uses
	body   func(v *vm, in elemIn) vec
}

func unary(f func(v *vm, x vec) vec) func(*vm, elemIn) vec {
	return func(v *vm, in elemIn) vec { return f(v, in.a()) }
}

func binary(f func(v *vm, a, b vec) vec) func(*vm, elemIn) vec {
	return func(v *vm, in elemIn) vec { return f(v, in.a(), in.b()) }
}

// gradient makes dst += a * f(b).
func gradient(f func(v *vm, y vec) vec) func(*vm, elemIn) vec {
	return func(v *vm, in elemIn) vec {
		g := f(v, in.b())
		d := in.old()
		v.addTo(d, g, in.a())
		return d
	}
}

const geluC = 1.5957691216057307 // 2*sqrt(2/pi)

// geluInner is geluC*(x + 0.044715*x^3).
func geluInner(v *vm, x vec) vec {
	p := v.mul(x, x)
	v.mulTo(p, v.set(v.c(geluC*0.044715)), v.c(geluC))
	return v.mul(p, x)
}

// hardSigmoid is min(max(x+3, 0), 6)/6: 0 and 1 exactly beyond ±3.
func hardSigmoid(v *vm, x vec) vec {
	return v.mul(v.min(v.set(v.c(6)), v.max(v.zero(), v.add(x, v.c(3)))), v.c(1.0/6))
}

var elemKernels = []elemKernel{
	{"fill", 4, 1, func(v *vm, in elemIn) vec { return in.S }},
	{"add", 4, 0, binary(func(v *vm, a, b vec) vec { return v.add(a, b) })},
	{"sub", 4, 0, binary(func(v *vm, a, b vec) vec { return v.sub(a, b) })},
	{"mul", 4, 0, binary(func(v *vm, a, b vec) vec { return v.mul(a, b) })},
	{"div", 2, 0, binary(func(v *vm, a, b vec) vec { return v.div(a, b) })},
	{"max2", 2, 0, binary(func(v *vm, a, b vec) vec { return v.sel(v.cmp(unord, a, a), a, v.max(a, b)) })},
	{"min2", 2, 0, binary(func(v *vm, a, b vec) vec { return v.sel(v.cmp(unord, a, a), a, v.min(a, b)) })},
	{"addScalar", 4, 1, func(v *vm, in elemIn) vec { return v.add(in.S, in.a()) }},
	{"scale", 4, 1, func(v *vm, in elemIn) vec { return v.mul(in.S, in.a()) }},
	{"axpy", 4, 1, func(v *vm, in elemIn) vec {
		d := in.old()
		v.addTo(d, in.S, in.a())
		return d
	}},
	{"axpyProduct", 4, 2, func(v *vm, in elemIn) vec {
		g, d := v.zero(), in.old() // as the product is where it is stored: 0 is never negative
		v.addTo(g, in.T, in.a())
		v.addTo(d, in.S, g)
		return d
	}},
	{"mulAdd", 4, 0, gradient(func(v *vm, y vec) vec { return y })},
	{"divAdd", 2, 0, func(v *vm, in elemIn) vec { return v.add(v.div(in.a(), in.b()), in.old()) }},
	{"clamp", 2, 2, func(v *vm, in elemIn) vec { return v.min(in.T, v.max(in.S, in.a())) }},
	{"clampGrad", 2, 2, func(v *vm, in elemIn) vec {
		x := in.b()
		d := in.old()
		return v.sel(v.both(v.cmp(ge, x, in.S), v.cmp(le, x, in.T)), v.add(d, in.a()), d)
	}},
	{"abs", 4, 0, unary((*vm).abs)},
	{"absGrad", 2, 0, func(v *vm, in elemIn) vec {
		x := in.b()
		nonzero := v.both(v.cmp(ge, v.abs(x), v.bits(1)), v.cmp(eq, x, x))
		d := in.old()
		return v.sel(nonzero, v.add(d, v.xor(in.a(), v.sign(x))), d)
	}},
	{"neg", 4, 0, unary((*vm).neg)},
	{"reciprocal", 2, 0, unary(func(v *vm, x vec) vec { return v.div(v.set(v.c(1)), x) })},
	{"reciprocalGrad", 2, 0, gradient(func(v *vm, y vec) vec { return v.mul(v.neg(y), y) })},
	{"square", 4, 0, unary(func(v *vm, x vec) vec { return v.mul(x, x) })},
	{"squareGrad", 4, 0, gradient(func(v *vm, x vec) vec { return v.add(x, x) })},
	{"exp", 1, 0, unary((*vm).exp)},
	{"expm1", 1, 0, unary((*vm).expm1)},
	{"expm1Grad", 2, 0, gradient(func(v *vm, y vec) vec { return v.add(y, v.c(1)) })},
	{"log", 1, 0, unary((*vm).log)},
	{"log1p", 1, 0, unary((*vm).log1p)},
	{"log1pGrad", 2, 0, func(v *vm, in elemIn) vec {
		return v.add(v.div(in.a(), v.add(in.b(), v.c(1))), in.old())
	}},
	{"sqrt", 2, 0, unary((*vm).sqrt)},
	{"sqrtGrad", 2, 0, func(v *vm, in elemIn) vec {
		return v.add(v.div(v.mul(in.a(), v.c(0.5)), in.b()), in.old())
	}},
	{"rsqrt", 2, 0, unary(func(v *vm, x vec) vec { return v.div(v.set(v.c(1)), v.sqrt(x)) })},
	{"rsqrtGrad", 2, 0, gradient(func(v *vm, y vec) vec { return v.mul(v.mul(v.mul(y, y), y), v.c(-0.5)) })},
	{"tanh", 1, 0, unary((*vm).tanh)},
	{"tanhGrad", 2, 0, gradient(func(v *vm, y vec) vec {
		r := v.set(v.c(1))
		v.subTo(r, y, y)
		return r
	})},
	{"sigmoid", 1, 0, unary((*vm).sigmoid)},
	{"sigmoidGrad", 2, 0, gradient(func(v *vm, y vec) vec { return v.mul(v.sub(v.set(v.c(1)), y), y) })},
	{"erf", 1, 0, unary((*vm).erf)},
	{"erfGrad", 1, 0, gradient(func(v *vm, x vec) vec {
		return v.mul(v.expNegative(v.mul(v.neg(x), x)), v.c(2/math.SqrtPi))
	})},

	// For |x| <= 2^17.
	{"sin", 1, 0, unary(func(v *vm, x vec) vec { return v.sinCos(x, 0) })},
	{"sinGrad", 1, 0, gradient(func(v *vm, x vec) vec { return v.sinCos(x, 1) })},
	{"cos", 1, 0, unary(func(v *vm, x vec) vec { return v.sinCos(x, 1) })},
	{"cosGrad", 1, 0, gradient(func(v *vm, x vec) vec { return v.neg(v.sinCos(x, 0)) })},

	{"relu", 4, 0, unary(func(v *vm, x vec) vec { return v.max(v.zero(), x) })},
	{"reluMask", 4, 0, func(v *vm, in elemIn) vec { return v.keep(v.cmp(notLE, in.b(), v.zero()), in.a()) }},
	{"leakyReLU", 2, 1, func(v *vm, in elemIn) vec {
		x := in.a()
		return v.sel(v.cmp(gt, x, v.zero()), x, v.mul(x, in.S))
	}},
	{"leakyReLUGrad", 2, 1, func(v *vm, in elemIn) vec {
		f := v.sel(v.cmp(gt, in.b(), v.zero()), v.set(v.c(1)), in.S)
		d := in.old()
		v.addTo(d, f, in.a())
		return d
	}},
	{"elu", 1, 2, func(v *vm, in elemIn) vec {
		x := in.a()
		e := v.mul(v.expm1(v.min(v.zero(), x)), in.S)
		return v.sel(v.cmp(gt, x, v.zero()), v.mul(x, in.T), e)
	}},
	{"eluGrad", 2, 2, func(v *vm, in elemIn) vec {
		y := in.b()
		f := v.sel(v.cmp(gt, y, v.zero()), in.T, v.add(y, in.S))
		d := in.old()
		v.addTo(d, f, in.a())
		return d
	}},
	{"gelu", 1, 0, unary(func(v *vm, x vec) vec { return v.mul(v.normalCDF(x), x) })},
	{"geluGrad", 1, 0, gradient(func(v *vm, x vec) vec {
		g, c := v.normalPDF(x), v.normalCDF(x)
		v.addTo(c, g, x)
		return c
	})},
	{"geluTanh", 1, 0, unary(func(v *vm, x vec) vec { return v.mul(v.sigmoid(geluInner(v, x)), x) })},
	{"geluTanhGrad", 1, 0, gradient(func(v *vm, x vec) vec {
		s := v.sigmoid(geluInner(v, x))
		q := v.mul(x, x)
		v.mulTo(q, v.set(v.c(3*geluC*0.044715)), v.c(geluC))
		w := v.mul(v.mul(v.sub(v.set(v.c(1)), s), s), x)
		v.addTo(s, w, q)
		return s
	})},
	{"silu", 1, 0, unary(func(v *vm, x vec) vec { return v.mul(v.sigmoid(x), x) })},
	{"siluGrad", 1, 0, gradient(func(v *vm, x vec) vec {
		s := v.sigmoid(x)
		w := v.mul(v.sub(v.set(v.c(1)), s), x)
		v.mulTo(w, s, s)
		return w
	})},
	{"hardSigmoid", 4, 0, unary(hardSigmoid)},
	{"hardSigmoidGrad", 2, 0, func(v *vm, in elemIn) vec {
		inside := v.cmp(gt, v.set(v.c(3)), v.abs(in.b()))
		d := in.old()
		return v.sel(inside, v.add(d, v.mul(in.a(), v.c(1.0/6))), d)
	}},
	{"hardSwish", 4, 0, unary(func(v *vm, x vec) vec { return v.mul(hardSigmoid(v, x), x) })},
	{"hardSwishGrad", 2, 0, gradient(func(v *vm, x vec) vec {
		s := hardSigmoid(v, x)
		v.addTo(s, v.keep(v.cmp(gt, v.set(v.c(3)), v.abs(x)), x), v.c(1.0/6))
		return s
	})},
	// With e = e^x, tanh(log(1+e)) = n/(n+2), n = e*(e+2).
	{"mish", 1, 0, unary(func(v *vm, x vec) vec {
		e := v.expNegative(v.clampTop(x, 20))
		n := v.mul(v.add(e, v.c(2)), e)
		return v.mul(v.div(n, v.add(n, v.c(2))), x)
	})},
	{"mishGrad", 1, 0, gradient(func(v *vm, x vec) vec {
		// (n + 4x*e*(1+e)/d)/d, d = n+2
		e := v.expNegative(v.clampTop(x, 20))
		n := v.mul(v.add(e, v.c(2)), e)
		d := v.add(n, v.c(2))
		w := v.div(v.mul(v.mul(v.add(e, v.c(1)), e), v.c(4)), d)
		v.addTo(n, w, x)
		return v.div(n, d)
	})},
	{"softsign", 2, 0, unary(func(v *vm, x vec) vec { return v.div(x, v.add(v.abs(x), v.c(1))) })},
	{"softsignGrad", 2, 0, gradient(func(v *vm, x vec) vec {
		r := v.div(v.set(v.c(1)), v.add(v.abs(x), v.c(1)))
		return v.mul(r, r)
	})},
	{"softplus", 1, 2, func(v *vm, in elemIn) vec {
		z := v.mul(in.S, in.a())
		l := v.log1pUnit(v.expNegative(v.or(z, v.bits(0x80000000))))
		return v.mul(v.add(v.max(v.zero(), z), l), in.T)
	}},
	{"softplusGrad", 1, 1, func(v *vm, in elemIn) vec {
		g := v.sigmoid(v.mul(in.S, in.b()))
		d := in.old()
		v.addTo(d, g, in.a())
		return d
	}},
	// dst*b*softplus(-a) + (1-b)*softplus(a), and its slope in a.
	{"sigmoidLoss", 1, 0, func(v *vm, in elemIn) vec {
		x := in.a()
		l := v.log1pUnit(v.expNegative(v.or(x, v.bits(0x80000000))))
		up := v.add(v.max(v.zero(), x), l)
		down := v.add(v.max(v.zero(), v.neg(x)), l)
		y := in.b()
		no := v.mul(v.sub(v.set(v.c(1)), y), up)
		v.addTo(no, v.mul(y, in.old()), down)
		return no
	}},
	{"sigmoidLossSlope", 1, 0, func(v *vm, in elemIn) vec {
		x := in.a()
		e := v.expNegative(v.or(x, v.bits(0x80000000)))
		large := v.div(v.set(v.c(1)), v.add(e, v.c(1)))
		small := v.mul(e, large)
		above := v.cmp(gt, x, v.zero())
		up, down := v.sel(above, large, small), v.sel(above, small, large)
		y := in.b()
		no := v.mul(v.sub(v.set(v.c(1)), y), up)
		v.subTo(no, v.mul(y, in.old()), down)
		return no
	}},
	// dst = (a-s)*t, and two that finish softmax's gradients.
	{"standardize", 4, 2, func(v *vm, in elemIn) vec { return v.mul(v.sub(in.a(), in.S), in.T) }},
	{"subTwo", 4, 2, func(v *vm, in elemIn) vec { return v.sub(v.sub(in.a(), in.S), in.T) }},
	{"softmaxGradStep", 2, 1, func(v *vm, in elemIn) vec {
		d := in.old()
		v.addTo(d, v.sub(in.a(), in.S), in.b())
		return d
	}},
	{"logSoftmaxGradStep", 1, 1, func(v *vm, in elemIn) vec {
		e := v.exp(in.b())
		d := v.add(in.old(), in.a())
		v.subTo(d, in.S, e)
		return d
	}},
}

// elementwiseKernels makes the entries of elemKernels, which have one
// signature.
func elementwiseKernels() (all []kernel) {
	for _, e := range elemKernels {
		all = append(all, kernel{e.name, "func(dst, a, b []float32, s, t float32)", everywhere, func(v *vm) {
			in := elemIn{d: v.gp("dst"), x: v.gp("a"), y: v.gp("b")}
			n := v.len("dst")
			if e.scalar > 0 {
				in.S = v.scalar("s")
			}
			if e.scalar > 1 {
				in.T = v.scalar("t")
			}
			v.strips(n, e.unroll, func(s strip) {
				in.s = s
				s.store(e.body(v, in), in.d)
			})
		}})
	}
	return all
}
