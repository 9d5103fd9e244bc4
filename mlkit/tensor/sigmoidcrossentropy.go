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
// No digit is lost at logits of any size, since only positive numbers are added
// up; nor is one in the gradient, (1−y)·σ(x) − w·y·σ(−x). posWeight, w, holds
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
	l := weightsOf(t.floats.take(len(nx.data)), posWeight)
	elementwise.SigmoidLoss(l, nx.data, ny.data)
	var slope []float32
	if nx.needs {
		slope = weightsOf(t.floats.take(len(nx.data)), posWeight)
		elementwise.SigmoidLossSlope(slope, nx.data, ny.data)
	}
	z, n := t.push(op)
	n.data, n.shape = l, nx.shape
	*sureties.lend(t, n) = surety{slope, posWeight}
	n.record(t, backSigmoidCrossEntropy, x.i, y.i)
	return z
}

// weightsOf fills dst with the weights of positives, which come round along the
// last axis.
func weightsOf(dst, w []float32) []float32 {
	switch len(w) {
	case 0:
		elementwise.Fill(dst, 1)
	case 1:
		elementwise.Fill(dst, w[0])
	default:
		for i := 0; i < len(dst); i += len(w) {
			copy(dst[i:], w)
		}
	}
	return dst
}

// surety is what SigmoidCrossEntropy keeps: the slopes with respect to the
// logits, and the weights of positives.
type surety struct{ slope, posWeight []float32 }

var sureties = newKeeper[surety]()

func backSigmoidCrossEntropy(t *Tape, n *node) {
	s := n.kept.(*surety)
	if gx := t.gradOf(n, 0); gx != nil {
		elementwise.MulAdd(gx, n.grad, s.slope)
	}
	gy := t.gradOf(n, 1)
	if gy == nil {
		return
	}
	w := weightsOf(t.floats.take(len(gy)), s.posWeight)
	for i, v := range t.operand(n, 0) {
		l := math.Log1p(math.Exp(-math.Abs(float64(v))))
		up, down := l+float64(max(-v, 0)), l+float64(max(v, 0)) // log(1+e⁻ˣ), log(1+eˣ)
		gy[i] += n.grad[i] * float32(float64(w[i])*up-down)
	}
}
