package gradcheck_test

import (
	"math"
	"strings"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/tensor"
)

// double is 2x with a gradient that is wrong by a factor.
func double(factor float32) gradcheck.Func {
	op := tensor.NewOp("Double", func(b tensor.Back) {
		dx := b.DX(0)
		for i, dy := range b.DY() {
			dx[i] += dy * factor
		}
	})
	return func(t *tensor.Tape, x []tensor.Tensor) tensor.Tensor {
		y := t.Scratch(x[0].Size())
		for i, v := range x[0].Data() {
			y[i] = 2 * v
		}
		return op.Apply(y, x[0].Dims(), x[:1])
	}
}

func TestCheckFindsWrongGradients(t *testing.T) {
	in := gradcheck.Random(1, 3)
	if err := gradcheck.Check(double(2), in); err != nil {
		t.Errorf("a right gradient: %v", err)
	}
	for _, factor := range []float32{0, -2, 2.02, float32(math.NaN())} {
		if err := gradcheck.Check(double(factor), in); err == nil || !strings.Contains(err.Error(), "input 0, element") {
			t.Errorf("factor %v for 2: %v", factor, err)
		}
	}
	if err := gradcheck.CheckTol(0.1, double(2.02), in); err != nil {
		t.Errorf("within a tolerance of a tenth: %v", err)
	}
}

// A gradient that never arrives counts as zero, of inputs and of parameters.
func TestCheckFindsMissingGradients(t *testing.T) {
	p := tensor.ParamOf([]float32{1, 2}, 2)
	p.Name = "scale"
	right := func(t *tensor.Tape, x []tensor.Tensor) tensor.Tensor { return x[0].Mul(t.Use(p)) }
	wrong := func(t *tensor.Tape, x []tensor.Tensor) tensor.Tensor { return x[0].Mul(t.Use(p).Detach()) }
	in, params := gradcheck.Random(1, 2), []*tensor.Param{p}
	if err := gradcheck.CheckParams(gradcheck.Tolerance, right, params, in); err != nil {
		t.Error(err)
	}
	if err := gradcheck.CheckParams(gradcheck.Tolerance, wrong, params, in); err == nil || !strings.Contains(err.Error(), `parameter 0 "scale"`) {
		t.Errorf("%v", err)
	}
	if p.Data[0] != 1 || p.Data[1] != 2 {
		t.Errorf("the check changed the parameter to %v", p.Data)
	}
}

func TestInputs(t *testing.T) {
	for _, v := range gradcheck.Positive(1, 50).Data {
		if v < 0.5 {
			t.Errorf("Positive gives %v", v)
		}
	}
	for _, v := range gradcheck.Random(1, 500).AwayFrom(0.1, 0, 1).Data {
		if math.Abs(float64(v)) < 0.0999 || math.Abs(float64(v)-1) < 0.0999 {
			t.Errorf("AwayFrom gives %v", v)
		}
	}
}
