package train_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"descent/mlkit/data"
	"descent/mlkit/formats"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// A network that was trained for another task lends its body: all but the head
// is loaded, the new head learns first, then everything with a smaller rate.
func ExampleLoadTensors() {
	type network struct {
		Body nn.Sequential
		Head *nn.Linear
	}
	build := func(classes int) *network {
		rng := nn.NewRand(7)
		return &network{nn.Sequential{nn.NewLinear(rng, 2, 16), nn.Func(tensor.Tensor.Tanh)}, nn.NewLinear(rng, 16, classes)}
	}
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "before.safetensors")
	check(train.SaveWeights(path, build(5), nil)) // of five classes

	model := build(2)
	file, err := formats.OpenSafetensors(path)
	check(err)
	defer file.Close()
	check(train.LoadTensors(file, model, train.LoadOptions{Partial: true, Rename: func(name string) string {
		if strings.HasPrefix(name, "head.") {
			return "" // stays as it is
		}
		return name
	}}))

	o := train.SupervisedBy(model, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return model.Head.Forward(model.Body.Forward(b.Input(t)))
	}, nn.CrossEntropy)
	fit := func(epochs int, rate float64) float64 {
		h, err := train.Fit(context.Background(), o, &data.Loader{Dataset: rings(400), BatchSize: 50, Shuffle: true},
			train.Config{Epochs: epochs, Optimizer: optim.Adam(rate)})
		check(err)
		return h.Last().Loss
	}
	nn.Freeze(model.Body)
	head := fit(10, 0.03)
	nn.Unfreeze(model.Body)
	fmt.Println("all of it is better than its head alone:", fit(30, 0.01) < head)
	// Output: all of it is better than its head alone: true
}

// A frozen layer takes part and stays as it is; its gradient is not computed.
func ExampleFit_freeze() {
	model := ringsModel()
	body := model[0].(*nn.Linear)
	nn.Freeze(body)
	before, head := body.Weight.Data[0], model[2].(*nn.Linear).Weight.Data[0]
	_, err := train.Fit(context.Background(), train.Supervised(model, crossEntropy), &data.Loader{Dataset: rings(200), BatchSize: 50},
		train.Config{Epochs: 2, Optimizer: optim.Adam(0.03)})
	check(err)
	fmt.Println("body as before:", body.Weight.Data[0] == before)
	fmt.Println("head as before:", model[2].(*nn.Linear).Weight.Data[0] == head)
	// Output:
	// body as before: true
	// head as before: false
}

// Four batches make one step, whose gradient is clipped to length 1. In a loop
// of one's own a GradSum adds the gradients up, to the same numbers.
func ExampleConfig() {
	rule := optim.Chain(optim.ClipByGlobalNorm(1), optim.SGD(0.1))
	loader := &data.Loader{Dataset: rings(400), BatchSize: 25}
	model := ringsModel()
	h, err := train.Fit(context.Background(), train.Supervised(model, crossEntropy), loader,
		train.Config{Optimizer: rule, Accumulate: 4})
	check(err)

	other := ringsModel()
	o, opt, tape, sum, count := train.Supervised(other, crossEntropy), optim.New(nn.Params(other), rule), tensor.NewTape(0), tensor.NewGradSum(), 0
	for batch, err := range loader.Epoch(0) {
		check(err)
		tape.Reset()
		sum.Add(o.Loss(tape, batch).Backward(), 1./4)
		if sum.Added == 4 {
			opt.Step(sum.Grads())
			sum.Clear()
			count++
		}
	}
	d := model[0].(*nn.Linear).Weight.Data[0] - other[0].(*nn.Linear).Weight.Data[0]
	fmt.Println(h.Steps, "and", count, "steps, the same numbers:", d*d < 1e-12)
	// Output: 4 and 4 steps, the same numbers: true
}

// Private training needs the length of every sample's gradient; here each is
// cut to at most 1 before they are added.
func ExamplePerSample() {
	model := nn.Sequential{nn.NewLinear(nn.NewRand(1), 1, 1)}
	batch := data.Batch{Index: []int{0, 1, 2}, X: []float32{0.1, 1, 30}, XDims: []int{3, 1}, Y: []float32{0, 1, 2}, YDims: []int{3, 1}}
	params, sum := nn.Params(model), tensor.NewGradSum()
	check(train.PerSample(train.Supervised(model, nn.MSE), batch, 1, func(i int, loss float64, g tensor.Grads) {
		length := optim.GlobalNorm([][]float32{g.Of(params[0]), g.Of(params[1])})
		fmt.Println("sample", i, "is longer than 1:", length > 1)
		sum.Add(g, float32(min(1, 1/length)))
	}))
	fmt.Println("at most 3:", optim.GlobalNorm([][]float32{sum.Grads().Of(params[0]), sum.Grads().Of(params[1])}) <= 3)
	// Output:
	// sample 0 is longer than 1: false
	// sample 1 is longer than 1: true
	// sample 2 is longer than 1: true
	// at most 3: true
}
