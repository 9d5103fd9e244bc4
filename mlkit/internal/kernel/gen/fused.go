package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

// gateArray is an array of parts of n elements, one a gate.
type gateArray struct {
	v          *vm
	base, size reg.GPVirtual // size in bytes
	parts      []reg.GPVirtual
}

func (v *vm) gates(name string, n reg.GPVirtual, parts int) gateArray {
	g := gateArray{v: v, base: v.gp(name)}
	if v.neon == nil {
		g.size = copyGP(n)
		SHLQ(operand.Imm(2), g.size)
		return g
	}
	for k := range parts { // it has the registers for a pointer each
		g.parts = append(g.parts, v.neon.partOf(g.base, k))
	}
	return g
}

// at returns the place of a strip in part k.
func (g gateArray) at(s strip, k int) operand.Mem {
	if g.v.neon != nil {
		return s.at(g.parts[k])
	}
	p := g.base
	for ; k > 0; k -= 1 + k/2 {
		q := GP64()
		LEAQ(operand.Mem{Base: p, Index: g.size, Scale: uint8(min(k, 2))}, q)
		p = q
	}
	return s.at(p)
}

func (g gateArray) load(s strip, k int) vec     { return g.v.load(g.at(s, k)) }
func (g gateArray) store(a vec, s strip, k int) { g.v.store(a, g.at(s, k)) }

func (v *vm) lstm() {
	v.function("lstmRow", "func(h, c, acts, tanhC, gates, cPrev *float32, n int)", "lstmRow"+v.isaName()+" does one row, see lstmRowGo.")
	h, c, tanhC, cPrev, n := v.gp("h"), v.gp("c"), v.gp("tanhC"), v.gp("cPrev"), v.gp("n")
	acts, gates := v.gates("acts", n, 4), v.gates("gates", n, 4)
	v.strips(n, 1, func(s strip) {
		f := v.sigmoid(gates.load(s, 1))
		acts.store(f, s, 1)
		cell := v.mul(f, s.load(cPrev))
		i := v.sigmoid(gates.load(s, 0))
		acts.store(i, s, 0)
		g := v.tanh(gates.load(s, 2))
		acts.store(g, s, 2)
		v.addTo(cell, i, g)
		s.store(cell, c)
		t := v.tanh(cell)
		s.store(t, tanhC)
		o := v.sigmoid(gates.load(s, 3))
		acts.store(o, s, 3)
		s.store(v.mul(o, t), h)
	})
	v.ret()

}

func (v *vm) lstmGrad() {
	v.function("lstmGradRow", "func(dgates, dcPrev, dh, dc, acts, tanhC, cPrev *float32, n int)",
		"lstmGradRow"+v.isaName()+" does one row, see lstmGradRowGo; dc may be nil.")
	dcPrev, dh, dc, tanhC, cPrev, n := v.gp("dcPrev"), v.gp("dh"), v.gp("dc"), v.gp("tanhC"), v.gp("cPrev"), v.gp("n")
	dgates, acts := v.gates("dgates", n, 4), v.gates("acts", n, 4)
	v.strips(n, 1, func(s strip) {
		one := v.set(v.c(1))
		o := acts.load(s, 3)
		t, d := s.load(tanhC), s.load(dh)
		// d*t * o*(1-o)
		dgates.store(v.mul(v.mul(d, t), v.mul(o, v.sub(one, o))), s, 3)
		w := v.copy(one)
		v.subTo(w, t, t)
		cell := v.mul(v.mul(d, o), w)
		without := v.label("noDC")
		TESTQ(dc, dc)
		JZ(operand.LabelRef(without))
		v.plusTo(cell, s.load(dc))
		Label(without)
		i, f, g := acts.load(s, 0), acts.load(s, 1), acts.load(s, 2)
		dgates.store(v.mul(v.mul(cell, g), v.mul(i, v.sub(one, i))), s, 0)
		dgates.store(v.mul(v.mul(cell, s.load(cPrev)), v.mul(f, v.sub(one, f))), s, 1)
		w = v.copy(one)
		v.subTo(w, g, g)
		dgates.store(v.mul(v.mul(cell, i), w), s, 2)
		s.store(v.mul(cell, f), dcPrev)
	})
	v.ret()
}

func (v *vm) gru() {
	v.function("gruRow", "func(h, acts, gx, gh, hPrev *float32, n int)", "gruRow"+v.isaName()+" does one row, see gruRowGo.")
	h, hPrev, n := v.gp("h"), v.gp("hPrev"), v.gp("n")
	acts, gx, gh := v.gates("acts", n, 3), v.gates("gx", n, 3), v.gates("gh", n, 3)
	v.strips(n, 1, func(s strip) {
		part := func(k int) vec {
			return v.add(gx.load(s, k), gh.load(s, k))
		}
		r := v.sigmoid(part(0))
		acts.store(r, s, 0)
		w := gx.load(s, 2)
		v.addTo(w, r, gh.load(s, 2))
		t := v.tanh(w)
		acts.store(t, s, 2)
		z := v.sigmoid(part(1))
		acts.store(z, s, 1)
		v.addTo(t, z, v.sub(s.load(hPrev), t))
		s.store(t, h)
	})
	v.ret()

}

func (v *vm) gruGrad() {
	v.function("gruGradRow", "func(dgx, dgh, dhPrev, dh, acts, gh, hPrev *float32, n int)",
		"gruGradRow"+v.isaName()+" does one row, see gruGradRowGo.")
	dhPrev, dh, hPrev, n := v.gp("dhPrev"), v.gp("dh"), v.gp("hPrev"), v.gp("n")
	dgx, dgh, acts, gh := v.gates("dgx", n, 3), v.gates("dgh", n, 3), v.gates("acts", n, 3), v.gates("gh", n, 3)
	v.strips(n, 1, func(s strip) {
		one := v.set(v.c(1))
		r, z, t := acts.load(s, 0), acts.load(s, 1), acts.load(s, 2)
		d := s.load(dh)
		rest := v.sub(one, z)
		w := v.copy(one)
		v.subTo(w, t, t)
		dn := v.mul(v.mul(d, rest), w)
		dz := v.mul(v.mul(v.mul(d, v.sub(s.load(hPrev), t)), z), rest)
		dr := v.mul(v.mul(v.mul(dn, gh.load(s, 2)), r), v.sub(one, r))
		dgx.store(dr, s, 0)
		dgh.store(dr, s, 0)
		dgx.store(dz, s, 1)
		dgh.store(dz, s, 1)
		dgx.store(dn, s, 2)
		dgh.store(v.mul(dn, r), s, 2)
		s.store(v.mul(d, z), dhPrev)
	})
	v.ret()
}

func (v *vm) geluSlope() {
	v.function("geluSlope", "func(y, slope, x *float32, n int)", "geluSlope"+v.isaName()+" computes GELU and its derivative, see GELUSlope.")
	y, slope, in := v.gp("y"), v.gp("slope"), v.gp("x")
	v.strips(v.gp("n"), 1, func(s strip) {
		x := s.load(in)
		g, c := v.normalPDF(x), v.normalCDF(x)
		s.store(v.mul(c, x), y)
		v.addTo(c, g, x)
		s.store(c, slope)
	})
	v.ret()
}

func (v *vm) adam() {
	v.function("adam", "func(p, grad, m, v *float32, n int, take1, beta2, take2, step, root, eps, keep float32)",
		"adam"+v.isaName()+" updates n parameters, see adamGo.")
	p, g, m, w := v.gp("p"), v.gp("grad"), v.gp("m"), v.gp("v")
	take1, beta2, take2 := v.scalar("take1"), v.scalar("beta2"), v.scalar("take2")
	step, root, eps, keep := v.scalar("step"), v.scalar("root"), v.scalar("eps"), v.scalar("keep")
	v.strips(v.gp("n"), 2, func(s strip) {
		d, first := s.load(g), s.load(m)
		v.addTo(first, take1, v.sub(d, first))
		s.store(first, m)
		second := v.mul(beta2, s.load(w))
		v.addTo(second, take2, v.mul(d, d))
		s.store(second, w)
		q := v.sqrt(second)
		v.mulTo(q, root, eps)
		x := v.mul(keep, s.load(p))
		s.store(v.sub(x, v.div(v.mul(step, first), q)), p)
	})
	v.ret()
}

func (v *vm) momentum(name string, nesterov bool) {
	v.function(name, "func(p, grad, buf *float32, n int, lr, mu, take float32)", name+v.isaName()+" updates n parameters, see momentumGo.")
	p, g, buf := v.gp("p"), v.gp("grad"), v.gp("buf")
	lr, mu, take := v.scalar("lr"), v.scalar("mu"), v.scalar("take")
	v.strips(v.gp("n"), 2, func(s strip) {
		d := s.load(g)
		b := v.mul(take, d)
		v.addTo(b, mu, s.load(buf))
		s.store(b, buf)
		if nesterov {
			v.mulTo(b, mu, d)
		}
		x := s.load(p)
		v.subTo(x, lr, b)
		s.store(x, p)
	})
	v.ret()
}

func (v *vm) rmsProp() {
	v.function("rmsProp", "func(p, grad, v *float32, n int, lr, alpha, take, eps float32)", "rmsProp"+v.isaName()+" updates n parameters, see rmsPropGo.")
	p, g, w := v.gp("p"), v.gp("grad"), v.gp("v")
	lr, alpha, take, eps := v.scalar("lr"), v.scalar("alpha"), v.scalar("take"), v.scalar("eps")
	v.strips(v.gp("n"), 2, func(s strip) {
		d := s.load(g)
		second := v.mul(alpha, s.load(w))
		v.addTo(second, take, v.mul(d, d))
		s.store(second, w)
		q := v.div(v.mul(lr, d), v.add(v.sqrt(second), eps))
		s.store(v.sub(s.load(p), q), p)
	})
	v.ret()
}

func (v *vm) lion() {
	v.function("lion", "func(p, grad, m *float32, n int, lr, beta1, take1, beta2, take2, keep float32)", "lion"+v.isaName()+" updates n parameters, see lionGo.")
	p, g, m := v.gp("p"), v.gp("grad"), v.gp("m")
	lr, beta1, take1 := v.scalar("lr"), v.scalar("beta1"), v.scalar("take1")
	beta2, take2, keep := v.scalar("beta2"), v.scalar("take2"), v.scalar("keep")
	v.strips(v.gp("n"), 2, func(s strip) {
		d, avg := s.load(g), s.load(m)
		u := v.mul(take1, d)
		v.addTo(u, beta1, avg)
		q := v.mul(keep, s.load(p))
		nonzero := v.cmp(gt, v.abs(u), v.zero()) // not NaN either
		q = v.sub(q, v.keep(nonzero, v.or(lr, v.sign(u))))
		s.store(q, p)
		d = v.mul(take2, d)
		v.addTo(d, beta2, avg)
		s.store(d, m)
	})
	v.ret()
}

// bytesToFloats has a scalar tail: no instruction loads some of eight bytes.
func (v *vm) bytesToFloats() {
	v.function("bytesToFloats", "func(dst *float32, src *byte, n int, scale, shift float32)",
		"bytesToFloats"+v.isaName()+" computes dst = src*scale + shift, rounded once.")
	dst, src, left := v.gp("dst"), v.gp("src"), v.gp("n")
	scale, shift := v.scalar("scale"), v.scalar("shift")
	for _, unroll := range []int{4, 1} {
		loop, end := v.label("loop"), v.label("end")
		step := unroll * v.lanes()
		SUBQ(operand.Imm(uint64(step)), left)
		JB(operand.LabelRef(end))
		Label(loop)
		for i := range unroll {
			r := v.reg()
			VPMOVZXBD(operand.Mem{Base: src, Disp: i * v.lanes()}, r)
			r = v.toFloat(r)
			v.mulTo(r, scale, shift)
			VMOVUPS(r, operand.Mem{Base: dst, Disp: i * v.bytes()})
		}
		ADDQ(operand.Imm(uint64(step)), src)
		ADDQ(operand.U32(uint32(4*step)), dst)
		SUBQ(operand.Imm(uint64(step)), left)
		JAE(operand.LabelRef(loop))
		Label(end)
		ADDQ(operand.Imm(uint64(step)), left)
	}
	loop, done := v.label("loop"), v.label("done")
	JZ(operand.LabelRef(done))
	Label(loop)
	b, x := GP32(), XMM()
	MOVBLZX(operand.Mem{Base: src}, b)
	VXORPS(x, x, x)
	VCVTSI2SSL(b, x, x)
	VFMADD213SS(shift.AsX(), scale.AsX(), x)
	VMOVSS(x, operand.Mem{Base: dst})
	INCQ(src)
	ADDQ(operand.Imm(4), dst)
	DECQ(left)
	JNZ(operand.LabelRef(loop))
	Label(done)
	v.ret()
}
