package nn_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// formula is that of testdata/lora.py.
func formula(k int, x []float32) []float32 {
	for i := range x {
		x[i] = float32((i*37+k*11)%101-50) / 32
	}
	return x
}

func TestLoRAIsPEFTs(t *testing.T) {
	b, err := os.ReadFile("testdata/lora.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]struct{ Y, A, B, Merged []float32 }
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	conv := nn.NewConv2D(nn.NewRand(1), nn.Conv{In: 4, Out: 6, Kernel: 3, Padding: 1})
	linear := nn.NewLinear(nn.NewRand(1), 6, 5)
	for name, c := range map[string]struct {
		layer        nn.Layer
		weight, bias *tensor.Param
		in           []int
	}{"Linear": {linear, linear.Weight, linear.Bias, []int{3, 6}}, "Conv2D": {conv, conv.Weight, conv.Bias, []int{2, 4, 3, 5}}} {
		factors := nn.AddLoRA(nn.NewRand(2), c.layer, nn.LoRA{Rank: 2, Alpha: 3})
		for k, p := range append([]*tensor.Param{c.weight, c.bias}, factors...) {
			formula(k, p.Data)
		}
		x := formula(5, make([]float32, tensor.SizeOf(c.in)))
		close := func(what string, got, want []float32) {
			t.Helper()
			if !slices.EqualFunc(got, want, func(a, b float32) bool { return max(a-b, b-a) <= 2e-5*max(1, b, -b) }) {
				t.Errorf("%s: %s is %v, PEFT's %v", name, what, got, want)
			}
		}
		tape := tensor.NewTape(1)
		for range 2 { // the second step finds its parameters where it expects them
			tape.Reset()
			y := c.layer.Forward(tape.Input(x, c.in...))
			close("the output", y.Data(), want[name].Y)
			grads := y.Mul(tape.Input(formula(99, make([]float32, y.Size())), y.Dims()...)).Sum().Backward()
			close("the gradient of A", grads.Of(factors[0]), want[name].A)
			close("the gradient of B", grads.Of(factors[1]), want[name].B)
			if grads.Of(c.weight) != nil || grads.Of(c.bias) != nil {
				t.Errorf("%s: what is frozen has a gradient", name)
			}
		}
		nn.MergeLoRA(c.layer)
		close("the merged weight", c.weight.Data, want[name].Merged)
		tape.Reset()
		close("the merged output", c.layer.Forward(tape.Input(x, c.in...)).Data(), want[name].Y)
		if n := len(nn.Params(c.layer)); n != 2 {
			t.Errorf("%s: %d parameters after merging", name, n)
		}
	}
}

// Frozen weights keep their bits, an output that learns beside them has its
// gradients, and nothing is allocated.
func TestLoRATrains(t *testing.T) {
	rng := nn.NewRand(1)
	model := nn.Sequential{nn.NewLinear(rng, 8, 32), nn.Tanh{}, nn.NewLinear(rng, 32, 32), nn.Tanh{}, nn.NewLinear(rng, 32, 2)}
	before := slices.Clone(model[2].(*nn.Linear).Weight.Data)
	factors := nn.AddLoRA(nn.NewRand(2), model, nn.LoRA{Rank: 2, On: []string{"2.weight"}})
	nn.Unfreeze(model[4])
	var names []string
	for _, n := range nn.State(model) {
		if !n.Param.Frozen {
			names = append(names, n.Name)
		}
	}
	if got := strings.Join(names, " "); got != "2.weight.lora_a 2.weight.lora_b 4.weight 4.bias" {
		t.Errorf("what learns is %s", got)
	}
	opt := optim.New(nn.Params(model), optim.Adam(0.01))
	tape := tensor.NewTape(1)
	x := formula(3, make([]float32, 16*8))
	y := formula(7, make([]float32, 16*2))
	step := func() float32 {
		tape.Reset()
		loss := model.Forward(tape.Input(x, 16, 8)).Sub(tape.Input(y, 16, 2)).Square().Mean()
		opt.Step(loss.Backward())
		return loss.Item()
	}
	first := step()
	for range 100 {
		step()
	}
	if last := step(); !(last < first/2) {
		t.Errorf("the loss went from %v to %v", first, last)
	}
	if n := testing.AllocsPerRun(10, func() { step() }); n > 0 {
		t.Errorf("%v allocations in a step", n)
	}
	if !slices.Equal(model[2].(*nn.Linear).Weight.Data, before) || slices.Max(factors[1].Data) == 0 {
		t.Error("the frozen weight changed, or its factors did not")
	}
	// The factors are saved with the model.
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := train.SaveWeights(path, model, nil); err != nil {
		t.Fatal(err)
	}
	kept := slices.Clone(factors[1].Data)
	clear(factors[1].Data)
	if err := train.LoadWeights(path, model); err != nil || !slices.Equal(factors[1].Data, kept) {
		t.Errorf("loaded: %v, %v", err, factors[1].Data[:4])
	}
	if s := nn.Summary(model, 1, 8); s.Trainable != 2*(32+32)+32*2+2 || s.Rows[2].Params != 32*32+32+2*64 {
		t.Errorf("%+v", s)
	}
}

func TestLoRAGradient(t *testing.T) {
	p := tensor.NewParam(3, 2, 2)
	formula(1, p.Data)
	a, b := tensor.NewParam(2, 4), tensor.NewParam(3, 2)
	formula(2, a.Data)
	formula(3, b.Data)
	p.LowRank = &tensor.LowRank{A: a, B: b, Scale: 0.5}
	if err := gradcheck.CheckParams(gradcheck.Tolerance, func(tape *tensor.Tape, x []T) T {
		return tape.Use(p).Mul(tape.Use(p)).Reshape(3, 4).MatMul(x[0])
	}, []*tensor.Param{a, b, p}, gradcheck.Random(1, 4, 2)); err != nil {
		t.Error(err)
	}
}

func TestLoRAAndFreezeNamedRefuse(t *testing.T) {
	small := nn.NewLinear(nn.NewRand(1), 2, 2)
	twice := nn.NewLinear(nn.NewRand(1), 20, 20)
	nn.AddLoRA(nn.NewRand(1), twice, nn.LoRA{Rank: 1})
	bad := nn.NewLinear(nn.NewRand(1), 20, 20)
	bad.Weight.LowRank = &tensor.LowRank{A: tensor.NewParam(1, 19), B: tensor.NewParam(20, 1)}
	for want, f := range map[string]func(){
		"rank 0":                       func() { nn.AddLoRA(nn.NewRand(1), small, nn.LoRA{}) },
		"take a lower rank":            func() { nn.AddLoRA(nn.NewRand(1), small, nn.LoRA{Rank: 1, On: []string{"weight"}}) },
		"MergeLoRA first":              func() { nn.AddLoRA(nn.NewRand(1), twice, nn.LoRA{Rank: 1}) },
		`called like "bias"`:           func() { nn.AddLoRA(nn.NewRand(1), small, nn.LoRA{Rank: 1, On: []string{"bias"}}) },
		`the pattern "[" is malformed`: func() { nn.FreezeNamed(small, "[") },
		`called like "x.*"`:            func() { nn.FreezeNamed(small, "weight", "x.*") },
		"needs A [rank, size/out]":     func() { tensor.NewTape(1).Use(bad.Weight) },
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

func TestFreezeNamed(t *testing.T) {
	b := newBody()
	nn.FreezeNamed(b, "conv.*", "named.*")
	if !b.Conv.Weight.Frozen || !b.Named["a"].(*nn.BatchNorm).Frozen || !b.Named["a"].(*nn.BatchNorm).Bias.Frozen || b.Norm.Frozen || b.Norm.Weight.Frozen {
		t.Error("other parts are frozen than those named")
	}
}
