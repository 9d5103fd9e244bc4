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

// Nor is it in the losses with a threshold or a margin: each has its limit.
func TestZeroThresholdsAndMargins(t *testing.T) {
	tape := tensor.NewTape(1)
	x, y := tape.Input([]float32{-2, -0.5, 0, 3}, 2, 2), tape.Input([]float32{1, -0.5, 2, 0}, 2, 2)
	labels := tensor.NewInts([]int32{1, 0})
	zero := tape.Scalar(0)
	for name, c := range map[string]struct{ got, want T }{
		"SmoothL1Loss": {nn.SmoothL1Loss{Beta: tensor.Zero}.Loss(x, y), nn.L1Loss{}.Loss(x, y)},
		"HuberLoss":    {nn.HuberLoss{Delta: tensor.Zero}.Loss(x, y), zero},
		"PseudoHuber":  {nn.PseudoHuberLoss{Delta: tensor.Zero}.Loss(x, y), zero},
		// Row 0: the label's score is the larger one. Row 1: 3 is 3 above the
		// label's 0.
		"MultiMargin": {nn.MultiMarginLoss{Margin: tensor.Zero}.Loss(x, labels), tape.Scalar(3. / 2 / 2)},
	} {
		if got, want := c.got.Item(), c.want.Item(); got-want > 1e-6 || want-got > 1e-6 || got != got {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
