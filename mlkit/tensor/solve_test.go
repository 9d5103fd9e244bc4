package tensor_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/tensor"
)

// refusedBy gives the error that f panics with.
func refusedBy(f func()) (err error) {
	defer func() { err, _ = recover().(error) }()
	f()
	return nil
}

// A matrix without an answer is refused, and the message says which and why.
func TestSingularMatricesAreRefused(t *testing.T) {
	tape := tensor.NewTape(1)
	batch := tape.Input([]float32{2, 1, 1, 3, 1, 2, 2, 4}, 2, 2, 2) // the second has rank 1
	for _, c := range []struct {
		name  string
		f     func()
		which int
		says  []string
	}{
		{"Solve", func() { batch.Solve(tape.Full(1, 2, 1)) }, 1, []string{"Solve of [2 2 2]", "matrix 1", "singular", "condition number about +Inf"}},
		{"Solve, nearly", func() { // a pivot of rounding errors alone
			tape.Input([]float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, 3, 3).Solve(tape.Full(1, 3, 1))
		}, 0, []string{"Solve of [3 3]", "the matrix", "singular"}},
		{"Cholesky", func() { tape.Input([]float32{1, 2, 2, 1}, 1, 2, 2).Cholesky() }, 0, []string{"Cholesky of [1 2 2]", "not positive definite"}},
		{"QR", func() { tape.Variable([]float32{1, 2, 2, 4, 3, 6}, 3, 2).QR() }, 0, []string{"QR of [3 2]", "depend on each other", "condition number"}},
	} {
		var s *tensor.SingularError
		err := refusedBy(c.f)
		if !errors.As(err, &s) || s.Matrix != c.which {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		for _, part := range c.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", c.name, err, part)
			}
		}
	}
	var shape *tensor.ShapeError
	if err := refusedBy(func() { tape.Input([]float32{2, 1, 0, 2}, 2, 2).Cholesky() }); !errors.As(err, &shape) || !strings.Contains(err.Error(), "symmetric") {
		t.Errorf("an asymmetric matrix: %v", err)
	}
	// Without a gradient, dependent columns have a decomposition.
	q, r := tape.Input([]float32{1, 2, 2, 4, 3, 6}, 3, 2).QR()
	closeTo(t, "product", q.MatMul(r).Data(), []float32{1, 2, 2, 4, 3, 6})
}

// NaN goes through, as through every operation, and does not touch its
// neighbours.
func TestDecompositionsOfNaN(t *testing.T) {
	nan := float32(math.NaN())
	tape := tensor.NewTape(1)
	x := tape.Variable([]float32{2, 0, 0, 3, nan, 1, 1, 2}, 2, 2, 2)
	q, _ := x.QR()
	for name, y := range map[string]T{"Solve": x.Solve(tape.Full(1, 2, 2)), "Cholesky": x.Cholesky(), "QR": q} {
		d := y.Data()
		if slices.ContainsFunc(d[:4], func(v float32) bool { return v != v }) || !slices.ContainsFunc(d[4:], func(v float32) bool { return v != v }) {
			t.Errorf("%s: %v", name, d)
		}
	}
}

// A system that float32 would not solve, and matrices beyond the size at which
// LAPACK works in blocks.
func TestSolveIsAccurate(t *testing.T) {
	tape := tensor.NewTape(1)
	a := tape.Input([]float32{4097, 4098, 4096, 4097}, 2, 2) // condition 7e7, determinant 1
	closeTo(t, "ill-conditioned", a.Solve(tape.Input([]float32{8195, 8193}, 2, 1)).Data(), []float32{1, 1})
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 150
	big := make([]float32, n*n)
	for i := range big {
		big[i] = float32(rng.NormFloat64())
	}
	a = tape.Input(big, n, n)
	unit := identity(a, n)
	closeTo(t, "A⁻¹·A", a.Solve(a).Data(), unit.Data())
	q, r := a.QR()
	closeTo(t, "QᵀQ", q.Transpose(0, 1).MatMul(q).Data(), unit.Data())
	closeTo(t, "QR", q.MatMul(r).Data(), big)
	p := a.MatMulT(a).Add(unit)
	l := p.Cholesky()
	closeTo(t, "LLᵀ", l.MatMulT(l).Data(), p.Data())
}

// The distance of points from a line, through the normal equations: the
// gradient of what is left, with respect to the points, is orthogonal to the
// line's columns.
func ExampleTensor_Solve() {
	t := tensor.NewTape(1)
	x := t.Input([]float32{1, 0, 1, 1, 1, 2, 1, 3}, 4, 2) // a constant and a slope
	y := t.Variable([]float32{1, 3, 4, 8}, 4, 1)
	xt := x.Transpose(0, 1)
	w := xt.MatMul(x).Solve(xt.MatMul(y))
	rest := x.MatMul(w).Sub(y)
	g := rest.Square().Sum().Backward().Wrt(y)
	fmt.Printf("%.2f, left %.2f\n", w.Data(), rest.Data())
	fmt.Printf("gradient %.2f\n", g)
	// Output:
	// [0.70 2.20], left [-0.30 -0.10 1.10 -0.70]
	// gradient [0.60 0.20 -2.20 1.40]
}
