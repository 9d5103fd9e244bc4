package main

import (
	"math/rand/v2"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// The workloads on sequences of numbers.

// bidirectionalGRU reads 64 steps of 40 mel bands in both directions.
func bidirectionalGRU(rng *rand.Rand, n int) workload {
	m := &frames{nn.NewGRU(rng, nn.Recurrent{In: 40, Hidden: 256, Bidirectional: true}), nn.NewLinear(rng, 512, 12)}
	return classifier(rng, m, optim.Adam(1e-3), 12, n, 64, 40)
}

type frames struct {
	GRU  *nn.GRU
	Head *nn.Linear
}

// Forward classifies [n, time, bands] by the mean of the outputs.
func (m *frames) Forward(x tensor.Tensor) tensor.Tensor {
	return m.Head.Forward(m.GRU.Forward(x).Mean(1))
}
