package tensor

import (
	"math"

	"descent/mlkit/internal/kernel/elementwise"
)

// Comparisons give masks: tensors of 1 where it holds and 0 elsewhere, without
// gradient, so that masks multiply (and), take the Maximum (or), add up and
// average like any tensor. Operands broadcast; compare with a number through
// [Tape.Scalar]. Every comparison with a NaN but NotEqual is 0.

// Less is x < y.
func (x Tensor) Less(y Tensor) Tensor { return opLess.apply(x, y) }

// LessEqual is x ≤ y.
func (x Tensor) LessEqual(y Tensor) Tensor { return opLessEqual.apply(x, y) }

// Greater is x > y.
func (x Tensor) Greater(y Tensor) Tensor { return opLess.apply(y, x) }

// GreaterEqual is x ≥ y.
func (x Tensor) GreaterEqual(y Tensor) Tensor { return opLessEqual.apply(y, x) }

// Equal is x = y.
func (x Tensor) Equal(y Tensor) Tensor { return opEqual.apply(x, y) }

// NotEqual is x ≠ y.
func (x Tensor) NotEqual(y Tensor) Tensor { return opNotEqual.apply(x, y) }

var (
	opLess      = comparison("Less", func(a, b float32) bool { return a < b })
	opLessEqual = comparison("LessEqual", func(a, b float32) bool { return a <= b })
	opEqual     = comparison("Equal", func(a, b float32) bool { return a == b })
	opNotEqual  = comparison("NotEqual", func(a, b float32) bool { return a != b })
)

// comparison has no da and db: nothing flows back.
func comparison(name string, holds func(a, b float32) bool) *binary {
	return loops(name, func(a, b float32) float32 {
		if holds(a, b) {
			return 1
		}
		return 0
	})
}

// loops makes the forward half of a binary operation from a scalar function.
func loops(name string, f func(a, b float32) float32) *binary {
	return &binary{
		name: name,
		vv: func(dst, a, b []float32) {
			for i := range dst {
				dst[i] = f(a[i], b[i])
			}
		},
		vs: func(dst, a []float32, b float32) {
			for i := range dst {
				dst[i] = f(a[i], b)
			}
		},
		sv: func(dst []float32, a float32, b []float32) {
			for i := range dst {
				dst[i] = f(a, b[i])
			}
		},
	}
}

// slopes adds the backward half: da and db are the derivatives at (a, b).
func (op *binary) slopes(da, db func(a, b float32) float32) *binary {
	along := func(d func(a, b float32) float32) func(dst, dy, a, b []float32) []float32 {
		return func(dst, dy, a, b []float32) []float32 {
			dst = dst[:len(dy)]
			for i, g := range dy {
				dst[i] = g * d(a[min(i, len(a)-1)], b[min(i, len(b)-1)])
			}
			return dst
		}
	}
	op.da, op.db = along(da), along(db)
	return op
}

// Maximum is the larger of x and y, NaN if either is NaN. Where they are equal
// the gradient is shared, half and half, as in PyTorch.
func (x Tensor) Maximum(y Tensor) Tensor { return opMaximum.apply(x, y) }

// Minimum is the smaller of x and y. Otherwise it is like Maximum.
func (x Tensor) Minimum(y Tensor) Tensor { return opMinimum.apply(x, y) }

var (
	opMaximum = extremum("Maximum", func(a, b float32) float32 { return max(a, b) }, elementwise.Max2, -1)
	opMinimum = extremum("Minimum", func(a, b float32) float32 { return min(a, b) }, elementwise.Min2, 1)
)

func extremum(name string, f func(a, b float32) float32, vv func(dst, a, b []float32), sign float32) *binary {
	share := func(d float32) float32 {
		switch {
		case d > 0:
			return 0
		case d < 0:
			return 1
		case d == 0:
			return 0.5
		}
		return d // NaN
	}
	op := loops(name, f).slopes(
		func(a, b float32) float32 { return share(sign * (a - b)) },
		func(a, b float32) float32 { return share(sign * (b - a)) })
	op.vv = vv
	return op
}

// Pow is xʸ with a tensor of exponents, broadcasting, with the special cases of
// math.Pow. The gradient to y is 0 where x is 0 (PyTorch's choice) and NaN
// below.
func (x Tensor) Pow(y Tensor) Tensor { return opPow.apply(x, y) }

var opPow = loops("Pow", pow).slopes(
	func(a, b float32) float32 {
		if b == 0 {
			return 0
		}
		return b * pow(a, b-1)
	},
	func(a, b float32) float32 {
		if a == 0 && b >= 0 {
			return 0
		}
		return pow(a, b) * float32(math.Log(float64(a)))
	})

func pow(a, b float32) float32 { return float32(math.Pow(float64(a), float64(b))) }

// Sign is −1, 0 or 1 (NaN for NaN), without gradient.
func (x Tensor) Sign() Tensor {
	return x.constant("Sign", func(v float32) float32 {
		switch {
		case v > 0:
			return 1
		case v < 0:
			return -1
		}
		return v
	})
}

// Round is the nearest integer, the even one halfway between two, without
// gradient.
func (x Tensor) Round() Tensor {
	return x.constant("Round", func(v float32) float32 { return float32(math.RoundToEven(float64(v))) })
}

// Any is 1 where an element along the axes is not 0, and 0 elsewhere: see
// [Tensor.Max] for the axes. NaN is not 0.
func (x Tensor) Any(axes ...int) Tensor { return x.isNonzero().Max(axes...) }

// All is 1 where all elements along the axes are not 0, and 0 elsewhere.
func (x Tensor) All(axes ...int) Tensor { return x.isNonzero().Min(axes...) }

func (x Tensor) isNonzero() Tensor { return x.NotEqual(x.Tape().Scalar(0)) }

// Floor is the largest integer that is not above x, without gradient.
func (x Tensor) Floor() Tensor {
	return x.constant("Floor", func(v float32) float32 { return float32(math.Floor(float64(v))) })
}

// constant applies a function whose derivative is zero almost everywhere.
func (x Tensor) constant(op string, f func(float32) float32) Tensor {
	in := x.node(op)
	s, src := in.shape, in.data
	y, n := x.t.push(op)
	n.shape, n.data = s, x.t.floats.take(len(src))
	for i, v := range src {
		n.data[i] = f(v)
	}
	return y
}

// Where is x where the mask is not 0 and y elsewhere; all three broadcast.
// Nothing flows back to the mask, nor to the element that was not chosen, so a
// NaN or Inf there does no harm in either direction.
func Where(mask, x, y Tensor) Tensor {
	const op = "Where"
	nm, nx, ny := mask.node(op), x.node(op), y.node(op)
	sameTape(op, mask, x)
	sameTape(op, x, y)
	s, _, ok := broadcast(&nx.shape, &ny.shape)
	if ok {
		s, _, ok = broadcast(&s, &nm.shape)
	}
	if !ok {
		shapePanic(op, 0, "shapes do not broadcast: aligned at their last axes, lengths must be equal or 1", mask, x, y)
	}
	s = makeShape(op, s.dims())
	mask, x, y = mask.expandTo(s), x.expandTo(s), y.expandTo(s)
	t := x.t
	data := t.floats.take(s.size())
	m, a, b := mask.node(op).data, x.node(op).data, y.node(op).data
	for i, v := range m {
		if v != 0 {
			data[i] = a[i]
		} else {
			data[i] = b[i]
		}
	}
	res, n := t.push(op)
	n.data, n.shape = data, s
	choices.lend(t, n).mask = m
	n.record(t, backWhere, x.i, y.i)
	return res
}

// choice is what Where keeps.
type choice struct{ mask []float32 }

var choices = newKeeper[choice]()

// MaskedFill is value where the mask is not 0 and x elsewhere; the mask
// broadcasts to x.
func (x Tensor) MaskedFill(mask Tensor, value float32) Tensor {
	x.node("MaskedFill")
	return Where(mask, x.t.Scalar(value), x)
}

func backWhere(t *Tape, n *node) {
	gx, gy := t.gradOf(n, 0), t.gradOf(n, 1)
	for i, v := range n.kept.(*choice).mask {
		switch {
		case v != 0 && gx != nil:
			gx[i] += n.grad[i]
		case v == 0 && gy != nil:
			gy[i] += n.grad[i]
		}
	}
}

func (x Tensor) expandTo(s shape) Tensor {
	n := x.node("Expand")
	if n.shape == s {
		return x
	}
	_, w, _ := broadcast(&s, &n.shape)
	return x.expand(s, &w)
}
