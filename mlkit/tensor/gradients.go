package tensor

import "fmt"

// An UnsupportedError tells that an operation does not take part in what was
// asked for: it has no second derivative here, or mixes samples.
type UnsupportedError struct {
	Op  string // the operation, as [Tape.Operations] names it
	Why string
}

func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("tensor: %s: %s", e.Op, e.Why)
}

// Gradients records the gradient of x, which must have one element, with
// respect to the given tensors as tensors on the tape. They can be computed
// with and differentiated again: a penalty on a gradient's norm, Hessian–vector
// products, third derivatives. (Backward's are numbers only, and cost less.) A
// tensor that x does not depend on gets zeros; one without gradient, such as an
// Input, is an error.
//
// Each operation on the way must be one of these, or the error is an
// [*UnsupportedError] that names it:
//
//   - arithmetic, Pow, Maximum, Minimum, Where, MaskedFill; elementary functions
//     and activations; all that changes shape, order or place but ScatterSet and
//     ScatterMax; reductions but Prod; CumSum; MatMul and Einsum; Solve, Cholesky
//     and QR
//   - Linear and what is fused with it, FeedForward; convolutions, transposed ones
//     too, and what is fused with them; pooling but AdaptiveAvgPool2D to more than
//     1×1 and MaxUnpool2D; embeddings but EmbedBag; Resize; dropout
//   - Softmax, LogSoftmax and the cross-entropies
//   - recurrent layers, step by step
//   - layer, group and batch normalisation, RMSNorm; Rotary; attention without dropout,
//     biases and grouped queries
//
// Not among them are CTC, CumProd, the Upsample operations,
// LocalResponseNorm, and operations of [NewOp], which some losses of package nn
// are. Fused operations are computed once more by simpler ones, so this takes a
// multiple of Backward's time and memory. At a kink, as ReLU's, the second
// derivative is taken as 0.
func (x Tensor) Gradients(wrt ...Tensor) ([]Tensor, error) {
	n := x.node("Gradients")
	if len(n.data) != 1 {
		shapePanic("Gradients", 0, "the loss must have one element: take a Mean or a Sum", x)
	}
	t := x.t
	d := twice{t: t, grads: map[int32]Tensor{}, wanted: map[int32]bool{}}
	for _, w := range wrt {
		sameTape("Gradients", x, w)
		if !w.node("Gradients").needs {
			return nil, fmt.Errorf("tensor: Gradients with respect to a tensor that needs no gradient (%s): use Variable instead of Input, a parameter that is not frozen, and a tape that records gradients", t.nodes[w.i].op)
		}
		d.wanted[w.i] = true
	}
	d.grads[x.i] = t.Full(1, n.dims()...)
	if err := d.walk(x.i, 0); err != nil {
		return nil, err
	}
	out := make([]Tensor, len(wrt))
	for k, w := range wrt {
		g, ok := d.grads[w.i]
		if !ok {
			g = t.Full(0, w.Dims()...)
		}
		out[k] = g
	}
	return out, nil
}

// HessianVector computes H·v, H the matrix of second derivatives of x with
// respect to all elements of wrt, v a vector of the same parts: the gradient of
// ∇x·v (Pearlmutter 1994), without the matrix. The result holds a part of H·v
// for each tensor: Of gives that of a parameter, Wrt that of a [Tape.Variable].
// It is the tape's one Backward until Reset. See [Tensor.Gradients] for the
// operations and errors.
func (x Tensor) HessianVector(wrt []Tensor, v [][]float32) (Grads, error) {
	if len(v) != len(wrt) {
		panic(fmt.Sprintf("tensor: HessianVector: a vector of %d parts for %d tensors", len(v), len(wrt)))
	}
	grads, err := x.Gradients(wrt...)
	if err != nil {
		return Grads{}, err
	}
	sum := x.t.Scalar(0)
	for k, g := range grads {
		sum = sum.Add(g.Mul(x.t.Input(v[k], g.Dims()...)).Sum())
	}
	return sum.Backward(), nil
}

// twice records gradients as tensors. Every operation has a rule: its operands'
// gradients by operations of the list again, or the same result by simpler
// operations, whose gradients are then recorded.
type twice struct {
	t      *Tape
	grads  map[int32]Tensor
	wanted map[int32]bool
	leads  []bool           // whether a node depends on what is wanted
	states map[int32]Tensor // gradients of the final cells of LSTMs, by their nodes
	err    error
}

// walk records the gradients of the nodes hi…lo. What the rules record lies
// above hi.
func (d *twice) walk(hi, lo int32) error {
	for i := int32(len(d.leads)); i <= hi; i++ {
		n := &d.t.nodes[i]
		leads := d.wanted[i]
		for _, in := range [][]int32{n.in[:], n.more} {
			for _, k := range in {
				leads = leads || k >= 0 && n.needs && d.leads[k]
			}
		}
		d.leads = append(d.leads, leads)
	}
	for i := hi; i >= lo; i-- {
		dy, ok := d.grads[i]
		n := d.t.nodes[i] // a copy: rules push
		if !ok || n.back == nil {
			continue
		}
		if !d.rule(&n, i, dy) {
			return &UnsupportedError{n.op, "no second derivative: see Tensor.Gradients for the operations that have one"}
		}
		if d.err != nil {
			return d.err
		}
	}
	return nil
}

// add adds to the gradient of operand k; f is not called where none is wanted.
func (d *twice) add(n *node, k int, f func() Tensor) { d.addAt(n.in[k], f) }

func (d *twice) addAt(i int32, f func() Tensor) {
	if i < 0 || int(i) < len(d.leads) && !d.leads[i] {
		return
	}
	g := f()
	if old, ok := d.grads[i]; ok {
		g = old.Add(g)
	}
	d.grads[i] = g
}

// replace continues with the same result computed by simpler operations,
// recorded since the tape's length was from.
func (d *twice) replace(from int, y, dy Tensor) bool {
	if y.i < int32(from) { // an operand as it stands
		d.addAt(y.i, func() Tensor { return dy })
		return true
	}
	d.grads[y.i] = dy
	d.err = d.walk(y.i, int32(from))
	return true
}

// operand is operand k, the zero Tensor where there is none.
func (d *twice) operand(n *node, k int) Tensor { return d.tensor(n.in[k]) }

func (d *twice) tensor(i int32) Tensor {
	if i < 0 {
		return Tensor{}
	}
	return Tensor{d.t, i, d.t.gen}
}

// sumTo is the backward pass of broadcasting: the sum over what was repeated.
func (x Tensor) sumTo(s shape) Tensor {
	n := x.node("Sum")
	if n.shape == s {
		return x
	}
	var axes []int
	for k, d := range n.dims() {
		if k < n.n-s.n || d != s.d[k-n.n+s.n] {
			axes = append(axes, k)
		}
	}
	if len(axes) > 0 {
		x = x.Sum(axes...)
	}
	return x.reshaped("Reshape", s)
}

// masked is x where the mask is not 0, else 0, whatever x is there.
func (x Tensor) masked(mask Tensor) Tensor { return Where(mask, x, x.t.Scalar(0)) }

// A linear map and its transpose, both adding to dst.
type linearMap struct{ forward, transposed func(dst, src []float32) }

// linearMap records a linear map of x.
func (x Tensor) linearMap(op string, s shape, m linearMap) Tensor {
	src := x.node(op).data
	data := x.t.floats.zeroed(s.size())
	m.forward(data, src)
	y, n := x.t.push(op)
	n.data, n.shape, n.kept = data, s, &m
	n.record(x.t, backLinearMap, x.i)
	return y
}

func backLinearMap(t *Tape, n *node) { n.kept.(*linearMap).transposed(t.gradOf(n, 0), n.grad) }
