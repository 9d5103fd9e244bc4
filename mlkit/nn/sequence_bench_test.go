package nn_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// rowsLSTM reads an image row by row and classifies by the last state.
type rowsLSTM struct {
	LSTM *nn.LSTM
	Head *nn.Linear
}

func newRowsLSTM(rng *rand.Rand) nn.Layer {
	return &rowsLSTM{nn.NewLSTM(rng, nn.Recurrent{In: 28, Hidden: 128}), nn.NewLinear(rng, 128, 10)}
}

func (m *rowsLSTM) Forward(x tensor.Tensor) tensor.Tensor {
	return m.Head.Forward(m.LSTM.Last(x, nn.Sequences{}))
}

// rowsTransformer takes the rows of an image for tokens.
type rowsTransformer struct {
	Embed    *nn.Linear
	Position *nn.LearnedPositions
	Encoder  *nn.TransformerEncoder
	Head     *nn.Linear
}

func newRowsTransformer(rng *rand.Rand) nn.Layer {
	e := nn.NewTransformerEncoder(rng, 2, nn.Transformer{Width: 128, Heads: 4, Hidden: 512, PreNorm: true, GELU: true})
	e.Norm = nil
	return &rowsTransformer{nn.NewLinear(rng, 28, 128), nn.NewLearnedPositions(rng, 28, 128), e, nn.NewLinear(rng, 128, 10)}
}

func (m *rowsTransformer) Forward(x tensor.Tensor) tensor.Tensor {
	return m.Head.Forward(m.Encoder.Forward(m.Position.Forward(m.Embed.Forward(x))).Mean(1))
}

func BenchmarkStep(b *testing.B) {
	const batch = 128
	for name, model := range map[string]func(*rand.Rand) nn.Layer{"lstm": newRowsLSTM, "transformer": newRowsTransformer} {
		for _, procs := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/procs=%d", name, procs), func(b *testing.B) {
				defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
				rng := nn.NewRand(1)
				m := model(rng)
				opt := optim.New(nn.Params(m), optim.Adam(1e-3))
				x, labels := make([]float32, batch*28*28), make([]int32, batch)
				for i := range x {
					x[i] = rng.Float32()
				}
				for i := range labels {
					labels[i] = int32(i % 10)
				}
				tape := tensor.NewTape(1)
				step := func() {
					opt.Step(nn.CrossEntropy(m.Forward(tape.Input(x, batch, 28, 28)), tensor.NewInts(labels)).Backward())
					tape.Reset()
				}
				step()
				step()
				b.ReportAllocs()
				for b.Loop() {
					step()
				}
				b.ReportMetric(float64(batch)*float64(b.N)/b.Elapsed().Seconds(), "samples/s")
			})
		}
	}
}
