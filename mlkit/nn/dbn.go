package nn

import (
	"fmt"

	"descent/mlkit/tensor"
)

// DBN is a deep belief net that knows labels (Hinton, Osindero & Teh, A Fast
// Learning Algorithm for Deep Belief Nets, 2006): layers of binary units x₀
// (the data), x₁ … x_n, of which the last and a label are the visible units of
// an [RBM], and the others depend on the layer above:
//
//	p(x₀ … x_n, y) = p(x₀ | x₁) ⋯ p(x_{n−1} | x_n) p_top(x_n, y)
//
// with p(x_k = 1 | x_{k+1}) = σ(b_k + G_k x_{k+1}). What the layers are given
// the data is approximated upwards, by q(x_{k+1} = 1 | x_k) = σ(c_k + R_k x_k).
//
// Train the machines one after the other, each on what the ones below make of
// the data (train.Contrastive), stack them by [NewDBN], and tune the whole by
// train.UpDown. As a [Layer] it classifies.
type DBN struct {
	Recognition []*Linear // R_k and c_k: from layer k to layer k+1
	Generative  []*Linear // G_k and b_k: from layer k+1 to layer k
	Top         *RBM      // the last layer and the label; Classes is 1 or more
}

// NewDBN stacks machines, below from the data upwards. From now on the weights
// upwards and downwards are two, both copies of those that the machine had; top
// is kept as it is. It panics where the sizes do not fit or top has no label.
func NewDBN(top *RBM, below ...*RBM) *DBN {
	m := &DBN{Top: top}
	if top.Classes < 1 {
		panic("nn: the top RBM of a DBN has a label: set its Classes, and make it with as many visible units more")
	}
	features := top.binary()
	for k, r := range below {
		above := features
		if k+1 < len(below) {
			above = below[k+1].VisibleBias.Size()
		}
		hidden, visible := r.HiddenBias.Size(), r.VisibleBias.Size()
		if hidden != above || r.Classes != 0 {
			panic(fmt.Sprintf("nn: RBM %d of a DBN has %d hidden units and a label of %d classes, but the one above has %d visible units beside its label: give it %d, and no label", k, hidden, r.Classes, above, above))
		}
		up := &Linear{Weight: tensor.NewParam(hidden, visible), Bias: tensor.NewParam(hidden)}
		down := &Linear{Weight: tensor.NewParam(visible, hidden), Bias: tensor.NewParam(visible)}
		copy(up.Weight.Data, r.Weight.Data)
		copy(up.Bias.Data, r.HiddenBias.Data)
		copy(down.Bias.Data, r.VisibleBias.Data)
		for j := range hidden {
			for i := range visible {
				down.Weight.Data[i*hidden+j] = r.Weight.Data[j*visible+i]
			}
		}
		m.Recognition, m.Generative = append(m.Recognition, up), append(m.Generative, down)
	}
	return m
}

// Features are the probabilities of the last layer given the data, by one pass
// upwards: [batch, data] → [batch, visible units of Top without the label].
func (m *DBN) Features(x tensor.Tensor) tensor.Tensor {
	for _, l := range m.Recognition {
		x = l.Forward(x).Sigmoid()
	}
	return x
}

// Forward gives a score for each class, the logits of p(y | [DBN.Features]):
// [batch, data] → [batch, classes]. It has gradients, so train.Supervised tunes
// a net by backpropagation.
func (m *DBN) Forward(x tensor.Tensor) tensor.Tensor { return m.Top.ClassScores(m.Features(x)) }

// UpDown is a scalar whose gradient is that of the up–down algorithm, a
// contrastive form of wake–sleep (Hinton, Osindero & Teh 2006, section 5 and
// appendix B), in the mean over the batch:
//
//   - up: layers are drawn from the data, and the generative weights learn to
//     make each from the one above
//   - on top: contrastive divergence after steps of Gibbs ([RBM.Divergence])
//   - down: layers are drawn from where these steps ended, and the recognition
//     weights learn to find each from the one below
//
// Data [batch, data] are zeros and ones, or probabilities between, and labels
// [batch] from 0 on: it panics at others. Its value is no loss and need not
// fall.
func (m *DBN) UpDown(x tensor.Tensor, labels tensor.Ints, steps int) tensor.Tensor {
	checkBinary("DBN", x)
	loss, _ := m.upDown(0, x.Detach(), labels, steps)
	return loss
}

// upDown is UpDown of the layers from k on, and the layer k of the way down.
func (m *DBN) upDown(k int, x tensor.Tensor, labels tensor.Ints, steps int) (loss, fantasy tensor.Tensor) {
	if k == len(m.Recognition) {
		v := m.Top.Labelled(x, labels)
		loss, after := m.Top.divergence(v, steps)
		fantasy = after.Slice(-1, 0, m.Top.binary())
		if m.Top.MeanField {
			fantasy = bernoulli(fantasy)
		}
		return loss, fantasy
	}
	up, down := m.Recognition[k], m.Generative[k]
	above := bernoulli(constant(up, x))
	loss, dreamt := m.upDown(k+1, above, labels, steps)
	fantasy = constant(down, dreamt)
	if k > 0 {
		fantasy = bernoulli(fantasy)
	}
	loss = loss.Add(surprise(down.Forward(above), x)).Add(surprise(up.Forward(fantasy), dreamt))
	return loss, fantasy
}

// constant is the probabilities that a layer gives, without gradient.
func constant(l *Linear, x tensor.Tensor) tensor.Tensor {
	t := x.Tape()
	w, b := t.Use(l.Weight), t.Use(l.Bias) // with gradient, for uses to come
	was := t.RecordsGrad()
	t.SetRecordGrad(false)
	p := x.Linear(w, b).Sigmoid()
	t.SetRecordGrad(was)
	return p
}

// surprise is −log p of units given by their logits, summed over the units.
func surprise(logits, x tensor.Tensor) tensor.Tensor {
	return logits.SigmoidCrossEntropy(x, nil).Sum(-1).Mean()
}

// Generate makes data of the given labels: steps of Gibbs in the top machine,
// from random units and with the label held, and one pass downwards. It returns
// probabilities, [labels, data]. More steps forget the start better; it panics
// without any.
func (m *DBN) Generate(labels []int32, steps int, seed uint64) []float32 {
	if steps < 1 {
		panic(fmt.Sprintf("nn: a DBN generates by 1 step of Gibbs or more, not %d: without any, the label has no effect", steps))
	}
	n, t := m.Top.binary(), tensor.NewEvalTape()
	t.Seed(seed, 0)
	state := make([]float32, len(labels)*n)
	copy(state, bernoulli(t.Full(0.5, len(labels), n)).Data())
	held := tensor.NewInts(labels, len(labels))
	for range steps {
		t.Reset()
		v := m.Top.Labelled(t.Input(state, len(labels), n), held)
		copy(state, bernoulli(m.Top.toVisible(m.Top.SampleHidden(v)).Slice(-1, 0, n).Sigmoid()).Data())
	}
	t.Reset()
	x := t.Input(state, len(labels), n)
	for k := len(m.Generative) - 1; k >= 0; k-- {
		if x = m.Generative[k].Forward(x).Sigmoid(); k > 0 {
			x = bernoulli(x)
		}
	}
	out, _ := x.Clone()
	return out
}
