package tensor_test

import (
	"slices"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/tensor"
)

// TestGradients holds every operation against finite differences.
func TestGradients(t *testing.T) {
	for _, c := range opCases() {
		t.Run(c.name, func(t *testing.T) {
			if err := gradcheck.Check(c.f, c.in...); err != nil {
				t.Error(err)
			}
		})
	}
}

type opCase struct {
	name string
	f    gradcheck.Func
	in   []gradcheck.Input
}

func opCases() []opCase {
	rnd, pos := gradcheck.Random, gradcheck.Positive
	one := func(f func(T) T) gradcheck.Func {
		return func(_ *tensor.Tape, x []T) T { return f(x[0]) }
	}
	two := func(f func(a, b T) T) gradcheck.Func {
		return func(_ *tensor.Tape, x []T) T { return f(x[0], x[1]) }
	}
	three := func(f func(a, b, c T) T) gradcheck.Func {
		return func(_ *tensor.Tape, x []T) T { return f(x[0], x[1], x[2]) }
	}
	runningMean, runningVar := tensor.NewBuffer(0.3, 2), tensor.NewBuffer(2, 2)
	return []opCase{
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
		{"MeanSquaredError", two(T.MeanSquaredError), []gradcheck.Input{rnd(1, 3, 4), rnd(2, 3, 4)}},
		{"MeanSquaredError of itself", func(_ *tensor.Tape, x []T) T { return x[0].MeanSquaredError(x[0].Square()) }, []gradcheck.Input{rnd(1, 3, 4)}},
		{"Sum", one(func(x T) T { return x.Sum() }), []gradcheck.Input{rnd(1, 3, 2)}},
		{"Mean", one(func(x T) T { return x.Mean() }), []gradcheck.Input{rnd(1, 3, 2)}},
		{"Reshape", one(func(x T) T { return x.Reshape(2, -1).Square() }), []gradcheck.Input{rnd(1, 3, 2)}},
		{"MatMul", two(T.MatMul), []gradcheck.Input{rnd(1, 3, 5), rnd(2, 5, 4)}},
		{"MatMul batch", two(T.MatMul), []gradcheck.Input{rnd(1, 2, 3, 5), rnd(2, 2, 5, 4)}},
		{"MatMul shared", two(T.MatMul), []gradcheck.Input{rnd(1, 2, 3, 5), rnd(2, 5, 4)}},
		{"MatMulT", two(T.MatMulT), []gradcheck.Input{rnd(1, 2, 3, 5), rnd(2, 2, 4, 5)}},
		{"MatMul broadcast", two(T.MatMul), []gradcheck.Input{rnd(1, 3, 1, 2, 4), rnd(2, 2, 4, 3)}},
		{"MatMul broadcast x", two(T.MatMul), []gradcheck.Input{rnd(1, 2, 4), rnd(2, 2, 3, 4, 2)}},
		{"MatMul broadcast y", two(T.MatMul), []gradcheck.Input{rnd(1, 2, 3, 2, 4), rnd(2, 2, 1, 4, 2)}},
		{"MatMulT broadcast", two(T.MatMulT), []gradcheck.Input{rnd(1, 1, 2, 2, 4), rnd(2, 3, 1, 3, 4)}},
		{"MatMulT broadcast x", two(T.MatMulT), []gradcheck.Input{rnd(1, 2, 4), rnd(2, 3, 3, 4)}},
		{"MatMulT shared", two(T.MatMulT), []gradcheck.Input{rnd(1, 3, 2, 4), rnd(2, 3, 4)}},
		{"Solve", two(func(a, b T) T { return a.Add(identity(a, 3).Scale(4)).Solve(b) }), []gradcheck.Input{rnd(1, 3, 3), rnd(2, 3, 2)}},
		{"Solve broadcast", two(func(a, b T) T { return a.Add(identity(a, 2).Scale(4)).Solve(b) }), []gradcheck.Input{rnd(1, 3, 1, 2, 2), rnd(2, 2, 2, 2)}},
		{"Solve itself", one(func(a T) T { a = a.Add(identity(a, 3).Scale(4)); return a.Solve(a.Square()) }), []gradcheck.Input{rnd(1, 3, 3)}},
		{"Cholesky", one(func(x T) T { return x.MatMulT(x).Add(identity(x, 3)).Cholesky() }), []gradcheck.Input{rnd(1, 2, 3, 4)}},
		{"QR", one(func(x T) T { q, r := x.QR(); return q.Square().MatMul(r.Square()) }), []gradcheck.Input{rnd(1, 2, 4, 3)}},
		{"QR wide", one(func(x T) T { q, r := x.QR(); return q.Square().MatMul(r.Square()) }), []gradcheck.Input{rnd(1, 2, 2, 4)}},
		{"Linear", func(_ *tensor.Tape, x []T) T { return x[0].Linear(x[1], x[2]) },
			[]gradcheck.Input{rnd(1, 2, 3, 5), rnd(2, 4, 5), rnd(3, 4)}},
		{"Linear without bias", two(func(x, w T) T { return x.Linear(w, T{}) }), []gradcheck.Input{rnd(1, 3, 5), rnd(2, 4, 5)}},
		{"SoftmaxCrossEntropy", one(func(x T) T { return x.SoftmaxCrossEntropy(tensor.NewInts([]int32{2, 0, 1})) }),
			[]gradcheck.Input{rnd(1, 3, 4)}},
		{"SigmoidCrossEntropy", two(func(x, y T) T { return x.SigmoidCrossEntropy(y.Sigmoid(), nil) }), []gradcheck.Input{rnd(1, 3, 4), rnd(2, 3, 4)}},
		{"SigmoidCrossEntropy weighted", two(func(x, y T) T { return x.SigmoidCrossEntropy(y.Sigmoid(), []float32{1, 2, 3, 0.5}) }), []gradcheck.Input{rnd(1, 3, 4), rnd(2, 3, 4)}},
		{"Maximum", two(T.Maximum), []gradcheck.Input{rnd(1, 3, 4), rnd(9, 4)}},
		{"Minimum", two(T.Minimum), []gradcheck.Input{rnd(1, 3, 1), rnd(9, 3, 4)}},
		{"Pow", two(T.Pow), []gradcheck.Input{pos(1, 3, 4), rnd(2, 4)}},
		{"PowScalar", one(func(x T) T { return x.PowScalar(1.7) }), []gradcheck.Input{pos(1, 4)}},
		{"PowScalar 3", one(func(x T) T { return x.PowScalar(3) }), []gradcheck.Input{rnd(1, 4)}},
		{"Where", func(tp *tensor.Tape, x []T) T { return tensor.Where(tp.Input([]float32{1, 0, 0, 2}, 4), x[0], x[1]) },
			[]gradcheck.Input{rnd(1, 3, 4), rnd(2, 3, 1)}},
		{"MaskedFill", func(tp *tensor.Tape, x []T) T { return x[0].MaskedFill(tp.Full(1, 4, 4).Triu(1), -9) },
			[]gradcheck.Input{rnd(1, 2, 4, 4)}},
		{"Clamp", one(func(x T) T { return x.Clamp(-0.5, 1) }), []gradcheck.Input{rnd(1, 20).AwayFrom(0.1, -0.5, 1)}},
		{"Abs", one(T.Abs), []gradcheck.Input{rnd(1, 9).AwayFrom(0.1, 0)}},
		{"Reciprocal", one(T.Reciprocal), []gradcheck.Input{pos(1, 9)}},
		{"Rsqrt", one(T.Rsqrt), []gradcheck.Input{pos(1, 9)}},
		{"Sin", one(T.Sin), []gradcheck.Input{rnd(1, 9)}},
		{"Cos", one(T.Cos), []gradcheck.Input{rnd(1, 9)}},
		{"Erf", one(T.Erf), []gradcheck.Input{rnd(1, 9)}},
		{"Log1p", one(T.Log1p), []gradcheck.Input{pos(1, 9)}},
		{"Expm1", one(T.Expm1), []gradcheck.Input{rnd(1, 9)}},
		{"Neg", one(T.Neg), []gradcheck.Input{rnd(1, 9)}},
		{"LeakyReLU", one(func(x T) T { return x.LeakyReLU(0.1) }), []gradcheck.Input{rnd(1, 9).AwayFrom(0.1, 0)}},
		{"ELU", one(func(x T) T { return x.ELU(0.7) }), []gradcheck.Input{rnd(1, 9).AwayFrom(0.1, 0)}},
		{"SELU", one(T.SELU), []gradcheck.Input{rnd(1, 9).AwayFrom(0.1, 0)}},
		{"GELU", one(T.GELU), []gradcheck.Input{rnd(1, 9)}},
		{"GELUTanh", one(T.GELUTanh), []gradcheck.Input{rnd(1, 9)}},
		{"SiLU", one(T.SiLU), []gradcheck.Input{rnd(1, 9)}},
		{"Mish", one(T.Mish), []gradcheck.Input{rnd(1, 9)}},
		{"Softplus", one(func(x T) T { return x.Softplus(2) }), []gradcheck.Input{rnd(1, 9)}},
		{"HardTanh", one(T.HardTanh), []gradcheck.Input{rnd(1, 9).AwayFrom(0.1, -1, 1)}},
		{"ReLU6", one(T.ReLU6), []gradcheck.Input{rnd(1, 9).AwayFrom(0.1, 0, 6)}},
		{"HardSigmoid", one(T.HardSigmoid), []gradcheck.Input{rnd(1, 9).AwayFrom(0.1, -3, 3)}},
		{"HardSwish", one(T.HardSwish), []gradcheck.Input{rnd(1, 9).AwayFrom(0.1, -3, 3)}},
		{"Softsign", one(T.Softsign), []gradcheck.Input{rnd(1, 9).AwayFrom(0.1, 0)}},
		{"LogSigmoid", one(T.LogSigmoid), []gradcheck.Input{rnd(1, 9)}},
		{"Sum axes", one(func(x T) T { return x.Sum(0, -1) }), []gradcheck.Input{rnd(1, 2, 3, 2, 2)}},
		{"Sum middle", one(func(x T) T { return x.Sum(1) }), []gradcheck.Input{rnd(1, 2, 3, 4)}},
		{"Sum after use", one(func(x T) T { return x.Mul(x.Sum(1).Unsqueeze(1)) }), []gradcheck.Input{rnd(1, 2, 3, 4)}},
		{"Mean axes", one(func(x T) T { return x.Sub(x.Mean(0, 2).Unsqueeze(0, 2)) }), []gradcheck.Input{rnd(1, 2, 3, 4)}},
		{"Var", one(func(x T) T { return x.Var(1, 0) }), []gradcheck.Input{rnd(1, 4, 3)}},
		{"Var biased", one(func(x T) T { return x.Var(0, 1, 2) }), []gradcheck.Input{rnd(1, 2, 3, 2)}},
		{"Norm", one(func(x T) T { return x.Norm(-1) }), []gradcheck.Input{rnd(1, 4, 3)}},
		{"Norm outer", one(func(x T) T { return x.Norm(0) }), []gradcheck.Input{rnd(1, 4, 3)}},
		{"Max", one(func(x T) T { return x.Max() }), []gradcheck.Input{rnd(1, 4, 3)}},
		{"Max axis", one(func(x T) T { return x.Max(0) }), []gradcheck.Input{rnd(3, 4, 3)}},
		{"Min axis", one(func(x T) T { return x.Min(1) }), []gradcheck.Input{rnd(3, 2, 3, 2)}},
		{"LogSumExp", one(func(x T) T { return x.LogSumExp(1) }), []gradcheck.Input{rnd(1, 2, 3, 2)}},
		{"LogSumExp last", one(func(x T) T { return x.LogSumExp(-1) }), []gradcheck.Input{rnd(1, 2, 3)}},
		{"Softmax", one(func(x T) T { return x.Softmax(-1) }), []gradcheck.Input{rnd(1, 2, 5)}},
		{"Softmax axis", one(func(x T) T { return x.Softmax(1) }), []gradcheck.Input{rnd(1, 2, 4, 3)}},
		{"LogSoftmax", one(func(x T) T { return x.LogSoftmax(-1) }), []gradcheck.Input{rnd(1, 2, 5)}},
		{"LogSoftmax axis", one(func(x T) T { return x.LogSoftmax(0) }), []gradcheck.Input{rnd(1, 2, 5)}},
		{"CumSum", one(func(x T) T { return x.CumSum(1).Square() }), []gradcheck.Input{rnd(1, 2, 4, 3)}},
		{"CumProd", one(func(x T) T { return x.CumProd(-1) }), []gradcheck.Input{rnd(1, 3, 4)}},
		{"Prod", one(func(x T) T { return x.Prod(0) }), []gradcheck.Input{rnd(1, 3, 4)}},
		{"Sort", one(func(x T) T { return values(x.Sort(0, true)).Square() }), []gradcheck.Input{rnd(3, 5, 2)}},
		{"TopK", one(func(x T) T { return values(x.TopK(-1, 2)).Square() }), []gradcheck.Input{rnd(3, 2, 5)}},
		{"Roll", one(func(x T) T { return x.Roll(1, 2).Mul(x) }), []gradcheck.Input{rnd(1, 2, 3)}},
		{"Tile", one(func(x T) T { return x.Tile(2, 3).Square() }), []gradcheck.Input{rnd(1, 2, 2)}},
		{"PadWith", one(func(x T) T { return x.PadWith(tensor.Reflect, 2, 1).PadWith(tensor.Circular, 0, 2, 1, 0).Square() }), []gradcheck.Input{rnd(1, 2, 3)}},
		{"Unfold", one(func(x T) T { return x.Unfold(tensor.Window{Kernel: [2]int{2, 2}, Padding: [2]int{1, 0}}).Square() }), []gradcheck.Input{rnd(1, 1, 2, 3, 3)}},
		{"Fold", one(func(x T) T { return x.Fold(3, 3, tensor.Window{Kernel: [2]int{2, 2}}).Square() }), []gradcheck.Input{rnd(1, 1, 8, 4)}},
		{"PixelShuffle", one(func(x T) T { return x.PixelShuffle(2).Square() }), []gradcheck.Input{rnd(1, 1, 4, 2, 2)}},
		{"PixelUnshuffle", one(func(x T) T { return x.PixelUnshuffle(2).Square() }), []gradcheck.Input{rnd(1, 1, 1, 4, 2)}},
		{"Resize", one(func(x T) T { return x.Resize(2, 5, tensor.Bicubic, true).Square() }), []gradcheck.Input{rnd(1, 1, 2, 4, 3)}},
		{"ScatterSet", two(func(a, b T) T { return a.ScatterSet(0, tensor.NewInts([]int32{1, 0, 1, 2}, 2, 2), b).Square() }), []gradcheck.Input{rnd(1, 3, 2), rnd(2, 2, 2)}},
		{"ScatterMax", two(func(a, b T) T { return a.ScatterMax(0, tensor.NewInts([]int32{1, 0, 1, 2}, 2, 2), b).Square() }), []gradcheck.Input{rnd(1, 3, 2), rnd(5, 2, 2)}},
		{"Einsum", three(func(a, b, c T) T { return tensor.Einsum("bij,bjk,ki->bi", a, b, c) }), []gradcheck.Input{rnd(1, 2, 2, 3), rnd(2, 2, 3, 2), rnd(3, 2, 2)}},
		{"Transpose", one(func(x T) T { return x.Transpose(0, 2).Square() }), []gradcheck.Input{rnd(1, 2, 3, 4)}},
		{"Permute", one(func(x T) T { return x.Permute(2, 0, 3, 1).Mul(x.Permute(2, 0, 3, 1)) }), []gradcheck.Input{rnd(1, 2, 3, 2, 2)}},
		{"Permute after use", one(func(x T) T { return x.Transpose(0, 1).MatMul(x.Square()) }), []gradcheck.Input{rnd(1, 2, 3)}},
		{"Slice", one(func(x T) T { return x.Slice(1, 1, -1).Square() }), []gradcheck.Input{rnd(1, 2, 5, 2)}},
		{"SliceStep", one(func(x T) T { return x.SliceStep(-1, 1, tensor.End, 2).Square() }), []gradcheck.Input{rnd(1, 2, 6)}},
		{"Select", one(func(x T) T { return x.Select(1, -1).Square() }), []gradcheck.Input{rnd(1, 2, 3, 2)}},
		{"Flip", one(func(x T) T { return x.Flip(1).Mul(x) }), []gradcheck.Input{rnd(1, 2, 3)}},
		{"Expand", one(func(x T) T { return x.Expand(2, -1, 4).Square() }), []gradcheck.Input{rnd(1, 3, 1)}},
		{"Expand after use", one(func(x T) T {
			return x.Expand(3, 4).Square().Sum().Add(x.Square().Sum()).Add(x.Expand(3, 4).Exp().Sum())
		}), []gradcheck.Input{rnd(1, 3, 1)}},
		{"Expand columns after use", one(func(x T) T { return x.Expand(3, 4).Exp().Sum().Add(x.Square().Sum()) }), []gradcheck.Input{rnd(1, 4)}},
		{"Squeeze", one(func(x T) T { return x.Squeeze(1).Unsqueeze(0, 2).Square() }), []gradcheck.Input{rnd(1, 3, 1, 2)}},
		{"Concat", func(_ *tensor.Tape, x []T) T { return tensor.Concat(1, x[0], x[1], x[0], x[1], x[0].Exp()).Square() },
			[]gradcheck.Input{rnd(1, 2, 3), rnd(2, 2, 1)}},
		{"Stack", func(_ *tensor.Tape, x []T) T { return tensor.Stack(-1, x[0], x[1], x[0]).Square() },
			[]gradcheck.Input{rnd(1, 2, 3), rnd(2, 2, 3)}},
		{"Split", one(func(x T) T { p := x.Split(1, 1, 2); return p[0].Mul(p[1]) }), []gradcheck.Input{rnd(1, 2, 3)}},
		{"Chunk", one(func(x T) T { p := x.Chunk(0, 2); return p[0].Mul(p[1]) }), []gradcheck.Input{rnd(1, 4, 3)}},
		{"Pad", one(func(x T) T { return x.Pad(2, 1, 0, 2, 1).Square() }), []gradcheck.Input{rnd(1, 2, 2, 3)}},
		{"Rows", one(func(x T) T { return x.Rows(tensor.NewInts([]int32{2, 0, 2, 1}, 2, 2)).Square() }), []gradcheck.Input{rnd(1, 3, 2)}},
		{"EmbedBag", one(func(x T) T {
			return x.EmbedBag(tensor.NewInts([]int32{2, 0, 2, 1, 1, 9}, 2, 3), tensor.NewInts([]int32{3, 2}), 0, true).Square()
		}), []gradcheck.Input{rnd(1, 3, 2)}},
		{"IndexSelect", one(func(x T) T { return x.IndexSelect(1, tensor.NewInts([]int32{2, 0, 2})).Square() }), []gradcheck.Input{rnd(1, 2, 3, 2)}},
		{"Gather", one(func(x T) T { return x.Gather(1, tensor.NewInts([]int32{2, 0, 1, 1}, 2, 2)).Square() }), []gradcheck.Input{rnd(1, 2, 3)}},
		{"ScatterAdd", two(func(x, s T) T { return x.ScatterAdd(1, tensor.NewInts([]int32{2, 0, 1, 1}, 2, 2), s).Square() }),
			[]gradcheck.Input{rnd(1, 2, 3), rnd(2, 2, 2)}},
		{"Tril", one(func(x T) T { return x.Tril(0) }), []gradcheck.Input{rnd(1, 2, 3, 4)}},
		{"Triu", one(func(x T) T { return x.Triu(-1) }), []gradcheck.Input{rnd(1, 4, 3)}},
		{"kept gradient", one(func(x T) T { return x.Abs().AddScalar(1).Log().RetainGrad().ReLU().RetainGrad() }), []gradcheck.Input{rnd(1, 4).AwayFrom(0.1, 0)}},
		{"Conv2D", three(func(x, w, b T) T {
			return x.Conv2D(w, b, tensor.Conv{Stride: [2]int{2, 1}, Padding: [2]int{1, 2}, Dilation: [2]int{1, 2}})
		}), []gradcheck.Input{rnd(1, 2, 2, 5, 4), rnd(2, 3, 2, 3, 2), rnd(3, 3)}},
		{"Conv2D groups", three(func(x, w, b T) T { return x.Conv2D(w, b, tensor.Conv{Groups: 2}) }),
			[]gradcheck.Input{rnd(1, 2, 4, 3, 3), rnd(2, 4, 2, 2, 2), rnd(3, 4)}},
		{"Conv1D", three(func(x, w, b T) T {
			return x.Conv1D(w, b, tensor.Conv{Stride: [2]int{2}, Padding: [2]int{1}, Dilation: [2]int{2}})
		}), []gradcheck.Input{rnd(1, 2, 2, 7), rnd(2, 3, 2, 3), rnd(3, 3)}},
		{"ConvTranspose2D", three(func(x, w, b T) T {
			return x.ConvTranspose2D(w, b, tensor.Conv{Stride: [2]int{2, 3}, Padding: [2]int{1, 0}}, [2]int{1, 2})
		}), []gradcheck.Input{rnd(1, 2, 2, 3, 2), rnd(2, 2, 3, 3, 2), rnd(3, 3)}},
		{"ConvTranspose1D", three(func(x, w, b T) T {
			return x.ConvTranspose1D(w, b, tensor.Conv{Stride: [2]int{3}, Padding: [2]int{1}, Dilation: [2]int{2}, Groups: 2}, 2)
		}), []gradcheck.Input{rnd(1, 2, 4, 5), rnd(2, 4, 2, 3), rnd(3, 4)}},
		{"ConvTranspose2D groups after use", func(_ *tensor.Tape, x []T) T {
			return x[0].ConvTranspose2D(x[1], T{}, tensor.Conv{Groups: 2}, [2]int{}).Sum().Mul(x[0])
		}, []gradcheck.Input{rnd(1, 1, 4, 2, 2), rnd(2, 4, 1, 2, 2)}},
		{"MaxPool2D", one(func(x T) T { return x.MaxPool2D(tensor.Pool{Kernel: [2]int{2, 2}}) }), []gradcheck.Input{rnd(1, 2, 2, 4, 4)}},
		{"MaxPool2D overlapping", one(func(x T) T {
			return x.MaxPool2D(tensor.Pool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 1}, Padding: [2]int{1, 1}, CeilMode: true})
		}), []gradcheck.Input{spaced(1, 2, 4, 4)}},
		{"MaxPool1D", one(func(x T) T { return x.MaxPool1D(tensor.Pool{Kernel: [2]int{2}}) }), []gradcheck.Input{rnd(1, 2, 2, 5)}},
		{"AvgPool2D", one(func(x T) T {
			return x.AvgPool2D(tensor.Pool{Kernel: [2]int{3, 2}, Stride: [2]int{1, 2}, Padding: [2]int{1, 0}, ExcludePad: true})
		}), []gradcheck.Input{rnd(1, 2, 2, 4, 4)}},
		{"AvgPool1D", one(func(x T) T { return x.AvgPool1D(tensor.Pool{Kernel: [2]int{2}, Stride: [2]int{1}}) }), []gradcheck.Input{rnd(1, 2, 2, 5)}},
		{"AdaptiveAvgPool2D", one(func(x T) T { return x.AdaptiveAvgPool2D(2, 3) }), []gradcheck.Input{rnd(1, 2, 2, 5, 4)}},
		{"MaxPool2DIndices", one(func(x T) T { return values(x.MaxPool2DIndices(tensor.Pool{Kernel: [2]int{2, 2}})) }), []gradcheck.Input{spaced(1, 2, 4, 4)}},
		{"AdaptiveMaxPool2D", one(func(x T) T { return values(x.AdaptiveMaxPool2D(2, 3)) }), []gradcheck.Input{spaced(1, 2, 4, 4)}},
		{"MaxUnpool2D", one(func(x T) T {
			return x.MaxUnpool2D(tensor.NewInts([]int32{3, 0, 8, 1}, 1, 2, 1, 2), 3, 3).Square()
		}), []gradcheck.Input{rnd(1, 1, 2, 1, 2)}},
		{"UpsampleNearest", one(func(x T) T { return x.UpsampleNearest(4, 5) }), []gradcheck.Input{rnd(1, 2, 1, 2, 3)}},
		{"UpsampleBilinear", one(func(x T) T { return x.UpsampleBilinear(4, 5, false) }), []gradcheck.Input{rnd(1, 2, 1, 2, 3)}},
		{"UpsampleBilinear corners", one(func(x T) T { return x.UpsampleBilinear(3, 5, true) }), []gradcheck.Input{rnd(1, 2, 1, 2, 3)}},
		{"LayerNorm", three(func(x, w, b T) T { return x.LayerNorm(w, b, 1e-5) }), []gradcheck.Input{rnd(1, 3, 5), rnd(2, 5), rnd(3, 5)}},
		{"LayerNorm two axes", three(func(x, w, b T) T { return x.LayerNorm(w, b, 1e-5) }), []gradcheck.Input{rnd(1, 3, 2, 3), rnd(2, 2, 3), rnd(3, 2, 3)}},
		{"LayerNorm plain", one(func(x T) T { return x.LayerNorm(T{}, T{}, 1e-5) }), []gradcheck.Input{rnd(1, 3, 5)}},
		{"RMSNorm", two(func(x, w T) T { return x.RMSNorm(w, 1e-5) }), []gradcheck.Input{rnd(1, 3, 5), rnd(2, 5)}},
		{"Rotary", one(func(x T) T { return x.Rotary(tensor.Rotary{Width: 4, Position: 3}) }), []gradcheck.Input{rnd(1, 2, 3, 8)}},
		{"Rotary adjacent", one(func(x T) T { return x.Rotary(tensor.Rotary{Width: 4, Heads: 1, Base: 5, Adjacent: true}) }), []gradcheck.Input{rnd(1, 2, 3, 7)}},
		{"Rotary after use", func(_ *tensor.Tape, x []T) T { return x[0].Rotary(tensor.Rotary{Width: 2, Heads: 1}).Mul(x[0]) }, []gradcheck.Input{rnd(1, 3, 5)}},
		{"GroupNorm", three(func(x, w, b T) T { return x.GroupNorm(2, w, b, 1e-5) }), []gradcheck.Input{rnd(1, 2, 4, 3), rnd(2, 4), rnd(3, 4)}},
		{"GroupNorm plain", one(func(x T) T { return x.GroupNorm(1, T{}, T{}, 1e-5) }), []gradcheck.Input{rnd(1, 2, 4, 1, 2)}},
		{"BatchNorm", three(func(x, w, b T) T { return x.BatchNorm(w, b, nil, nil, 0, 1e-5) }), []gradcheck.Input{rnd(1, 5, 3), rnd(2, 3), rnd(3, 3)}},
		{"BatchNorm images", three(func(x, w, b T) T { return x.BatchNorm(w, b, nil, nil, 0, 1e-5) }), []gradcheck.Input{rnd(1, 2, 3, 2, 2), rnd(2, 3), rnd(3, 3)}},
		{"BatchNorm plain", one(func(x T) T { return x.BatchNorm(T{}, T{}, nil, nil, 0, 1e-5) }), []gradcheck.Input{rnd(1, 2, 3, 4)}},
		{"BatchNorm evaluation", func(tp *tensor.Tape, x []T) T {
			tp.SetTraining(false)
			return x[0].BatchNorm(x[1], x[2], runningMean, runningVar, 0.1, 1e-5)
		}, []gradcheck.Input{rnd(1, 2, 2, 3), rnd(2, 2), rnd(3, 2)}},
		{"LocalResponseNorm", one(func(x T) T { return x.LocalResponseNorm(3, 0.5, 0.75, 1) }), []gradcheck.Input{rnd(1, 2, 5, 2)}},
		{"LocalResponseNorm even", one(func(x T) T { return x.LocalResponseNorm(4, 0.5, 0.75, 2) }), []gradcheck.Input{rnd(1, 1, 6, 1, 2)}},
		{"Dropout", one(func(x T) T { return x.Dropout(0.4) }), []gradcheck.Input{rnd(1, 20)}},
		{"SpatialDropout", one(func(x T) T { return x.SpatialDropout(0.4) }), []gradcheck.Input{rnd(1, 2, 8, 2, 2)}},
		{"custom", one(cube), []gradcheck.Input{rnd(1, 4)}},
		{"used twice", func(_ *tensor.Tape, x []T) T { return x[0].Exp().Add(x[0].Tanh()).Mul(x[0]) }, []gradcheck.Input{rnd(1, 4)}},
	}
}

// spaced makes an input whose elements are a tenth apart, so that a finite
// difference changes no maximum.
func spaced(dims ...int) gradcheck.Input {
	in := gradcheck.Random(1, dims...)
	for i := range in.Data {
		in.Data[i] = float32(i*37%101)/10 - 5
	}
	return in
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
