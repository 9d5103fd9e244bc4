//go:build gen

package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

func emitWinograd() {
	for _, x := range []isa{avx512, avx2} {
		w := winograd{isa: x}
		w.emit("tilesInput", 6, 6, w.input)
		w.emit("tilesWeight", 3, 6, func(d, t []VecPhysical) []VecPhysical { return w.weight(d, t, 3) })
		w.emit("tilesGrad", 4, 6, func(d, t []VecPhysical) []VecPhysical { return w.weight(d, t, 4) })
		w.emit("tilesOutput", 6, 4, func(d, t []VecPhysical) []VecPhysical { return w.output(d, t, 4) })
		w.emit("tilesWeightGrad", 6, 3, func(d, t []VecPhysical) []VecPhysical { return w.output(d, t, 3) })
	}
}

const pointA, pointB float64 = 0.75, 1.5 // winA, winB of package conv

type winograd struct{ isa }

var constantVectors = map[float32]Mem{}

// constant returns a vector of v in memory.
func (w *winograd) constant(v float64) Mem {
	f := float32(v)
	if m, ok := constantVectors[f]; ok {
		return m
	}
	name := "win" + string(rune('A'+len(constantVectors)))
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(math.Float32bits(f)))
	}
	constantVectors[f] = m
	return m
}

func (w *winograd) fma(dst, x VecPhysical, c float64)  { VFMADD231PS(w.constant(c), x, dst) }
func (w *winograd) fnma(dst, x VecPhysical, c float64) { VFNMADD231PS(w.constant(c), x, dst) }

// input emits the transform of six inputs, winInput1 of package conv.
func (w *winograd) input(d, t []VecPhysical) []VecPhysical {
	const a, b = pointA, pointB
	end := func(o, d0, d2, d4 VecPhysical) {
		VMOVAPS(d4, o)
		w.fnma(o, d2, a*a+b*b)
		w.fma(o, d0, a*a*b*b)
	}
	pair := func(plus, minus, f VecPhysical, p, q float64) {
		VMOVAPS(d[4], plus)
		w.fnma(plus, d[2], q*q)
		VMOVAPS(d[3], f)
		w.fnma(f, d[1], q*q)
		VMOVAPS(plus, minus)
		w.fma(plus, f, p)
		w.fnma(minus, f, p)
	}
	pair(t[1], t[2], t[0], a, b)
	pair(t[3], t[4], t[0], b, a)
	end(t[0], d[0], d[2], d[4])
	end(t[5], d[1], d[3], d[5])
	return t[:6]
}

// weight emits the transform of three or four weights, winWeight1 of package
// conv.
func (w *winograd) weight(g, t []VecPhysical, n int) []VecPhysical {
	const a, b = pointA, pointB
	pair := func(plus, minus, u VecPhysical, p, q float64) {
		c := 1 / (2 * p * p * (p*p - q*q))
		VMULPS(w.constant(c), g[0], plus)
		w.fma(plus, g[2], c*p*p)
		VMULPS(w.constant(c*p), g[1], u)
		if n == 4 {
			w.fma(u, g[3], c*p*p*p)
		}
		VSUBPS(u, plus, minus)
		VADDPS(u, plus, plus)
	}
	pair(t[1], t[2], t[0], a, b)
	pair(t[3], t[4], t[0], b, a)
	VMULPS(w.constant(1/(a*a*b*b)), g[0], t[0])
	VMOVAPS(g[n-1], t[5])
	return t[:6]
}

// output emits the transform to three or four outputs, winOutput1 of package
// conv.
func (w *winograd) output(m, t []VecPhysical, n int) []VecPhysical {
	const a, b = pointA, pointB
	s1, s2, d1, d2 := t[4], t[5], t[6], t[7]
	VADDPS(m[2], m[1], s1)
	VSUBPS(m[2], m[1], d1)
	VADDPS(m[4], m[3], s2)
	VSUBPS(m[4], m[3], d2)
	VADDPS(s1, m[0], t[0])
	VADDPS(s2, t[0], t[0])
	VMULPS(w.constant(a), d1, t[1])
	w.fma(t[1], d2, b)
	last := 2
	if n == 4 {
		VMULPS(w.constant(a*a), s1, t[2])
		w.fma(t[2], s2, b*b)
		s1, s2, last = d1, d2, 3
	}
	VMOVAPS(m[5], t[last])
	w.fma(t[last], s1, math.Pow(a, float64(last)))
	w.fma(t[last], s2, math.Pow(b, float64(last)))
	return t[:n]
}

// emit emits a transform of the rows and columns of tiles of in×in vectors to
// out×out vectors.
func (w *winograd) emit(name string, in, out int, transform func(d, t []VecPhysical) []VecPhysical) {
	w.begin(convKernels, name)
	var (
		arg, dst, src, tmp = RAX, RDI, RSI, RDX
		tiles, vectors     = R8, R9
		vecDst, vecSrc     = R10, R11
		at, next           = R12, R13
		step, bias         = RBX, RCX
		bytes              = 4 * w.width
	)
	loadSlice("dst", dst)
	loadSlice("src", src)
	loadSlice("tmp", tmp)
	p := structParam("p", arg)
	MOVQ(p.at("start"), at)
	LEAQ(Mem{Base: src, Index: at, Scale: 4}, src)
	d, t := w.reg[:in], w.reg[in:]
	offset := func(field string, r GPPhysical) {
		MOVQ(p.at(field), r)
		SHLQ(Imm(2), r)
	}
	MOVQ(p.at("tiles"), tiles)
	Label("tile")
	MOVQ(dst, vecDst)
	MOVQ(src, vecSrc)
	MOVQ(p.at("vectors"), vectors)
	SHRQ(Imm(w.log2Width()), vectors)
	if name == "tilesOutput" {
		MOVQ(p.at("bias"), bias)
	}

	Label("vector")
	// Columns, to tmp.
	offset("srcRow", step)
	MOVQ(vecSrc, next)
	for col := range in {
		MOVQ(next, at)
		for r := range in {
			VMOVUPS(Mem{Base: at}, d[r])
			if r < in-1 {
				ADDQ(step, at)
			}
		}
		for r, o := range transform(d, t) {
			VMOVUPS(o, Mem{Base: tmp, Disp: (r*in + col) * bytes})
		}
		if col < in-1 {
			MOVQ(p.at("srcCol"), at)
			LEAQ(Mem{Base: next, Index: at, Scale: 4}, next)
		}
	}
	// Rows, from tmp.
	offset("dstCol", step)
	MOVQ(vecDst, next)
	for row := range out {
		for c := range in {
			VMOVUPS(Mem{Base: tmp, Disp: (row*in + c) * bytes}, d[c])
		}
		res := transform(d, t)
		if name == "tilesOutput" {
			TESTQ(bias, bias)
			none := "noBias" + string(rune('0'+row))
			JZ(LabelRef(none))
			for _, o := range res {
				VADDPS(Mem{Base: bias}, o, o)
			}
			Label(none)
			CMPQ(p.at("relu"), Imm(0))
			none = "noReLU" + string(rune('0'+row))
			JE(LabelRef(none))
			w.zero(d[0])
			for _, o := range res {
				VMAXPS(o, d[0], o)
			}
			Label(none)
		}
		MOVQ(next, at)
		for i, o := range res {
			VMOVUPS(o, Mem{Base: at})
			if i < out-1 {
				ADDQ(step, at)
			}
		}
		if row < out-1 {
			MOVQ(p.at("dstRow"), at)
			LEAQ(Mem{Base: next, Index: at, Scale: 4}, next)
		}
	}
	if name == "tilesOutput" {
		TESTQ(bias, bias)
		JZ(LabelRef("nextVector"))
		ADDQ(Imm(uint64(bytes)), bias)
		Label("nextVector")
	}
	ADDQ(Imm(uint64(bytes)), vecSrc)
	ADDQ(Imm(uint64(bytes)), vecDst)
	DECQ(vectors)
	JNZ(LabelRef("vector"))
	MOVQ(p.at("srcTile"), at)
	LEAQ(Mem{Base: src, Index: at, Scale: 4}, src)
	MOVQ(p.at("dstTile"), at)
	LEAQ(Mem{Base: dst, Index: at, Scale: 4}, dst)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}
