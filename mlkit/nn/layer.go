package nn

import (
	"math/rand/v2"

	"descent/mlkit/tensor"
)

// A Layer computes one tensor from one tensor. The batch is the first axis.
type Layer interface {
	Forward(x tensor.Tensor) tensor.Tensor
}

// Func makes a layer of a function: nn.Func(tensor.Tensor.ReLU).
type Func func(tensor.Tensor) tensor.Tensor

// Forward calls f.
func (f Func) Forward(x tensor.Tensor) tensor.Tensor { return f(x) }

// Sequential runs layers one after the other. Its parameters are named by the
// layers' positions: "0.weight", "2.bias".
type Sequential []Layer

// Forward passes x through every layer.
func (s Sequential) Forward(x tensor.Tensor) tensor.Tensor {
	for _, l := range s {
		x = l.Forward(x)
	}
	return x
}

// NewRand is the random generator that the constructors of layers take: the
// same seed gives the same initial weights on every machine.
func NewRand(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0x6d6c6b6974)) }
