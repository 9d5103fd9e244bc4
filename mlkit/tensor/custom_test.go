package tensor_test

import (
	"math"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/tensor"
)

// scaledExp is s·eˣ for x [n, m] and s [m], written as a user of the package
// would: it saves eˣ, and needs working memory on the way back.
var scaledExp = tensor.NewOp("ScaledExp", func(b tensor.Back) {
	m := b.Dims(1)[0]
	if dx := b.DX(0); dx != nil {
		for i, dy := range b.DY() {
			dx[i] += dy * b.Y()[i]
		}
	}
	if ds := b.DX(1); ds != nil {
		sums := b.Scratch(m)
		for i, dy := range b.DY() {
			sums[i%m] += dy * b.Saved(0)[i]
		}
		for j, v := range sums {
			ds[j] += v
		}
	}
})

func applyScaledExp(x, s T) T {
	t := x.Tape()
	e, y := t.Scratch(x.Size()), t.Scratch(x.Size())
	for i, v := range x.Data() {
		e[i] = float32(math.Exp(float64(v)))
		y[i] = e[i] * s.Data()[i%s.Size()]
	}
	return scaledExp.Apply(y, x.Dims(), []T{x, s}, e)
}

func TestCustomOperation(t *testing.T) {
	f := func(_ *tensor.Tape, x []T) T { return applyScaledExp(x[0], x[1]) }
	if err := gradcheck.Check(f, gradcheck.Random(1, 3, 4), gradcheck.Random(2, 4)); err != nil {
		t.Error(err)
	}
	tape := tensor.NewTape(1)
	x, s := tape.Input(make([]float32, 6), 3, 2), tape.Variable([]float32{1, 2}, 2)
	g := applyScaledExp(x, s).Sum().Backward()
	if got := g.Wrt(s); got[0] != 3 || got[1] != 3 {
		t.Errorf("gradient %v of the scales, want 3 each", got)
	}
	mustPanic(t, "1 to 4 operands", func() { scaledExp.Apply(nil, []int{0}, nil) })
	mustPanic(t, "ScaledExp of [3]: 2 elements", func() { scaledExp.Apply(make([]float32, 2), []int{3}, []T{x}) })
}
