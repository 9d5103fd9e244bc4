package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

func init() { families["rowwise"] = emitRows }

// emitRows writes the reductions and the kernels of one row that are built on them.
func emitRows() {
	for _, wide := range []bool{false, true} {
		v := &vm{wide: wide, consts: map[uint32]cst{}}
		v.sums()
		v.squares()
		v.softmax("softmaxRow", true)
		v.softmax("logSumExpRow", false)
		v.columns()
		v.layerNorm()
		v.planes()
		v.planeSums()
		v.rowsOfChannels()
		v.columnsOfChannels()
		v.lstm()
		v.lstmGrad()
		v.gru()
		v.gruGrad()
	}
}

const sumLanes = 64

func (v *vm) sums() {
	v.function("sum", "func(x *float32, n int) (s float32)", "sum"+v.isaName()+" adds up n elements, see sumGo.")
	x := v.gp("x")
	v.result(v.fold(v.reduce(v.gp("n"), sumLanes, 1, v.zero, func(s strip, acc []vec) {
		v.plusTo(acc[0], s.load(x))
	})[0], "add"), "s")
	v.ret()

	v.function("dotVec", "func(a, b *float32, n int) (s float32)", "dotVec"+v.isaName()+" adds up n products, see dotGo.")
	a, b := v.gp("a"), v.gp("b")
	v.result(v.fold(v.reduce(v.gp("n"), sumLanes, 1, v.zero, func(s strip, acc []vec) {
		v.addTo(acc[0], s.load(a), s.load(b))
	})[0], "add"), "s")
	v.ret()

}

func (v *vm) maxAbs() {
	v.function("maxAbs", "func(x *float32, n int) (m float32)", "maxAbs"+v.isaName()+" returns the largest |x|, but for NaN.")
	x := v.gp("x")
	v.result(v.fold(v.reduce(v.gp("n"), sumLanes, 1, v.zero, func(s strip, acc []vec) {
		v.maxTo(acc[0], v.abs(s.load(x)))
	})[0], "max"), "m")
	v.ret()
}

func (v *vm) squares() {
	v.function("squares", "func(x *float32, n int, mean float32) (s float32)",
		"squares"+v.isaName()+" adds up (x-mean)^2, see squaresGo.")
	x := v.gp("x")
	mean := v.scalar("mean")
	v.result(v.fold(v.reduce(v.gp("n"), sumLanes, 1, v.zero, func(s strip, acc []vec) {
		d := v.inside(v.sub(s.load(x), mean))
		v.addTo(acc[0], d, d)
	})[0], "add"), "s")
	v.ret()
}

// softmax emits the softmax of one row, or what precedes its last pass without a store.
func (v *vm) softmax(name string, store bool) {
	signature := "func(x *float32, n int) (m, logSum float32)"
	if store {
		signature = "func(dst, x *float32, n int) (m, logSum float32)"
	}
	v.function(name, signature, name+v.isaName()+" does one row, see "+name+"Go.")
	x, n := v.gp("x"), v.gp("n")
	var dst reg.GPVirtual
	if store {
		dst = v.gp("dst")
	}
	lowest := v.c(math.Inf(-1))
	top := v.fold(v.reduce(n, sumLanes, 1, func() vec { return v.set(lowest) }, func(s strip, acc []vec) {
		e := s.load(x)
		if v.masked {
			e = v.sel(v.mask, e, v.set(lowest))
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
	v.result(v.log(total).AsX().(vec), "logSum")
	if store {
		r := v.pin(v.div(v.set(v.c(1)), total))
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
	dst, x, rows, stride := v.gp("dst"), v.gp("x"), v.gp("rows"), v.gp("stride")
	SHLQ(operand.Imm(2), stride)
	v.groups(v.gp("n"), 4, func(ss []strip) {
		var acc []vec
		for _, s := range ss {
			acc = append(acc, s.load(dst))
		}
		p := copyGP(x)
		v.eachRow(rows, func() {
			for i, s := range ss {
				v.plusTo(acc[i], s.load(p))
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
	dgamma, dbeta, dy, x, mean, rstd, rows, stride := v.gp("dgamma"), v.gp("dbeta"), v.gp("dy"), v.gp("x"), v.gp("mean"), v.gp("rstd"), v.gp("rows"), v.gp("stride")
	SHLQ(operand.Imm(2), stride)
	v.groups(v.gp("n"), 2, func(ss []strip) {
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
	v.ret()
}

func (v *vm) layerNorm() {
	v.function("layerNormRow", "func(y, x, gamma, beta *float32, n int, mean, rstd float32)",
		"layerNormRow"+v.isaName()+" computes y = (x-mean)*rstd*gamma + beta.")
	y, x, gamma, beta := v.gp("y"), v.gp("x"), v.gp("gamma"), v.gp("beta")
	mean, rstd := v.scalar("mean"), v.scalar("rstd")
	v.strips(v.gp("n"), 2, func(s strip) {
		h := v.mul(v.sub(s.load(x), mean), rstd)
		v.mulTo(h, s.load(gamma), s.load(beta))
		s.store(h, y)
	})
	v.ret()

	v.function("layerNormGradSums", "func(dy, x, gamma *float32, n int, mean, rstd float32) (sum, dot float32)",
		"layerNormGradSums"+v.isaName()+" adds up dy*gamma and dy*gamma*xhat, see layerNormGradSumsGo.")
	dy, x, gamma := v.gp("dy"), v.gp("x"), v.gp("gamma")
	mean, rstd = v.scalar("mean"), v.scalar("rstd")
	// 32 lanes, because two quantities of 64 are all registers of AVX2.
	q := v.reduce(v.gp("n"), sumLanes/2, 2, v.zero, func(s strip, acc []vec) {
		g := v.mul(s.load(dy), s.load(gamma))
		v.plusTo(acc[0], g)
		v.addTo(acc[1], v.inside(v.mul(v.sub(s.load(x), mean), rstd)), g)
	})
	v.result(v.fold(q[0], "add"), "sum")
	v.result(v.fold(q[1], "add"), "dot")
	v.ret()

	v.function("layerNormGradRow", "func(dx, dy, x, gamma *float32, n int, mean, rstd, a, b float32)",
		"layerNormGradRow"+v.isaName()+" computes dx += rstd*(dy*gamma - a - xhat*b).")
	dx, dy, x, gamma := v.gp("dx"), v.gp("dy"), v.gp("x"), v.gp("gamma")
	mean, rstd = v.scalar("mean"), v.scalar("rstd")
	a, b := v.scalar("a"), v.scalar("b")
	v.strips(v.gp("n"), 2, func(s strip) {
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

// planes emits what normalisation does to a plane: elements that share their statistics.
func (v *vm) planes() {
	v.function("planeAffine", "func(y, x *float32, n int, mean, scale, shift float32)",
		"planeAffine"+v.isaName()+" computes y = (x-mean)*scale + shift.")
	y, x := v.gp("y"), v.gp("x")
	mean, scale, shift := v.scalar("mean"), v.scalar("scale"), v.scalar("shift")
	v.strips(v.gp("n"), 2, func(s strip) {
		h := v.sub(s.load(x), mean)
		v.mulTo(h, scale, shift)
		s.store(h, y)
	})
	v.ret()

	for _, add := range []bool{false, true} {
		name, what := "planeGrad", " computes dst = scale*dy + slope*(x-mean) + shift."
		if add {
			name, what = "planeGradAdd", " adds scale*dy + slope*(x-mean) + shift to dst."
		}
		v.function(name, "func(dst, dy, x *float32, n int, mean, scale, slope, shift float32)", name+v.isaName()+what)
		dst, dy, x := v.gp("dst"), v.gp("dy"), v.gp("x")
		mean, scale, slope, shift := v.scalar("mean"), v.scalar("scale"), v.scalar("slope"), v.scalar("shift")
		v.strips(v.gp("n"), 2, func(s strip) {
			h := v.sub(s.load(x), mean)
			v.mulTo(h, slope, shift)
			v.addTo(h, scale, s.load(dy))
			if add {
				v.plusTo(h, s.load(dst))
			}
			s.store(h, dst)
		})
		v.ret()
	}
}

// planeSums emits the sums that planes' gradients need.
func (v *vm) planeSums() {
	v.function("planeGradSums", "func(dy, x *float32, n int, mean float32) (sum, dot float32)",
		"planeGradSums"+v.isaName()+" adds up dy and dy*(x-mean).")
	dy, x := v.gp("dy"), v.gp("x")
	mean := v.scalar("mean")
	q := v.reduce(v.gp("n"), sumLanes/2, 2, v.zero, func(s strip, acc []vec) {
		d := s.load(dy)
		v.plusTo(acc[0], d)
		v.addTo(acc[1], v.inside(v.sub(s.load(x), mean)), d)
	})
	v.result(v.fold(q[0], "add"), "sum")
	v.result(v.fold(q[1], "add"), "dot")
	v.ret()
}

// rowsOfChannels emits the same for rows whose every column is a channel with statistics of its own.
func (v *vm) rowsOfChannels() {
	v.function("rowAffine", "func(y, x, mean, scale, shift *float32, n int)",
		"rowAffine"+v.isaName()+" computes y = (x-mean)*scale + shift.")
	y, x, mean, scale, shift := v.gp("y"), v.gp("x"), v.gp("mean"), v.gp("scale"), v.gp("shift")
	v.strips(v.gp("n"), 2, func(s strip) {
		h := v.sub(s.load(x), s.load(mean))
		v.mulTo(h, s.load(scale), s.load(shift))
		s.store(h, y)
	})
	v.ret()

	v.function("rowGrad", "func(dst, dy, x, mean, scale, slope, shift *float32, n int)",
		"rowGrad"+v.isaName()+" computes dst = scale*dy + slope*(x-mean) + shift.")
	dst, dy, x, mean, scale, slope, shift := v.gp("dst"), v.gp("dy"), v.gp("x"), v.gp("mean"), v.gp("scale"), v.gp("slope"), v.gp("shift")
	v.strips(v.gp("n"), 2, func(s strip) {
		h := v.sub(s.load(x), s.load(mean))
		v.mulTo(h, s.load(slope), s.load(shift))
		v.addTo(h, s.load(scale), s.load(dy))
		s.store(h, dst)
	})
	v.ret()

}

// columnsOfChannels emits the sums for them.
func (v *vm) columnsOfChannels() {
	v.function("columnSquares", "func(dst, x, mean *float32, rows, stride, n int)",
		"columnSquares"+v.isaName()+" adds (x-mean)^2 of n columns of rows that are stride apart, rows > 0.")
	dst, x, mean, rows, stride := v.gp("dst"), v.gp("x"), v.gp("mean"), v.gp("rows"), v.gp("stride")
	SHLQ(operand.Imm(2), stride)
	v.groups(v.gp("n"), 4, func(ss []strip) {
		var acc, m []vec
		for _, s := range ss {
			acc, m = append(acc, s.load(dst)), append(m, s.load(mean))
		}
		p := copyGP(x)
		v.eachRow(rows, func() {
			for i, s := range ss {
				d := v.sub(s.load(p), m[i])
				v.addTo(acc[i], d, d)
			}
			ADDQ(stride, p)
		})
		for i, s := range ss {
			s.store(acc[i], dst)
		}
	})
	v.ret()

	v.function("columnGradSums", "func(sum, dot, dy, x, mean *float32, rows, stride, n int)",
		"columnGradSums"+v.isaName()+" adds dy and dy*(x-mean) of n columns of rows that are stride apart, rows > 0.")
	sum, dot, dy, x, mean, rows, stride := v.gp("sum"), v.gp("dot"), v.gp("dy"), v.gp("x"), v.gp("mean"), v.gp("rows"), v.gp("stride")
	SHLQ(operand.Imm(2), stride)
	v.groups(v.gp("n"), 2, func(ss []strip) {
		var a, b, m []vec
		for _, s := range ss {
			a, b, m = append(a, s.load(sum)), append(b, s.load(dot)), append(m, s.load(mean))
		}
		p, q := copyGP(dy), copyGP(x)
		v.eachRow(rows, func() {
			for i, s := range ss {
				d := s.load(p)
				v.plusTo(a[i], d)
				v.addTo(b[i], v.sub(s.load(q), m[i]), d)
			}
			ADDQ(stride, p)
			ADDQ(stride, q)
		})
		for i, s := range ss {
			s.store(a[i], sum)
			s.store(b[i], dot)
		}
	})
	v.ret()
}
