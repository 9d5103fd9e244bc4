//go:build gen

package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

// shortKernels copy rows so short that masks and loops would take longer than
// the copies: each is written in whole vectors, and what comes behind it is
// written over by the next one.
var shortKernels = []kernel{{
	"copyShort", "func(dst, src []float32, at []int32, r *shortRun)", amd64, func(v *vm) {
		x := v.x86()
		dst, src, table := v.gp("dst"), v.gp("src"), v.gp("at")
		r := structParam("r", GP64())
		bytes := func(name string) reg.GPVirtual {
			n := GP64()
			MOVQ(r.at(name), n)
			SHLQ(operand.Imm(2), n)
			return n
		}
		srcRow, srcPlane, width := bytes("srcRow"), bytes("srcPlane"), bytes("width")
		planes, taps, rows := GP64(), GP64(), GP64()
		MOVQ(r.at("planes"), planes)
		tab, from, to, in, left := GP64(), GP64(), GP64(), GP64(), GP64()
		var evens vec
		if x.wide {
			index := GLOBL("shortEvens", attr.RODATA|attr.NOPTR)
			for i := range 16 {
				DATA(4*i, operand.U32(2*i))
			}
			evens = x.reg()
			VMOVUPS(index, evens)
		}
		// move copies a vector, every second element at stride 2. Of a narrow
		// row half a vector of AVX-512 is enough.
		move := func(dst, src reg.GPVirtual, stride int, narrow bool) {
			at, to := operand.Mem{Base: src}, operand.Mem{Base: dst}
			a := x.reg()
			switch {
			case stride == 1:
				VMOVUPS(at, a)
				VMOVUPS(a, to)
			case !x.wide:
				VMOVUPS(at, a)
				VSHUFPS(operand.Imm(0x88), at.Offset(x.bytes()), a, a)
				VPERMPD(operand.Imm(0xd8), a, a)
				VMOVUPS(a, to)
			case narrow:
				VPERMPS(at, evens, a)
				VMOVUPS(a.AsY(), to)
			default:
				VMOVAPS(evens, a)
				b := x.reg()
				VMOVUPS(at, b)
				VPERMI2PS(at.Offset(x.bytes()), b, a)
				VMOVUPS(a, to)
			}
		}
		// all copies everything: narrow rows of up to half a vector, which only
		// stride 2 of AVX-512 has for themselves, rows of one vector, or wider
		// ones.
		all := func(stride int, narrow, wide bool) {
			plane, tap, row, more := x.label("plane"), x.label("tap"), x.label("row"), x.label("more")
			Label(plane)
			MOVQ(table, tab)
			MOVQ(r.at("taps"), taps)
			Label(tap)
			MOVLQSX(operand.Mem{Base: tab}, from)
			ADDQ(operand.Imm(4), tab)
			LEAQ(operand.Mem{Base: src, Index: from, Scale: 4}, from)
			MOVQ(r.at("rows"), rows)
			Label(row)
			if wide {
				MOVQ(from, in)
				MOVQ(dst, to)
				MOVQ(width, left)
				Label(more)
				move(to, in, stride, false)
				ADDQ(operand.U32(uint32(x.bytes()*stride)), in)
				ADDQ(operand.U32(uint32(x.bytes())), to)
				SUBQ(operand.U32(uint32(x.bytes())), left)
				JG(operand.LabelRef(more))
			} else {
				move(dst, from, stride, narrow)
			}
			ADDQ(srcRow, from)
			ADDQ(width, dst)
			DECQ(rows)
			JNZ(operand.LabelRef(row))
			DECQ(taps)
			JNZ(operand.LabelRef(tap))
			ADDQ(srcPlane, src)
			DECQ(planes)
			JNZ(operand.LabelRef(plane))
			v.ret()
		}
		two, wide, wide2 := x.label("two"), x.label("wide"), x.label("wide2")
		CMPQ(r.at("stride"), operand.Imm(2))
		JE(operand.LabelRef(two))
		CMPQ(width, operand.U32(uint32(x.bytes())))
		JA(operand.LabelRef(wide))
		all(1, false, false)
		Label(wide)
		all(1, false, true)
		Label(two)
		CMPQ(width, operand.U32(uint32(x.bytes())))
		JA(operand.LabelRef(wide2))
		if x.wide {
			single := x.label("single")
			CMPQ(width, operand.U32(uint32(x.bytes()/2)))
			JA(operand.LabelRef(single))
			all(2, true, false)
			Label(single)
		}
		all(2, false, false)
		Label(wide2)
		all(2, false, true)
	},
}}
