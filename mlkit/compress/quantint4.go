package compress

import (
	"fmt"
	"math"
	"slices"

	kernel "descent/mlkit/internal/kernel/int8"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Int4 is a network whose Linear layers and LSTMs keep their weights in 4 bits,
// in groups of 32 neighbouring inputs with a scale each: 5 bits a weight, 6.4
// times less than float32. Activations, sums and all other layers stay in
// float32, and weights become float32 again, a few rows at a time, while they
// are used: what a layer saves is memory and, where that is what it waits for,
// time.
type Int4 struct {
	layers stage         `nn:"-"`
	linear []*int4Linear `nn:"-"`
}

// QuantizeInt4 makes such a network. Within a group, the weight of the largest
// magnitude becomes −8 steps, and the others are rounded to steps from −8 to 7
// (the format Q4_0 of llama.cpp, with scales of 32 bits). A weight that is not
// finite is an error that names its layer, and so is a layer that is none of
// those that [QuantizeDynamic] knows. The model stays as it is.
func QuantizeInt4(model nn.Layer) (*Int4, error) {
	t := &taking{op: "QuantizeInt4"}
	s, err := t.start(model)
	if err != nil {
		return nil, err
	}
	return t.int4(s, nil)
}

// nibbles are a Linear's weights in 4 bits, and its bias.
type nibbles struct {
	w    kernel.Nibbles
	bias []float32
}

// int4 makes the network; stored, unless it is nil, has the weights of the
// Linear layers.
func (t *taking) int4(s stage, stored map[string]nibbles) (*Int4, error) {
	q := &Int4{}
	var err error
	q.layers, err = s.mapped(func(u *unit) (nn.Layer, error) {
		w, b := u.folded()
		for _, xs := range [][]float32{w, b} {
			if i := slices.IndexFunc(xs, notFinite); i >= 0 && stored == nil {
				return nil, fmt.Errorf("compress: %s: a weight or bias of %s is %v", t.op, u, xs[i])
			}
		}
		if u.conv != nil {
			c := *u
			c.weight, c.bias, c.norm = tensor.ParamOf(w, u.dims...), tensor.ParamOf(b, u.dims[0]), nil
			return &c, nil
		}
		n, ok := stored[u.path]
		if !ok {
			n = nibbles{nibblesOf(w, u.dims[0], u.dims[1]), b}
		}
		l := &int4Linear{form: u.form, nibbles: n}
		q.linear = append(q.linear, l)
		return l, nil
	})
	if err == nil && len(q.linear) == 0 {
		err = fmt.Errorf("compress: %s: the model has no Linear layer", t.op)
	}
	if err != nil {
		return nil, err
	}
	return q, nil
}

// Forward computes the network's outputs: the shapes are those of the model
// that was quantized. No gradient flows back.
func (q *Int4) Forward(x tensor.Tensor) tensor.Tensor { return q.layers.Forward(x) }

// ForwardTokens is Forward for a model that begins with an Embedding.
func (q *Int4) ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	return q.layers.ForwardTokens(t, ids)
}

// Bytes is the memory of weights, scales, biases, and of what stayed in
// float32.
func (q *Int4) Bytes() int {
	n := 4 * floatsIn(q.layers)
	for _, l := range q.linear {
		n += len(l.w.Packed) + 4*len(l.w.Scales) + 4*len(l.bias)
	}
	return n
}

// int4Linear is a Linear with weights of 4 bits.
type int4Linear struct {
	form
	nibbles
}

func (l *int4Linear) Forward(x tensor.Tensor) tensor.Tensor {
	d := x.Dims()
	if len(d) == 0 || d[len(d)-1] != l.w.K {
		panic(&tensor.ShapeError{Op: l.String() + " in int4", Shapes: [][]int{slices.Clone(d)}, Why: fmt.Sprintf("want [..., %d]", l.w.K)})
	}
	t := x.Tape()
	m := len(x.Data()) / l.w.K
	y := t.Scratch(m * l.w.N)
	l.w.Product(y, x.Data(), m, l.bias)
	var dims [tensor.MaxRank]int
	rank := copy(dims[:], d)
	dims[rank-1] = l.w.N
	out := t.Input(y, dims[:rank]...)
	if l.relu {
		out = out.ReLU()
	}
	return out
}

// nibblesOf rounds the rows of a matrix in groups.
func nibblesOf(w []float32, n, k int) kernel.Nibbles {
	q := kernel.Nibbles{N: n, K: k}
	g := q.Groups()
	q.Packed, q.Scales = make([]uint8, 16*n*g), make([]float32, n*g)
	for r := range n {
		for i := range g {
			group := w[r*k+i*kernel.Group : r*k+min((i+1)*kernel.Group, k)]
			var top float32 // with its sign
			for _, v := range group {
				if math.Abs(float64(v)) > math.Abs(float64(top)) {
					top = v
				}
			}
			scale := top / -8
			inverse := float32(0)
			if scale != 0 {
				inverse = 1 / scale
			}
			q.Scales[r*g+i] = scale
			packed := q.Packed[16*(r*g+i):][:16]
			for at, v := range group {
				b := uint8(min(15, max(0, float32(v*inverse)+8.5)))
				if at >= 16 {
					b <<= 4
				}
				packed[at%16] |= b
			}
		}
	}
	return q
}
