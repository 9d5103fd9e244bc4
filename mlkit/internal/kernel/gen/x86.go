//go:build gen

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

// x86 makes AVX2 or, if wide, AVX-512.
type x86 struct {
	wide   bool
	consts map[uint32]cst
	labels int

	// The tail: lanes beyond the end are neither read nor written.
	mask reg.Register // YMM of all ones and zeros, or K; nil outside the tail

	iota *operand.Mem // 0, 1, ... 15
}

// maskTable holds the masks of AVX2, once a file.
var maskTable *operand.Mem

func newX86(wide bool) *x86 { return &x86{wide: wide, consts: map[uint32]cst{}} }

func (x *x86) isa() string {
	if x.wide {
		return "AVX512"
	}
	return "AVX2"
}

func (x *x86) lanes() int {
	if x.wide {
		return 16
	}
	return 8
}

func (x *x86) bytes() int { return 4 * x.lanes() }

func (x *x86) reg() vec {
	if x.wide {
		return ZMM()
	}
	return YMM()
}

func (x *x86) label(name string) string {
	x.labels++
	return fmt.Sprintf("%s%d", name, x.labels)
}

func (x *x86) function(k *kernel) {
	TEXT(k.name+x.isa(), attr.NOSPLIT, k.signature)
	Pragma("noescape")
	Doc(fmt.Sprintf("%s%s does what %sGo does.", k.name, x.isa(), k.name))
}

func (x *x86) ret() {
	VZEROUPPER()
	RET()
}

func (x *x86) gp(name string) reg.GPVirtual {
	c := Param(name)
	if _, err := c.Resolve(); err != nil { // a slice
		c = c.Base()
	}
	return Load(c, GP64()).(reg.GPVirtual)
}

func (x *x86) len(name string) reg.GPVirtual {
	return Load(Param(name).Len(), GP64()).(reg.GPVirtual)
}

func (x *x86) scalar(name string) vec {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	r := x.reg()
	VBROADCASTSS(b.Addr, r)
	return r
}

func (x *x86) parts(name string, n reg.GPVirtual, _ int) parts {
	base, size := x.gp(name), copyGP(n)
	SHLQ(operand.Imm(2), size)
	return func(s strip, k int) operand.Mem {
		p := base
		for ; k > 0; k -= 1 + k/2 {
			q := GP64()
			LEAQ(operand.Mem{Base: p, Index: size, Scale: uint8(min(k, 2))}, q)
			p = q
		}
		return s.at(p)
	}
}

func (x *x86) result(a vec, name string) {
	b, err := Return(name).Resolve()
	if err != nil {
		panic(err)
	}
	VMOVSS(a.AsX(), b.Addr)
}

// bits is a constant. In AVX-512 it is broadcast by the instruction that uses
// it; AVX2 cannot, and has it in memory eight times.
func (x *x86) bits(u uint32) cst {
	if m, ok := x.consts[u]; ok {
		return m
	}
	m := cst{GLOBL(fmt.Sprintf("c%s%08x", x.isa(), u), attr.RODATA|attr.NOPTR), u}
	n := 1
	if !x.wide {
		n = 8
	}
	for i := range n {
		DATA(4*i, operand.U32(u))
	}
	x.consts[u] = m
	return m
}

func (x *x86) set(c cst) vec {
	r := x.reg()
	if x.wide {
		VBROADCASTSS(c.Mem, r)
	} else {
		VMOVUPS(c.Mem, r)
	}
	return r
}

func (x *x86) zero() vec {
	r := x.reg()
	VXORPS(r, r, r)
	return r
}

func (x *x86) copy(a vec) vec {
	r := x.reg()
	VMOVAPS(a, r)
	return r
}

// instruction is one with its form that broadcasts its last source from memory.
type instruction struct{ plain, broadcast func(...operand.Op) }

var x86Ops = map[string]instruction{
	"add": {VADDPS, VADDPS_BCST}, "sub": {VSUBPS, VSUBPS_BCST}, "mul": {VMULPS, VMULPS_BCST}, "div": {VDIVPS, VDIVPS_BCST},
	"min": {VMINPS, VMINPS_BCST}, "max": {VMAXPS, VMAXPS_BCST},
	"and": {VANDPS, VANDPS_BCST}, "or": {VORPS, VORPS_BCST}, "xor": {VXORPS, VXORPS_BCST},
	"addi": {VPADDD, VPADDD_BCST}, "subi": {VPSUBD, VPSUBD_BCST},
	"mulAdd": {VFMADD231PS, VFMADD231PS_BCST}, "mulSub": {VFNMADD231PS, VFNMADD231PS_BCST}, "addMul": {VFMADD213PS, VFMADD213PS_BCST},
}

// emit appends an instruction with last source b: its broadcasting form if b is
// a constant and the set has one.
func (x *x86) emit(op instruction, b any, rest ...operand.Op) {
	switch b := b.(type) {
	case cst:
		if x.wide {
			op.broadcast(append([]operand.Op{b.Mem}, rest...)...)
			return
		}
		op.plain(append([]operand.Op{b.Mem}, rest...)...)
	case operand.Op:
		op.plain(append([]operand.Op{b}, rest...)...)
	default:
		panic("not an operand")
	}
}

func (x *x86) op1(op string, a vec) vec {
	r := x.reg()
	switch op {
	case "sqrt":
		VSQRTPS(a, r)
	case "toFloat":
		VCVTDQ2PS(a, r)
	default:
		panic(op)
	}
	return r
}

func (x *x86) op2(op string, a vec, b any) vec {
	r := x.reg()
	x.emit(x86Ops[op], b, a, r)
	return r
}

func (x *x86) shift(op string, a vec, by uint8) vec {
	r := x.reg()
	switch op {
	case "shl":
		VPSLLD(operand.U8(by), a, r)
	case "sra":
		VPSRAD(operand.U8(by), a, r)
	default:
		panic(op)
	}
	return r
}

func (x *x86) opTo(op string, acc, a vec, b any) { x.emit(x86Ops[op], b, a, acc) }

func (x *x86) foldTo(op string, acc vec, b any) {
	if op == "max" { // the second source is what comes out if one is NaN
		VMAXPS(acc, b.(operand.Op), acc)
		return
	}
	x.emit(x86Ops[op], b, acc, acc)
}

func (x *x86) ldexp(a, n vec) (vec, bool) {
	if !x.wide {
		return nil, false
	}
	r := x.reg()
	VSCALEFPS(n, a, r)
	return r, true
}

func (x *x86) cmp(pred uint8, a vec, b any) reg.Register {
	op := instruction{
		func(ops ...operand.Op) { VCMPPS(append([]operand.Op{operand.U8(pred)}, ops...)...) },
		func(ops ...operand.Op) { VCMPPS_BCST(append([]operand.Op{operand.U8(pred)}, ops...)...) },
	}
	if x.wide {
		k := K()
		x.emit(op, b, a, k)
		return k
	}
	r := x.reg()
	x.emit(op, b, a, r)
	return r
}

func (x *x86) sel(m reg.Register, a any, b vec) vec {
	r := x.reg()
	if x.wide {
		x.emit(instruction{VBLENDMPS, VBLENDMPS_BCST}, a, b, m, r)
		return r
	}
	if c, ok := a.(cst); ok {
		a = c.Mem
	}
	VBLENDVPS(m, a.(operand.Op), b, r)
	return r
}

func (x *x86) keep(m reg.Register, a vec) vec {
	r := x.reg()
	if x.wide {
		VMOVAPS_Z(a, m, r)
	} else {
		VANDPS(m, a, r)
	}
	return r
}

func (x *x86) both(a, b reg.Register) reg.Register {
	if x.wide {
		k := K()
		KANDW(a, b, k)
		return k
	}
	r := x.reg()
	VANDPS(a, b, r)
	return r
}

func (x *x86) odd(a vec) reg.Register {
	a = x.shift("shl", a, 31)
	if x.wide {
		k := K()
		VPMOVD2M(a, k)
		return k
	}
	return a // VBLENDVPS looks at the sign
}

func (x *x86) load(m operand.Mem) vec {
	r := x.reg()
	switch {
	case x.mask == nil:
		VMOVUPS(m, r)
	case x.wide:
		VMOVUPS_Z(m, x.mask, r)
	default:
		VMASKMOVPS(m, x.mask, r)
	}
	return r
}

func (x *x86) store(a vec, m operand.Mem) {
	switch {
	case x.mask == nil:
		VMOVUPS(a, m)
	case x.wide:
		VMOVUPS(a, x.mask, m)
	default:
		VMASKMOVPS(a, x.mask, m)
	}
}

func (x *x86) rest() reg.Register { return x.mask }

// setMask makes the mask of n lanes, 0 <= n <= lanes, and turns the tail on. It
// spoils nothing.
func (x *x86) setMask(n reg.GPVirtual) {
	if x.wide {
		ones, k := GP32(), K()
		MOVL(operand.I32(-1), ones)
		BZHIL(n.As32(), ones, ones)
		KMOVW(ones, k)
		x.mask = k
		return
	}
	if maskTable == nil {
		t := GLOBL("maskTable", attr.RODATA|attr.NOPTR)
		for i := range 16 {
			DATA(4*i, operand.U32([2]uint32{math.MaxUint32, 0}[i/8]))
		}
		maskTable = &t
	}
	at, off, r := GP64(), GP64(), YMM()
	LEAQ(*maskTable, at)
	MOVQ(operand.U32(8), off)
	SUBQ(n, off)
	VMOVUPS(operand.Mem{Base: at, Index: off, Scale: 4}, r)
	x.mask = r
}

func (x *x86) strips(n reg.GPVirtual, unroll int, body func(s strip)) {
	x.groups(n, unroll, func(ss []strip) {
		for _, s := range ss {
			body(s)
		}
	})
}

// groups is strips with a body that sees the vectors of a turn together.
func (x *x86) groups(n reg.GPVirtual, unroll int, body func(ss []strip)) {
	index, left := GP64(), GP64()
	XORQ(index, index)
	MOVQ(n, left)
	for _, u := range slices.Compact([]int{unroll, 1}) {
		loop, end := x.label("loop"), x.label("end")
		step := u * x.lanes()
		SUBQ(operand.Imm(uint64(step)), left)
		JB(operand.LabelRef(end))
		Label(loop)
		body(x.stripsAt(index, u))
		ADDQ(operand.Imm(uint64(step)), index)
		SUBQ(operand.Imm(uint64(step)), left)
		JAE(operand.LabelRef(loop))
		Label(end)
		ADDQ(operand.Imm(uint64(step)), left)
	}
	done := x.label("done")
	JZ(operand.LabelRef(done))
	x.setMask(left)
	body(x.stripsAt(index, 1))
	x.mask = nil
	Label(done)
}

func (x *x86) stripsAt(index reg.GPVirtual, n int) []strip {
	var ss []strip
	for i := range n {
		ss = append(ss, strip{x, index, i * x.bytes()})
	}
	return ss
}

func copyGP(p reg.GPVirtual) reg.GPVirtual {
	q := GP64()
	MOVQ(p, q)
	return q
}

// Sums run in virtual lanes: element i belongs to lane i mod lanes, whatever
// the width of the registers, and the lanes are added up in one fixed tree. So
// AVX2 and AVX-512 round alike.

func (x *x86) reduce(n reg.GPVirtual, lanes, quantities int, start func() vec, body func(s strip, acc []vec)) [][]vec {
	regs := lanes / x.lanes()
	acc := make([][]vec, regs) // by register, then quantity
	for i := range acc {
		for range quantities {
			acc[i] = append(acc[i], start())
		}
	}
	index, left := GP64(), GP64()
	XORQ(index, index)
	MOVQ(n, left)
	loop, end, done := x.label("loop"), x.label("end"), x.label("done")
	SUBQ(operand.Imm(uint64(lanes)), left)
	JB(operand.LabelRef(end))
	Label(loop)
	for i, s := range x.stripsAt(index, regs) {
		body(s, acc[i])
	}
	ADDQ(operand.Imm(uint64(lanes)), index)
	SUBQ(operand.Imm(uint64(lanes)), left)
	JAE(operand.LabelRef(loop))
	Label(end)
	ADDQ(operand.Imm(uint64(lanes)), left)
	for i, s := range x.stripsAt(index, regs) {
		JLE(operand.LabelRef(done))
		m, full := GP64(), GP64()
		MOVQ(operand.U32(uint32(x.lanes())), full)
		MOVQ(left, m)
		CMPQ(m, full)
		CMOVQGT(full, m)
		x.setMask(m)
		body(s, acc[i])
		x.mask = nil
		SUBQ(operand.Imm(uint64(x.lanes())), left)
	}
	Label(done)
	byQuantity := make([][]vec, quantities)
	for _, qs := range acc {
		for q, r := range qs {
			byQuantity[q] = append(byQuantity[q], r)
		}
	}
	return byQuantity
}

func (x *x86) fold(acc []vec, name string) vec {
	op := VADDPS
	if name == "max" {
		op = VMAXPS
	}
	group := 16 / x.lanes() // registers that hold 16 lanes
	for len(acc) > group {
		var next []vec
		for i := 0; i < len(acc); i += 2 * group {
			for k := range group {
				r := x.reg()
				op(acc[i+group+k], acc[i+k], r)
				next = append(next, r)
			}
		}
		acc = next
	}
	y, hi := YMM(), YMM()
	if x.wide {
		VEXTRACTF64X4(operand.U8(1), acc[0], hi)
		op(hi, acc[0].AsY(), y)
	} else {
		op(acc[1], acc[0], y)
	}
	r, hi := XMM(), XMM()
	VEXTRACTF128(operand.U8(1), y, hi)
	op(hi, y.AsX(), r)
	hi = XMM()
	VMOVHLPS(r, r, hi)
	op(hi, r, r)
	hi = XMM()
	VMOVSHDUP(r, hi)
	op(hi, r, r)
	return r
}

func (x *x86) all(a vec) vec {
	r := x.reg()
	VBROADCASTSS(a, r)
	return r
}

func (x *x86) pin(a vec) vec { return a }
