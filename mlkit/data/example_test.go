package data_test

import (
	"fmt"

	"descent/mlkit/data"
)

func ExampleLoader() {
	set := data.FromSlices([]float32{0, 10, 20, 30, 40}, []int{1}, []float32{0, 1, 2, 3, 4}, []int{1})
	loader := &data.Loader{Dataset: set, BatchSize: 2, Shuffle: true, Seed: 1}
	for batch, err := range loader.Epoch(0) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(batch.Index, batch.X, batch.XDims, batch.Y)
	}
	// Output:
	// [1 0] [10 0] [2 1] [1 0]
	// [2 3] [20 30] [2 1] [2 3]
	// [4] [40] [1 1] [4]
}

// Five-fold cross-validation keeps the share of each label in every fold.
func ExampleStratifiedKFold() {
	labels := []int32{0, 0, 0, 0, 0, 0, 1, 1, 1}
	for _, fold := range data.StratifiedKFold(labels, 3, 1) {
		counts := [2]int{}
		for _, i := range fold.Test {
			counts[labels[i]]++
		}
		fmt.Println(len(fold.Train), len(fold.Test), counts)
	}
	// Output:
	// 6 3 [2 1]
	// 6 3 [2 1]
	// 6 3 [2 1]
}

func ExampleAugment() {
	images := &data.Images{Pixels: []byte{1, 2, 3, 4}, Dims: []int{1, 2, 2}, Labels: []int32{0}, Scale: 1}
	set := data.Augment(images, 7, data.FlipHorizontal(0.5), data.RandomCrop(1, 0))
	loader := &data.Loader{Dataset: set, BatchSize: 1}
	for epoch := range 3 {
		for batch := range loader.Epoch(epoch) {
			fmt.Println(batch.X)
		}
	}
	// Output:
	// [0 0 1 0]
	// [4 3 0 0]
	// [0 0 1 0]
}
