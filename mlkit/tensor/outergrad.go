package tensor

import "descent/mlkit/internal/kernel/gemm"

// The gradient of a dense layer's weights, of one sample, is a column times a
// row; of a batch it is the sum of such products. To write it and to read it in
// the optimizer goes to memory twice: of one sample that takes longer than the
// forward pass, of 16 a tenth of the step. So where the batch is small beside
// the weights, it waits as its two factors, and is multiplied out where it is
// wanted in full (Grads.Of, or another use of the parameter).
const (
	leastOuter = 1 << 14 // weights below which the two copies are no gain
	// The same for several samples, and how many times as large as the copies
	// the weights must be then.
	leastOuters = 1 << 16
	outerShare  = 4
)

// outerGrad is what a parameter keeps of such a gradient: what came back to the
// layer's outputs, and its inputs, sample by sample.
type outerGrad struct {
	columns, rows []float32
	count         int // samples
}

var outerGrads = newKeeper[outerGrad]()

// waits tells whether the gradient of the weights m for this many rows of a
// batch, the first that comes to them, can wait. One that is watched or has
// memory of the caller's is wanted in full at once.
func (t *Tape) waits(m *node, rows int) bool {
	if !m.needs || m.param == nil || m.grad != nil || m.kept != nil || t.memory != nil || t.complete != nil {
		return false
	}
	if rows == 1 {
		return len(m.data) >= leastOuter
	}
	return rows > 1 && rows <= gemm.MostDescend && len(m.data) >= leastOuters &&
		outerShare*rows*(m.d[0]+m.d[1]) <= len(m.data)
}

// wait keeps the factors of the gradient of m. They are copies: the rows may
// lie in the caller's memory, and the columns are about to be handed on.
func (t *Tape) wait(m *node, columns, rows []float32) {
	t.waiting = true
	o := outerGrads.lend(t, m)
	o.columns, o.rows, o.count = t.floats.take(len(columns)), t.floats.take(len(rows)), len(columns)/m.d[0]
	copy(o.columns, columns)
	copy(o.rows, rows)
}

// multiply writes the gradient in full.
func (t *Tape) multiply(m *node, o *outerGrad) {
	m.kept = nil
	m.grad = t.gradMemory(m)
	gemm.Gemm{M: m.d[0], N: m.d[1], K: o.count, TransA: true}.Run(m.grad, o.columns, o.rows)
}

// Outer gives the gradient with respect to a matrix [out, in] as columns [n,
// out] and rows [n, in] whose products, added up, it is, where the backward
// pass has left it so: for the weights of a large dense layer that was used
// once, on one sample or a few. They are the tape's, for reading; both are nil
// for all other parameters. The hint is that of OfHint. A call of Of multiplies
// them, after which there are none.
func (g Grads) Outer(p *Param, hint int) (columns, rows []float32) {
	if !g.Wait() {
		return nil, nil
	}
	g.check()
	if n := g.tape.find(p, hint); n != nil && n.grad == nil {
		if o, ok := n.kept.(*outerGrad); ok {
			return o.columns, o.rows
		}
	}
	return nil, nil
}
