package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of kernel.blocks.
const (
	blockWidth, blockRows, blockPlanes = 0, 8, 16
	blockSrcRow, blockSrcPlane         = 24, 32
	blockDstRow, blockDstPlane         = 40, 48
)

// blocks emits the kernel that copies short rows between different strides or,
// with add, adds them to what is there.
func (x isa) blocks(name string, add bool) {
	TEXT(name+x.name, NOSPLIT, "func(dst, src *float32, b *byte)")
	Doc(name+x.name+" does what "+name+"Go does.", "")
	Pragma("noescape")
	var (
		arg, dst, src        = RAX, RDI, RSI
		srcRow, dstRow       = RDX, RBX
		full, at, rows       = R8, R9, R10
		rowSrc, rowDst, todo = R11, R12, R13
		zero                 = RCX
	)
	Load(Param("dst"), dst)
	Load(Param("src"), src)
	MOVQ(NewParamAddr("b", 16), arg)
	f := func(off int) Mem { return Mem{Base: arg, Disp: off} }
	// All vectors of a row but the last are full.
	MOVQ(f(blockWidth), RCX)
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
	MOVQ(f(blockSrcRow), srcRow)
	MOVQ(f(blockDstRow), dstRow)
	SHLQ(Imm(2), srcRow)
	SHLQ(Imm(2), dstRow)
	MOVQ(f(blockPlanes), todo)
	XORQ(zero, zero)

	Label("plane")
	MOVQ(src, rowSrc)
	MOVQ(dst, rowDst)
	MOVQ(f(blockRows), rows)
	Label("row")
	MOVQ(zero, at)
	CMPQ(full, zero)
	JE(LabelRef("last"))
	Label("vector")
	VMOVUPS(Mem{Base: rowSrc, Index: at, Scale: 4}, x.reg[0])
	if add {
		VADDPS(Mem{Base: rowDst, Index: at, Scale: 4}, x.reg[0], x.reg[0])
	}
	VMOVUPS(x.reg[0], Mem{Base: rowDst, Index: at, Scale: 4})
	ADDQ(Imm(uint64(x.width)), at)
	CMPQ(at, full)
	JL(LabelRef("vector"))
	Label("last")
	s, d := Mem{Base: rowSrc, Index: at, Scale: 4}, Mem{Base: rowDst, Index: at, Scale: 4}
	x.load(s, x.reg[0], 0, 1, true)
	if add {
		x.load(d, x.reg[1], 0, 1, true)
		VADDPS(x.reg[1], x.reg[0], x.reg[0])
	}
	x.store(x.reg[0], d, 0, 1, true)
	ADDQ(srcRow, rowSrc)
	ADDQ(dstRow, rowDst)
	DECQ(rows)
	JNZ(LabelRef("row"))
	MOVQ(f(blockSrcPlane), at)
	LEAQ(Mem{Base: src, Index: at, Scale: 4}, src)
	MOVQ(f(blockDstPlane), at)
	LEAQ(Mem{Base: dst, Index: at, Scale: 4}, dst)
	DECQ(todo)
	JNZ(LabelRef("plane"))
	VZEROUPPER()
	RET()
}
