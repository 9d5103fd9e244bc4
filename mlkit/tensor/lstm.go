package tensor

import "descent/mlkit/internal/kernel/rowwise"

// LSTM runs a long short-term memory (Hochreiter & Schmidhuber 1997, with the
// forget gate of Gers et al. 2000) over whole sequences, as one operation:
// from x, [time, batch, in], the hidden states of all steps, [time, batch,
// hidden], and the final hidden and cell states, [batch, hidden]. Gates are in
// PyTorch's order i, f, g, o:
//
//	i, f, o = σ(W_ih·x + b_ih + W_hh·h + b_hh), g = tanh(likewise)
//	c ← f∘c + i∘g, h ← o∘tanh(c)
//
// Time comes first because a step then is one piece of memory; see
// [Tensor.TimeMajor]. It panics with a [*ShapeError] when an operand does not
// fit.
func (x Tensor) LSTM(w Recurrent) (out, hN, cN Tensor) { return x.recurrent(&lstmCell, w) }

var lstmCell = cell{op: "LSTM", gates: 4}

func init() {
	lstmCell.forward = func(r *recurrence, s step) {
		h := r.hidden
		g := rows(r.acts, s.now, s.n, 4*h)
		rowwise.LSTMCell(rows(r.hs, s.next, s.n, h), r.c(s.after, s), g, r.tc(s), g, r.c(s.before, s), h)
	}
	lstmCell.backward = func(r *recurrence, s step, dh, _ []float32) {
		h := r.hidden
		dc := rows(r.dc, s.row, s.n, h)
		rowwise.LSTMCellGrad(rows(r.dacts, s.chunk, s.n, r.ldd), dc, dh, dc, rows(r.acts, s.now, s.n, 4*h),
			r.tc(s), r.c(s.before, s), h, r.ldd)
	}
}
