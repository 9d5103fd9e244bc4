package tensor

import (
	"fmt"
	"math"

	"descent/mlkit/internal/kernel/elementwise"
)

// SigmoidCrossEntropy is the binary cross-entropy between sigmoid(x) and a
// target y in [0, 1] of the same shape, element by element:
//
//	−w·y·log σ(x) − (1−y)·log(1−σ(x)) = w·y·log(1+e⁻ˣ) + (1−y)·log(1+eˣ)
//
// No digit is lost at logits of any size, as there are sums of positive numbers
// only; in the gradient, (1−y)·σ(x) − w·y·σ(−x), neither. posWeight, w, holds
// one weight for each element of the last axis, or one for all; nil is 1. It
// panics with a [*ShapeError] when shapes differ.
func (x Tensor) SigmoidCrossEntropy(y Tensor, posWeight []float32) Tensor {
	const op = "SigmoidCrossEntropy"
	nx, ny := x.node(op), y.node(op)
	sameTape(op, x, y)
	if nx.shape != ny.shape {
		shapePanic(op, 0, "logits and target must have the same shape", x, y)
	}
	if n := len(posWeight); n > 1 && (nx.n == 0 || n != nx.last()) {
		shapePanic(op, -1, fmt.Sprintf("%d weights; one is needed, or one for each element of the last axis", n), x)
	}
	t := x.t
	e, l := t.floats.take(len(nx.data)), t.floats.take(len(nx.data))
	elementwise.Abs(e, nx.data)
	elementwise.Neg(e, e)
	elementwise.Exp(e, e) // e^−|x|
	elementwise.Log1p(l, e)
	k := 0
	for i, v := range nx.data {
		w, target := float32(1), ny.data[i]
		if len(posWeight) > 0 {
			w = posWeight[k]
			if k++; k == len(posWeight) {
				k = 0
			}
		}
		pos, neg := w*target, 1-target
		size := math.Float32frombits(math.Float32bits(v) &^ (1 << 31))
		l[i] = l[i]*(pos+neg) + pos*(0.5*(size-v)) + neg*(0.5*(size+v))
	}
	z, n := t.push(op)
	n.data, n.shape = l, nx.shape
	*sureties.lend(t, n) = surety{e, posWeight}
	n.record(t, backSigmoidCrossEntropy, x.i, y.i)
	return z
}

// surety is what SigmoidCrossEntropy keeps; e is e^−|x|.
type surety struct{ e, posWeight []float32 }

var sureties = newKeeper[surety]()

func backSigmoidCrossEntropy(t *Tape, n *node) {
	x, y := t.operand(n, 0), t.operand(n, 1)
	gx, gy := t.gradOf(n, 0), t.gradOf(n, 1)
	s := n.kept.(*surety)
	e, weights := s.e, s.posWeight
	k := 0
	for i, g := range n.grad {
		w := float32(1)
		if len(weights) > 0 {
			w = weights[k]
			if k++; k == len(weights) {
				k = 0
			}
		}
		if gx != nil {
			large := 1 / (1 + e[i]) // σ(|x|)
			up, down := large, e[i]*large
			if x[i] < 0 {
				up, down = down, up
			}
			gx[i] += g * ((1-y[i])*up - w*y[i]*down)
		}
		if gy != nil {
			l := math.Log1p(float64(e[i]))
			up, down := l+float64(max(-x[i], 0)), l+float64(max(x[i], 0)) // log(1+e⁻ˣ), log(1+eˣ)
			gy[i] += g * float32(float64(w)*up-down)
		}
	}
}
