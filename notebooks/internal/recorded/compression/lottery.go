package main

import (
	"fmt"
	"log"

	"descent/mlkit/compress"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// newLeNet is LeNet-300-100 (LeCun et al. 1998).
func newLeNet(seed uint64) nn.Sequential {
	rng := nn.NewRand(seed)
	return nn.Sequential{nn.NewLinear(rng, 784, 300), nn.ReLU{}, nn.NewLinear(rng, 300, 100), nn.ReLU{}, nn.NewLinear(rng, 100, 10)}
}

func matrices(model any) (ps []*tensor.Param) {
	for _, p := range nn.Params(model) {
		if optim.Matrices(p) {
			ps = append(ps, p)
		}
	}
	return ps
}

// lottery prunes LeNet-300-100 round by round to 3.6 % of its weights, and sets
// what is left back to where it was at first (Frankle & Carbin 2019). Beside
// each ticket are trained the same masks with other initial weights.
func lottery(r *recorder, seed uint64) {
	const epochs, rate = 5, 2e-3
	test := r.test.Flat()
	measure := func(name string, kept float64, model nn.Layer) {
		all, _ := errorsOf(logits(model, test), r.test.Labels, -1, 0)
		r.add(seed, name, kept, float64(all)/100)
	}
	model := newLeNet(seed)
	start := compress.Snapshot(nn.Params(model))
	train1 := func(key string, model nn.Sequential, m *compress.Masks) {
		var around func(optim.Rule) optim.Rule
		if m != nil {
			around = m.Around
		}
		fit(key, model, train.Supervised(model, nn.CrossEntropy), r.training.Flat(), seed, epochs, rate, around)
	}
	train1("dense", model, nil)
	measure("ticket", 1, model)
	for _, kept := range []float64{0.5, 0.25, 0.13, 0.07, 0.036} {
		m, err := compress.Magnitude(matrices(model), 1-kept, compress.Global)
		if err != nil {
			log.Fatal("compression: ", err)
		}
		compress.Rewind(nn.Params(model), start)
		m.Apply()
		train1(fmt.Sprint("ticket", kept), model, m)
		measure("ticket", kept, model)

		if kept != 0.5 && kept != 0.13 {
			other := newLeNet(seed + 1000)
			om := &compress.Masks{Params: matrices(other), Keep: m.Keep}
			om.Apply()
			train1(fmt.Sprint("random", kept), other, om)
			measure("random", kept, other)
		}
	}
}
