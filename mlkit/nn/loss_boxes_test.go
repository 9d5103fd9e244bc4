package nn_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// boxes.json is what testdata/boxes.py printed.
func TestBoxLosses(t *testing.T) {
	text, err := os.ReadFile("testdata/boxes.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden map[string]struct {
		Dims         []int
		TargetDims   []int `json:"target_dims"`
		Pred, Target []float32
		Value, Grad  []float64
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	for name, loss := range map[string]func(p, y tensor.Tensor) tensor.Tensor{
		"giou": nn.GIoULoss{}.Loss, "focal": nn.HeatmapFocalLoss, "focal none": nn.HeatmapFocalLoss, "centers": nn.CenterLoss{}.Loss,
	} {
		g := golden[name]
		tape := tensor.NewTape(1)
		step := func() (float32, []float32) {
			tape.Reset()
			x := tape.Variable(g.Pred, g.Dims...)
			l := loss(x, tape.Input(g.Target, g.TargetDims...))
			v := l.Item()
			return v, l.Backward().Wrt(x)
		}
		v, grad := step()
		if math.Abs(float64(v)-g.Value[0]) > 1e-5*math.Abs(g.Value[0]) {
			t.Errorf("%s: %v, want %v", name, v, g.Value[0])
		}
		for i, want := range g.Grad {
			if math.Abs(float64(grad[i])-want) > 2e-5*(1+math.Abs(want)) {
				t.Errorf("%s: gradient %d is %v, want %v", name, i, grad[i], want)
			}
		}
		for range 3 {
			step()
		}
		if n := testing.AllocsPerRun(10, func() { step() }); n != 0 {
			t.Errorf("%s: a step allocates %v times", name, n)
		}
		if name != "focal none" { // its logits of ±100 are too steep for differences
			err := gradcheck.CheckTol(3e-3, func(tp *tensor.Tape, x []tensor.Tensor) tensor.Tensor {
				return loss(x[0], tp.Input(g.Target, g.TargetDims...))
			}, gradcheck.Input{Data: g.Pred, Dims: g.Dims})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	tape := tensor.NewTape(1)
	for why, f := range map[string]func(){
		"boxes have four numbers":  func() { nn.GIoULoss{}.Loss(tape.Input(make([]float32, 6), 2, 3), tape.Input(make([]float32, 6), 2, 3)) },
		"must have the same shape": func() { nn.GIoULoss{}.Loss(tape.Input(make([]float32, 8), 2, 4), tape.Input(make([]float32, 4), 1, 4)) },
		"targets [n, classes+5, h, w]": func() {
			nn.CenterLoss{}.Loss(tape.Input(make([]float32, 6), 1, 6, 1, 1), tape.Input(make([]float32, 6), 1, 6, 1, 1))
		},
	} {
		func() {
			defer func() {
				if e, ok := recover().(*tensor.ShapeError); !ok || !strings.Contains(e.Error(), why) {
					t.Errorf("%v, want %q", e, why)
				}
			}()
			f()
		}()
	}
}
