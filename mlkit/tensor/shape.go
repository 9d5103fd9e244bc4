package tensor

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
)

// MaxRank is the largest number of axes a tensor can have.
const MaxRank = 6

// shape is the dimensions of a tensor, kept by value so that making a tensor
// allocates nothing.
type shape struct {
	n int
	d [MaxRank]int
}

func (s *shape) dims() []int { return s.d[:s.n] }

// size is the number of elements; 1 for a scalar.
func (s *shape) size() int { return SizeOf(s.d[:s.n]) }

// SizeOf is the number of elements of a tensor with the dimensions: their
// product, 1 for none.
func SizeOf(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// last is the length of the last axis, 1 for a scalar.
func (s *shape) last() int {
	if s.n == 0 {
		return 1
	}
	return s.d[s.n-1]
}

// makeShape checks dims and copies them. Axes past the rank stay zero, so two
// shapes can be compared with ==.
func makeShape(op string, dims []int) (s shape) {
	s.set(op, dims)
	return s
}

// set is makeShape for a shape that is zero, and returns the size.
func (s *shape) set(op string, dims []int) int {
	if len(dims) > MaxRank {
		panic(&ShapeError{Op: op, Why: fmt.Sprintf("%d axes, at most %d are possible", len(dims), MaxRank)})
	}
	s.n = len(dims)
	n := uint64(1)
	for i, d := range dims {
		hi, size := bits.Mul64(n, uint64(d)) // a division would be felt by small models
		if d < 0 || hi != 0 || size > math.MaxInt32 {
			panic(&ShapeError{Op: op, Shapes: cloneShapes(dims), Axis: i,
				Why: "a dimension is negative, or the product of the dimensions exceeds 2³¹−1 elements"})
		}
		s.d[i], n = d, size
	}
	return int(n)
}

// axis turns a possibly negative axis (−1 is the last) into 0 ≤ axis < rank.
func (s shape) axis(op string, axis int) int {
	a := axis
	if a < 0 {
		a += s.n
	}
	if a < 0 || a >= s.n {
		panic(&ShapeError{Op: op, Shapes: cloneShapes(s.dims()), Axis: axis,
			Why: fmt.Sprintf("no axis %d in a tensor of rank %d", axis, s.n)})
	}
	return a
}

// axes turns a list of axes into a bit set; none means all. An axis named twice
// panics.
func (s *shape) axes(op string, axes []int) (set uint) {
	if len(axes) == 0 {
		return 1<<s.n - 1
	}
	for _, axis := range axes {
		a := s.axis(op, axis)
		if set>>a&1 == 1 {
			panic(&ShapeError{Op: op, Shapes: cloneShapes(s.dims()), Axis: a, Why: fmt.Sprintf("axis %d is named twice", a)})
		}
		set |= 1 << a
	}
	return set
}

// without gives the shape with the axes of a set at length 1, and without them.
func (s *shape) without(set uint) (kept, out shape) {
	kept.n = s.n
	for k, d := range s.dims() {
		if set>>k&1 == 1 {
			kept.d[k] = 1
			continue
		}
		kept.d[k] = d
		out.d[out.n] = d
		out.n++
	}
	return kept, out
}

// with is the shape with another length of one axis.
func (s shape) with(axis, length int) shape {
	s.d[axis] = length
	return s
}

// around splits the shape at axis: outer × length × inner elements.
func (s *shape) around(axis int) (outer, length, inner int) {
	return SizeOf(s.d[:axis]), s.d[axis], SizeOf(s.d[axis+1 : s.n])
}

// A ShapeError is what an operation panics with when the shapes of its
// operands do not fit. It is a bug of the calling code, not a state of the
// world, hence a panic; train.Fit turns it into an error.
type ShapeError struct {
	Op     string  // the operation, "MatMul"
	Shapes [][]int // the operands' shapes, in order
	Axis   int     // the axis that does not fit, where one can be named
	Param  string  // the name of the parameter among the operands, if it has one
	Why    string  // what is wrong, and what would fit
}

func (e *ShapeError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "tensor: %s", e.Op)
	if e.Param != "" {
		fmt.Fprintf(&b, " (parameter %q)", e.Param)
	}
	for i, s := range e.Shapes {
		if i == 0 {
			b.WriteString(" of ")
		} else {
			b.WriteString(" and ")
		}
		fmt.Fprint(&b, s)
	}
	if e.Why != "" {
		b.WriteString(": " + e.Why)
	}
	return b.String()
}

func cloneShapes(dims ...[]int) [][]int {
	out := make([][]int, len(dims))
	for i, d := range dims {
		out[i] = append([]int{}, d...)
	}
	return out
}

// shapePanic reports operands that do not fit, naming a parameter among them.
func shapePanic(op string, axis int, why string, xs ...Tensor) {
	e := &ShapeError{Op: op, Axis: axis, Why: why}
	for _, x := range xs {
		n := x.node(op)
		e.Shapes = append(e.Shapes, append([]int{}, n.dims()...))
		if n.param != nil && n.param.Name != "" {
			e.Param = n.param.Name
		}
	}
	panic(e)
}
