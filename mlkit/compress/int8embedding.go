package compress

import (
	"fmt"
	"slices"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// embedding is a table of vectors to be quantized.
type embedding struct {
	path    string
	weight  *tensor.Param // [count, width]
	padding int
	fake    bool // round as bytes would
}

func (e *embedding) String() string { return fmt.Sprintf("layer %q (*nn.Embedding)", e.path) }

func (e *embedding) ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	w := t.Use(e.weight)
	if e.fake {
		w = fakeWeight(w)
	}
	return w.Embed(ids, e.padding)
}

func (e *embedding) Forward(x tensor.Tensor) tensor.Tensor {
	return (&nn.Embedding{}).Forward(x) // which says what is wrong
}

// int8Embedding has vectors of bytes, symmetric, with a scale each.
type int8Embedding struct {
	path   string
	dims   []int // count, width
	q      []int8
	scales []float32
}

func (e *int8Embedding) ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	count, width := e.dims[0], e.dims[1]
	y := t.Scratch(len(ids.Data) * width)
	for i, id := range ids.Data {
		if id < 0 || int(id) >= count {
			panic(&tensor.ShapeError{Op: fmt.Sprintf("layer %q (*nn.Embedding) in int8", e.path), Shapes: [][]int{slices.Clone(ids.Dims())},
				Why: fmt.Sprintf("id %d is none of the ids 0…%d", id, count-1)})
		}
		row, scale := y[i*width:(i+1)*width], e.scales[id]
		for k, v := range e.q[int(id)*width:][:width] {
			row[k] = float32(v) * scale
		}
	}
	return t.Input(y, append(slices.Clone(ids.Dims()), width)...)
}

func (e *int8Embedding) Forward(x tensor.Tensor) tensor.Tensor { return (&nn.Embedding{}).Forward(x) }

// ForwardTokens passes ids to the first layer, which must read them.
func (s stage) ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	var layers nn.Sequential
	for _, it := range s {
		layers = append(layers, it.layer)
	}
	return layers.ForwardTokens(t, ids)
}

// ForwardTokens is Forward for a model that begins with an Embedding.
func (q *Int8) ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	return q.layers.ForwardTokens(t, ids)
}

// ForwardTokens is Forward for a model that begins with an Embedding.
func (a *Aware) ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	return a.layers.ForwardTokens(t, ids)
}

// embedding makes bytes of a table.
func (m *making) embedding(e *embedding) (*int8Embedding, error) {
	q := &int8Embedding{path: e.path, dims: e.weight.Dims()}
	m.q.tables = append(m.q.tables, q)
	if m.stored != nil {
		w := m.stored[e.path]
		q.q, q.scales = w.q, w.scales
		return q, nil
	}
	if i := slices.IndexFunc(e.weight.Data, notFinite); i >= 0 {
		return nil, fmt.Errorf("compress: %s: a weight of %s is %v", m.t.op, e, e.weight.Data[i])
	}
	q.q, q.scales = rounding(e.weight.Data, q.dims[0])
	return q, nil
}
