package tensor

import "descent/mlkit/internal/kernel/elementwise"

// Arithmetic of two tensors. Shapes broadcast as in NumPy: aligned at the last
// axis, a length of 1 repeats. Operands must be on one tape.

// Add is x + y.
func (x Tensor) Add(y Tensor) Tensor { return opAdd.apply(x, y) }

// Sub is x − y.
func (x Tensor) Sub(y Tensor) Tensor { return opSub.apply(x, y) }

// Mul is the element-wise product x·y.
func (x Tensor) Mul(y Tensor) Tensor { return opMul.apply(x, y) }

// Div is x / y, with IEEE results for division by zero.
func (x Tensor) Div(y Tensor) Tensor { return opDiv.apply(x, y) }

var opAdd = &binary{
	name:   "Add",
	passes: true,
	vv:     elementwise.Add,
	vs:     elementwise.AddScalar,
	sv:     func(dst []float32, a float32, b []float32) { elementwise.AddScalar(dst, b, a) },
	da:     func(dst, dy, a, b []float32) []float32 { return dy },
	db:     func(dst, dy, a, b []float32) []float32 { return dy },
}

var opSub = &binary{
	name:   "Sub",
	passes: true,
	vv:     elementwise.Sub,
	vs:     func(dst, a []float32, b float32) { elementwise.AddScalar(dst, a, -b) },
	sv: func(dst []float32, a float32, b []float32) {
		elementwise.Neg(dst, b)
		elementwise.AddScalar(dst, dst, a)
	},
	da: func(dst, dy, a, b []float32) []float32 { return dy },
	db: func(dst, dy, a, b []float32) []float32 {
		elementwise.Neg(dst[:len(dy)], dy)
		return dst[:len(dy)]
	},
}

var opMul = &binary{
	name:    "Mul",
	product: true,
	vv:      elementwise.Mul,
	vs:      elementwise.Scale,
	sv:      func(dst []float32, a float32, b []float32) { elementwise.Scale(dst, b, a) },
	da:      func(dst, dy, a, b []float32) []float32 { return times(dst, dy, b) },
	db:      func(dst, dy, a, b []float32) []float32 { return times(dst, dy, a) },
}

var opDiv = &binary{
	name: "Div",
	vv:   elementwise.Div,
	vs: func(dst, a []float32, b float32) { // not a·(1/b): that rounds twice
		for i := range dst {
			dst[i] = a[i] / b
		}
	},
	sv: func(dst []float32, a float32, b []float32) {
		for i := range dst {
			dst[i] = a / b[i]
		}
	},
	da: func(dst, dy, a, b []float32) []float32 {
		dst = dst[:len(dy)]
		for i, d := range dy {
			dst[i] = d / b[min(i, len(b)-1)]
		}
		return dst
	},
	db: func(dst, dy, a, b []float32) []float32 {
		dst = dst[:len(dy)]
		for i, d := range dy {
			v := b[min(i, len(b)-1)]
			dst[i] = -d * a[min(i, len(a)-1)] / (v * v)
		}
		return dst
	},
}

// AddScalar is x + s.
func (x Tensor) AddScalar(s float32) Tensor {
	y, n := x.unary("AddScalar", backAddScalar)
	elementwise.AddScalar(n.data, x.t.nodes[x.i].data, s)
	return y
}

func backAddScalar(t *Tape, n *node) { t.handOn(n, 0) }

// Scale is s·x.
func (x Tensor) Scale(s float32) Tensor {
	y, n := x.unary("Scale", backScale)
	scalings.lend(x.t, n).by = s
	elementwise.Scale(n.data, x.t.nodes[x.i].data, s)
	return y
}

// scaling is what Scale keeps.
type scaling struct{ by float32 }

var scalings = newKeeper[scaling]()

func backScale(t *Tape, n *node) {
	by := n.kept.(*scaling).by
	if g, acc := t.gradBuffer(n, 0); acc {
		elementwise.Axpy(g, by, n.grad)
	} else if g != nil {
		elementwise.Scale(g, n.grad, by)
	}
}

// Neg is −x.
func (x Tensor) Neg() Tensor { return x.Scale(-1) }

// operand is the data of n's operand k.
func (t *Tape) operand(n *node, k int) []float32 { return t.nodes[n.in[k]].data }
