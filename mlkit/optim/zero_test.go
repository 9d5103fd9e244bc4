package optim_test

import (
	"testing"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// A factor or radius of tensor.Zero is zero, not the default.
func TestZeroIsNotTheDefault(t *testing.T) {
	moved := func(step func(*optim.Optimizer, *tensor.Tape, func(*tensor.Tape) tensor.Tensor), factor float64) float32 {
		p := tensor.NewParam(1)
		p.Data[0] = 3
		o := optim.New([]*tensor.Param{p}, optim.Groups(optim.Group{Rule: optim.SGD(0.1), Factor: factor}))
		step(o, tensor.NewTape(1), func(t *tensor.Tape) tensor.Tensor { x := t.Use(p); return x.Mul(x).Mul(x).Sum() })
		return p.Data[0] - 3
	}
	plain := func(o *optim.Optimizer, t *tensor.Tape, loss func(*tensor.Tape) tensor.Tensor) {
		o.Step(loss(t).Backward())
	}
	sam := func(rho float64) func(*optim.Optimizer, *tensor.Tape, func(*tensor.Tape) tensor.Tensor) {
		s := &optim.SAM{Rho: rho}
		return func(o *optim.Optimizer, t *tensor.Tape, loss func(*tensor.Tape) tensor.Tensor) { s.Step(o, t, loss) }
	}
	if d := moved(plain, tensor.Zero); d != 0 {
		t.Errorf("a group's factor of zero moves the parameter by %v", d)
	}
	if a, b, c := moved(plain, 1), moved(sam(tensor.Zero), 1), moved(sam(0), 1); a != b || a == c {
		t.Errorf("plain step %v, SAM with radius zero %v, by default %v", a, b, c)
	}
}
