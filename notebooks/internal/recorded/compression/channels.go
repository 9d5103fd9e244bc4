package main

import (
	"log"

	"descent/mlkit/compress"
	"descent/mlkit/nn"
	"descent/mlkit/train"
)

// channels removes half of the filters of both convolutions, and trains what is
// left on for two epochs. Beside it are the whole network, trained as long, and
// a network that is that small from the start.
func channels(r *recorder, seed uint64) {
	measure := func(name string, model nn.Layer) {
		all, _ := errorsOf(logits(model, r.test), r.test.Labels, -1, 0)
		r.add(seed, name, 0, float64(all)/100)
	}
	train := func(key string, model nn.Layer, epochs int, rate float64) {
		fit(key, model, train.Supervised(model, nn.CrossEntropy), r.training, seed, epochs, rate, nil)
	}
	whole, half, small := newCNN(seed, 16), newCNN(seed, 16), newCNN(seed, 8)
	train("CNN", whole, 4, 3e-3)
	train("CNN", half, 4, 3e-3)
	measure("whole, 4 epochs", whole)
	for _, layer := range []struct{ at, filters int }{{0, 8}, {4, 16}} {
		keep := compress.Strongest(half[layer.at], layer.filters)
		if err := compress.Narrow(half, layer.at, keep); err != nil {
			log.Fatal("compression: ", err)
		}
	}
	measure("half, not trained on", half)
	train("half", half, 2, 1e-3)
	measure("half, 4 + 2 epochs", half)
	train("small", small, 6, 3e-3)
	measure("half from scratch, 6 epochs", small)
	train("whole", whole, 2, 1e-3)
	measure("whole, 4 + 2 epochs", whole)
}
