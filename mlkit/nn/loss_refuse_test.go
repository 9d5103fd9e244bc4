package nn_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Targets, weights and settings with which a loss would fall without end, say
// nothing, or be another one.
func TestLossesRefuse(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Variable([]float32{1, 2, 3, 4}, 2, 2)
	in := func(v ...float32) T { return tape.Input(v, 2, 2) }
	labels, nan := tensor.NewInts([]int32{0, 1}), float32(math.NaN())
	ones := in(1, 1, 1, 1)
	for _, c := range []struct {
		why  string
		loss func() T
	}{
		{"target 2 at element 1", func() T { return nn.BinaryCrossEntropy(x, in(1, 2, 1, 0)) }},
		{"target -1 at element 3", func() T { return nn.BinaryCrossEntropy(x, in(1, 1, 1, -1)) }},
		{"target 2 at element 0", func() T { return nn.BCELoss{}.Loss(x.Sigmoid(), in(2, 1, 1, 0)) }},
		{"target 2 at element 0", func() T { return nn.BinaryFocalLoss{}.Loss(x, in(2, 1, 1, 0)) }},
		{"weight 0 is -3", func() T { return nn.BCEWithLogitsLoss{PosWeight: []float32{-3}}.Loss(x, ones) }},
		{"weight 1 is NaN", func() T { return nn.BCEWithLogitsLoss{Weight: []float32{1, nan}}.Loss(x, ones) }},
		{"weight 0 is -1", func() T { return nn.BCELoss{Weight: []float32{-1}}.Loss(x.Sigmoid(), ones) }},
		{"weight 1 is -1", func() T { return nn.CrossEntropyLoss{Weight: []float32{1, -1}}.Loss(x, labels) }},
		{"weight 0 is +Inf", func() T {
			return nn.CrossEntropyLoss{Weight: []float32{float32(math.Inf(1)), 1}}.Loss(x, labels)
		}},
		{"weight 1 is -1", func() T { return nn.FocalLoss{Weight: []float32{1, -1}}.Loss(x, labels) }},
		{"weight 1 is -1", func() T { return nn.MultiMarginLoss{Weight: []float32{1, -1}}.Loss(x, labels) }},
		{"weight 1 is -1", func() T { return nn.NLLLoss{Weight: []float32{1, -1}}.Loss(x, labels) }},
		{"LabelSmoothing is 1.5", func() T { return nn.CrossEntropyLoss{LabelSmoothing: 1.5}.Loss(x, labels) }},
		{"LabelSmoothing is NaN", func() T { return nn.CrossEntropyLoss{LabelSmoothing: nan}.Loss(x, labels) }},
		{"LabelSmoothing is -0.1", func() T { return nn.CrossEntropyLoss{LabelSmoothing: -0.1}.Soft(x, in(1, 0, 0, 1)) }},
		{"LabelSmoothing is 1", func() T {
			return nn.CrossEntropyLoss{LabelSmoothing: 1}.Linear(x, x, tensor.Tensor{}, labels)
		}},
		{"row 1 of the target sums up to 2", func() T { return nn.CrossEntropyLoss{}.Soft(x, in(1, 0, 1, 1)) }},
		{"row 0 of the target holds -1", func() T { return nn.CrossEntropyLoss{}.Soft(x, in(2, -1, 0, 1)) }},
		{"BinaryCrossEntropy", func() T { return nn.CrossEntropy(x.Reshape(4, 1), tensor.NewInts(make([]int32, 4))) }},
		{"BinaryCrossEntropy", func() T { return nn.CrossEntropyLoss{}.Soft(x.Reshape(4, 1), ones.Reshape(4, 1)) }},
		{"Gamma is -2", func() T { return nn.FocalLoss{Gamma: -2}.Loss(x, labels) }},
		{"Gamma is -2", func() T { return nn.BinaryFocalLoss{Gamma: -2}.Loss(x, ones) }},
		{"Alpha is 3", func() T { return nn.BinaryFocalLoss{Alpha: 3}.Loss(x, ones) }},
		{"target 0 at element 2: must be −1 or 1", func() T { return nn.HingeLoss{}.Loss(x, in(1, -1, 0, 1)) }},
		{"target 0 at element 2: must be −1 or 1", func() T { return nn.HingeEmbeddingLoss{}.Loss(x, in(1, -1, 0, 1)) }},
		{"target 0 at element 1: must be −1 or 1", func() T {
			return nn.CosineEmbeddingLoss{}.Loss(x, x, tape.Input([]float32{1, 0}, 2))
		}},
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, c.why) {
					t.Errorf("got %q, want %q", p, c.why)
				}
			}()
			c.loss()
		}()
	}
	// A target that cannot be a probability is not one of 0.
	if l := (nn.KLDivLoss{}).Loss(x.LogSoftmax(-1), in(1, -1, 0, 0)); l.IsFinite() {
		t.Errorf("a divergence of %v from a negative probability", l.Item())
	}
	// Roundings and padding are none of these.
	nn.BinaryCrossEntropy(x, in(1.000001, 0, 0.5, -1e-6))
	nn.CrossEntropyLoss{}.Soft(x, in(0, 0, 0.7, 0.300001))
}
