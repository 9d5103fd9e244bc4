package train_test

import (
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// BenchmarkOnline is a whole training step of a small network on one sample:
// what a service pays that learns from every event.
func BenchmarkOnline(b *testing.B) {
	rng := nn.NewRand(1)
	l1, l2, l3 := nn.NewLinear(rng, 20, 64), nn.NewLinear(rng, 64, 64), nn.NewLinear(rng, 64, 2)
	opt := optim.New(nn.Params([]*nn.Linear{l1, l2, l3}), optim.SGD(0.01))
	x, y := make([]float32, 20), make([]float32, 2)
	tape := tensor.NewTape(1)
	b.ReportAllocs()
	for b.Loop() {
		tape.Reset()
		h := tape.Input(x, 1, 20).LinearReLU(tape.Use(l1.Weight), tape.Use(l1.Bias))
		h = h.LinearReLU(tape.Use(l2.Weight), tape.Use(l2.Bias))
		loss := nn.MSE(l3.Forward(h), tape.Input(y, 1, 2))
		opt.Step(loss.Backward())
	}
}
