package nn_test

import (
	"fmt"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// A small convolutional network learns to tell horizontal from vertical
// stripes.
func Example() {
	rng := nn.NewRand(1)
	model := nn.Sequential{
		nn.NewConv2D(rng, nn.Conv{In: 1, Out: 4, Kernel: 3, Padding: nn.Same}), nn.ReLU{},
		nn.GlobalAvgPool{},
		nn.NewLinear(rng, 4, 2),
	}
	const n, side = 32, 8
	images, labels := make([]float32, n*side*side), make([]int32, n)
	for i := range n {
		labels[i] = int32(i % 2)
		phase := rng.IntN(4)
		for p := range side * side {
			along := p / side // rows for label 0
			if labels[i] == 1 {
				along = p % side
			}
			if (along+phase)%4 < 2 {
				images[i*side*side+p] = 1
			}
		}
	}
	optimizer := optim.New(nn.Params(model), optim.Adam(0.05))
	tape := tensor.NewTape(1)
	for range 60 {
		tape.Reset()
		logits := model.Forward(tape.Input(images, n, 1, side, side))
		optimizer.Step(nn.CrossEntropy(logits, tensor.NewInts(labels)).Backward())
	}
	tape = tensor.NewEvalTape()
	right := 0
	for i, class := range model.Forward(tape.Input(images, n, 1, side, side)).ArgMax(-1).Data {
		if class == labels[i] {
			right++
		}
	}
	fmt.Printf("%d of %d right\n", right, n)
	// Output: 32 of 32 right
}
