package tensor_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/tensor"
)

// Whatever the shapes and arguments, empty ones and far too many axes among
// them, an operation works, forward and backward, or refuses with a ShapeError
// (or a message of this package): never with an index out of range.
func TestAnyShapeWorksOrIsRefused(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	tape := tensor.NewTape(1)
	dims := func() []int {
		d := make([]int, rng.IntN(7))
		for k := range d {
			d[k] = rng.IntN(4)
		}
		if rng.IntN(3) == 0 { // shapes that images fit
			d = []int{rng.IntN(3), 1 + rng.IntN(4), 1 + rng.IntN(6), 1 + rng.IntN(6)}[:3+rng.IntN(2)]
		}
		return d
	}
	arg := func() int { return rng.IntN(9) - 3 }
	pair := func() [2]int { // most often small
		if rng.IntN(8) == 0 {
			return [2]int{arg(), arg()}
		}
		return [2]int{rng.IntN(3), rng.IntN(3)}
	}
	tensorOf := func() T { d := dims(); return tape.Variable(fill(0, false, d...), d...) }
	ints := func() tensor.Ints {
		d := dims()
		v := make([]int32, count(d))
		for i := range v {
			v[i] = int32(rng.IntN(3))
		}
		return tensor.NewInts(v, d...)
	}
	running := func() tensor.RunningNorm {
		c := rng.IntN(4)
		return tensor.RunningNorm{Mean: tensor.NewBuffer(0.5, c), Variance: tensor.NewBuffer(2, c), Eps: 1e-5, ReLU: rng.IntN(2) == 0}
	}
	maybe := func() T {
		if rng.IntN(2) == 0 {
			return T{}
		}
		return tensorOf()
	}
	channels := func(x T) T { // most often a vector that fits
		if x.Rank() < 2 || rng.IntN(4) == 0 {
			return maybe()
		}
		return tape.Variable(fill(1, false, x.Dim(1)), x.Dim(1))
	}
	conv := func() tensor.Conv {
		return tensor.Conv{Stride: pair(), Padding: pair(), More: [2]int{rng.IntN(2), rng.IntN(2)}, Dilation: pair(), Groups: rng.IntN(3)}
	}
	pool := func() tensor.Pool {
		return tensor.Pool{Kernel: pair(), Stride: pair(), Padding: pair(), Dilation: pair(), CeilMode: rng.IntN(2) == 0, ExcludePad: rng.IntN(2) == 0}
	}
	weights := func(x T) T {
		in := 1
		if x.Rank() > 1 {
			in = x.Dim(1)
		}
		d := []int{1 + rng.IntN(3), in, 1 + rng.IntN(3), 1 + rng.IntN(3)}
		if x.Rank() == 3 {
			d = d[:3]
		}
		if rng.IntN(4) == 0 {
			d = dims()
		}
		return tape.Variable(fill(1, false, d...), d...)
	}
	// Sequences: operands that fit, with lengths that are often 0.
	batch, time := 0, 0
	seq := func(last int) T { // [batch, time, last]
		batch, time = rng.IntN(4), rng.IntN(4)
		return tape.Variable(fill(2, false, batch, time, last), batch, time, last)
	}
	v := func(d ...int) T { return tape.Variable(fill(3, false, d...), d...) }
	lengths := func(n, most int) tensor.Ints {
		l := make([]int32, n)
		for i := range l {
			l[i] = int32(rng.IntN(most + 1))
		}
		return [2]tensor.Ints{{}, tensor.NewInts(l, n)}[rng.IntN(2)]
	}
	attend := func(tk int) tensor.Attend {
		a := tensor.Attend{Heads: rng.IntN(3), Causal: rng.IntN(2) == 0, Dropout: float32(rng.IntN(2)) / 2}
		if rng.IntN(2) == 0 {
			p := make([]int32, batch*tk)
			for i := range p {
				p[i] = int32(rng.IntN(2))
			}
			a.Padding = tensor.NewInts(p, batch, tk)
		}
		if rng.IntN(3) == 0 {
			a.KVHeads = rng.IntN(3)
		}
		if rng.IntN(3) == 0 {
			d := []int{[]int{1, batch}[rng.IntN(2)], []int{1, a.Heads}[rng.IntN(2)], []int{1, time}[rng.IntN(2)], tk}
			a.Bias = v(d[rng.IntN(4):]...)
		}
		if rng.IntN(3) == 0 {
			a.Relative = v([]int{1, a.Heads}[rng.IntN(2)], max(time+tk-1, 0))
		}
		return a
	}
	recurrent := func(gates int, run func(x T, w tensor.Recurrent) T) func(T) T {
		return func(T) T {
			in, h := rng.IntN(3), rng.IntN(3)
			x := seq(in)
			steps, rows := batch, time
			w := tensor.Recurrent{WeightIH: v(gates*h, in), WeightHH: v(gates*h, h), BiasIH: v(gates * h), Reverse: rng.IntN(2) == 0, Lengths: lengths(rows, steps)}
			if rng.IntN(2) == 0 {
				w.BiasHH, w.H0 = v(gates*h), v(rows, h)
			}
			return run(x, w)
		}
	}
	labels := func(n, classes int) tensor.Ints {
		l := make([]int32, n)
		for i := range l {
			l[i] = int32(rng.IntN(max(classes, 1)))
		}
		return tensor.NewInts(l, n)
	}
	// unary are the element-wise functions of one tensor.
	unary := map[string]func(T) T{
		"ReLU": T.ReLU, "Tanh": T.Tanh, "Sigmoid": T.Sigmoid, "SELU": T.SELU, "GELU": T.GELU, "GELUTanh": T.GELUTanh, "SiLU": T.SiLU, "Mish": T.Mish,
		"HardTanh": T.HardTanh, "ReLU6": T.ReLU6, "HardSigmoid": T.HardSigmoid, "HardSwish": T.HardSwish, "Softsign": T.Softsign, "LogSigmoid": T.LogSigmoid,
		"Neg": T.Neg, "Sign": T.Sign, "Floor": T.Floor, "Round": T.Round, "Exp": T.Exp, "Expm1": T.Expm1, "Log": T.Log, "Log1p": T.Log1p, "Sqrt": T.Sqrt, "Rsqrt": T.Rsqrt,
		"Reciprocal": T.Reciprocal, "Square": T.Square, "Abs": T.Abs, "Sin": T.Sin, "Cos": T.Cos, "Erf": T.Erf, "Detach": T.Detach, "RetainGrad": T.RetainGrad,
	}
	ops := map[string]func(x T) T{
		"AddScalar": func(x T) T { return x.AddScalar(2) }, "Scale": func(x T) T { return x.Scale(2) },
		"LeakyReLU": func(x T) T { return x.LeakyReLU(0.1) }, "ELU": func(x T) T { return x.ELU(0.1) }, "Softplus": func(x T) T { return x.Softplus(2) },
		"PowScalar": func(x T) T { return x.PowScalar(3) }, "Clamp": func(x T) T { return x.Clamp(-1, 1) },
		"Sub": func(x T) T { return x.Sub(tensorOf()) }, "Div": func(x T) T { return x.Div(tensorOf()) }, "Pow": func(x T) T { return x.Pow(tensorOf()) },
		"LessEqual": func(x T) T { return x.LessEqual(tensorOf()) }, "Greater": func(x T) T { return x.Greater(tensorOf()) },
		"GreaterEqual": func(x T) T { return x.GreaterEqual(tensorOf()) }, "Equal": func(x T) T { return x.Equal(tensorOf()) },
		"NotEqual": func(x T) T { return x.NotEqual(tensorOf()) }, "Maximum": func(x T) T { return x.Maximum(tensorOf()) },
		"Minimum": func(x T) T { return x.Minimum(tensorOf()) }, "MaskedFill": func(x T) T { return x.MaskedFill(tensorOf(), 1) },
		"MeanSquaredError": func(x T) T { return x.MeanSquaredError([]T{x.Square(), tensorOf()}[rng.IntN(2)]) },
		"SoftmaxCrossEntropy": func(x T) T {
			if x.Rank() == 0 {
				return x.SoftmaxCrossEntropy(ints())
			}
			classes := x.Dim(-1)
			return x.SoftmaxCrossEntropy(labels(x.Size()/max(classes, 1), classes))
		},
		"LinearCrossEntropy": func(x T) T {
			if x.Rank() == 0 {
				return x.LinearCrossEntropy(tensor.LinearCrossEntropy{Weight: x, Labels: ints()})
			}
			classes, in := rng.IntN(4), x.Dim(-1)
			l := tensor.LinearCrossEntropy{Weight: v(classes, in), Bias: v(classes), Labels: labels(x.Size()/max(in, 1), classes)}
			if rng.IntN(2) == 0 {
				l.RowWeight = make([]float32, len(l.Labels.Data))
			}
			return x.LinearCrossEntropy(l)
		},
		"SigmoidCrossEntropy": func(x T) T {
			return x.SigmoidCrossEntropy([]T{x.Square(), tensorOf()}[rng.IntN(2)], make([]float32, rng.IntN(4)))
		},
		"LinearReLU": func(x T) T { return x.LinearReLU(v(rng.IntN(3), x.Size()/max(1, x.Dim(0))), T{}) },
		"LinearGELU": func(x T) T { return x.LinearGELU(v(rng.IntN(3), x.Dim(-1)), T{}) },
		"LinearAdd":  func(x T) T { return x.LinearAdd(v(x.Dim(-1), x.Dim(-1)), v(x.Dim(-1)), x) },
		"LinearRows": func(x T) T { return x.LinearRows(v(3, x.Dim(-1)), v(3), arg(), arg()) },
		"FeedForward": func(x T) T {
			h, out := rng.IntN(3), rng.IntN(3)
			f := tensor.FeedForward{Weight1: v(h, x.Dim(-1)), Weight2: v(out, h), Bias2: v(out), GELU: rng.IntN(2) == 0}
			if out == x.Dim(-1) {
				f.Add = x
			}
			return x.FeedForward(f)
		},
		"LSTM":           recurrent(4, func(x T, w tensor.Recurrent) T { y, h, c := x.LSTM(w); return y.Sum().Add(h.Sum()).Add(c.Sum()) }),
		"GRU":            recurrent(3, func(x T, w tensor.Recurrent) T { y, h := x.GRU(w); return y.Sum().Add(h.Sum()) }),
		"GRUResetBefore": recurrent(3, func(x T, w tensor.Recurrent) T { y, h := x.GRUResetBefore(w); return y.Sum().Add(h.Sum()) }),
		"RNN":            recurrent(1, func(x T, w tensor.Recurrent) T { return first(x.RNN(w, rng.IntN(2) == 0)) }),
		"Attention": func(T) T {
			d := 2 * rng.IntN(3)
			q := seq(d)
			tk := rng.IntN(4)
			a := attend(tk)
			if a.KVHeads == 1 && a.Heads > 0 {
				d /= a.Heads
			}
			k := v(batch, tk, d)
			return first(q.Attention(k, []T{k, v(batch, tk, d)}[rng.IntN(2)], a))
		},
		"SelfAttention": func(T) T { x := seq(6 * rng.IntN(3)); return first(x.SelfAttention(attend(time))) },
		"CrossAttention": func(T) T {
			d := 2 * rng.IntN(3)
			q := seq(d)
			tk := rng.IntN(4)
			return first(q.CrossAttention(v(batch, tk, 2*d), attend(tk)))
		},
		"CachedSelfAttention": func(T) T {
			x := seq(6 * rng.IntN(3)).Detach()
			c := &tensor.KeyValues{}
			x.CachedSelfAttention(c, tensor.Attend{Heads: 2})
			return x.CachedSelfAttention(c, tensor.Attend{Heads: 2})
		},
		"CachedAttention": func(T) T {
			d := 2 * rng.IntN(3)
			x := seq(d).Detach()
			c, tk := &tensor.KeyValues{}, rng.IntN(4)
			c.Append(v(batch, tk, 2*d))
			return x.CachedAttention(c, nil, attend(tk))
		},
		"SelfAttentionLayer": func(T) T {
			d, out := 2*rng.IntN(3), rng.IntN(3)
			x := seq(rng.IntN(3))
			return first(x.SelfAttentionLayer(tensor.SelfAttentionLayer{Attend: attend(time), InWeight: v(3*d, x.Dim(2)), InBias: v(3 * d), OutWeight: v(out, d)}))
		},
		"TimeMajor": func(T) T { x := seq(rng.IntN(3)); return x.TimeMajor(lengths(batch, time)) },
		"JoinDirections": func(T) T {
			x := seq(rng.IntN(3))
			return x.JoinDirections([]T{{}, x, x.Square()}[rng.IntN(3)], rng.IntN(2) == 0, lengths(time, batch))
		},
		"CTC": func(T) T {
			classes := rng.IntN(4)
			x := seq(classes)
			s := rng.IntN(3)
			l := labels(batch*s, classes)
			for i, c := range l.Data {
				l.Data[i] = max(c, int32(rng.IntN(2))) // 0 is the blank
			}
			l = tensor.NewInts(l.Data, batch, s)
			return x.CTC(tensor.CTCTargets{Labels: l, LabelLengths: lengths(batch, s), InputLengths: lengths(batch, time), ZeroInfinity: rng.IntN(2) == 0})
		},
		"Conv2DReLU":       func(x T) T { return x.Conv2DReLU(weights(x), T{}, conv()) },
		"Conv2DBatchNorm":  func(x T) T { return x.Conv2DBatchNorm(weights(x), T{}, conv(), running()) },
		"Conv1DBatchNorm":  func(x T) T { return x.Conv1DBatchNorm(weights(x), T{}, conv(), running()) },
		"Conv2DMaxPool":    func(x T) T { return x.Conv2DMaxPool(weights(x), T{}, tensor.Conv{Padding: pair()}, rng.IntN(2) == 0) },
		"AvgPool1D":        func(x T) T { return x.AvgPool1D(pool()) },
		"EmbedBag":         func(x T) T { return x.EmbedBag(ints(), tensor.Ints{}, arg(), rng.IntN(2) == 0) },
		"EmbedBag lengths": func(x T) T { return x.EmbedBag(ints(), lengths(batch, time), arg(), rng.IntN(2) == 0) },
		"Embed":            func(x T) T { return x.Embed(ints(), arg()) },
		"Add":              func(x T) T { return x.Add(tensorOf()) },
		"Mul":              func(x T) T { return tensorOf().Mul(x) },
		"Less":             func(x T) T { return x.Less(tensorOf()) },
		"Where":            func(x T) T { return tensor.Where(x, tensorOf(), tensorOf()) },
		"MatMul":           func(x T) T { return x.MatMul(tensorOf()) },
		"MatMulT":          func(x T) T { return x.MatMulT(x) },
		"Linear":           func(x T) T { return x.Linear(tensorOf(), maybe()) },
		"Sum":              func(x T) T { return x.Sum(arg(), arg()) },
		"Mean":             func(x T) T { return x.Mean(arg()) },
		"Var":              func(x T) T { return x.Var(arg(), arg()) },
		"Norm":             func(x T) T { return x.Norm(arg()) },
		"Max":              func(x T) T { return x.Max(arg()) },
		"Min":              func(x T) T { return x.Min() },
		"LogSumExp":        func(x T) T { return x.LogSumExp(arg()) },
		"ArgMax":           func(x T) T { x.ArgMax(arg()); return x },
		"Softmax":          func(x T) T { return x.Softmax(arg()) },
		"LogSoftmax":       func(x T) T { return x.LogSoftmax(arg()) },
		"Reshape":          func(x T) T { return x.Reshape(arg(), arg(), arg()) },
		"Flatten":          func(x T) T { return x.Flatten() },
		"Squeeze":          func(x T) T { return x.Squeeze() },
		"Squeeze axis":     func(x T) T { return x.Squeeze(arg()) },
		"Unsqueeze":        func(x T) T { return x.Unsqueeze(arg(), arg()) },
		"Transpose":        func(x T) T { return x.Transpose(arg(), arg()) },
		"Permute":          func(x T) T { return x.Permute(rng.Perm(rng.IntN(6))...) },
		"Slice":            func(x T) T { return x.Slice(arg(), arg(), arg()) },
		"SliceStep":        func(x T) T { return x.SliceStep(arg(), arg(), tensor.End, arg()) },
		"Select":           func(x T) T { return x.Select(arg(), arg()) },
		"Flip":             func(x T) T { return x.Flip(arg()) },
		"Expand":           func(x T) T { return x.Expand(dims()...) },
		"Concat":           func(x T) T { return tensor.Concat(arg(), x, []T{x, tensorOf()}[rng.IntN(2)]) },
		"Stack":            func(x T) T { return tensor.Stack(arg(), x, x) },
		"Split":            func(x T) T { return x.Split(arg(), arg(), arg())[0] },
		"Chunk":            func(x T) T { return x.Chunk(arg(), arg())[0] },
		"Pad":              func(x T) T { return x.Pad(1, arg(), arg(), arg(), arg()) },
		"Rows":             func(x T) T { return x.Rows(ints()) },
		"IndexSelect":      func(x T) T { return x.IndexSelect(arg(), ints()) },
		"Gather":           func(x T) T { return x.Gather(arg(), ints()) },
		"ScatterAdd":       func(x T) T { i := ints(); return x.ScatterAdd(arg(), i, tape.Full(1, i.Dims()...)) },
		"ScatterSet":       func(x T) T { i := ints(); return x.ScatterSet(arg(), i, v(i.Dims()...)) },
		"ScatterMax":       func(x T) T { i := ints(); return x.ScatterMax(arg(), i, v(i.Dims()...)) },
		"CumSum":           func(x T) T { return x.CumSum(arg()) },
		"CumProd":          func(x T) T { return x.CumProd(arg()) },
		"Prod":             func(x T) T { return x.Prod(arg()) },
		"Sort":             func(x T) T { return values(x.Sort(arg(), rng.IntN(2) == 0)) },
		"TopK":             func(x T) T { return values(x.TopK(arg(), arg())) },
		"Roll":             func(x T) T { return x.Roll(arg(), arg()) },
		"Tile":             func(x T) T { return x.Tile([]int{arg(), arg(), arg()}[:min(x.Rank(), 3)]...) },
		"PadWith": func(x T) T {
			return x.PadWith(tensor.PadMode(rng.IntN(3)), arg(), arg(), arg(), arg())
		},
		"Solve": func(x T) T {
			n := rng.IntN(3)
			if x.Rank() > 1 {
				n = x.Dim(-2)
			}
			return []T{v(n, n), tensorOf()}[rng.IntN(2)].Solve(x)
		},
		"Cholesky": func(x T) T {
			if x.Rank() > 1 && rng.IntN(2) == 0 {
				return x.MatMulT(x).Add(identity(x, x.Dim(-2))).Cholesky()
			}
			return x.Cholesky()
		},
		"QR": func(x T) T { q, r := x.QR(); return q.Sum().Add(r.Sum()) },
		"Unfold": func(x T) T {
			return x.Unfold(tensor.Window{Kernel: pair(), Stride: pair(), Padding: pair(), Dilation: pair()})
		},
		"Fold": func(x T) T {
			k := [2]int{1 + rng.IntN(2), 1 + rng.IntN(2)}
			h, w, n := rng.IntN(4), rng.IntN(4), rng.IntN(3)
			return v(n, x.Size()*k[0]*k[1], max(h-k[0]+1, 0)*max(w-k[1]+1, 0)).Fold(h, w, tensor.Window{Kernel: [][2]int{k, pair()}[rng.IntN(2)]})
		},
		"PixelShuffle":   func(x T) T { return x.PixelShuffle(arg()) },
		"PixelUnshuffle": func(x T) T { return x.PixelUnshuffle(arg()) },
		"Resize":         func(x T) T { return x.Resize(arg(), arg(), tensor.Filter(rng.IntN(3)), rng.IntN(2) == 0) },
		"Any":            func(x T) T { return x.Any(arg()) },
		"All":            func(x T) T { return x.All(arg()) },
		"Einsum": func(x T) T {
			return tensor.Einsum([]string{"ij,jk", "ii->i", "i,i->", "ijk,kj->i", "iij,jkk->k"}[rng.IntN(5)], []T{x, tensorOf(), x.Square()}[:1+rng.IntN(2)]...)
		},
		"ArgMin":            func(x T) T { x.ArgMin(arg()); return x },
		"Unique":            func(x T) T { x.Unique(); return x },
		"SearchSorted":      func(x T) T { x.SearchSorted([]float32{-1, 0, 1}, rng.IntN(2) == 0); return x },
		"OneHot":            func(x T) T { return tape.OneHot(ints(), arg()) },
		"Tril":              func(x T) T { return x.Tril(arg()) },
		"Triu":              func(x T) T { return x.Triu(arg()) },
		"Conv2D":            func(x T) T { return x.Conv2D(weights(x), maybe(), conv()) },
		"Conv2D plain":      func(x T) T { return x.Conv2D(weights(x), T{}, tensor.Conv{Padding: [2]int{1, 1}}) },
		"Conv1D":            func(x T) T { return x.Conv1D(weights(x), T{}, conv()) },
		"ConvTranspose1D":   func(x T) T { return x.ConvTranspose1D(weights(x), T{}, conv(), arg()) },
		"ConvTranspose2D":   func(x T) T { return x.ConvTranspose2D(weights(x), T{}, conv(), pair()) },
		"MaxPool2D":         func(x T) T { return x.MaxPool2D(pool()) },
		"AvgPool2D":         func(x T) T { return x.AvgPool2D(pool()) },
		"MaxPool1D":         func(x T) T { return x.MaxPool1D(pool()) },
		"AdaptiveAvgPool2D": func(x T) T { return x.AdaptiveAvgPool2D(arg(), arg()) },
		"MaxPool2DIndices":  func(x T) T { return values(x.MaxPool2DIndices(pool())) },
		"AdaptiveMaxPool2D": func(x T) T { return values(x.AdaptiveMaxPool2D(arg(), arg())) },
		"MaxUnpool2D": func(x T) T {
			if x.Rank() == 4 && rng.IntN(2) == 0 {
				y, ids := x.MaxPool2DIndices(pool())
				return y.MaxUnpool2D(ids, x.Dim(2), x.Dim(3))
			}
			return x.MaxUnpool2D(ints(), arg(), arg())
		},
		"UpsampleNearest":  func(x T) T { return x.UpsampleNearest(arg(), arg()) },
		"UpsampleBilinear": func(x T) T { return x.UpsampleBilinear(arg(), arg(), rng.IntN(2) == 0) },
		"LayerNorm":        func(x T) T { return x.LayerNorm(maybe(), maybe(), 1e-5) },
		"RMSNorm":          func(x T) T { return x.RMSNorm(maybe(), 1e-5) },
		"Rotary": func(x T) T {
			return x.Rotary(tensor.Rotary{Width: arg(), Heads: arg(), Position: arg(), Adjacent: rng.IntN(2) == 0})
		},
		"GroupNorm":         func(x T) T { return x.GroupNorm(arg(), channels(x), channels(x), 1e-5) },
		"BatchNorm":         func(x T) T { return x.BatchNorm(channels(x), channels(x), nil, nil, 0.1, 1e-5) },
		"BatchNormReLU":     func(x T) T { return x.BatchNormReLU(channels(x), channels(x), nil, nil, 0.1, 1e-5) },
		"LocalResponseNorm": func(x T) T { return x.LocalResponseNorm(arg(), 1, 0.75, 1) },
		"Dropout":           func(x T) T { return x.Dropout(0.5) },
		"SpatialDropout":    func(x T) T { return x.SpatialDropout(0.5) },
	}
	maps.Copy(ops, unary)
	// Whatever gives a tensor is in the table.
	method := reflect.TypeFor[T]()
	for i := range method.NumMethod() {
		m := method.Method(i)
		if m.Type.NumOut() == 0 || m.Type.Out(0) != method {
			continue
		}
		if !slices.ContainsFunc(slices.Collect(maps.Keys(ops)), func(name string) bool { return strings.Fields(name)[0] == m.Name }) {
			t.Errorf("%s is not tried", m.Name)
		}
	}
	worked := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(ops)) { // one order, for the random numbers
		f := ops[name]
		for range 1000 {
			tape.Reset()
			x := tensorOf()
			call := func() (err string) {
				defer func() {
					switch p := recover().(type) {
					case nil:
					case *tensor.ShapeError, *tensor.SingularError:
						err = "refused"
					case string:
						if err = "refused"; !strings.HasPrefix(p, "tensor: ") {
							err = p
						}
					default:
						err = fmt.Sprint(p) + "\n" + string(debug.Stack())
					}
				}()
				y := f(x)
				y.BackwardFrom(fill(1, false, y.Dims()...))
				return ""
			}
			switch err := call(); err {
			case "":
				worked[name]++
			case "refused":
			default:
				t.Fatalf("%s of %v: %s", name, x.Dims(), err)
			}
		}
		if worked[name] == 0 {
			t.Errorf("%s never worked: the test shows nothing", name)
		}
	}
}
