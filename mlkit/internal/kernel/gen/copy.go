//go:build gen

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// blocks emits the kernel that copies short rows between different strides or,
// with add, adds them to what is there. With step 2 it copies every second
// element, or adds to every second.
func (x isa) blocks(name string, add bool, step int) {
	x.begin(gemmKernels, name)
	var (
		arg, dst, src        = RAX, RDI, RSI
		srcRow, dstRow       = RDX, RBX
		full, at, rows       = R8, R9, R10
		rowSrc, rowDst, todo = R11, R12, R13
		zero                 = RCX
	)
	loadSlice("dst", dst)
	loadSlice("src", src)
	b := structParam("b", arg)
	// All vectors of a row but the last are full.
	MOVQ(b.at("Width"), RCX)
	MOVQ(RCX, full)
	DECQ(full)
	ANDQ(I32(-int32(x.width)), full)
	SUBQ(full, RCX) // 1 to a vector
	if x.width == 16 {
		MOVQ(I32(-1), at)
		SHLQ(CL, at)
		NOTQ(at)
		KMOVW(R9L, K1)
	} else {
		LEAQ(tailMask, at)
		NEGQ(RCX)
		VMOVUPS(Mem{Base: at, Index: RCX, Scale: 4, Disp: 32}, Y15)
	}
	if step == 2 {
		x.evenMasks(b.at("Width"), add)
	}
	MOVQ(b.at("SrcRow"), srcRow)
	MOVQ(b.at("DstRow"), dstRow)
	// As in transpose: no mask where the last vector is whole, and none to
	// store rows that follow each other without a gap, but for the last.
	whole, tight := R14, R15
	plainLast := x.width == 8 && step == 1
	if plainLast {
		XORQ(whole, whole)
		XORQ(tight, tight)
		MOVQ(b.at("Width"), at)
		CMPQ(at, dstRow)
		SETEQ(R15B)
		CMPQ(at, Imm(4))
		JGE(LabelRef("wide"))
		XORQ(tight, tight)
		Label("wide")
		TESTQ(U32(7), at)
		SETEQ(R14B)
	}
	SHLQ(Imm(2), srcRow)
	SHLQ(Imm(2), dstRow)
	MOVQ(b.at("Planes"), todo)
	XORQ(zero, zero)

	Label("plane")
	MOVQ(src, rowSrc)
	MOVQ(dst, rowDst)
	MOVQ(b.at("Rows"), rows)
	Label("row")
	MOVQ(zero, at)
	CMPQ(full, zero)
	JE(LabelRef("last"))
	Label("vector")
	s, d := Mem{Base: rowSrc, Index: at, Scale: 4}, Mem{Base: rowDst, Index: at, Scale: 4}
	switch {
	case step == 2:
		x.moveEven(rowSrc, rowDst, at, add, false)
	case add:
		VMOVUPS(s, x.reg[0])
		VADDPS(d, x.reg[0], x.reg[0])
		VMOVUPS(x.reg[0], d)
	default:
		VMOVUPS(s, x.reg[0])
		VMOVUPS(x.reg[0], d)
	}
	ADDQ(Imm(uint64(x.width)), at)
	CMPQ(at, full)
	JL(LabelRef("vector"))
	Label("last")
	if plainLast {
		TESTQ(whole, whole)
		JZ(LabelRef("masked"))
		VMOVUPS(s, x.reg[0])
		if add {
			VADDPS(d, x.reg[0], x.reg[0])
		}
		VMOVUPS(x.reg[0], d)
		JMP(LabelRef("rowDone"))
		Label("masked")
	}
	if plainLast && !add { // what is added to must not be touched beyond the row
		TESTQ(tight, tight)
		JZ(LabelRef("exact"))
		CMPQ(rows, Imm(1))
		JE(LabelRef("exact"))
		x.load(s, x.reg[0], 0, 1, true)
		VMOVUPS(x.reg[0], d)
		JMP(LabelRef("rowDone"))
		Label("exact")
	}
	if step == 2 {
		x.moveEven(rowSrc, rowDst, at, add, true)
	} else {
		x.load(s, x.reg[0], 0, 1, true)
		if add {
			x.load(d, x.reg[1], 0, 1, true)
			VADDPS(x.reg[1], x.reg[0], x.reg[0])
		}
		x.store(x.reg[0], d, 0, 1, true)
	}
	Label("rowDone")
	ADDQ(srcRow, rowSrc)
	ADDQ(dstRow, rowDst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	MOVQ(b.at("SrcPlane"), at)
	LEAQ(Mem{Base: src, Index: at, Scale: 4}, src)
	MOVQ(b.at("DstPlane"), at)
	LEAQ(Mem{Base: dst, Index: at, Scale: 4}, dst)
	DECQ(todo)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}

// evenIndex is 0, 2, 4 and so on; evenMask selects every second of 16 floats.
var evenIndex, evenMask Mem

func newEvens() {
	evenIndex = GLOBL("evenIndex", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(2*i))
	}
	evenMask = GLOBL("evenMask", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(0xffffffff*uint32(1-i%2)))
	}
}

// evenMasks makes, from the columns of the last vector, the
// masks of the first 2n-1 elements of two vectors: K2, K3 or Y13, Y14. For add
// only the even ones are in them, and those of full vectors are K4 or Y12.
func (x isa) evenMasks(width Mem, add bool) {
	MOVQ(width, RCX)
	DECQ(RCX)
	ANDQ(Imm(uint64(x.width-1)), RCX)
	LEAQ(Mem{Base: RCX, Index: RCX, Scale: 1, Disp: 1}, RCX) // 2n-1
	if x.width == 16 {
		MOVQ(I32(-1), R9)
		SHLQ(CL, R9)
		NOTQ(R9)
		if add {
			ANDQ(U32(0x55555555), R9)
			MOVQ(U32(0x5555), RCX)
			KMOVW(ECX, K4)
		}
		KMOVW(R9L, K2)
		SHRQ(Imm(16), R9)
		KMOVW(R9L, K3)
		VMOVUPS(evenIndex, Z31)
		return
	}
	LEAQ(tailMask, R9)
	NEGQ(RCX)
	MOVQ(I32(-8), R10)
	CMPQ(RCX, R10)
	CMOVQGT(RCX, R10)
	VMOVUPS(Mem{Base: R9, Index: R10, Scale: 4, Disp: 32}, Y13)
	SUBQ(R10, RCX)
	VMOVUPS(Mem{Base: R9, Index: RCX, Scale: 4, Disp: 32}, Y14)
	if add {
		VMOVUPS(evenMask, Y12)
		VANDPS(Y12, Y13, Y13)
		VANDPS(Y12, Y14, Y14)
		VXORPS(Y11, Y11, Y11)
	}
}

// moveEven copies a vector's width of every second element of the source or,
// with add, adds a vector to every second element of the destination.
func (x isa) moveEven(src, dst, at GPPhysical, add, last bool) {
	wide := func(b GPPhysical, v int) Mem { return Mem{Base: b, Index: at, Scale: 8, Disp: 4 * x.width * v} }
	narrow := func(b GPPhysical) Mem { return Mem{Base: b, Index: at, Scale: 4} }
	lastMask := []Op{K2, K3}
	fullMask := Op(K4)
	if x.width == 8 {
		lastMask, fullMask = []Op{Y13, Y14}, Y12
	}
	load := func(m Mem, k Op, r VecPhysical) {
		switch {
		case k == nil:
			VMOVUPS(m, r)
		case x.width == 16:
			VMOVUPS_Z(m, k, r)
		default:
			VMASKMOVPS(m, k, r)
		}
	}
	r := x.reg
	if !add {
		for v := range 2 {
			var k Op
			if last {
				k = lastMask[v]
			}
			load(wide(src, v), k, r[v])
		}
		if x.width == 16 {
			VMOVUPS(Z31, Z2)
			VPERMI2PS(Z1, Z0, Z2)
			VMOVUPS(Z2, Z0)
		} else {
			VSHUFPS(Imm(0x88), Y1, Y0, Y0)
			VPERMPD(Imm(0xd8), Y0, Y0)
		}
		if last {
			x.store(r[0], narrow(dst), 0, 1, true)
		} else {
			VMOVUPS(r[0], narrow(dst))
		}
		return
	}
	if last {
		x.load(narrow(src), r[0], 0, 1, true)
	} else {
		VMOVUPS(narrow(src), r[0])
	}
	if x.width == 16 {
		VEXTRACTF32X8(Imm(1), Z0, Y1)
		VEXPANDPS_Z(Z0, K4, Z0)
		VEXPANDPS_Z(Z1, K4, Z1)
	} else {
		VPERMPD(Imm(0xd8), Y0, Y0)
		VUNPCKHPS(Y11, Y0, Y1)
		VUNPCKLPS(Y11, Y0, Y0)
	}
	for v := range 2 {
		k := fullMask
		if last {
			k = lastMask[v]
		}
		load(wide(dst, v), k, r[2])
		VADDPS(r[2], r[v], r[v])
		if x.width == 16 {
			VMOVUPS(r[v], k, wide(dst, v))
		} else {
			VMASKMOVPS(r[v], k, wide(dst, v))
		}
	}
}
