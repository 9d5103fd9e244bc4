//go:build gen

package main

import (
	"github.com/mmcloughlin/avo/operand"

	. "github.com/mmcloughlin/avo/build"
)

// updateKernels are the element-wise kernels with arguments of their own:
// optimizers' updates, conversions.
var updateKernels = []kernel{
	{"maxAbs", "func(x []float32) (m float32)", everywhere, func(v *vm) { // of numbers, not NaN
		x := v.gp("x")
		v.result(v.fold(v.reduce(v.len("x"), sumLanes, 1, v.zero, func(s strip, acc []vec) {
			v.maxTo(acc[0], v.abs(s.load(x)))
		})[0], "max"), "m")
	}},
	{"geluSlope", "func(y, slope, x []float32)", everywhere, func(v *vm) {
		y, slope, in := v.gp("y"), v.gp("slope"), v.gp("x")
		v.strips(v.len("y"), 1, func(s strip) {
			x := s.load(in)
			g, c := v.normalPDF(x), v.normalCDF(x)
			s.store(v.mul(c, x), y)
			v.addTo(c, g, x)
			s.store(c, slope)
		})
	}},
	{"adam", "func(p, grad, m, v []float32, take1, beta2, take2, step, root, eps, keep float32)", everywhere, func(v *vm) {
		p, g, m, w := v.gp("p"), v.gp("grad"), v.gp("m"), v.gp("v")
		take1, beta2, take2 := v.scalar("take1"), v.scalar("beta2"), v.scalar("take2")
		step, root, eps, keep := v.scalar("step"), v.scalar("root"), v.scalar("eps"), v.scalar("keep")
		v.strips(v.len("p"), 2, func(s strip) {
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
	}},
	{"momentum", "func(p, grad, buf []float32, lr, mu, take float32)", everywhere, func(v *vm) { v.momentum(false) }},
	{"nesterov", "func(p, grad, buf []float32, lr, mu, take float32)", everywhere, func(v *vm) { v.momentum(true) }},
	{"rmsProp", "func(p, grad, v []float32, lr, alpha, take, eps float32)", everywhere, func(v *vm) {
		p, g, w := v.gp("p"), v.gp("grad"), v.gp("v")
		lr, alpha, take, eps := v.scalar("lr"), v.scalar("alpha"), v.scalar("take"), v.scalar("eps")
		v.strips(v.len("p"), 2, func(s strip) {
			d := s.load(g)
			second := v.mul(alpha, s.load(w))
			v.addTo(second, take, v.mul(d, d))
			s.store(second, w)
			q := v.div(v.mul(lr, d), v.add(v.sqrt(second), eps))
			s.store(v.sub(s.load(p), q), p)
		})
	}},
	{"adaGrad", "func(p, grad, sum []float32, lr, eps float32)", everywhere, func(v *vm) {
		p, g, w := v.gp("p"), v.gp("grad"), v.gp("sum")
		lr, eps := v.scalar("lr"), v.scalar("eps")
		v.strips(v.len("p"), 2, func(s strip) {
			d, second := s.load(g), s.load(w)
			v.addTo(second, d, d)
			s.store(second, w)
			q := v.div(v.mul(lr, d), v.add(v.sqrt(second), eps))
			s.store(v.sub(s.load(p), q), p)
		})
	}},
	{"lion", "func(p, grad, m []float32, lr, beta1, take1, beta2, take2, keep float32)", everywhere, func(v *vm) {
		p, g, m := v.gp("p"), v.gp("grad"), v.gp("m")
		lr, beta1, take1 := v.scalar("lr"), v.scalar("beta1"), v.scalar("take1")
		beta2, take2, keep := v.scalar("beta2"), v.scalar("take2"), v.scalar("keep")
		v.strips(v.len("p"), 2, func(s strip) {
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
	}},
	{"bytesToFloats", "func(dst []float32, src []byte, scale, shift float32)", amd64, func(v *vm) {
		// The tail is scalar: no instruction loads some of eight bytes.
		x := v.x86()
		dst, src, left := v.gp("dst"), v.gp("src"), v.len("dst")
		scale, shift := v.scalar("scale"), v.scalar("shift")
		for _, unroll := range []int{4, 1} {
			loop, end := x.label("loop"), x.label("end")
			step := unroll * x.lanes()
			SUBQ(operand.Imm(uint64(step)), left)
			JB(operand.LabelRef(end))
			Label(loop)
			for i := range unroll {
				r := x.reg()
				VPMOVZXBD(operand.Mem{Base: src, Disp: i * x.lanes()}, r)
				r = v.toFloat(r)
				v.mulTo(r, scale, shift)
				VMOVUPS(r, operand.Mem{Base: dst, Disp: i * x.bytes()})
			}
			ADDQ(operand.Imm(uint64(step)), src)
			ADDQ(operand.U32(uint32(4*step)), dst)
			SUBQ(operand.Imm(uint64(step)), left)
			JAE(operand.LabelRef(loop))
			Label(end)
			ADDQ(operand.Imm(uint64(step)), left)
		}
		loop, done := x.label("loop"), x.label("done")
		JZ(operand.LabelRef(done))
		Label(loop)
		b, f := GP32(), XMM()
		MOVBLZX(operand.Mem{Base: src}, b)
		VXORPS(f, f, f)
		VCVTSI2SSL(b, f, f)
		VFMADD213SS(shift.AsX(), scale.AsX(), f)
		VMOVSS(f, operand.Mem{Base: dst})
		INCQ(src)
		ADDQ(operand.Imm(4), dst)
		DECQ(left)
		JNZ(operand.LabelRef(loop))
		Label(done)
	}},
}

func (v *vm) momentum(nesterov bool) {
	p, g, buf := v.gp("p"), v.gp("grad"), v.gp("buf")
	lr, mu, take := v.scalar("lr"), v.scalar("mu"), v.scalar("take")
	v.strips(v.len("p"), 2, func(s strip) {
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
}
