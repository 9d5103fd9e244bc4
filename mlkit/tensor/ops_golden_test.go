package tensor_test

import (
	_ "embed"
	"encoding/json"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/tensor"
)

// ops.json is what testdata/ops.py printed with PyTorch.
//
//go:embed testdata/ops.json
var opsJSON []byte

type golden struct {
	In       [][]int
	Positive []bool
	Dims     []int
	Y        []float32
	Grads    [][]float32
}

// fill makes the inputs of the goldens: exact in float32, and no two of 101
// neighbours equal.
func fill(k int, positive bool, dims ...int) []float32 {
	n := 1
	for _, d := range dims {
		n *= d
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = float32((i*37+k*11)%101-50) / 32
		if positive {
			x[i] = float32(math.Abs(float64(x[i]))) + 0.5
		}
	}
	return x
}

// goldenOps are the operations of ops.json.
func goldenOps() map[string]func([]T) T {
	ids, rows, picks := tensor.NewInts([]int32{2, 0, 1, 1}, 2, 2), tensor.NewInts([]int32{2, 0, 2, 1}, 2, 2), tensor.NewInts([]int32{2, 0, 2})
	mask := []float32{1, 0, 0, 1}
	meanBuf, varBuf := tensor.NewBuffer(0.25, 3), tensor.NewBuffer(2, 3)
	one := func(f func(a T) T) func([]T) T { return func(x []T) T { return f(x[0]) } }
	two := func(f func(a, b T) T) func([]T) T { return func(x []T) T { return f(x[0], x[1]) } }
	three := func(f func(a, b, c T) T) func([]T) T { return func(x []T) T { return f(x[0], x[1], x[2]) } }
	hides := []float32{0, 0, float32(math.Inf(-1)), 0, 0}
	attention := func(at tensor.Attend, with func(tensor.Attend, T) tensor.Attend) func([]T) T {
		return func(x []T) T {
			a := at
			if with != nil {
				a = with(a, x[3])
			}
			y, _ := x[0].Attention(x[1], x[2], a)
			return y
		}
	}
	return map[string]func([]T) T{
		"Add": two(T.Add), "Sub": two(T.Sub), "Mul": two(T.Mul), "Div": two(T.Div),
		"Maximum":            two(T.Maximum),
		"Minimum tie":        one(func(x T) T { return x.Minimum(x.Flip(0)) }),
		"Pow":                two(T.Pow),
		"PowScalar":          one(func(x T) T { return x.PowScalar(2.5) }),
		"PowScalar negative": one(func(x T) T { return x.PowScalar(-3) }),
		"Where":              two(func(a, b T) T { return tensor.Where(a.Tape().Input(mask, 4), a, b) }),
		"MaskedFill":         one(func(x T) T { return x.MaskedFill(x.Tape().Full(1, 4, 4).Triu(1), -2) }),
		"Clamp":              one(func(x T) T { return x.Clamp(-0.5, 1) }),
		"Abs":                one(T.Abs), "Square": one(T.Square), "Neg": one(T.Neg), "Reciprocal": one(T.Reciprocal),
		"Sqrt": one(T.Sqrt), "Rsqrt": one(T.Rsqrt), "Exp": one(T.Exp), "Expm1": one(T.Expm1), "Log": one(T.Log), "Log1p": one(T.Log1p),
		"Sin": one(T.Sin), "Cos": one(T.Cos), "Erf": one(T.Erf), "Tanh": one(T.Tanh), "Sigmoid": one(T.Sigmoid), "ReLU": one(T.ReLU),
		"LeakyReLU": one(func(x T) T { return x.LeakyReLU(0.2) }), "ELU": one(func(x T) T { return x.ELU(0.7) }), "SELU": one(T.SELU),
		"GELU": one(T.GELU), "GELUTanh": one(T.GELUTanh), "SiLU": one(T.SiLU), "Mish": one(T.Mish),
		"Softplus": one(func(x T) T { return x.Softplus(2) }), "HardTanh": one(T.HardTanh),
		"ReLU6": one(func(x T) T { return x.Scale(6).ReLU6() }), "HardSigmoid": one(func(x T) T { return x.Scale(4).HardSigmoid() }),
		"HardSwish": one(func(x T) T { return x.Scale(4).HardSwish() }), "Softsign": one(T.Softsign), "LogSigmoid": one(T.LogSigmoid),
		"ScatterSet":        two(func(a, b T) T { return a.ScatterSet(1, tensor.NewInts([]int32{2, 0, 1, 0}, 2, 2), b) }),
		"ScatterMax":        two(func(a, b T) T { return a.ScatterMax(1, tensor.NewInts([]int32{2, 0, 1, 0}, 2, 2), b) }),
		"CumSum":            one(func(x T) T { return x.CumSum(1) }),
		"CumSum last":       one(func(x T) T { return x.CumSum(-1) }),
		"CumProd":           one(func(x T) T { return x.CumProd(0) }),
		"CumProd zeros":     one(func(x T) T { return x.Clamp(0, 9).CumProd(1) }),
		"Prod":              one(func(x T) T { return x.Prod(1) }),
		"Prod zeros":        one(func(x T) T { return x.Clamp(0, 9).Prod(0) }),
		"Sort":              one(func(x T) T { return values(x.Sort(1, false)) }),
		"Sort descending":   one(func(x T) T { return values(x.Sort(-1, true)) }),
		"TopK":              one(func(x T) T { return values(x.TopK(0, 3)) }),
		"Roll":              one(func(x T) T { return x.Roll(1, -4) }),
		"Tile":              one(func(x T) T { return x.Tile(2, 1, 3) }),
		"PadWith reflect":   one(func(x T) T { return x.PadWith(tensor.Reflect, 3, 1, 1, 2) }),
		"PadWith replicate": one(func(x T) T { return x.PadWith(tensor.Replicate, 3, 1, 0, 2) }),
		"PadWith circular":  one(func(x T) T { return x.PadWith(tensor.Circular, 4, 1, 1, 3) }),
		"Unfold": one(func(x T) T {
			return x.Unfold(tensor.Window{Kernel: [2]int{2, 3}, Dilation: [2]int{2, 1}, Padding: [2]int{1, 0}, Stride: [2]int{1, 2}})
		}),
		"Fold": one(func(x T) T {
			return x.Fold(4, 5, tensor.Window{Kernel: [2]int{2, 3}, Padding: [2]int{1, 1}, Stride: [2]int{2, 2}})
		}),
		"PixelShuffle":           one(func(x T) T { return x.PixelShuffle(2) }),
		"PixelUnshuffle":         one(func(x T) T { return x.PixelUnshuffle(2) }),
		"Resize":                 one(func(x T) T { return x.Resize(5, 3, tensor.Bilinear, false) }),
		"Resize cubic":           one(func(x T) T { return x.Resize(7, 4, tensor.Bicubic, false) }),
		"Resize antialias":       one(func(x T) T { return x.Resize(3, 9, tensor.Bilinear, true) }),
		"Resize cubic antialias": one(func(x T) T { return x.Resize(3, 4, tensor.Bicubic, true) }),
		"Einsum matmul":          two(func(a, b T) T { return tensor.Einsum("ij,jk->ki", a, b) }),
		"Einsum heads":           two(func(a, b T) T { return tensor.Einsum("bqhd,bkhd -> bhqk", a, b) }),
		"Einsum diagonal":        one(func(x T) T { return tensor.Einsum("iji->ij", x) }),
		"Einsum three":           three(func(a, b, c T) T { return tensor.Einsum("ab,bc,dca->d", a, b, c) }),
		"Einsum outer":           two(func(a, b T) T { return tensor.Einsum("i,j", a, b) }),
		"Einsum trace":           one(func(x T) T { return tensor.Einsum("ii", x) }),
		"Sum":                    one(func(x T) T { return x.Sum(0, 2) }),
		"Sum all":                one(func(x T) T { return x.Sum() }),
		"Mean":                   one(func(x T) T { return x.Mean(1) }),
		"Var":                    one(func(x T) T { return x.Var(1, 0, 2) }),
		"Var biased":             one(func(x T) T { return x.Var(0, -1) }),
		"Norm":                   one(func(x T) T { return x.Norm(1) }),
		"Max":                    one(func(x T) T { return x.Max(0, 2) }),
		"Max ties":               one(func(x T) T { return x.Clamp(-9, 0.5).Max(-1) }),
		"Min":                    one(func(x T) T { return x.Min(1) }),
		"LogSumExp":              one(func(x T) T { return x.LogSumExp(0, 2) }),
		"Softmax":                one(func(x T) T { return x.Softmax(-1) }),
		"Softmax axis":           one(func(x T) T { return x.Softmax(1) }),
		"LogSoftmax":             one(func(x T) T { return x.LogSoftmax(-1) }),
		"LogSoftmax axis":        one(func(x T) T { return x.LogSoftmax(0) }),
		"MatMul":                 two(T.MatMul),
		"Solve":                  two(func(a, b T) T { return a.Add(identity(a, 3).Scale(2)).Solve(b) }),
		"Solve batch":            two(func(a, b T) T { return a.Add(identity(a, 3).Scale(2)).Solve(b) }),
		"Cholesky":               one(func(x T) T { return x.MatMulT(x).Add(identity(x, 3)).Cholesky() }),
		"QR q":                   one(func(x T) T { q, _ := x.Square().QR(); return q }),
		"QR r":                   one(func(x T) T { _, r := x.Square().QR(); return r }),
		"QR wide":                one(func(x T) T { q, r := x.QR(); return q.MatMul(r.Square()) }),
		"QR square":              one(func(x T) T { q, r := x.Square().QR(); return q.Square().MatMul(r) }),
		"Transpose":              one(func(x T) T { return x.Transpose(0, 2) }),
		"Permute":                one(func(x T) T { return x.Permute(2, 0, 3, 1) }),
		"Slice":                  one(func(x T) T { return x.Slice(1, 1, -1) }),
		"SliceStep":              one(func(x T) T { return x.SliceStep(-1, 1, tensor.End, 2) }),
		"Select":                 one(func(x T) T { return x.Select(1, -1) }),
		"Flip":                   one(func(x T) T { return x.Flip(0, 2) }),
		"Expand":                 one(func(x T) T { return x.Expand(2, -1, 4) }),
		"Concat":                 two(func(a, b T) T { return tensor.Concat(1, a, b, a) }),
		"Stack":                  two(func(a, b T) T { return tensor.Stack(-1, a, b) }),
		"Split":                  one(func(x T) T { p := x.Split(1, 1, 2); return p[0].Sum(1).Mul(p[1].Sum(1)) }),
		"Pad":                    one(func(x T) T { return x.Pad(2, 1, 0, 2, 1) }),
		"IndexSelect":            one(func(x T) T { return x.IndexSelect(1, picks) }),
		"EmbedBag mean": one(func(x T) T {
			return x.EmbedBag(tensor.NewInts([]int32{2, 0, 2, 1, 0, 1}), tensor.NewInts([]int32{4, 0, 2}), 1, true)
		}),
		"EmbedBag sum": one(func(x T) T {
			return x.EmbedBag(tensor.NewInts([]int32{2, 0, 2, 1, 1, 0}, 2, 3), tensor.Ints{}, -1, false)
		}),
		"Rows":       one(func(x T) T { return x.Rows(rows) }),
		"Gather":     one(func(x T) T { return x.Gather(1, ids) }),
		"ScatterAdd": two(func(x, s T) T { return x.ScatterAdd(1, ids, s) }),
		"Tril":       one(func(x T) T { return x.Tril(0) }),
		"Triu":       one(func(x T) T { return x.Triu(-1) }),
		"Conv2D": three(func(x, w, b T) T {
			return x.Conv2D(w, b, tensor.Conv{Stride: [2]int{2, 1}, Padding: [2]int{1, 2}, Dilation: [2]int{1, 2}})
		}),
		"Conv2D groups": two(func(x, w T) T { return x.Conv2D(w, T{}, tensor.Conv{Groups: 2}) }),
		"Conv2D depthwise": three(func(x, w, b T) T {
			return x.Conv2D(w, b, tensor.Conv{Padding: [2]int{1, 1}, Groups: 3})
		}),
		"Conv2D more": three(func(x, w, b T) T {
			return x.Conv2D(w, b, tensor.Conv{Stride: [2]int{2, 2}, Padding: [2]int{0, 1}, More: [2]int{1, 1}})
		}),
		"Conv2D depthwise more": two(func(x, w T) T {
			return x.Conv2D(w, T{}, tensor.Conv{Stride: [2]int{2, 2}, Padding: [2]int{1, 1}, More: [2]int{1, 1}, Groups: 3})
		}),
		"Conv1D": three(func(x, w, b T) T {
			return x.Conv1D(w, b, tensor.Conv{Stride: [2]int{2}, Padding: [2]int{1}, Dilation: [2]int{2}})
		}),
		"ConvTranspose2D": three(func(x, w, b T) T {
			return x.ConvTranspose2D(w, b, tensor.Conv{Stride: [2]int{2, 3}, Padding: [2]int{1, 0}}, [2]int{1, 2})
		}),
		"ConvTranspose1D": three(func(x, w, b T) T {
			return x.ConvTranspose1D(w, b, tensor.Conv{Stride: [2]int{3}, Padding: [2]int{1}, Dilation: [2]int{2}, Groups: 2}, 2)
		}),
		"ConvTranspose2D groups": two(func(x, w T) T {
			return x.ConvTranspose2D(w, T{}, tensor.Conv{Groups: 2, Dilation: [2]int{2, 2}}, [2]int{})
		}),
		"MaxPool2D": one(func(x T) T {
			return x.MaxPool2D(tensor.Pool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 1}, Padding: [2]int{1, 1}, CeilMode: true})
		}),
		"MaxPool2D dilated": one(func(x T) T {
			return x.MaxPool2D(tensor.Pool{Kernel: [2]int{2, 2}, Stride: [2]int{1, 1}, Dilation: [2]int{2, 2}})
		}),
		"MaxPool1D": one(func(x T) T { return x.MaxPool1D(tensor.Pool{Kernel: [2]int{2}}) }),
		"AvgPool2D": one(func(x T) T {
			return x.AvgPool2D(tensor.Pool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}, CeilMode: true})
		}),
		"AvgPool2D exclude": one(func(x T) T {
			return x.AvgPool2D(tensor.Pool{Kernel: [2]int{3, 2}, Stride: [2]int{1, 2}, Padding: [2]int{1, 0}, ExcludePad: true})
		}),
		"AvgPool1D":         one(func(x T) T { return x.AvgPool1D(tensor.Pool{Kernel: [2]int{2}, Stride: [2]int{1}}) }),
		"AdaptiveAvgPool2D": one(func(x T) T { return x.AdaptiveAvgPool2D(2, 3) }),
		"MaxPool2DIndices": one(func(x T) T {
			return values(x.MaxPool2DIndices(tensor.Pool{Kernel: [2]int{3, 3}, Stride: [2]int{2, 2}, Padding: [2]int{1, 1}}))
		}),
		"AdaptiveMaxPool2D": one(func(x T) T { return values(x.AdaptiveMaxPool2D(2, 3)) }),
		"MaxUnpool2D": one(func(x T) T {
			y, ids := x.MaxPool2DIndices(tensor.Pool{Kernel: [2]int{2, 2}})
			return y.MaxUnpool2D(ids, 5, 4)
		}),
		"UpsampleNearest":          one(func(x T) T { return x.UpsampleNearest(4, 5) }),
		"UpsampleBilinear":         one(func(x T) T { return x.UpsampleBilinear(4, 5, false) }),
		"UpsampleBilinear corners": one(func(x T) T { return x.UpsampleBilinear(3, 5, true) }),
		"LayerNorm":                three(func(x, w, b T) T { return x.LayerNorm(w, b, 1e-5) }),
		"RMSNorm":                  two(func(x, w T) T { return x.RMSNorm(w, 1e-5) }),
		"Rotary":                   one(func(x T) T { return x.Rotary(tensor.Rotary{Width: 8, Position: 2}) }),
		"Rotary adjacent":          one(func(x T) T { return x.Rotary(tensor.Rotary{Width: 8, Heads: 2, Base: 500, Adjacent: true}) }),
		"GroupNorm":                three(func(x, w, b T) T { return x.GroupNorm(2, w, b, 1e-5) }),
		"InstanceNorm":             one(func(x T) T { return x.GroupNorm(3, T{}, T{}, 1e-5) }),
		"BatchNorm":                three(func(x, w, b T) T { return x.BatchNorm(w, b, nil, nil, 0.1, 1e-5) }),
		"BatchNorm rows":           three(func(x, w, b T) T { return x.BatchNorm(w, b, nil, nil, 0.1, 1e-5) }),
		"BatchNorm evaluation": three(func(x, w, b T) T {
			x.Tape().SetTraining(false)
			return x.BatchNorm(w, b, meanBuf, varBuf, 0.1, 1e-5)
		}),
		"Attention mask": attention(tensor.Attend{Heads: 2}, func(a tensor.Attend, b T) tensor.Attend {
			a.Bias = b.Add(b.Tape().Input(hides, 5))
			return a
		}),
		"Attention mask of heads": attention(tensor.Attend{Heads: 2}, func(a tensor.Attend, b T) tensor.Attend { a.Bias = b; return a }),
		"Attention grouped":       attention(tensor.Attend{Heads: 4, KVHeads: 2, Causal: true}, nil),
		"Attention relative":      attention(tensor.Attend{Heads: 4, KVHeads: 1}, func(a tensor.Attend, b T) tensor.Attend { a.Relative = b; return a }),
		"LocalResponseNorm":       one(func(x T) T { return x.LocalResponseNorm(3, 0.5, 0.75, 2) }),
		"LocalResponseNorm even":  one(func(x T) T { return x.LocalResponseNorm(4, 0.5, 0.5, 1) }),
	}
}

// identity is the unit matrix of n rows on x's tape.
func identity(x T, n int) T { return x.Tape().Full(1, n, n).Tril(0).Triu(0) }

func readGoldens(t *testing.T) map[string]golden {
	goldens := map[string]golden{}
	if err := json.Unmarshal(opsJSON, &goldens); err != nil {
		t.Fatal(err)
	}
	return goldens
}

// elsewhere are the operations without a golden here, by why they need none.
var elsewhere = map[string]string{
	"exact, and compared in tests of their own": `AddScalar Scale All Any Equal NotEqual Less LessEqual Greater GreaterEqual Floor
		Round Sign Reshape Flatten Squeeze Unsqueeze Chunk Detach RetainGrad TimeMajor JoinDirections MatMulT Embed`,
	"compared with the operations that they fuse": `BatchNormReLU Conv1DBatchNorm Conv2DBatchNorm Conv2DMaxPool Conv2DReLU
		FeedForward Linear LinearAdd LinearGELU LinearReLU LinearRows MeanSquaredError LinearCrossEntropy CachedAttention
		CachedSelfAttention`,
	"among nn's losses and layers": `CTC SigmoidCrossEntropy SoftmaxCrossEntropy CrossAttention SelfAttention
		SelfAttentionLayer GRU GRUResetBefore LSTM RNN`,
	"random": "Dropout SpatialDropout",
}

// Every method that gives a tensor is compared with PyTorch, or says why not.
func TestOpsHaveGoldens(t *testing.T) {
	named := map[string]bool{}
	for name := range goldenOps() {
		named[strings.Fields(name)[0]] = true
	}
	for why, names := range elsewhere {
		for _, name := range strings.Fields(names) {
			if named[name] {
				t.Errorf("%s has a golden and is listed as %q", name, why)
			}
			named[name] = true
		}
	}
	method := reflect.TypeFor[T]()
	for i := range method.NumMethod() {
		m := method.Method(i)
		if m.Type.NumOut() > 0 && m.Type.Out(0) == method && !named[m.Name] {
			t.Errorf("%s has no golden: add it to goldenOps and testdata/ops.py", m.Name)
		}
	}
}

func TestOpsAgainstPyTorch(t *testing.T) {
	ops, goldens := goldenOps(), readGoldens(t)
	for name := range ops {
		if _, ok := goldens[name]; !ok {
			t.Errorf("%s has no golden", name)
		}
	}
	for name, g := range goldens {
		t.Run(name, func(t *testing.T) {
			f := ops[name]
			if f == nil {
				t.Fatal("a golden without an operation")
			}
			tape := tensor.NewTape(1)
			xs := make([]T, len(g.In))
			for k, dims := range g.In {
				xs[k] = tape.Variable(fill(k, g.Positive[k], dims...), dims...)
			}
			y := f(xs)
			if !slices.Equal(y.Dims(), g.Dims) {
				t.Fatalf("shape %v, PyTorch's is %v", y.Dims(), g.Dims)
			}
			closeTo(t, "result", y.Data(), g.Y)
			grads := y.BackwardFrom(fill(99, false, y.Dims()...))
			for k, x := range xs {
				closeTo(t, "gradient", grads.Wrt(x), g.Grads[k])
			}
		})
	}
}

// closeTo allows an error of 1e-5 of the largest element: some fifty units in
// the last place, for sums in another order.
func closeTo(t *testing.T, what string, got, want []float32) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d elements, want %d", what, len(got), len(want))
	}
	largest := 1.0
	for _, v := range want {
		largest = max(largest, math.Abs(float64(v)))
	}
	for i, v := range want {
		if d := math.Abs(float64(got[i] - v)); !(d <= 1e-5*largest) {
			t.Fatalf("%s, element %d: %v, PyTorch has %v\n%v\n%v", what, i, got[i], v, got, want)
		}
	}
}

// Forward and backward of every operation take their memory from the tape.
func TestOpsAllocateNothing(t *testing.T) {
	ops := goldenOps()
	for name, g := range readGoldens(t) {
		tape := tensor.NewTape(1)
		data, xs := make([][]float32, len(g.In)), make([]T, len(g.In))
		for k, dims := range g.In {
			data[k] = fill(k, g.Positive[k], dims...)
		}
		weight := fill(99, false, g.Dims...)
		step := func() {
			tape.Reset()
			for k, x := range data {
				xs[k] = tape.Variable(x, g.In[k]...)
			}
			ops[name](xs).BackwardFrom(weight)
		}
		step()
		if n := testing.AllocsPerRun(3, step); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
