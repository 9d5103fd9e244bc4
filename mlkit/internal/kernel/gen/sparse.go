//go:build gen

package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// sparseKernels multiply matrices most of whose elements are zero.
var sparseKernels = []kernel{
	// Every element is one chain, over the columns in the order of the list.
	// What is used once a row is read from the arguments anew: there are too
	// few registers for all.
	{"weighRows", "func(dst, x, w, bias []float32, at, first []int32, cols int)", amd64, func(v *vm) {
		m := v.x86()
		dst, x, w, at := v.gp("dst"), v.gp("x"), v.gp("w"), v.gp("at")
		stride, row := v.gp("cols"), GP64()
		SHLQ(operand.Imm(2), stride)
		begin := GP64()
		MOVLQSX(operand.Mem{Base: v.gp("first")}, begin)
		LEAQ(operand.Mem{Base: w, Index: begin, Scale: 4}, w)
		LEAQ(operand.Mem{Base: at, Index: begin, Scale: 4}, at)
		XORQ(row, row)
		next, done := m.label("row"), m.label("rows")
		Label(next)
		end := v.len("first")
		SUBQ(operand.Imm(1), end)
		CMPQ(row, end)
		JGE(operand.LabelRef(done))
		count, first := GP64(), v.gp("first")
		MOVL(operand.Mem{Base: first, Index: row, Scale: 4, Disp: 4}, count.As32())
		SUBL(operand.Mem{Base: first, Index: row, Scale: 4}, count.As32())
		m.groups(v.gp("cols"), 8, func(ss []strip) {
			var acc []vec
			for range ss {
				acc = append(acc, v.zero())
			}
			none, loop, plain := m.label("none"), m.label("weight"), m.label("plain")
			k := GP64()
			XORQ(k, k)
			TESTQ(count, count)
			JZ(operand.LabelRef(none))
			Label(loop)
			p, weight := GP64(), m.reg()
			MOVLQSX(operand.Mem{Base: at, Index: k, Scale: 4}, p)
			IMULQ(stride, p)
			ADDQ(x, p)
			VBROADCASTSS(operand.Mem{Base: w, Index: k, Scale: 4}, weight)
			for i, s := range ss {
				if v.rest() != nil {
					v.addTo(acc[i], weight, s.load(p))
				} else {
					v.addTo(acc[i], weight, s.at(p))
				}
			}
			ADDQ(operand.Imm(1), k)
			CMPQ(k, count)
			JNE(operand.LabelRef(loop))
			Label(none)
			bias := v.gp("bias")
			TESTQ(bias, bias)
			JZ(operand.LabelRef(plain))
			b := m.reg()
			VBROADCASTSS(operand.Mem{Base: bias, Index: row, Scale: 4}, b)
			for i := range ss {
				v.plusTo(acc[i], b)
			}
			Label(plain)
			for i, s := range ss {
				s.store(acc[i], dst)
			}
		})
		LEAQ(operand.Mem{Base: w, Index: count, Scale: 4}, w)
		LEAQ(operand.Mem{Base: at, Index: count, Scale: 4}, at)
		ADDQ(stride, dst)
		ADDQ(operand.Imm(1), row)
		JMP(operand.LabelRef(next))
		Label(done)
	}}, // The same for one column, which has no run of numbers: sixteen weights at a
	// time, each with the number that it belongs to.
	{"weighOne", "func(dst, x, w, bias []float32, at, first []int32)", amd64, func(v *vm) {
		m := v.x86()
		dst, x, w, at, row := v.gp("dst"), v.gp("x"), v.gp("w"), v.gp("at"), GP64()
		begin := GP64()
		MOVLQSX(operand.Mem{Base: v.gp("first")}, begin)
		LEAQ(operand.Mem{Base: w, Index: begin, Scale: 4}, w)
		LEAQ(operand.Mem{Base: at, Index: begin, Scale: 4}, at)
		XORQ(row, row)
		next, done := m.label("row"), m.label("rows")
		Label(next)
		end := v.len("first")
		SUBQ(operand.Imm(1), end)
		CMPQ(row, end)
		JGE(operand.LabelRef(done))
		count, first := GP64(), v.gp("first")
		MOVL(operand.Mem{Base: first, Index: row, Scale: 4, Disp: 4}, count.As32())
		SUBL(operand.Mem{Base: first, Index: row, Scale: 4}, count.As32())
		acc := m.reduce(count, 16, 1, v.zero, func(s strip, acc []vec) {
			v.addTo(acc[0], m.gather(x, s.load(at)), s.load(w))
		})[0]
		sum := v.fold(acc, "add")
		bias, plain := v.gp("bias"), m.label("plain")
		TESTQ(bias, bias)
		JZ(operand.LabelRef(plain))
		VADDSS(operand.Mem{Base: bias, Index: row, Scale: 4}, sum.AsX(), sum.AsX())
		Label(plain)
		VMOVSS(sum.AsX(), operand.Mem{Base: dst, Index: row, Scale: 4})
		LEAQ(operand.Mem{Base: w, Index: count, Scale: 4}, w)
		LEAQ(operand.Mem{Base: at, Index: count, Scale: 4}, at)
		ADDQ(operand.Imm(1), row)
		JMP(operand.LabelRef(next))
		Label(done)
	}},
}

// gather returns the elements of the array at p that the lanes of index name,
// 0 beyond the end of the tail.
func (x *x86) gather(p reg.Register, index vec) vec {
	r := x.reg()
	VXORPS(r, r, r)
	from := operand.Mem{Base: p, Index: index, Scale: 4}
	if x.wide { // the instruction spends its mask
		k := K()
		if x.mask == nil {
			KXNORW(k, k, k)
		} else {
			KMOVW(x.mask, k)
		}
		VGATHERDPS(from, k, r)
		return r
	}
	mask := x.reg()
	if x.mask == nil {
		VPCMPEQD(mask, mask, mask)
	} else {
		VMOVAPS(x.mask, mask)
	}
	VGATHERDPS(mask, from, r)
	return r
}
