package tensor

import "descent/mlkit/internal/kernel/elementwise"

// RNN runs the simple recurrence h ← act(W_ih·x + b_ih + W_hh·h + b_hh)
// (Elman 1990) over whole sequences, as one operation: from x, [time, batch,
// in], the hidden states of all steps, [time, batch, hidden], and the final
// one, [batch, hidden]. act is tanh, or ReLU if relu is set. It panics with a
// [*ShapeError] when an operand does not fit.
func (x Tensor) RNN(w Recurrent, relu bool) (out, hN Tensor) {
	out, hN, _ = x.recurrent(simple(relu), w)
	return out, hN
}

func simple(relu bool) *cell {
	if relu {
		return &reluCell
	}
	return &tanhCell
}

var (
	tanhCell = simpleCell(elementwise.Tanh, func(d, dh, y []float32) {
		clear(d)
		elementwise.TanhGrad(d, dh, y)
	})
	reluCell = simpleCell(elementwise.ReLU, elementwise.ReLUMask)
)

// simpleCell makes a cell of an activation; grad writes the gradient of its
// argument, given that of its result y.
func simpleCell(act func(y, x []float32), grad func(d, dh, y []float32)) cell {
	return cell{
		op: "RNN", gates: 1,
		forward: func(r *recurrence, s step) {
			act(rows(r.hs, s.next, s.n, r.hidden), rows(r.acts, s.now, s.n, r.hidden))
		},
		backward: func(r *recurrence, s step, dh, _ []float32) {
			grad(rows(r.dacts, s.chunk, s.n, r.hidden), dh, rows(r.hs, s.next, s.n, r.hidden))
		},
	}
}
