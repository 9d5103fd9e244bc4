package nn_test

import (
	"slices"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// An explicit zero is zero, not the default. (losses.py has the losses.)
func TestZeroIsNotTheDefault(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Input([]float32{-2, -0.5, 0, 3}, 1, 4)
	for name, c := range map[string]struct{ got, want T }{
		"LeakyReLU": {nn.LeakyReLU{Slope: tensor.Zero}.Forward(x), x.ReLU()},
		"ELU":       {nn.ELU{Alpha: tensor.Zero}.Forward(x), x.ReLU()},
		"LRN":       {nn.LocalResponseNorm{Size: 3, Alpha: tensor.Zero}.Forward(x), x},
	} {
		if got := c.got.Data(); !slices.Equal(got, c.want.Data()) {
			t.Errorf("%s: %v, want %v", name, got, c.want.Data())
		}
	}
}
