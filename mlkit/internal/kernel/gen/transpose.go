//go:build gen

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// aheadFrom is the distance of rows in bytes from which on transpose reads
// ahead.
const aheadFrom = 1 << 10

// transpose emits the kernel that writes up to a vector's width of rows as
// columns.
func (x isa) transpose() {
	x.begin(gemmKernels, "transposeBlock")
	var (
		dst, src, ld, rows = RDI, RSI, RDX, RCX
		n, stride          = R8, R9
		tmp, last          = RAX, RBX
		rows4              = []GPPhysical{R10, R11, R12, R13}
	)
	loadSlice("dst", dst)
	loadSlice("src", src)
	Load(Param("ld"), ld)
	Load(Param("rows"), rows)
	Load(Param("n"), n)
	Load(Param("stride"), stride)
	SHLQ(Imm(2), ld)
	SHLQ(Imm(2), stride)

	// Where rows start; those that do not exist repeat the last one.
	starts := AllocLocal(8 * x.width)
	MOVQ(src, tmp)
	for i := range x.width {
		MOVQ(tmp, starts.Offset(8*i))
		LEAQ(Mem{Base: tmp, Index: ld, Scale: 1}, last)
		CMPQ(rows, Imm(uint64(i+1)))
		CMOVQGT(last, tmp)
	}
	// The rows of the next block, read ahead: each is too short for the
	// processor to notice.
	nexts := AllocLocal(8 * x.width)
	far := AllocLocal(8)
	MOVQ(ld, tmp)
	IMULQ(rows, tmp)
	for i := range x.width {
		MOVQ(starts.Offset(8*i), last)
		ADDQ(tmp, last)
		MOVQ(last, nexts.Offset(8*i))
	}
	XORQ(tmp, tmp)
	CMPQ(ld, U32(aheadFrom))
	SETGE(AL)
	MOVQ(tmp, far)
	// A masked store of AVX2 costs a dozen cycles on AMD's processors. Whole
	// vectors do not need it. Nor do columns that follow each other without a
	// gap: what is written too much belongs to the next column, which comes
	// later; only the last block must be exact.
	wholeRows, tight := R14, R15
	if x.width == 8 {
		XORQ(wholeRows, wholeRows)
		XORQ(tight, tight)
		CMPQ(rows, Imm(8))
		SETGE(R14B)
		MOVQ(rows, tmp)
		SHLQ(Imm(2), tmp)
		CMPQ(tmp, stride)
		SETEQ(R15B)
		CMPQ(rows, Imm(4))
		JGE(LabelRef("wide"))
		XORQ(tight, tight)
		Label("wide")
	}
	tail := func() {
		// Turns the count in CX, 1 to width, into a mask.
		if x.width == 16 {
			MOVQ(I32(-1), tmp)
			SHLQ(CL, tmp)
			NOTQ(tmp)
			return
		}
		LEAQ(tailMask, tmp)
		NEGQ(RCX)
	}
	tail()
	storeMask := Op(K1)
	if x.width == 16 {
		KMOVW(EAX, K1)
	} else {
		storeMask = Y0
		LEAQ(Mem{Base: tmp, Index: RCX, Scale: 4, Disp: 32}, last) // where the mask is
	}
	XORQ(src, src) // offset in the rows
	in, out := x.reg[:x.width], x.reg[x.width:][:x.width]

	labels := 0
	load := func(masked bool) {
		labels++
		near := fmt.Sprintf("near%d", labels)
		CMPQ(far, Imm(0))
		JE(LabelRef(near))
		for i := range x.width {
			p := rows4[i%4]
			MOVQ(nexts.Offset(8*i), p)
			PREFETCHT0(Mem{Base: p, Index: src, Scale: 1})
		}
		Label(near)
		for i := range x.width {
			p := rows4[i%4]
			MOVQ(starts.Offset(8*i), p)
			m := Mem{Base: p, Index: src, Scale: 1}
			switch {
			case !masked:
				VMOVUPS(m, in[i])
			case x.width == 16:
				VMOVUPS_Z(m, K2, in[i])
			default:
				VMASKMOVPS(m, Y15, in[i])
			}
		}
	}
	network := func() (res []VecPhysical) {
		a, b := in, out
		for i := 0; i < x.width; i += 2 {
			VUNPCKLPS(a[i+1], a[i], b[i])
			VUNPCKHPS(a[i+1], a[i], b[i+1])
		}
		a, b = b, a
		for i := 0; i < x.width; i += 4 {
			VUNPCKLPD(a[i+2], a[i], b[i])
			VUNPCKHPD(a[i+2], a[i], b[i+1])
			VUNPCKLPD(a[i+3], a[i+1], b[i+2])
			VUNPCKHPD(a[i+3], a[i+1], b[i+3])
		}
		a, b = b, a
		// Now 128-bit lane l of a[4q+m] is column 4l+m of rows 4q to 4q+3.
		if x.width == 8 {
			for m := range 4 {
				VPERM2F128(Imm(0x20), a[4+m], a[m], b[m])
				VPERM2F128(Imm(0x31), a[4+m], a[m], b[4+m])
			}
			return b
		}
		for m := range 4 {
			VSHUFF32X4(Imm(0x44), a[4+m], a[m], b[4*m])
			VSHUFF32X4(Imm(0xee), a[4+m], a[m], b[4*m+1])
			VSHUFF32X4(Imm(0x44), a[12+m], a[8+m], b[4*m+2])
			VSHUFF32X4(Imm(0xee), a[12+m], a[8+m], b[4*m+3])
		}
		a, b = b, a
		for m := range 4 {
			VSHUFF32X4(Imm(0x88), a[4*m+2], a[4*m], b[m])
			VSHUFF32X4(Imm(0xdd), a[4*m+2], a[4*m], b[4+m])
			VSHUFF32X4(Imm(0x88), a[4*m+3], a[4*m+1], b[8+m])
			VSHUFF32X4(Imm(0xdd), a[4*m+3], a[4*m+1], b[12+m])
		}
		return b
	}
	store := func(r VecPhysical) {
		if x.width == 16 {
			VMOVUPS(r, K1, Mem{Base: dst})
		} else {
			VMASKMOVPS(r, storeMask, Mem{Base: dst})
		}
		ADDQ(stride, dst)
	}

	SUBQ(Imm(uint64(x.width)), n)
	JL(LabelRef("tail"))
	if x.width == 8 {
		plain := func(label string, again func()) {
			Label(label)
			load(false)
			for _, r := range network() {
				VMOVUPS(r, Mem{Base: dst})
				ADDQ(stride, dst)
			}
			ADDQ(Imm(uint64(4*x.width)), src)
			SUBQ(Imm(uint64(x.width)), n)
			again()
		}
		TESTQ(wholeRows, wholeRows)
		JNZ(LabelRef("whole"))
		TESTQ(tight, tight)
		JZ(LabelRef("block"))
		TESTQ(n, n)
		JZ(LabelRef("block"))
		plain("tight", func() {
			JG(LabelRef("tight"))
			JZ(LabelRef("block"))
			JMP(LabelRef("tail"))
		})
		plain("whole", func() {
			JGE(LabelRef("whole"))
			JMP(LabelRef("tail"))
		})
	}
	Label("block")
	load(false)
	res := network()
	if x.width == 8 {
		VMOVUPS(Mem{Base: last}, Y0)
	}
	for _, r := range res {
		store(r)
	}
	ADDQ(Imm(uint64(4*x.width)), src)
	SUBQ(Imm(uint64(x.width)), n)
	JGE(LabelRef("block"))
	Label("tail")
	ADDQ(Imm(uint64(x.width)), n)
	JZ(LabelRef("done"))
	MOVQ(n, RCX)
	tail()
	if x.width == 16 {
		KMOVW(EAX, K2)
	} else {
		VMOVUPS(Mem{Base: tmp, Index: RCX, Scale: 4, Disp: 32}, Y15)
	}
	load(true)
	res = network()
	if x.width == 8 {
		VMOVUPS(Mem{Base: last}, Y0)
	}
	for _, r := range res {
		store(r)
		DECQ(n)
		JZ(LabelRef("done"))
	}
	Label("done")
	VZEROUPPER()
	RET()
}
