//go:build gen

package main

import (
	"math"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// convKernels are all written for registers by name.
var convKernels = []kernel{
	{name: "poolMax", signature: "func(y []float32, idx []int32, x []float32, r *poolRows)", where: amd64},
	{name: "poolAvg", signature: "func(y, x []float32, r *poolRows)", where: amd64},
	{name: "tilesInput", signature: "func(dst, src, tmp []float32, p *winTiles)", where: amd64},
	{name: "tilesWeight", signature: "func(dst, src, tmp []float32, p *winTiles)", where: amd64},
	{name: "tilesGrad", signature: "func(dst, src, tmp []float32, p *winTiles)", where: amd64},
	{name: "tilesOutput", signature: "func(dst, src, tmp []float32, p *winTiles)", where: amd64},
	{name: "tilesWeightGrad", signature: "func(dst, src, tmp []float32, p *winTiles)", where: amd64},
	{name: "quadsMax", signature: "func(y []float32, arg []byte, x []float32, q *quads)", where: amd64},
	{name: "quadsSpread", signature: "func(dst, dy []float32, arg []byte, row int, q *quads)", where: amd64},
}

var convFamily = family{kernels: slices.Concat(convKernels, tapKernels, depthKernels, sequenceKernels,
	overlapKernels, shortKernels, pool2Kernels), amd64: func() {
	tailMask = newTailMask("tailMask")
	emitPool()
	emitWinograd()
	emitQuads()
}}

func emitPool() {
	ramp := GLOBL("poolRamp", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(i))
	}
	even := GLOBL("poolEven", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(2*i))
	}
	for _, x := range []isa{avx512, avx2} {
		x.pool("poolMax", true, ramp, even)
		x.pool("poolAvg", false, ramp, even)
	}
}

// pool emits the kernel for rows of windows that lie inside the image.
func (x isa) pool(name string, isMax bool, ramp, even Mem) {
	x.begin(convKernels, name)
	var (
		arg, y, idx, src = RAX, RDI, RSI, RBX
		at               = R8  // offset in the row of y and idx, in bytes
		left             = RCX // outputs left in the row
		kh, kw           = R9, R10
		row, tap         = R11, R12
		tmp              = RDX
		first            = R13 // index of the first tap of the first window
	)
	loadSlice("y", y)
	if isMax {
		loadSlice("idx", idx)
	}
	loadSlice("x", src)
	p := structParam("r", arg)
	r := x.reg
	best, bidx, cand, rowCand, v, v2, t, t2 := r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]
	iota, colStep, rowStep, start := r[8], r[9], r[10], r[11]
	evens := x.reg[len(x.reg)-1] // AVX-512 only
	var storeMask, loadMask, loadMask2 Op = K1, K2, K3
	if x.width == 8 {
		storeMask, loadMask, loadMask2 = Y12, Y13, Y14
	}
	load := func(m Mem, k Op, r VecPhysical) {
		if x.width == 16 {
			VMOVUPS_Z(m, k, r)
		} else {
			VMASKMOVPS(m, k, r)
		}
	}

	if isMax {
		VPBROADCASTD(p.at("tapCol"), colStep)
		VPBROADCASTD(p.at("tapRow"), rowStep)
		MOVL(U32(math.Float32bits(float32(math.Inf(-1)))), EDX)
		VMOVD(EDX, X0)
		VBROADCASTSS(X0, start)
		MOVQ(p.at("first"), first)
	} else {
		x.zero(start)
		VBROADCASTSS(p.at("count"), iota)
	}
	if x.width == 16 {
		VMOVUPS(even, evens)
	}
	CMPQ(p.at("stride"), Imm(2))
	JE(LabelRef("s2row"))

	for _, stride := range []int{1, 2} {
		l := map[int]string{1: "s1", 2: "s2"}[stride]
		Label(l + "row")
		if isMax {
			if stride == 1 {
				VMOVUPS(ramp, iota)
			} else {
				VMOVUPS(even, iota)
			}
		}
		XORQ(at, at)
		MOVQ(src, R14)
		MOVQ(p.at("n"), left)
		if isMax {
			VMOVD(R13L, X0)
			VPBROADCASTD(X0, rowCand)
			VPADDD(iota, rowCand, iota)
		}
		Label(l + "vector")
		// Masks of the outputs and of the inputs of each tap.
		MOVQ(U32(uint32(x.width)), tmp)
		CMPQ(left, tmp)
		CMOVQLT(left, tmp)
		if x.width == 16 {
			MOVQ(left, kh) // CX is the shift
			MOVQ(tmp, RCX)
			MOVQ(I32(-1), row)
			SHLQ(CL, row)
			NOTQ(row)
			KMOVW(R11L, K1)
			if stride == 1 {
				KMOVW(R11L, K2)
			} else {
				LEAQ(Mem{Base: RCX, Index: RCX, Scale: 1, Disp: -1}, RCX)
				MOVQ(I32(-1), row)
				SHLQ(CL, row)
				NOTQ(row)
				KMOVW(R11L, K2)
				SHRQ(Imm(16), row)
				KMOVW(R11L, K3)
			}
			MOVQ(kh, left)
		} else {
			LEAQ(tailMask, row)
			MOVQ(tmp, kh)
			NEGQ(kh)
			VMOVUPS(Mem{Base: row, Index: kh, Scale: 4, Disp: 32}, Y12)
			if stride == 1 {
				VMOVUPS(Y12, Y13)
			} else {
				LEAQ(Mem{Base: kh, Index: kh, Scale: 1, Disp: 1}, kh) // 1-2n
				MOVQ(I32(-8), kw)
				CMPQ(kh, kw)
				CMOVQGT(kh, kw)
				VMOVUPS(Mem{Base: row, Index: kw, Scale: 4, Disp: 32}, Y13)
				SUBQ(kw, kh)
				VMOVUPS(Mem{Base: row, Index: kh, Scale: 4, Disp: 32}, Y14)
			}
		}
		VMOVUPS(start, best)
		if isMax {
			VMOVUPS(iota, bidx)
			VMOVUPS(iota, rowCand)
		}
		MOVQ(R14, row)
		MOVQ(p.at("kh"), kh)
		Label(l + "kh")
		MOVQ(row, tap)
		MOVQ(p.at("kw"), kw)
		if isMax {
			VMOVUPS(rowCand, cand)
		}
		Label(l + "kw")
		load(Mem{Base: tap}, loadMask, v)
		if stride == 2 {
			load(Mem{Base: tap, Disp: 4 * x.width}, loadMask2, v2)
			if x.width == 16 {
				VMOVUPS(evens, t)
				VPERMI2PS(v2, v, t)
				v, t = t, v
			} else {
				VSHUFPS(Imm(0x88), v2, v, v)
				VPERMPD(Imm(0xd8), v, v)
			}
		}
		if isMax {
			// Greater or NaN, unless the best so far is NaN.
			if x.width == 16 {
				VCMPPS(Imm(0x07), best, best, K4)  // ordered
				VCMPPS(Imm(0x06), best, v, K4, K5) // not ≤
				VMOVAPS(v, K5, best)
				VMOVDQA32(cand, K5, bidx)
			} else {
				VCMPPS(Imm(0x07), best, best, t)
				VCMPPS(Imm(0x06), best, v, t2)
				VANDPS(t, t2, t2)
				VBLENDVPS(t2, v, best, best)
				VBLENDVPS(t2, cand, bidx, bidx)
			}
			VPADDD(colStep, cand, cand)
		} else {
			VADDPS(v, best, best)
		}
		if stride == 2 && x.width == 16 {
			v, t = t, v
		}
		MOVQ(p.at("tapCol"), tmp)
		LEAQ(Mem{Base: tap, Index: tmp, Scale: 4}, tap)
		DECQ(kw)
		JNZ(LabelRef(l + "kw"))
		MOVQ(p.at("tapRow"), tmp)
		LEAQ(Mem{Base: row, Index: tmp, Scale: 4}, row)
		if isMax {
			VPADDD(rowStep, rowCand, rowCand)
		}
		DECQ(kh)
		JNZ(LabelRef(l + "kh"))

		if !isMax {
			VDIVPS(iota, best, best)
		}
		out := Mem{Base: y, Index: at, Scale: 1}
		if x.width == 16 {
			VMOVUPS(best, storeMask, out)
		} else {
			VMASKMOVPS(best, storeMask, out)
		}
		if isMax {
			TESTQ(idx, idx)
			JZ(LabelRef(l + "noIdx"))
			out.Base = idx
			if x.width == 16 {
				VMOVDQU32(bidx, storeMask, out)
			} else {
				VPMASKMOVD(bidx, storeMask, out)
			}
			Label(l + "noIdx")
			MOVL(U32(uint32(stride*x.width)), EDX)
			VMOVD(EDX, X4)
			VPBROADCASTD(X4, v)
			VPADDD(v, iota, iota)
		}
		ADDQ(Imm(uint64(4*stride*x.width)), R14)
		ADDQ(Imm(uint64(4*x.width)), at)
		SUBQ(Imm(uint64(x.width)), left)
		JG(LabelRef(l + "vector"))

		MOVQ(p.at("srcRow"), tmp)
		LEAQ(Mem{Base: src, Index: tmp, Scale: 4}, src)
		ADDQ(tmp, first)
		MOVQ(p.at("dstRow"), tmp)
		LEAQ(Mem{Base: y, Index: tmp, Scale: 4}, y)
		if isMax {
			TESTQ(idx, idx)
			JZ(LabelRef(l + "next"))
			LEAQ(Mem{Base: idx, Index: tmp, Scale: 4}, idx)
			Label(l + "next")
		}
		DECQ(p.at("rows"))
		JNZ(LabelRef(l + "row"))
		VZEROUPPER()
		RET()
	}
}
