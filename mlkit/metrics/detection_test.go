package metrics_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/metrics"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/train"
)

func box(v []float64) data.Box {
	return data.Box{X0: float32(v[0]), Y0: float32(v[1]), X1: float32(v[2]), Y1: float32(v[3])}
}

// detection.json is what testdata/detection.py printed.
func TestDetectionsAgreeWithCOCO(t *testing.T) {
	text, err := os.ReadFile("testdata/detection.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Classes      int
		Truth, Found [][][]float64
		Cases        []struct {
			IoU        float32
			PerImage   int `json:"per_image"`
			AP, Recall []float64
		}
	}
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	truth, found := make([][]data.Object, len(g.Truth)), make([][]data.Detection, len(g.Found))
	for i := range truth {
		for _, v := range g.Truth[i] {
			truth[i] = append(truth[i], data.Object{Box: box(v), Class: int(v[4])})
		}
		for _, v := range g.Found[i] {
			found[i] = append(found[i], data.Detection{Box: box(v), Class: int(v[4]), Score: float32(v[5])})
		}
	}
	if len(g.Cases) != 6 {
		t.Fatalf("%d cases", len(g.Cases))
	}
	for _, c := range g.Cases {
		r, err := metrics.MeanAP{IoU: c.IoU, PerImage: c.PerImage}.Compute(truth, found, g.Classes)
		if err != nil {
			t.Fatal(err)
		}
		mean := 0.
		for k := range c.AP {
			if math.Abs(r.AP[k]-c.AP[k]) > 1e-9 || math.Abs(r.Recall[k]-c.Recall[k]) > 1e-9 {
				t.Errorf("IoU %g, %d an image, class %d: AP %.6f and recall %.6f, want %.6f and %.6f", c.IoU, c.PerImage, k, r.AP[k], r.Recall[k], c.AP[k], c.Recall[k])
			}
			mean += c.AP[k] / float64(len(c.AP))
		}
		if math.Abs(r.Mean-mean) > 1e-9 {
			t.Errorf("mean %v, want %v", r.Mean, mean)
		}
	}
}

func TestDetectionScore(t *testing.T) {
	at := func(x float32) data.Box { return data.Box{X0: x, X1: x + 10, Y1: 10} }
	truth := [][]data.Object{{{Box: at(0)}, {Box: at(100)}, {Box: at(200), Difficult: true}}, {}}
	found := [][]data.Detection{
		{{Box: at(0), Score: 0.9}, {Box: at(200), Score: 0.8}, {Box: at(200), Score: 0.75}, {Box: at(100), Score: 0.3}},
		{{Box: at(0), Score: 0.7}},
	}
	// Right, (difficult twice: left out), wrong, right: precision 1, 1/2, 2/3.
	r, err := metrics.MeanAP{AllPoints: true}.Compute(truth, found, 2)
	if want := 0.5 + 0.5*2/3; err != nil || math.Abs(r.AP[0]-want) > 1e-12 || r.Recall[0] != 1 || math.Abs(r.Precision[0]-2./3) > 1e-12 || !math.IsNaN(r.AP[1]) || math.Abs(r.Mean-want) > 1e-12 {
		t.Errorf("%+v %v, want %v", r, err, want)
	}
	if r, err := (metrics.MeanAP{}).Compute(truth, make([][]data.Detection, 2), 1); err != nil || r.Mean != 0 || r.Precision[0] != 0 {
		t.Errorf("nothing found: %+v %v", r, err)
	}
	for why, f := range map[string]func() error{
		"for 1 images, objects for 2": func() error {
			_, err := metrics.MeanAP{}.Compute(truth, found[:1], 1)
			return err
		},
		"a detection of class 0 of 1 with score NaN": func() error {
			_, err := metrics.MeanAP{}.Compute(truth, [][]data.Detection{{{Score: float32(math.NaN())}}, {}}, 1)
			return err
		},
		"an object of class 0 of 0": func() error {
			_, err := metrics.MeanAP{}.Compute(truth, found, 0)
			return err
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q", err, why)
		}
	}
}

// Targets, loss, decoding, suppression and judgement fit together: a small
// network learns to find bars and squares.
func TestDetectorLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains a detector")
	}
	shapes := &data.Images{Pixels: make([]byte, 2*784), Dims: []int{1, 28, 28}, Labels: []int32{0, 1}}
	for y := 4; y < 24; y++ {
		for x := 4; x < 24; x++ {
			if x >= 10 && x < 18 {
				shapes.Pixels[y*28+x] = 255
			}
			shapes.Pixels[784+y*28+x] = 255
		}
	}
	scenes := datasets.Scenes{Height: 48, Width: 48, Min: 1, Max: 3, Small: 0.5, Large: 0.8, Seed: 1}.Compose(shapes, 200)
	set, test := scenes.Slice(0, 160), scenes.Slice(160, 200)
	c := data.Centers{Classes: 2, Spread: 1}
	rng := nn.NewRand(1)
	model := nn.Sequential{
		nn.NewConv2D(rng, nn.Conv{In: 1, Out: 8, Kernel: 5, Stride: 2, Padding: 2, NoBias: true}), nn.NewBatchNorm(8), nn.ReLU{},
		nn.NewConv2D(rng, nn.Conv{In: 8, Out: 24, Kernel: 5, Stride: 2, Padding: 2, NoBias: true}), nn.NewBatchNorm(24), nn.ReLU{},
		nn.NewConv2D(rng, nn.Conv{In: 24, Out: 24, Kernel: 3, Padding: 1, NoBias: true}), nn.NewBatchNorm(24), nn.ReLU{},
		nn.NewConv2D(rng, nn.Conv{In: 24, Out: c.Classes + 4, Kernel: 1}),
	}
	loader := &data.Loader{Dataset: c.Targets(set), BatchSize: 8, Shuffle: true}
	_, err := train.Fit(t.Context(), train.Supervised(model, nn.CenterLoss{}.Loss), loader,
		train.Config{Epochs: 20, Optimizer: optim.Adam(1e-2), Schedule: optim.OneCycle(20*loader.Len(), 0.3, 25, 1e4)})
	if err != nil {
		t.Fatal(err)
	}
	y, dims, err := train.NewPredictor(model).All(t.Context(), &data.Loader{Dataset: test, BatchSize: 40})
	if err != nil {
		t.Fatal(err)
	}
	size := len(y) / dims[0]
	found := make([][]data.Detection, test.Len())
	for i := range found {
		found[i] = data.NMS(c.Decode(y[i*size:(i+1)*size], dims[2], dims[3], 0.05), 0.5)
	}
	r, err := metrics.MeanAP{}.Compute(test.Objects, found, 2)
	if err != nil || r.Mean < 0.9 {
		t.Errorf("%+v %v", r, err)
	}
}
