package main

import (
	"context"
	"path/filepath"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// plan is what a run depends on.
type plan struct {
	train                 int // images
	first, second, top    int // epochs of the machines
	updown, all, backprop int // epochs of tuning
	long, longStop        int // epochs of the longer schedule, and where it was stopped
	rate, tuneRate, decay float64
	seed                  uint64
}

var published = plan{train: 55000, first: 6, second: 4, top: 8, updown: 30, all: 16, backprop: 8, long: 195, longStop: 144,
	rate: 0.05, tuneRate: 0.05, decay: 2e-4, seed: 1}

// steps of Gibbs: 3, in the last part of the epochs 6 and then 10. The paper
// spends a third of its 300 epochs on each.
func (p plan) steps(epoch int) int {
	switch {
	case 10*epoch >= 9*p.updown:
		return 10
	case 10*epoch >= 7*p.updown:
		return 6
	}
	return 3
}

// fit trains one stage and calls seen after every epoch. In a piece it stops
// before.
func (r *run) fit(stage string, o train.Objective[data.Batch], rule optim.Rule, epochs int, schedule optim.Schedule, seen func(epoch int)) {
	c := train.Config{Epochs: epochs, Optimizer: rule, Seed: r.seed, Schedule: schedule,
		Callbacks: []train.Callback{train.OnEpoch(func(u *train.Run) error {
			seen(u.Epoch + 1)
			if stage == "long" && u.Epoch+1 == r.longStop {
				return train.Stop("the time is over")
			}
			return nil
		}), train.OnStep(func(u *train.Run) error {
			r.atStep(u.Step)
			if r.short && u.Step == pieceSteps {
				return train.Stop("the piece is done")
			}
			return nil
		})}}
	if !r.short {
		c.Resume = filepath.Join(r.work, stage+".checkpoint")
		c.Callbacks = append(c.Callbacks, train.Checkpoint(c.Resume, 0))
	}
	_, err := train.Fit(context.Background(), o, r.loader, c)
	r.try(err)
}

// cycle is one cycle of the rate in so many epochs, a fifth of it rising.
func (r *run) cycle(epochs int) optim.Schedule {
	return optim.OneCycle(epochs*r.loader.Len(), 0.2, 10, 100)
}

// pieceSteps is how far the notebook follows each stage again.
const pieceSteps = 100

// piece runs the first steps of every stage, tuning in each way what the first
// steps of the machines leave.
func (r *run) piece() {
	r.short = true
	defer func() { r.short = false }()
	for _, way := range []struct {
		name string
		tune func(*nn.DBN)
	}{{"up–down", r.upDown}, {"longer up–down", r.onLong}, {"backpropagation", r.backprop}} {
		net := r.greedy()
		way.tune(net)
		r.add("validation, piece of "+way.name, pieceSteps, r.validation(net))
	}
}

// greedy trains the three machines, each on what those below make of the data.
func (r *run) greedy() *nn.DBN {
	rng := nn.NewRand(r.seed)
	first, second, top := nn.NewRBM(rng, 784, 500), nn.NewRBM(rng, 500, 500), nn.NewRBM(rng, 510, 2000)
	top.Classes = 10
	for _, m := range []*nn.RBM{first, second, top} {
		m.MeanField = true
	}
	rule := optim.Momentum(r.rate, 0.9, optim.WeightDecay(r.decay, optim.Matrices))
	r.atStep = func(step int) {
		if step == pieceSteps {
			r.add("reconstruction, first machine, after so many steps", step, r.reconstruction(first))
		}
	}
	r.fit("first", train.Contrastive(first, 1), rule, r.first, r.cycle(r.first), func(epoch int) {
		r.add("reconstruction, first machine", epoch, r.reconstruction(first))
	})
	r.atStep = func(int) {}
	r.fit("second", train.Contrastive(second, 1, first), rule, r.second, r.cycle(r.second), func(epoch int) {
		r.add("reconstruction, second machine", epoch, r.reconstruction(second, first))
	})
	r.fit("top", train.Contrastive(top, 1, first, second), rule, r.top, r.cycle(r.top), func(epoch int) {
		r.add("validation, greedy", epoch, r.validation(nn.Sequential{first, second, nn.Func(top.ClassScores)}))
	})
	top.MeanField = false // the up–down algorithm draws
	return nn.NewDBN(top, first, second)
}

// upDown tunes all layers by the up–down algorithm.
func (r *run) upDown(net *nn.DBN) {
	schedule := optim.OneCycle(r.updown*r.loader.Len(), 0.1, 10, 100)
	r.tune("updown", "validation, up–down", net, r.updown, r.tuneRate, schedule, r.steps)
}

// onLong tunes the greedy layers by a longer schedule, fixed before the run: as
// in the paper, a third of the epochs each with 3, 6 and 10 steps of Gibbs, and
// a rate that falls linearly to zero. The recorded run ended after longStop of
// them, when its time was over. What is kept is the epoch with the lowest
// validation error, the last of equals.
func (r *run) onLong(net *nn.DBN) {
	schedule := optim.Linear(1, 0, r.long*r.loader.Len())
	r.tune("long", "validation, longer up–down", net, r.long, r.tuneRate, schedule, func(epoch int) int {
		return [3]int{3, 6, 10}[3*epoch/r.long]
	})
}

// onAll goes on with all 60,000 images, as the paper does at the end. The
// validation images are now training images.
func (r *run) onAll(net *nn.DBN) {
	r.try(train.LoadWeights(filepath.Join(r.work, "updown.safetensors"), net))
	r.loader = &data.Loader{Dataset: r.training, BatchSize: 100, Shuffle: true, Seed: r.seed}
	schedule := optim.OneCycle(r.all*r.loader.Len(), 0.1, 10, 100)
	r.tune("all", "training, up–down on all images", net, r.all, r.tuneRate/2, schedule, func(epoch int) int { return 3 })
}

// tune runs the up–down algorithm. What is measured and saved is a running mean
// of the weights.
func (r *run) tune(stage, name string, net *nn.DBN, epochs int, rate float64, schedule optim.Schedule, steps func(epoch int) int) {
	ema := optim.NewEMA(0.999)
	o := train.UpDown(net, 1)
	o.Loss = func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return net.UpDown(b.Input(t), b.Ints(), steps(b.Epoch))
	}
	rule := optim.Momentum(rate, 0.9, optim.WeightDecay(r.decay/10, optim.Matrices))
	r.fit(stage, o, ema.Around(rule), epochs, schedule, func(epoch int) {
		ema.Swap()
		r.add(name, epoch, r.validation(net))
		if stage != "long" || r.best(name, epoch) {
			r.try(train.SaveWeights(filepath.Join(r.work, stage+".safetensors"), net, nil))
		}
		ema.Swap()
	})
}

// backprop tunes the greedy layers for p(label | image) alone.
func (r *run) backprop(net *nn.DBN) {
	o := train.Supervised(net, nn.CrossEntropy)
	r.fit("backprop", o, optim.Adam(5e-4), r.plan.backprop, r.cycle(r.plan.backprop), func(epoch int) {
		r.add("validation, backpropagation", epoch, r.validation(net))
		r.try(train.SaveWeights(filepath.Join(r.work, "backprop.safetensors"), net, nil))
	})
}

// reconstruction is the mean squared error of pixels (or units) that a machine
// makes of 1,000 validation images and back.
func (r *run) reconstruction(m *nn.RBM, below ...nn.Layer) float64 {
	t := tensor.NewEvalTape()
	var b data.Batch
	index := make([]int, 1000)
	for i := range index {
		index[i] = 55000 + i
	}
	r.try(r.training.Batch(index, &b))
	v := b.Input(t)
	for _, l := range below {
		v = l.Forward(v)
	}
	return float64(m.Visible(m.Forward(v)).Sub(v).Square().Mean().Item())
}
