// Command fedavg trains on MNIST by federated averaging as McMahan et al.
// (2017) do: 100 clients of 600 digits, ten of them a round, with digits dealt
// evenly or with two kinds a client. It prints the test accuracy after each
// round, a line a run.
//
//	go run ./mlkit/privacy/testdata/fedavg > fedavg.txt
package main

import (
	"context"
	"flag"
	"fmt"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/metrics"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/privacy"
	"descent/mlkit/train"
)

var (
	rounds = flag.Int("rounds", 50, "rounds")
	epochs = flag.Int("epochs", 5, "epochs of a client in a round")
	batch  = flag.Int("batch", 10, "batch size of a client")
	even   = flag.Float64("even", 0.1, "learning rate where digits are dealt evenly")
	two    = flag.Float64("two", 0.05, "learning rate where a client has two kinds")
	seeds  = flag.Int("seeds", 3, "seeds")
	only   = flag.Int("only", -1, "0: evenly alone; 1: two kinds alone")
	cnn    = flag.Bool("cnn", false, "a convolutional network, in place of 784-200-200-10")
)

func main() {
	flag.Parse()
	set, test, err := datasets.MNIST()
	if err != nil {
		panic(err)
	}
	labels := make([]int32, 60000)
	for i := range labels {
		labels[i] = int32(set.Labels[i])
	}
	for seed := range uint64(*seeds) {
		for k, parts := range [][][]int{privacy.DealEvenly(60000, 100, seed+1),
			privacy.DealByLabel(labels, 100, 2, seed+1)} {
			if *only >= 0 && k != *only {
				continue
			}
			f := privacy.Federated{Epochs: *epochs, BatchSize: *batch,
				Optimizer: optim.SGD([]float64{*even, *two}[k]), Seed: seed + 1}
			for _, p := range parts {
				f.Clients = append(f.Clients, data.Subset(set, p))
			}
			fmt.Printf("%s, seed %d:", []string{"evenly", "two kinds"}[k], seed+1)
			err := f.Train(context.Background(), func() train.Objective[data.Batch] {
				return train.Supervised(model(seed+1), nn.CrossEntropy)
			}, *rounds, func(round int, o train.Objective[data.Batch]) error {
				r, err := train.Evaluate(context.Background(), o, &data.Loader{Dataset: test, BatchSize: 500},
					metrics.Accuracy())
				fmt.Printf(" %.2f", 100*r["accuracy"])
				return err
			})
			if err != nil {
				panic(err)
			}
			fmt.Println()
		}
	}
}

func model(seed uint64) nn.Layer {
	r := nn.NewRand(seed)
	if *cnn {
		return nn.Sequential{
			nn.NewConv2D(r, nn.Conv{In: 1, Out: 32, Kernel: 5, Padding: 2}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
			nn.NewConv2D(r, nn.Conv{In: 32, Out: 64, Kernel: 5, Padding: 2}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
			nn.Flatten{}, nn.NewLinear(r, 64*49, 512), nn.ReLU{}, nn.NewLinear(r, 512, 10),
		}
	}
	return nn.Sequential{nn.Flatten{}, nn.NewLinear(r, 784, 200), nn.ReLU{}, nn.NewLinear(r, 200, 200), nn.ReLU{},
		nn.NewLinear(r, 200, 10)}
}
