package main

import (
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
		at, stepW, stepH, dstPlane, srcPlane := floats("at"), floats("stepW"), floats("stepH"), floats("dstPlane"),
			floats("srcPlane")
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
		plane, above, tap := x.label("plane"), x.label("above"), x.label("tap")

		Label(plane)
		MOVQ(table, row)
		var acc []vec
		for i := range vectors {
			x.mask = maskAt(i)
			acc = append(acc, x.load(operand.Mem{Base: dx, Disp: i * x.bytes()}))
		}
		src, high, wide := GP64(), GP64(), GP64()
		MOVQ(col, src)
		MOVQ(r.at("kh"), high)
		Label(above)
		MOVQ(r.at("kw"), wide)
		MOVQ(table, row)
		Label(tap)
		ADDQ(operand.Imm(4*(overlapLanes+1)), row)
		for i, a := range acc {
			m, from := maskAt(i), operand.Mem{Base: src, Disp: i * x.bytes()}
			if x.wide {
				VADDPS(from, a, m, a)
				continue
			}
			x.mask = m
			VBLENDVPS(m, v.add(a, x.load(from)), a, a)
		}
		ADDQ(stepW, src)
		DECQ(wide)
		JNZ(operand.LabelRef(tap))
		ADDQ(stepH, src)
		DECQ(high)
		JNZ(operand.LabelRef(above))

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

// overlapLanes are the columns of a row of masks; the package has it, too.
const overlapLanes = 16
