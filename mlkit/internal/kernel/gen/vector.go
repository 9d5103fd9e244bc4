package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// vm is a small vector machine, so that a kernel is written once and comes out for AVX2 (8 lanes)
// and for AVX-512 (16). Both do the same roundings in the same order in each lane, so both give the
// same bits; what an instruction set does in fewer instructions (scaling by a power of two,
// blending) is exact.
//
// Operations return a new register; those whose names end in To change their first argument.
type vm struct {
	wide   bool
	neon   *neon // not nil: for arm64
	consts map[uint32]cst
	labels int

	// The tail: lanes beyond the end are neither read nor written.
	masked bool
	mask   reg.Register // YMM of all ones and zeros, or K

	table *operand.Mem // of masks for AVX2
	iota  *operand.Mem // 0, 1, ... 15
}

// vec is a vector register; cst is a constant in memory; either may be the last source of an instruction,
// and so may a place in memory (operand.Mem).
type (
	vec = reg.VecVirtual
	cst struct {
		operand.Mem
		u uint32
	}
)

// isaName, lanes, bytes describe the instruction set.
func (v *vm) isaName() string {
	switch {
	case v.neon != nil:
		return "NEON"
	case v.wide:
		return "AVX512"
	}
	return "AVX2"
}

func (v *vm) lanes() int {
	switch {
	case v.neon != nil:
		return 4
	case v.wide:
		return 16
	}
	return 8
}

func (v *vm) bytes() int { return 4 * v.lanes() }

func (v *vm) reg() vec {
	if v.wide {
		return ZMM()
	}
	return YMM()
}

func (v *vm) label(name string) string {
	v.labels++
	return fmt.Sprintf("%s%d", name, v.labels)
}

// c is a float constant, bits one given by its bits. In AVX-512 it is broadcast by the instruction that uses it;
// AVX2 cannot, and has it in memory eight times.
func (v *vm) c(x float64) cst { return v.bits(math.Float32bits(float32(x))) }

func (v *vm) bits(u uint32) cst {
	if v.neon != nil {
		return cst{u: u}
	}
	if m, ok := v.consts[u]; ok {
		return m
	}
	m := cst{GLOBL(fmt.Sprintf("c%s%08x", v.isaName(), u), attr.RODATA|attr.NOPTR), u}
	n := 1
	if !v.wide {
		n = 8
	}
	for i := range n {
		DATA(4*i, operand.U32(u))
	}
	v.consts[u] = m
	return m
}

// set returns a register full of a constant.
func (v *vm) set(c cst) vec {
	if v.neon != nil {
		return v.neon.value(c).(vec)
	}
	r := v.reg()
	if v.wide {
		VBROADCASTSS(c.Mem, r)
	} else {
		VMOVUPS(c.Mem, r)
	}
	return r
}

func (v *vm) zero() vec {
	if v.neon != nil {
		return v.neon.record("zero", v.neon.newVec()).(vec)
	}
	r := v.reg()
	VXORPS(r, r, r)
	return r
}

func (v *vm) copy(a vec) vec {
	if v.neon != nil {
		return v.neon.record("copy", v.neon.newVec(), a).(vec)
	}
	r := v.reg()
	VMOVAPS(a, r)
	return r
}

// scalar broadcasts a float32 argument of the function.
func (v *vm) scalar(name string) vec {
	if v.neon != nil {
		return v.neon.scalar(name)
	}
	r := v.reg()
	VBROADCASTSS(param(name), r)
	return r
}

func param(name string) operand.Mem {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}

// emit appends op with last source b: its broadcasting form if b is a constant and the set has one.
func (v *vm) emit(op, bcst func(...operand.Op), b any, rest ...operand.Op) {
	switch b := b.(type) {
	case cst:
		if v.wide {
			bcst(append([]operand.Op{b.Mem}, rest...)...)
			return
		}
		op(append([]operand.Op{b.Mem}, rest...)...)
	case operand.Op:
		op(append([]operand.Op{b}, rest...)...)
	default:
		panic("not an operand")
	}
}

func (v *vm) op2(name string, op, bcst func(...operand.Op), a vec, b any) vec {
	if v.neon != nil {
		return v.neon.op(name, a, b)
	}
	r := v.reg()
	v.emit(op, bcst, b, a, r)
	return r
}

func (v *vm) add(a vec, b any) vec { return v.op2("add", VADDPS, VADDPS_BCST, a, b) }
func (v *vm) sub(a vec, b any) vec { return v.op2("sub", VSUBPS, VSUBPS_BCST, a, b) }
func (v *vm) mul(a vec, b any) vec { return v.op2("mul", VMULPS, VMULPS_BCST, a, b) }
func (v *vm) div(a vec, b any) vec { return v.op2("div", VDIVPS, VDIVPS_BCST, a, b) }

// min and max return b where either is NaN.
func (v *vm) min(a vec, b any) vec { return v.op2("min", VMINPS, VMINPS_BCST, a, b) }
func (v *vm) max(a vec, b any) vec { return v.op2("max", VMAXPS, VMAXPS_BCST, a, b) }

func (v *vm) and(a vec, b any) vec { return v.op2("and", VANDPS, VANDPS_BCST, a, b) }
func (v *vm) or(a vec, b any) vec  { return v.op2("or", VORPS, VORPS_BCST, a, b) }
func (v *vm) xor(a vec, b any) vec { return v.op2("xor", VXORPS, VXORPS_BCST, a, b) }

func (v *vm) sqrt(a vec) vec {
	if v.neon != nil {
		return v.neon.record("sqrt", v.neon.newVec(), a).(vec)
	}
	r := v.reg()
	VSQRTPS(a, r)
	return r
}

func (v *vm) abs(a vec) vec  { return v.and(a, v.bits(0x7fffffff)) }
func (v *vm) neg(a vec) vec  { return v.xor(a, v.bits(0x80000000)) }
func (v *vm) sign(a vec) vec { return v.and(a, v.bits(0x80000000)) }

// addTo computes acc += a*b, subTo acc -= a*b, mulTo a = a*x + b; all round once.
func (v *vm) addTo(acc, a vec, b any) {
	if v.neon != nil {
		v.neon.record("fmla", acc, a, v.neon.value(b))
		return
	}
	v.emit(VFMADD231PS, VFMADD231PS_BCST, b, a, acc)
}

func (v *vm) subTo(acc, a vec, b any) {
	if v.neon != nil {
		v.neon.record("fmls", acc, a, v.neon.value(b))
		return
	}
	v.emit(VFNMADD231PS, VFNMADD231PS_BCST, b, a, acc)
}

// plusTo computes acc += b, maxTo acc = max(acc, b) without the NaN of b.
func (v *vm) plusTo(acc vec, b any) {
	if v.neon != nil {
		v.neon.record("plusTo", acc, v.neon.value(b))
		return
	}
	v.emit(VADDPS, VADDPS_BCST, b, acc, acc)
}

func (v *vm) maxTo(acc vec, b vec) {
	if v.neon != nil {
		v.neon.record("maxTo", acc, b)
		return
	}
	VMAXPS(acc, b, acc)
}

func (v *vm) mulTo(a, x vec, b any) {
	if v.neon != nil {
		v.neon.record("mulTo", a, x, v.neon.value(b))
		return
	}
	v.emit(VFMADD213PS, VFMADD213PS_BCST, b, x, a)
}

// poly evaluates a polynomial in x by Horner's rule; the lowest coefficient comes first.
func (v *vm) poly(x vec, coef ...float64) vec {
	r := v.set(v.c(coef[len(coef)-1]))
	for i := len(coef) - 2; i >= 0; i-- {
		v.mulTo(r, x, v.c(coef[i]))
	}
	return r
}

// The integer operations see 32 bits a lane.
func (v *vm) addi(a vec, b any) vec {
	return v.op2("addi", VPADDD, VPADDD_BCST, a, b)
}
func (v *vm) subi(a vec, b any) vec { return v.op2("subi", VPSUBD, VPSUBD_BCST, a, b) }

func (v *vm) shl(a vec, n uint8) vec {
	if v.neon != nil {
		return v.neon.shift("shl", a, n)
	}
	r := v.reg()
	VPSLLD(operand.U8(n), a, r)
	return r
}

func (v *vm) sra(a vec, n uint8) vec {
	if v.neon != nil {
		return v.neon.shift("sra", a, n)
	}
	r := v.reg()
	VPSRAD(operand.U8(n), a, r)
	return r
}

func (v *vm) toFloat(a vec) vec {
	if v.neon != nil {
		return v.neon.record("toFloat", v.neon.newVec(), a).(vec)
	}
	r := v.reg()
	VCVTDQ2PS(a, r)
	return r
}

// Predicates of cmp. All but notLE are false where either side is NaN.
const (
	eq    = 0x00
	lt    = 0x11
	le    = 0x12
	unord = 0x03
	notLE = 0x16
	ge    = 0x1d
	gt    = 0x1e
)

// cmp compares lane by lane; the result is for sel, keep and both.
func (v *vm) cmp(pred uint8, a vec, b any) reg.Register {
	if v.neon != nil {
		return v.neon.cmp(pred, a, b)
	}
	op := func(ops ...operand.Op) { VCMPPS(append([]operand.Op{operand.U8(pred)}, ops...)...) }
	if v.wide {
		k := K()
		v.emit(op, func(ops ...operand.Op) {
			VCMPPS_BCST(append([]operand.Op{operand.U8(pred)}, ops...)...)
		}, b, a, k)
		return k
	}
	r := v.reg()
	v.emit(op, nil, b, a, r)
	return r
}

// sel returns a where the mask is set and b elsewhere.
func (v *vm) sel(m reg.Register, a any, b vec) vec {
	if v.neon != nil {
		return v.neon.record("sel", v.neon.newVec(), m, v.neon.value(a), b).(vec)
	}
	r := v.reg()
	if v.wide {
		v.emit(VBLENDMPS, VBLENDMPS_BCST, a, b, m, r)
		return r
	}
	if c, ok := a.(cst); ok {
		a = c.Mem
	}
	VBLENDVPS(m, a.(operand.Op), b, r)
	return r
}

// keep returns a where the mask is set and 0 elsewhere.
func (v *vm) keep(m reg.Register, a vec) vec {
	if v.neon != nil {
		return v.neon.record("and", v.neon.newVec(), m, a).(vec)
	}
	r := v.reg()
	if v.wide {
		VMOVAPS_Z(a, m, r)
	} else {
		VANDPS(m, a, r)
	}
	return r
}

// both returns the lanes set in a and in b.
func (v *vm) both(a, b reg.Register) reg.Register {
	if v.neon != nil {
		return v.neon.record("and", v.neon.newVec(), a, b)
	}
	if v.wide {
		k := K()
		KANDW(a, b, k)
		return k
	}
	r := v.reg()
	VANDPS(a, b, r)
	return r
}

// load and store move a vector; in the tail only the lanes before the end.
func (v *vm) load(m operand.Mem) vec {
	if v.neon != nil {
		return v.neon.load(m)
	}
	r := v.reg()
	switch {
	case !v.masked:
		VMOVUPS(m, r)
	case v.wide:
		VMOVUPS_Z(m, v.mask, r)
	default:
		VMASKMOVPS(m, v.mask, r)
	}
	return r
}

func (v *vm) store(a vec, m operand.Mem) {
	switch {
	case v.neon != nil:
		v.neon.store(a, m)
	case !v.masked:
		VMOVUPS(a, m)
	case v.wide:
		VMOVUPS(a, v.mask, m)
	default:
		VMASKMOVPS(a, v.mask, m)
	}
}

// inside returns a with the lanes beyond the end set to 0.
func (v *vm) inside(a vec) vec {
	if !v.masked {
		return a
	}
	return v.keep(v.mask, a)
}

// setMask makes the mask of n lanes, 0 <= n <= lanes, and turns the tail on. It spoils nothing.
func (v *vm) setMask(n reg.GPVirtual) {
	v.masked = true
	if v.wide {
		ones, k := GP32(), K()
		MOVL(operand.I32(-1), ones)
		BZHIL(n.As32(), ones, ones)
		KMOVW(ones, k)
		v.mask = k
		return
	}
	if v.table == nil {
		t := GLOBL("maskTable", attr.RODATA|attr.NOPTR)
		for i := range 16 {
			DATA(4*i, operand.U32([2]uint32{math.MaxUint32, 0}[i/8]))
		}
		v.table = &t
	}
	at, off, r := GP64(), GP64(), YMM()
	LEAQ(*v.table, at)
	MOVQ(operand.U32(8), off)
	SUBQ(n, off)
	VMOVUPS(operand.Mem{Base: at, Index: off, Scale: 4}, r)
	v.mask = r
}

// strips walks over n elements: body runs on full vectors, unroll at a time while there are that
// many, and once more on what is left. It reaches element e of the array at p through at(p).
type strip struct {
	v     *vm
	index reg.GPVirtual
	shift int
}

func (s strip) at(p reg.Register) operand.Mem {
	return operand.Mem{Base: p, Index: s.index, Scale: 4, Disp: s.shift}
}

func (s strip) load(p reg.Register) vec     { return s.v.load(s.at(p)) }
func (s strip) store(a vec, p reg.Register) { s.v.store(a, s.at(p)) }

func (v *vm) strips(n reg.GPVirtual, unroll int, body func(s strip)) {
	if v.neon != nil {
		v.neon.strips(v, unroll, body)
		return
	}
	v.groups(n, unroll, func(ss []strip) {
		for _, s := range ss {
			body(s)
		}
	})
}

// groups is strips with a body that sees the vectors of a turn together.
func (v *vm) groups(n reg.GPVirtual, unroll int, body func(ss []strip)) {
	index, left := GP64(), GP64()
	XORQ(index, index)
	MOVQ(n, left)
	for _, u := range slices.Compact([]int{unroll, 1}) {
		loop, end := v.label("loop"), v.label("end")
		step := u * v.lanes()
		SUBQ(operand.Imm(uint64(step)), left)
		JB(operand.LabelRef(end))
		Label(loop)
		body(v.stripsAt(index, u))
		ADDQ(operand.Imm(uint64(step)), index)
		SUBQ(operand.Imm(uint64(step)), left)
		JAE(operand.LabelRef(loop))
		Label(end)
		ADDQ(operand.Imm(uint64(step)), left)
	}
	done := v.label("done")
	JZ(operand.LabelRef(done))
	v.setMask(left)
	body(v.stripsAt(index, 1))
	v.masked = false
	Label(done)
}

func (v *vm) stripsAt(index reg.GPVirtual, n int) []strip {
	var ss []strip
	for i := range n {
		ss = append(ss, strip{v, index, i * v.bytes()})
	}
	return ss
}

// function begins an assembly function; its body ends with ret.
func (v *vm) function(name, signature, doc string) {
	if v.neon != nil {
		v.neon.function(name+v.isaName(), signature, doc)
		return
	}
	TEXT(name+v.isaName(), attr.NOSPLIT, signature)
	Pragma("noescape")
	Doc(doc)
}

func (v *vm) ret() {
	if v.neon != nil {
		v.neon.ret()
		return
	}
	VZEROUPPER()
	RET()
}

// gp loads a pointer or an int among the arguments.
func (v *vm) gp(name string) reg.GPVirtual {
	if v.neon != nil {
		return v.neon.gp(name)
	}
	return Load(Param(name), GP64()).(reg.GPVirtual)
}
