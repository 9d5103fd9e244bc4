package privacy_test

import (
	"context"
	"fmt"

	"descent/mlkit/data"
	"descent/mlkit/mpi"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/privacy"
	"descent/mlkit/train"
)

// One more line in the configuration makes a training private; the loader has
// to sample at random.
func Example() {
	set := rows(1000, 6)
	model := nn.NewLinear(nn.NewRand(1), 6, 4)
	loader := &privacy.Poisson{Dataset: set, BatchSize: 50}
	rate, _, err := loader.Sampling()
	if err != nil {
		panic(err)
	}
	noise, err := privacy.NoiseFor(privacy.PLD{}, 2, 1e-5, rate, 3*loader.Len())
	if err != nil {
		panic(err)
	}
	private := &privacy.SGD{Clip: 1, Noise: noise}
	if _, err := train.Fit(context.Background(), train.Supervised(model, nn.CrossEntropy), loader,
		train.Config{Epochs: 3, Optimizer: optim.SGD(0.5), Private: private}); err != nil {
		panic(err)
	}
	epsilon, err := private.Epsilon(1e-5)
	if err != nil {
		panic(err)
	}
	fmt.Printf("ε = %.2f with noise %.2f\n", epsilon, noise)
	// Output: ε = 2.00 with noise 1.19
}

// The clients belong to the ranks that mpiexec starts this program with, by
// itself to one. The weights are the same on any number of them.
func ExampleFederated() {
	world, err := mpi.Start()
	if err != nil {
		panic(err)
	}
	defer world.Close()
	set := rows(40, 6)
	f := privacy.Federated{Clients: clients(set, privacy.DealEvenly(40, 8, 1)), Fraction: 0.5, Secure: true, Group: world}
	err = f.Train(context.Background(), smallNet, 20, func(round int, o train.Objective[data.Batch]) error {
		if round%10 == 0 && world.Rank() == 0 {
			figures, err := train.Evaluate(context.Background(), o, &data.Loader{Dataset: set})
			if err != nil {
				return err
			}
			fmt.Printf("round %d: loss %.2f\n", round, figures["loss"])
		}
		return nil
	})
	if err != nil {
		panic(err)
	}
	// Output:
	// round 10: loss 1.35
	// round 20: loss 1.29
}
