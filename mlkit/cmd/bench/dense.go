package main

import (
	"math/rand/v2"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// The workloads of dense layers.

// wideMLP has layers of 2,048 units.
func wideMLP(rng *rand.Rand, n int) workload {
	return classifier(rng, nn.Sequential{nn.NewLinear(rng, 1024, 2048), nn.ReLU{}, nn.NewLinear(rng, 2048, 2048),
		nn.ReLU{}, nn.NewLinear(rng, 2048, 1000)},
		optim.Momentum(0.01, 0.9), 1000, n, 1024)
}

// normedMLP has layer norm, GELU, and a dropout of nothing: one that drops
// would draw other numbers on every side.
func normedMLP(rng *rand.Rand, n int) workload {
	model, in := nn.Sequential{}, 256
	for range 3 {
		model = append(model, nn.NewLinear(rng, in, 512), nn.NewLayerNorm(512), nn.GELU{}, nn.Dropout{P: 0})
		in = 512
	}
	return classifier(rng, append(model, nn.NewLinear(rng, in, 10)), optim.AdamW(1e-3), 10, n, 256)
}

// tabularMLP predicts a number from a row of 16.
func tabularMLP(rng *rand.Rand, n int) workload {
	model := nn.Sequential{nn.NewLinear(rng, 16, 32), nn.ReLU{}, nn.NewLinear(rng, 32, 32), nn.ReLU{},
		nn.NewLinear(rng, 32, 1)}
	return workload{model, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return nn.MSE(model.Forward(b.Input(t)), b.Target(t))
	}, optim.Adam(1e-3), several(func() (b data.Batch) {
		b.X, b.XDims = normal(rng, n, 16)
		b.Y, b.YDims = normal(rng, n, 1)
		return b
	})}
}

// variational is a variational autoencoder of dense layers (Kingma & Welling
// 2014). The noise of the code comes with the batch, as its target.
func variational(rng *rand.Rand, n int) workload {
	const pixels, hidden, code = 784, 400, 20
	m := &vae{nn.NewLinear(rng, pixels, hidden), nn.NewLinear(rng, hidden, code), nn.NewLinear(rng, hidden, code),
		nn.NewLinear(rng, code, hidden), nn.NewLinear(rng, hidden, pixels)}
	return workload{m, func(t *tensor.Tape, b data.Batch) tensor.Tensor { return m.Loss(b.Input(t), b.Target(t)) },
		optim.Adam(1e-3), several(func() (b data.Batch) {
			b.X, b.XDims = uniform(rng, n, pixels)
			b.Y, b.YDims = normal(rng, n, code)
			return b
		})}
}

type vae struct{ Encode, Mean, LogVar, Decode, Out *nn.Linear }

// Loss is the negative evidence lower bound of images x [n, pixels], a mean
// over them.
func (m *vae) Loss(x, noise tensor.Tensor) tensor.Tensor {
	h := m.Encode.Forward(x).ReLU()
	mean, logVar := m.Mean.Forward(h), m.LogVar.Forward(h)
	code := mean.Add(noise.Mul(logVar.Scale(0.5).Exp()))
	image := m.Out.Forward(m.Decode.Forward(code).ReLU())
	divergence := logVar.AddScalar(1).Sub(mean.Square()).Sub(logVar.Exp()).Sum(1).Mean().Scale(-0.5)
	return nn.BinaryCrossEntropy(image, x).Scale(float32(x.Dim(1))).Add(divergence)
}
