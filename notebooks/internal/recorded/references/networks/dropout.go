package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"path/filepath"

	"gonum.org/v1/gonum/stat"

	"descent/mlkit/data"
	"descent/mlkit/metrics"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/train"
)

// variant is a row of the experiment of Srivastava et al. 2014, table 2 and
// appendix B.1, on MNIST: momentum 0.95 or Adam, a learning rate that is kept
// for some epochs and then falls linearly to zero.
type variant struct {
	name     string
	hidden   []int // units of the hidden layers
	logistic bool  // units, instead of ReLUs
	drops    bool  // a fifth of the pixels and half of the hidden units
	// maxNorm is the paper's limit on a unit's incoming weights; 0: none. The
	// paper multiplies weights by the share q of kept inputs when it tests, and
	// mlkit divides by q when it trains: weights here are q times the paper's,
	// and so is the limit.
	maxNorm    float64
	adam       bool    // instead of momentum
	rate       float64 // see dropoutPilot
	batch      int
	hold, fall int // epochs
}

var variants = []variant{
	{name: "none", hidden: []int{800, 800}, rate: 0.05, batch: 100, fall: 30},
	{name: "dropout", hidden: []int{1024, 1024, 1024}, logistic: true, drops: true, adam: true, rate: 0.001,
		batch: 128, fall: 80},
	{name: "dropout, max-norm", hidden: []int{1024, 1024, 1024}, drops: true, maxNorm: 2, adam: true, rate: 0.001,
		batch: 128, fall: 110},
	{name: "dropout, max-norm, momentum", hidden: []int{1024, 1024, 1024}, drops: true, maxNorm: 2, rate: 0.1,
		batch: 128, hold: 8, fall: 52},
	{name: "none, logistic", hidden: []int{800, 800}, logistic: true, rate: 0.12, batch: 100, fall: 30},
}

// newDropoutNet is the net of a variant.
func newDropoutNet(v variant, seed uint64) nn.Sequential {
	rng := nn.NewRand(seed)
	var net nn.Sequential
	add := func(drop float32, layers ...nn.Layer) {
		if v.drops {
			net = append(net, nn.Dropout{P: drop})
		}
		net = append(net, layers...)
	}
	in, drop := 784, float32(0.2)
	for _, width := range v.hidden {
		l := nn.NewLinear(rng, in, width)
		var unit nn.Layer = nn.ReLU{}
		if v.logistic {
			unit = nn.Sigmoid{} // with a slope of 1/4
			nn.Normal(l.Weight, rng, 0, 4*math.Sqrt(2/float64(in+width)))
		} else {
			nn.HeNormal(l.Weight, rng)
		}
		nn.Constant(l.Bias, 0)
		add(drop, l, unit)
		in, drop = width, 0.5
	}
	add(0.5, nn.NewLinear(rng, in, 10))
	return net
}

// fitDropout trains a variant on a set, and calls seen after each epoch. It
// goes on from a checkpoint in the file work, if that is named and there is
// one.
func fitDropout(v variant, set data.Dataset, work string, seed uint64, seen func(h *train.History)) train.Objective[data.Batch] {
	net := newDropoutNet(v, seed)
	loader := &data.Loader{Dataset: set, BatchSize: v.batch, Shuffle: true, Seed: seed}
	rule := optim.Momentum(v.rate, 0.95)
	if v.adam {
		rule = optim.Adam(v.rate)
	}
	if v.maxNorm > 0 {
		rule = optim.MaxNorm(0.8*v.maxNorm, rule, optim.Named("1.*"))
		rule = optim.MaxNorm(0.5*v.maxNorm, rule, optim.Not(optim.Named("1.*")))
	}
	o := train.Supervised(net, nn.CrossEntropy)
	c := train.Config{Epochs: v.hold + v.fall, Optimizer: rule, Seed: seed, KeepSteps: true,
		Schedule: optim.Sequence(optim.Constant(1), v.hold*loader.Len(), optim.Linear(1, 0, v.fall*loader.Len())),
		Callbacks: []train.Callback{train.OnEpoch(func(r *train.Run) error {
			seen(r.History)
			return nil
		})}}
	if work != "" {
		c.Resume, c.Callbacks = work, append(c.Callbacks, train.Checkpoint(work, 0))
	}
	if _, err := train.Fit(context.Background(), o, loader, c); err != nil {
		log.Fatal("networks: ", err)
	}
	return o
}

// wrong is a net's error on a set, in %.
func wrong(o train.Objective[data.Batch], set data.Dataset) float64 {
	m, err := train.Evaluate(context.Background(), o, &data.Loader{Dataset: set, BatchSize: 500}, metrics.Accuracy())
	if err != nil {
		log.Fatal("networks: ", err)
	}
	return 100 * (1 - m["accuracy"])
}

// trial is a setting of a pilot.
type trial struct {
	variant int
	adam    bool
	rate    float64
}

var pilotTrials = []trial{{0, false, 0.02}, {0, false, 0.05}, {0, false, 0.12}, {1, false, 0.1}, {1, true, 0.001},
	{2, false, 0.1}, {2, true, 0.001}}

// logisticTrials were made later, to choose the rate of the last variant.
var logisticTrials = []trial{{4, false, 0.05}, {4, false, 0.12}, {4, false, 0.3}}

// dropoutPilot compares learning rates, and Adam with momentum, in short
// trainings on 50,000 images, by the error on the other 10,000.
func dropoutPilot(trials []trial) func(r *recorder, seed uint64) {
	return func(r *recorder, seed uint64) {
		training, _ := mnist()
		var parts [2][]int
		for i := range training.Len() {
			k := min(i/50000, 1)
			parts[k] = append(parts[k], i)
		}
		set, validation := data.Subset(training.Flat(), parts[0]), data.Subset(training.Flat(), parts[1])
		for _, p := range trials {
			v := variants[p.variant]
			v.adam, v.rate, v.hold, v.fall = p.adam, p.rate, 0, 3
			name := v.name + ", momentum"
			if v.adam {
				name = v.name + ", Adam"
			}
			o := fitDropout(v, set, "", seed, func(*train.History) {})
			r.add(name, p.rate, wrong(o, validation))
		}
	}
}

// dropoutSeed trains a variant on all 60,000 images, and tests it once.
func dropoutSeed(variant int) func(r *recorder, seed uint64) {
	return func(r *recorder, seed uint64) {
		training, test := mnist()
		v := variants[variant]
		work := filepath.Join(r.work, fmt.Sprintf("%s-%d.checkpoint", v.name, seed))
		o := fitDropout(v, training.Flat(), work, seed, func(h *train.History) {
			for k := len(r.rows); k < 10; k++ { // for a short repetition
				r.add("first steps", float64(10*k), stat.Mean(h.StepLoss[10*k:10*k+10], nil))
			}
			for k := len(r.rows) - 10; k < len(h.Epochs); k++ {
				r.add("training loss", float64(k+1), h.Epochs[k].Loss)
			}
		})
		r.add("test error", float64(v.hold+v.fall), wrong(o, test.Flat()))
	}
}
