package privacy_test

import (
	"context"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/privacy"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// tanhCNN is the network of Papernot et al. 2021 for MNIST.
func tanhCNN() nn.Sequential {
	r := nn.NewRand(1)
	tanh := nn.Func(tensor.Tensor.Tanh)
	return nn.Sequential{
		nn.NewConv2D(r, nn.Conv{In: 1, Out: 16, Kernel: 8, Stride: 2, Padding: 3}), tanh, nn.MaxPool2D{Kernel: 2, Stride: 1},
		nn.NewConv2D(r, nn.Conv{In: 16, Out: 32, Kernel: 4, Stride: 2}), tanh, nn.MaxPool2D{Kernel: 2, Stride: 1},
		nn.Flatten{}, nn.NewLinear(r, 32*4*4, 32), tanh, nn.NewLinear(r, 32, 10),
	}
}

// mlp is a perceptron of 235,000 parameters.
func mlp() nn.Sequential {
	r := nn.NewRand(1)
	relu := nn.Func(tensor.Tensor.ReLU)
	return nn.Sequential{nn.NewLinear(r, 784, 256), relu, nn.NewLinear(r, 256, 128), relu, nn.NewLinear(r, 128, 10)}
}

// BenchmarkStep is an epoch of 4096 samples in batches of 512, plain and
// private.
func BenchmarkStep(b *testing.B) {
	for name, c := range map[string]struct {
		model func() nn.Layer
		dims  []int
	}{
		"mlp": {func() nn.Layer { return mlp() }, []int{784}},
		"cnn": {func() nn.Layer { return tanhCNN() }, []int{1, 28, 28}},
	} {
		const n = 4096
		x := make([]float32, n*784)
		for i := range x {
			x[i] = float32(i%97) / 97
		}
		set := data.FromLabels(x, c.dims, make([]int32, n))
		run := func(b *testing.B, source train.Source[data.Batch], config train.Config) {
			config.Epochs, config.Optimizer = b.N, optim.SGD(0.01)
			if _, err := train.Fit(context.Background(), train.Supervised(c.model(), nn.CrossEntropy), source, config); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "samples/s")
		}
		b.Run(name+"/plain", func(b *testing.B) {
			run(b, &data.Loader{Dataset: set, BatchSize: 512, Shuffle: true}, train.Config{})
		})
		b.Run(name+"/private", func(b *testing.B) {
			run(b, &privacy.Poisson{Dataset: set, BatchSize: 512}, train.Config{Private: &privacy.SGD{Clip: 1, Noise: 1}})
		})
	}
}
