package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel"
)

// Linear is x·Wᵀ + b, a dense layer: x has shape [..., in], w [out, in], b
// [out] (or is the zero Tensor for none); the result has shape [..., out].
func (x Tensor) Linear(w, b Tensor) Tensor { return x.linear("Linear", w, b, kernel.None) }

// LinearReLU is Linear followed by ReLU, in one pass over the result.
func (x Tensor) LinearReLU(w, b Tensor) Tensor { return x.linear("LinearReLU", w, b, kernel.ReLUAct) }

func (x Tensor) linear(op string, w, b Tensor, act kernel.Activation) Tensor {
	nx, nw := x.node(op), w.node(op)
	sameTape(op, x, w)
	in := nx.last()
	if nx.n < 1 || nw.n != 2 || nw.d[1] != in {
		shapePanic(op, -1, "the input's last axis must equal the weight's second: [..., in] and [out, in]", x, w)
	}
	out := nw.d[0]
	var bias []float32
	bi := int32(-1)
	if b.t != nil {
		nb := b.node(op)
		sameTape(op, x, b)
		if nb.n != 1 || nb.d[0] != out {
			shapePanic(op, 0, fmt.Sprintf("the bias must have shape [%d]", out), x, w, b)
		}
		bias, bi = nb.data, b.i
	}
	s := nx.shape
	s.d[s.n-1] = out
	rows := 1
	for _, d := range s.d[:s.n-1] {
		rows *= d
	}
	t := x.t
	y := t.floats.take(rows * out)
	kernel.Gemm{M: rows, N: out, K: in, TransB: true, Bias: bias, Act: act}.Run(y, nx.data, nw.data)
	res, n := t.push(op)
	n.data, n.shape = y, s
	n.i[0] = int(act)
	n.record(t, backLinear, x.i, w.i, bi)
	return res
}

func backLinear(t *Tape, n *node) {
	x, w := &t.nodes[n.in[0]], &t.nodes[n.in[1]]
	out, in := w.d[0], w.d[1]
	rows := 0
	if out > 0 {
		rows = len(n.data) / out
	}
	dy := n.grad
	if kernel.Activation(n.i[0]) == kernel.ReLUAct {
		kernel.ReLUMask(dy, dy, n.data)
	}
	if gw, acc := t.gradBuffer(n, 1); gw != nil { // dW = dyᵀ·x
		kernel.Gemm{M: out, N: in, K: rows, TransA: true, Accumulate: acc}.Run(gw, dy, x.data)
	}
	if gb := t.gradOf(n, 2); gb != nil {
		kernel.AddRows(gb, dy, out)
	}
	if gx, acc := t.gradBuffer(n, 0); gx != nil { // dx = dy·W
		kernel.Gemm{M: rows, N: in, K: out, Accumulate: acc}.Run(gx, dy, w.data)
	}
}
