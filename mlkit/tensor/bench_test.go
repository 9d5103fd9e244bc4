package tensor_test

import (
	"testing"

	"descent/mlkit/tensor"
)

func BenchmarkOps(b *testing.B) {
	img := []int{64, 32, 28, 28}
	mat := []int{4096, 512}
	none := T{}
	buf, bv := tensor.NewBuffer(0, 32), tensor.NewBuffer(1, 32)
	for _, c := range []struct {
		name string
		dims []int
		f    func(x T) T
	}{
		{"Add", mat, func(x T) T { return x.Add(x.Tape().Scalar(1)) }},
		{"AddSame", mat, func(x T) T { return x.Add(x) }},
		{"Mul", mat, func(x T) T { return x.Mul(x) }},
		{"MulRow", mat, func(x T) T { return x.Mul(x.Tape().Full(2, 512)) }},
		{"ReLU", mat, func(x T) T { return x.ReLU() }},
		{"LeakyReLU", mat, func(x T) T { return x.LeakyReLU(0.1) }},
		{"GELU", mat, func(x T) T { return x.GELU() }},
		{"Tanh", mat, func(x T) T { return x.Tanh() }},
		{"Sum1", mat, func(x T) T { return x.Sum(1) }},
		{"Sum0", mat, func(x T) T { return x.Sum(0) }},
		{"Var1", mat, func(x T) T { return x.Var(0, 1) }},
		{"Max1", mat, func(x T) T { return x.Max(1) }},
		{"LogSumExp1", mat, func(x T) T { return x.LogSumExp(1) }},
		{"Softmax", mat, func(x T) T { return x.Softmax(-1) }},
		{"Transpose", mat, func(x T) T { return x.Transpose(0, 1) }},
		{"Permute", img, func(x T) T { return x.Permute(0, 2, 3, 1) }},
		{"Slice", mat, func(x T) T { return x.Slice(1, 0, 256) }},
		{"Concat", mat, func(x T) T { return tensor.Concat(1, x, x) }},
		{"LayerNorm", mat, func(x T) T { return x.LayerNorm(none, none, 1e-5) }},
		{"RMSNorm", mat, func(x T) T { return x.RMSNorm(none, 1e-5) }},
		{"GroupNorm", img, func(x T) T { return x.GroupNorm(4, none, none, 1e-5) }},
		{"BatchNorm", img, func(x T) T { return x.BatchNorm(none, none, buf, bv, 0.1, 1e-5) }},
		{"BatchNormRows", []int{4096, 32}, func(x T) T { return x.BatchNorm(none, none, buf, bv, 0.1, 1e-5) }},
		{"LRN", img, func(x T) T { return x.LocalResponseNorm(5, 1e-4, 0.75, 1) }},
		{"MaxPool", img, func(x T) T { return x.MaxPool2D(tensor.Pool{Kernel: [2]int{2, 2}}) }},
		{"AvgPool", img, func(x T) T { return x.AvgPool2D(tensor.Pool{Kernel: [2]int{2, 2}}) }},
		{"GlobalAvg", img, func(x T) T { return x.Mean(2, 3) }},
		{"Nearest", []int{64, 32, 14, 14}, func(x T) T { return x.UpsampleNearest(28, 28) }},
		{"Bilinear", []int{64, 32, 14, 14}, func(x T) T { return x.UpsampleBilinear(28, 28, false) }},
		{"Dropout", mat, func(x T) T { return x.Dropout(0.5) }},
	} {
		x := fill(0, false, c.dims...)
		tape := tensor.NewTape(1)
		var weight []float32
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				tape.Reset()
				y := c.f(tape.Variable(x, c.dims...))
				if len(weight) != y.Size() {
					weight = make([]float32, y.Size())
				}
				y.BackwardFrom(weight)
			}
		})
	}
}
