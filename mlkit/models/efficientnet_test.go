package models_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/datasets"
	"descent/mlkit/models"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

var sizes = []models.EfficientNetSize{models.Lite0, models.Lite1, models.Lite2}

type golden struct {
	Formula []struct {
		Size, H, W           int
		Evaluation, Training []float64
	}
	Published []struct {
		Size, N         int
		Largest, Logits []float64
	}
}

func goldens(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// The formulas are those of testdata/efficientnet.py.
func fill(k, i int) float64 { return float64((i*37+k*11)%101*37%101-50) / 32 }

func picture(k, h, w int) []float32 {
	x := make([]float32, 0, 3*h*w)
	for c := range 3 {
		for i := range h {
			for j := range w {
				x = append(x, float32(math.Sin(float64(i)*(0.02+0.003*float64(k))+float64(c))*math.Cos(float64(j)*(0.5/float64(1+k%7))+float64(k*c))))
			}
		}
	}
	return x
}

func formula(m *models.EfficientNetLite) {
	for k, n := range nn.State(m) {
		var data []float32
		f := func(v float64) float64 { return v / 8 }
		switch {
		case n.Buffer != nil && strings.HasSuffix(n.Name, "running_var"):
			data, f = n.Buffer.Data, func(v float64) float64 { return 1 + v*v/4 }
		case n.Buffer != nil:
			data = n.Buffer.Data
		case len(n.Param.Dims()) > 1:
			fan := float64(len(n.Param.Data) / n.Param.Dims()[0])
			data, f = n.Param.Data, func(v float64) float64 { return v * 1.6 / math.Sqrt(fan) }
		case strings.HasSuffix(n.Name, "weight"):
			data, f = n.Param.Data, func(v float64) float64 { return 1 + v/8 }
		default:
			data = n.Param.Data
		}
		for i := range data {
			data[i] = float32(f(fill(k, i)))
		}
	}
}

func TestEfficientNetLiteGivesPyTorchsLogits(t *testing.T) {
	var g golden
	goldens(t, "testdata/efficientnet.json", &g)
	for _, c := range g.Formula {
		m := models.NewEfficientNetLite(nn.NewRand(1), sizes[c.Size], 10)
		formula(m)
		m.Dropout = 0
		for _, b := range m.Blocks {
			b.DropPath.P = 0
		}
		var x []float32
		for k := range 3 {
			x = append(x, picture(k, c.H, c.W)...)
		}
		for _, mode := range []string{"evaluation", "evaluation with gradients", "frozen", "training"} {
			tape := tensor.NewTape(1)
			tape.SetTraining(mode == "training" || mode == "frozen")
			tape.SetRecordGrad(mode != "evaluation")
			want, close := c.Evaluation, 1e-4
			if mode == "training" { // batches of three, whose statistics are of few numbers
				want, close = c.Training, 1e-3
			}
			if mode == "frozen" {
				nn.Freeze(m)
			}
			got := m.Forward(tape.Input(x, 3, 3, c.H, c.W)).Data()
			nn.Unfreeze(m)
			if d := farthest(got, want); !(d <= close) {
				t.Errorf("Lite%d, %s: logits differ by %.2g of the largest", c.Size, mode, d)
			}
		}
	}
}

// farthest is the largest difference by the largest number.
func farthest(got []float32, want []float64) float64 {
	if len(got) != len(want) {
		return math.NaN()
	}
	far, largest := 0., 0.
	for i, v := range want {
		far, largest = max(far, math.Abs(float64(got[i])-v)), max(largest, math.Abs(v))
	}
	return far / largest
}

func published(t testing.TB, size int) *models.EfficientNetLite {
	needs(t, true) // a small file
	path, err := datasets.EfficientNetLite(size)
	if err != nil {
		t.Skipf("the published weights are not at hand: %v", err)
	}
	m := models.NewEfficientNetLite(nn.NewRand(1), sizes[size], 1000)
	if err := train.LoadWeights(path, m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPublishedWeightsGivePyTorchsLogits(t *testing.T) {
	var g golden
	goldens(t, "testdata/efficientnet.json", &g)
	for _, c := range g.Published {
		t.Run(fmt.Sprint("Lite", c.Size), func(t *testing.T) {
			m, side := published(t, c.Size), sizes[c.Size].Side
			tape := tensor.NewTape(1)
			tape.SetTraining(false)
			tape.SetRecordGrad(false)
			for k := range c.N {
				tape.Reset()
				y := m.Forward(tape.Input(picture(k, side, side), 1, 3, side, side)).Data()
				for j, want := range c.Logits[8*k : 8*k+8] {
					if d := math.Abs(float64(y[125*j])-want) / c.Largest[k]; !(d <= 1e-4) {
						t.Errorf("picture %d: logit %d is %v, PyTorch's %v, %.2g of the largest apart", k, 125*j, y[125*j], want, d)
					}
				}
			}
		})
	}
}

func TestEfficientNetLiteRefuses(t *testing.T) {
	m := models.NewEfficientNetLite(nn.NewRand(1), models.Lite0, 2)
	tape := tensor.NewTape(1)
	for want, f := range map[string]func(){
		"needs images of three channels": func() { m.Forward(tape.Full(1, 1, 1, 32, 32)) },
		"stage 0 of 1 to 18":             func() { m.Maps(tape.Full(1, 1, 3, 32, 32), 0) },
		"classes must be positive":       func() { models.NewEfficientNetLite(nn.NewRand(1), models.Lite0, 0) },
		"shorter side has 5":             func() { models.Photo{Size: 6, Resize: 5}.Forward(tape.Full(1, 1, 3, 9, 9)) },
		"needs pictures of three":        func() { models.Photo{Size: 6}.Forward(tape.Full(1, 3, 9, 9)) },
	} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, want) {
					t.Errorf("got %q, want %q", r, want)
				}
			}()
			f()
		}()
	}
}

func TestPhotoIsTorchvisions(t *testing.T) {
	var cases []struct {
		H, W, Resize, Size int
		Bicubic            bool
		Mean, Std          [3]float32
		Y                  []float64
	}
	goldens(t, "testdata/photo.json", &cases)
	for _, c := range cases {
		x := make([]float32, 3*c.H*c.W)
		for i := range x {
			x[i] = float32(i*37%101*37%101) / 100
		}
		p := models.Photo{Size: c.Size, Resize: c.Resize, Mean: c.Mean, Std: c.Std}
		if c.Bicubic {
			p.Filter = tensor.Bicubic
		}
		y := p.Forward(tensor.NewTape(1).Input(x, 1, 3, c.H, c.W))
		if d := farthest(y.Data(), c.Y); !slices.Equal(y.Dims(), []int{1, 3, c.Size, c.Size}) || !(d <= 5e-6) {
			t.Errorf("%d×%d: %v, %.2g of the largest apart", c.H, c.W, y.Dims(), d)
		}
	}
}

func BenchmarkEfficientNetLite0(b *testing.B) {
	m := published(b, 0)
	x := picture(3, 224, 224)
	tape := tensor.NewTape(1)
	tape.SetTraining(false)
	tape.SetRecordGrad(false)
	for b.Loop() {
		tape.Reset()
		m.Forward(tape.Input(x, 1, 3, 224, 224))
	}
}
