package train_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"descent/mlkit/data"
	"descent/mlkit/metrics"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// rings is two classes that no line divides: points inside and outside of a
// circle.
func rings(n int) data.Dataset {
	rng := nn.NewRand(5)
	x, labels := make([]float32, 2*n), make([]int32, n)
	for i := range n {
		a, b := rng.Float32()*2-1, rng.Float32()*2-1
		x[2*i], x[2*i+1] = a, b
		if a*a+b*b > 0.64 {
			labels[i] = 1
		}
	}
	return data.FromLabels(x, []int{2}, labels)
}

func ringsModel() nn.Sequential {
	rng := nn.NewRand(1)
	return nn.Sequential{nn.NewLinear(rng, 2, 16), nn.Func(tensor.Tensor.Tanh), nn.NewLinear(rng, 16, 2)}
}

func crossEntropy(x tensor.Tensor, y tensor.Ints) tensor.Tensor {
	return x.SoftmaxCrossEntropy(y).Mean()
}

// A classifier, validated after every epoch, stopped when it gets no better.
func ExampleFit() {
	set, model := rings(600), ringsModel()
	fold := data.Split(set.Len(), 0.25, 1)
	objective := train.Supervised(model, crossEntropy)
	validation := &data.Loader{Dataset: data.Subset(set, fold.Test), BatchSize: 50}

	history, err := train.Fit(context.Background(), objective,
		&data.Loader{Dataset: data.Subset(set, fold.Train), BatchSize: 50, Shuffle: true, Seed: 1},
		train.Config{
			Epochs:     60,
			Optimizer:  optim.Adam(0.03),
			Validation: train.Validate(objective, validation, metrics.Accuracy()),
			Callbacks:  []train.Callback{train.EarlyStop{Metric: "val_accuracy", Patience: 20}.Callback()},
		})
	if err != nil {
		fmt.Println(err)
		return
	}
	first := history.Epochs[0]
	fmt.Println("better than at first:", history.Last().Metrics["val_accuracy"] > first.Metrics["val_accuracy"])

	figures, err := train.Evaluate(context.Background(), objective, validation, metrics.Accuracy(), metrics.ROCAUC())
	fmt.Println("above 0.95:", figures["accuracy"] > 0.95, figures["roc_auc"] > 0.95, err)
	// Output:
	// better than at first: true
	// above 0.95: true true <nil>
}

// Training that can be killed at any moment: run it again and it goes on.
func ExampleCheckpoint() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "run.safetensors")
	run := func(epochs int) float32 {
		model := ringsModel()
		h, err := train.Fit(context.Background(), train.Supervised(model, crossEntropy), &data.Loader{Dataset: rings(200), BatchSize: 50, Shuffle: true},
			train.Config{Epochs: epochs, Optimizer: optim.Adam(0.03), Resume: path, Callbacks: []train.Callback{train.Checkpoint(path, 0)}})
		fmt.Println(len(h.Epochs), "epochs,", h.Steps, "steps", err)
		return nn.Params(model)[0].Data[0]
	}
	run(3)            // ends, or is killed, after 3 epochs
	resumed := run(5) // does the other two
	os.Remove(path)
	inOneGo := run(5)
	fmt.Println("the same bits:", resumed == inOneGo)
	// Output:
	// 3 epochs, 12 steps <nil>
	// 5 epochs, 20 steps <nil>
	// 5 epochs, 20 steps <nil>
	// the same bits: true
}

// A notebook's cell that trains the first time and reads a file afterwards.
func ExampleCached() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	os.Setenv("MLKIT_CACHE", dir) // only here: the user's cache directory is meant for it
	defer os.Unsetenv("MLKIT_CACHE")

	type config struct {
		Epochs int
		LR     float64
	}
	c := config{Epochs: 3, LR: 0.03}
	trained := func() (nn.Sequential, train.History, error) {
		model := ringsModel()
		h, err := train.Cached(c, model, func() (train.History, error) {
			fmt.Println("training")
			return train.Fit(context.Background(), train.Supervised(model, crossEntropy), &data.Loader{Dataset: rings(200), BatchSize: 50},
				train.Config{Epochs: c.Epochs, Optimizer: optim.Adam(c.LR)})
		})
		return model, h, err
	}
	for range 2 {
		model, h, err := trained()
		fmt.Println(len(h.Epochs), len(nn.Params(model)), err)
	}
	// Output:
	// training
	// 3 4 <nil>
	// 3 4 <nil>
}

// One model, any number of goroutines.
func ExamplePredictor() {
	p := train.NewPredictor(ringsModel())
	y, dims, err := p.Predict([]float32{0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, 3, 2)
	fmt.Println(len(y), dims, err)
	_, _, err = p.Predict([]float32{0.1, 0.2, 0.3}, 1, 3)
	fmt.Println(err)
	// Output:
	// 6 [3 2] <nil>
	// train: tensor: Linear (parameter "0.weight") of [1 3] and [16 2]: the input's last axis must equal the weight's second: [..., in] and [out, in], in nn.Sequential > nn.(*Linear)
}

func ExampleConfusion() {
	var c metrics.Confusion
	for i, label := range []int{0, 0, 0, 1, 1, 2} {
		c.Add(label, []int{0, 1, 0, 1, 1, 0}[i], 3)
	}
	fmt.Println(c.Counts)
	fmt.Printf("%.3f %.3f %.3f\n", c.Accuracy(), c.Precision(metrics.Macro), c.Recall(metrics.Macro))
	// Output:
	// [[2 1 0] [0 2 0] [1 0 0]]
	// 0.667 0.444 0.556
}
