// Command compression makes compression.json, the figures of notebook
// 08-compression that take too long for it: lottery tickets, Hinton's
// experiment with a teacher who knows a digit that its student never sees, and
// a convolutional network with half of its channels.
//
//	go run ./notebooks/internal/recorded/compression -part lottery -seeds 5
//	go run ./notebooks/internal/recorded/compression -part teacher -seeds 3
//	go run ./notebooks/internal/recorded/compression -part channels -seeds 5
//
// A part replaces what the file holds of it. They take about half an hour
// on two cores; trained networks are cached, so a run that was interrupted goes
// on where it was.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log"
	"os"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/train"
)

func main() {
	part := flag.String("part", "", "lottery, teacher or channels")
	seeds := flag.Uint64("seeds", 5, "number of seeds")
	file := flag.String("o", "notebooks/internal/recorded/compression/compression.json", "file to write")
	flag.Parse()
	parts := map[string]func(r *recorder, seed uint64){"lottery": lottery, "teacher": teacher, "channels": channels}
	run := parts[*part]
	if run == nil {
		log.Fatalf("compression: -part %q: it is lottery, teacher or channels", *part)
	}
	r := &recorder{file: *file, part: *part}
	r.training, r.test = mnist()
	for seed := range *seeds {
		start := time.Now()
		run(r, seed+1)
		log.Printf("seed %d after %v", seed+1, time.Since(start).Round(time.Second))
	}
}

// Row is a figure that was measured: of a seed, under a name, at a place of its
// curve.
type Row struct {
	Seed  uint64  `json:"seed"`
	Name  string  `json:"name"`
	At    float64 `json:"at"`
	Value float64 `json:"value"`
}

type recorder struct {
	file, part     string
	rows           []Row
	training, test *data.Images
}

// add notes a figure, and writes all of this run to the file.
func (r *recorder) add(seed uint64, name string, at, value float64) {
	log.Printf("seed %d: %s at %.4g: %.4g", seed, name, at, value)
	r.rows = append(r.rows, Row{seed, name, at, value})
	all := map[string][]Row{}
	text, err := os.ReadFile(r.file)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Fatal("compression: ", err)
	}
	all[r.part] = r.rows
	if text, err = json.MarshalIndent(all, "", " "); err == nil {
		err = os.WriteFile(r.file, append(text, '\n'), 0o644)
	}
	if err != nil {
		log.Fatal("compression: ", err)
	}
}

func mnist() (training, test *data.Images) {
	training, test, err := datasets.MNIST()
	if err != nil {
		log.Fatal("compression: ", err)
	}
	return training, test
}

// fit trains a model, once for each key.
func fit(key string, model any, o train.Objective[data.Batch], set data.Dataset, seed uint64, epochs int, rate float64, around func(optim.Rule) optim.Rule) {
	const batch = 100
	loader := &data.Loader{Dataset: set, BatchSize: batch, Shuffle: true, Seed: seed}
	rule := optim.Adam(rate)
	if around != nil {
		rule = around(rule)
	}
	c := train.Config{Epochs: epochs, Optimizer: rule, Seed: seed, Schedule: optim.OneCycle(epochs*loader.Len(), 0.3, 25, 1e4)}
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
