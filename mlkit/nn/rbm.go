package nn

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"descent/mlkit/tensor"
)

// RBM is a restricted Boltzmann machine (Smolensky 1986; Hinton, Training
// Products of Experts by Minimizing Contrastive Divergence, 2002): binary
// visible units v and hidden units h with
//
//	p(v, h) = e^(−E(v, h))/Z,  E(v, h) = −b·v − c·h − hᵀWv.
//
// Given one side, the units of the other are independent: p(h_j = 1 | v) =
// σ(c_j + W_j·v), p(v_i = 1 | h) = σ(b_i + (Wᵀh)_i). As a [Layer] it gives the
// former, so a stack of trained ones is a [Sequential] (Hinton, Osindero & Teh,
// A Fast Learning Algorithm for Deep Belief Nets, 2006).
type RBM struct {
	Weight      *tensor.Param // W, [hidden, visible]
	VisibleBias *tensor.Param // b, [visible]
	HiddenBias  *tensor.Param // c, [hidden]
	// Classes is the number of visible units, the last ones, that form one
	// group of which exactly one is on: a label beside the data. Their
	// conditional is a softmax. 0 makes all units binary.
	Classes int
	// MeanField ends the chains of [RBM.Divergence] at probabilities of the
	// visible units, not at draws: less noise, which pays for features, and a
	// small bias (Hinton 2012, section 3.2).
	MeanField bool
}

// NewRBM makes a machine with weights from a normal distribution of standard
// deviation 0.01, and biases of 0 (Hinton, A Practical Guide to Training
// Restricted Boltzmann Machines, 2012, section 8).
func NewRBM(rng *rand.Rand, visible, hidden int) *RBM {
	m := &RBM{Weight: tensor.NewParam(hidden, visible), VisibleBias: tensor.NewParam(visible),
		HiddenBias: tensor.NewParam(hidden)}
	Normal(m.Weight, rng, 0, 0.01)
	return m
}

// Forward gives the probabilities of the hidden units: [..., visible] → [...,
// hidden].
func (m *RBM) Forward(v tensor.Tensor) tensor.Tensor { return m.toHidden(v).Sigmoid() }

// toHidden is c + W·v, the logits of the hidden units.
func (m *RBM) toHidden(v tensor.Tensor) tensor.Tensor {
	t := v.Tape()
	return v.Linear(t.Use(m.Weight), t.Use(m.HiddenBias))
}

// toVisible is b + Wᵀ·h, the logits of the visible units.
func (m *RBM) toVisible(h tensor.Tensor) tensor.Tensor {
	t := h.Tape()
	return h.MatMul(t.Use(m.Weight)).Add(t.Use(m.VisibleBias))
}

// Visible gives the probabilities of the visible units, those of the label's
// group as a softmax: [..., hidden] → [..., visible].
func (m *RBM) Visible(h tensor.Tensor) tensor.Tensor { return m.probabilities(m.toVisible(h)) }

func (m *RBM) probabilities(z tensor.Tensor) tensor.Tensor {
	if m.Classes == 0 {
		return z.Sigmoid()
	}
	n := m.binary()
	return tensor.Concat(-1, z.Slice(-1, 0, n).Sigmoid(), z.Slice(-1, n, n+m.Classes).Softmax(-1))
}

// binary is how many visible units are binary by themselves.
func (m *RBM) binary() int {
	n := m.VisibleBias.Size() - m.Classes
	if m.Classes < 0 || n < 0 {
		panic(fmt.Sprintf("nn: an RBM of %d visible units cannot have a group of %d classes", m.VisibleBias.Size(), m.Classes))
	}
	return n
}

// Energy is E(v, h) of each row: [batch, visible] and [batch, hidden] →
// [batch].
func (m *RBM) Energy(v, h tensor.Tensor) tensor.Tensor {
	return m.toHidden(v).Mul(h).Sum(-1).Add(v.Mul(v.Tape().Use(m.VisibleBias)).Sum(-1)).Neg()
}

// FreeEnergy is F(v) = −log Σ_h e^(−E(v, h)) = −b·v − Σ_j log(1 +
// e^(c_j + W_j·v)) of each row, so that p(v) = e^(−F(v))/Z: [batch, visible] →
// [batch].
func (m *RBM) FreeEnergy(v tensor.Tensor) tensor.Tensor { return m.freeEnergy(v, m.toHidden(v)) }

// freeEnergy is FreeEnergy, given toHidden of v.
func (m *RBM) freeEnergy(v, z tensor.Tensor) tensor.Tensor {
	return z.Softplus(1).Sum(-1).Add(v.Mul(v.Tape().Use(m.VisibleBias)).Sum(-1)).Neg()
}

// Gibbs draws h given v and v given h, steps times in turn, and gives the last
// v, without gradient: [batch, visible] → [batch, visible], zeros and ones. The
// draws follow from the tape's seed and step. Many steps from anywhere end at
// samples of the machine. To keep a label, put it back after each step. No
// steps give v back; it panics if they are fewer.
func (m *RBM) Gibbs(v tensor.Tensor, steps int) tensor.Tensor {
	if steps < 0 {
		panic(fmt.Sprintf("nn: an RBM cannot take %d steps of Gibbs: give it 0 or more", steps))
	}
	t := v.Tape()
	was := t.RecordsGrad()
	t.SetRecordGrad(false)
	defer t.SetRecordGrad(was)
	v = v.Detach()
	for range steps {
		v = m.SampleVisible(m.SampleHidden(v))
	}
	return v
}

// SampleHidden draws the hidden units given the visible ones, without
// gradient: [batch, visible] → [batch, hidden].
func (m *RBM) SampleHidden(v tensor.Tensor) tensor.Tensor {
	return bernoulli(m.Forward(v.Detach()))
}

// SampleVisible draws the visible units given the hidden ones, without
// gradient: [batch, hidden] → [batch, visible].
func (m *RBM) SampleVisible(h tensor.Tensor) tensor.Tensor {
	return m.draw(m.Visible(h.Detach()))
}

// draw draws the visible units from their probabilities.
func (m *RBM) draw(p tensor.Tensor) tensor.Tensor {
	if m.Classes == 0 {
		return bernoulli(p)
	}
	n := m.binary()
	return tensor.Concat(-1, bernoulli(p.Slice(-1, 0, n)), categorical(p.Slice(-1, n, n+m.Classes)))
}

// bernoulli is 1 with the given probabilities, else 0.
func bernoulli(p tensor.Tensor) tensor.Tensor {
	t := p.Tape()
	u := t.Uniform(p.Dims()...).Data()
	for i, q := range p.Data() {
		if u[i] < q {
			u[i] = 1
		} else {
			u[i] = 0
		}
	}
	return t.Input(u, p.Dims()...)
}

// categorical draws one of each row of probabilities, as a one-hot row.
func categorical(p tensor.Tensor) tensor.Tensor {
	t, k := p.Tape(), p.Dim(-1)
	out := t.Scratch(p.Size())
	clear(out)
	u := t.Uniform(p.Size() / k).Data()
	for r, left := range u {
		row, at := p.Data()[r*k:(r+1)*k], 0
		for at < k-1 && left >= row[at] {
			left -= row[at]
			at++
		}
		out[r*k+at] = 1
	}
	return t.Input(out, p.Dims()...)
}

// Divergence is mean F(v) − mean F(v′), where v′ is what steps of [RBM.Gibbs]
// make of v, held constant: [batch, visible] → a scalar. Its gradient is that
// of contrastive divergence,
//
//	∂/∂W = −(⟨h vᵀ⟩_data − ⟨h vᵀ⟩_after k steps)
//
// with probabilities for h. Its value is not a loss and need not fall; watch
// the reconstruction ([RBM.Visible] of [RBM.Forward]) or, of a small machine,
// [RBM.LogPartition]. Data are zeros and ones, or probabilities between: it
// panics at others, as for no steps.
func (m *RBM) Divergence(v tensor.Tensor, steps int) tensor.Tensor {
	d, _ := m.divergence(v, steps)
	return d
}

// divergence is Divergence, and v′, a draw or, with MeanField, probabilities.
func (m *RBM) divergence(v tensor.Tensor, steps int) (d, after tensor.Tensor) {
	if steps < 1 {
		panic(fmt.Sprintf("nn: contrastive divergence takes 1 step or more, not %d", steps))
	}
	z := m.toHidden(v)
	checkBinary("RBM", v)
	d = m.freeEnergy(v, z).Mean()
	h := bernoulli(z.Detach().Sigmoid())
	if steps > 1 {
		h = m.SampleHidden(m.Gibbs(m.SampleVisible(h), steps-2))
	}
	if after = m.Visible(h).Detach(); !m.MeanField {
		after = m.draw(after)
	}
	return d.Sub(m.FreeEnergy(after).Mean()), after
}

// checkBinary refuses data that are no probabilities of binary units, as an
// operation refuses ids that are none: train.Fit makes it an error.
func checkBinary(model string, v tensor.Tensor) {
	for k, x := range v.Data() {
		if !(x >= 0 && x <= 1) {
			n := v.Dim(-1)
			panic(&tensor.ShapeError{Op: model, Shapes: [][]int{slices.Clone(v.Dims())}, Why: fmt.Sprintf(
				"unit %d of row %d is %v, but units are binary and data lie from 0 to 1: scale the data (pixels by 1/255) or threshold them",
				k%n, k/n, x)})
		}
	}
}

// Labelled puts the label, one of Classes, beside the other visible units:
// [batch, visible−Classes] → [batch, visible]. It panics without Classes, and
// at a label that is none of them.
func (m *RBM) Labelled(x tensor.Tensor, labels tensor.Ints) tensor.Tensor {
	m.needsClasses()
	return tensor.Concat(-1, x, x.Tape().OneHot(labels, m.Classes))
}

// ClassScores classifies by free energy: the softmax of the scores is p(y | x),
// exactly, where x are the visible units beside the label. They are
//
//	d_y + Σ_j log(1 + e^(c_j + U_jy + W_j·x)),
//
// W and U the weights of x and of the label, d the bias of the latter
// (Larochelle & Bengio, Classification using Discriminative Restricted
// Boltzmann Machines, 2008, equation 2): [batch, visible−Classes] → [batch,
// Classes].
func (m *RBM) ClassScores(x tensor.Tensor) tensor.Tensor {
	m.needsClasses()
	t, n := x.Tape(), m.binary()
	w, b := t.Use(m.Weight), t.Use(m.VisibleBias)
	z := x.Linear(w.Slice(-1, 0, n), t.Use(m.HiddenBias)).Unsqueeze(-2)
	u := w.Slice(-1, n, n+m.Classes).Transpose(0, 1)
	return z.Add(u).Softplus(1).Sum(-1).Add(b.Slice(-1, n, n+m.Classes))
}

func (m *RBM) needsClasses() {
	if m.Classes < 1 {
		panic(fmt.Sprintf("nn: an RBM of %d visible units has no label beside them: set its Classes", m.VisibleBias.Size()))
	}
}
