//go:build gen

package main

import (
	"github.com/mmcloughlin/avo/operand"

	. "github.com/mmcloughlin/avo/build"
)

// cellKernels are one row of the recurrent cells and of their gradients.
var cellKernels = []kernel{
	{"lstmRow", "func(h, c, acts, tanhC, gates, cPrev []float32)", everywhere, func(v *vm) {
		h, c, tanhC, cPrev, n := v.gp("h"), v.gp("c"), v.gp("tanhC"), v.gp("cPrev"), v.len("h")
		acts, gates := v.parts("acts", n, 4), v.parts("gates", n, 4)
		v.strips(n, 1, func(s strip) {
			f := v.sigmoid(s.loadPart(gates, 1))
			s.storePart(f, acts, 1)
			cell := v.mul(f, s.load(cPrev))
			i := v.sigmoid(s.loadPart(gates, 0))
			s.storePart(i, acts, 0)
			g := v.tanh(s.loadPart(gates, 2))
			s.storePart(g, acts, 2)
			v.addTo(cell, i, g)
			s.store(cell, c)
			s.storePart(v.sigmoid(s.loadPart(gates, 3)), acts, 3)
		})
		// In a loop of its own: behind the gates in one, a turn would be two
		// functions long from its first instruction to its last, more than a
		// processor overlaps with the next.
		v.strips(n, 1, func(s strip) {
			t := v.tanh(s.load(c))
			s.store(t, tanhC)
			s.store(v.mul(s.loadPart(acts, 3), t), h)
		})
	}},
	{"lstmGradRow", "func(dgates, dcPrev, dh, dc, acts, tanhC, cPrev []float32)", amd64, func(v *vm) {
		dcPrev, dh, dc, tanhC, cPrev, n := v.gp("dcPrev"), v.gp("dh"), v.gp("dc"), v.gp("tanhC"), v.gp("cPrev"), v.len("dh")
		dgates, acts := v.parts("dgates", n, 4), v.parts("acts", n, 4)
		v.strips(n, 1, func(s strip) {
			one := v.set(v.c(1))
			o := s.loadPart(acts, 3)
			t, d := s.load(tanhC), s.load(dh)
			// d*t * o*(1-o)
			s.storePart(v.mul(v.mul(d, t), v.mul(o, v.sub(one, o))), dgates, 3)
			w := v.copy(one)
			v.subTo(w, t, t)
			cell := v.mul(v.mul(d, o), w)
			without := v.x86().label("noDC")
			TESTQ(dc, dc)
			JZ(operand.LabelRef(without))
			v.plusTo(cell, s.load(dc))
			Label(without)
			i, f, g := s.loadPart(acts, 0), s.loadPart(acts, 1), s.loadPart(acts, 2)
			s.storePart(v.mul(v.mul(cell, g), v.mul(i, v.sub(one, i))), dgates, 0)
			s.storePart(v.mul(v.mul(cell, s.load(cPrev)), v.mul(f, v.sub(one, f))), dgates, 1)
			w = v.copy(one)
			v.subTo(w, g, g)
			s.storePart(v.mul(v.mul(cell, i), w), dgates, 2)
			s.store(v.mul(cell, f), dcPrev)
		})
	}},
	{"gruRow", "func(h, acts, gx, gh, hPrev []float32)", everywhere, func(v *vm) {
		h, hPrev, n := v.gp("h"), v.gp("hPrev"), v.len("h")
		acts, gx, gh := v.parts("acts", n, 3), v.parts("gx", n, 3), v.parts("gh", n, 3)
		v.strips(n, 1, func(s strip) {
			part := func(k int) vec {
				return v.add(s.loadPart(gx, k), s.loadPart(gh, k))
			}
			for k := range 2 {
				s.storePart(v.sigmoid(part(k)), acts, k)
			}
		})
		v.strips(n, 1, func(s strip) { // apart: see lstmRow
			w := s.loadPart(gx, 2)
			v.addTo(w, s.loadPart(acts, 0), s.loadPart(gh, 2))
			t := v.tanh(w)
			s.storePart(t, acts, 2)
			v.addTo(t, s.loadPart(acts, 1), v.sub(s.load(hPrev), t))
			s.store(t, h)
		})
	}},
	{"gruGradRow", "func(dgx, dgh, dhPrev, dh, acts, gh, hPrev []float32)", amd64, func(v *vm) {
		dhPrev, dh, hPrev, n := v.gp("dhPrev"), v.gp("dh"), v.gp("hPrev"), v.len("dh")
		dgx, dgh, acts, gh := v.parts("dgx", n, 3), v.parts("dgh", n, 3), v.parts("acts", n, 3), v.parts("gh", n, 3)
		v.strips(n, 1, func(s strip) {
			one := v.set(v.c(1))
			r, z, t := s.loadPart(acts, 0), s.loadPart(acts, 1), s.loadPart(acts, 2)
			d := s.load(dh)
			rest := v.sub(one, z)
			w := v.copy(one)
			v.subTo(w, t, t)
			dn := v.mul(v.mul(d, rest), w)
			dz := v.mul(v.mul(v.mul(d, v.sub(s.load(hPrev), t)), z), rest)
			dr := v.mul(v.mul(v.mul(dn, s.loadPart(gh, 2)), r), v.sub(one, r))
			s.storePart(dr, dgx, 0)
			s.storePart(dr, dgh, 0)
			s.storePart(dz, dgx, 1)
			s.storePart(dz, dgh, 1)
			s.storePart(dn, dgx, 2)
			s.storePart(v.mul(dn, r), dgh, 2)
			s.store(v.mul(d, z), dhPrev)
		})
	}},
}
