package tensor_test

import (
	"fmt"
	"math"

	"descent/mlkit/gradcheck"
	"descent/mlkit/tensor"
)

// Sine of x², with its derivative 2x·cos x².
var opWave = tensor.NewOp("Wave", func(b tensor.Back) {
	dx := b.DX(0)
	for i, dy := range b.DY() {
		x := float64(b.X(0)[i])
		dx[i] += dy * float32(2*x*math.Cos(x*x))
	}
})

func wave(x tensor.Tensor) tensor.Tensor {
	y := x.Tape().Scratch(x.Size())
	for i, v := range x.Data() {
		y[i] = float32(math.Sin(float64(v) * float64(v)))
	}
	return opWave.Apply(y, x.Dims(), []tensor.Tensor{x})
}

// An operation of one's own is a function that computes its value, and one that
// takes gradients back; gradcheck compares the two.
func ExampleNewOp() {
	t := tensor.NewTape(1)
	x := t.Variable([]float32{0, 1, 2}, 3)
	y := wave(x)
	g := y.Sum().Backward().Wrt(x)
	fmt.Printf("%.4f %.4f\n", y.Data(), g)
	fmt.Println(gradcheck.Check(func(_ *tensor.Tape, x []tensor.Tensor) tensor.Tensor { return wave(x[0]) }, gradcheck.Random(1, 5)))
	// Output:
	// [0.0000 0.8415 -0.7568] [0.0000 1.0806 -2.6146]
	// <nil>
}

// The Hessian of x²y + y³ at (3, 2) is [[2y, 2x], [2x, 6y]]; times (1, −1).
func ExampleTensor_HessianVector() {
	t := tensor.NewTape(1)
	x, y := t.Variable([]float32{3}, 1), t.Variable([]float32{2}, 1)
	loss := x.Square().Mul(y).Add(y.PowScalar(3)).Sum()
	h, err := loss.HessianVector([]tensor.Tensor{x, y}, [][]float32{{1}, {-1}})
	fmt.Println(h.Wrt(x), h.Wrt(y), err)
	// Output: [-2] [-6] <nil>
}

// The penalty of a Wasserstein critic (Gulrajani et al. 2017): how far the
// length of its gradient with respect to its input is from 1.
func ExampleTensor_Gradients() {
	t := tensor.NewTape(1)
	w := tensor.ParamOf([]float32{3, 4}, 1, 2)
	x := t.Variable([]float32{0.5, 1}, 1, 2)
	g, err := x.Linear(t.Use(w), tensor.Tensor{}).Sum().Gradients(x)
	if err != nil {
		fmt.Println(err)
		return
	}
	penalty := g[0].Norm().AddScalar(-1).Square()
	fmt.Println(penalty.Item(), penalty.Backward().Of(w))
	// Output: 16 [4.8 6.4]
}
