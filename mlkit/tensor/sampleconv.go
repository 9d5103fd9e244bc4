package tensor

import (
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// In the pass for norms a convolution makes its samples' gradients as soon as
// it has that of its result. It keeps whichever takes less memory: the
// samples' gradients, whose weighted sum is then all that is left to do, or the
// result's gradient, from which BackwardSamples makes the sum anew.

// convSamples are the gradients of samples that a convolution keeps.
type convSamples struct {
	back          func(*Tape, *node) // its backward function
	kept          bool
	weights, bias []float32 // nil where not wanted
}

// forSamples makes the next backward pass one for norms.
func (k *convolution) forSamples(t *Tape, n *node, batch int) {
	size := k.OutC
	if j := n.in[1]; j >= 0 {
		size += len(t.nodes[j].data)
	}
	k.samples = convSamples{back: n.back, kept: size*batch <= n.size()}
	n.back = backConvSamples
	if !k.samples.kept {
		n.stays = !n.keep // what ReLU masks once it may mask twice
	}
}

func backConvSamples(t *Tape, n *node) {
	k, w := n.kept.(*convolution), &t.samples
	s, dy := &k.samples, n.grad
	n.back = s.back
	if k.act == gemm.ReLUAct {
		elementwise.ReLUMask(dy, dy, n.data)
	}
	if w.used[n.in[1]] {
		if s.kept {
			s.weights = t.floats.reuse(w.batch * len(t.operand(n, 1)))
		}
		k.WeightSquares(w.squares, s.weights, dy, k.places, t.operand(n, 0))
	}
	if w.used[n.in[2]] {
		s.bias = t.biasOfSamples(dy, k.N, k.OutC, w.batch)
		for b := range w.squares {
			w.squares[b] += float64(rowwise.SumSquares(rows(s.bias, b, 1, k.OutC)))
		}
		if !s.kept {
			t.floats.recycle(s.bias)
		}
	}
	if g, acc := t.gradBuffer(n, 0); g == nil {
		return
	} else if k.places != nil {
		k.BackwardDataPool(g, dy, k.places, t.operand(n, 1), acc)
	} else {
		k.BackwardData(g, dy, t.operand(n, 1), acc)
	}
}

// biasOfSamples sums each channel of the images of a sample: [batch, channels].
func (t *Tape) biasOfSamples(dy []float32, images, channels, batch int) []float32 {
	sums := t.floats.reuse(images * channels)
	rowwise.SumRows(sums, dy, len(dy)/len(sums))
	if images == batch {
		return sums
	}
	bias := t.floats.reuse(batch * channels)
	clear(bias)
	for b := range batch {
		rowwise.AddRows(rows(bias, b, 1, channels), rows(sums, b, 1, len(sums)/batch), channels)
	}
	t.floats.recycle(sums)
	return bias
}

// weigh makes the gradients of weights and bias of the kept ones of samples,
// each times its factor.
func (k *convolution) weigh(t *Tape, n *node, factors []float32) {
	s := &k.samples
	if s.weights != nil {
		g, acc := t.gradBuffer(n, 1)
		k.SumWeights(g, s.weights, factors, acc)
		t.floats.recycle(s.weights)
	}
	if s.bias != nil {
		g := t.gradOf(n, 2)
		for b, f := range factors {
			elementwise.Axpy(g, f, rows(s.bias, b, 1, k.OutC))
		}
		t.floats.recycle(s.bias)
	}
}
