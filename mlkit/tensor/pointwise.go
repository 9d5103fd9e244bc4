package tensor

// pointwise describes an element-wise function of one tensor without
// parameters.
type pointwise struct {
	name    string
	forward func(dst, x []float32)
	// grad adds dy·f′ to dx; v is the result where ofResult is set, else x.
	grad     func(dx, dy, v []float32)
	ofResult bool
}

func (f *pointwise) apply(x Tensor) Tensor {
	y, n := x.unary(f.name, backPointwise)
	n.kept = f
	f.forward(n.data, x.t.operand(n, 0))
	return y
}

func backPointwise(t *Tape, n *node) {
	f, v := n.kept.(*pointwise), n.data
	if !f.ofResult {
		v = t.operand(n, 0)
	}
	f.grad(t.gradOf(n, 0), n.grad, v)
}

// unary records an operation of one operand with a result of the same shape;
// the caller fills n.data. The pointer is valid until the next operation.
func (x Tensor) unary(op string, back func(*Tape, *node)) (Tensor, *node) {
	s := x.node(op).shape
	y, n := x.t.push(op)
	n.shape = s
	n.data = x.t.floats.take(s.size())
	n.record(x.t, back, x.i)
	return y, n
}
