package compress_test

import (
	"context"
	"fmt"

	"descent/mlkit/compress"
	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/train"
)

// A network loses nine weights in ten while it trains, then half of its hidden
// neurons, with all that belongs to them.
func Example() {
	model := dense(1)
	set, _ := classes(300, 1)
	loader := &data.Loader{Dataset: set, BatchSize: 20, Shuffle: true, Seed: 1}

	p := &compress.Pruning{Sparsity: compress.Gradual(0, 0.9, 0, 200), Every: 20}
	_, err := train.Fit(context.Background(), train.Supervised(model, nn.CrossEntropy), loader,
		train.Config{Epochs: 20, Seed: 1, Optimizer: p.Around(optim.Adam(1e-2))})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("pruned: %.0f %%\n", 100*p.Masks().Sparsity())

	if err := compress.Narrow(model, 0, compress.Strongest(model[0], 8)); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("hidden layer:", model[0].(*nn.Linear).Weight.Dims())
	// Output:
	// pruned: 90 %
	// hidden layer: [8 8]
}
