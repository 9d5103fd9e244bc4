package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// copyRows emits the kernel that copies short rows between different strides.
func (x isa) copyRows() {
	name := "copyRows" + x.name
	TEXT(name, NOSPLIT, "func(dst, src *float32, ld, width, n, stride int)")
	Doc(name+" copies n rows of width floats, as copyRowsGo does.", "")
	Pragma("noescape")
	var (
		dst, src, ld, width = RDI, RSI, RDX, RBX
		n, stride           = R8, R9
		full, at            = R10, R11
	)
	Load(Param("dst"), dst)
	Load(Param("src"), src)
	Load(Param("ld"), ld)
	Load(Param("width"), width)
	Load(Param("n"), n)
	Load(Param("stride"), stride)
	SHLQ(Imm(2), ld)
	SHLQ(Imm(2), stride)
	// All vectors but the last are full.
	MOVQ(width, full)
	DECQ(full)
	ANDQ(I32(-int32(x.width)), full)
	MOVQ(width, RCX)
	SUBQ(full, RCX) // 1 to a vector
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
	Label("row")
	XORQ(at, at)
	JMP(LabelRef("test"))
	Label("vector")
	VMOVUPS(Mem{Base: src, Index: at, Scale: 4}, x.reg[0])
	VMOVUPS(x.reg[0], Mem{Base: dst, Index: at, Scale: 4})
	ADDQ(Imm(uint64(x.width)), at)
	Label("test")
	CMPQ(at, full)
	JL(LabelRef("vector"))
	if x.width == 16 {
		VMOVUPS_Z(Mem{Base: src, Index: at, Scale: 4}, K1, Z0)
		VMOVUPS(Z0, K1, Mem{Base: dst, Index: at, Scale: 4})
	} else {
		VMASKMOVPS(Mem{Base: src, Index: at, Scale: 4}, Y15, Y0)
		VMASKMOVPS(Y0, Y15, Mem{Base: dst, Index: at, Scale: 4})
	}
	ADDQ(ld, src)
	ADDQ(stride, dst)
	DECQ(n)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
