// Command privacy makes privacy.json, the curves of section 8.4.7: federated
// averaging on MNIST as McMahan et al. (2017) do it, with 100 clients of whom
// ten take part in a round.
//
//	go run ./notebooks/internal/recorded/privacy -deal evenly -epochs 5 -rate 0.1 -seeds 3
//	go run ./notebooks/internal/recorded/privacy -deal two -batch 5 -rate 0.15 -seeds 5
//	go run ./notebooks/internal/recorded/privacy -net cnn -deal evenly -rate 0.2
//	go run ./notebooks/internal/recorded/privacy -net cnn -deal two -rate 0.1
//
// With -validate clients have 500 digits in place of 600, and the 10,000 that
// are left measure the accuracy: so were the constants of the last three
// chosen, those of the dense network by the mean of rounds 41 to 50. Weights
// are kept after each round, so a run that was interrupted goes on where it
// was.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"path/filepath"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/metrics"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/privacy"
	"descent/mlkit/train"
)

func main() {
	var s setting
	flag.StringVar(&s.Net, "net", "mlp", "mlp: 784-200-200-10; cnn: the paper's")
	flag.StringVar(&s.Deal, "deal", "evenly", "evenly: all kinds of digits to each client; two: two kinds")
	flag.IntVar(&s.Epochs, "epochs", 1, "epochs of a client in a round")
	flag.IntVar(&s.Batch, "batch", 10, "batch size of a client")
	flag.Float64Var(&s.Rate, "rate", 0.1, "learning rate")
	flag.BoolVar(&s.Validate, "validate", false, "measure on training digits that no client has")
	rounds := flag.Int("rounds", 50, "rounds")
	flag.Uint64Var(&s.Seed, "first", 1, "first seed")
	seeds := flag.Int("seeds", 1, "seeds")
	file := flag.String("o", "notebooks/internal/recorded/privacy/privacy.json", "file to write")
	work := flag.String("work", filepath.Join(os.TempDir(), "recorded-privacy"), "folder for the weights between rounds")
	flag.Parse()
	build := map[string]func(uint64) nn.Layer{"mlp": newMLP, "cnn": newCNN}[s.Net]
	if build == nil || s.Deal != "evenly" && s.Deal != "two" {
		log.Fatalf("privacy: -net %q -deal %q: nets are mlp and cnn, digits are dealt evenly or two", s.Net, s.Deal)
	}
	try(os.MkdirAll(*work, 0o755))
	for range *seeds {
		average(curve{setting: s, file: *file, work: *work}, build, *rounds)
		s.Seed++
	}
}

func try(err error) {
	if err != nil {
		log.Fatal("privacy: ", err)
	}
}

// average trains from the round that the curve has come to.
func average(c curve, build func(seed uint64) nn.Layer, rounds int) {
	training, test, err := datasets.MNIST()
	try(err)
	n, measured := len(training.Labels), data.Dataset(test)
	if c.Validate {
		index := make([]int, 10000)
		n -= len(index)
		for i := range index {
			index[i] = n + i
		}
		measured = data.Subset(training, index)
	}
	parts := privacy.DealEvenly(n, 100, c.Seed)
	if c.Deal == "two" {
		labels := make([]int32, n)
		for i := range labels {
			labels[i] = int32(training.Labels[i])
		}
		parts = privacy.DealByLabel(labels, 100, 2, c.Seed)
	}
	f := privacy.Federated{Epochs: c.Epochs, BatchSize: c.Batch, Optimizer: optim.SGD(c.Rate), Seed: c.Seed}
	for _, p := range parts {
		f.Clients = append(f.Clients, data.Subset(training, p))
	}
	f.Done = c.read()
	try(f.Train(context.Background(), func() train.Objective[data.Batch] {
		m := build(c.Seed)
		if f.Done > 0 {
			try(train.LoadWeights(c.state(f.Done), m))
		}
		return train.Supervised(m, nn.CrossEntropy)
	}, rounds, func(round int, o train.Objective[data.Batch]) error {
		r, err := train.Evaluate(context.Background(), o, &data.Loader{Dataset: measured, BatchSize: 500},
			metrics.Accuracy())
		if err == nil {
			c.add(round, 100*r["accuracy"], o.Model)
		}
		return err
	}))
}

func newMLP(seed uint64) nn.Layer {
	r := nn.NewRand(seed)
	return nn.Sequential{nn.Flatten{}, nn.NewLinear(r, 784, 200), nn.ReLU{}, nn.NewLinear(r, 200, 200), nn.ReLU{},
		nn.NewLinear(r, 200, 10)}
}

// newCNN is McMahan's net: two convolutions of 5×5, 1.7 million parameters.
func newCNN(seed uint64) nn.Layer {
	r := nn.NewRand(seed)
	return nn.Sequential{
		nn.NewConv2D(r, nn.Conv{In: 1, Out: 32, Kernel: 5, Padding: 2}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.NewConv2D(r, nn.Conv{In: 32, Out: 64, Kernel: 5, Padding: 2}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.Flatten{}, nn.NewLinear(r, 64*49, 512), nn.ReLU{}, nn.NewLinear(r, 512, 10),
	}
}
