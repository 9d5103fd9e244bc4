package main

import (
	"log"
	"math"

	"descent/mlkit/compress"
	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// teacherSeed: one teacher for all students.
const teacherSeed = 1

const temperature = 20

// newCNN is the convolutional network of notebook 06-image.
func newCNN(seed uint64) nn.Sequential {
	rng := nn.NewRand(seed)
	return nn.Sequential{
		nn.NewConv2D(rng, nn.Conv{In: 1, Out: 16, Kernel: 5, Padding: nn.Same, NoBias: true}),
		nn.NewBatchNorm(16), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.NewConv2D(rng, nn.Conv{In: 16, Out: 32, Kernel: 5, Padding: nn.Same, NoBias: true}),
		nn.NewBatchNorm(32), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.Flatten{}, nn.NewLinear(rng, 32*7*7, 128), nn.ReLU{}, nn.Dropout{P: 0.4},
		nn.NewLinear(rng, 128, 10),
	}
}

// newStudent is the small network of Hinton, Vinyals & Dean 2015, section 3:
// two layers of 800 units, no dropout.
func newStudent(seed uint64) nn.Sequential {
	rng := nn.NewRand(seed)
	return nn.Sequential{nn.NewLinear(rng, 784, 800), nn.ReLU{}, nn.NewLinear(rng, 800, 800), nn.ReLU{}, nn.NewLinear(rng, 800, 10)}
}

// teacher trains a network on shifted and turned digits, and students that see
// the digits as they are: on labels alone, on what the teacher says of them,
// and on what it says of all digits but the threes.
func teacher(r *recorder, seed uint64) {
	t := newCNN(teacherSeed)
	set := data.Augment(r.training, teacherSeed, data.Rotate(10, 0), data.Shift(0.08, 0))
	fit("teacher", t, train.Supervised(t, nn.CrossEntropy), set, teacherSeed, 4, 3e-3, nil)
	all, _ := errorsOf(logits(t, r.test), r.test.Labels, 3, 0)
	if seed == 1 {
		r.add(teacherSeed, "teacher", 0, float64(all))
	}
	said := logits(t, r.training)

	const epochs, rate = 12, 1e-3
	taught := func(index []int, model nn.Layer) train.Objective[data.Batch] {
		o, err := compress.Distillation{T: temperature, Share: 1, Teacher: func(t *tensor.Tape, b data.Batch) tensor.Tensor {
			rows := t.Scratch(10 * b.Len())
			for k, i := range b.Index {
				if index != nil {
					i = index[i]
				}
				copy(rows[10*k:], said[10*i:10*i+10])
			}
			return t.Input(rows, b.Len(), 10)
		}}.Objective(train.Supervised(model, nn.CrossEntropy))
		if err != nil {
			log.Fatal("compression: ", err)
		}
		return o
	}

	student := newStudent(seed)
	fit("taught", student, taught(nil, student), r.training.Flat(), seed, epochs, rate, nil)
	all, of := errorsOf(logits(student, r.test.Flat()), r.test.Labels, 3, 0)
	r.add(seed, "taught", 0, float64(all))
	r.add(seed, "taught, threes", 0, float64(of))

	student = newStudent(seed)
	fit("alone", student, train.Supervised(student, nn.CrossEntropy), r.training.Flat(), seed, epochs, rate, nil)
	all, _ = errorsOf(logits(student, r.test.Flat()), r.test.Labels, 3, 0)
	r.add(seed, "alone", 0, float64(all))

	others, index := without(r.training, 3)
	student = newStudent(seed)
	fit("taught without threes", student, taught(index, student), others.Flat(), seed, epochs, rate, nil)
	y := logits(student, r.test.Flat())
	for shift := 0.; shift <= 8; shift += 0.5 {
		all, of := errorsOf(y, r.test.Labels, 3, float32(shift))
		r.add(seed, "no threes", shift, float64(all))
		r.add(seed, "no threes, threes", shift, float64(of))
	}
	// The bias that gives the threes the share of the answers to the training
	// images that they have among the labels; it asks no label of a three.
	y = logits(student, r.training.Flat())
	share, best := 0., math.Inf(1)
	for _, l := range r.training.Labels {
		if l == 3 {
			share++
		}
	}
	var at float64
	for shift := 0.; shift <= 10; shift += 0.1 {
		n := 0.
		for i := range r.training.Labels {
			row := y[10*i : 10*i+10]
			top := true
			for k, v := range row {
				top = top && (k == 3 || row[3]+float32(shift) >= v)
			}
			if top {
				n++
			}
		}
		if d := math.Abs(n - share); d < best {
			best, at = d, shift
		}
	}
	r.add(seed, "bias by share", 0, at)
}

// without are the images of other labels, and which of all they are.
func without(m *data.Images, label int32) (*data.Images, []int) {
	part := *m
	part.Pixels, part.Labels = nil, nil
	var index []int
	for i, l := range m.Labels {
		if l != label {
			index = append(index, i)
			part.Pixels, part.Labels = append(part.Pixels, m.Image(i)...), append(part.Labels, l)
		}
	}
	return &part, index
}
