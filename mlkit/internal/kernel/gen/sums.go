//go:build gen

package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

const sumLanes = 64

// sumKernels add up rows and columns.
var sumKernels = []kernel{
	{"sum", "func(x []float32) (s float32)", everywhere, func(v *vm) {
		x := v.gp("x")
		v.result(v.fold(v.reduce(v.len("x"), sumLanes, 1, v.zero, func(s strip, acc []vec) {
			v.plusTo(acc[0], s.load(x))
		})[0], "add"), "s")
	}},
	{"dot", "func(a, b []float32) (s float32)", everywhere, func(v *vm) {
		a, b := v.gp("a"), v.gp("b")
		v.result(v.fold(v.reduce(v.len("a"), sumLanes, 1, v.zero, func(s strip, acc []vec) {
			v.addTo(acc[0], s.load(a), s.load(b))
		})[0], "add"), "s")
	}},
	{"squares", "func(x []float32, mean float32) (s float32)", everywhere, func(v *vm) {
		x := v.gp("x")
		mean := v.scalar("mean")
		v.result(v.fold(v.reduce(v.len("x"), sumLanes, 1, v.zero, func(s strip, acc []vec) {
			d := v.inside(v.sub(s.load(x), mean))
			v.addTo(acc[0], d, d)
		})[0], "add"), "s")
	}},
	// Every column is one chain, from the first row to the last.
	{"addRows", "func(dst, x []float32, rows, stride int)", amd64, func(v *vm) {
		dst, x, rows, stride := v.gp("dst"), v.gp("x"), v.gp("rows"), v.gp("stride")
		SHLQ(operand.Imm(2), stride)
		v.x86().groups(v.len("dst"), 4, func(ss []strip) {
			var acc []vec
			for _, s := range ss {
				acc = append(acc, s.load(dst))
			}
			p := copyGP(x)
			v.x86().eachRow(rows, func() {
				for i, s := range ss {
					v.plusTo(acc[i], s.load(p))
				}
				ADDQ(stride, p)
			})
			for i, s := range ss {
				s.store(acc[i], dst)
			}
		})
	}},
	// The same for rows that a list names, one after another or not.
	{"addRowsAt", "func(dst, x []float32, at []int32)", amd64, func(v *vm) {
		dst, x, at, rows, cols := v.gp("dst"), v.gp("x"), v.gp("at"), v.len("at"), v.len("dst")
		stride := copyGP(cols)
		SHLQ(operand.Imm(2), stride)
		v.x86().groups(cols, 64/v.lanes(), func(ss []strip) {
			var acc []vec
			for _, s := range ss {
				acc = append(acc, s.load(dst))
			}
			next := copyGP(at)
			v.x86().eachRow(rows, func() {
				p := GP64()
				MOVLQSX(operand.Mem{Base: next}, p)
				IMULQ(stride, p)
				ADDQ(x, p)
				ADDQ(operand.Imm(4), next)
				for i, s := range ss {
					v.plusTo(acc[i], s.load(p))
				}
			})
			for i, s := range ss {
				s.store(acc[i], dst)
			}
		})
	}},
}

// eachRow runs body for rows rows; the registers in down go down by stride
// bytes a row.
func (x *x86) eachRow(rows reg.GPVirtual, body func()) {
	left := GP64()
	MOVQ(rows, left)
	loop := x.label("row")
	Label(loop)
	body()
	SUBQ(operand.Imm(1), left)
	JNZ(operand.LabelRef(loop))
}
