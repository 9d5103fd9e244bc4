//go:build gen

package main

import (
	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

// pool2Kernels take the largest of windows of 2×2, which most are: of two pairs
// at a time, so that no comparison waits for more than one other, and with the
// masks of a row's end made once.
var pool2Kernels = []kernel{{
	"poolMax2", "func(y []float32, idx []int32, x []float32, r *poolRows)", amd64, func(v *vm) {
		x := v.x86()
		y, idx, src := v.gp("y"), v.gp("idx"), v.gp("x")
		r := structParam("r", GP64())
		steps := GLOBL("poolSteps"+x.isa(), attr.RODATA|attr.NOPTR) // of windows, at strides 1 and 2
		for i := range 2 * x.lanes() {
			DATA(4*i, operand.U32(uint32(i%x.lanes()*(1+i/x.lanes()))))
		}
		bytes := func(name string) reg.GPVirtual {
			n := GP64()
			MOVQ(r.at(name), n)
			SHLQ(operand.Imm(2), n)
			return n
		}
		// step returns a number in all lanes. AVX2 has too few registers to
		// keep them all.
		step := func(name string) func() vec {
			load := func() vec {
				s := x.reg()
				VPBROADCASTD(r.at(name), s)
				return s
			}
			if !x.wide {
				return load
			}
			s := load()
			return func() vec { return s }
		}
		down, across := bytes("tapRow"), bytes("tapCol")
		tapRow, tapCol, srcRow := step("tapRow"), step("tapCol"), step("srcRow")
		rows, todo, at, left := GP64(), GP64(), GP64(), GP64()
		MOVQ(r.at("rows"), rows)
		MOVQ(r.at("n"), todo)

		all := func(stride int) {
			ramp := x.reg()
			VMOVUPS(steps.Offset((stride-1)*x.bytes()), ramp)
			first := x.reg() // indices of the first taps of a row's first vector
			VPADDD(step("first")(), ramp, first)
			// Of the row's last vector, which may be a whole one: masks of the
			// windows and of what they see. At stride 2 whole vectors would see
			// a float more, which may be behind all memory.
			rest := GP64()
			LEAQ(operand.Mem{Base: todo, Disp: -1}, rest)
			ANDQ(operand.Imm(uint64(x.lanes()-1)), rest)
			INCQ(rest)
			x.setMask(rest)
			out := x.mask
			in := []reg.Register{out}
			if stride == 2 {
				seen, most, rear := GP64(), GP64(), GP64()
				LEAQ(operand.Mem{Base: rest, Index: rest, Scale: 1, Disp: -1}, seen) // 2·rest − 1
				MOVQ(operand.U32(uint32(x.lanes())), most)
				MOVQ(seen, rear)
				CMPQ(seen, most)
				CMOVQGT(most, seen)
				SUBQ(seen, rear)
				x.setMask(seen)
				front := x.mask
				x.setMask(rear)
				in = []reg.Register{front, x.mask}
			}
			x.mask = nil
			row, more, tail := x.label("row"), x.label("more"), x.label("tail")
			p, q, here := GP64(), GP64(), x.reg()
			vector := func(masked bool) {
				load := func(m operand.Mem) vec {
					part := func(i int) vec {
						if x.mask = nil; masked {
							x.mask = in[i]
						}
						a := x.load(m.Offset(i * x.bytes()))
						x.mask = nil
						return a
					}
					if stride == 1 {
						return part(0)
					}
					a, b := part(0), part(1)
					if x.wide {
						t := x.copy(ramp)
						VPERMI2PS(b, a, t)
						return t
					}
					VSHUFPS(operand.Imm(0x88), b, a, a)
					VPERMPD(operand.Imm(0xd8), a, a)
					return a
				}
				// larger leaves in a and its index what is larger: b if greater
				// or NaN, unless a is NaN.
				larger := func(a, ia, b, ib vec) (vec, vec) {
					m := x.both(x.cmp(0x07, a, a), x.cmp(0x06, b, a))
					if x.wide {
						VMOVAPS(b, m, a)
						VMOVDQA32(ib, m, ia)
						return a, ia
					}
					return x.sel(m, b, a), x.sel(m, ib, ia)
				}
				add := func(a, b vec) vec {
					s := x.reg()
					VPADDD(a, b, s)
					return s
				}
				pair := func(p reg.GPVirtual, index vec) (vec, vec) {
					a, b := load(operand.Mem{Base: p}), load(operand.Mem{Base: p, Index: across, Scale: 1})
					return larger(a, index, b, add(index, tapCol()))
				}
				a, ia := pair(p, x.copy(here))
				below := GP64()
				LEAQ(operand.Mem{Base: p, Index: down, Scale: 1}, below)
				c, ic := pair(below, add(here, tapRow()))
				a, ia = larger(a, ia, c, ic)
				if x.mask = nil; masked {
					x.mask = out
				}
				x.store(a, operand.Mem{Base: y, Index: at, Scale: 1})
				skip := x.label("skip")
				TESTQ(idx, idx)
				JZ(operand.LabelRef(skip))
				x.store(ia, operand.Mem{Base: idx, Index: at, Scale: 1})
				Label(skip)
				x.mask = nil
			}
			Label(row)
			XORQ(at, at)
			MOVQ(src, p)
			MOVQ(todo, left)
			VMOVAPS(first, here)
			SUBQ(operand.Imm(uint64(x.lanes())), left)
			JLE(operand.LabelRef(tail))
			Label(more)
			vector(false)
			x.opTo("addi", here, here, v.bits(uint32(x.lanes()*stride)))
			ADDQ(operand.U32(uint32(x.bytes()*stride)), p)
			ADDQ(operand.U32(uint32(x.bytes())), at)
			SUBQ(operand.Imm(uint64(x.lanes())), left)
			JG(operand.LabelRef(more))
			Label(tail)
			vector(true)
			VPADDD(srcRow(), first, first)
			MOVQ(r.at("srcRow"), q)
			LEAQ(operand.Mem{Base: src, Index: q, Scale: 4}, src)
			MOVQ(r.at("dstRow"), q)
			LEAQ(operand.Mem{Base: y, Index: q, Scale: 4}, y)
			noIdx := x.label("noIdx")
			TESTQ(idx, idx)
			JZ(operand.LabelRef(noIdx))
			LEAQ(operand.Mem{Base: idx, Index: q, Scale: 4}, idx)
			Label(noIdx)
			DECQ(rows)
			JNZ(operand.LabelRef(row))
			v.ret()
		}
		two := x.label("two")
		CMPQ(r.at("stride"), operand.Imm(2))
		JE(operand.LabelRef(two))
		all(1)
		Label(two)
		all(2)
	},
}}
