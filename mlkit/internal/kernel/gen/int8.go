//go:build gen

package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// int8Kernels are written for registers by name.
var int8Kernels = []kernel{
	{name: "sums", signature: "func(t *tiles)", where: everywhere | vnni},
	{name: "toBytes", signature: "func(f *finish)", where: amd64},
	{name: "toFloats", signature: "func(f *finish)", where: amd64},
	{name: "quantizeBlocks", signature: "func(dst []uint8, src []float32, inverse, low, high float32, zero int32) (ok bool)", where: amd64},
	{name: "extentBlocks", signature: "func(x []float32, bounds *[2]float32) (ok bool)", where: amd64},
	{name: "widenBlocks", signature: "func(dst []int16, src []uint8)", where: amd64},
	{name: "largest", signature: "func(c []int32, pairs, cols, below int)", where: amd64},
	{name: "largerBlocks", signature: "func(dst, src []uint8)", where: amd64},
	{name: "nibbles", signature: "func(dst []float32, src []uint8, scales []float32)", where: amd64},
}

var int8Family = family{kernels: int8Kernels, amd64: emitInt8, arm64: (*neon).sums8}

func emitInt8() {
	sumsVNNI()
	sumsAVX2()
	for _, x := range []isa{avx512, avx2} {
		x.toBytes()
		x.toFloats()
		x.quantize()
		x.extent()
		x.widen()
		x.largest()
		x.larger()
		x.nibbles()
	}
}

// Registers of the kernels of sums: a row of a is at rowA or rowA3 plus 0, 1 or
// 2 strides.
const sumRows = 6

func rowOf(r int, rowA, rowA3, lda GPPhysical) Mem {
	m := Mem{Base: rowA}
	if r >= 3 {
		m.Base = rowA3
	}
	if r%3 > 0 {
		m.Index, m.Scale = lda, uint8(r%3)
	}
	return m
}

// sumsVNNI emits tiles of six rows and four panels, and all smaller ones. The
// activations are the unsigned operand of VPDPBUSD, so it is they that are
// broadcast by an instruction of their own.
func sumsVNNI() {
	avx512.begin(int8Kernels, "sums")
	var (
		arg                     = RDI
		rowA, rowA3, lda, b     = RSI, R8, R9, RBX
		ldb, ldb3, k, segs      = R10, R11, RCX, RDX
		c, ldc, rows, atA, back = R12, R13, R14, RAX, R15
	)
	t := structParam("t", arg)
	MOVQ(t.at("a"), atA)
	MOVQ(t.at("lda"), lda)
	MOVQ(t.at("ldb"), ldb)
	MOVQ(t.at("c"), c)
	MOVQ(t.at("ldc"), ldc)
	SHLQ(Imm(2), ldc)
	MOVQ(t.at("rows"), rows)
	LEAQ(Mem{Base: ldb, Index: ldb, Scale: 2}, ldb3)
	MOVQ(t.at("apart"), back)
	MOVQ(t.at("groups"), k)
	SHLQ(Imm(2), k)
	SUBQ(k, back) // from the end of a piece to the next
	for v := 4; v >= 1; v-- {
		CMPQ(t.at("panels"), Imm(uint64(v)))
		JE(LabelRef(fmt.Sprint("v", v)))
	}
	RET()
	panel := func(v int) Mem {
		return []Mem{{Base: b}, {Base: b, Index: ldb, Scale: 1}, {Base: b, Index: ldb, Scale: 2},
			{Base: b, Index: ldb3, Scale: 1}}[v]
	}
	for vecs := 4; vecs >= 1; vecs-- {
		Label(fmt.Sprint("v", vecs))
		for r := sumRows; r >= 1; r-- {
			label := fmt.Sprintf("r%dv%d", r, vecs)
			Label(label)
			CMPQ(rows, Imm(uint64(r)))
			JL(LabelRef(label + "end"))
			acc := func(r, v int) VecPhysical { return avx512.reg[r*vecs+v] }
			for i := range r * vecs {
				VPXORD(avx512.reg[i], avx512.reg[i], avx512.reg[i])
			}
			MOVQ(atA, rowA)
			LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, rowA3)
			ADDQ(rowA, rowA3)
			MOVQ(t.at("b"), b)
			MOVQ(t.at("segs"), segs)
			Label(label + "seg")
			MOVQ(t.at("groups"), k)
			Label(label + "k")
			for v := range vecs {
				VMOVDQU32(panel(v), avx512.reg[24+v])
			}
			for i := range r {
				x := avx512.reg[28+i%4]
				VPBROADCASTD(rowOf(i, rowA, rowA3, lda), x)
				for v := range vecs {
					VPDPBUSD(avx512.reg[24+v], x, acc(i, v))
				}
			}
			ADDQ(Imm(4), rowA)
			ADDQ(Imm(4), rowA3)
			ADDQ(Imm(64), b)
			DECQ(k)
			JNZ(LabelRef(label + "k"))
			ADDQ(back, rowA)
			ADDQ(back, rowA3)
			DECQ(segs)
			JNZ(LabelRef(label + "seg"))
			for i := range r {
				for v := range vecs {
					VMOVDQU32(acc(i, v), Mem{Base: c, Disp: 64 * v})
				}
				ADDQ(ldc, c)
				ADDQ(lda, atA)
			}
			SUBQ(Imm(uint64(r)), rows)
			JMP(LabelRef(label))
			Label(label + "end")
		}
		VZEROUPPER()
		RET()
	}
}

// sumsAVX2 emits tiles of six rows and half a panel and, for one or two rows, a
// whole one. A register has two sums for each of four columns, of the even and
// the odd pairs of k, which are added up last. The activations come widened to
// 16 bits, so that one load brings four of a row to all columns.
func sumsAVX2() {
	avx2.begin(int8Kernels, "sums")
	var (
		arg                     = RDI
		rowA, rowA3, lda, b     = RSI, R8, R9, RBX
		panels, topB, k, segs   = R10, R11, RCX, RDX
		c, ldc, rows, atA, back = R12, R13, R14, RAX, R15
	)
	t := structParam("t", arg)
	MOVQ(t.at("lda"), lda)
	ADDQ(lda, lda)
	MOVQ(t.at("ldc"), ldc)
	SHLQ(Imm(2), ldc)
	MOVQ(t.at("apart"), back)
	ADDQ(back, back)
	MOVQ(t.at("groups"), k)
	SHLQ(Imm(3), k)
	SUBQ(k, back)
	MOVQ(t.at("panels"), panels)
	MOVQ(t.at("b"), topB)
	Label("panel")
	MOVQ(t.at("wide"), atA)
	MOVQ(t.at("rows"), rows)
	// c of this panel: from the panels that are left.
	MOVQ(t.at("panels"), c)
	SUBQ(panels, c)
	SHLQ(Imm(6), c)
	ADDQ(t.at("c"), c)
	tile := func(r, vecs int) {
		label := fmt.Sprintf("r%d", r)
		Label(label)
		CMPQ(rows, Imm(uint64(r)))
		JL(LabelRef(label + "end"))
		for half := range 4 / vecs {
			at := fmt.Sprintf("%sh%d", label, half)
			acc := func(r, v int) VecPhysical { return avx2.reg[r*vecs+v] }
			for i := range r * vecs {
				VPXOR(avx2.reg[i], avx2.reg[i], avx2.reg[i])
			}
			MOVQ(atA, rowA)
			LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, rowA3)
			ADDQ(rowA, rowA3)
			MOVQ(topB, b)
			MOVQ(t.at("segs"), segs)
			Label(at + "seg")
			MOVQ(t.at("groups"), k)
			Label(at + "k")
			if vecs == 2 {
				b0, b1, x, y := Y12, Y13, Y14, Y15
				VPMOVSXBW(Mem{Base: b, Disp: 32 * half}, b0)
				VPMOVSXBW(Mem{Base: b, Disp: 32*half + 16}, b1)
				for i := range r {
					VPBROADCASTQ(rowOf(i, rowA, rowA3, lda), x)
					VPMADDWD(b0, x, y)
					VPADDD(y, acc(i, 0), acc(i, 0))
					VPMADDWD(b1, x, x)
					VPADDD(x, acc(i, 1), acc(i, 1))
				}
			} else {
				for i := range r {
					x := avx2.reg[14+i]
					VPBROADCASTQ(rowOf(i, rowA, rowA3, lda), x)
				}
				for v := range vecs {
					w, y := avx2.reg[10+v%2], avx2.reg[12+v%2]
					VPMOVSXBW(Mem{Base: b, Disp: 16 * v}, w)
					for i := range r {
						VPMADDWD(w, avx2.reg[14+i], y)
						VPADDD(y, acc(i, v), acc(i, v))
					}
				}
			}
			ADDQ(Imm(8), rowA)
			ADDQ(Imm(8), rowA3)
			ADDQ(Imm(64), b)
			DECQ(k)
			JNZ(LabelRef(at + "k"))
			ADDQ(back, rowA)
			ADDQ(back, rowA3)
			DECQ(segs)
			JNZ(LabelRef(at + "seg"))
			MOVQ(c, b)
			for i := range r {
				for v := 0; v < vecs; v += 2 {
					y := acc(i, v)
					VPHADDD(acc(i, v+1), y, y)
					VPERMQ(U8(0xd8), y, y)
					VMOVDQU(y, Mem{Base: b, Disp: 32*half + 16*v})
				}
				if i < r-1 {
					ADDQ(ldc, b)
				}
			}
		}
		for range r {
			ADDQ(ldc, c)
			ADDQ(lda, atA)
		}
		SUBQ(Imm(uint64(r)), rows)
		JMP(LabelRef(label))
		Label(label + "end")
	}
	for r := sumRows; r >= 1; r-- {
		tile(r, map[bool]int{true: 4, false: 2}[r <= 2])
	}
	ADDQ(t.at("ldb"), topB)
	DECQ(panels)
	JNZ(LabelRef("panel"))
	VZEROUPPER()
	RET()
}

// spread loads a number of 32 bits of a struct into all lanes.
func (x isa) spread(m Mem) VecVirtual {
	r := x.fresh()
	VBROADCASTSS(m, r)
	return r
}

func (x isa) fresh() VecVirtual {
	if x.width == 16 {
		return ZMM()
	}
	return YMM()
}

// rowsOf emits a loop over the rows and vectors of a finish: Columns at a time,
// which body does.
func (x isa) rowsOf(f fields, result string, size int, body func(c, y, minus, scale, bias Register, at Register)) {
	c, y, rows, cols := GP64(), GP64(), GP64(), GP64()
	ldc, ldy, minus, scale, bias, at := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	MOVQ(f.at("c"), c)
	MOVQ(f.at(result), y)
	MOVQ(f.at("rows"), rows)
	MOVQ(f.at("cols"), cols)
	MOVQ(f.at("ldc"), ldc)
	SHLQ(Imm(2), ldc)
	MOVQ(f.at("ldy"), ldy)
	if size == 4 {
		SHLQ(Imm(2), ldy)
	}
	MOVQ(f.at("minus"), minus)
	MOVQ(f.at("scale"), scale)
	MOVQ(f.at("bias"), bias)
	Label("row")
	XORQ(at, at)
	Label("cols")
	body(c, y, minus, scale, bias, at)
	ADDQ(Imm(16), at)
	CMPQ(at, cols)
	JL(LabelRef("cols"))
	ADDQ(ldc, c)
	ADDQ(ldy, y)
	DECQ(rows)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// value computes (c − minus)·scale + bias of the vector part of Columns.
func (x isa) value(c, minus, scale, bias, at Register, part int) VecVirtual {
	place := func(p Register) Mem { return Mem{Base: p, Index: at, Scale: 4, Disp: 4 * x.width * part} }
	v := x.fresh()
	if x.width == 16 {
		VMOVDQU32(place(c), v)
	} else {
		VMOVDQU(place(c), v)
	}
	VPSUBD(place(minus), v, v)
	VCVTDQ2PS(v, v)
	VMULPS(place(scale), v, v)
	VADDPS(place(bias), v, v)
	return v
}

// round bounds v, rounds it and adds zero. The second source of VMAXPS is what
// comes out if the first is NaN.
func (x isa) round(v, low, high, zero VecVirtual) {
	VMAXPS(low, v, v)
	VMINPS(high, v, v)
	VCVTPS2DQ(v, v)
	VPADDD(zero, v, v)
}

// narrow stores the lowest bytes of Columns words.
func (x isa) narrow(v []VecVirtual, to Mem) {
	if x.width == 16 {
		VPMOVDB(v[0], to)
		return
	}
	VPACKUSDW(v[1], v[0], v[0])
	VPERMQ(U8(0xd8), v[0], v[0])
	high := YMM()
	VEXTRACTI128(U8(1), v[0], high.AsX())
	VPACKUSWB(high.AsX(), v[0].AsX(), high.AsX())
	VMOVDQU(high.AsX(), to)
}

func (x isa) toBytes() {
	x.begin(int8Kernels, "toBytes")
	f := structParam("f", RDI)
	low, high, zero := x.spread(f.at("low")), x.spread(f.at("high")), x.spread(f.at("zero"))
	x.rowsOf(f, "bytes", 1, func(c, y, minus, scale, bias, at Register) {
		var vs []VecVirtual
		for part := range Columns8 / x.width {
			v := x.value(c, minus, scale, bias, at, part)
			x.round(v, low, high, zero)
			vs = append(vs, v)
		}
		x.narrow(vs, Mem{Base: y, Index: at, Scale: 1})
	})
}

// Columns8 is Columns of package int8.
const Columns8 = 16

func (x isa) toFloats() {
	x.begin(int8Kernels, "toFloats")
	f := structParam("f", RDI)
	low := x.spread(f.at("low"))
	x.rowsOf(f, "floats", 4, func(c, y, minus, scale, bias, at Register) {
		for part := range Columns8 / x.width {
			v := x.value(c, minus, scale, bias, at, part)
			VMAXPS(v, low, v) // a NaN of the second source stays
			VMOVUPS(v, Mem{Base: y, Index: at, Scale: 4, Disp: 4 * x.width * part})
		}
	})
}

// param loads a float32 or the lower half of an int into all lanes.
func (x isa) param(name string) VecVirtual {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return x.spread(b.Addr)
}

// nans collects which lanes have seen NaN.
type nans struct {
	x   isa
	acc Register
}

func (x isa) newNaNs() *nans {
	if x.width == 16 {
		k := K()
		KXORW(k, k, k)
		return &nans{x, k}
	}
	y := YMM()
	VXORPS(y, y, y)
	return &nans{x, y}
}

func (n *nans) see(v VecVirtual) {
	if n.x.width == 16 {
		k := K()
		VCMPPS(U8(unord), v, v, k)
		KORW(k, n.acc, n.acc)
		return
	}
	m := YMM()
	VCMPPS(U8(unord), v, v, m)
	VORPS(m, n.acc, n.acc)
}

// result returns whether there was none.
func (n *nans) result() {
	r, ok := GP32(), GP8()
	if n.x.width == 16 {
		KMOVW(n.acc, r)
	} else {
		VMOVMSKPS(n.acc, r)
	}
	TESTL(r, r)
	SETEQ(ok)
	Store(ok, Return("ok"))
	VZEROUPPER()
	RET()
}

func (x isa) quantize() {
	x.begin(int8Kernels, "quantizeBlocks")
	dst, src, n := GP64(), GP64(), GP64()
	Load(Param("dst").Base(), dst)
	Load(Param("src").Base(), src)
	Load(Param("src").Len(), n)
	low, high, inverse, zero := x.param("low"), x.param("high"), x.param("inverse"), x.param("zero")
	nan := x.newNaNs()
	Label("block")
	var vs []VecVirtual
	for part := range Columns8 / x.width {
		v := x.fresh()
		VMOVUPS(Mem{Base: src, Disp: 4 * x.width * part}, v)
		nan.see(v)
		VMULPS(inverse, v, v)
		x.round(v, low, high, zero)
		vs = append(vs, v)
	}
	x.narrow(vs, Mem{Base: dst})
	ADDQ(Imm(64), src)
	ADDQ(Imm(16), dst)
	SUBQ(Imm(16), n)
	JG(LabelRef("block"))
	nan.result()
}

func (x isa) extent() {
	x.begin(int8Kernels, "extentBlocks")
	src, n, out := GP64(), GP64(), GP64()
	Load(Param("x").Base(), src)
	Load(Param("x").Len(), n)
	Load(Param("bounds"), out)
	var lo, hi []VecVirtual
	for range Columns8 / x.width {
		lo, hi = append(lo, x.spread(Mem{Base: out})), append(hi, x.spread(Mem{Base: out, Disp: 4}))
	}
	nan := x.newNaNs()
	Label("block")
	for part := range Columns8 / x.width {
		v := x.fresh()
		VMOVUPS(Mem{Base: src, Disp: 4 * x.width * part}, v)
		nan.see(v)
		VMINPS(lo[part], v, lo[part]) // of NaN, the bound so far
		VMAXPS(hi[part], v, hi[part])
	}
	ADDQ(Imm(64), src)
	SUBQ(Imm(16), n)
	JG(LabelRef("block"))
	for k, op := range []func(...Op){VMINPS, VMAXPS} {
		acc := [][]VecVirtual{lo, hi}[k]
		y := YMM()
		if x.width == 16 {
			VEXTRACTF64X4(U8(1), acc[0], y)
			op(acc[0].AsY(), y, y)
		} else {
			op(acc[1], acc[0], y)
		}
		h := XMM()
		VEXTRACTF128(U8(1), y, h)
		op(y.AsX(), h, h)
		g := XMM()
		VMOVHLPS(h, h, g)
		op(h, g, h)
		VMOVSHDUP(h, g)
		op(h, g, h)
		VMOVSS(h, Mem{Base: out, Disp: 4 * k})
	}
	nan.result()
}

func (x isa) widen() {
	x.begin(int8Kernels, "widenBlocks")
	dst, src, n := GP64(), GP64(), GP64()
	Load(Param("dst").Base(), dst)
	Load(Param("src").Base(), src)
	Load(Param("src").Len(), n)
	Label("block")
	v := YMM()
	VPMOVZXBW(Mem{Base: src}, v)
	VMOVDQU(v, Mem{Base: dst})
	ADDQ(Imm(16), src)
	ADDQ(Imm(32), dst)
	SUBQ(Imm(16), n)
	JG(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// largest emits the kernel that leaves the largest of four sums: of a pair of
// rows, and of the pair below.
func (x isa) largest() {
	x.begin(int8Kernels, "largest")
	c, pairs, cols, below, to, at := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	Load(Param("c").Base(), c)
	Load(Param("pairs"), pairs)
	Load(Param("cols"), cols)
	Load(Param("below"), below)
	SHLQ(Imm(2), cols)
	SHLQ(Imm(2), below)
	MOVQ(c, to)
	Label("pair")
	XORQ(at, at)
	right, under, both := GP64(), GP64(), GP64()
	MOVQ(c, right)
	ADDQ(cols, right)
	MOVQ(c, under)
	ADDQ(below, under)
	MOVQ(right, both)
	ADDQ(below, both)
	Label("cols")
	v := x.fresh()
	if x.width == 16 {
		VMOVDQU32(Mem{Base: c, Index: at, Scale: 1}, v)
	} else {
		VMOVDQU(Mem{Base: c, Index: at, Scale: 1}, v)
	}
	for _, p := range []Register{right, under, both} {
		VPMAXSD(Mem{Base: p, Index: at, Scale: 1}, v, v)
	}
	if x.width == 16 {
		VMOVDQU32(v, Mem{Base: to, Index: at, Scale: 1})
	} else {
		VMOVDQU(v, Mem{Base: to, Index: at, Scale: 1})
	}
	ADDQ(Imm(uint64(4*x.width)), at)
	CMPQ(at, cols)
	JL(LabelRef("cols"))
	LEAQ(Mem{Base: c, Index: cols, Scale: 2}, c)
	ADDQ(cols, to)
	DECQ(pairs)
	JNZ(LabelRef("pair"))
	VZEROUPPER()
	RET()
}

func (x isa) larger() {
	x.begin(int8Kernels, "largerBlocks")
	dst, src, n := GP64(), GP64(), GP64()
	Load(Param("dst").Base(), dst)
	Load(Param("src").Base(), src)
	Load(Param("src").Len(), n)
	Label("block")
	v := XMM()
	VMOVDQU(Mem{Base: dst}, v)
	VPMAXUB(Mem{Base: src}, v, v)
	VMOVDQU(v, Mem{Base: dst})
	ADDQ(Imm(16), src)
	ADDQ(Imm(16), dst)
	SUBQ(Imm(16), n)
	JG(LabelRef("block"))
	VZEROUPPER()
	RET()
}

// nibbles emits the kernel that makes floats of groups of 32 nibbles: the lower
// halves of 16 bytes, then the upper ones.
func (x isa) nibbles() {
	x.begin(int8Kernels, "nibbles")
	dst, src, scales, n := GP64(), GP64(), GP64(), GP64()
	Load(Param("dst").Base(), dst)
	Load(Param("src").Base(), src)
	Load(Param("scales").Base(), scales)
	Load(Param("scales").Len(), n)
	low, eight := x.spread(constant("nibbleMask", 15)), x.spread(constant("nibbleZero", 8))
	Label("group")
	scale := x.spread(Mem{Base: scales})
	for part := range Columns8 / x.width {
		v, high := x.fresh(), x.fresh()
		VPMOVZXBD(Mem{Base: src, Disp: x.width * part}, v)
		VPSRLD(U8(4), v, high)
		if x.width == 16 {
			VPANDD(low, v, v)
		} else {
			VPAND(low, v, v)
		}
		for half, w := range []VecVirtual{v, high} {
			VPSUBD(eight, w, w)
			VCVTDQ2PS(w, w)
			VMULPS(scale, w, w)
			VMOVUPS(w, Mem{Base: dst, Disp: 64*half + 4*x.width*part})
		}
	}
	ADDQ(Imm(16), src)
	ADDQ(Imm(128), dst)
	ADDQ(Imm(4), scales)
	DECQ(n)
	JNZ(LabelRef("group"))
	VZEROUPPER()
	RET()
}

// constants are those of a file, by name.
var constants = map[string]Mem{}

func constant(name string, v uint32) Mem {
	m, ok := constants[name]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		DATA(0, U32(v))
		constants[name] = m
	}
	return m
}

// sums8 writes the kernel of sums for arm64: a row and a panel at a time. A
// column has four sums, of k modulo four, which are added up last.
func (n *neon) sums8() {
	s := &n.asm
	s.WriteString(`
// func sumRowsNEON(a *uint8, b *int8, c *int32, rows, lda, ldc, segs, apart,
// groups int)
TEXT ·sumRowsNEON(SB), NOSPLIT, $0-72
	MOVD a+0(FP), R0
	MOVD b+8(FP), R1
	MOVD c+16(FP), R2
	MOVD rows+24(FP), R3
	MOVD lda+32(FP), R4
	MOVD ldc+40(FP), R5
	MOVD segs+48(FP), R6
	MOVD apart+56(FP), R7
	MOVD groups+64(FP), R8
	LSL  $2, R5
	SUB  R8<<2, R7, R7

row:
	MOVD R0, R9
	MOVD R1, R10
	MOVD R6, R11
`)
	for i := range 16 {
		fmt.Fprintf(s, "\tVEOR V%d.B16, V%d.B16, V%d.B16\n", i, i, i)
	}
	s.WriteString(`
seg:
	MOVD R8, R12

group:
	VLD1R.P 4(R9), [V16.S2]
	VLD1.P  64(R10), [V20.B16, V21.B16, V22.B16, V23.B16]
`)
	word := func(op string, code, d, a, b int) {
		fmt.Fprintf(s, "\tWORD $%#x // %s V%d, V%d, V%d\n", code|b<<16|a<<5|d, op, d, a, b)
	}
	word("uxtl", 0x2f08a400, 16, 16, 0)
	for v := range 4 {
		word("sxtl", 0x0f08a400, 17, 20+v, 0)
		word("sxtl2", 0x4f08a400, 18, 20+v, 0)
		for h := range 2 {
			word("smlal", 0x0e608000, 4*v+2*h, 17+h, 16)
			word("smlal2", 0x4e608000, 4*v+2*h+1, 17+h, 16)
		}
	}
	s.WriteString(`	SUBS $1, R12
	BNE  group
	ADD  R7, R9
	SUBS $1, R11
	BNE  seg
`)
	for i := 0; i < 16; i += 2 {
		word("addp", 0x4ea0bc00, i/2, i, i+1)
	}
	for i := 0; i < 8; i += 2 {
		word("addp", 0x4ea0bc00, i/2, i, i+1)
	}
	s.WriteString(`	VST1 [V0.S4, V1.S4, V2.S4, V3.S4], (R2)
	ADD  R4, R0
	ADD  R5, R2
	SUBS $1, R3
	BNE  row
	RET
`)
	n.stubs.WriteString(`
// sumRowsNEON computes rows of sums of one panel.
//
//go:noescape
func sumRowsNEON(a *uint8, b *int8, c *int32, rows, lda, ldc, segs, apart, groups int)
`)
}
