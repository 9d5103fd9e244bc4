package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log"
	"math"
	"os"
	"path/filepath"

	"descent/mlkit/train"
	"descent/notebooks/internal/recorded"
)

// setting is what a curve depends on.
type setting struct {
	Net      string  `json:"net"`
	Deal     string  `json:"deal"`
	Epochs   int     `json:"epochs"`
	Batch    int     `json:"batch"`
	Rate     float64 `json:"rate"`
	Seed     uint64  `json:"seed"`
	Validate bool    `json:"validate,omitempty"`
}

// curve holds the accuracies in % after each round.
type curve struct {
	setting
	Accuracy []float64 `json:"accuracy"`

	file, work string
}

// read finds out how far the curve has come.
func (c *curve) read() int {
	for _, o := range recorded.Read[curve](c.file) {
		if o.setting == c.setting {
			c.Accuracy = o.Accuracy
		}
	}
	return len(c.Accuracy)
}

// state is the file of the weights after a round.
func (c *curve) state(round int) string {
	return filepath.Join(c.work, fmt.Sprintf("%s-%s-%d-%d-%g-%d-%v-%d.safetensors",
		c.Net, c.Deal, c.Epochs, c.Batch, c.Rate, c.Seed, c.Validate, round))
}

// add keeps the weights after a round, and then writes its accuracy to the
// file, where it takes the place of the curve so far.
func (c *curve) add(round int, accuracy float64, model any) {
	log.Printf("%+v, round %d: %.2f %%", c.setting, round, accuracy)
	try(train.SaveWeights(c.state(round), model, nil))
	c.Accuracy = append(c.Accuracy, math.Round(100*accuracy)/100)
	all, found := recorded.Read[curve](c.file), false
	for i := range all {
		if all[i].setting == c.setting {
			all[i].Accuracy, found = c.Accuracy, true
		}
	}
	if !found {
		all = append(all, *c)
	}
	recorded.Write(c.file, "", all)
	if err := os.Remove(c.state(round - 1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		try(err)
	}
}
