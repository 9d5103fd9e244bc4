package nn

import (
	"math/rand/v2"

	"descent/mlkit/tensor"
)

// GEGLU is a gated linear unit, GELU(x·Wᵀ + b) ⊙ (x·Vᵀ + c), with the exact
// GELU (Shazeer, GLU Variants Improve Transformer, 2020, eq. 5). Before a
// [Linear] it makes the feed-forward block of that paper, which leaves out all
// biases.
type GEGLU struct {
	Gate, Value *Linear // W and b, V and c: [out, in] and [out] each
}

// NewGEGLU makes a gated unit of two dense layers, which start as in
// [NewLinear].
func NewGEGLU(rng *rand.Rand, in, out int) *GEGLU {
	return &GEGLU{NewLinear(rng, in, out), NewLinear(rng, in, out)}
}

// Forward multiplies the value by its gate: [..., in] → [..., out]. It panics
// with a *tensor.ShapeError when x does not fit, or when gate and value differ
// in size.
func (l *GEGLU) Forward(x tensor.Tensor) tensor.Tensor {
	gate := x.LinearGELU(x.Tape().Use(l.Gate.Weight), useOptional(x.Tape(), l.Gate.Bias))
	return gated("GEGLU", gate, l.Value.Forward(x))
}

// gated is their product; Mul would broadcast a size of 1.
func gated(op string, gate, value tensor.Tensor) tensor.Tensor {
	if gate.Dim(-1) != value.Dim(-1) {
		panic(&tensor.ShapeError{Op: op, Shapes: [][]int{gate.Dims(), value.Dims()}, Axis: -1,
			Why: "gate and value must have as many outputs"})
	}
	return gate.Mul(value)
}

// SwiGLU is the gated linear unit of Llama, SiLU(x·Wᵀ + b) ⊙ (x·Vᵀ + c)
// (Shazeer 2020, eq. 6), before a [Linear] as [GEGLU] is.
type SwiGLU struct {
	Gate, Value *Linear // W and b, V and c: [out, in] and [out] each
}

// NewSwiGLU makes a gated unit of two dense layers, which start as in
// [NewLinear].
func NewSwiGLU(rng *rand.Rand, in, out int) *SwiGLU {
	return &SwiGLU{NewLinear(rng, in, out), NewLinear(rng, in, out)}
}

// Forward multiplies the value by its gate: [..., in] → [..., out]. It panics
// with a *tensor.ShapeError when x does not fit, or when gate and value differ
// in size.
func (l *SwiGLU) Forward(x tensor.Tensor) tensor.Tensor {
	return gated("SwiGLU", l.Gate.Forward(x).SiLU(), l.Value.Forward(x))
}
