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

// Two networks against each other (Goodfellow et al. 2014): an optimizer and a
// tape for each, because each loss is walked back by itself. What the generator
// made crosses from its tape to the other as a Variable, and the gradient goes
// back by BackwardFrom.
func Example_adversarial() {
	rng := nn.NewRand(1)
	generator := nn.Sequential{nn.NewLinear(rng, 1, 16), nn.ReLU{}, nn.NewLinear(rng, 16, 1)}
	critic := nn.Sequential{nn.NewLinear(rng, 1, 16), nn.ReLU{}, nn.NewLinear(rng, 16, 1)}
	rule := optim.Adam(0.01, optim.Betas(0.5, 0.999))
	optG, optC := optim.New(nn.Params(generator), rule), optim.New(nn.Params(critic), rule)
	tapeG, tapeC := tensor.NewTape(1), tensor.NewTape(2)
	var mean float32
	for range 400 {
		fake := generator.Forward(tapeG.Normal(64, 1))
		ones, zeros := tapeC.Full(1, 64, 1), tapeC.Full(0, 64, 1)
		real := tapeC.Normal(64, 1).AddScalar(3)
		made := tapeC.Input(fake.Data(), fake.Dims()...)
		loss := nn.BinaryCrossEntropy(critic.Forward(real), ones).Add(nn.BinaryCrossEntropy(critic.Forward(made), zeros))
		optC.Step(loss.Backward())
		tapeC.Reset()

		made = tapeC.Variable(fake.Data(), fake.Dims()...)
		loss = nn.BinaryCrossEntropy(critic.Forward(made), tapeC.Full(1, 64, 1))
		optG.Step(fake.BackwardFrom(loss.Backward().Wrt(made)))
		mean = fake.Mean().Item()
		tapeG.Reset()
		tapeC.Reset()
	}
	fmt.Println("around 3:", mean > 2 && mean < 4)
	// Output: around 3: true
}
