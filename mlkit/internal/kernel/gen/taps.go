//go:build gen

package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	. "github.com/mmcloughlin/avo/build"
)

// tapKernels are the arithmetic of a direct convolution: sums of shifted rows,
// and their products with the gradient. tapRows keeps sums in registers over
// any number of taps; on arm64 nine weights, four, two or one at a time stay
// there. The registers of AVX2 hold the sums of three products in 32 lanes.
var tapKernels = []kernel{{
	"tapRows", "func(y, x, w []float32, taps []int)", amd64, func(v *vm) {
		y, x, w, taps, n := v.gp("y"), v.gp("x"), v.gp("w"), v.gp("taps"), v.len("taps")
		v.x86().groups(v.len("y"), 4, func(ss []strip) {
			var acc []vec
			for _, s := range ss {
				acc = append(acc, s.load(y))
			}
			k := GP64()
			XORQ(k, k)
			loop := v.x86().label("tap")
			Label(loop)
			at, weight := GP64(), v.x86().reg()
			MOVQ(operand.Mem{Base: taps, Index: k, Scale: 8, Disp: 8}, at)
			VBROADCASTSS(operand.Mem{Base: w, Index: at, Scale: 4}, weight)
			MOVQ(operand.Mem{Base: taps, Index: k, Scale: 8}, at)
			LEAQ(operand.Mem{Base: x, Index: at, Scale: 4}, at)
			for i, s := range ss {
				v.addTo(acc[i], weight, v.source(s, at))
			}
			ADDQ(operand.Imm(2), k)
			CMPQ(k, n)
			JNE(operand.LabelRef(loop))
			for i, s := range ss {
				s.store(acc[i], y)
			}
		})
	},
}, tapSums(9), tapSums(4), tapSums(2), tapSums(1), {
	"tapDots", "func(dy, x0, x1, x2 []float32) (d0, d1, d2 float32)", everywhere, func(v *vm) {
		dy := v.gp("dy")
		x := []reg.GPVirtual{v.gp("x0"), v.gp("x1"), v.gp("x2")}
		q := v.reduce(v.len("dy"), sumLanes/2, 3, v.zero, func(s strip, acc []vec) {
			d := s.load(dy)
			for k := range acc {
				v.addTo(acc[k], d, v.source(s, x[k]))
			}
		})
		for k := range q {
			v.result(v.fold(q[k], "add"), fmt.Sprintf("d%d", k))
		}
	},
}}

// tapSums is the kernel that adds up n taps.
func tapSums(n int) kernel {
	var xs, ws []string
	for k := range n {
		xs, ws = append(xs, fmt.Sprintf("x%d", k)), append(ws, fmt.Sprintf("w%d", k))
	}
	signature := fmt.Sprintf("func(y, %s []float32, %s float32)", strings.Join(xs, ", "), strings.Join(ws, ", "))
	return kernel{fmt.Sprintf("taps%d", n), signature, arm64, func(v *vm) {
		y := v.gp("y")
		var x []reg.GPVirtual
		var w []vec
		for k := range n {
			x, w = append(x, v.gp(xs[k])), append(w, v.scalar(ws[k]))
		}
		v.strips(v.len("y"), 2, func(s strip) {
			acc := s.load(y)
			for k := range n {
				v.addTo(acc, w[k], v.source(s, x[k]))
			}
			s.store(acc, y)
		})
	}}
}

// source is a strip of the array at p as the last operand of an instruction: in
// memory where that may be read whole.
func (v *vm) source(s strip, p reg.GPVirtual) any {
	if v.rest() != nil {
		return s.load(p)
	}
	return s.at(p)
}
