package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

// Sums run in virtual lanes: element i belongs to lane i mod lanes, whatever the width of the
// registers, and the lanes are added up in one fixed tree. So AVX2 and AVX-512 round alike.

// reduce walks over n elements with one accumulator a quantity and lane, all starting as start.
// body adds the elements of a strip; beyond the end it must leave acc as it is (see inside).
// It returns the lanes of each quantity, for fold.
func (v *vm) reduce(n reg.GPVirtual, lanes, quantities int, start func() vec, body func(s strip, acc []vec)) [][]vec {
	if v.neon != nil {
		return v.neon.reduce(v, lanes, quantities, start, body)
	}
	regs := lanes / v.lanes()
	acc := make([][]vec, regs) // by register, then quantity
	for i := range acc {
		for range quantities {
			acc[i] = append(acc[i], start())
		}
	}
	index, left := GP64(), GP64()
	XORQ(index, index)
	MOVQ(n, left)
	loop, end, done := v.label("loop"), v.label("end"), v.label("done")
	SUBQ(operand.Imm(uint64(lanes)), left)
	JB(operand.LabelRef(end))
	Label(loop)
	for i, s := range v.stripsAt(index, regs) {
		body(s, acc[i])
	}
	ADDQ(operand.Imm(uint64(lanes)), index)
	SUBQ(operand.Imm(uint64(lanes)), left)
	JAE(operand.LabelRef(loop))
	Label(end)
	ADDQ(operand.Imm(uint64(lanes)), left)
	for i, s := range v.stripsAt(index, regs) {
		JLE(operand.LabelRef(done))
		m, full := GP64(), GP64()
		MOVQ(operand.U32(uint32(v.lanes())), full)
		MOVQ(left, m)
		CMPQ(m, full)
		CMOVQGT(full, m)
		v.setMask(m)
		body(s, acc[i])
		v.masked = false
		SUBQ(operand.Imm(uint64(v.lanes())), left)
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

// fold joins the lanes of one quantity by "add" or "max": halves of the lanes again and again. The
// result is in the lowest lane.
func (v *vm) fold(acc []vec, name string) vec {
	if v.neon != nil {
		return v.neon.fold(acc, name)
	}
	op := VADDPS
	if name == "max" {
		op = VMAXPS
	}
	group := 16 / v.lanes() // registers that hold 16 lanes
	for len(acc) > group {
		var next []vec
		for i := 0; i < len(acc); i += 2 * group {
			for k := range group {
				r := v.reg()
				op(acc[i+group+k], acc[i+k], r)
				next = append(next, r)
			}
		}
		acc = next
	}
	y, hi := YMM(), YMM()
	if v.wide {
		VEXTRACTF64X4(operand.U8(1), acc[0], hi)
		op(hi, acc[0].AsY(), y)
	} else {
		op(acc[1], acc[0], y)
	}
	x, hi := XMM(), XMM()
	VEXTRACTF128(operand.U8(1), y, hi)
	op(hi, y.AsX(), x)
	hi = XMM()
	VMOVHLPS(x, x, hi)
	op(hi, x, x)
	hi = XMM()
	VMOVSHDUP(x, hi)
	op(hi, x, x)
	return x
}

// all spreads the lowest lane of an XMM register.
func (v *vm) all(x vec) vec {
	if v.neon != nil {
		return v.neon.record("spread", v.neon.newVec(), x).(vec)
	}
	r := v.reg()
	VBROADCASTSS(x, r)
	return r
}

// pin returns x for use in a loop that follows.
func (v *vm) pin(x vec) vec {
	if v.neon != nil {
		return v.neon.pin(x)
	}
	return x
}

// result stores the lowest lane of x as a result of the function.
func (v *vm) result(x vec, name string) {
	if v.neon != nil {
		v.neon.result(x, name)
		return
	}
	b, err := Return(name).Resolve()
	if err != nil {
		panic(err)
	}
	VMOVSS(x, b.Addr)
}
