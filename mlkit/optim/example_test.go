package optim_test

import (
	"context"
	"fmt"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// Least squares on one point: (w − 3)².
func squared(t *tensor.Tape, w *tensor.Param) tensor.Tensor {
	return t.Use(w).AddScalar(-3).Square().Sum()
}

func Example() {
	w := tensor.ParamOf([]float32{0}, 1)
	opt := optim.New([]*tensor.Param{w}, optim.Momentum(0.1, 0.5))
	opt.Schedule = optim.Cosine(100, 0.01)
	tape := tensor.NewTape(1)
	for range 100 {
		tape.Reset()
		opt.Step(squared(tape, w).Backward())
	}
	fmt.Printf("w = %.3f after %d steps\n", w.Data[0], opt.Steps())
	// Output: w = 3.000 after 100 steps
}

// A rule built from its pieces: Adam with a clipped gradient, an L2 penalty on
// matrices, and decoupled decay on everything.
func ExampleChain() {
	rule := optim.Chain(
		optim.ClipByGlobalNorm(1),
		optim.L2(1e-4, optim.Matrices),
		optim.ScaleByAdam(optim.Betas(0.9, 0.99)),
		optim.AddDecayedWeights(0.01),
		optim.ScaleByLearningRate(0.1),
	)
	w := tensor.ParamOf([]float32{1}, 1)
	tape := tensor.NewTape(1)
	optim.New([]*tensor.Param{w}, rule).Step(squared(tape, w).Backward())
	// Adam's first step has length 0.1, the decay takes 0.1·0.01·1 off.
	fmt.Printf("%.3f\n", w.Data[0])
	// Output: 1.099
}

func ExampleGroups() {
	body, head := tensor.ParamOf([]float32{0}, 1), tensor.ParamOf([]float32{0}, 1)
	body.Name, head.Name = "body.weight", "head.weight"
	opt := optim.New([]*tensor.Param{body, head}, optim.Groups(
		optim.Group{On: optim.Named("head.*"), Rule: optim.SGD(0.1)},
		optim.Group{Rule: optim.SGD(0.1), Factor: 0.1},
	))
	tape := tensor.NewTape(1)
	opt.Step(squared(tape, body).Add(squared(tape, head)).Backward())
	fmt.Printf("body %.2f, head %.2f\n", body.Data[0], head.Data[0])
	// Output: body 0.06, head 0.60
}

// Without a schedule of the learning rate: the weights to be used are the
// averaged ones, which are in the model while it is evaluated.
func ExampleScheduleFreeSGD() {
	w := tensor.ParamOf([]float32{0}, 1)
	opt := optim.New([]*tensor.Param{w}, optim.ScheduleFreeSGD(0.5))
	opt.Schedule = optim.WarmUp(10, nil)
	tape := tensor.NewTape(1)
	for range 200 {
		tape.Reset()
		opt.Step(squared(tape, w).Backward())
	}
	opt.Average(true)
	fmt.Printf("w = %.2f\n", w.Data[0])
	opt.Average(false) // and on with the training
	// Output: w = 3.00
}

func ExampleEMA() {
	w := tensor.ParamOf([]float32{0}, 1)
	ema := optim.NewEMA(0.9)
	opt := optim.New([]*tensor.Param{w}, ema.Around(optim.SGD(0.9))) // too large a rate: w overshoots
	tape := tensor.NewTape(1)
	for range 9 {
		tape.Reset()
		opt.Step(squared(tape, w).Backward())
	}
	last := w.Data[0]
	ema.Swap()
	fmt.Printf("last %.2f, average %.2f\n", last, w.Data[0])
	ema.Swap() // before training on
	// Output: last 3.40, average 4.00
}

func ExampleLBFGS() {
	x := tensor.ParamOf([]float32{-1, 1.5}, 2)
	rosenbrock := func(t *tensor.Tape) tensor.Tensor {
		v := t.Use(x)
		a, b := v.Mul(t.Input([]float32{1, 0}, 2)).Sum(), v.Mul(t.Input([]float32{0, 1}, 2)).Sum()
		return a.AddScalar(-1).Square().Add(b.Sub(a.Square()).Square().Scale(100))
	}
	res, err := optim.LBFGS{}.Minimize(context.Background(), []*tensor.Param{x}, tensor.NewTape(1), rosenbrock)
	fmt.Printf("%.3f after fewer than 100 evaluations: %v, %v\n", x.Data, res.Evaluations < 100, err)
	// Output: [1.000 1.000] after fewer than 100 evaluations: true, <nil>
}

// Two steps of warm-up, then a cosine over the other eight.
func ExampleWarmUp() {
	s := optim.WarmUp(2, optim.Cosine(8, 0))
	for step := range 11 {
		fmt.Printf("%.2f ", s(step))
	}
	fmt.Println()
	// Output: 0.50 1.00 1.00 0.96 0.85 0.69 0.50 0.31 0.15 0.04 0.00
}

func ExampleSAM() {
	w := tensor.ParamOf([]float32{0}, 1)
	opt, tape := optim.New([]*tensor.Param{w}, optim.SGD(0.1)), tensor.NewTape(1)
	sam := &optim.SAM{Rho: 0.05}
	for range 50 {
		tape.Reset()
		sam.Step(opt, tape, func(t *tensor.Tape) tensor.Tensor { return squared(t, w) })
	}
	fmt.Printf("%.1f\n", w.Data[0])
	// Output: 3.0
}
