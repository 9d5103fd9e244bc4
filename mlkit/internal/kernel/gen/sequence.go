//go:build gen

package main

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/reg"
)

// sequenceKernels are the transforms of Winograd's filtering in one dimension,
// of many tiles at a time: an argument is a row of the first, second … numbers
// of all tiles.
var sequenceKernels = []kernel{
	// In two kernels, because twelve rows are too many for the registers that
	// point to them.
	transform("seqInputEnds", "v", 2, "x", 6, (*vm).winInputEnds),
	transform("seqInputMiddle", "v", 4, "x", 4, (*vm).winInputMiddle),
	transform("seqWeight", "u", 6, "w", 3, (*vm).winWeight),
	transform("seqGrad", "d", 6, "g", 4, (*vm).winWeight),
	transform("seqOutput", "y", 4, "m", 6, (*vm).winOutput),
	transform("seqWeightGrad", "w", 3, "m", 6, (*vm).winOutput),
}

// transform is the kernel that computes outs rows from ins rows.
func transform(name, out string, outs int, in string, ins int, f func(v *vm, x []vec, outs int) []vec) kernel {
	names := func(prefix string, n int) (s []string) {
		for k := range n {
			s = append(s, fmt.Sprintf("%s%d", prefix, k))
		}
		return s
	}
	to, from := names(out, outs), names(in, ins)
	signature := fmt.Sprintf("func(%s, %s []float32)", strings.Join(to, ", "), strings.Join(from, ", "))
	return kernel{name, signature, everywhere, func(v *vm) {
		var dst, src []reg.GPVirtual
		for _, n := range to {
			dst = append(dst, v.gp(n))
		}
		for _, n := range from {
			src = append(src, v.gp(n))
		}
		v.strips(v.len(to[0]), 1, func(s strip) {
			var x []vec
			for _, p := range src {
				x = append(x, s.load(p))
			}
			for k, y := range f(v, x, outs) {
				s.store(y, dst[k])
			}
		})
	}}
}

// plus returns a + c·b.
func (v *vm) plus(a vec, c float64, b vec) vec {
	r := v.copy(a)
	v.addTo(r, b, v.c(c))
	return r
}

// winInputEnds transforms six inputs to the first and the last number.
func (v *vm) winInputEnds(d []vec, _ int) []vec {
	const a, b = pointA, pointB
	return []vec{
		v.plus(v.plus(d[4], -a*a-b*b, d[2]), a*a*b*b, d[0]),
		v.plus(v.plus(d[5], -a*a-b*b, d[3]), a*a*b*b, d[1]),
	}
}

// winInputMiddle transforms the four inner inputs to the four others.
func (v *vm) winInputMiddle(d []vec, _ int) []vec {
	const a, b = pointA, pointB
	e, f := v.plus(d[3], -b*b, d[1]), v.plus(d[2], -b*b, d[0])
	t1, t2 := v.plus(e, a, f), v.plus(e, -a, f)
	e, f = v.plus(d[3], -a*a, d[1]), v.plus(d[2], -a*a, d[0])
	return []vec{t1, t2, v.plus(e, b, f), v.plus(e, -b, f)}
}

// winWeight transforms three weights, or four gradients.
func (v *vm) winWeight(g []vec, _ int) []vec {
	const a, b = pointA, pointB
	t := []vec{v.mul(g[0], v.c(1/(a*a*b*b)))}
	for _, p := range [][2]float64{{a, b}, {b, a}} {
		c := 1 / (2 * p[0] * p[0] * (p[0]*p[0] - p[1]*p[1]))
		e, o := v.plus(v.mul(g[0], v.c(c)), c*p[0]*p[0], g[2]), v.mul(g[1], v.c(c*p[0]))
		if len(g) == 4 {
			o = v.plus(o, c*p[0]*p[0]*p[0], g[3])
		}
		t = append(t, v.add(e, o), v.sub(e, o))
	}
	return append(t, g[len(g)-1])
}

// winOutput transforms to four outputs, or three gradients.
func (v *vm) winOutput(m []vec, outs int) []vec {
	const a, b = pointA, pointB
	s1, d1, s2, d2 := v.add(m[1], m[2]), v.sub(m[1], m[2]), v.add(m[3], m[4]), v.sub(m[3], m[4])
	t := []vec{
		v.add(v.add(m[0], s1), s2),
		v.plus(v.mul(d1, v.c(a)), b, d2),
		v.plus(v.mul(s1, v.c(a*a)), b*b, s2),
	}
	if outs == 3 {
		t[2] = v.add(t[2], m[5])
		return t
	}
	return append(t, v.add(v.plus(v.mul(d1, v.c(a*a*a)), b*b*b, d2), m[5]))
}
