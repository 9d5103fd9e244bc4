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
		model = append(model, normedReLU(rng, nn.Conv{In: in, Out: in, Kernel: 3, Stride: c.stride, Padding: 1,
			Groups: in})...)
		model = append(model, normedReLU(rng, nn.Conv{In: in, Out: c.out, Kernel: 1})...)
		in = c.out
	}
	model = append(model, nn.GlobalAvgPool{}, nn.NewLinear(rng, in, 10))
	return classifier(rng, model, optim.Adam(1e-3), 10, n, 3, 64, 64)
}

// smallUNet finds pixels in images of 64×64 (Ronneberger et al. 2015): three
// levels, with batch norm, padded so that the output is as large as the input.
func smallUNet(rng *rand.Rand, n int) workload {
	block := func(in, out int) nn.Layer {
		return append(normedReLU(rng, nn.Conv{In: in, Out: out, Kernel: 3, Padding: 1}),
			normedReLU(rng, nn.Conv{In: out, Out: out, Kernel: 3, Padding: 1})...)
	}
	m := &uNet{
		Down:   []nn.Layer{block(1, 16), block(16, 32), block(32, 64)},
		Bottom: block(64, 128),
		Up:     []nn.Layer{block(128+64, 64), block(64+32, 32), block(32+16, 16)},
		Out:    nn.NewConv2D(rng, nn.Conv{In: 16, Out: 1, Kernel: 1}),
	}
	return workload{m, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return nn.BinaryCrossEntropy(m.Forward(b.Input(t)), b.Target(t))
	}, optim.Adam(1e-3), several(func() (b data.Batch) {
		b.X, b.XDims = normal(rng, n, 1, 64, 64)
		b.Y, b.YDims = uniform(rng, n, 1, 64, 64)
		return b
	})}
}

type uNet struct {
	Down   []nn.Layer
	Bottom nn.Layer
	Up     []nn.Layer
	Out    *nn.Conv2D
}

// Forward gives a logit for every pixel of [n, 1, h, w].
func (m *uNet) Forward(x tensor.Tensor) tensor.Tensor {
	var skips []tensor.Tensor
	for _, l := range m.Down {
		x = l.Forward(x)
		skips = append(skips, x)
		x = nn.MaxPool2D{Kernel: 2}.Forward(x)
	}
	x = m.Bottom.Forward(x)
	for i, l := range m.Up {
		x = l.Forward(tensor.Concat(1, skips[len(skips)-1-i], nn.Upsample{}.Forward(x)))
	}
	return m.Out.Forward(x)
}

// visionTransformer reads images of 32×32 as 64 patches (Dosovitskiy et al.
// 2021): width 192, three heads, four layers.
func visionTransformer(rng *rand.Rand, n int) workload {
	const width = 192
	m := &vit{nn.NewConv2D(rng, nn.Conv{In: 3, Out: width, Kernel: 4, Stride: 4}),
		nn.NewLearnedPositions(rng, 64, width),
		nn.NewTransformerEncoder(rng, 4, nn.Transformer{Width: width, Heads: 3, PreNorm: true,
			GELU: true}), nn.NewLinear(rng, width, 10)}
	return classifier(rng, m, optim.AdamW(3e-4), 10, n, 3, 32, 32)
}

type vit struct {
	Patches   *nn.Conv2D
	Positions *nn.LearnedPositions
	Encoder   *nn.TransformerEncoder
	Head      *nn.Linear
}

// Forward classifies images: [n, 3, 32, 32] → [n, classes].
func (m *vit) Forward(x tensor.Tensor) tensor.Tensor {
	p := m.Patches.Forward(x)
	tokens := p.Reshape(p.Dim(0), p.Dim(1), -1).Transpose(1, 2)
	return m.Head.Forward(m.Encoder.Forward(m.Positions.Forward(tokens)).Mean(1))
}
