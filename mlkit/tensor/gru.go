package tensor

import (
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// GRU runs a gated recurrent unit (Cho et al. 2014) over whole sequences, as
// one operation: from x, [time, batch, in], the hidden states of all steps,
// [time, batch, hidden], and the final one, [batch, hidden]. Gates are in
// PyTorch's order r, z, n, and r multiplies the state's share after its bias:
//
//	r, z = σ(W_ih·x + b_ih + W_hh·h + b_hh)
//	n = tanh(W_in·x + b_in + r∘(W_hn·h + b_hn)), h ← (1−z)∘n + z∘h
//
// It panics with a [*ShapeError] when an operand does not fit.
func (x Tensor) GRU(w Recurrent) (out, hN Tensor) {
	out, hN, _ = x.recurrent(&gruCell, w)
	return out, hN
}

var gruCell = cell{
	op: "GRU", gates: 3, apart: true,
	forward: func(r *recurrence, s step) {
		h := r.hidden
		g := rows(r.acts, s.now, s.n, 3*h)
		rowwise.GRUCell(rows(r.hs, s.next, s.n, h), g, g, rows(r.gh, s.now, s.n, 3*h), rows(r.hs, s.prev, s.n, h), h)
	},
	backward: func(r *recurrence, s step, dh, dst []float32) {
		h := r.hidden
		rowwise.GRUCellGrad(rows(r.dacts, s.chunk, s.n, 3*h), rows(r.dgh, s.chunk, s.n, 3*h), dh, dh,
			rows(r.acts, s.now, s.n, 3*h), rows(r.gh, s.now, s.n, 3*h), rows(r.hs, s.prev, s.n, h), h)
		if dst != nil {
			elementwise.Add(dst, dst, dh)
		}
	},
}
