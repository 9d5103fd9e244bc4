//go:build gen

package main

import (
	"fmt"
	"math/bits"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// gemmKernels are written for registers by name, but for those of products with
// a vector.
var gemmKernels = []kernel{
	{name: "runTiles", signature: "func(t *tiles)", where: everywhere},
	{name: "runListed", signature: "func(t *tiles)", where: amd64},
	{name: "runDots", signature: "func(t *tiles)", where: everywhere},
	{name: "transposeBlock", signature: "func(dst, src []float32, ld, rows, n, stride int)", where: amd64},
	{name: "packRows", signature: "func(dst, src []float32, width, count, k, ld int)", where: amd64},
	{name: "blocksCopy", signature: "func(dst, src []float32, b *Blocks)", where: amd64},
	{name: "blocksAdd", signature: "func(dst, src []float32, b *Blocks)", where: amd64},
	{name: "evenCopy", signature: "func(dst, src []float32, b *Blocks)", where: amd64},
	{name: "evenAdd", signature: "func(dst, src []float32, b *Blocks)", where: amd64},
	{"scaledRow", "func(dst, x []float32, a float32)", everywhere, func(v *vm) {
		dst, x, a := v.gp("dst"), v.gp("x"), v.scalar("a")
		v.strips(v.len("dst"), 4, func(s strip) {
			r := v.zero()
			v.addTo(r, a, s.load(x))
			s.store(r, dst)
		})
	}},
	{"addRow", "func(dst, x []float32, a float32)", everywhere, func(v *vm) {
		dst, x, a := v.gp("dst"), v.gp("x"), v.scalar("a")
		v.strips(v.len("dst"), 4, func(s strip) {
			r := s.load(dst)
			v.addTo(r, a, s.load(x))
			s.store(r, dst)
		})
	}},
	{"addFourRows", "func(dst, x0, x1, x2, x3 []float32, a0, a1, a2, a3 float32)", everywhere, func(v *vm) {
		dst := v.gp("dst")
		x := []GPVirtual{v.gp("x0"), v.gp("x1"), v.gp("x2"), v.gp("x3")}
		a := []vec{v.scalar("a0"), v.scalar("a1"), v.scalar("a2"), v.scalar("a3")}
		v.strips(v.len("dst"), 4, func(s strip) {
			r := s.load(dst)
			for k := range x {
				v.addTo(r, a[k], s.load(x[k]))
			}
			s.store(r, dst)
		})
	}},
}

var gemmFamily = family{kernels: gemmKernels, amd64: emitGemm, arm64: (*neon).gemm}

// The flags of a column of tiles, as package gemm has them.
const (
	flagLoad, flagScale      = 1, 2
	flagBias, flagBiasRows   = 4, 8
	flagReLU, flagAdd        = 16, 32
	flagsAfter               = flagScale | flagAdd | flagBias | flagBiasRows | flagReLU
	maxRows512, maxRows256   = 12, 6
	wideRows512, wideRows256 = 4, 2
)

// isa is what differs between the two instruction sets in these kernels.
type isa struct {
	name  string
	width int // floats in a vector
	reg   []VecPhysical
	rows  int // most rows of a tile of two vectors
	wide  int // most rows of a tile of four vectors
}

// log2Width is the power of two that width is.
func (x isa) log2Width() uint64 { return uint64(bits.TrailingZeros(uint(x.width))) }

var avx512 = isa{"AVX512", 16, []VecPhysical{
	Z0, Z1, Z2, Z3, Z4, Z5, Z6, Z7, Z8, Z9, Z10, Z11, Z12, Z13, Z14, Z15,
	Z16, Z17, Z18, Z19, Z20, Z21, Z22, Z23, Z24, Z25, Z26, Z27, Z28, Z29, Z30, Z31,
}, maxRows512, wideRows512}

var avx2 = isa{"AVX2", 8, []VecPhysical{
	Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7, Y8, Y9, Y10, Y11, Y12, Y13, Y14, Y15,
}, maxRows256, wideRows256}

// tailMask is eight words of ones and eight of zeros: the eight that start n
// words before the zeros mask the first n floats of a vector.
var tailMask Mem

func newTailMask(name string) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 16 {
		v := uint32(0xffffffff)
		if i >= 8 {
			v = 0
		}
		DATA(4*i, U32(v))
	}
	return m
}

func emitGemm() {
	tailMask = newTailMask("tailMask")
	newEvens()
	for _, x := range []isa{avx512, avx2} {
		x.tiles("runTiles")
		x.tiles("runListed")
		x.dots()
		x.transpose()
		x.pack()
		x.blocks("blocksCopy", false, 1)
		x.blocks("blocksAdd", true, 1)
		x.blocks("evenCopy", false, 2)
		x.blocks("evenAdd", true, 2)
	}
}

// Registers of the tile kernels. A row of A is at one of the bases plus 0, 1,
// 2 or 3 strides; AX is the fourth base or, outside the loop over k, the
// stride of C.
var (
	arg    = RDI
	bases  = []GPPhysical{RSI, R8, R9, RAX}
	rs     = R10
	rs3    = R11
	cs     = R12
	ptrB   = RBX
	strB   = RDX
	countK = RCX
	ptrC   = R13
	strC   = RAX

	// Where the places of a row's elements are listed: A, and, in the place of
	// cs, the next of the list.
	ptrA = R15
	list = cs
)

// tiles emits one of the kernels that compute a column of tiles of C, see tiles
// in package gemm.
func (x isa) tiles(name string) {
	x.begin(gemmKernels, name)
	t := structParam("t", arg)
	listed := name == "runListed"
	for _, f := range []struct {
		name string
		r    GPPhysical
	}{{"rsA", rs}, {"csA", cs}, {"ldb", strB}} {
		if listed && f.name == "csA" {
			continue
		}
		MOVQ(t.at(f.name), f.r)
		SHLQ(Imm(2), f.r)
	}
	LEAQ(Mem{Base: rs, Index: rs, Scale: 2}, rs3)
	MOVQ(t.at("c"), ptrC)

	type variant struct {
		rows, vecs int
		masked     bool
	}
	label := func(v variant) string {
		s := fmt.Sprintf("r%dv%d", v.rows, v.vecs)
		if v.masked {
			s += "m"
		}
		return s
	}
	var variants []variant
	dispatch := func(vecs, rows int, masked bool) {
		for r := rows; r >= 1; r-- {
			v := variant{r, vecs, masked}
			variants = append(variants, v)
			CMPQ(t.at("rows"), Imm(uint64(r)))
			JE(LabelRef(label(v)))
		}
		RET()
	}
	x.masks(t)
	MOVQ(t.at("vecs"), RAX)
	CMPQ(RAX, Imm(2))
	JL(LabelRef("one"))
	JG(LabelRef("four"))
	if x.width == 8 {
		// A masked load costs more than a plain one here.
		CMPQ(t.at("width"), Imm(16))
		JL(LabelRef("masked"))
		dispatch(2, x.rows, false)
		Label("masked")
	}
	dispatch(2, x.rows, true)
	Label("one")
	dispatch(1, x.rows, true)
	Label("four")
	dispatch(4, x.wide, x.width == 16)
	for _, v := range variants {
		Label(label(v))
		x.tile(t, label(v), v.rows, v.vecs, v.masked, listed)
		RET()
	}
}

// masks sets up the masks of the columns in use: K1 to K4 for the vectors of
// a wide tile, of which narrower tiles use the last in K1; or Y15, for the
// last vector.
func (x isa) masks(t fields) {
	MOVQ(t.at("width"), RCX)
	if x.width == 8 {
		DECQ(RCX)
		ANDQ(Imm(7), RCX)
		INCQ(RCX) // columns in the last vector, 1 to 8
		NEGQ(RCX)
		LEAQ(tailMask, RAX)
		VMOVUPS(Mem{Base: RAX, Index: RCX, Scale: 4, Disp: 32}, Y15)
		return
	}
	// Bits of the columns in use; BZHI would need BMI2, shifts do not.
	MOVQ(I64(-1), RAX)
	NEGQ(RCX)
	ANDQ(Imm(63), RCX)
	SHRQ(CL, RAX) // width ones (64 for a width of 64)
	for i, k := range []OpmaskPhysical{K1, K2, K3, K4} {
		if i > 0 {
			SHRQ(Imm(16), RAX)
		}
		KMOVW(EAX, k)
	}
	// A tile of two vectors masks the second one only, as K1.
	CMPQ(t.at("vecs"), Imm(2))
	JNE(LabelRef("masksDone"))
	KMOVW(K2, K1)
	Label("masksDone")
}

// load and store move vector v of vecs.
func (x isa) load(m Mem, r VecPhysical, v, vecs int, masked bool) {
	switch k := x.mask(v, vecs, masked); {
	case k == nil:
		VMOVUPS(m, r)
	case x.width == 16:
		VMOVUPS_Z(m, k, r)
	default:
		VMASKMOVPS(m, k, r)
	}
}

func (x isa) store(r VecPhysical, m Mem, v, vecs int, masked bool) {
	switch k := x.mask(v, vecs, masked); {
	case k == nil:
		VMOVUPS(r, m)
	case x.width == 16:
		VMOVUPS(r, k, m)
	default:
		VMASKMOVPS(r, k, m)
	}
}

func (x isa) mask(v, vecs int, masked bool) Op {
	switch {
	case !masked || vecs == 2 && v == 0:
		return nil
	case x.width == 8:
		return Y15
	case vecs == 4:
		return []Op{K1, K2, K3, K4}[v]
	}
	return K1
}

func (x isa) zero(r VecPhysical) {
	if x.width == 16 {
		VPXORD(r, r, r)
	} else {
		VXORPS(r, r, r)
	}
}

// tile emits the loop over tiles of rows rows and vecs vectors.
func (x isa) tile(arg fields, label string, rows, vecs int, masked, listed bool) {
	acc := func(r, v int) VecPhysical { return x.reg[r*vecs+v] }
	vecB := x.reg[rows*vecs:][:vecs]
	temps := x.reg[rows*vecs+vecs:]
	if x.width == 8 && masked {
		temps = temps[:len(temps)-1]
	}
	bytes := 4 * x.width
	rowsOfC := func(f func(r, v int, m Mem)) {
		MOVQ(ptrC, ptrB)
		for r := range rows {
			for v := range vecs {
				f(r, v, Mem{Base: ptrB, Disp: v * bytes})
			}
			if r < rows-1 {
				ADDQ(strC, ptrB)
			}
		}
	}
	// fetchC asks for the tile of C that begins at ptrB.
	fetchC := func() {
		for r := range rows {
			for v := 0; v < vecs; v += 64 / bytes {
				PREFETCHT0(Mem{Base: ptrB, Disp: v * bytes})
			}
			if r < rows-1 {
				ADDQ(strC, ptrB)
			}
		}
	}

	Label(label + "tile")
	MOVQ(arg.at("ldc"), strC)
	SHLQ(Imm(2), strC)
	TESTQ(U32(flagLoad), arg.at("flags"))
	JZ(LabelRef(label + "zero"))
	rowsOfC(func(r, v int, m Mem) { x.load(m, acc(r, v), v, vecs, masked) })
	// The chains start from C, so nothing can be done before it is here: the
	// next tile's is asked for now.
	ADDQ(strC, ptrB)
	fetchC()
	JMP(LabelRef(label + "start"))
	Label(label + "zero")
	// Stores wait for their lines one after the other: C is fetched while the
	// chains grow.
	MOVQ(ptrC, ptrB)
	fetchC()
	for r := range rows {
		for v := range vecs {
			x.zero(acc(r, v))
		}
	}
	Label(label + "start")
	MOVQ(arg.at("off"), RSI)
	SHLQ(Imm(2), RSI)
	ADDQ(arg.at("a"), RSI)
	further := func() {
		for i := 1; 4*i < rows; i++ {
			LEAQ(Mem{Base: bases[i-1], Index: rs, Scale: 4}, bases[i])
		}
	}
	if listed {
		MOVQ(RSI, ptrA)
		MOVQ(arg.at("at"), list)
	} else {
		further()
	}
	MOVQ(arg.at("b"), ptrB)
	MOVQ(arg.at("k"), countK)

	Label(label + "k")
	if listed {
		MOVQ(Mem{Base: list}, RSI)
		LEAQ(Mem{Base: ptrA, Index: RSI, Scale: 4}, RSI)
		further()
		ADDQ(Imm(8), list)
	}
	for v := range vecs {
		x.load(Mem{Base: ptrB, Disp: v * bytes}, vecB[v], v, vecs, masked)
	}
	for r := range rows {
		m := Mem{Base: bases[r/4]}
		switch r % 4 {
		case 1:
			m.Index, m.Scale = rs, 1
		case 2:
			m.Index, m.Scale = rs, 2
		case 3:
			m.Index, m.Scale = rs3, 1
		}
		if vecs == 1 && x.width == 16 {
			VFMADD231PS_BCST(m, vecB[0], acc(r, 0))
			continue
		}
		t := temps[r%len(temps)]
		VBROADCASTSS(m, t)
		for v := range vecs {
			VFMADD231PS(vecB[v], t, acc(r, v))
		}
	}
	for i := 0; 4*i < rows && !listed; i++ {
		ADDQ(cs, bases[i])
	}
	ADDQ(strB, ptrB)
	DECQ(countK)
	JNZ(LabelRef(label + "k"))

	MOVQ(arg.at("ldc"), strC)
	SHLQ(Imm(2), strC)
	MOVQ(arg.at("flags"), RCX)
	TESTQ(U32(flagsAfter), RCX)
	JZ(LabelRef(label + "store"))
	each := func(f func(r, v int)) {
		for r := range rows {
			for v := range vecs {
				f(r, v)
			}
		}
	}
	t := temps[0]
	when := func(flag uint32, name string, f func()) {
		TESTQ(U32(flag), RCX)
		JZ(LabelRef(label + name))
		f()
		Label(label + name)
	}
	when(flagScale, "noScale", func() {
		VBROADCASTSS(arg.at("alpha"), t)
		each(func(r, v int) { VMULPS(t, acc(r, v), acc(r, v)) })
	})
	when(flagAdd, "noAdd", func() {
		rowsOfC(func(r, v int, m Mem) {
			x.load(m, vecB[v], v, vecs, masked)
			VADDPS(vecB[v], acc(r, v), acc(r, v))
		})
	})
	when(flagBias, "noBias", func() {
		MOVQ(arg.at("bias"), ptrB)
		for v := range vecs {
			x.load(Mem{Base: ptrB, Disp: v * bytes}, vecB[v], v, vecs, masked)
		}
		each(func(r, v int) { VADDPS(vecB[v], acc(r, v), acc(r, v)) })
	})
	when(flagBiasRows, "noBiasRows", func() {
		MOVQ(arg.at("biasRows"), ptrB)
		MOVQ(arg.at("row"), RSI)
		LEAQ(Mem{Base: ptrB, Index: RSI, Scale: 4}, ptrB)
		for r := range rows {
			VBROADCASTSS(Mem{Base: ptrB, Disp: 4 * r}, t)
			for v := range vecs {
				VADDPS(t, acc(r, v), acc(r, v))
			}
		}
		ADDQ(Imm(uint64(rows)), arg.at("row"))
	})
	when(flagReLU, "store", func() {
		x.zero(t)
		// The second source is what comes out if one is NaN.
		each(func(r, v int) { VMAXPS(acc(r, v), t, acc(r, v)) })
	})
	rowsOfC(func(r, v int, m Mem) { x.store(acc(r, v), m, v, vecs, masked) })
	LEAQ(Mem{Base: ptrB, Index: strC, Scale: 1}, ptrC)
	MOVQ(arg.at("nextA"), RCX)
	ADDQ(RCX, arg.at("off"))
	DECQ(arg.at("count"))
	JNZ(LabelRef(label + "tile"))
	VZEROUPPER()
}
