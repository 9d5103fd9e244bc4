package tensor

import "descent/mlkit/internal/kernel/gemm"

// The gradient of a dense layer's weights, of one sample, is a column times a
// row. To write it takes as long as the forward pass, to read it in the
// optimizer once more. So it waits as its two factors, and is multiplied out
// where it is wanted in full (Grads.Of, or another use of the parameter).
const leastOuter = 1 << 14 // weights below which the two copies are no gain

// outerGrad is what a parameter keeps of such a gradient.
type outerGrad struct{ column, row []float32 }

var outerGrads = newKeeper[outerGrad]()

// waits tells whether the gradient of the weights m for this many rows of a
// batch, the first that comes to them, can wait. One that is watched or has
// memory of the caller's is wanted in full at once.
func (t *Tape) waits(m *node, rows int) bool {
	return rows == 1 && m.needs && m.param != nil && m.grad == nil && m.kept == nil && len(m.data) >= leastOuter &&
		t.memory == nil && t.complete == nil
}

// wait keeps the factors of the gradient of m. They are copies: the row may lie
// in the caller's memory, and the column is about to be handed on.
func (t *Tape) wait(m *node, column, row []float32) {
	t.waiting = true
	o := outerGrads.lend(t, m)
	o.column, o.row = t.floats.take(len(column)), t.floats.take(len(row))
	copy(o.column, column)
	copy(o.row, row)
}

// multiply writes the gradient in full.
func (t *Tape) multiply(m *node, o *outerGrad) {
	m.kept = nil
	m.grad = t.gradMemory(m)
	gemm.Gemm{M: len(o.column), N: len(o.row), K: 1, TransA: true}.Run(m.grad, o.column, o.row)
}

// Outer gives the gradient with respect to a matrix as a column and a row whose
// product it is, where the backward pass has left it so: for the weights of a
// large dense layer that was used once, on one sample. They are the tape's, for
// reading; both are nil for all other parameters. The hint is that of OfHint. A
// call of Of multiplies them, after which there are none.
func (g Grads) Outer(p *Param, hint int) (column, row []float32) {
	if !g.Wait() {
		return nil, nil
	}
	g.check()
	if n := g.tape.find(p, hint); n != nil && n.grad == nil {
		if o, ok := n.kept.(*outerGrad); ok {
			return o.column, o.row
		}
	}
	return nil, nil
}
