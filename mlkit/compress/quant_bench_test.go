package compress_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"descent/mlkit/compress"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// The networks of cmd/bench's first group.
func benchNetworks() map[string]struct {
	model nn.Layer
	dims  []int
} {
	rng := nn.NewRand(1)
	encoder := nn.NewTransformerEncoder(rng, 2, nn.Transformer{Width: 128, Heads: 4, Hidden: 512, PreNorm: true, GELU: true})
	encoder.Norm = nil
	return map[string]struct {
		model nn.Layer
		dims  []int
	}{
		"mlp": {nn.Sequential{nn.Flatten{}, nn.NewLinear(rng, 784, 256), nn.ReLU{}, nn.NewLinear(rng, 256, 128), nn.ReLU{}, nn.NewLinear(rng, 128, 10)}, []int{1, 28, 28}},
		"cnn": {nn.Sequential{
			nn.NewConv2D(rng, nn.Conv{In: 1, Out: 32, Kernel: 3}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
			nn.NewConv2D(rng, nn.Conv{In: 32, Out: 64, Kernel: 3}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
			nn.Flatten{}, nn.NewLinear(rng, 1600, 128), nn.ReLU{}, nn.NewLinear(rng, 128, 10),
		}, []int{1, 28, 28}},
		"lstm": {nn.Sequential{nn.NewLSTM(rng, nn.Recurrent{In: 28, Hidden: 128}),
			nn.Func(func(x tensor.Tensor) tensor.Tensor { return x.Select(1, 27) }), nn.NewLinear(rng, 128, 10)}, []int{28, 28}},
		"transformer": {nn.Sequential{nn.NewLinear(rng, 28, 128), nn.NewLearnedPositions(rng, 28, 128), encoder,
			nn.Func(func(x tensor.Tensor) tensor.Tensor { return x.Mean(1) }), nn.NewLinear(rng, 128, 10)}, []int{28, 28}},
	}
}

// BenchmarkInt8 times a network in floats and in bytes in turns, and reports
// how many times as fast the bytes are: the best time of each.
func BenchmarkInt8(b *testing.B) {
	for name, c := range benchNetworks() {
		for _, n := range []int{1, 128} {
			dims := append([]int{n}, c.dims...)
			x := normals(tensor.SizeOf(dims), 3)
			static, err := compress.QuantizeStatic(c.model, batchOf(x, dims...), nil)
			if err != nil {
				b.Fatal(err)
			}
			dynamic, err := compress.QuantizeDynamic(c.model)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				tape := tensor.NewEvalTape()
				best := []float64{math.Inf(1), math.Inf(1), math.Inf(1)}
				for b.Loop() {
					for i, m := range []nn.Layer{c.model, static, dynamic} {
						start := time.Now()
						tape.Reset()
						m.Forward(tape.Input(x, dims...))
						best[i] = min(best[i], time.Since(start).Seconds())
					}
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(best[0]*1e6, "float-µs")
				b.ReportMetric(best[1]*1e6, "static-µs")
				b.ReportMetric(best[0]/best[1], "static-times")
				b.ReportMetric(best[0]/best[2], "dynamic-times")
			})
		}
	}
}
