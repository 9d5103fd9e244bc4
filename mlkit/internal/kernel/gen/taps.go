package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/reg"
)

// tapKernels are the arithmetic of a direct convolution: sums of shifted rows,
// and their products with the gradient. The registers of AVX2 hold nine weights
// beside what a turn of the loop needs, or the sums of three products in 32
// lanes.
var tapKernels = []kernel{tapSums(9), tapSums(4), tapSums(2), tapSums(1), {
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
	signature := fmt.Sprintf("func(y, from, %s []float32, %s float32)", strings.Join(xs, ", "), strings.Join(ws, ", "))
	return kernel{fmt.Sprintf("taps%d", n), signature, everywhere, func(v *vm) {
		y, from := v.gp("y"), v.gp("from")
		var x []reg.GPVirtual
		var w []vec
		for k := range n {
			x, w = append(x, v.gp(xs[k])), append(w, v.scalar(ws[k]))
		}
		v.strips(v.len("y"), 2, func(s strip) {
			acc := s.load(from)
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
