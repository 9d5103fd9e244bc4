//go:build gen

package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// machine makes the instructions of one instruction set, so that a kernel is
// written once and comes out for AVX2 (8 lanes), AVX-512 (16) and NEON (4). All
// do the same roundings in the same order in each lane, so all give the same
// bits; what an instruction set does in fewer instructions (scaling by a power
// of two, blending) is exact.
//
// Operations return a new register; those whose names end in To change their
// first argument. The last source of an instruction may be a vec, a cst or a
// place in memory (operand.Mem).
type machine interface {
	isa() string // AVX2, AVX512, NEON
	lanes() int

	// function begins k; ret ends it.
	function(k *kernel)
	ret()

	gp(name string) reg.GPVirtual  // a parameter: a pointer, where a slice begins, an int
	len(name string) reg.GPVirtual // the length of a slice
	scalar(name string) vec        // a float32, in all lanes
	parts(name string, n reg.GPVirtual, count int) parts
	result(x vec, name string) // stores the lowest lane

	bits(u uint32) cst
	set(c cst) vec
	zero() vec
	copy(a vec) vec

	op1(op string, a vec) vec        // sqrt, toFloat
	op2(op string, a vec, b any) vec // add, sub, mul, div, min, max, and, or, xor, addi, subi
	shift(op string, a vec, by uint8) vec
	opTo(op string, acc, a vec, b any) // mulAdd, mulSub: acc ± a*b; addMul: acc*a + b; all round once
	foldTo(op string, acc vec, b any)  // add, max: acc with b; max without the NaN of b
	ldexp(a, n vec) (vec, bool)        // a * 2^n, if there is an instruction for it

	cmp(pred uint8, a vec, b any) reg.Register // a mask, for sel, keep and both
	sel(m reg.Register, a any, b vec) vec      // a where the mask is set and b elsewhere
	keep(m reg.Register, a vec) vec            // a where the mask is set and 0 elsewhere
	both(a, b reg.Register) reg.Register
	odd(a vec) reg.Register // the lanes whose lowest bit is set

	// load and store move a vector; in the tail only the lanes before the end.
	load(m operand.Mem) vec
	store(a vec, m operand.Mem)
	// rest returns the mask of the tail's lanes before the end, nil outside the
	// tail.
	rest() reg.Register

	// strips walks over n elements: body runs on full vectors, unroll at a time
	// while there are that many, and once more on what is left.
	strips(n reg.GPVirtual, unroll int, body func(s strip))
	// reduce walks over n elements with one accumulator a quantity and lane,
	// all starting as start. body adds the elements of a strip; beyond the end
	// it must leave acc as it is (see inside). It returns the lanes of each
	// quantity, for fold.
	reduce(n reg.GPVirtual, lanes, quantities int, start func() vec, body func(s strip, acc []vec)) [][]vec
	// fold joins the lanes of one quantity by "add" or "max": halves of the
	// lanes again and again. The result is in the lowest lane.
	fold(acc []vec, op string) vec
	all(x vec) vec // the lowest lane in all
	pin(x vec) vec // x for use in a loop that follows
}

// vec is a vector register; cst is a constant in memory.
type (
	vec = reg.VecVirtual
	cst struct {
		operand.Mem
		u uint32
	}
)

// parts are the places of a strip in an array of parts of n elements, one a
// gate.
type parts func(s strip, k int) operand.Mem

// strip is a vector's width of the elements that a loop walks over. It reaches
// its elements of the array at p through at(p).
type strip struct {
	m     machine
	index reg.GPVirtual
	shift int
}

func (s strip) at(p reg.Register) operand.Mem {
	return operand.Mem{Base: p, Index: s.index, Scale: 4, Disp: s.shift}
}

func (s strip) load(p reg.Register) vec     { return s.m.load(s.at(p)) }
func (s strip) store(a vec, p reg.Register) { s.m.store(a, s.at(p)) }

func (s strip) loadPart(p parts, k int) vec     { return s.m.load(p(s, k)) }
func (s strip) storePart(a vec, p parts, k int) { s.m.store(a, p(s, k)) }

// vm is a machine with what all instruction sets do in the same way.
type vm struct{ machine }

// x86 returns the machine of a kernel that is for amd64 alone.
func (v *vm) x86() *x86 { return v.machine.(*x86) }

// c is a float constant, bits one given by its bits.
func (v *vm) c(x float64) cst { return v.bits(math.Float32bits(float32(x))) }

func (v *vm) add(a vec, b any) vec { return v.op2("add", a, b) }
func (v *vm) sub(a vec, b any) vec { return v.op2("sub", a, b) }
func (v *vm) mul(a vec, b any) vec { return v.op2("mul", a, b) }
func (v *vm) div(a vec, b any) vec { return v.op2("div", a, b) }

// min and max return b where either is NaN.
func (v *vm) min(a vec, b any) vec { return v.op2("min", a, b) }
func (v *vm) max(a vec, b any) vec { return v.op2("max", a, b) }

func (v *vm) and(a vec, b any) vec { return v.op2("and", a, b) }
func (v *vm) or(a vec, b any) vec  { return v.op2("or", a, b) }
func (v *vm) xor(a vec, b any) vec { return v.op2("xor", a, b) }

// The integer operations see 32 bits a lane.
func (v *vm) addi(a vec, b any) vec   { return v.op2("addi", a, b) }
func (v *vm) subi(a vec, b any) vec   { return v.op2("subi", a, b) }
func (v *vm) shl(a vec, by uint8) vec { return v.shift("shl", a, by) }
func (v *vm) sra(a vec, by uint8) vec { return v.shift("sra", a, by) }
func (v *vm) toFloat(a vec) vec       { return v.op1("toFloat", a) }
func (v *vm) sqrt(a vec) vec          { return v.op1("sqrt", a) }
func (v *vm) abs(a vec) vec           { return v.and(a, v.bits(0x7fffffff)) }
func (v *vm) neg(a vec) vec           { return v.xor(a, v.bits(0x80000000)) }
func (v *vm) sign(a vec) vec          { return v.and(a, v.bits(0x80000000)) }
func (v *vm) addTo(acc, a vec, b any) { v.opTo("mulAdd", acc, a, b) } // acc += a*b
func (v *vm) subTo(acc, a vec, b any) { v.opTo("mulSub", acc, a, b) } // acc -= a*b
func (v *vm) mulTo(a, x vec, b any)   { v.opTo("addMul", a, x, b) }   // a = a*x + b
func (v *vm) plusTo(acc vec, b any)   { v.foldTo("add", acc, b) }
func (v *vm) maxTo(acc vec, b any)    { v.foldTo("max", acc, b) }

// poly evaluates a polynomial in x by Horner's rule; the lowest coefficient
// comes first.
func (v *vm) poly(x vec, coef ...float64) vec {
	r := v.set(v.c(coef[len(coef)-1]))
	for i := len(coef) - 2; i >= 0; i-- {
		v.mulTo(r, x, v.c(coef[i]))
	}
	return r
}

// inside returns a with the lanes beyond the end set to 0.
func (v *vm) inside(a vec) vec {
	if m := v.rest(); m != nil {
		return v.keep(m, a)
	}
	return a
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
