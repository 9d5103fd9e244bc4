package tensor_test

import (
	_ "embed"
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/tensor"
)

// noSecond are the operations, by their cases in opCases, that Gradients
// refuses, and the name that the error gives.
var noSecond = map[string]string{
	"CumProd": "CumProd", "Prod": "CumProd", "ScatterSet": "ScatterSet", "ScatterMax": "ScatterMax", "MaxUnpool2D": "ScatterSet", "EmbedBag": "EmbedBag",
	"AdaptiveAvgPool2D": "AdaptiveAvgPool2D", "UpsampleNearest": "UpsampleNearest",
	"UpsampleBilinear": "UpsampleBilinear", "UpsampleBilinear corners": "UpsampleBilinear",
	"LocalResponseNorm": "LocalResponseNorm", "LocalResponseNorm even": "LocalResponseNorm", "custom": "Cube",
}

// moreSecond are fused operations and their options, whose first derivatives
// are held against their parts elsewhere.
func moreSecond() []opCase {
	rnd := gradcheck.Random
	attend := func(a tensor.Attend) gradcheck.Func {
		return func(_ *tensor.Tape, x []T) T { y, _ := x[0].Attention(x[1], x[2], a); return y }
	}
	padding := tensor.NewInts([]int32{0, 0, 1, 1, 1, 1}, 2, 3)
	labels := tensor.NewInts([]int32{2, -1, 0})
	recurrent := func(reverse int, f func(x T, w tensor.Recurrent) T) gradcheck.Func {
		lengths := tensor.NewInts([]int32{3, 2})
		return func(_ *tensor.Tape, x []T) T {
			return f(x[0].TimeMajor(lengths), tensor.Recurrent{WeightIH: x[1], WeightHH: x[2], BiasIH: x[3], H0: x[4],
				Lengths: lengths, Reverse: reverse == 1, StateMask: [][]float32{nil, {1, 0, 2, 0.5}}[reverse]})
		}
	}
	recurrentIn := func(gates int) []gradcheck.Input {
		return []gradcheck.Input{rnd(1, 2, 3, 2), rnd(2, gates*2, 2), rnd(3, gates*2, 2), rnd(4, gates*2), rnd(5, 2, 2)}
	}
	ff := func(gelu bool) gradcheck.Func {
		return func(_ *tensor.Tape, x []T) T {
			return x[0].FeedForward(tensor.FeedForward{Weight1: x[1], Bias1: x[2], Weight2: x[3], Bias2: x[4], Add: x[5], GELU: gelu})
		}
	}
	ffIn := []gradcheck.Input{rnd(1, 3, 2), rnd(2, 4, 2), rnd(3, 4), rnd(4, 2, 4), rnd(5, 2), rnd(6, 3, 2)}
	return []opCase{
		{"LinearGELU", func(_ *tensor.Tape, x []T) T { return x[0].LinearGELU(x[1], x[2]) }, []gradcheck.Input{rnd(1, 2, 3), rnd(2, 4, 3), rnd(3, 4)}},
		{"LinearReLU", func(_ *tensor.Tape, x []T) T { return x[0].LinearReLU(x[1], x[2]) }, []gradcheck.Input{rnd(1, 2, 3), rnd(2, 4, 3), rnd(14, 4)}},
		{"LinearAdd", func(_ *tensor.Tape, x []T) T { return x[0].LinearAdd(x[1], T{}, x[2]) }, []gradcheck.Input{rnd(1, 2, 3), rnd(2, 4, 3), rnd(3, 2, 4)}},
		{"LinearRows", func(_ *tensor.Tape, x []T) T { return x[0].LinearRows(x[1], x[2], 1, 3) }, []gradcheck.Input{rnd(1, 3), rnd(2, 4, 3), rnd(3, 4)}},
		{"FeedForward", ff(true), ffIn},
		{"FeedForward ReLU", ff(false), ffIn},
		{"LinearCrossEntropy", func(_ *tensor.Tape, x []T) T {
			return x[0].LinearCrossEntropy(tensor.LinearCrossEntropy{Weight: x[1], Bias: x[2], Labels: labels, ClassWeight: []float32{1, 2, 3, 0.5}, Smoothing: 0.2})
		}, []gradcheck.Input{rnd(1, 3, 2), rnd(2, 4, 2), rnd(3, 4)}},
		{"LinearCrossEntropy sum", func(_ *tensor.Tape, x []T) T {
			return x[0].LinearCrossEntropy(tensor.LinearCrossEntropy{Weight: x[1], Labels: labels, RowWeight: []float32{1, 2, 0.5}})
		}, []gradcheck.Input{rnd(1, 3, 2), rnd(2, 4, 2)}},
		{"Attention", attend(tensor.Attend{Heads: 2}), []gradcheck.Input{rnd(1, 2, 2, 4), rnd(2, 2, 3, 4), rnd(3, 2, 3, 4)}},
		{"Attention causal", attend(tensor.Attend{Heads: 2, Causal: true, Padding: padding}), []gradcheck.Input{rnd(1, 2, 3, 4), rnd(2, 2, 3, 4), rnd(3, 2, 3, 4)}},
		{"SelfAttention", func(_ *tensor.Tape, x []T) T { y, _ := x[0].SelfAttention(tensor.Attend{Heads: 2}); return y }, []gradcheck.Input{rnd(1, 2, 3, 12)}},
		{"CrossAttention", func(_ *tensor.Tape, x []T) T { y, _ := x[0].CrossAttention(x[1], tensor.Attend{Heads: 2}); return y }, []gradcheck.Input{rnd(1, 2, 3, 4), rnd(2, 2, 2, 8)}},
		{"SelfAttentionLayer", func(_ *tensor.Tape, x []T) T {
			y, _ := x[0].SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: x[1], InBias: x[2], OutWeight: x[3], Add: x[0], Attend: tensor.Attend{Heads: 2}})
			return y
		}, []gradcheck.Input{rnd(1, 2, 3, 4), rnd(2, 12, 4), rnd(3, 12), rnd(4, 4, 4)}},
		{"Conv2DReLU", func(_ *tensor.Tape, x []T) T { return x[0].Conv2DReLU(x[1], x[2], tensor.Conv{}) }, []gradcheck.Input{rnd(1, 2, 2, 3, 3), rnd(2, 2, 2, 2, 2), rnd(8, 2)}},
		{"Conv2DMaxPool", func(_ *tensor.Tape, x []T) T {
			return x[0].Conv2DMaxPool(x[1], x[2], tensor.Conv{Padding: [2]int{1, 1}}, true)
		}, []gradcheck.Input{rnd(1, 2, 2, 4, 4), rnd(2, 2, 2, 3, 3), rnd(3, 2)}},
		{"Conv2DBatchNorm", func(tp *tensor.Tape, x []T) T {
			return x[0].Conv2DBatchNorm(x[1], T{}, tensor.Conv{}, tensor.RunningNorm{Weight: x[2], Mean: tensor.NewBuffer(0.3, 2), Variance: tensor.NewBuffer(2, 2), Eps: 1e-5})
		}, []gradcheck.Input{rnd(1, 2, 2, 3, 3), rnd(2, 2, 2, 2, 2), rnd(3, 2)}},
		{"BatchNormReLU", func(_ *tensor.Tape, x []T) T { return x[0].BatchNormReLU(x[1], x[2], nil, nil, 0, 1e-5) }, []gradcheck.Input{rnd(1, 5, 3), rnd(2, 3), rnd(3, 3)}},
		{"LSTM", recurrent(0, func(x T, w tensor.Recurrent) T {
			y, h, c := x.LSTM(w)
			return tensor.Concat(0, y, h.Unsqueeze(0), c.Unsqueeze(0))
		}), recurrentIn(4)},
		{"LSTM cell only", recurrent(1, func(x T, w tensor.Recurrent) T { _, _, c := x.LSTM(w); return c }), recurrentIn(4)},
		{"GRU", recurrent(1, func(x T, w tensor.Recurrent) T { return first(x.GRU(w)) }), recurrentIn(3)},
		{"GRU both", recurrent(0, func(x T, w tensor.Recurrent) T {
			back := w
			back.Reverse = true
			y, h := x.GRUBoth(w, back)
			return y[0].JoinDirections(y[1], true, w.Lengths).Sum(1).Add(tensor.Concat(-1, h[0], h[1]))
		}), recurrentIn(3)},
		{"GRUResetBefore", recurrent(1, func(x T, w tensor.Recurrent) T { return first(x.GRUResetBefore(w)) }), recurrentIn(3)},
		{"RNN", recurrent(0, func(x T, w tensor.Recurrent) T { _, h := x.RNN(w, false); return h }), recurrentIn(1)},
		{"Embed", func(_ *tensor.Tape, x []T) T { return x[0].Embed(tensor.NewInts([]int32{2, 0, 2, 1}, 2, 2), 1) }, []gradcheck.Input{rnd(1, 3, 2)}},
		{"AdaptiveAvgPool2D global", func(_ *tensor.Tape, x []T) T { return x[0].AdaptiveAvgPool2D(1, 1) }, []gradcheck.Input{rnd(1, 2, 2, 3, 2)}},
		{"Linear of one sample and a frozen input", func(tp *tensor.Tape, x []T) T {
			return tp.Input([]float32{1, 2, 3}, 3).Linear(x[0], x[1])
		}, []gradcheck.Input{rnd(1, 4, 3), rnd(2, 4)}},
	}
}

// curved makes a scalar of a result whose gradient depends on it.
func curved(y T) T {
	w := gradcheck.Random(9, y.Dims()...).Data
	v := y.Tape().Input(w, y.Dims()...)
	return y.Square().Mul(v.Exp()).Add(y.Mul(v)).Sum()
}

// Every operation has first derivatives as tensors, equal to Backward's, and
// second ones, equal to finite differences of the first; or it is refused by
// name.
func TestGradientsOfGradients(t *testing.T) {
	for _, c := range slices.Concat(opCases(), moreSecond()) {
		t.Run(c.name, func(t *testing.T) {
			vars := func(tape *tensor.Tape) []T {
				tape.Seed(1, 0)
				var xs []T
				for _, in := range c.in {
					xs = append(xs, tape.Variable(in.Data, in.Dims...))
				}
				return xs
			}
			tape := tensor.NewTape(1)
			xs := vars(tape)
			grads, err := curved(c.f(tape, xs)).Gradients(xs...)
			if name := noSecond[c.name]; name != "" {
				var u *tensor.UnsupportedError
				if !errors.As(err, &u) || !strings.HasPrefix(u.Op, name) || !strings.Contains(err.Error(), name) {
					t.Errorf("error %v, want one that names %s", err, name)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			tape2 := tensor.NewTape(1)
			xs2 := vars(tape2)
			want := curved(c.f(tape2, xs2)).Backward()
			for k, g := range grads {
				w := want.Wrt(xs2[k])
				if !slices.Equal(g.Dims(), c.in[k].Dims) {
					t.Fatalf("input %d: a gradient of shape %v for one of %v", k, g.Dims(), c.in[k].Dims)
				}
				for i, v := range g.Data() {
					if d := math.Abs(float64(v - w[i])); !(d <= 1e-5*max(1, largest(w))) {
						t.Fatalf("input %d, element %d: Gradients %v, Backward %v", k, i, v, w[i])
					}
				}
			}
			err = gradcheck.CheckTol(4e-3, func(tp *tensor.Tape, x []T) T {
				grads, err := curved(c.f(tp, x)).Gradients(x...)
				if err != nil {
					t.Fatal(err)
				}
				for k, g := range grads {
					grads[k] = g.Reshape(-1)
				}
				return tensor.Concat(0, grads...)
			}, c.in...)
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func largest(x []float32) float64 {
	m := 0.0
	for _, v := range x {
		m = max(m, math.Abs(float64(v)))
	}
	return m
}

// hessians.json is what testdata/hessians.py printed with torch.func.hessian in
// float64: H·v of whole networks.
//
//go:embed testdata/hessians.json
var hessiansJSON []byte

func TestHessianVectorProductsEqualPyTorchs(t *testing.T) {
	var goldens map[string]struct {
		Shapes  [][]int
		Loss    float64
		Product []float64
	}
	if err := json.Unmarshal(hessiansJSON, &goldens); err != nil {
		t.Fatal(err)
	}
	labels, targets := tensor.NewInts([]int32{2, 0, 1}), fill(9, false, 3, 2)
	nets := map[string]func(x []T) T{
		"mlp": func(x []T) T {
			return x[0].Linear(x[1], x[2]).Tanh().Linear(x[3], x[4]).SoftmaxCrossEntropy(labels).Mean()
		},
		"conv": func(x []T) T {
			y := x[0].Conv2DMaxPool(x[1], x[2], tensor.Conv{Padding: [2]int{1, 1}}, true).Flatten()
			return y.Linear(x[3], x[4]).SoftmaxCrossEntropy(labels).Mean()
		},
		"batchnorm": func(x []T) T {
			y := x[0].Conv2D(x[1], T{}, tensor.Conv{Stride: [2]int{2, 2}}).BatchNorm(x[2], x[3], nil, nil, 0, 1e-5).SiLU()
			return y.Mean(2, 3).MeanSquaredError(x[0].Tape().Input(targets, 3, 2))
		},
		"transformer": func(x []T) T {
			y, _ := x[0].SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: x[1], OutWeight: x[2], Add: x[0], Attend: tensor.Attend{Heads: 2, Causal: true}})
			y = y.LayerNorm(x[3], T{}, 1e-5)
			y = y.FeedForward(tensor.FeedForward{Weight1: x[4], Weight2: x[5], Add: y, GELU: true})
			return y.Select(0, 0).SoftmaxCrossEntropy(labels).Mean()
		},
		"embedding": func(x []T) T {
			y := x[0].Rows(tensor.NewInts([]int32{2, 0, 2, 1, 1, 0}, 3, 2)).Mean(1)
			return y.Linear(x[1], T{}).SigmoidCrossEntropy(y.Tape().Input(fill(5, true, 3, 2), 3, 2), nil).Mean()
		},
	}
	if len(nets) != len(goldens) {
		t.Fatalf("%d networks, %d goldens", len(nets), len(goldens))
	}
	for name, f := range nets {
		want := goldens[name]
		tape := tensor.NewTape(1)
		var xs []T
		var v [][]float32
		params := map[int]*tensor.Param{}
		for k, d := range want.Shapes {
			if k%2 == 1 { // parameters and variables alike
				params[k] = tensor.ParamOf(scaled(fill(k, false, d...)), d...)
				xs = append(xs, tape.Use(params[k]))
			} else {
				xs = append(xs, tape.Variable(scaled(fill(k, false, d...)), d...))
			}
			v = append(v, fill(k+20, false, d...))
		}
		loss := f(xs)
		if d := math.Abs(float64(loss.Item()) - want.Loss); d > 1e-6 {
			t.Errorf("%s: loss %v, PyTorch %v", name, loss.Item(), want.Loss)
		}
		grads, err := loss.HessianVector(xs, v)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		top, at := 0.0, 0
		for _, p := range want.Product {
			top = max(top, math.Abs(p))
		}
		for k, x := range xs {
			got := grads.Wrt(x)
			if p := params[k]; p != nil {
				got = grads.Of(p)
			}
			for i, p := range want.Product[at : at+x.Size()] {
				if d := math.Abs(float64(got[i]) - p); !(d <= 1e-5*top) {
					t.Errorf("%s: input %d, element %d: %v, PyTorch %v (largest %v)", name, k, i, got[i], p, top)
					break
				}
			}
			at += x.Size()
		}
	}
}

func scaled(x []float32) []float32 {
	for i := range x {
		x[i] /= 2
	}
	return x
}

func TestGradientsAreRefusedWhereThereAreNone(t *testing.T) {
	tape := tensor.NewTape(1)
	x, v := tape.Input([]float32{1, 2}, 2), tape.Variable([]float32{3, 4}, 2)
	frozen := tensor.ParamOf([]float32{1, 2}, 2)
	frozen.Frozen = true
	loss := x.Mul(v).Add(tape.Use(frozen)).Sum()
	for _, w := range []T{x, tape.Use(frozen)} {
		if _, err := loss.Gradients(w); err == nil || !strings.Contains(err.Error(), "use Variable") {
			t.Errorf("error %v", err)
		}
	}
	other := tape.Variable([]float32{5}, 1)
	if g, err := loss.Gradients(other); err != nil || g[0].Item() != 0 {
		t.Errorf("of no influence: %v, %v, want 0", g, err)
	}
	// What does not lie between loss and variable needs no second derivative.
	if _, err := loss.Add(cube(other).Sum()).Gradients(v); err != nil {
		t.Error(err)
	}
	_, err := v.Reshape(1, 1, 2).CTC(tensor.CTCTargets{Labels: tensor.NewInts([]int32{1}, 1, 1)}).Sum().Gradients(v)
	var u *tensor.UnsupportedError
	if !errors.As(err, &u) || u.Op != "CTC" {
		t.Errorf("CTC: %v", err)
	}
}

// Third derivatives are those of second ones: x⁴ has 24x.
func TestGradientsOfGradientsOfGradients(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Variable([]float32{1.5}, 1)
	y := x.PowScalar(4).Sum()
	for range 2 {
		g, err := y.Gradients(x)
		if err != nil {
			t.Fatal(err)
		}
		y = g[0].Sum()
	}
	if g := y.Backward().Wrt(x)[0]; g != 36 {
		t.Errorf("%v, want 36", g)
	}
}

// The message says what to do: an input is to be a variable, an intermediate
// result to be marked.
func TestWrtSaysWhatToDo(t *testing.T) {
	for want, of := range map[string]func(x, v T) T{
		"use Variable":    func(x, _ T) T { return x },
		"call RetainGrad": func(_, v T) T { return v.Exp() },
	} {
		func() {
			defer func() {
				if v, ok := recover().(string); !ok || !strings.Contains(v, want) {
					t.Errorf("%v, want %q", v, want)
				}
			}()
			tape := tensor.NewTape(1)
			x, v := tape.Input([]float32{1}, 1), tape.Variable([]float32{1}, 1)
			y := of(x, v)
			y.Add(v).Sum().Backward().Wrt(y)
		}()
	}
}

// Options of attention that have no second derivative are refused, not left
// out.
func TestGradientsRefuseAttentionsOptions(t *testing.T) {
	for says, a := range map[string]tensor.Attend{
		"dropout": {Heads: 2, Dropout: 0.5}, "bias": {Heads: 2}, "with a bias": {Heads: 2}, "grouped queries": {Heads: 2, KVHeads: 1},
	} {
		tape := tensor.NewTape(1)
		kv := 4
		switch says {
		case "bias":
			a.Bias = tape.Full(1, 3, 3)
		case "with a bias":
			a.Relative = tape.Full(1, 1, 5)
		case "grouped queries":
			kv = 2
		}
		q, k := tape.Variable(fill(1, false, 2, 3, 4), 2, 3, 4), tape.Variable(fill(2, false, 2, 3, kv), 2, 3, kv)
		y, _ := q.Attention(k, k, a)
		_, err := y.Square().Sum().Gradients(q)
		var u *tensor.UnsupportedError
		if !errors.As(err, &u) || u.Op != "Attention" || !strings.Contains(u.Why, says) {
			t.Errorf("%s: %v", says, err)
		}
		x := tape.Variable(fill(1, false, 2, 3, 4), 2, 3, 4)
		y, _ = x.SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: tape.Full(0.1, 4+2*kv, 4), OutWeight: tape.Full(0.1, 4, 4), Attend: a})
		if _, err = y.Square().Sum().Gradients(x); !errors.As(err, &u) || u.Op != "SelfAttentionLayer" || !strings.Contains(u.Why, says) {
			t.Errorf("%s of a layer: %v", says, err)
		}
	}
}
