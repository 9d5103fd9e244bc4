//go:build gen

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func emitQuads() {
	numbers := GLOBL("quadNumbers", RODATA|NOPTR) // 0, 1, 2, 3, a vector of each
	for k := range 4 {
		for i := range 16 {
			DATA(64*k+4*i, U32(k))
		}
	}
	low := GLOBL("quadLowBytes", RODATA|NOPTR) // of the words of both halves
	for i := range 8 {
		v := uint32(0x80808080)
		if i%4 == 0 {
			v = 0x0c080400
		}
		DATA(4*i, U32(v))
	}
	for _, x := range []isa{avx512, avx2} {
		x.maxQuads(numbers, low)
		x.spreadQuads(numbers)
	}
}

// maxQuads emits the maxima of a row of 2×2 windows of pixels.
func (x isa) maxQuads(numbers, low Mem) {
	x.begin(convKernels, "quadsMax")
	var (
		p, y, arg, src    = RAX, RDI, RSI, RBX
		n, vectors, pixel = RCX, R8, R9
		row, next, relu   = R10, R11, R12
		bytes             = 4 * x.width
	)
	loadSlice("y", y)
	loadSlice("arg", arg)
	loadSlice("x", src)
	q := structParam("q", p)
	MOVQ(q.at("n"), n)
	MOVQ(q.at("vectors"), pixel)
	SHLQ(Imm(2), pixel)
	MOVQ(q.at("row"), row)
	SHLQ(Imm(2), row)
	LEAQ(Mem{Base: row, Index: pixel, Scale: 1}, next)
	MOVQ(q.at("relu"), relu)
	r := x.reg
	best, where, v, ordered, more, zero := r[0], r[1], r[2], r[3], r[4], r[5]
	number := r[6:10]
	for k := 1; k < 4; k++ {
		VMOVUPS(numbers.Offset(64*k), number[k])
	}
	x.zero(zero)
	Label("pixel")
	MOVQ(q.at("vectors"), vectors)
	SHRQ(Imm(x.log2Width()), vectors)
	Label("vector")
	VMOVUPS(Mem{Base: src}, best)
	x.zero(where)
	for k, from := range []Mem{{}, {Base: src, Index: pixel, Scale: 1}, {Base: src, Index: row, Scale: 1},
		{Base: src, Index: next, Scale: 1}} {
		if k == 0 {
			continue
		}
		VMOVUPS(from, v)
		// Greater or NaN, unless the best so far is NaN.
		if x.width == 16 {
			VCMPPS(Imm(0x07), best, best, K4)  // ordered
			VCMPPS(Imm(0x06), best, v, K4, K5) // not ≤
			VMOVAPS(v, K5, best)
			VMOVDQA32(number[k], K5, where)
		} else {
			VCMPPS(Imm(0x07), best, best, ordered)
			VCMPPS(Imm(0x06), best, v, more)
			VANDPS(ordered, more, more)
			VBLENDVPS(more, v, best, best)
			VBLENDVPS(more, number[k], where, where)
		}
	}
	TESTQ(relu, relu)
	JZ(LabelRef("noReLU"))
	VMAXPS(best, zero, best)
	Label("noReLU")
	VMOVUPS(best, Mem{Base: y})
	ADDQ(Imm(uint64(bytes)), y)
	ADDQ(Imm(uint64(bytes)), src)
	TESTQ(arg, arg)
	JZ(LabelRef("noArg"))
	if x.width == 16 {
		VPMOVDB(where, Mem{Base: arg})
	} else {
		VPSHUFB(low, where, where)
		VMOVD(where.AsX(), Mem{Base: arg})
		VEXTRACTI128(Imm(1), where, where.AsX())
		VMOVD(where.AsX(), Mem{Base: arg, Disp: 4})
	}
	ADDQ(Imm(uint64(x.width)), arg)
	Label("noArg")
	DECQ(vectors)
	JNZ(LabelRef("vector"))
	ADDQ(pixel, src)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}

// spreadQuads emits one of the two rows of pixels under a row of windows.
func (x isa) spreadQuads(numbers Mem) {
	x.begin(convKernels, "quadsSpread")
	var (
		p, dst, dy, arg   = RAX, RDI, RBX, RSI
		n, vectors, pixel = RCX, R8, R9
		table             = R10
		bytes             = 4 * x.width
	)
	loadSlice("dst", dst)
	loadSlice("dy", dy)
	loadSlice("arg", arg)
	Load(Param("row"), table)
	SHLQ(Imm(7), table)
	q := structParam("q", p)
	MOVQ(q.at("n"), n)
	MOVQ(q.at("vectors"), pixel)
	SHLQ(Imm(2), pixel)
	r := x.reg
	where, left, right, g := r[0], r[1], r[2], r[3]
	LEAQ(numbers, R11)
	ADDQ(R11, table)
	VMOVUPS(Mem{Base: table}, left)
	VMOVUPS(Mem{Base: table, Disp: 64}, right)
	Label("pixel")
	MOVQ(q.at("vectors"), vectors)
	SHRQ(Imm(x.log2Width()), vectors)
	Label("vector")
	VPMOVZXBD(Mem{Base: arg}, where)
	for _, side := range []struct {
		number VecPhysical
		to     Mem
	}{{left, Mem{Base: dst}}, {right, Mem{Base: dst, Index: pixel, Scale: 1}}} {
		if x.width == 16 {
			VPCMPEQD(side.number, where, K1)
			VMOVUPS_Z(Mem{Base: dy}, K1, g)
		} else {
			VPCMPEQD(side.number, where, g)
			VANDPS(Mem{Base: dy}, g, g)
		}
		VMOVUPS(g, side.to)
	}
	ADDQ(Imm(uint64(bytes)), dst)
	ADDQ(Imm(uint64(bytes)), dy)
	ADDQ(Imm(uint64(x.width)), arg)
	DECQ(vectors)
	JNZ(LabelRef("vector"))
	ADDQ(pixel, dst)
	DECQ(n)
	JNZ(LabelRef("pixel"))
	VZEROUPPER()
	RET()
}
