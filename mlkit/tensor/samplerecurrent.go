package tensor

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// Of the pass for norms a recurrence keeps the gradients of all steps' gates:
// [time, batch, G·hidden], rows ldd apart. A sample's are batch rows apart.

// states are those before each step, as the weights met them.
func (r *recurrence) states() []float32 {
	bh := r.batch * r.hidden
	switch {
	case r.mask != nil:
		return r.masked
	case r.reverse:
		return r.hs[bh:]
	}
	return r.hs[:r.time*bh]
}

// sampleSquare is the squared norm of sample b's part of the gradients of the
// weights and biases that are wanted.
func (r *recurrence) sampleSquare(b int, wants func(k int) bool, memory *cpu.Workspace) (s float64) {
	width := r.gates * r.hidden
	ld := r.batch * r.ldd
	da, dg := r.dacts[b*r.ldd:], r.dgh[b*r.ldd:]
	if wants(1) {
		s += productSquare(da, r.x[b*r.in:], r.time, width, r.in, ld, r.batch*r.in, memory)
	}
	if wants(2) {
		s += productSquare(dg, r.states()[b*r.hidden:], r.time, width, r.hidden, ld, r.batch*r.hidden, memory)
	}
	sum := cpu.Floats(&memory.A, width)
	if wants(3) {
		s += r.biasSquare(da, sum)
	}
	if wants(4 + moreBiasHH) {
		s += r.biasSquare(dg, sum)
	}
	return s
}

func (r *recurrence) biasSquare(d, sum []float32) float64 {
	clear(sum)
	for step := range r.time {
		elementwise.Add(sum, sum, d[step*r.batch*r.ldd:][:len(sum)])
	}
	return float64(rowwise.SumSquares(sum))
}

// weigh makes the gradients of weights and biases, each sample's times its
// factor.
func (r *recurrence) weigh(t *Tape, n *node, factors []float32) {
	if r.dacts == nil { // nothing flowed there
		return
	}
	d := [][]float32{r.dacts, r.dgh}
	if !r.apart {
		d = d[:1]
	}
	for _, d := range d {
		for row := range r.time * r.batch {
			own := rows(d, row, 1, r.ldd)
			elementwise.Scale(own, own, factors[row%r.batch])
		}
	}
	r.gwi, r.accI = t.gradBuffer(n, 1)
	r.gwh, r.accH = t.gradBuffer(n, 2)
	r.gbi, r.gbh = t.gradOf(n, 3), t.gradMore(n, moreBiasHH)
	r.sumWeights(r.x, r.states(), r.time*r.batch)
	t.floats.recycle(r.dacts)
	if r.apart {
		t.floats.recycle(r.dgh)
	}
}
