//go:build gen

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// log2RowsAhead says how many rows before its turn packRows asks for one, as a
// power of two: a row may begin a page of its own, and there the processor does
// not look ahead.
const log2RowsAhead = 2

// pack emits the kernel that deals the rows of a matrix out to panels. It takes
// the matrix row by row, since that is how it lies in memory, not panel by
// panel.
func (x isa) pack() {
	x.begin(gemmKernels, "packRows")
	var (
		dst, src, width, panel = RDI, RSI, RCX, RDX // width and panel in bytes
		left, ld, ahead        = R8, R9, R10
		to, from, panels       = R11, R12, R13
		whole                  = R14
	)
	loadSlice("dst", dst)
	loadSlice("src", src)
	Load(Param("width"), RCX)
	Load(Param("k"), left)
	Load(Param("ld"), ld)
	SHLQ(Imm(2), ld)
	MOVQ(ld, ahead)
	SHLQ(Imm(log2RowsAhead), ahead)
	MOVQ(RCX, panel)
	IMULQ(left, panel)
	SHLQ(Imm(2), panel)
	// The mask of a panel's last vector, and whether a whole vector may be
	// stored there: what is too much must belong to the panel's next row, which
	// comes later.
	MOVQ(RCX, R11)
	DECQ(RCX)
	ANDQ(Imm(uint64(x.width-1)), RCX)
	INCQ(RCX) // columns in the last vector
	MOVQ(I64(int64(x.width)), whole)
	SUBQ(RCX, whole) // columns too many
	CMPQ(whole, R11)
	SETLE(R14B)
	MOVBQZX(R14B, whole)
	if x.width == 16 {
		MOVQ(I32(-1), RAX)
		SHLQ(CL, RAX)
		NOTQ(RAX)
		KMOVW(EAX, K1)
	} else {
		LEAQ(tailMask, RAX)
		NEGQ(RCX)
		VMOVUPS(Mem{Base: RAX, Index: RCX, Scale: 4, Disp: 32}, Y15)
	}
	MOVQ(R11, width)
	SHLQ(Imm(2), width)

	row := func(label string, vecs int, exact bool) {
		Load(Param("count"), panels)
		MOVQ(dst, to)
		MOVQ(src, from)
		Label(label)
		if !exact {
			PREFETCHT0(Mem{Base: from, Index: ahead, Scale: 1})
		}
		for v := range vecs {
			at := 4 * x.width * v
			x.load(Mem{Base: from, Disp: at}, x.reg[v], v, vecs, v == vecs-1)
			if v == vecs-1 && exact {
				x.store(x.reg[v], Mem{Base: to, Disp: at}, v, vecs, true)
			} else {
				VMOVUPS(x.reg[v], Mem{Base: to, Disp: at})
			}
		}
		ADDQ(width, from)
		ADDQ(panel, to)
		DECQ(panels)
		JNZ(LabelRef(label))
		ADDQ(width, dst)
		ADDQ(ld, src)
		DECQ(left)
	}
	CMPQ(width, Imm(uint64(4*x.width)))
	JG(LabelRef("two"))
	for vecs := 1; vecs <= 2; vecs++ {
		name := []string{"", "one", "two"}[vecs]
		Label(name)
		TESTQ(whole, whole)
		JZ(LabelRef(name + "exact"))
		Label(name + "whole")
		CMPQ(left, Imm(1))
		JE(LabelRef(name + "exact"))
		row(name+"wholePanel", vecs, false)
		JMP(LabelRef(name + "whole"))
		Label(name + "exact")
		row(name+"exactPanel", vecs, true)
		JNZ(LabelRef(name + "exact"))
		VZEROUPPER()
		RET()
	}
}
