//go:build gen

package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

// overlapKernels add up what the windows over a vector of columns of a row of
// the image hold for it. The sums stay in registers over all taps: added one
// tap at a time, each would be read where the one before had just been written,
// a column further, which processors wait for.
var overlapKernels = []kernel{{
	"overlap", "func(dx, col []float32, lanes []int32, r *overlapRun)", amd64, func(v *vm) {
		x := v.x86()
		dx, col, table := v.gp("dx"), v.gp("col"), v.gp("lanes")
		r := structParam("r", GP64())
		floats := func(name string) reg.GPVirtual {
			n := GP64()
			MOVQ(r.at(name), n)
			SHLQ(operand.Imm(2), n)
			return n
		}
		at, stepH, dstPlane, srcPlane := floats("at"), floats("stepH"), floats("dstPlane"), floats("srcPlane")
		ADDQ(at, col)
		planes := GP64()
		MOVQ(r.at("planes"), planes)
		vectors := overlapLanes / x.lanes()
		// maskAt returns mask i of a row of the table.
		row := GP64()
		maskAt := func(i int) reg.Register {
			if x.wide {
				k := K()
				KMOVW(operand.Mem{Base: row, Disp: 4 * overlapLanes}, k)
				return k
			}
			m := x.reg()
			VMOVUPS(operand.Mem{Base: row, Disp: i * x.bytes()}, m)
			return m
		}
		twice := x.reg() // 0, 0, 1, 1 and so on
		VMOVUPS(overlapTwice(x), twice)
		plane, two, above, tap, above2, tap2, done := x.label("plane"), x.label("two"), x.label("above"), x.label("tap"),
			x.label("above"), x.label("tap"), x.label("done")

		Label(plane)
		MOVQ(table, row)
		var acc []vec
		for i := range vectors {
			x.mask = maskAt(i)
			acc = append(acc, x.load(operand.Mem{Base: dx, Disp: i * x.bytes()}))
		}
		src, high, wide, from := GP64(), GP64(), GP64(), GP64()
		MOVQ(col, src)
		MOVQ(r.at("kh"), high)
		nextTap := func() {
			ADDQ(operand.Imm(4*overlapRow), row)
			MOVLQSX(operand.Mem{Base: row, Disp: 4 * (overlapLanes + 1)}, from)
			LEAQ(operand.Mem{Base: src, Index: from, Scale: 4}, from)
		}
		again := func(tap, above string) {
			DECQ(wide)
			JNZ(operand.LabelRef(tap))
			ADDQ(stepH, src)
			DECQ(high)
			JNZ(operand.LabelRef(above))
		}
		CMPQ(r.at("stride"), operand.Imm(2))
		JE(operand.LabelRef(two))
		Label(above)
		MOVQ(r.at("kw"), wide)
		MOVQ(table, row)
		Label(tap)
		nextTap()
		for i, a := range acc {
			m, at := maskAt(i), operand.Mem{Base: from, Disp: i * x.bytes()}
			if x.wide {
				VADDPS(at, a, m, a)
				continue
			}
			x.mask = m
			VBLENDVPS(m, v.add(a, x.load(at)), a, a)
		}
		again(tap, above)
		JMP(operand.LabelRef(done))

		// These loads have no masks: memory around the columns may be read.
		Label(two)
		x.mask = nil
		Label(above2)
		MOVQ(r.at("kw"), wide)
		MOVQ(table, row)
		Label(tap2)
		nextTap()
		for i, a := range acc {
			m, b := maskAt(i), x.reg()
			VPERMPS(operand.Mem{Base: from, Disp: i * x.bytes() / 2}, twice, b)
			if x.wide {
				VADDPS(b, a, m, a)
			} else {
				VBLENDVPS(m, v.add(a, b), a, a)
			}
		}
		again(tap2, above2)

		Label(done)
		MOVQ(table, row)
		for i, a := range acc {
			x.mask = maskAt(i)
			x.store(a, operand.Mem{Base: dx, Disp: i * x.bytes()})
		}
		x.mask = nil
		ADDQ(srcPlane, col)
		ADDQ(dstPlane, dx)
		DECQ(planes)
		JNZ(operand.LabelRef(plane))
	},
}}

// The package has these constants, too.
const (
	overlapLanes = 16
	overlapRow   = overlapLanes + 2
)

// overlapTwice is a vector of indices, each of them twice.
func overlapTwice(x *x86) operand.Mem {
	m := GLOBL("overlapTwice"+x.isa(), attr.RODATA|attr.NOPTR)
	for i := range x.lanes() {
		DATA(4*i, operand.U32(uint32(i/2)))
	}
	return m
}
