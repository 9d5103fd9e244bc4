package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

func init() { families["rows"] = emitRows }

// emitRows writes the reductions and the kernels of one row that are built on them.
func emitRows() {
	for _, wide := range []bool{false, true} {
		v := &vm{wide: wide, consts: map[uint32]cst{}}
		v.sums()
		v.softmax("softmaxRow", true)
		v.softmax("expSumRow", false)
		v.columns()
		v.layerNorm()
	}
}

const sumLanes = 64

func (v *vm) sums() {
	v.function("sum", "func(x *float32, n int) (s float32)", "sum"+v.isaName()+" adds up n elements, see sumGo.")
	x := gp("x")
	result(v.fold(v.reduce(gp("n"), sumLanes, 1, v.zero, func(s strip, acc []vec) {
		VADDPS(s.load(x), acc[0], acc[0])
	})[0], VADDPS), "s")
	v.ret()

	v.function("dot", "func(a, b *float32, n int) (s float32)", "dot"+v.isaName()+" adds up n products, see dotGo.")
	a, b := gp("a"), gp("b")
	result(v.fold(v.reduce(gp("n"), sumLanes, 1, v.zero, func(s strip, acc []vec) {
		v.addTo(acc[0], s.load(a), s.load(b))
	})[0], VADDPS), "s")
	v.ret()

	v.function("squares", "func(x *float32, n int, mean float32) (s float32)",
		"squares"+v.isaName()+" adds up (x-mean)^2, see squaresGo.")
	x = gp("x")
	mean := v.scalar("mean")
	result(v.fold(v.reduce(gp("n"), sumLanes, 1, v.zero, func(s strip, acc []vec) {
		d := v.inside(v.sub(s.load(x), mean))
		v.addTo(acc[0], d, d)
	})[0], VADDPS), "s")
	v.ret()
}

// softmax emits the softmax of one row, or what precedes its last pass without a store.
func (v *vm) softmax(name string, store bool) {
	signature := "func(x *float32, n int) (m, sum float32)"
	if store {
		signature = "func(dst, x *float32, n int) (m, sum float32)"
	}
	v.function(name, signature, name+v.isaName()+" does one row, see "+name+"Go.")
	x, n := gp("x"), gp("n")
	var dst reg.GPVirtual
	if store {
		dst = gp("dst")
	}
	lowest := v.c(math.Inf(-1))
	top := v.fold(v.reduce(n, sumLanes, 1, func() vec { return v.set(lowest) }, func(s strip, acc []vec) {
		e := s.load(x)
		if v.masked {
			e = v.sel(v.mask, e, v.set(lowest))
		}
		VMAXPS(acc[0], e, acc[0]) // drops NaN, which comes back with e^NaN
	})[0], VMAXPS)
	result(top, "m")
	m := v.all(top)
	sum := v.fold(v.reduce(n, sumLanes, 1, v.zero, func(s strip, acc []vec) {
		e := v.expNegative(v.sub(s.load(x), m))
		if store {
			s.store(e, dst)
		}
		VADDPS(v.inside(e), acc[0], acc[0])
	})[0], VADDPS)
	result(sum, "sum")
	if store {
		r := v.div(v.set(v.c(1)), v.all(sum))
		v.strips(n, 4, func(s strip) { s.store(v.mul(s.load(dst), r), dst) })
	}
	v.ret()
}

// eachRow runs body for rows rows; the registers in down go down by stride bytes a row.
func (v *vm) eachRow(rows reg.GPVirtual, body func()) {
	left := GP64()
	MOVQ(rows, left)
	loop := v.label("row")
	Label(loop)
	body()
	SUBQ(operand.Imm(1), left)
	JNZ(operand.LabelRef(loop))
}

func copyGP(p reg.GPVirtual) reg.GPVirtual {
	q := GP64()
	MOVQ(p, q)
	return q
}

// columns emits sums over columns: every column is one chain from the first row to the last.
func (v *vm) columns() {
	v.function("addRows", "func(dst, x *float32, rows, stride, n int)",
		"addRows"+v.isaName()+" adds n columns of rows that are stride apart, rows > 0, see addRowsGo.")
	dst, x, rows, stride := gp("dst"), gp("x"), gp("rows"), gp("stride")
	SHLQ(operand.Imm(2), stride)
	v.groups(gp("n"), 4, func(ss []strip) {
		var acc []vec
		for _, s := range ss {
			acc = append(acc, s.load(dst))
		}
		p := copyGP(x)
		v.eachRow(rows, func() {
			for i, s := range ss {
				VADDPS(s.load(p), acc[i], acc[i])
			}
			ADDQ(stride, p)
		})
		for i, s := range ss {
			s.store(acc[i], dst)
		}
	})
	v.ret()

	v.function("layerNormParams", "func(dgamma, dbeta, dy, x, mean, rstd *float32, rows, stride, n int)",
		"layerNormParams"+v.isaName()+" adds the gradients of n columns' gamma and beta, rows > 0, see layerNormParamsGo.")
	dgamma, dbeta, dy, x, mean, rstd, rows, stride := gp("dgamma"), gp("dbeta"), gp("dy"), gp("x"), gp("mean"), gp("rstd"), gp("rows"), gp("stride")
	SHLQ(operand.Imm(2), stride)
	v.groups(gp("n"), 2, func(ss []strip) {
		var g, b []vec
		for _, s := range ss {
			g, b = append(g, s.load(dgamma)), append(b, s.load(dbeta))
		}
		at := GP64() // from dy and x to the present row
		XORQ(at, at)
		row := GP64()
		XORQ(row, row)
		loop := v.label("row")
		Label(loop)
		m, r := v.reg(), v.reg()
		VBROADCASTSS(operand.Mem{Base: mean, Index: row, Scale: 4}, m)
		VBROADCASTSS(operand.Mem{Base: rstd, Index: row, Scale: 4}, r)
		pd, px := GP64(), GP64()
		LEAQ(operand.Mem{Base: dy, Index: at, Scale: 1}, pd)
		LEAQ(operand.Mem{Base: x, Index: at, Scale: 1}, px)
		for i, s := range ss {
			d := s.load(pd)
			VADDPS(d, b[i], b[i])
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
	v.ret()
}

func (v *vm) layerNorm() {
	v.function("layerNormRow", "func(y, x, gamma, beta *float32, n int, mean, rstd float32)",
		"layerNormRow"+v.isaName()+" computes y = (x-mean)*rstd*gamma + beta.")
	y, x, gamma, beta := gp("y"), gp("x"), gp("gamma"), gp("beta")
	mean, rstd := v.scalar("mean"), v.scalar("rstd")
	v.strips(gp("n"), 2, func(s strip) {
		h := v.mul(v.sub(s.load(x), mean), rstd)
		v.mulTo(h, s.load(gamma), s.load(beta))
		s.store(h, y)
	})
	v.ret()

	v.function("layerNormGradSums", "func(dy, x, gamma *float32, n int, mean, rstd float32) (sum, dot float32)",
		"layerNormGradSums"+v.isaName()+" adds up dy*gamma and dy*gamma*xhat, see layerNormGradSumsGo.")
	dy, x, gamma := gp("dy"), gp("x"), gp("gamma")
	mean, rstd = v.scalar("mean"), v.scalar("rstd")
	// 32 lanes, because two quantities of 64 are all registers of AVX2.
	q := v.reduce(gp("n"), sumLanes/2, 2, v.zero, func(s strip, acc []vec) {
		g := v.mul(s.load(dy), s.load(gamma))
		VADDPS(g, acc[0], acc[0])
		v.addTo(acc[1], v.inside(v.mul(v.sub(s.load(x), mean), rstd)), g)
	})
	result(v.fold(q[0], VADDPS), "sum")
	result(v.fold(q[1], VADDPS), "dot")
	v.ret()

	v.function("layerNormGradRow", "func(dx, dy, x, gamma *float32, n int, mean, rstd, a, b float32)",
		"layerNormGradRow"+v.isaName()+" computes dx += rstd*(dy*gamma - a - xhat*b).")
	dx, dy, x, gamma := gp("dx"), gp("dy"), gp("x"), gp("gamma")
	mean, rstd = v.scalar("mean"), v.scalar("rstd")
	a, b := v.scalar("a"), v.scalar("b")
	v.strips(gp("n"), 2, func(s strip) {
		g := v.mul(s.load(dy), s.load(gamma))
		g = v.sub(g, a)
		h := v.mul(v.sub(s.load(x), mean), rstd)
		v.subTo(g, h, b)
		d := s.load(dx)
		v.addTo(d, rstd, g)
		s.store(d, dx)
	})
	v.ret()
}
