package tensor_test

import (
	"fmt"
	"math"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/tensor"
)

// Every fused operation is held against its composition from primitives,
// forward and gradients, at sizes where vectors, tiles and workers come into
// play.
func TestFusedEqualsComposition(t *testing.T) {
	none := T{}
	one := func(f func(a T) T) func([]T) T { return func(x []T) T { return f(x[0]) } }
	two := func(f func(a, b T) T) func([]T) T { return func(x []T) T { return f(x[0], x[1]) } }
	three := func(f func(a, b, c T) T) func([]T) T { return func(x []T) T { return f(x[0], x[1], x[2]) } }
	normalise := func(x T, axes ...int) T {
		d := x.Sub(x.Mean(axes...).Unsqueeze(axes...))
		return d.Mul(x.Var(0, axes...).AddScalar(1e-5).Unsqueeze(axes...).Rsqrt())
	}
	running := tensor.RunningNorm{Mean: tensor.NewBuffer(0.25, 7), Variance: tensor.NewBuffer(2, 7), Eps: 1e-3, ReLU: true}
	normalised := func(x T) T { return x.AddScalar(-0.25).Scale(float32(1 / math.Sqrt(2.001))).ReLU() }
	for _, c := range []struct {
		name            string
		fused, composed func([]T) T
		in              [][]int
	}{
		{"Softmax", one(func(x T) T { return x.Softmax(-1) }),
			one(func(x T) T { e := x.Exp(); return e.Div(e.Sum(-1).Unsqueeze(-1)) }), [][]int{{37, 130}}},
		{"LogSoftmax", one(func(x T) T { return x.LogSoftmax(1) }),
			one(func(x T) T { return x.Sub(x.LogSumExp(1).Unsqueeze(1)) }), [][]int{{5, 33, 7}}},
		{"LogSumExp", one(func(x T) T { return x.LogSumExp(0) }), one(func(x T) T { return x.Exp().Sum(0).Log() }), [][]int{{65, 9}}},
		{"Var", one(func(x T) T { return x.Var(1, 1, 2) }),
			one(func(x T) T { return x.Sub(x.Mean(1, 2).Unsqueeze(1, 2)).Square().Sum(1, 2).Scale(1.0 / (7*33 - 1)) }), [][]int{{4, 7, 33}}},
		{"Norm", one(func(x T) T { return x.Norm(-1) }), one(func(x T) T { return x.Square().Sum(-1).Sqrt() }), [][]int{{20, 50}}},
		{"Linear", three(func(x, w, b T) T { return x.Linear(w, b) }),
			three(func(x, w, b T) T { return x.MatMul(w.Transpose(0, 1)).Add(b) }), [][]int{{3, 50, 40}, {70, 40}, {70}}},
		{"MatMul shared", two(T.MatMul), two(func(x, y T) T { return x.MatMul(y.Expand(6, -1, -1)) }), [][]int{{6, 20, 33}, {33, 17}}},
		{"MatMulT", two(T.MatMulT), two(func(x, y T) T { return x.MatMul(y.Transpose(-2, -1)) }), [][]int{{2, 1, 20, 33}, {3, 17, 33}}},
		{"LayerNorm", three(func(x, w, b T) T { return x.LayerNorm(w, b, 1e-5) }),
			three(func(x, w, b T) T { return normalise(x, -1).Mul(w).Add(b) }), [][]int{{33, 70}, {70}, {70}}},
		{"RMSNorm", two(func(x, w T) T { return x.RMSNorm(w, 1e-5) }),
			two(func(x, w T) T {
				return x.Mul(x.Square().Mean(-1).AddScalar(1e-5).Unsqueeze(-1).Rsqrt()).Mul(w)
			}), [][]int{{33, 70}, {70}}},
		{"GroupNorm", three(func(x, w, b T) T { return x.GroupNorm(3, w, b, 1e-5) }),
			three(func(x, w, b T) T {
				return normalise(x.Reshape(4, 3, 2*9*11), 2).Reshape(x.Dims()...).Mul(w.Unsqueeze(1, 2)).Add(b.Unsqueeze(1, 2))
			}), [][]int{{4, 6, 9, 11}, {6}, {6}}},
		{"BatchNorm", three(func(x, w, b T) T { return x.BatchNorm(w, b, nil, nil, 0, 1e-5) }),
			three(func(x, w, b T) T { return normalise(x, 0, 2, 3).Mul(w.Unsqueeze(1, 2)).Add(b.Unsqueeze(1, 2)) }), [][]int{{5, 6, 9, 11}, {6}, {6}}},
		{"BatchNorm rows", three(func(x, w, b T) T { return x.BatchNorm(w, b, nil, nil, 0, 1e-5) }),
			three(func(x, w, b T) T { return normalise(x, 0).Mul(w).Add(b) }), [][]int{{50, 33}, {33}, {33}}},
		{"LocalResponseNorm", one(func(x T) T { return x.LocalResponseNorm(5, 0.3, 0.75, 1) }),
			one(func(x T) T {
				sum := x.Square().Pad(0, 0, 0, 2, 2)
				total := sum.Slice(1, 0, 8)
				for k := 1; k < 5; k++ {
					total = total.Add(sum.Slice(1, k, 8+k))
				}
				return x.Mul(total.Scale(0.3 / 5).AddScalar(1).PowScalar(-0.75))
			}), [][]int{{3, 8, 19}}},
		{"Conv2D", three(func(x, w, b T) T {
			return x.Conv2D(w, b, tensor.Conv{Stride: [2]int{2, 1}, Padding: [2]int{1, 1}})
		}), three(func(x, w, b T) T { return convolve(x, w, 2, 1, 1, 1).Add(b.Unsqueeze(1, 2)) }), [][]int{{3, 5, 14, 12}, {7, 5, 3, 3}, {7}}},
		{"Conv2D 3×3", three(func(x, w, b T) T { return x.Conv2D(w, b, tensor.Conv{Padding: [2]int{1, 1}}) }),
			three(func(x, w, b T) T { return convolve(x, w, 1, 1, 1, 1).Add(b.Unsqueeze(1, 2)) }), [][]int{{4, 16, 17, 19}, {24, 16, 3, 3}, {24}}},
		{"Conv2D dilated", two(func(x, w T) T { return x.Conv2D(w, none, tensor.Conv{Dilation: [2]int{2, 2}}) }),
			two(func(x, w T) T { return convolve(x, w, 1, 1, 0, 2) }), [][]int{{2, 4, 11, 13}, {6, 4, 3, 3}}},
		{"Conv2D groups", two(func(x, w T) T { return x.Conv2D(w, none, tensor.Conv{Groups: 2}) }),
			two(func(x, w T) T {
				return tensor.Concat(1, convolve(x.Slice(1, 0, 4), w.Slice(0, 0, 3), 1, 1, 0, 1), convolve(x.Slice(1, 4, 8), w.Slice(0, 3, 6), 1, 1, 0, 1))
			}), [][]int{{2, 8, 9, 7}, {6, 4, 3, 3}}},
		{"Conv1D", two(func(x, w T) T { return x.Conv1D(w, none, tensor.Conv{Stride: [2]int{2}, Padding: [2]int{1}}) }),
			two(func(x, w T) T {
				return x.Unsqueeze(2).Conv2D(w.Unsqueeze(2), none, tensor.Conv{Stride: [2]int{1, 2}, Padding: [2]int{0, 1}}).Squeeze(2)
			}), [][]int{{3, 5, 40}, {6, 5, 3}}},
		// A transposed convolution of stride 1 is a convolution with the
		// flipped kernel, its two channel axes swapped.
		{"ConvTranspose2D", two(func(x, w T) T { return x.ConvTranspose2D(w, none, tensor.Conv{}, [2]int{}) }),
			two(func(x, w T) T {
				return x.Conv2D(w.Transpose(0, 1).Flip(2, 3), none, tensor.Conv{Padding: [2]int{2, 2}})
			}), [][]int{{2, 5, 9, 8}, {5, 6, 3, 3}}},
		{"BatchNormReLU", three(func(x, w, b T) T { return x.BatchNormReLU(w, b, nil, nil, 0, 1e-5) }),
			three(func(x, w, b T) T { return x.BatchNorm(w, b, nil, nil, 0, 1e-5).ReLU() }), [][]int{{5, 7, 6, 3}, {7}, {7}}},
		{"BatchNormReLU rows", three(func(x, w, b T) T { return x.BatchNormReLU(w, b, nil, nil, 0, 1e-5) }),
			three(func(x, w, b T) T { return x.BatchNorm(w, b, nil, nil, 0, 1e-5).ReLU() }), [][]int{{40, 7}, {7}, {7}}},
		{"BatchNormReLU few channels", three(func(x, w, b T) T { return x.BatchNormReLU(w, b, nil, nil, 0, 1e-5) }),
			three(func(x, w, b T) T { return x.BatchNorm(w, b, nil, nil, 0, 1e-5).ReLU() }), [][]int{{5, 2, 6, 3}, {2}, {2}}},
		{"Conv2DBatchNorm", three(func(x, w, b T) T { return x.Conv2DBatchNorm(w, b, tensor.Conv{}, running) }),
			three(func(x, w, b T) T { return normalised(x.Conv2D(w, b, tensor.Conv{})) }), [][]int{{3, 5, 14, 12}, {7, 5, 3, 3}, {7}}},
		{"Conv2DBatchNorm ReLU6", three(func(x, w, b T) T {
			r := running
			r.ReLU6 = true
			return x.Scale(5).Conv2DBatchNorm(w, b, tensor.Conv{Groups: 7, More: [2]int{1, 2}}, r)
		}), three(func(x, w, b T) T {
			return normalised(x.Scale(5).Pad(0, 0, 2, 0, 1).Conv2D(w, b, tensor.Conv{Groups: 7})).ReLU6()
		}), [][]int{{3, 7, 14, 12}, {7, 1, 3, 3}, {7}}},
		{"Conv1DBatchNorm", three(func(x, w, b T) T { return x.Conv1DBatchNorm(w, b, tensor.Conv{}, running) }),
			three(func(x, w, b T) T { return normalised(x.Conv1D(w, b, tensor.Conv{})) }), [][]int{{3, 5, 40}, {7, 5, 3}, {7}}},
		{"Conv2DReLU", three(func(x, w, b T) T { return x.Conv2DReLU(w, b, tensor.Conv{}) }),
			three(func(x, w, b T) T { return x.Conv2D(w, b, tensor.Conv{}).ReLU() }), [][]int{{3, 5, 14, 12}, {7, 5, 3, 3}, {7}}},
		{"Conv2DMaxPool", three(func(x, w, b T) T { return x.Conv2DMaxPool(w, b, tensor.Conv{Stride: [2]int{1, 2}}, true) }),
			three(func(x, w, b T) T {
				return x.Conv2D(w, b, tensor.Conv{Stride: [2]int{1, 2}}).ReLU().MaxPool2D(tensor.Pool{Kernel: [2]int{2, 2}})
			}), [][]int{{3, 5, 15, 23}, {7, 5, 3, 3}, {7}}},
		{"Conv2DMaxPool tiles", three(func(x, w, b T) T { return x.Conv2DMaxPool(w, b, tensor.Conv{}, false) }),
			three(func(x, w, b T) T {
				return x.Conv2D(w, b, tensor.Conv{}).MaxPool2D(tensor.Pool{Kernel: [2]int{2, 2}})
			}), [][]int{{3, 16, 13, 14}, {17, 16, 3, 3}, {17}}},
		{"Conv2DMaxPool groups", two(func(x, w T) T { return x.Conv2DMaxPool(w, none, tensor.Conv{Groups: 2}, true) }),
			two(func(x, w T) T {
				return x.Conv2D(w, none, tensor.Conv{Groups: 2}).ReLU().MaxPool2D(tensor.Pool{Kernel: [2]int{2, 2}})
			}), [][]int{{2, 8, 9, 7}, {6, 4, 3, 3}}},
		{"MaxPool2D", one(func(x T) T { return x.MaxPool2D(tensor.Pool{Kernel: [2]int{2, 2}}) }),
			one(func(x T) T { return x.Reshape(3, 4, 9, 2, 8, 2).Max(3, 5) }), [][]int{{3, 4, 18, 16}}},
		{"AvgPool2D", one(func(x T) T { return x.AvgPool2D(tensor.Pool{Kernel: [2]int{3, 2}}) }),
			one(func(x T) T { return x.Reshape(3, 4, 6, 3, 8, 2).Mean(3, 5) }), [][]int{{3, 4, 18, 16}}},
		{"AdaptiveAvgPool2D", one(func(x T) T { return x.AdaptiveAvgPool2D(1, 1) }),
			one(func(x T) T { return x.Mean(2, 3).Unsqueeze(2, 3) }), [][]int{{3, 4, 18, 16}}},
		{"UpsampleNearest", one(func(x T) T { return x.UpsampleNearest(18, 21) }),
			one(func(x T) T { return x.Unsqueeze(3, 5).Expand(2, 3, 6, 3, 7, 3).Reshape(2, 3, 18, 21) }), [][]int{{2, 3, 6, 7}}},
		{"SiLU", one(T.SiLU), one(func(x T) T { return x.Mul(x.Sigmoid()) }), [][]int{{1000}}},
		{"GELU", one(T.GELU), one(func(x T) T {
			return x.Scale(0.5).Mul(x.Scale(float32(math.Sqrt2) / 2).Erf().AddScalar(1))
		}), [][]int{{1000}}},
		{"Mish", one(T.Mish), one(func(x T) T { return x.Mul(x.Softplus(1).Tanh()) }), [][]int{{1000}}},
		{"Softplus", one(func(x T) T { return x.Softplus(1) }), one(func(x T) T { return x.Exp().Log1p() }), [][]int{{1000}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var want [][]float32
			for _, f := range []func([]T) T{c.composed, c.fused} {
				tape := tensor.NewTape(1)
				xs := make([]T, len(c.in))
				for k, dims := range c.in {
					xs[k] = tape.Variable(gradcheck.Random(uint64(k), dims...).Data, dims...)
				}
				y := f(xs)
				g := y.BackwardFrom(gradcheck.Random(99, y.Dims()...).Data)
				got := [][]float32{y.Data()}
				for _, x := range xs {
					got = append(got, g.Wrt(x))
				}
				if want == nil {
					want = got
					continue
				}
				for k := range got {
					closeTo(t, fmt.Sprintf("result or gradient %d", k), got[k], want[k])
				}
			}
		})
	}
}

// convolve is a convolution from slices and matrix products: for each tap of
// the window, the pixels under it times that tap's weights.
func convolve(x, w T, strideH, strideW, pad, dilation int) T {
	x = x.Pad(0, pad, pad, pad, pad)
	n, h, wd := x.Dim(0), x.Dim(2), x.Dim(3)
	out, kh, kw := w.Dim(0), w.Dim(2), w.Dim(3)
	oh, ow := (h-dilation*(kh-1)-1)/strideH+1, (wd-dilation*(kw-1)-1)/strideW+1
	var sum T
	for i := range kh {
		for j := range kw {
			under := x.SliceStep(2, i*dilation, i*dilation+(oh-1)*strideH+1, strideH).
				SliceStep(3, j*dilation, j*dilation+(ow-1)*strideW+1, strideW)
			y := w.Select(3, j).Select(2, i).MatMul(under.Reshape(n, -1, oh*ow)) // [out, in]·[n, in, pixels]
			if sum.Valid() {
				y = sum.Add(y)
			}
			sum = y
		}
	}
	return sum.Reshape(n, out, oh, ow)
}
