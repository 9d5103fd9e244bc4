package nn

import (
	"math/rand/v2"

	"descent/mlkit/tensor"
)

// Initialisers fill a parameter in place, element by element in row-major
// order from the given generator.

// Constant sets every element to v.
func Constant(p *tensor.Param, v float32) {
	for i := range p.Data {
		p.Data[i] = v
	}
}

// Uniform draws from the uniform distribution on [low, high).
func Uniform(p *tensor.Param, rng *rand.Rand, low, high float64) {
	for i := range p.Data {
		p.Data[i] = float32(low + (high-low)*rng.Float64())
	}
}
