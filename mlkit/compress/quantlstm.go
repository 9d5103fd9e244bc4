package compress

import (
	"fmt"
	"slices"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// lstm is an LSTM whose products are quantized: that of the inputs, for all
// steps at once, and that of the state, step by step. Gates and cells stay in
// float32: they carry what the bytes of a state would lose over many steps.
type lstm struct {
	sides              []lstmSide // by layer, and in a layer forward before reverse
	directions, hidden int
	dropout            float32 // between layers
}

// lstmSide is one direction of one layer: [..., in] → [..., 4·hidden] and
// [batch, hidden] → [batch, 4·hidden].
type lstmSide struct{ in, state nn.Layer }

func (t *taking) lstm(path string, l *nn.LSTM) (*lstm, error) {
	c := l.Config
	if t.op == "QuantizationAware" && (c.InputDropout > 0 || c.RecurrentDropout > 0) {
		return nil, fmt.Errorf("compress: %s: layer %q (%T) cannot be trained for bytes with InputDropout or RecurrentDropout: set both to 0", t.op, path, l)
	}
	q := &lstm{directions: 1, hidden: c.Hidden, dropout: c.Dropout}
	if c.Bidirectional {
		q.directions = 2
	}
	for k, w := range l.Weights {
		suffix := fmt.Sprintf("_l%d", k/q.directions)
		if k%q.directions == 1 {
			suffix += "_reverse"
		}
		in, err := t.unit(below(path, "ih"+suffix), &unit{form: form{kind: "the inputs' weights of *nn.LSTM"}, weight: w.WeightIH, bias: w.BiasIH})
		if err != nil {
			return nil, err
		}
		state, err := t.unit(below(path, "hh"+suffix), &unit{form: form{kind: "the state's weights of *nn.LSTM"}, weight: w.WeightHH, bias: w.BiasHH})
		if err != nil {
			return nil, err
		}
		q.sides = append(q.sides, lstmSide{in, state})
	}
	return q, nil
}

// Forward maps [batch, time, in] to the outputs of the last layer, [batch,
// time, directions·hidden].
func (l *lstm) Forward(x tensor.Tensor) tensor.Tensor {
	x = x.TimeMajor(tensor.Ints{})
	for k := 0; k < len(l.sides); k += l.directions {
		if k > 0 && l.dropout > 0 {
			x = x.Dropout(l.dropout)
		}
		var out [2]tensor.Tensor
		for j := range l.directions {
			run := l.sides[k+j].run
			if s, ok := l.sides[k+j].state.(stage); ok {
				if _, floats := s[0].layer.(*unit); floats {
					run = l.sides[k+j].operations
				}
			}
			out[j] = run(x, l.hidden, j == 1)
		}
		last := k+l.directions == len(l.sides)
		if x = out[0]; last || l.directions == 2 {
			x = x.JoinDirections(out[1], last, tensor.Ints{})
		}
	}
	return x
}

// placeOf is the place of a step: the reverse direction begins at the end.
func placeOf(step, steps int, reverse bool) int {
	if reverse {
		return steps - 1 - step
	}
	return step
}

// run computes all steps, [time, batch, in] → [time, batch, hidden]. No
// gradient flows back.
func (s lstmSide) run(x tensor.Tensor, hidden int, reverse bool) tensor.Tensor {
	t := x.Tape()
	r, each := rooms.Get(), rooms.Get()
	defer rooms.Put(r)
	defer rooms.Put(each)
	steps, batch := x.Dim(0), x.Dim(1)
	gates := lend(s.in, x, r).Data()
	size := batch * hidden
	out, cells, tanh, h := t.Scratch(steps*size), t.Scratch(size), t.Scratch(size), t.Scratch(size)
	for step := range steps {
		i := placeOf(step, steps, reverse)
		g := gates[4*size*i : 4*size*(i+1)]
		elementwise.Add(g, g, lend(s.state, t.Input(h, batch, hidden), each).Data())
		h = out[size*i : size*(i+1)]
		rowwise.LSTMCell(h, cells, g, tanh, g, cells, hidden)
	}
	return t.Input(out, steps, batch, hidden)
}

// operations is run in operations of the tape, for training.
func (s lstmSide) operations(x tensor.Tensor, hidden int, reverse bool) tensor.Tensor {
	steps, batch := x.Dim(0), x.Dim(1)
	gates := s.in.Forward(x)
	h := x.Tape().Full(0, batch, hidden)
	c := h
	out := make([]tensor.Tensor, steps)
	for step := range steps {
		i := placeOf(step, steps, reverse)
		g := gates.Select(0, i).Add(s.state.Forward(h)).Chunk(-1, 4)
		c = g[1].Sigmoid().Mul(c).Add(g[0].Sigmoid().Mul(g[2].Tanh()))
		h = g[3].Sigmoid().Mul(c.Tanh())
		out[i] = h
	}
	return tensor.Stack(0, out...)
}

// with is l with its lists replaced.
func (l *lstm) with(inner func(nn.Layer) stage) *lstm {
	c := *l
	c.dropout = 0
	c.sides = slices.Clone(l.sides)
	for i, s := range c.sides {
		c.sides[i] = lstmSide{inner(s.in), inner(s.state)}
	}
	return &c
}
