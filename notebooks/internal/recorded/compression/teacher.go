package main

import (
	"log"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

const (
	// validation are the last of the training digits. They choose temperature
	// and share, and no network is trained on them.
	validation = 5000
	members    = 2
	epochs     = 8 // of each member
)

// newCNN is the convolutional network of notebook 06-image, with some number of
// filters in the first layer.
func newCNN(seed uint64, filters int) nn.Sequential {
	rng := nn.NewRand(seed)
	return nn.Sequential{
		nn.NewConv2D(rng, nn.Conv{In: 1, Out: filters, Kernel: 5, Padding: nn.Same, NoBias: true}),
		nn.NewBatchNorm(filters), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.NewConv2D(rng, nn.Conv{In: filters, Out: 2 * filters, Kernel: 5, Padding: nn.Same, NoBias: true}),
		nn.NewBatchNorm(2 * filters), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.Flatten{}, nn.NewLinear(rng, 2*filters*7*7, 128), nn.ReLU{}, nn.Dropout{P: 0.4},
		nn.NewLinear(rng, 128, 10),
	}
}

// classroom is what all students share.
type classroom struct {
	digits, own *data.Images // to train on; to choose by
	shifted     shifted      // the former at all places, flat
	said        []float32    // the teacher's logits of the digits
}

// newClassroom trains the teacher: convolutional networks, on digits shifted by
// up to two pixels and turned by up to 10 degrees. What the teacher says of a
// digit is the mean of the members' logits for the digit at all places.
func newClassroom(r *recorder) *classroom {
	n := r.training.Len() - validation
	c := &classroom{digits: part(r.training, 0, n), own: part(r.training, n, n+validation)}
	c.shifted = shifted{c.digits.Flat()}
	c.said = make([]float32, 10*n)
	moved := data.Augment(c.digits, 1, data.Rotate(10, 0), data.RandomCrop(reach, 0))
	said := make([]float32, 10*r.test.Len())
	for seed := uint64(1); seed <= members; seed++ {
		m := newCNN(seed, 8)
		fit("member", m, train.Supervised(m, nn.CrossEntropy), moved, seed, epochs, 3e-3, nil)
		ask(c.said, m, c.digits, seed)
		if r.part == "teacher" {
			all, _ := errorsOf(logits(m, r.test), r.test.Labels, 3, 0)
			r.add(seed, "a member", 0, float64(all))
			ask(said, m, r.test, seed)
		}
	}
	if r.part == "teacher" {
		all, _ := errorsOf(said, r.test.Labels, 3, 0)
		r.add(1, "teacher", 0, float64(all))
	}
	return c
}

// ask adds what a member says of digits to the mean over members and places.
func ask(mean []float32, m nn.Layer, digits *data.Images, seed uint64) {
	s := shifted{digits}
	answers := struct{ Logits *tensor.Param }{tensor.NewParam(s.Len(), 10)}
	_, err := train.Cached([]any{"recorded compression", "answers", s.Len(), epochs, seed}, answers, func() (train.History, error) {
		copy(answers.Logits.Data, logits(m, s))
		return train.History{}, nil
	})
	if err != nil {
		log.Fatal("compression: ", err)
	}
	for i, v := range answers.Logits.Data {
		mean[i%len(mean)] += v / (members * places)
	}
}
