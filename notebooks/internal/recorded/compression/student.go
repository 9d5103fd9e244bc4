package main

import (
	"context"
	"fmt"
	"log"

	"descent/mlkit/compress"
	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"

	"gonum.org/v1/gonum/stat"
)

const (
	// passes over the digits: once at each place. At rest they need fewer: soon
	// hardly any of them is wrong.
	passes, passesAtRest = 25, 12
	// What the pilot chose.
	temperature, share, rate = 4, 1, 4e-3
)

// newStudent is the small network of Hinton, Vinyals & Dean 2015, section 3:
// two layers of 800 units, no dropout.
func newStudent(seed uint64) nn.Sequential {
	rng := nn.NewRand(seed)
	return nn.Sequential{nn.NewLinear(rng, 784, 800), nn.ReLU{}, nn.NewLinear(rng, 800, 800), nn.ReLU{}, nn.NewLinear(rng, 800, 10)}
}

// lesson is how a student learns.
type lesson struct {
	Temperature, Share float64 // of the teacher; a share of 0: labels alone
	Rate               float64 // the highest
	Moved              bool    // at all places
	Passes             int     // how often it sees each digit, at any place
	Without            int32   // a label that it does not see, or −1
}

// student trains one with Adam, on one cycle of the learning rate.
func (c *classroom) student(seed uint64, l lesson) nn.Sequential {
	model := newStudent(seed)
	o := train.Supervised(model, nn.CrossEntropy)
	if l.Share > 0 {
		var err error
		o, err = compress.Distillation{T: l.Temperature, Share: l.Share, Teacher: func(t *tensor.Tape, b data.Batch) tensor.Tensor {
			rows := t.Scratch(10 * b.Len())
			for k, i := range b.Index {
				i %= c.digits.Len() // wherever it is
				copy(rows[10*k:], c.said[10*i:10*i+10])
			}
			return t.Input(rows, b.Len(), 10)
		}}.Objective(o)
		if err != nil {
			log.Fatal("compression: ", err)
		}
	}
	set := data.Subset(c.shifted, c.shifted.course(l.Passes, l.Moved, l.Without))
	fit(fmt.Sprintf("student of places %+v", l), model, o, set, seed, 1, l.Rate, nil)
	return model
}

// pilot compares temperatures and shares in short trainings, by the errors on
// the validation digits.
func pilot(r *recorder, seed uint64) {
	c := r.room()
	try := func(l lesson) {
		name := "labels alone"
		if l.Share > 0 {
			name = fmt.Sprintf("T = %g, share %g", l.Temperature, l.Share)
		}
		if !l.Moved {
			name = "at rest: " + name
		}
		all, _ := errorsOf(logits(c.student(seed, l), c.own.Flat()), c.own.Labels, 3, 0)
		r.add(seed, fmt.Sprintf("%s, rate %g", name, l.Rate), float64(l.Passes), float64(all))
	}
	for _, l := range []lesson{
		{Rate: 1e-3}, {Rate: 2e-3}, {Rate: 4e-3},
		{Temperature: 4, Share: 1, Rate: 1e-3}, {Temperature: 4, Share: 1, Rate: 2e-3}, {Temperature: 4, Share: 1, Rate: 4e-3},
		{Temperature: 2, Share: 1, Rate: 2e-3}, {Temperature: 20, Share: 1, Rate: 2e-3}, {Temperature: 4, Share: 0.7, Rate: 2e-3},
		{Temperature: 4, Share: 1, Rate: 2e-3, Passes: 6}, {Temperature: 4, Share: 1, Rate: 4e-3, Passes: 6},
	} {
		l.Moved, l.Passes, l.Without = true, max(l.Passes, 2), -1
		try(l)
	}
	for _, l := range []lesson{{Rate: 1e-3}, {Rate: 4e-3}, {Temperature: 4, Share: 1, Rate: 1e-3}, {Temperature: 4, Share: 1, Rate: 4e-3}} {
		l.Passes, l.Without = 4, -1
		try(l)
	}
}

// beginning notes the losses of the first 100 steps of a student that learns
// from the labels of shifted digits alone, for the notebook to repeat.
func beginning(r *recorder, seed uint64) {
	s := shifted{part(r.training, 0, r.training.Len()-validation).Flat()}
	set := data.Subset(s, s.course(passes, true, -1))
	whole := &data.Loader{Dataset: set, BatchSize: batch, Shuffle: true, Seed: seed}
	model := newStudent(seed)
	h, err := train.Fit(context.Background(), train.Supervised(model, nn.CrossEntropy),
		&data.Loader{Dataset: set, BatchSize: batch, Order: whole.Permutation(0)[:100*batch]},
		train.Config{Epochs: 1, Optimizer: optim.Adam(rate), Seed: seed, Schedule: cycle(whole.Len()), KeepSteps: true})
	if err != nil {
		log.Fatal("compression: ", err)
	}
	for k := 0; k < 100; k += 10 {
		r.add(seed, "alone, shifted", float64(k), stat.Mean(h.StepLoss[k:k+10], nil))
	}
}

// teacher trains students on what the teacher says of shifted digits, and on
// their labels alone.
func teacher(r *recorder, seed uint64) {
	r.student(seed, "taught, shifted", lesson{temperature, share, rate, true, passes, -1})
	r.student(seed, "alone, shifted", lesson{0, 0, rate, true, passes, -1})
}

// atRest does the same with digits that are not shifted, as in the paper.
func atRest(r *recorder, seed uint64) {
	r.student(seed, "taught", lesson{temperature, share, rate, false, passesAtRest, -1})
	r.student(seed, "alone", lesson{0, 0, rate, false, passesAtRest, -1})
}

// student trains one, and notes how many digits it gets wrong.
func (r *recorder) student(seed uint64, name string, l lesson) {
	c := r.room()
	model := c.student(seed, l)
	all, _ := errorsOf(logits(model, r.test.Flat()), r.test.Labels, 3, 0)
	r.add(seed, name, 0, float64(all))
	all, _ = errorsOf(logits(model, c.digits.Flat()), c.digits.Labels, 3, 0)
	r.add(seed, name+", of the training digits", 0, float64(all))
}
