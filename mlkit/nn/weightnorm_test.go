package nn_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

func TestNormsAreTorchs(t *testing.T) {
	b, err := os.ReadFile("testdata/norms.json")
	if err != nil {
		t.Fatal(err)
	}
	var goldens map[string]struct {
		In                                      []int
		Y, Bias, Weight, Gain, U, V, Evaluation []float32
	}
	if err := json.Unmarshal(b, &goldens); err != nil {
		t.Fatal(err)
	}
	for name, want := range goldens {
		t.Run(name, func(t *testing.T) {
			rng := nn.NewRand(1)
			how, kind, _ := strings.Cut(name, " ")
			var layer nn.Layer
			var w, bias *tensor.Param
			switch kind {
			case "Linear":
				l := nn.NewLinear(rng, 4, 3)
				layer, w, bias = l, l.Weight, l.Bias
			case "Conv2D":
				l := nn.NewConv2D(rng, nn.Conv{In: 2, Out: 3, Kernel: 3})
				layer, w, bias = l, l.Weight, l.Bias
			default:
				l := nn.NewConvTranspose2D(rng, nn.Conv{In: 2, Out: 3, Kernel: 2})
				layer, w, bias = l, l.Weight, l.Bias
			}
			copy(w.Data, fill(10, w.Dims()...))
			copy(bias.Data, fill(11, 3))
			var gain *tensor.Param
			var spectral *tensor.SpectralNorm
			if how == "weight" {
				nn.AddWeightNorm(layer)
				gain = w.Norm.(*tensor.WeightNorm).Gain
				copy(gain.Data, fill(12, gain.Dims()...))
			} else {
				nn.AddSpectralNorm(rng, layer)
				spectral = w.Norm.(*tensor.SpectralNorm)
				for k, b := range []*tensor.Buffer{spectral.U, spectral.V} {
					v := tensor.NewEvalTape().Input(fill(13+k, len(b.Data)), len(b.Data))
					copy(b.Data, v.Div(v.Norm()).Data())
				}
			}
			tape := tensor.NewTape(1)
			var y T
			var g tensor.Grads
			for range 2 {
				tape.Reset()
				y = layer.Forward(tape.Input(fill(0, want.In...), want.In...))
				g = y.BackwardFrom(fill(99, y.Dims()...))
				g.Commit()
			}
			compare(t, "result", y.Data(), want.Y)
			compare(t, "gradient of the weight", g.Of(w), want.Weight)
			compare(t, "gradient of the bias", g.Of(bias), want.Bias)
			if gain != nil {
				compare(t, "gradient of the gain", g.Of(gain), want.Gain)
			} else {
				compare(t, "u", spectral.U.Data, want.U)
				compare(t, "v", spectral.V.Data, want.V)
			}
			evaluate := func(what string) {
				e := tensor.NewEvalTape()
				compare(t, what, layer.Forward(e.Input(fill(0, want.In...), want.In...)).Data(), want.Evaluation)
			}
			evaluate("evaluation")
			nn.MergeNorms(layer)
			evaluate("evaluation after merging")
			if n := len(nn.State(layer)); n != 2 {
				t.Errorf("%d parameters and buffers after merging", n)
			}
		})
	}
}

// At first a weight normalisation changes nothing; both are saved with the
// model, and loaded; what makes no sense is refused.
func TestNormsOfAModel(t *testing.T) {
	make := func(seed uint64) nn.Sequential {
		return nn.Sequential{nn.NewLinear(nn.NewRand(seed), 4, 5), nn.Tanh{}, nn.NewLinear(nn.NewRand(seed+1), 5, 2)}
	}
	run := func(m nn.Sequential) []float32 {
		return slices.Clone(m.Forward(tensor.NewEvalTape().Input(fill(0, 3, 4), 3, 4)).Data())
	}
	m := make(1)
	before := run(m)
	nn.AddWeightNorm(m, "0.weight")
	compare(t, "a model with weight normalisation", run(m), before)
	nn.AddSpectralNorm(nn.NewRand(3), m, "2.*")
	if s := nn.Summary(m, 1, 4); s.Rows[0].Params != 4*5+5+5 || s.Buffers != 2+5 {
		t.Errorf("%+v", s)
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := train.SaveWeights(path, m, nil); err != nil {
		t.Fatal(err)
	}
	other := make(7)
	nn.AddWeightNorm(other, "0.weight")
	nn.AddSpectralNorm(nn.NewRand(9), other, "2.*")
	if err := train.LoadWeights(path, other); err != nil || !slices.Equal(run(other), run(m)) {
		t.Errorf("loaded: %v", err)
	}
	lora := nn.Sequential{nn.NewLinear(nn.NewRand(1), 20, 20)}
	nn.AddLoRA(nn.NewRand(1), lora, nn.LoRA{Rank: 1})
	bad := nn.NewLinear(nn.NewRand(1), 4, 2)
	bad.Weight.Norm = &tensor.WeightNorm{Gain: tensor.NewParam(3)}
	wide := nn.NewLinear(nn.NewRand(1), 4, 2)
	wide.Weight.Norm = &tensor.SpectralNorm{U: tensor.NewBuffer(1, 4), V: tensor.NewBuffer(1, 2)}
	for want, f := range map[string]func(){
		"MergeNorms first":     func() { nn.AddSpectralNorm(nn.NewRand(1), m) },
		"MergeLoRA first":      func() { nn.AddWeightNorm(lora) },
		`called like "1.*"`:    func() { nn.AddWeightNorm(make(1), "1.*") },
		"a Gain [out]":         func() { tensor.NewTape(1).Use(bad.Weight) },
		"the length of axis 0": func() { tensor.NewTape(1).Use(wide.Weight) },
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
