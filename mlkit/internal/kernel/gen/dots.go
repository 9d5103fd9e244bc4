//go:build gen

package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// dots emits the kernel that multiplies a vector by the rows of a matrix. Both
// instruction sets add up sixteen chains (AVX2 in two registers) and then the
// chains in the same tree.
func (x isa) dots() {
	x.begin(gemmKernels, "runDots")
	t := structParam("t", arg)
	var (
		rows   = []GPPhysical{RSI, R8, R9, R10}
		ld     = R11
		left   = R12 // rows to do
		out    = R13
		vec    = RBX
		bias   = RDX
		k      = RCX
		tmp    = RAX
		halves = 16 / x.width
	)
	MOVQ(t.at("b"), rows[0])
	MOVQ(t.at("ldb"), ld)
	SHLQ(Imm(2), ld)
	MOVQ(t.at("count"), left)
	MOVQ(t.at("c"), out)
	MOVQ(t.at("bias"), bias)
	// The mask of the last k & 15 columns.
	MOVQ(t.at("k"), k)
	ANDQ(Imm(15), k)
	if x.width == 16 {
		MOVQ(U32(1), tmp)
		SHLQ(CL, tmp)
		DECQ(tmp)
		KMOVW(EAX, K1)
	} else {
		// max(k-8, 0) and min(k, 8)
		LEAQ(tailMask, tmp)
		NEGQ(k)
		MOVQ(I32(-8), vec)
		CMPQ(k, vec)
		CMOVQGT(k, vec)
		VMOVUPS(Mem{Base: tmp, Index: vec, Scale: 4, Disp: 32}, Y14)
		SUBQ(vec, k)
		VMOVUPS(Mem{Base: tmp, Index: k, Scale: 4, Disp: 32}, Y15)
	}

	Label("group")
	// A group that is not full reads its last row several times.
	for i := 1; i < 4; i++ {
		MOVQ(rows[i-1], rows[i])
		LEAQ(Mem{Base: rows[i-1], Index: ld, Scale: 1}, tmp)
		CMPQ(left, Imm(uint64(i)))
		CMOVQGT(tmp, rows[i])
	}
	acc := func(r, h int) VecPhysical { return x.reg[r*halves+h] }
	for r := range 4 {
		for h := range halves {
			x.zero(acc(r, h))
		}
	}
	MOVQ(t.at("a"), vec)
	MOVQ(t.at("k"), k)
	XORQ(tmp, tmp)
	SUBQ(Imm(16), k)
	JL(LabelRef("tail"))
	Label("k")
	for h := range halves {
		v := x.reg[8+h]
		VMOVUPS(Mem{Base: vec, Index: tmp, Scale: 4, Disp: 32 * h}, v)
		for r := range 4 {
			VFMADD231PS(Mem{Base: rows[r], Index: tmp, Scale: 4, Disp: 32 * h}, v, acc(r, h))
		}
	}
	ADDQ(Imm(16), tmp)
	SUBQ(Imm(16), k)
	JGE(LabelRef("k"))
	Label("tail")
	ADDQ(Imm(16), k)
	JZ(LabelRef("reduce"))
	for h := range halves {
		v, b := x.reg[8+h], x.reg[10+h]
		at := func(r GPPhysical) Mem { return Mem{Base: r, Index: tmp, Scale: 4, Disp: 32 * h} }
		masked := func(m Mem, r VecPhysical) {
			if x.width == 16 {
				VMOVUPS_Z(m, K1, r)
			} else {
				VMASKMOVPS(m, []VecPhysical{Y14, Y15}[h], r)
			}
		}
		masked(at(vec), v)
		for r := range 4 {
			masked(at(rows[r]), b)
			VFMADD231PS(b, v, acc(r, h))
		}
	}
	Label("reduce")
	y := []VecPhysical{Y0, Y1, Y2, Y3}
	for r := range 4 {
		if x.width == 16 {
			VEXTRACTF32X8(Imm(1), acc(r, 0), Y8)
			VADDPS(Y8, y[r], y[r])
		} else {
			VADDPS(acc(r, 1), acc(r, 0), y[r])
		}
	}
	VHADDPS(Y1, Y0, Y0)
	VHADDPS(Y3, Y2, Y2)
	VHADDPS(Y2, Y0, Y0)
	VEXTRACTF128(Imm(1), Y0, X1)
	VADDPS(X1, X0, X0)

	// The mask of the rows of this group.
	LEAQ(tailMask, tmp)
	MOVQ(U32(4), k)
	CMPQ(left, k)
	CMOVQLT(left, k)
	NEGQ(k)
	VMOVUPS(Mem{Base: tmp, Index: k, Scale: 4, Disp: 32}, X2)
	MOVQ(t.at("flags"), tmp)
	when := func(flag uint32, name string, f func()) {
		TESTQ(U32(flag), tmp)
		JZ(LabelRef(name))
		f()
		Label(name)
	}
	when(flagScale, "noScale", func() {
		VBROADCASTSS(t.at("alpha"), X1)
		VMULPS(X1, X0, X0)
	})
	when(flagAdd, "noAdd", func() {
		VMASKMOVPS(Mem{Base: out}, X2, X1)
		VADDPS(X1, X0, X0)
	})
	when(flagBias, "noBias", func() {
		VMASKMOVPS(Mem{Base: bias}, X2, X1)
		VADDPS(X1, X0, X0)
		ADDQ(Imm(16), bias)
	})
	when(flagBiasRows, "noBiasRows", func() {
		MOVQ(t.at("biasRows"), k)
		VBROADCASTSS(Mem{Base: k}, X1)
		VADDPS(X1, X0, X0)
	})
	when(flagReLU, "noReLU", func() {
		VXORPS(X1, X1, X1)
		VMAXPS(X0, X1, X0)
	})
	VMASKMOVPS(X0, X2, Mem{Base: out})
	ADDQ(Imm(16), out)
	LEAQ(Mem{Base: rows[3], Index: ld, Scale: 1}, rows[0])
	SUBQ(Imm(4), left)
	JG(LabelRef("group"))
	VZEROUPPER()
	RET()
}
