package train_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"descent/mlkit/data"
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
		r, err := train.DetectionScore{IoU: c.IoU, PerImage: c.PerImage}.Judge(truth, found, g.Classes)
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
	r, err := train.DetectionScore{AllPoints: true}.Judge(truth, found, 2)
	if want := 0.5 + 0.5*2/3; err != nil || math.Abs(r.AP[0]-want) > 1e-12 || r.Recall[0] != 1 || math.Abs(r.Precision[0]-2./3) > 1e-12 || !math.IsNaN(r.AP[1]) || math.Abs(r.Mean-want) > 1e-12 {
		t.Errorf("%+v %v, want %v", r, err, want)
	}
	if r, err := (train.DetectionScore{}).Judge(truth, make([][]data.Detection, 2), 1); err != nil || r.Mean != 0 || r.Precision[0] != 0 {
		t.Errorf("nothing found: %+v %v", r, err)
	}
	for why, f := range map[string]func() error{
		"for 1 images, objects for 2": func() error {
			_, err := train.DetectionScore{}.Judge(truth, found[:1], 1)
			return err
		},
		"a detection of class 0 of 1 with score NaN": func() error {
			_, err := train.DetectionScore{}.Judge(truth, [][]data.Detection{{{Score: float32(math.NaN())}}, {}}, 1)
			return err
		},
		"an object of class 0 of 0": func() error {
			_, err := train.DetectionScore{}.Judge(truth, found, 0)
			return err
		},
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q", err, why)
		}
	}
}
