package explain_test

import (
	"math"
	"testing"

	"descent/mlkit/explain"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Other kinds of models than images' and tables': what is shared out adds up to
// the difference of the scores, also after training, when batch normalisation
// has statistics to take.
func TestKindsOfModels(t *testing.T) {
	r := nn.NewRand(1)
	gru, word := nn.NewGRU(r, nn.Recurrent{In: 4, Hidden: 6, Bidirectional: true}), nn.NewLinear(r, 12, 3)
	norm, conv, deep := nn.NewBatchNorm(4), nn.NewConv2D(r, nn.Conv{In: 1, Out: 4, Kernel: 3, Padding: 1}), nn.NewConv2D(r, nn.Conv{In: 4, Out: 4, Kernel: 3, Padding: 1})
	top, one := nn.NewLinear(r, 4*25, 2), nn.NewLinear(r, 6, 1)
	left, right, both := nn.NewLinear(r, 4, 5), nn.NewLinear(r, 2, 5), nn.NewLinear(r, 5, 2)
	resnet := func(x tensor.Tensor) tensor.Tensor {
		y := norm.Forward(conv.Forward(x)).ReLU()
		return top.Forward(y.Add(deep.Forward(y)).ReLU().Flatten())
	}
	x := make([]float32, 200)
	for k := range x {
		x[k] = r.Float32()
	}
	resnet(tensor.NewTape(1).Input(x, 8, 1, 5, 5)) // leaves statistics
	for name, m := range map[string]struct {
		f      explain.Scores
		dims   []int
		groups int // of how many elements each
	}{
		"words' vectors": {func(x tensor.Tensor) tensor.Tensor { return word.Forward(gru.Forward(x).Mean(1)) }, []int{6, 4}, 4},
		"residual":       {resnet, []int{1, 5, 5}, 5},
		"one number":     {func(x tensor.Tensor) tensor.Tensor { return one.Forward(x).Tanh().Squeeze(1) }, []int{6}, 1},
		"two inputs": {func(x tensor.Tensor) tensor.Tensor {
			return both.Forward(left.Forward(x.Slice(1, 0, 4)).Add(right.Forward(x.Slice(1, 4, 6))).Tanh())
		}, []int{6}, 2},
	} {
		in := explain.Input{X: x[:tensor.SizeOf(m.dims)], Dims: m.dims}
		for k := range in.X {
			in.Groups = append(in.Groups, k/m.groups)
		}
		score, base, err := explain.Score(m.f, in)
		if err != nil {
			t.Fatal(name, err)
		}
		gradients, err := explain.IntegratedGradients(m.f, in, 50)
		if err != nil {
			t.Fatal(name, err)
		}
		shares, err := explain.Shapley(m.f, in)
		if err != nil {
			t.Fatal(name, err)
		}
		for method, v := range map[string][]float32{"gradients": gradients, "shares": shares} {
			sum := 0.0
			for k, x := range v {
				if method == "gradients" || k%m.groups == 0 {
					sum += float64(x)
				}
			}
			if d := math.Abs(sum - (score - base)); d > 1e-3 || score == base {
				t.Errorf("%s: %s add up to %v, the score changes by %v", name, method, sum, score-base)
			}
		}
	}
}
