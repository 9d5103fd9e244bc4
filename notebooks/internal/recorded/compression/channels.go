package main

import (
	"log"

	"descent/mlkit/compress"
	"descent/mlkit/nn"
	"descent/mlkit/train"
)

// channels removes half of the filters of both convolutions, and trains what is
// left on for two epochs.
func channels(r *recorder, seed uint64) {
	measure := func(name string, model nn.Layer) {
		all, _ := errorsOf(logits(model, r.test), r.test.Labels, -1, 0)
		r.add(seed, name, 0, float64(all)/100)
	}
	model, before := newCNN(seed), newCNN(seed)
	for _, m := range []nn.Sequential{model, before} {
		fit("CNN", m, train.Supervised(m, nn.CrossEntropy), r.training, seed, 4, 3e-3, nil)
	}
	measure("whole", before)
	for _, layer := range []struct{ at, filters int }{{0, 8}, {4, 16}} {
		keep := compress.Strongest(model[layer.at], layer.filters)
		if err := compress.Narrow(model, layer.at, keep); err != nil {
			log.Fatal("compression: ", err)
		}
	}
	measure("half, not trained on", model)
	fit("half", model, train.Supervised(model, nn.CrossEntropy), r.training, seed, 2, 1e-3, nil)
	measure("half", model)
}
