package main

import (
	"context"
	"log"

	"gonum.org/v1/gonum/stat"

	"descent/mlkit/data"
	"descent/mlkit/metrics"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/train"
)

// The experiment of Srivastava et al. 2014, table 2, on MNIST: two hidden
// layers of 800 ReLU; batches of 100; momentum 0.95; a learning rate that
// falls linearly to zero.
const (
	dropoutWidth = 800
	dropoutBatch = 100
)

// variant is a way to train the net. Rate was chosen by dropoutPilot.
type variant struct {
	name    string
	drops   bool    // a fifth of the pixels and half of the hidden units
	maxNorm float64 // 0: none
	rate    float64
	epochs  int // more with dropout, which learns more slowly
}

var variants = []variant{
	{"none", false, 0, 0.05, 30},
	{"dropout", true, 0, 0.05, 45},
	{"dropout, max-norm", true, 2, 0.05, 45},
}

// newDropoutNet is the net of a variant.
func newDropoutNet(v variant, width int, seed uint64) nn.Sequential {
	rng := nn.NewRand(seed)
	var net nn.Sequential
	add := func(drop float32, layers ...nn.Layer) {
		if v.drops {
			net = append(net, nn.Dropout{P: drop})
		}
		net = append(net, layers...)
	}
	in := 784
	for k := range 2 {
		drop := float32(0.5)
		if k == 0 {
			drop = 0.2
		}
		l := nn.NewLinear(rng, in, width)
		nn.HeNormal(l.Weight, rng)
		nn.Constant(l.Bias, 0)
		add(drop, l, nn.ReLU{})
		in = width
	}
	add(0.5, nn.NewLinear(rng, width, 10))
	return net
}

// fitDropout trains a variant for some epochs of a set, and calls seen after
// each.
func fitDropout(v variant, set data.Dataset, epochs int, seed uint64, seen func(epoch int, h *train.History)) (nn.Sequential, train.Objective[data.Batch]) {
	net := newDropoutNet(v, dropoutWidth, seed)
	loader := &data.Loader{Dataset: set, BatchSize: dropoutBatch, Shuffle: true, Seed: seed}
	rule := optim.Momentum(v.rate, 0.95)
	if v.maxNorm > 0 {
		rule = optim.MaxNorm(v.maxNorm, rule)
	}
	o := train.Supervised(net, nn.CrossEntropy)
	_, err := train.Fit(context.Background(), o, loader, train.Config{
		Epochs: epochs, Optimizer: rule, Seed: seed, KeepSteps: true,
		Schedule: optim.Linear(1, 0, epochs*loader.Len()),
		Callbacks: []train.Callback{train.OnEpoch(func(r *train.Run) error {
			seen(r.Epoch+1, r.History)
			return nil
		})}})
	if err != nil {
		log.Fatal("networks: ", err)
	}
	return net, o
}

// wrong is a net's error on a set, in %.
func wrong(o train.Objective[data.Batch], set data.Dataset) float64 {
	m, err := train.Evaluate(context.Background(), o, &data.Loader{Dataset: set, BatchSize: 500}, metrics.Accuracy())
	if err != nil {
		log.Fatal("networks: ", err)
	}
	return 100 * (1 - m["accuracy"])
}

// dropoutPilot compares learning rates for each variant in short trainings on
// 50,000 images, by the error on the other 10,000.
func dropoutPilot(r *recorder, seed uint64) {
	training, _ := mnist()
	var parts [2][]int
	for i := range training.Len() {
		k := min(i/50000, 1)
		parts[k] = append(parts[k], i)
	}
	set, validation := data.Subset(training.Flat(), parts[0]), data.Subset(training.Flat(), parts[1])
	for _, rate := range []float64{0.02, 0.05, 0.12} {
		for _, v := range variants {
			v.rate = rate
			_, o := fitDropout(v, set, 3, seed, func(int, *train.History) {})
			r.add(v.name, rate, wrong(o, validation))
		}
	}
}

// dropoutSeed trains a variant on all 60,000 images, and tests it once.
func dropoutSeed(variant int) func(r *recorder, seed uint64) {
	return func(r *recorder, seed uint64) {
		training, test := mnist()
		v := variants[variant]
		_, o := fitDropout(v, training.Flat(), v.epochs, seed, func(epoch int, h *train.History) {
			for k := 0; epoch == 1 && k < 100; k += 10 { // for a short repetition
				r.add("first steps", float64(k), stat.Mean(h.StepLoss[k:k+10], nil))
			}
			r.add("training loss", float64(epoch), h.Epochs[epoch-1].Loss)
		})
		r.add("test error", float64(v.epochs), wrong(o, test.Flat()))
	}
}
