//go:build gen

package main

import (
	"math"
	"slices"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// blocksKernels multiply rows of quantized blocks with one of activations,
// convert numbers of 16 bits, of which there must be a multiple of 16, add up
// and compute e^x as llama.cpp does.
var blocksKernels = []kernel{
	{name: "dotsQ80", signature: "func(p *products)", where: everywhere | vnni},
	{name: "dotsQ40", signature: "func(p *products)", where: everywhere | vnni},
	{name: "dotsQ41", signature: "func(p *products)", where: everywhere | vnni},
	{name: "widen", signature: "func(dst []float32, x []uint16)", where: everywhere},
	{name: "narrow", signature: "func(dst []uint16, x []float32)", where: everywhere},
	{"dot", "func(a, b []float32) (s float32)", everywhere, func(v *vm) { v.dotLlama(sumLanes) }},
	{"dotTogether", "func(a, b []float32) (s float32)", everywhere, func(v *vm) { v.dotLlama(16) }},
	{"expMinus", "func(x []float32, most float32)", everywhere, func(v *vm) {
		x, most := v.gp("x"), v.scalar("most")
		v.strips(v.len("x"), 2, func(s strip) { s.store(v.expLlama(v.sub(s.load(x), most)), x) })
	}},
	{"swiGLU", "func(y, gate, up []float32)", everywhere, func(v *vm) {
		y, gate, up := v.gp("y"), v.gp("gate"), v.gp("up")
		v.strips(v.len("y"), 2, func(s strip) {
			x := s.load(gate)
			under := v.add(v.expLlama(v.sub(v.zero(), x)), v.c(1))
			s.store(v.mul(v.div(x, under), s.load(up)), y)
		})
	}},
}

// dotLlama adds up products in so many lanes, whose halves are added again and
// again.
func (v *vm) dotLlama(lanes int) {
	a, b := v.gp("a"), v.gp("b")
	sums := v.reduce(v.len("a"), lanes, 1, v.zero, func(s strip, acc []vec) {
		v.addTo(acc[0], s.load(a), s.load(b))
	})[0]
	if lanes == 64 { // fold adds neighbours of 16 lanes: here the first and the third are
		part := len(sums) / 4
		sums = slices.Concat(sums[:part], sums[2*part:3*part], sums[part:2*part], sums[3*part:])
	}
	v.result(v.fold(sums, "add"), "s")
}

// expLlama is llama.cpp's ggml_v_expf, with its coefficients and order: an
// error of at most 1.5 units in the last place.
func (v *vm) expLlama(x vec) vec {
	z := v.set(v.c(magic))
	v.addTo(z, x, v.c(0x1.715476p+0))
	n := v.sub(z, v.c(magic))
	b := v.copy(x)
	v.subTo(b, n, v.c(0x1.62e4p-1))
	v.subTo(b, n, v.c(0x1.7f7d1cp-20))
	u := v.mul(b, b)
	p := v.poly(b, 0x1.573e2ep-5, 0x1.0e4020p-7)
	q := v.poly(b, 0x1.fffdb6p-2, 0x1.555e66p-3)
	v.addTo(q, p, u)
	j := v.poly(b, 1, 0x1.ffffecp-1)
	v.addTo(j, q, u)
	r, ok := v.ldexp(j, n)
	if !ok {
		r = v.twoFactors(j, z)
	}
	r = v.sel(v.cmp(lt, n, v.c(-192)), v.zero(), r)
	return v.sel(v.cmp(gt, n, v.c(192)), v.set(v.c(math.Inf(1))), r)
}

var blocksFamily = family{kernels: blocksKernels, amd64: emitBlocks, arm64: (*neon).blocks}

func emitBlocks() {
	for _, x := range []isa{avx512, avx2} {
		x.halves()
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

// halves writes the conversions from and to 16 bits.
func (x isa) halves() {
	for _, name := range []string{"widen", "narrow"} {
		x.begin(blocksKernels, name)
		dst, src := Load(Param("dst").Base(), GP64()), Load(Param("x").Base(), GP64())
		n := Load(Param("x").Len(), GP64())
		SUBQ(Imm(16), n)
		JB(LabelRef("done"))
		Label("loop")
		for at := 0; at < 16; at += x.width {
			wide, half := VecVirtual(YMM()), VecVirtual(XMM())
			if x.width == 16 {
				wide, half = ZMM(), YMM()
			}
			if name == "widen" {
				VCVTPH2PS(Mem{Base: src, Disp: 2 * at}, wide)
				VMOVUPS(wide, Mem{Base: dst, Disp: 4 * at})
			} else {
				VMOVUPS(Mem{Base: src, Disp: 4 * at}, wide)
				VCVTPS2PH(Imm(0), wide, half)
				VMOVDQU(half, Mem{Base: dst, Disp: 2 * at})
			}
		}
		from, to := 32, 64
		if name == "narrow" {
			from, to = 64, 32
		}
		ADDQ(Imm(uint64(from)), src)
		ADDQ(Imm(uint64(to)), dst)
		SUBQ(Imm(16), n)
		JAE(LabelRef("loop"))
		Label("done")
		VZEROUPPER()
		RET()
	}
}
