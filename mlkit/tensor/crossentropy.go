package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/rowwise"
)

// SoftmaxCrossEntropy is −log softmax(x)[label] of each row, fused for speed
// and for a gradient, softmax(x) − onehot, that has no cancellation (Bishop,
// Pattern Recognition and Machine Learning, 2006, eq. 4.109). x holds logits
// [..., classes], labels as many ids as x has rows; the result has x's leading
// axes. A label outside of 0…classes−1 panics.
func (x Tensor) SoftmaxCrossEntropy(labels Ints) Tensor {
	const op = "SoftmaxCrossEntropy"
	n := x.node(op)
	classes := n.last()
	if n.n < 1 || classes == 0 || len(labels.Data) != len(n.data)/classes {
		shapePanic(op, 0, fmt.Sprintf("%d labels for logits whose last axis is the classes; one label a row is needed", len(labels.Data)), x)
	}
	for i, l := range labels.Data {
		if l < 0 || int(l) >= classes {
			shapePanic(op, n.n-1, fmt.Sprintf("label %d of row %d is outside of 0…%d", l, i, classes-1), x)
		}
	}
	t := x.t
	s := n.shape
	s.n--
	s.d[s.n] = 0
	loss, probs := t.floats.take(len(labels.Data)), t.floats.take(len(n.data))
	rowwise.SoftmaxCrossEntropy(loss, probs, n.data, labels.Data, classes)
	y, m := t.push(op)
	m.data, m.shape = loss, s
	*labelled.lend(t, m) = classified{probs, labels.Data}
	m.record(t, backSoftmaxCrossEntropy, x.i)
	return y
}

func backSoftmaxCrossEntropy(t *Tape, n *node) {
	classes := t.nodes[n.in[0]].last()
	c := n.kept.(*classified)
	rowwise.SoftmaxCrossEntropyGrad(t.gradOf(n, 0), n.grad, c.probs, c.labels, classes)
}

// classified is what the cross-entropy keeps.
type classified struct {
	probs  []float32
	labels []int32
}

var labelled = newKeeper[classified]()
