package train_test

import (
	"context"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/metrics"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/train"
)

// The objectives of a deep belief net train it by Fit: pictures of two rows,
// whose second says the label.
func TestDeepBeliefNetByFit(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains three models")
	}
	var x []float32
	var y []int32
	for k := range 80 {
		for row := range 2 {
			for range 4 {
				x = append(x, float32(k>>row&1))
			}
		}
		y = append(y, int32(k>>1&1))
	}
	loader := &data.Loader{Dataset: data.FromLabels(x, []int{8}, y), BatchSize: 20, Shuffle: true, Seed: 1}
	rng := nn.NewRand(1)
	below, top := nn.NewRBM(rng, 8, 5), nn.NewRBM(rng, 7, 8)
	top.Classes = 2
	nn.Normal(below.Weight, rng, 0, 0.1)
	nn.Normal(top.Weight, rng, 0, 0.1)
	fit := func(o train.Objective[data.Batch], epochs int) {
		if _, err := train.Fit(context.Background(), o, loader, train.Config{Epochs: epochs, Optimizer: optim.Momentum(0.05, 0.5), Seed: 1}); err != nil {
			t.Fatal(err)
		}
	}
	fit(train.Contrastive(below, 1), 200)
	before := append([]float32{}, below.Weight.Data...)
	fit(train.Contrastive(top, 1, below), 200)
	for k, w := range below.Weight.Data {
		if w != before[k] {
			t.Fatal("training the top machine changed the one below")
		}
	}
	net := nn.NewDBN(top, below)
	fit(train.UpDown(net, 3), 100)
	figures, err := train.Evaluate(context.Background(), train.Supervised(net, nn.CrossEntropy), loader, metrics.Accuracy())
	if err != nil {
		t.Fatal(err)
	}
	if figures["accuracy"] < 1 || figures["loss"] > 0.3 {
		t.Errorf("the net knows %v of the labels, with a loss of %v", figures["accuracy"], figures["loss"])
	}
}
