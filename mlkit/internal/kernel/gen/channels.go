//go:build gen

package main

import (
	"github.com/mmcloughlin/avo/operand"

	. "github.com/mmcloughlin/avo/build"
)

// channelKernels normalise by channel: planes, whose elements share their
// statistics, or rows, whose every column is a channel with statistics of its
// own.
var channelKernels = []kernel{
	{"planeAffine", "func(y, x []float32, mean, scale, shift float32)", everywhere, func(v *vm) { v.planeAffine(false) }},
	{"planeAffineReLU", "func(y, x []float32, mean, scale, shift float32)", everywhere, func(v *vm) { v.planeAffine(true) }},
	{"planeGrad", "func(dst, dy, x []float32, mean, scale, slope, shift float32)", everywhere, func(v *vm) { v.planeGrad(false) }},
	{"planeGradAdd", "func(dst, dy, x []float32, mean, scale, slope, shift float32)", everywhere, func(v *vm) { v.planeGrad(true) }},
	{"planeGradSums", "func(dy, x []float32, mean float32) (sum, dot float32)", everywhere, func(v *vm) { v.planeGradSums(false) }},
	{"planeGradSumsReLU", "func(dy, x []float32, mean, scale, shift float32) (sum, dot float32)", everywhere, func(v *vm) { v.planeGradSums(true) }},
	{"rowAffine", "func(y, x, mean, scale, shift []float32)", everywhere, func(v *vm) {
		y, x, mean, scale, shift := v.gp("y"), v.gp("x"), v.gp("mean"), v.gp("scale"), v.gp("shift")
		v.strips(v.len("y"), 2, func(s strip) {
			h := v.sub(s.load(x), s.load(mean))
			v.mulTo(h, s.load(scale), s.load(shift))
			s.store(h, y)
		})
	}},
	{"rowGrad", "func(dst, dy, x, mean, scale, slope, shift []float32)", everywhere, func(v *vm) {
		dst, dy, x, mean, scale, slope, shift := v.gp("dst"), v.gp("dy"), v.gp("x"), v.gp("mean"), v.gp("scale"), v.gp("slope"), v.gp("shift")
		v.strips(v.len("dst"), 2, func(s strip) {
			h := v.sub(s.load(x), s.load(mean))
			v.mulTo(h, s.load(slope), s.load(shift))
			v.addTo(h, s.load(scale), s.load(dy))
			s.store(h, dst)
		})
	}},
	{"columnSquares", "func(dst, x, mean []float32, rows, stride int)", amd64, func(v *vm) {
		dst, x, mean, rows, stride := v.gp("dst"), v.gp("x"), v.gp("mean"), v.gp("rows"), v.gp("stride")
		SHLQ(operand.Imm(2), stride)
		v.x86().groups(v.len("dst"), 4, func(ss []strip) {
			var acc, m []vec
			for _, s := range ss {
				acc, m = append(acc, s.load(dst)), append(m, s.load(mean))
			}
			p := copyGP(x)
			v.x86().eachRow(rows, func() {
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
	}},
	{"columnGradSums", "func(sum, dot, dy, x, mean []float32, rows, stride int)", amd64, func(v *vm) {
		sum, dot, dy, x, mean, rows, stride := v.gp("sum"), v.gp("dot"), v.gp("dy"), v.gp("x"), v.gp("mean"), v.gp("rows"), v.gp("stride")
		SHLQ(operand.Imm(2), stride)
		v.x86().groups(v.len("sum"), 2, func(ss []strip) {
			var a, b, m []vec
			for _, s := range ss {
				a, b, m = append(a, s.load(sum)), append(b, s.load(dot)), append(m, s.load(mean))
			}
			p, q := copyGP(dy), copyGP(x)
			v.x86().eachRow(rows, func() {
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
	}},
}

func (v *vm) planeGrad(add bool) {
	dst, dy, x := v.gp("dst"), v.gp("dy"), v.gp("x")
	mean, scale, slope, shift := v.scalar("mean"), v.scalar("scale"), v.scalar("slope"), v.scalar("shift")
	v.strips(v.len("dst"), 2, func(s strip) {
		h := v.sub(s.load(x), mean)
		v.mulTo(h, slope, shift)
		v.addTo(h, scale, s.load(dy))
		if add {
			v.plusTo(h, s.load(dst))
		}
		s.store(h, dst)
	})
}

func (v *vm) planeAffine(relu bool) {
	y, x := v.gp("y"), v.gp("x")
	mean, scale, shift := v.scalar("mean"), v.scalar("scale"), v.scalar("shift")
	v.strips(v.len("y"), 2, func(s strip) {
		h := v.sub(s.load(x), mean)
		v.mulTo(h, scale, shift)
		if relu {
			h = v.max(v.zero(), h)
		}
		s.store(h, y)
	})
}

// planeGradSums emits the sums, with relu of what a ReLU behind the affine map
// lets through, to which it sets dy.
func (v *vm) planeGradSums(relu bool) {
	dy, x := v.gp("dy"), v.gp("x")
	mean := v.scalar("mean")
	var scale, shift vec
	if relu {
		scale, shift = v.scalar("scale"), v.scalar("shift")
	}
	q := v.reduce(v.len("dy"), sumLanes/2, 2, v.zero, func(s strip, acc []vec) {
		d := s.load(dy)
		c := v.sub(s.load(x), mean)
		if relu {
			h := v.copy(c)
			v.mulTo(h, scale, shift)
			d = v.keep(v.cmp(notLE, h, v.zero()), d)
			s.store(d, dy)
		}
		v.plusTo(acc[0], d)
		v.addTo(acc[1], v.inside(c), d)
	})
	v.result(v.fold(q[0], "add"), "sum")
	v.result(v.fold(q[1], "add"), "dot")
}
