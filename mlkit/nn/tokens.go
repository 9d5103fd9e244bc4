package nn

import (
	"fmt"

	"descent/mlkit/tensor"
)

// A TokenLayer computes a tensor from token ids: an [Embedding], or a
// [Sequential] that begins with one.
type TokenLayer interface {
	ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor
}

// ForwardTokens passes ids to the first layer, which must be a [TokenLayer],
// and its result through the others: ids of the shape that the first layer
// takes, such as [batch, time] → the output of the last. It panics with a
// [*tensor.ShapeError] when the first layer reads features.
func (s Sequential) ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	refuse := func(why string) {
		panic(&tensor.ShapeError{Op: "Sequential", Shapes: [][]int{append([]int{}, ids.Dims()...)}, Why: why})
	}
	if len(s) == 0 {
		refuse("an empty Sequential does not read token ids")
	}
	first, ok := s[0].(TokenLayer)
	if !ok {
		refuse(fmt.Sprintf("it begins with a %T, which reads features, not token ids: begin with an *nn.Embedding", s[0]))
	}
	return s[1:].Forward(first.ForwardTokens(t, ids))
}

// MeanOverTime averages x [batch, time, ...] over the first lengths[b] steps of
// each sequence: [batch, ...]. What lies beyond a sequence's end does not
// count, whatever it is, as long as it is finite; a sequence of no steps gives
// zeros. Without lengths (no Ints) it is the mean over all steps. Right behind
// an [Embedding], an [EmbeddingBag] is faster. It panics with a
// *tensor.ShapeError where lengths are not [batch] or longer than time.
func MeanOverTime(x tensor.Tensor, lengths tensor.Ints) tensor.Tensor {
	if lengths.Data == nil {
		return x.Mean(1)
	}
	d := x.Dims()
	wrong := func(why string) {
		panic(&tensor.ShapeError{Op: "MeanOverTime",
			Shapes: [][]int{append([]int{}, d...), append([]int{}, lengths.Dims()...)}, Why: why})
	}
	if len(d) < 2 || len(lengths.Data) != d[0] {
		wrong("want x [batch, time, ...] and lengths [batch]")
	}
	t := x.Tape()
	weights := t.Scratch(d[0] * d[1])
	clear(weights)
	for b, l := range lengths.Data {
		if l < 0 || int(l) > d[1] {
			wrong(fmt.Sprintf("length %d of sequence %d is not within the %d steps of x", l, b, d[1]))
		}
		for i := range int(l) {
			weights[b*d[1]+i] = 1 / float32(l)
		}
	}
	dims := append([]int{}, d...)
	for i := 2; i < len(dims); i++ {
		dims[i] = 1
	}
	return x.Mul(t.Input(weights, dims...)).Sum(1)
}
