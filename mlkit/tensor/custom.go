package tensor

import "fmt"

// An Op is an operation defined outside of this package: a name and a backward
// function, made once (a package variable) and applied many times.
type Op struct {
	name     string
	backward func(Back)
}

// NewOp defines an operation. backward adds to the gradients of the operands;
// it is a plain function over what [Op.Apply] recorded, so one Op serves all
// tapes and goroutines.
func NewOp(name string, backward func(Back)) *Op { return &Op{name, backward} }

// Apply records y, the result that the caller has computed from the operands
// (1 to 4, on one tape), with the shape dims. Take y's memory from
// [Tape.Scratch] to allocate nothing. What backward will need beside operands
// and result goes into saved (at most 4 slices).
func (o *Op) Apply(y []float32, dims []int, operands []Tensor, saved ...[]float32) Tensor {
	if len(operands) == 0 || len(operands) > 4 || len(saved) > 4 {
		panic(fmt.Sprintf("tensor: %s: an Op takes 1 to 4 operands and saves at most 4 slices, not %d and %d", o.name, len(operands), len(saved)))
	}
	s := makeShape(o.name, dims)
	if s.size() != len(y) {
		panic(&ShapeError{Op: o.name, Shapes: cloneShapes(dims), Why: lengthWhy(len(y), s.size())})
	}
	var in [4]int32
	for k, x := range operands {
		x.node(o.name)
		sameTape(o.name, operands[0], x)
		in[k] = x.i
	}
	t := operands[0].t
	res, n := t.push(o.name)
	n.data, n.shape = y, s
	u := uses.lend(t, n)
	u.op = o
	copy(u.saved[:], saved)
	n.record(t, backOp, in[:len(operands)]...)
	return res
}

// opUse is what one use of a custom operation keeps.
type opUse struct {
	op    *Op
	saved [4][]float32
}

var uses = newKeeper[opUse]()

func backOp(t *Tape, n *node) { n.kept.(*opUse).op.backward(Back{t, n}) }

// Back is what a custom operation's backward function sees of one use of it.
type Back struct {
	t *Tape
	n *node
}

// DY is the gradient of the loss with respect to the result.
func (b Back) DY() []float32 { return b.n.grad }

// Y is the result.
func (b Back) Y() []float32 { return b.n.data }

// X is the value of operand k.
func (b Back) X(k int) []float32 { return b.t.operand(b.n, k) }

// Dims is the shape of operand k.
func (b Back) Dims(k int) []int { return b.t.nodes[b.n.in[k]].dims() }

// DX is the gradient of operand k, to be added to; nil when none is wanted.
func (b Back) DX(k int) []float32 { return b.t.gradOf(b.n, k) }

// Saved is slice k of what Apply saved.
func (b Back) Saved(k int) []float32 { return b.n.kept.(*opUse).saved[k] }

// Scratch returns n zeros that live until Reset.
func (b Back) Scratch(n int) []float32 { return b.t.Scratch(n) }
