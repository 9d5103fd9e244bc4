package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"descent/mlkit/tensor"
)

// Recurrent describes an LSTM, a GRU or an RNN.
type Recurrent struct {
	In, Hidden    int
	Layers        int // stacked on each other; 0 means 1
	Bidirectional bool
	NoBias        bool
	// Dropout is the probability of dropping an output of a layer, except the
	// last, in training.
	Dropout float32
	// InputDropout drops inputs of each layer, and RecurrentDropout states on
	// their way to the gates of the next step, in training: with probability
	// p, and with one mask for all steps of a sequence (Gal & Ghahramani, A
	// Theoretically Grounded Application of Dropout in Recurrent Neural
	// Networks, 2016). Keras calls them dropout and recurrent_dropout; PyTorch
	// has neither. What a state carries to the next by itself, such as an
	// LSTM's cells, is not dropped.
	InputDropout, RecurrentDropout float32
	ReLU                           bool // RNN only: ReLU instead of tanh
	// ResetBefore, of a GRU only, has the reset gate multiply the state before
	// the product with its weights, as in the paper (Cho et al. 2014) and with
	// Keras's reset_after=False; PyTorch has it multiply the product. It takes
	// several times as long: see [tensor.Tensor.GRUResetBefore].
	ResetBefore bool
}

// Sequences says what a recurrent network is to know of a batch beside the
// batch itself. The zero value: all sequences have full length and begin with
// states of zeros.
type Sequences struct {
	// Lengths [batch] are the true lengths of sequences that are padded at
	// their end. Outputs beyond are zeros, final states are those at the true
	// end, and the reverse direction begins there: what PyTorch does with a
	// packed sequence.
	Lengths tensor.Ints
	// H0 and C0 are initial states, [layers·directions, batch, hidden].
	H0, C0 tensor.Tensor
}

// RecurrentWeights are the parameters of one direction of one layer; G is 4
// for an LSTM, 3 for a GRU, 1 for an RNN. The biases may be nil.
type RecurrentWeights struct {
	WeightIH *tensor.Param // [G·hidden, in]
	WeightHH *tensor.Param // [G·hidden, hidden]
	BiasIH   *tensor.Param // [G·hidden]
	BiasHH   *tensor.Param // [G·hidden]
}

// recurrent is what the three kinds have in common.
type recurrent struct {
	Config Recurrent
	// Weights are ordered by layer, and in a layer forward before reverse.
	Weights []RecurrentWeights

	gates int
}

// newRecurrent draws all parameters from ±1/√hidden, as PyTorch does.
func newRecurrent(rng *rand.Rand, c Recurrent, gates int) recurrent {
	if c.Layers == 0 {
		c.Layers = 1
	}
	if c.In < 1 || c.Hidden < 1 || c.Layers < 0 {
		panic(fmt.Sprintf("nn: a recurrent network needs In and Hidden of at least 1, not %+v", c))
	}
	for _, p := range []float32{c.Dropout, c.InputDropout, c.RecurrentDropout} {
		if !(p >= 0 && p < 1) {
			panic(fmt.Sprintf("nn: a recurrent network needs probabilities of dropout in [0, 1), not %+v", c))
		}
	}
	if c.ResetBefore && gates != 3 || c.ReLU && gates != 1 {
		panic("nn: ResetBefore is a setting of a GRU, ReLU one of an RNN")
	}
	r := recurrent{Config: c, gates: gates}
	bound := 1 / math.Sqrt(float64(c.Hidden))
	param := func(dims ...int) *tensor.Param {
		p := tensor.NewParam(dims...)
		Uniform(p, rng, -bound, bound)
		return p
	}
	in, g := c.In, gates*c.Hidden
	for range c.Layers {
		for range r.directions() {
			w := RecurrentWeights{WeightIH: param(g, in), WeightHH: param(g, c.Hidden)}
			if !c.NoBias {
				w.BiasIH, w.BiasHH = param(g), param(g)
			}
			r.Weights = append(r.Weights, w)
		}
		in = c.Hidden * r.directions()
	}
	return r
}

func (r *recurrent) directions() int {
	if r.Config.Bidirectional {
		return 2
	}
	return 1
}

// NamedParams names the parameters as PyTorch does: weight_ih_l0,
// weight_hh_l0, bias_ih_l0, bias_hh_l0, weight_ih_l0_reverse, weight_ih_l1, …
func (r *recurrent) NamedParams() []Named {
	var out []Named
	for k, w := range r.Weights {
		layer, suffix := k/r.directions(), ""
		if k%r.directions() == 1 {
			suffix = "_reverse"
		}
		for i, p := range []*tensor.Param{w.WeightIH, w.WeightHH, w.BiasIH, w.BiasHH} {
			if p != nil {
				name := []string{"weight_ih", "weight_hh", "bias_ih", "bias_hh"}[i]
				out = append(out, Named{Name: fmt.Sprintf("%s_l%d%s", name, layer, suffix), Param: p})
			}
		}
	}
	return out
}

// maxStates bounds layers·directions, so that the states of a pass need no
// allocation.
const maxStates = 32

// pass is one run over a batch: the outputs of the last layer, by direction,
// and the final states of all layers.
type pass struct {
	out  [2]tensor.Tensor // [time, batch, hidden]
	h, c [maxStates]tensor.Tensor
}

func (r *recurrent) pass(p *pass, x tensor.Tensor, s Sequences) {
	if len(r.Weights) > maxStates {
		panic(fmt.Sprintf("nn: a recurrent network has %d layers and directions, at most %d are possible", len(r.Weights), maxStates))
	}
	for _, state := range []tensor.Tensor{s.H0, s.C0} {
		if state != (tensor.Tensor{}) && state.Dim(0) != len(r.Weights) {
			panic(&tensor.ShapeError{Op: "Run", Shapes: [][]int{slices.Clone(state.Dims())},
				Why: fmt.Sprintf("H0 and C0 must be [layers·directions, batch, hidden], with %d states", len(r.Weights))})
		}
	}
	if r.gates != 4 && s.C0 != (tensor.Tensor{}) {
		panic("nn: C0 is a state of an LSTM; a GRU and an RNN have H0 only")
	}
	t := x.Tape()
	x = x.TimeMajor(s.Lengths)
	d := r.directions()
	op := func(k int) tensor.Recurrent {
		w := r.Weights[k]
		return tensor.Recurrent{WeightIH: t.Use(w.WeightIH), WeightHH: t.Use(w.WeightHH),
			BiasIH: useOptional(t, w.BiasIH), BiasHH: useOptional(t, w.BiasHH), Lengths: s.Lengths, Reverse: k%d == 1,
			H0: stateOf(s.H0, k), C0: stateOf(s.C0, k),
			StateMask: dropMask(t, r.Config.RecurrentDropout, x.Dim(1), r.Config.Hidden).data()}
	}
	for k := 0; k < len(r.Weights); k += d {
		if k > 0 { // on to the next layer
			x = p.out[0]
			if d == 2 {
				x = x.JoinDirections(p.out[1], false, tensor.Ints{})
			}
			if r.Config.Dropout > 0 {
				x = x.Dropout(r.Config.Dropout)
			}
		}
		if m := dropMask(t, r.Config.InputDropout, x.Dim(1), x.Dim(2)); m.drops {
			x = x.Mul(m.Tensor)
		}
		switch {
		case r.Config.ResetBefore:
			for j := range d {
				p.out[j], p.h[k+j] = x.GRUResetBefore(op(k + j))
			}
		case d == 2:
			r.both(p, k, x, op(k), op(k+1))
		case r.gates == 4:
			p.out[0], p.h[k], p.c[k] = x.LSTM(op(k))
		case r.gates == 3:
			p.out[0], p.h[k] = x.GRU(op(k))
		default:
			p.out[0], p.h[k] = x.RNN(op(k), r.Config.ReLU)
		}
	}
}

// sequenceMask is a mask of dropout for all steps of a batch of sequences; the
// zero value drops nothing.
type sequenceMask struct {
	tensor.Tensor // [batch, width], zeros and 1/(1−p)
	drops         bool
}

func dropMask(t *tensor.Tape, p float32, batch, width int) sequenceMask {
	if p == 0 || !t.Training() {
		return sequenceMask{}
	}
	return sequenceMask{t.Full(1, batch, width).Dropout(p), true}
}

func (m sequenceMask) data() []float32 {
	if !m.drops {
		return nil
	}
	return m.Data()
}

// both runs the two directions of a layer, whose weights are k and k+1.
func (r *recurrent) both(p *pass, k int, x tensor.Tensor, forward, reverse tensor.Recurrent) {
	h, c := (*[2]tensor.Tensor)(p.h[k:]), (*[2]tensor.Tensor)(p.c[k:])
	switch r.gates {
	case 4:
		p.out, *h, *c = x.LSTMBoth(forward, reverse)
	case 3:
		p.out, *h = x.GRUBoth(forward, reverse)
	default:
		p.out, *h = x.RNNBoth(forward, reverse, r.Config.ReLU)
	}
}

// run gives the outputs, batch first, and the final states of all layers.
func (r *recurrent) run(x tensor.Tensor, s Sequences) (out, h, c tensor.Tensor) {
	var p pass
	start := x.Tape().Len()
	r.pass(&p, x, s)
	h = stackStates(p.h[:len(r.Weights)])
	if r.gates == 4 {
		c = stackStates(p.c[:len(r.Weights)])
	}
	return r.grouped(start, p.out[0].JoinDirections(p.out[1], true, s.Lengths)), h, c
}

// Forward gives the outputs of the last layer at every step: [batch, time, in]
// → [batch, time, directions·hidden].
func (r *recurrent) Forward(x tensor.Tensor) tensor.Tensor {
	var p pass
	start := x.Tape().Len()
	r.pass(&p, x, Sequences{})
	return r.grouped(start, p.out[0].JoinDirections(p.out[1], true, tensor.Ints{}))
}

// grouped makes all since start one layer in summaries.
func (r *recurrent) grouped(start int, out tensor.Tensor) tensor.Tensor {
	out.Tape().Group(start, r.Weights[0].WeightIH)
	return out
}

// Last maps [batch, time, in] to the last layer's final states, [batch,
// directions·hidden], without laying out the outputs in between.
func (r *recurrent) Last(x tensor.Tensor, s Sequences) tensor.Tensor {
	var p pass
	start := x.Tape().Len()
	r.pass(&p, x, s)
	n := len(r.Weights)
	out := p.h[n-1]
	if r.Config.Bidirectional {
		out = tensor.Concat(-1, p.h[n-2], p.h[n-1])
	}
	return r.grouped(start, out)
}

// stateOf is state k of initial ones; a state from before Tape.Reset panics
// like every stale tensor.
func stateOf(x tensor.Tensor, k int) tensor.Tensor {
	if x == (tensor.Tensor{}) {
		return x
	}
	return x.Select(0, k)
}

func stackStates(xs []tensor.Tensor) tensor.Tensor {
	if len(xs) == 1 {
		return xs[0].Unsqueeze(0)
	}
	return tensor.Stack(0, xs...)
}

// LSTM is a long short-term memory: layers of [tensor.Tensor.LSTM].
type LSTM struct{ recurrent }

// NewLSTM makes an LSTM. All parameters start uniform in ±1/√hidden, as in
// PyTorch; the forget gate's bias is not set to 1 (Keras does).
func NewLSTM(rng *rand.Rand, c Recurrent) *LSTM { return &LSTM{newRecurrent(rng, c, 4)} }

// Run maps [batch, time, in] to the outputs of the last layer, [batch, time,
// directions·hidden], and the final hidden and cell states of all layers,
// [layers·directions, batch, hidden].
func (l *LSTM) Run(x tensor.Tensor, s Sequences) (out, h, c tensor.Tensor) { return l.run(x, s) }

// GRU is a gated recurrent unit: layers of [tensor.Tensor.GRU].
type GRU struct{ recurrent }

// NewGRU makes a GRU. All parameters start uniform in ±1/√hidden.
func NewGRU(rng *rand.Rand, c Recurrent) *GRU { return &GRU{newRecurrent(rng, c, 3)} }

// Run maps [batch, time, in] to the outputs of the last layer, [batch, time,
// directions·hidden], and the final states of all layers, [layers·directions,
// batch, hidden].
func (l *GRU) Run(x tensor.Tensor, s Sequences) (out, h tensor.Tensor) {
	out, h, _ = l.run(x, s)
	return out, h
}

// RNN is a simple recurrent network: layers of [tensor.Tensor.RNN].
type RNN struct{ recurrent }

// NewRNN makes an RNN. All parameters start uniform in ±1/√hidden.
func NewRNN(rng *rand.Rand, c Recurrent) *RNN { return &RNN{newRecurrent(rng, c, 1)} }

// Run maps [batch, time, in] to the outputs of the last layer, [batch, time,
// directions·hidden], and the final states of all layers, [layers·directions,
// batch, hidden].
func (l *RNN) Run(x tensor.Tensor, s Sequences) (out, h tensor.Tensor) {
	out, h, _ = l.run(x, s)
	return out, h
}
