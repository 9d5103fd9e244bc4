// Command compression makes compression.json, the figures of notebook
// 08-compression that take too long for it.
//
//	go run ./notebooks/internal/recorded/compression -part lottery -seeds 5
//	go run ./notebooks/internal/recorded/compression -part channels -seeds 3
//
// are lottery tickets, and a convolutional network with half of its channels.
// The other parts are about a student of 784-800-800-10 and the convolutional
// networks that teach it (Hinton, Vinyals & Dean 2015): temperature and share,
// students taught and alone, taught without shifted digits, taught without
// threes, and the first steps of one of them, which the notebook repeats.
//
//	go run ./notebooks/internal/recorded/compression -part pilot -seeds 1
//	go run ./notebooks/internal/recorded/compression -part teacher -seeds 3
//	go run ./notebooks/internal/recorded/compression -part rest -seeds 3
//	go run ./notebooks/internal/recorded/compression -part threes -seeds 3
//	go run ./notebooks/internal/recorded/compression -part beginning -seeds 1
//
// A part replaces what the file holds of it. A student or a network of the
// teacher takes about a minute of a quiet processor. Trained networks are
// cached, so a run that was interrupted goes on where it was.
package main

import (
	"context"
	"flag"
	"log"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/train"
	"descent/notebooks/internal/recorded"
)

func main() {
	part := flag.String("part", "", "which figures")
	seeds := flag.Uint64("seeds", 5, "number of seeds")
	file := flag.String("o", "notebooks/internal/recorded/compression/compression.json", "file to write")
	flag.Parse()
	parts := map[string]func(r *recorder, seed uint64){
		"lottery": lottery, "channels": channels, "pilot": pilot, "beginning": beginning, "teacher": teacher, "rest": atRest, "threes": threes}
	run := parts[*part]
	if run == nil {
		log.Fatalf("compression: -part %q: it is one of %s", *part, strings.Join(slices.Sorted(maps.Keys(parts)), ", "))
	}
	r := &recorder{file: *file, part: *part}
	r.training, r.test = mnist()
	r.room = sync.OnceValue(func() *classroom { return newClassroom(r) })
	for seed := range *seeds {
		start := time.Now()
		run(r, seed+1)
		log.Printf("seed %d after %v", seed+1, time.Since(start).Round(time.Second))
	}
}

type recorder struct {
	file, part     string
	rows           []recorded.Row
	training, test *data.Images
	room           func() *classroom
}

// add notes a figure, and writes all of this run to the file.
func (r *recorder) add(seed uint64, name string, at, value float64) {
	log.Printf("seed %d: %s at %.4g: %.4g", seed, name, at, value)
	r.rows = append(r.rows, recorded.Row{Seed: seed, Name: name, At: at, Value: value})
	recorded.Put(r.file, r.part, r.rows)
}

func mnist() (training, test *data.Images) {
	training, test, err := datasets.MNIST()
	if err != nil {
		log.Fatal("compression: ", err)
	}
	return training, test
}

const batch = 100

// cycle is the course of the learning rate over some steps.
func cycle(steps int) optim.Schedule { return optim.OneCycle(steps, 0.3, 25, 1e4) }

// fit trains a model, once for each key.
func fit(key string, model any, o train.Objective[data.Batch], set data.Dataset, seed uint64, epochs int, rate float64, around func(optim.Rule) optim.Rule) {
	loader := &data.Loader{Dataset: set, BatchSize: batch, Shuffle: true, Seed: seed}
	rule := optim.Adam(rate)
	if around != nil {
		rule = around(rule)
	}
	c := train.Config{Epochs: epochs, Optimizer: rule, Seed: seed, Schedule: cycle(epochs * loader.Len())}
	_, err := train.Cached([]any{"recorded compression", key, set.Len(), batch, epochs, rate, seed}, model, func() (train.History, error) {
		return train.Fit(context.Background(), o, loader, c)
	})
	if err != nil {
		log.Fatal("compression: ", err)
	}
}

// logits are what a model says of every image.
func logits(model nn.Layer, set data.Dataset) []float32 {
	y, _, err := train.NewPredictor(model).All(context.Background(), &data.Loader{Dataset: set, BatchSize: 250})
	if err != nil {
		log.Fatal("compression: ", err)
	}
	return y
}

// errorsOf counts wrong answers, of all images and of those of one label;
// shift is added to the logit of that label.
func errorsOf(y []float32, labels []int32, label int32, shift float32) (all, of int) {
	for i, l := range labels {
		best := int32(0)
		row := func(k int32) float32 {
			if k == label {
				return y[int32(i)*10+k] + shift
			}
			return y[int32(i)*10+k]
		}
		for k := range int32(10) {
			if row(k) > row(best) {
				best = k
			}
		}
		if best != l {
			all++
			if l == label {
				of++
			}
		}
	}
	return all, of
}
