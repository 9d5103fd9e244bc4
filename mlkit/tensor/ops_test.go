package tensor_test

import (
	"slices"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/tensor"
)

// TestGradients holds every operation against finite differences.
func TestGradients(t *testing.T) {
	type T = tensor.Tensor
	rnd, pos := gradcheck.Random, gradcheck.Positive
	one := func(f func(T) T) gradcheck.Func {
		return func(_ *tensor.Tape, x []T) T { return f(x[0]) }
	}
	two := func(f func(a, b T) T) gradcheck.Func {
		return func(_ *tensor.Tape, x []T) T { return f(x[0], x[1]) }
	}
	for _, c := range []struct {
		name string
		f    gradcheck.Func
		in   []gradcheck.Input
	}{
		{"Add", two(T.Add), []gradcheck.Input{rnd(1, 3, 4), rnd(2, 3, 4)}},
		{"Add row", two(T.Add), []gradcheck.Input{rnd(1, 3, 4), rnd(2, 4)}},
		{"Add column", two(T.Add), []gradcheck.Input{rnd(1, 3, 1), rnd(2, 1, 4)}},
		{"Add scalar tensor", two(T.Add), []gradcheck.Input{rnd(1), rnd(2, 2, 3)}},
		{"Sub", two(T.Sub), []gradcheck.Input{rnd(1, 2, 1, 3), rnd(2, 4, 1)}},
		{"Mul", two(T.Mul), []gradcheck.Input{rnd(1, 3, 4), rnd(2, 3, 4)}},
		{"Mul channel", two(T.Mul), []gradcheck.Input{rnd(1, 2, 3, 4), rnd(2, 3, 1)}},
		{"Mul itself", func(_ *tensor.Tape, x []T) T { return x[0].Mul(x[0]) }, []gradcheck.Input{rnd(1, 5)}},
		{"Div", two(T.Div), []gradcheck.Input{rnd(1, 3, 4), pos(2, 3, 4)}},
		{"Div row", two(T.Div), []gradcheck.Input{rnd(1, 3, 4), pos(2, 4)}},
		{"Div by scalar", two(T.Div), []gradcheck.Input{rnd(1, 3, 4), pos(2, 1)}},
		{"Div of scalar", two(T.Div), []gradcheck.Input{rnd(1, 1), pos(2, 3, 4)}},
		{"AddScalar", one(func(x T) T { return x.AddScalar(2) }), []gradcheck.Input{rnd(1, 3)}},
		{"Scale", one(func(x T) T { return x.Scale(-3).Add(x) }), []gradcheck.Input{rnd(1, 3)}},
		{"Square", one(T.Square), []gradcheck.Input{rnd(1, 3)}},
		{"Exp", one(T.Exp), []gradcheck.Input{rnd(1, 7)}},
		{"Log", one(T.Log), []gradcheck.Input{pos(1, 7)}},
		{"Sqrt", one(T.Sqrt), []gradcheck.Input{pos(1, 7)}},
		{"ReLU", one(T.ReLU), []gradcheck.Input{rnd(1, 9).AwayFrom(0.1, 0)}},
		{"Tanh", one(T.Tanh), []gradcheck.Input{rnd(1, 9)}},
		{"Sigmoid", one(T.Sigmoid), []gradcheck.Input{rnd(1, 9)}},
		{"Sum", one(T.Sum), []gradcheck.Input{rnd(1, 3, 2)}},
		{"Mean", one(T.Mean), []gradcheck.Input{rnd(1, 3, 2)}},
		{"Reshape", one(func(x T) T { return x.Reshape(2, -1).Square() }), []gradcheck.Input{rnd(1, 3, 2)}},
		{"MatMul", two(T.MatMul), []gradcheck.Input{rnd(1, 3, 5), rnd(2, 5, 4)}},
		{"MatMul batch", two(T.MatMul), []gradcheck.Input{rnd(1, 2, 3, 5), rnd(2, 2, 5, 4)}},
		{"MatMul shared", two(T.MatMul), []gradcheck.Input{rnd(1, 2, 3, 5), rnd(2, 5, 4)}},
		{"MatMulT", two(T.MatMulT), []gradcheck.Input{rnd(1, 2, 3, 5), rnd(2, 2, 4, 5)}},
		{"Linear", func(_ *tensor.Tape, x []T) T { return x[0].Linear(x[1], x[2]) },
			[]gradcheck.Input{rnd(1, 2, 3, 5), rnd(2, 4, 5), rnd(3, 4)}},
		{"Linear without bias", two(func(x, w T) T { return x.Linear(w, T{}) }), []gradcheck.Input{rnd(1, 3, 5), rnd(2, 4, 5)}},
		{"SoftmaxCrossEntropy", one(func(x T) T { return x.SoftmaxCrossEntropy(tensor.NewInts([]int32{2, 0, 1})) }),
			[]gradcheck.Input{rnd(1, 3, 4)}},
		{"custom", one(cube), []gradcheck.Input{rnd(1, 4)}},
		{"used twice", func(_ *tensor.Tape, x []T) T { return x[0].Exp().Add(x[0].Tanh()).Mul(x[0]) }, []gradcheck.Input{rnd(1, 4)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := gradcheck.Check(c.f, c.in...); err != nil {
				t.Error(err)
			}
		})
	}
}

var opCube = tensor.NewOp("Cube", func(b tensor.Back) {
	dx := b.DX(0)
	for i, dy := range b.DY() {
		dx[i] += dy * 3 * b.X(0)[i] * b.X(0)[i]
	}
})

func cube(x tensor.Tensor) tensor.Tensor {
	y := x.Tape().Scratch(x.Size())
	for i, v := range x.Data() {
		y[i] = v * v * v
	}
	return opCube.Apply(y, x.Dims(), []tensor.Tensor{x})
}

// Kinks defeat finite differences in a fused layer, so it is held against its
// parts, which are checked above.
func TestLinearReLUEqualsItsParts(t *testing.T) {
	x, w, b := gradcheck.Random(1, 33, 5), gradcheck.Random(2, 7, 5), gradcheck.Random(3, 7)
	var want [4][]float32
	for k, f := range []func(x, w, b tensor.Tensor) tensor.Tensor{
		func(x, w, b tensor.Tensor) tensor.Tensor { return x.Linear(w, b).ReLU() },
		tensor.Tensor.LinearReLU,
	} {
		tape := tensor.NewTape(1)
		tx, tw, tb := tape.Variable(x.Data, x.Dims...), tape.Variable(w.Data, w.Dims...), tape.Variable(b.Data, b.Dims...)
		y := f(tx, tw, tb)
		g := y.Square().Mean().Backward()
		for i, got := range [][]float32{y.Data(), g.Wrt(tx), g.Wrt(tw), g.Wrt(tb)} {
			if k == 0 {
				want[i] = got
			} else if !slices.Equal(got, want[i]) {
				t.Errorf("result %d differs from the composition's", i)
			}
		}
	}
}
