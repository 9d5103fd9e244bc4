package main

import (
	"math/rand/v2"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
)

// The workloads of dense layers.

// wideMLP has layers of 2,048 units.
func wideMLP(rng *rand.Rand, n int) workload {
	return classifier(rng, nn.Sequential{nn.NewLinear(rng, 1024, 2048), nn.ReLU{}, nn.NewLinear(rng, 2048, 2048), nn.ReLU{}, nn.NewLinear(rng, 2048, 1000)},
		optim.Momentum(0.01, 0.9), 1000, n, 1024)
}
