package tensor_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
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
		return tensor.Conv{Stride: pair(), Padding: pair(), Dilation: pair(), Groups: rng.IntN(3)}
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
	ops := map[string]func(x T) T{
		"Add":            func(x T) T { return x.Add(tensorOf()) },
		"Mul":            func(x T) T { return tensorOf().Mul(x) },
		"Less":           func(x T) T { return x.Less(tensorOf()) },
		"Where":          func(x T) T { return tensor.Where(x, tensorOf(), tensorOf()) },
		"MatMul":         func(x T) T { return x.MatMul(tensorOf()) },
		"MatMulT":        func(x T) T { return x.MatMulT(x) },
		"Linear":         func(x T) T { return x.Linear(tensorOf(), maybe()) },
		"Sum":            func(x T) T { return x.Sum(arg(), arg()) },
		"Mean":           func(x T) T { return x.Mean(arg()) },
		"Var":            func(x T) T { return x.Var(arg(), arg()) },
		"Norm":           func(x T) T { return x.Norm(arg()) },
		"Max":            func(x T) T { return x.Max(arg()) },
		"Min":            func(x T) T { return x.Min() },
		"LogSumExp":      func(x T) T { return x.LogSumExp(arg()) },
		"ArgMax":         func(x T) T { x.ArgMax(arg()); return x },
		"Softmax":        func(x T) T { return x.Softmax(arg()) },
		"LogSoftmax":     func(x T) T { return x.LogSoftmax(arg()) },
		"Reshape":        func(x T) T { return x.Reshape(arg(), arg(), arg()) },
		"Flatten":        func(x T) T { return x.Flatten() },
		"Squeeze":        func(x T) T { return x.Squeeze() },
		"Squeeze axis":   func(x T) T { return x.Squeeze(arg()) },
		"Unsqueeze":      func(x T) T { return x.Unsqueeze(arg(), arg()) },
		"Transpose":      func(x T) T { return x.Transpose(arg(), arg()) },
		"Permute":        func(x T) T { return x.Permute(rng.Perm(rng.IntN(6))...) },
		"Slice":          func(x T) T { return x.Slice(arg(), arg(), arg()) },
		"SliceStep":      func(x T) T { return x.SliceStep(arg(), arg(), tensor.End, arg()) },
		"Select":         func(x T) T { return x.Select(arg(), arg()) },
		"Flip":           func(x T) T { return x.Flip(arg()) },
		"Expand":         func(x T) T { return x.Expand(dims()...) },
		"Concat":         func(x T) T { return tensor.Concat(arg(), x, []T{x, tensorOf()}[rng.IntN(2)]) },
		"Stack":          func(x T) T { return tensor.Stack(arg(), x, x) },
		"Split":          func(x T) T { return x.Split(arg(), arg(), arg())[0] },
		"Chunk":          func(x T) T { return x.Chunk(arg(), arg())[0] },
		"Pad":            func(x T) T { return x.Pad(1, arg(), arg(), arg(), arg()) },
		"Rows":           func(x T) T { return x.Rows(ints()) },
		"IndexSelect":    func(x T) T { return x.IndexSelect(arg(), ints()) },
		"Gather":         func(x T) T { return x.Gather(arg(), ints()) },
		"ScatterAdd":     func(x T) T { i := ints(); return x.ScatterAdd(arg(), i, tape.Full(1, i.Dims()...)) },
		"OneHot":         func(x T) T { return tape.OneHot(ints(), arg()) },
		"Tril":           func(x T) T { return x.Tril(arg()) },
		"Triu":           func(x T) T { return x.Triu(arg()) },
		"Conv2D":         func(x T) T { return x.Conv2D(weights(x), maybe(), conv()) },
		"Conv2D plain":   func(x T) T { return x.Conv2D(weights(x), T{}, tensor.Conv{Padding: [2]int{1, 1}}) },
		"Conv1D":         func(x T) T { return x.Conv1D(weights(x), T{}, conv()) },
		"ConvTranspose":  func(x T) T { return x.ConvTranspose2D(weights(x), T{}, conv(), pair()) },
		"MaxPool2D":      func(x T) T { return x.MaxPool2D(pool()) },
		"AvgPool2D":      func(x T) T { return x.AvgPool2D(pool()) },
		"MaxPool1D":      func(x T) T { return x.MaxPool1D(pool()) },
		"Adaptive":       func(x T) T { return x.AdaptiveAvgPool2D(arg(), arg()) },
		"Nearest":        func(x T) T { return x.UpsampleNearest(arg(), arg()) },
		"Bilinear":       func(x T) T { return x.UpsampleBilinear(arg(), arg(), rng.IntN(2) == 0) },
		"LayerNorm":      func(x T) T { return x.LayerNorm(maybe(), maybe(), 1e-5) },
		"RMSNorm":        func(x T) T { return x.RMSNorm(maybe(), 1e-5) },
		"GroupNorm":      func(x T) T { return x.GroupNorm(arg(), channels(x), channels(x), 1e-5) },
		"BatchNorm":      func(x T) T { return x.BatchNorm(channels(x), channels(x), nil, nil, 0.1, 1e-5) },
		"LRN":            func(x T) T { return x.LocalResponseNorm(arg(), 1, 0.75, 1) },
		"Dropout":        func(x T) T { return x.Dropout(0.5) },
		"SpatialDropout": func(x T) T { return x.SpatialDropout(0.5) },
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
					case *tensor.ShapeError:
						err = "refused"
					case string:
						if err = "refused"; !strings.HasPrefix(p, "tensor: ") {
							err = p
						}
					default:
						err = fmt.Sprint(p)
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
