// Package data brings samples to a training loop: data sets, loaders that
// shuffle and batch them, splits.
//
//	set := data.FromSlices(x, []int{3}, y, []int{1})      // n rows of 3 features and 1 target
//	loader := &data.Loader{Dataset: set, BatchSize: 32, Shuffle: true, Seed: 1}
//	for batch, err := range loader.Epoch(0) { … }
//
// A [Dataset] keeps its samples in whatever type it has them (MNIST in bytes)
// and makes floats only of the batch that is asked for.
package data
