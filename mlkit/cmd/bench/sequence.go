package main

import (
	"math/rand/v2"

	"descent/mlkit/data"
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

// Forward classifies by the mean of the outputs: [n, time, bands] → [n,
// classes].
func (m *frames) Forward(x tensor.Tensor) tensor.Tensor {
	return m.Head.Forward(m.GRU.Forward(x).Mean(1))
}

// dilatedAudio classifies a second of sound at 8 kHz: residual convolutions
// whose dilation doubles from 1 to 32.
func dilatedAudio(rng *rand.Rand, n int) workload {
	model := nn.Sequential{nn.NewConv1D(rng, nn.Conv{In: 1, Out: 64, Kernel: 16, Stride: 4, Padding: 6}), nn.ReLU{}}
	for dilation := 1; dilation <= 32; dilation *= 2 {
		model = append(model, nn.Residual{Body: nn.Sequential{
			nn.NewConv1D(rng, nn.Conv{In: 64, Out: 64, Kernel: 3, Dilation: dilation, Padding: dilation,
				NoBias: true}), nn.NewBatchNorm(64), nn.ReLU{}}})
	}
	return classifier(rng, append(model, nn.GlobalAvgPool{}, nn.NewLinear(rng, 64, 35)), optim.Adam(1e-3), 35, n,
		1, 8000)
}

// speller writes what it hears in 200 frames of 80 mel bands as 20 of 40 signs:
// a convolution, a bidirectional LSTM, connectionist temporal classification.
func speller(rng *rand.Rand, n int) workload {
	m := &listenAndSpell{nn.NewConv1D(rng, nn.Conv{In: 80, Out: 256, Kernel: 5, Stride: 2, Padding: 2}),
		nn.NewLSTM(rng, nn.Recurrent{In: 256, Hidden: 256, Bidirectional: true}), nn.NewLinear(rng, 512, 40)}
	return workload{m, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return nn.CTC(m.Forward(b.Input(t)), nn.Spelling{Labels: b.Ints()})
	}, optim.Adam(1e-3), several(func() (b data.Batch) {
		b.X, b.XDims = normal(rng, n, 80, 200)
		b.Labels, b.LabelsDims = below(rng, 39, n, 20)
		for i := range b.Labels {
			b.Labels[i]++ // 0 is the blank
		}
		return b
	})}
}

type listenAndSpell struct {
	Conv *nn.Conv1D
	LSTM *nn.LSTM
	Head *nn.Linear
}

// Forward gives logits [n, time/2, signs] of [n, bands, time].
func (m *listenAndSpell) Forward(x tensor.Tensor) tensor.Tensor {
	return m.Head.Forward(m.LSTM.Forward(m.Conv.Forward(x).ReLU().Transpose(1, 2)))
}
