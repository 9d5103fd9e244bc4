package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// blocksKernels multiply rows of quantized blocks with one of activations.
var blocksKernels = []kernel{
	{name: "dotsQ80", signature: "func(p *products)", where: amd64 | vnni},
	{name: "dotsQ40", signature: "func(p *products)", where: amd64 | vnni},
	{name: "dotsQ41", signature: "func(p *products)", where: amd64 | vnni},
}

var blocksFamily = family{kernels: blocksKernels, amd64: emitBlocks}

func emitBlocks() {
	for _, x := range []isa{avx512, avx2} {
		x.blockDots("dotsQ80", 34, func(b *blockDot, at Mem) { // |w| times x with the sign of w
			w, size, signed := YMM(), YMM(), YMM()
			VMOVDQU(at.Offset(2), w)
			VPSIGNB(w, w, size)
			VMOVDQU(b.x, signed)
			VPSIGNB(w, signed, signed)
			b.unsigned(size, signed)
		})
		x.blockDots("dotsQ40", 18, func(b *blockDot, at Mem) {
			w, size, signed := b.nibbles(at.Offset(2)), YMM(), YMM()
			VPSUBB(b.eight, w, w)
			VPSIGNB(w, w, size)
			VMOVDQU(b.x, signed)
			VPSIGNB(w, signed, signed)
			b.unsigned(size, signed)
		})
		x.blockDots("dotsQ41", 20, func(b *blockDot, at Mem) {
			w, signed := b.nibbles(at.Offset(4)), YMM()
			VMOVDQU(b.x, signed)
			b.unsigned(w, signed)
		})
	}
}

// blockDot is what the product of one block works with.
type blockDot struct {
	isa
	x                       Mem
	ones, low, eight, zeros Register
	sums                    Register
}

// unsigned computes eight sums of four products each.
func (b *blockDot) unsigned(w, x Register) {
	b.sums = YMM()
	if b.width == 16 { // AVX-512 with VNNI
		VMOVDQA(b.zeros, b.sums)
		VPDPBUSD(x, w, b.sums)
		return
	}
	VPMADDUBSW(x, w, b.sums)
	VPMADDWD(b.ones, b.sums, b.sums)
}

// nibbles are 32 numbers of 4 bits: the low halves of 16 bytes, then the high
// ones.
func (b *blockDot) nibbles(at Mem) Register {
	w, high := YMM(), XMM()
	VMOVDQU(at, w.AsX())
	VPSRLW(Imm(4), w.AsX(), high)
	VINSERTI128(Imm(1), high, w, w)
	VPAND(b.low, w, w)
	return w
}

func (x isa) blockDots(name string, size int, dot func(b *blockDot, at Mem)) {
	x.begin(blocksKernels, name)
	p := structParam("p", RDI)
	w, rows, stride, y := GP64(), GP64(), GP64(), GP64()
	MOVQ(p.at("w"), w)
	MOVQ(p.at("rows"), rows)
	MOVQ(p.at("stride"), stride)
	MOVQ(p.at("y"), y)
	b := &blockDot{isa: x, ones: YMM(), low: YMM(), eight: YMM(), zeros: YMM()}
	ones, low, eight := b.ones.(VecVirtual), b.low.(VecVirtual), b.eight.(VecVirtual)
	VPXOR(b.zeros, b.zeros, b.zeros)
	VPCMPEQW(ones, ones, ones)
	VPABSB(ones, eight) // 1
	VPSLLW(Imm(4), eight, low)
	VPSUBB(eight, low, low) // 15
	VPSLLW(Imm(3), eight, eight)
	VPSRLW(Imm(15), ones, ones)
	Label("row")
	at, xs, scales, k := GP64(), GP64(), GP64(), GP64()
	MOVQ(w, at)
	MOVQ(p.at("x"), xs)
	MOVQ(p.at("scales"), scales)
	MOVQ(p.at("blocks"), k)
	acc, offset := YMM(), XMM()
	VXORPS(acc, acc, acc)
	VXORPS(offset, offset, offset)
	b.x = Mem{Base: xs}
	Label("block")
	// Scale and offset of the block, times those of the activations.
	d, ds := XMM(), YMM()
	VMOVD(Mem{Base: at}, d)
	VCVTPH2PS(d, d)
	pair := XMM()
	VMOVSD(Mem{Base: scales}, pair)
	if name == "dotsQ41" {
		VFMADD231PS(pair, d, offset)
	}
	VMULSS(pair, d, d)
	VBROADCASTSS(d, ds)
	dot(b, Mem{Base: at})
	sums := b.sums.(VecVirtual)
	VCVTDQ2PS(sums, sums)
	VFMADD231PS(ds, sums, acc)
	ADDQ(Imm(uint64(size)), at)
	ADDQ(Imm(32), xs)
	ADDQ(Imm(8), scales)
	DECQ(k)
	JNZ(LabelRef("block"))
	sum, part := XMM(), XMM()
	VEXTRACTF128(Imm(1), acc, sum)
	VADDPS(acc.AsX(), sum, sum)
	VMOVHLPS(sum, sum, part)
	VADDPS(part, sum, sum)
	VMOVSHDUP(sum, part)
	VADDSS(part, sum, sum)
	if name == "dotsQ41" {
		VMOVSHDUP(offset, part)
		VADDSS(part, sum, sum)
	}
	VMOVSS(sum, Mem{Base: y})
	ADDQ(stride, w)
	ADDQ(Imm(4), y)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
