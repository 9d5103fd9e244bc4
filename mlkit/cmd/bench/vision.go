package main

import (
	"math/rand/v2"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// The workloads that convolve.

// classifier is the workload of a layer that classifies inputs of the given
// shape.
func classifier(rng *rand.Rand, model nn.Layer, rule optim.Rule, classes, n int, dims ...int) workload {
	return workload{model, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return nn.CrossEntropy(model.Forward(b.Input(t)), b.Ints())
	}, rule, several(func() (b data.Batch) {
		b.X, b.XDims = normal(rng, append([]int{n}, dims...)...)
		b.Labels, b.LabelsDims = below(rng, classes, n)
		return b
	})}
}

// normed is a convolution without a bias and its batch normalisation.
func normed(rng *rand.Rand, c nn.Conv) nn.Sequential {
	c.NoBias = true
	return nn.Sequential{nn.NewConv2D(rng, c), nn.NewBatchNorm(c.Out)}
}

// normedReLU is normed and a ReLU.
func normedReLU(rng *rand.Rand, c nn.Conv) nn.Sequential { return append(normed(rng, c), nn.ReLU{}) }

// resNet20 is He et al.'s network for CIFAR-10 (2016, §4.2), with a projection
// where the shape changes.
func resNet20(rng *rand.Rand, n int) workload {
	model := normedReLU(rng, nn.Conv{In: 3, Out: 16, Kernel: 3, Padding: 1})
	in := 16
	for stage, out := range []int{16, 32, 64} {
		for block := range 3 {
			stride := 1
			r := nn.Residual{}
			if stage > 0 && block == 0 {
				stride = 2
				r.Shortcut = normed(rng, nn.Conv{In: in, Out: out, Kernel: 1, Stride: 2})
			}
			r.Body = append(normedReLU(rng, nn.Conv{In: in, Out: out, Kernel: 3, Stride: stride, Padding: 1}),
				normed(rng, nn.Conv{In: out, Out: out, Kernel: 3, Padding: 1})...)
			model = append(model, r, nn.ReLU{})
			in = out
		}
	}
	model = append(model, nn.GlobalAvgPool{}, nn.NewLinear(rng, 64, 10))
	return classifier(rng, model, optim.Chain(optim.L2(1e-4), optim.Momentum(0.1, 0.9)), 10, n, 3, 32, 32)
}

// separable is a small network of depthwise-separable convolutions (Howard et
// al., MobileNets, 2017) on images of 64×64.
func separable(rng *rand.Rand, n int) workload {
	model := normedReLU(rng, nn.Conv{In: 3, Out: 32, Kernel: 3, Stride: 2, Padding: 1})
	in := 32
	for _, c := range []struct{ out, stride int }{{64, 1}, {128, 2}, {128, 1}, {256, 2}, {256, 1}} {
		model = append(model, normedReLU(rng, nn.Conv{In: in, Out: in, Kernel: 3, Stride: c.stride, Padding: 1, Groups: in})...)
		model = append(model, normedReLU(rng, nn.Conv{In: in, Out: c.out, Kernel: 1})...)
		in = c.out
	}
	model = append(model, nn.GlobalAvgPool{}, nn.NewLinear(rng, in, 10))
	return classifier(rng, model, optim.Adam(1e-3), 10, n, 3, 64, 64)
}
