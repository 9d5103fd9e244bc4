package train_test

import (
	"context"
	"flag"
	"reflect"
	"sync"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/metrics"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/train"
)

var retrain = flag.Bool("retrain", false, "train testdata/digits.safetensors anew")

// The file holds a model that was trained on MNIST and reads its test images.
func TestDigitModel(t *testing.T) {
	images, test, err := datasets.MNIST()
	if err != nil {
		t.Skip(err) // no network and not cached
	}
	model := digitModel()
	objective := train.Supervised(model, nn.CrossEntropy)
	if *retrain {
		loader := &data.Loader{Dataset: data.Augment(images, 1, data.Rotate(10, 0), data.Shift(0.1, 0)), BatchSize: 100, Shuffle: true, Seed: 1}
		_, err := train.Fit(t.Context(), objective, loader, train.Config{Epochs: 6, Optimizer: optim.Adam(5e-3), Schedule: optim.OneCycle(6*loader.Len(), 0.3, 25, 1e4)})
		if err == nil {
			err = train.SaveWeights("testdata/digits.safetensors", model, map[string]string{"task": "MNIST digits"})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := train.LoadWeights("testdata/digits.safetensors", model); err != nil {
		t.Fatal(err)
	}
	some := make([]int, 1000)
	for i := range some {
		some[i] = 10 * i
	}
	figures, err := train.Evaluate(context.Background(), objective, &data.Loader{Dataset: test, Order: some, BatchSize: 250}, metrics.Accuracy())
	if err != nil || figures["accuracy"] < 0.975 {
		t.Errorf("%v %v", figures, err)
	}
}

// Many goroutines get what one gets, to the bit, also of layers that split
// their work, and of batches of any size.
func TestServingIsConcurrent(t *testing.T) {
	model := digitModel()
	if err := train.LoadWeights("testdata/digits.safetensors", model); err != nil {
		t.Fatal(err)
	}
	seven, err := picture("testdata/seven.png")
	if err != nil {
		t.Fatal(err)
	}
	p := train.NewPredictor(model)
	sizes := []int{1, 3, 16}
	var inputs, want [][]float32
	for _, n := range sizes {
		x := make([]float32, 0, n*784)
		for k := range n {
			for i := range seven {
				x = append(x, seven[(i+k)%784])
			}
		}
		y, _, err := p.Predict(x, n, 1, 28, 28)
		if err != nil {
			t.Fatal(err)
		}
		inputs, want = append(inputs, x), append(want, y)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 40 {
				k := (g + i) % len(sizes)
				if y, _, err := p.Predict(inputs[k], sizes[k], 1, 28, 28); err != nil || !reflect.DeepEqual(y, want[k]) {
					t.Errorf("goroutine %d: %v %v, want %v", g, y, err, want[k])
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkServing asks one model from as many goroutines as there are
// processors: compare -cpu 1 with -cpu 2.
func BenchmarkServing(b *testing.B) {
	model := digitModel()
	if err := train.LoadWeights("testdata/digits.safetensors", model); err != nil {
		b.Fatal(err)
	}
	seven, err := picture("testdata/seven.png")
	if err != nil {
		b.Fatal(err)
	}
	p := train.NewPredictor(model)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, _, err := p.Predict(seven, 1, 1, 28, 28); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
