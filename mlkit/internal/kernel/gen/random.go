//go:build gen

package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

// randomKernels consume whole blocks of 64 random numbers, see package random.
var randomKernels = []kernel{
	{"dropout", "func(dst, mask, x []float32, k *key, counter int, limit int32, scale float32)", amd64, (*vm).dropout},
	{"dropoutGrad", "func(dx, dy []float32, k *key, counter int, limit int32, scale float32)", amd64, (*vm).dropoutGrad},
	{"uniform", "func(dst []float32, k *key, counter int)", amd64, (*vm).uniform},
	{"normal", "func(dst []float32, k *key, counter int)", amd64, (*vm).normal},
}

// philox is the state of Philox-4x32-10 for as many counters as a register has
// lanes.
type philox struct {
	v         *vm
	x         *x86
	upper     reg.GPVirtual // place of the key's words
	first     reg.GPVirtual // counter of the block's first element
	m0, m1    vec
	even, odd reg.Register // lane masks of AVX-512
}

func (v *vm) philox() *philox {
	x := v.x86()
	g := &philox{v: v, x: x, upper: v.gp("k"), first: v.gp("counter")}
	if x.iota == nil {
		m := GLOBL("iota"+v.isa(), attr.RODATA|attr.NOPTR)
		for i := range 16 {
			DATA(4*i, operand.U32(i))
		}
		x.iota = &m
	}
	g.m0, g.m1 = v.set(v.bits(0xd2511f53)), v.set(v.bits(0xcd9e8d57))
	if x.wide {
		for i, k := range []*reg.Register{&g.even, &g.odd} {
			m, bits := K(), GP32()
			MOVL(operand.U32([]uint32{0x5555, 0xaaaa}[i]), bits)
			KMOVW(bits, m)
			*k = m
		}
	}
	return g
}

// word broadcasts word i of the key.
func (g *philox) word(i int) vec {
	r := g.x.reg()
	VPBROADCASTD(operand.Mem{Base: g.upper, Disp: 4 * i}, r)
	return r
}

// product returns the upper and the lower 32 bits of a*m.
func (g *philox) product(a, m vec) (hi, lo vec) {
	v := g.v
	even, odd, shifted := g.x.reg(), g.x.reg(), g.x.reg()
	VPMULUDQ(m, a, even)
	VPSHUFD(operand.U8(0xf5), a, shifted)
	VPMULUDQ(m, shifted, odd)
	if g.x.wide {
		hi, lo = v.copy(odd), v.copy(even)
		VPSHUFD(operand.U8(0xf5), even, g.even, hi)
		VPSHUFD(operand.U8(0xa0), odd, g.odd, lo)
		return hi, lo
	}
	hi, lo = g.x.reg(), g.x.reg()
	VPSHUFD(operand.U8(0xf5), even, hi)
	VPBLENDD(operand.U8(0xaa), odd, hi, hi)
	VPSHUFD(operand.U8(0xa0), odd, lo)
	VPBLENDD(operand.U8(0xaa), lo, even, lo)
	return hi, lo
}

// bits returns the upper 24 bits of the four words of the counters of part (0,
// or 0 and 1 in AVX2) of the block.
func (g *philox) bits(part int) [4]vec {
	v := g.v
	a := g.x.reg()
	x := XMM()
	VMOVD(g.first.As32(), x)
	VPBROADCASTD(x, a)
	m := *g.x.iota
	m.Disp += part * g.x.bytes()
	a = v.addi(a, m)
	b, c, d := g.word(2), g.word(3), g.word(4)
	k0, k1 := g.word(0), g.word(1)
	for round := range 10 {
		if round > 0 {
			k0, k1 = v.addi(k0, v.bits(0x9e3779b9)), v.addi(k1, v.bits(0xbb67ae85))
		}
		hi0, lo0 := g.product(a, g.m0)
		hi1, lo1 := g.product(c, g.m1)
		a, b, c, d = v.xor(v.xor(hi1, b), k0), lo1, v.xor(v.xor(hi0, d), k1), lo0
	}
	w := [4]vec{a, b, c, d}
	for i := range w {
		r := g.x.reg()
		VPSRLD(operand.U8(8), w[i], r)
		w[i] = r
	}
	return w
}

// blocks runs body for each part of each of n > 0 blocks; at tells the place of
// word w in the array at p.
func (g *philox) blocks(first string, body func(w [4]vec, at func(p reg.Register, w int) operand.Mem)) {
	v := g.v
	index, left := GP64(), v.len(first)
	SHRQ(operand.Imm(6), left)
	XORQ(index, index)
	loop := g.x.label("block")
	Label(loop)
	for part := range 16 / v.lanes() {
		body(g.bits(part), func(p reg.Register, w int) operand.Mem {
			return operand.Mem{Base: p, Index: index, Scale: 4, Disp: 64*w + part*g.x.bytes()}
		})
	}
	ADDQ(operand.Imm(64), index)
	ADDQ(operand.Imm(16), g.first)
	DECQ(left)
	JNZ(operand.LabelRef(loop))
}

// below returns the mask of bits < limit, both below 2^31.
func (v *vm) below(bits, limit vec) reg.Register {
	if v.x86().wide {
		k := K()
		VPCMPGTD(bits, limit, k)
		return k
	}
	r := v.x86().reg()
	VPCMPGTD(bits, limit, r)
	return r
}

func (v *vm) dropout() {
	dst, mask, x := v.gp("dst"), v.gp("mask"), v.gp("x")
	limit, scale := v.scalar("limit"), v.scalar("scale")
	v.philox().blocks("dst", func(w [4]vec, at func(reg.Register, int) operand.Mem) {
		for i := range w {
			k := v.below(w[i], limit)
			v.store(v.keep(k, v.mul(scale, at(x, i))), at(dst, i))
			without := v.x86().label("noMask")
			TESTQ(mask, mask)
			JZ(operand.LabelRef(without))
			v.store(v.keep(k, scale), at(mask, i))
			Label(without)
		}
	})
}

func (v *vm) dropoutGrad() {
	dx, dy := v.gp("dx"), v.gp("dy")
	limit, scale := v.scalar("limit"), v.scalar("scale")
	v.philox().blocks("dx", func(w [4]vec, at func(reg.Register, int) operand.Mem) {
		for i := range w {
			d := v.load(at(dx, i))
			v.store(v.sel(v.below(w[i], limit), v.add(d, v.mul(scale, at(dy, i))), d), at(dx, i))
		}
	})
}

func (v *vm) uniform() {
	dst := v.gp("dst")
	v.philox().blocks("dst", func(w [4]vec, at func(reg.Register, int) operand.Mem) {
		for i := range w {
			v.store(v.mul(v.toFloat(w[i]), v.c(0x1p-24)), at(dst, i))
		}
	})
}

// normal is Box and Muller's: words 0 and 1 give a radius and an angle, and so
// do 2 and 3.
func (v *vm) normal() {
	dst := v.gp("dst")
	v.philox().blocks("dst", func(w [4]vec, at func(reg.Register, int) operand.Mem) {
		for i := 0; i < 4; i += 2 {
			u := v.mul(v.add(v.toFloat(w[i]), v.c(1)), v.c(0x1p-24))
			r := v.sqrt(v.mul(v.logSum(v.logReduce(u)), v.c(-2)))
			// The angle in quarters of a turn: the nearest whole one, and what
			// is left of it.
			quarter := v.mul(v.toFloat(w[i+1]), v.c(0x1p-22))
			shifted := v.add(quarter, v.c(magic))
			f := v.sub(quarter, v.sub(shifted, v.c(magic)))
			s := v.mul(f, f)
			// sin(f*pi/2)/f to 2.8e-8 and (cos(f*pi/2)-1)/f^2 to 4.4e-10
			sin := v.mul(v.poly(s, 1.5707964, -0.64596665, 0.079712525, -0.004685972), f)
			cos := v.poly(s, -1.2337005, 0.25366855, -0.020855596, 0.0008944864)
			v.mulTo(cos, s, v.c(1))
			// Odd quarters swap the two; the sine is negative in quarters 2 and
			// 3, the cosine in 1 and 2.
			odd := v.odd(shifted)
			a, b := v.sel(odd, sin, cos), v.sel(odd, cos, sin)
			a = v.xor(a, v.sign(v.shl(v.addi(shifted, v.bits(1)), 30)))
			b = v.xor(b, v.sign(v.shl(shifted, 30)))
			v.store(v.mul(a, r), at(dst, i))
			v.store(v.mul(b, r), at(dst, i+1))
		}
	})
}
