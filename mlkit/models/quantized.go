package models

import (
	"fmt"

	"descent/mlkit/internal/kernel/blocks"
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Quantized is a layer of weights that stay as they are in a GGUF file, in
// blocks of 32 numbers of 4 or 8 bits, and are multiplied in that form, for
// which the input is rounded to 8 bits, by blocks. It has no backward pass: it
// is for inference, on an evaluation tape.
type Quantized struct{ weight blocks.Matrix }

// quantizedKinds are the types of GGUF that stay as they are.
var quantizedKinds = map[string]blocks.Kind{"Q8_0": blocks.Q80, "Q4_0": blocks.Q40, "Q4_1": blocks.Q41}

// activations are working memory of one layer's pass.
var activations cpu.FreeList[blocks.Activations]

var quantizedOp = tensor.NewOp("Quantized", nil) // never goes back: see beside

// Forward is x·wᵀ: [..., in] → [..., out].
func (q *Quantized) Forward(x tensor.Tensor) tensor.Tensor { return q.beside(x, nil) }

// beside are the results of this and other quantized layers of one input, side
// by side.
func (q *Quantized) beside(x tensor.Tensor, more []nn.Layer) tensor.Tensor {
	t := x.Tape()
	if t.RecordsGrad() {
		panic("models: quantized weights have no way back; use a tape of tensor.NewEvalTape, or take LlamaFile.Unpacked")
	}
	in, out := q.weight.Cols, q.weight.Rows
	var layers [4]*Quantized
	layers[0] = q
	for i, l := range more {
		layers[i+1] = l.(*Quantized)
		out += layers[i+1].weight.Rows
	}
	d := x.Dims()
	if len(d) == 0 || d[len(d)-1] != in {
		panic(&tensor.ShapeError{Op: "Quantized", Shapes: [][]int{append([]int{}, d...), {q.weight.Rows, in}},
			Axis: -1, Why: "the last axis must be as long as the rows of the weights"})
	}
	n := x.Size() / in
	y := t.Scratch(n * out)
	a := activations.Get()
	defer activations.Put(a)
	a.Quantize(x.Data())
	at := 0
	for _, l := range layers[:1+len(more)] {
		if at+l.weight.Rows <= len(y) {
			blocks.Product(y[at:], out, &l.weight, a, n)
		}
		at += l.weight.Rows
	}
	return quantizedOp.Apply(y, append(append(make([]int, 0, tensor.MaxRank), d[:len(d)-1]...), out),
		[]tensor.Tensor{x})
}

// ForwardTokens gives rows of the weights: ids [...] → [..., in]. An id outside
// of the table panics.
func (q *Quantized) ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	w := q.weight.Cols
	y := t.Scratch(len(ids.Data) * w)
	for i, id := range ids.Data {
		if id < 0 || int(id) >= q.weight.Rows {
			panic(fmt.Sprintf("models: id %d is not in a table of %d rows", id, q.weight.Rows))
		}
		q.weight.Row(y[i*w:][:w], int(id))
	}
	return t.Input(y, append(append(make([]int, 0, tensor.MaxRank), ids.Dims()...), w)...)
}
