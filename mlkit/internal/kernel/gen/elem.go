package main

import (
	"bytes"
	"fmt"
	"go/format"
	"log"
	"math"
	"os"

	"github.com/mmcloughlin/avo/reg"
)

func init() { families["elementwise"] = emitElem }

// elemIn is what a body may use: a and b are read when asked for, d is the old content of dst.
type elemIn struct {
	s       strip
	d, x, y reg.Register
	S, T    vec
}

func (in elemIn) a() vec   { return in.s.load(in.x) }
func (in elemIn) b() vec   { return in.s.load(in.y) }
func (in elemIn) old() vec { return in.s.load(in.d) }

// elemKernel is one element-wise kernel: the name of its operation in package elementwise without "op",
// how many vectors a turn of its loop takes, its reference loop's body, and its vector body.
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

var elemKernels = []elemKernel{
	{"Fill", 4, 1, func(v *vm, in elemIn) vec { return in.S }},
	{"Add", 4, 0, binary((*vm).addVec)},
	{"Sub", 4, 0, binary(func(v *vm, a, b vec) vec { return v.sub(a, b) })},
	{"Mul", 4, 0, binary(func(v *vm, a, b vec) vec { return v.mul(a, b) })},
	{"Div", 2, 0, binary(func(v *vm, a, b vec) vec { return v.div(a, b) })},
	{"Max2", 2, 0, binary(func(v *vm, a, b vec) vec { return v.sel(v.cmp(unord, a, a), a, v.max(a, b)) })},
	{"Min2", 2, 0, binary(func(v *vm, a, b vec) vec { return v.sel(v.cmp(unord, a, a), a, v.min(a, b)) })},
	{"AddScalar", 4, 1, func(v *vm, in elemIn) vec { return v.add(in.S, in.a()) }},
	{"Scale", 4, 1, func(v *vm, in elemIn) vec { return v.mul(in.S, in.a()) }},
	{"Axpy", 4, 1, func(v *vm, in elemIn) vec {
		d := in.old()
		v.addTo(d, in.S, in.a())
		return d
	}},
	{"MulAdd", 4, 0, gradient(func(v *vm, y vec) vec { return y })},
	{"DivAdd", 2, 0, func(v *vm, in elemIn) vec { return v.add(v.div(in.a(), in.b()), in.old()) }},
	{"Clamp", 2, 2, func(v *vm, in elemIn) vec { return v.min(in.T, v.max(in.S, in.a())) }},
	{"ClampGrad", 2, 2, func(v *vm, in elemIn) vec {
		x := in.b()
		d := in.old()
		return v.sel(v.both(v.cmp(ge, x, in.S), v.cmp(le, x, in.T)), v.add(d, in.a()), d)
	}},
	{"Abs", 4, 0, unary((*vm).abs)},
	{"AbsGrad", 2, 0, func(v *vm, in elemIn) vec {
		x := in.b()
		nonzero := v.both(v.cmp(ge, v.abs(x), v.bits(1)), v.cmp(eq, x, x))
		d := in.old()
		return v.sel(nonzero, v.add(d, v.xor(in.a(), v.sign(x))), d)
	}},
	{"Neg", 4, 0, unary((*vm).neg)},
	{"Reciprocal", 2, 0, unary(func(v *vm, x vec) vec { return v.div(v.set(v.c(1)), x) })},
	{"ReciprocalGrad", 2, 0, gradient(func(v *vm, y vec) vec { return v.mul(v.neg(y), y) })},
	{"Square", 4, 0, unary(func(v *vm, x vec) vec { return v.mul(x, x) })},
	{"SquareGrad", 4, 0, gradient(func(v *vm, x vec) vec { return v.add(x, x) })},
	{"Exp", 1, 0, unary((*vm).exp)},
	{"Expm1", 1, 0, unary((*vm).expm1)},
	{"Expm1Grad", 2, 0, gradient(func(v *vm, y vec) vec { return v.add(y, v.c(1)) })},
	{"Log", 1, 0, unary((*vm).log)},
	{"Log1p", 1, 0, unary((*vm).log1p)},
	{"Log1pGrad", 2, 0, func(v *vm, in elemIn) vec {
		return v.add(v.div(in.a(), v.add(in.b(), v.c(1))), in.old())
	}},
	{"Sqrt", 2, 0, unary((*vm).sqrt)},
	{"SqrtGrad", 2, 0, func(v *vm, in elemIn) vec {
		return v.add(v.div(v.mul(in.a(), v.c(0.5)), in.b()), in.old())
	}},
	{"Rsqrt", 2, 0, unary(func(v *vm, x vec) vec { return v.div(v.set(v.c(1)), v.sqrt(x)) })},
	{"RsqrtGrad", 2, 0, gradient(func(v *vm, y vec) vec { return v.mul(v.mul(v.mul(y, y), y), v.c(-0.5)) })},
	{"Tanh", 1, 0, unary((*vm).tanh)},
	{"TanhGrad", 2, 0, gradient(func(v *vm, y vec) vec {
		r := v.set(v.c(1))
		v.subTo(r, y, y)
		return r
	})},
	{"Sigmoid", 1, 0, unary((*vm).sigmoid)},
	{"SigmoidGrad", 2, 0, gradient(func(v *vm, y vec) vec { return v.mul(v.sub(v.set(v.c(1)), y), y) })},
	{"Erf", 1, 0, unary((*vm).erf)},
	{"ErfGrad", 1, 0, gradient(func(v *vm, x vec) vec {
		return v.mul(v.expNegative(v.mul(v.neg(x), x)), v.c(2/math.SqrtPi))
	})},

	// For |x| <= 2^17; elem sees to that.
	{"Sin", 1, 0, unary(func(v *vm, x vec) vec { return v.sinCos(x, 0) })},
	{"SinGrad", 1, 0, gradient(func(v *vm, x vec) vec { return v.sinCos(x, 1) })},
	{"Cos", 1, 0, unary(func(v *vm, x vec) vec { return v.sinCos(x, 1) })},
	{"CosGrad", 1, 0, gradient(func(v *vm, x vec) vec { return v.neg(v.sinCos(x, 0)) })},

	{"ReLU", 4, 0, unary(func(v *vm, x vec) vec { return v.max(v.zero(), x) })},
	{"ReLUGrad", 2, 0, func(v *vm, in elemIn) vec {
		on := v.cmp(notLE, in.b(), v.zero())
		d := in.old()
		return v.sel(on, v.add(d, in.a()), d)
	}},
	{"ReLUMask", 4, 0, func(v *vm, in elemIn) vec { return v.keep(v.cmp(notLE, in.b(), v.zero()), in.a()) }},
	{"LeakyReLU", 2, 1, func(v *vm, in elemIn) vec {
		x := in.a()
		return v.sel(v.cmp(gt, x, v.zero()), x, v.mul(x, in.S))
	}},
	{"LeakyReLUGrad", 2, 1, func(v *vm, in elemIn) vec {
		f := v.sel(v.cmp(gt, in.b(), v.zero()), v.set(v.c(1)), in.S)
		d := in.old()
		v.addTo(d, f, in.a())
		return d
	}},
	{"ELU", 1, 2, func(v *vm, in elemIn) vec {
		x := in.a()
		e := v.mul(v.expm1(v.min(v.zero(), x)), in.S)
		return v.sel(v.cmp(gt, x, v.zero()), v.mul(x, in.T), e)
	}},
	{"ELUGrad", 2, 2, func(v *vm, in elemIn) vec {
		y := in.b()
		f := v.sel(v.cmp(gt, y, v.zero()), in.T, v.add(y, in.S))
		d := in.old()
		v.addTo(d, f, in.a())
		return d
	}},
	{"GELU", 1, 0, unary(func(v *vm, x vec) vec { return v.mul(v.normalCDF(x), x) })},
	{"GELUGrad", 1, 0, gradient(func(v *vm, x vec) vec {
		g, c := v.normalPDF(x), v.normalCDF(x)
		v.addTo(c, g, x)
		return c
	})},
	{"GELUTanh", 1, 0, unary(func(v *vm, x vec) vec { return v.mul(v.sigmoid(geluInner(v, x)), x) })},
	{"GELUTanhGrad", 1, 0, gradient(func(v *vm, x vec) vec {
		s := v.sigmoid(geluInner(v, x))
		q := v.mul(x, x)
		v.mulTo(q, v.set(v.c(3*geluC*0.044715)), v.c(geluC))
		w := v.mul(v.mul(v.sub(v.set(v.c(1)), s), s), x)
		v.addTo(s, w, q)
		return s
	})},
	{"SiLU", 1, 0, unary(func(v *vm, x vec) vec { return v.mul(v.sigmoid(x), x) })},
	{"SiLUGrad", 1, 0, gradient(func(v *vm, x vec) vec {
		s := v.sigmoid(x)
		w := v.mul(v.sub(v.set(v.c(1)), s), x)
		v.mulTo(w, s, s)
		return w
	})},
	// With e = e^x, tanh(log(1+e)) = n/(n+2), n = e*(e+2).
	{"Mish", 1, 0, unary(func(v *vm, x vec) vec {
		e := v.expNegative(v.clampTop(x, 20))
		n := v.mul(v.add(e, v.c(2)), e)
		return v.mul(v.div(n, v.add(n, v.c(2))), x)
	})},
	{"MishGrad", 1, 0, gradient(func(v *vm, x vec) vec {
		// (n + 4x*e*(1+e)/d)/d, d = n+2
		e := v.expNegative(v.clampTop(x, 20))
		n := v.mul(v.add(e, v.c(2)), e)
		d := v.add(n, v.c(2))
		w := v.div(v.mul(v.mul(v.add(e, v.c(1)), e), v.c(4)), d)
		v.addTo(n, w, x)
		return v.div(n, d)
	})},
	{"Softplus", 1, 2, func(v *vm, in elemIn) vec {
		z := v.mul(in.S, in.a())
		l := v.log1pUnit(v.expNegative(v.or(z, v.bits(0x80000000))))
		return v.mul(v.add(v.max(v.zero(), z), l), in.T)
	}},
	{"SoftplusGrad", 1, 1, func(v *vm, in elemIn) vec {
		g := v.sigmoid(v.mul(in.S, in.b()))
		d := in.old()
		v.addTo(d, g, in.a())
		return d
	}},
	// dst = (a-s)*t, and two that finish softmax's gradients.
	{"Standardize", 4, 2, func(v *vm, in elemIn) vec { return v.mul(v.sub(in.a(), in.S), in.T) }},
	{"SubTwo", 4, 2, func(v *vm, in elemIn) vec { return v.sub(v.sub(in.a(), in.S), in.T) }},
	{"SoftmaxGrad", 2, 1, func(v *vm, in elemIn) vec {
		d := in.old()
		v.addTo(d, v.sub(in.a(), in.S), in.b())
		return d
	}},
	{"LogSoftmaxGrad", 1, 1, func(v *vm, in elemIn) vec {
		e := v.exp(in.b())
		d := v.add(in.old(), in.a())
		v.subTo(d, in.S, e)
		return d
	}},
}

func (v *vm) addVec(a, b vec) vec { return v.add(a, b) }

func emitElem() {
	narrow, wide := &vm{consts: map[uint32]cst{}}, &vm{wide: true, consts: map[uint32]cst{}}
	writeElemTable("table_amd64.go", []*vm{narrow, wide}, []string{"AVX2", "AVX512"})
	for _, v := range []*vm{narrow, wide} {
		v.elems()
		v.fused()
		v.bytesToFloats()
	}
}

// fused emits what has arguments of its own.
func (v *vm) fused() {
	v.maxAbs()
	v.geluSlope()
	v.adam()
	v.momentum("momentum", false)
	v.momentum("nesterov", true)
	v.rmsProp()
	v.lion()
}

func (v *vm) elems() {
	for _, k := range elemKernels {
		v.function("elem"+k.name, "func(dst, a, b *float32, n int, s, t float32)",
			fmt.Sprintf("elem%s%s runs elemPortable[op%s].", k.name, v.isaName(), k.name))
		in := elemIn{d: v.gp("dst"), x: v.gp("a"), y: v.gp("b")}
		n := v.gp("n")
		if k.scalar > 0 {
			in.S = v.scalar("s")
		}
		if k.scalar > 1 {
			in.T = v.scalar("t")
		}
		v.strips(n, k.unroll, func(s strip) {
			in.s = s
			s.store(k.body(v, in), in.d)
		})
		v.ret()
	}
}

// writeElemTable writes the Go file that enters the kernels into the table they are called through.
func writeElemTable(file string, vs []*vm, levels []string) {
	var b bytes.Buffer
	b.WriteString("// Code generated by gen. DO NOT EDIT.\n\n//go:build !noasm\n\npackage elementwise\n\nimport \"descent/mlkit/internal/kernel/cpu\"\n\nfunc init() {\n")
	for i, v := range vs {
		fmt.Fprintf(&b, "elemTable[cpu.%s] = [numElemOps]elemAsm{\n", levels[i])
		for _, k := range elemKernels {
			fmt.Fprintf(&b, "op%[1]s: elem%[1]s%[2]s,\n", k.name, v.isaName())
		}
		b.WriteString("}\n")
	}
	b.WriteString("}\n")
	src, err := format.Source(b.Bytes())
	if err == nil {
		err = os.WriteFile(file, src, 0o644)
	}
	if err != nil {
		log.Fatal(err)
	}
}
