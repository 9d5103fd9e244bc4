//go:build gen

package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

// rowKernels are one row of softmax and of layer norm.
var rowKernels = []kernel{
	{"softmaxRow", "func(dst, x []float32) (m, logSum float32)", everywhere, func(v *vm) { v.softmax(true) }},
	{"logSumExpRow", "func(x []float32) (m, logSum float32)", everywhere, func(v *vm) { v.softmax(false) }},
	{"layerNormRow", "func(y, x, gamma, beta []float32, mean, rstd float32)", everywhere, func(v *vm) {
		y, x, gamma, beta := v.gp("y"), v.gp("x"), v.gp("gamma"), v.gp("beta")
		mean, rstd := v.scalar("mean"), v.scalar("rstd")
		v.strips(v.len("y"), 2, func(s strip) {
			h := v.mul(v.sub(s.load(x), mean), rstd)
			v.mulTo(h, s.load(gamma), s.load(beta))
			s.store(h, y)
		})
	}},
	{"layerNormGradSums", "func(dy, x, gamma []float32, mean, rstd float32) (sum, dot float32)", everywhere, func(v *vm) {
		dy, x, gamma := v.gp("dy"), v.gp("x"), v.gp("gamma")
		mean, rstd := v.scalar("mean"), v.scalar("rstd")
		// 32 lanes, because two quantities of 64 are all registers of AVX2.
		q := v.reduce(v.len("dy"), sumLanes/2, 2, v.zero, func(s strip, acc []vec) {
			g := v.mul(s.load(dy), s.load(gamma))
			v.plusTo(acc[0], g)
			v.addTo(acc[1], v.inside(v.mul(v.sub(s.load(x), mean), rstd)), g)
		})
		v.result(v.fold(q[0], "add"), "sum")
		v.result(v.fold(q[1], "add"), "dot")
	}},
	{"layerNormGradRow", "func(dx, dy, x, gamma []float32, mean, rstd, a, b float32)", everywhere, func(v *vm) {
		dx, dy, x, gamma := v.gp("dx"), v.gp("dy"), v.gp("x"), v.gp("gamma")
		mean, rstd := v.scalar("mean"), v.scalar("rstd")
		a, b := v.scalar("a"), v.scalar("b")
		v.strips(v.len("dx"), 2, func(s strip) {
			g := v.mul(s.load(dy), s.load(gamma))
			g = v.sub(g, a)
			h := v.mul(v.sub(s.load(x), mean), rstd)
			v.subTo(g, h, b)
			d := s.load(dx)
			v.addTo(d, rstd, g)
			s.store(d, dx)
		})
	}},
	{"layerNormParams", "func(dgamma, dbeta, dy, x, mean, rstd []float32, stride int)", amd64, func(v *vm) {
		dgamma, dbeta, dy, x, mean, rstd, rows, stride := v.gp("dgamma"), v.gp("dbeta"), v.gp("dy"), v.gp("x"),
			v.gp("mean"), v.gp("rstd"), v.len("mean"), v.gp("stride")
		SHLQ(operand.Imm(2), stride)
		v.x86().groups(v.len("dgamma"), 2, func(ss []strip) {
			var g, b []vec
			for _, s := range ss {
				g, b = append(g, s.load(dgamma)), append(b, s.load(dbeta))
			}
			at := GP64() // from dy and x to the present row
			XORQ(at, at)
			row := GP64()
			XORQ(row, row)
			loop := v.x86().label("row")
			Label(loop)
			m, r := v.x86().reg(), v.x86().reg()
			VBROADCASTSS(operand.Mem{Base: mean, Index: row, Scale: 4}, m)
			VBROADCASTSS(operand.Mem{Base: rstd, Index: row, Scale: 4}, r)
			pd, px := GP64(), GP64()
			LEAQ(operand.Mem{Base: dy, Index: at, Scale: 1}, pd)
			LEAQ(operand.Mem{Base: x, Index: at, Scale: 1}, px)
			for i, s := range ss {
				d := s.load(pd)
				v.plusTo(b[i], d)
				v.addTo(g[i], v.mul(v.sub(s.load(px), m), r), d)
			}
			ADDQ(stride, at)
			ADDQ(operand.Imm(1), row)
			CMPQ(row, rows)
			JNE(operand.LabelRef(loop))
			for i, s := range ss {
				s.store(g[i], dgamma)
				s.store(b[i], dbeta)
			}
		})
	}},
}

// softmax emits the softmax of one row, or what precedes its last pass without
// a store.
func (v *vm) softmax(store bool) {
	x, n := v.gp("x"), v.len("x")
	var dst reg.GPVirtual
	if store {
		dst = v.gp("dst")
	}
	lowest := v.c(math.Inf(-1))
	top := v.fold(v.reduce(n, sumLanes, 1, func() vec { return v.set(lowest) }, func(s strip, acc []vec) {
		e := s.load(x)
		if m := v.rest(); m != nil {
			e = v.sel(m, e, v.set(lowest))
		}
		v.maxTo(acc[0], e) // drops NaN, which comes back with e^NaN
	})[0], "max")
	v.result(top, "m")
	m := v.pin(v.all(top))
	sum := v.fold(v.reduce(n, sumLanes, 1, v.zero, func(s strip, acc []vec) {
		e := v.expNegative(v.sub(s.load(x), m))
		if store {
			s.store(e, dst)
		}
		v.plusTo(acc[0], v.inside(e))
	})[0], "add")
	total := v.pin(v.all(sum))
	v.result(v.log(total), "logSum")
	if store {
		r := v.pin(v.div(v.set(v.c(1)), total))
		v.strips(n, 4, func(s strip) { s.store(v.mul(s.load(dst), r), dst) })
	}
}
