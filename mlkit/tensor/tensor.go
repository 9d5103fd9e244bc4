package tensor

import (
	"fmt"
	"slices"
)

// A Tensor is a value on a tape: a small handle, copied freely. Its methods
// are the operations; each records itself on the tape and returns a new
// tensor. The zero Tensor is no tensor (see [Tensor.Valid]).
type Tensor struct {
	t   *Tape
	i   int32
	gen uint32
}

// Zero stands for the number 0 in a setting whose 0 means its default:
//
//	nn.FocalLoss{}                   // Gamma is 2
//	nn.FocalLoss{Gamma: tensor.Zero} // Gamma is 0: the cross-entropy
//
// It is the smallest positive float32, which no other setting is, and where it
// takes part in arithmetic it changes nothing. It serves every float32 and
// float64 setting of mlkit.
const Zero = 0x1p-149

// node gives the tensor's entry, or panics when there is none any more.
func (x Tensor) node(op string) *node {
	if x.t == nil {
		panic("tensor: " + op + " of the zero Tensor")
	}
	if x.gen != x.t.gen {
		panic(fmt.Sprintf("tensor: %s of a tensor from before Tape.Reset; Clone what is to outlive a step", op))
	}
	n := &x.t.nodes[x.i]
	if n.over {
		panic(fmt.Sprintf("tensor: %s of a tensor from inside of a Tape.Scope that has ended; return it from there, or Clone its data", op))
	}
	if n.fill != nil {
		x.t.first = min(x.t.first, int(x.i))
		f := n.fill
		n.fill = nil
		f(x.t, n)
	}
	return n
}

// Valid reports whether x is a tensor of the current step of its tape.
func (x Tensor) Valid() bool { return x.t != nil && x.gen == x.t.gen }

// Tape is the tape that x is recorded on.
func (x Tensor) Tape() *Tape { return x.t }

// Dims is the shape of x. The slice belongs to the tape: read it only.
func (x Tensor) Dims() []int { return x.node("Dims").dims() }

// Dim is the length of one axis; −1 is the last.
func (x Tensor) Dim(axis int) int {
	n := x.node("Dim")
	return n.d[n.axis("Dim", axis)]
}

// Rank is the number of axes, 0 for a scalar.
func (x Tensor) Rank() int { return x.node("Rank").n }

// Size is the number of elements.
func (x Tensor) Size() int { return len(x.node("Size").data) }

// Data is the value of x, row-major. The slice is x's own memory, valid until
// Reset; changing it after another operation has read it makes gradients wrong.
func (x Tensor) Data() []float32 { return slices.Clip(x.node("Data").data) }

// NeedsGrad reports whether x depends on a parameter or variable whose
// gradient is recorded.
func (x Tensor) NeedsGrad() bool { return x.node("NeedsGrad").needs }

// Item is the value of a tensor with one element; it panics on any other.
func (x Tensor) Item() float32 {
	n := x.node("Item")
	if len(n.data) != 1 {
		shapePanic("Item", 0, "only a tensor of one element has an item", x)
	}
	return n.data[0]
}

// At is one element. It panics when an index is out of range.
func (x Tensor) At(index ...int) float32 {
	n := x.node("At")
	if len(index) != n.n {
		shapePanic("At", 0, fmt.Sprintf("%d indices for rank %d", len(index), n.n), x)
	}
	off := 0
	for a, i := range index {
		if i < 0 || i >= n.d[a] {
			shapePanic("At", a, fmt.Sprintf("index %d outside of axis %d", i, a), x)
		}
		off = off*n.d[a] + i
	}
	return n.data[off]
}

// Clone copies the value of x into memory of its own, which outlives Reset.
func (x Tensor) Clone() (data []float32, dims []int) {
	n := x.node("Clone")
	return append([]float32{}, n.data...), append([]int{}, n.dims()...)
}

// Detach is x without its history: nothing flows back through it.
func (x Tensor) Detach() Tensor {
	n := x.node("Detach")
	data, s := n.data, n.shape
	y, m := x.t.push("Detach")
	m.data, m.shape = data, s
	return y
}

// RetainGrad asks Backward to keep the gradient of an intermediate tensor, so
// that [Grads.Wrt] can read it; elsewhere its memory is reused on the way.
func (x Tensor) RetainGrad() Tensor { x.node("RetainGrad").keep = true; return x }

// IsFinite reports whether x holds neither NaN nor ±Inf.
func (x Tensor) IsFinite() bool {
	for _, v := range x.node("IsFinite").data {
		if v-v != 0 { // Inf−Inf and NaN−NaN are NaN
			return false
		}
	}
	return true
}

// String prints the shape and up to eight leading elements.
func (x Tensor) String() string {
	if !x.Valid() {
		return "Tensor(stale)"
	}
	n := x.node("String")
	data, tail := n.data, ""
	if len(data) > 8 {
		data, tail = data[:8], " …"
	}
	s := ""
	for i, v := range data {
		if i > 0 {
			s += " "
		}
		s += fmt.Sprintf("%.6g", v)
	}
	return fmt.Sprintf("Tensor%v{%s%s}", n.dims(), s, tail)
}

// same panics unless all tensors are on one tape.
func sameTape(op string, a, b Tensor) {
	if a.t != b.t {
		panic("tensor: " + op + " of tensors from different tapes")
	}
}

// Ints are ids, labels or lengths: int32 values with a shape and no gradient.
// They need no tape.
type Ints struct {
	Data []int32
	dims shape
}

// NewInts gives data (not copied) a shape; without dimensions it is a vector.
// It panics with a [*ShapeError] when the dimensions do not fit.
func NewInts(data []int32, dims ...int) Ints {
	if len(dims) == 0 {
		dims = []int{len(data)}
	}
	s := makeShape("NewInts", dims)
	if s.size() != len(data) {
		panic(&ShapeError{Op: "NewInts", Shapes: cloneShapes(dims), Why: lengthWhy(len(data), s.size())})
	}
	return Ints{data, s}
}

// Dims is the shape. The slice must not be changed.
func (x *Ints) Dims() []int { return x.dims.dims() }

// Size is the number of elements.
func (x Ints) Size() int { return len(x.Data) }

// Float puts the values on a tape as float32, of the same shape, without
// gradient: labels 0 and 1 for a binary cross-entropy. Values beyond ±2²⁴ are
// rounded.
func (x Ints) Float(t *Tape) Tensor {
	y := t.Scratch(len(x.Data))
	for i, v := range x.Data {
		y[i] = float32(v)
	}
	return t.Input(y, x.Dims()...)
}
