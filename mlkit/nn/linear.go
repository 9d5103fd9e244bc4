package nn

import (
	"math"
	"math/rand/v2"

	"descent/mlkit/tensor"
)

// Linear is the dense layer y = x·Wᵀ + b, from [..., in] to [..., out].
type Linear struct {
	Weight *tensor.Param // [out, in]
	Bias   *tensor.Param // [out]; nil for none
}

// NewLinear makes a dense layer. Weight and bias start uniform in ±1/√in, as
// in PyTorch; set Bias to nil for a layer without one, and use an initialiser
// on Weight for another start.
func NewLinear(rng *rand.Rand, in, out int) *Linear {
	l := &Linear{Weight: tensor.NewParam(out, in), Bias: tensor.NewParam(out)}
	bound := 1 / math.Sqrt(float64(in))
	Uniform(l.Weight, rng, -bound, bound)
	Uniform(l.Bias, rng, -bound, bound)
	return l
}

// Forward is x·Wᵀ + b: [..., in] → [..., out].
func (l *Linear) Forward(x tensor.Tensor) tensor.Tensor {
	return x.Linear(x.Tape().Use(l.Weight), useOptional(x.Tape(), l.Bias))
}

func (l *Linear) forwardReLU(x tensor.Tensor) tensor.Tensor {
	return x.LinearReLU(x.Tape().Use(l.Weight), useOptional(x.Tape(), l.Bias))
}

// useOptional is Use for a parameter that may be absent.
func useOptional(t *tensor.Tape, p *tensor.Param) tensor.Tensor {
	if p == nil {
		return tensor.Tensor{}
	}
	return t.Use(p)
}
