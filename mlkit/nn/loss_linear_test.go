package nn_test

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// PyTorch 2.15:
//
//	x=torch.tensor([[1.,-2],[0.5,0.25],[-1,3],[2,1]],requires_grad=True)
//	W=torch.tensor([[1.,0],[0.5,-1],[-0.5,2],[0,1],[1.5,0.5]],requires_grad=True)
//	b=torch.tensor([0.1,-0.2,0.3,0,-0.4],requires_grad=True)
//	y=torch.tensor([4,-100,2,0])
//	l=torch.nn.functional.cross_entropy(x@W.T+b,y,weight=torch.tensor([1.,2,0.5,1,3]),label_smoothing=0.1)
//	l.backward(); print(l, x.grad, W.grad, b.grad)
func TestLinearCrossEntropyGolden(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Variable([]float32{1, -2, 0.5, 0.25, -1, 3, 2, 1}, 4, 2)
	w := tape.Variable([]float32{1, 0, 0.5, -1, -0.5, 2, 0, 1, 1.5, 0.5}, 5, 2)
	b := tape.Variable([]float32{0.1, -0.2, 0.3, 0, -0.4}, 5)
	l := nn.CrossEntropyLoss{Weight: []float32{1, 2, 0.5, 1, 3}, LabelSmoothing: 0.1}.Linear(x, w, b, tensor.NewInts([]int32{4, -100, 2, 0}))
	g := l.Backward()
	for i, c := range [][2][]float32{
		{l.Data(), {2.2268993854522705}},
		{g.Wrt(x), {-0.4987797, -0.7185231, 0.0, 0.0, -0.0427009, 0.0568114, 0.0208794, 0.1196382}},
		{g.Wrt(w), {-0.1738449, -0.4253355, 0.4361881, -0.9002821, 0.0115401, 0.1077879, 0.0279829, 0.0046917, -0.3018661, 1.2131377}},
		{g.Wrt(b), {-0.0288879, 0.4222216, 0.0470484, 0.0124844, -0.4528666}},
	} {
		for k, want := range c[1] {
			if math.Abs(float64(c[0][k]-want)) > 1e-6 {
				t.Errorf("result %d, element %d: %v, want %v", i, k, c[0][k], want)
			}
		}
	}
}

// Several pieces of rows, every option and reduction: equal to the loss of the
// logits, with any number of workers the same bits.
func TestLinearCrossEntropyEqualsItsParts(t *testing.T) {
	const rows, in, classes = 300, 6, 9001
	rng := nn.NewRand(1)
	numbers := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	xs, ws, bs, weight := numbers(rows*in), numbers(classes*in), numbers(classes), make([]float32, classes)
	for i := range weight {
		weight[i] = 0.5 + float32(i%3)
	}
	labels := make([]int32, rows)
	for i := range labels {
		labels[i] = int32(rng.IntN(classes))
		if i%9 == 4 {
			labels[i] = 7
		}
	}
	for _, c := range []nn.CrossEntropyLoss{{}, {Ignore: []int32{7}}, {Weight: weight, LabelSmoothing: 0.2, Ignore: []int32{7}}, {LabelSmoothing: 0.1, Reduction: nn.ReduceSum},
		{Reduction: nn.ReduceNone}, {Weight: weight, LabelSmoothing: 0.1, Reduction: nn.ReduceNone}, {Reduction: nn.ReduceBatchMean}} {
		var want [][]float32
		for _, procs := range []int{0, 1, 2, 5} { // 0: by parts
			old := runtime.GOMAXPROCS(max(procs, 1))
			tape := tensor.NewTape(1)
			x, w, b := tape.Variable(xs, 3, rows/3, in), tape.Variable(ws, classes, in), tape.Variable(bs, classes)
			var l tensor.Tensor
			if y := tensor.NewInts(labels, 3, rows/3); procs == 0 {
				l = c.Loss(x.Linear(w, b), y)
			} else {
				l = c.Linear(x, w, b, y)
			}
			values := slices.Clone(l.Data())
			if l.Rank() > 0 {
				l = l.Reshape(rows).Mul(tape.Input(xs[:rows], rows)).Sum()
			}
			g := l.Scale(3).Backward()
			runtime.GOMAXPROCS(old)
			got := [][]float32{values, g.Wrt(x), g.Wrt(w), g.Wrt(b)}
			for i := range got {
				if procs > 1 && !slices.Equal(got[i], want[i]) {
					t.Errorf("%v: result %d: other bits with GOMAXPROCS %d", c.Reduction, i, procs)
				}
				if procs != 1 {
					continue
				}
				most := 0.0
				for _, v := range want[i] {
					most = max(most, math.Abs(float64(v)))
				}
				for k, v := range got[i] {
					if d := math.Abs(float64(v - want[i][k])); !(d < 1e-5*most) {
						t.Fatalf("%v: result %d, element %d is %v, want %v", c.Reduction, i, k, v, want[i][k])
					}
				}
			}
			want = got
		}
	}
}

func TestLinearCrossEntropyGradients(t *testing.T) {
	labels := tensor.NewInts([]int32{4, -100, 0})
	weight := []float32{1, 2, 0.5, 1, 3}
	in := func(seed uint64, dims ...int) gradcheck.Input {
		rng, n := nn.NewRand(seed), 1
		for _, d := range dims {
			n *= d
		}
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return gradcheck.Input{Data: x, Dims: dims}
	}
	for _, r := range []nn.Reduction{nn.ReduceMean, nn.ReduceNone} {
		c := nn.CrossEntropyLoss{Weight: weight, LabelSmoothing: 0.2, Reduction: r}
		if err := gradcheck.Check(func(_ *tensor.Tape, x []tensor.Tensor) tensor.Tensor { return c.Linear(x[0], x[1], x[2], labels) },
			in(1, 3, 4), in(2, 5, 4), in(3, 5)); err != nil {
			t.Error(r, err)
		}
		// Tied weights: the layer's are used before, and once more.
		if err := gradcheck.Check(func(_ *tensor.Tape, x []tensor.Tensor) tensor.Tensor {
			return c.Linear(x[0].Embed(tensor.NewInts([]int32{1, 4, 1}), -1), x[0], tensor.Tensor{}, labels)
		}, in(2, 5, 4)); err != nil {
			t.Error(r, "tied", err)
		}
	}
}

// Half of the logits' memory would be too much.
func TestLinearCrossEntropyKeepsNoLogits(t *testing.T) {
	const rows, in, classes = 2048, 4, 8192
	tape := tensor.NewTape(1)
	w := tensor.NewParam(classes, in)
	step := func() {
		tape.Reset()
		x := tape.Full(1, rows, in)
		nn.CrossEntropyLoss{}.Linear(x, tape.Use(w), tensor.Tensor{}, tensor.NewInts(make([]int32, rows))).Backward()
	}
	step()
	if got := tape.Memory(); got > 4*rows*classes/2 {
		t.Errorf("%d bytes, where the logits take %d", got, 4*rows*classes)
	}
	if n := testing.AllocsPerRun(2, step); n > 0 {
		t.Errorf("%v allocations a step", n)
	}
}

func TestLinearCrossEntropyRefuses(t *testing.T) {
	tape := tensor.NewTape(1)
	x, w := tape.Full(1, 2, 3), tape.Full(1, 4, 3)
	for want, f := range map[string]func(){
		"label 4 of row 1 is neither a class": func() { nn.CrossEntropyLoss{}.Linear(x, w, tensor.Tensor{}, tensor.NewInts([]int32{0, 4})) },
		"3 class weights for 4 classes": func() {
			nn.CrossEntropyLoss{Weight: make([]float32, 3)}.Linear(x, w, tensor.Tensor{}, tensor.NewInts([]int32{0, 1}))
		},
		"1 labels for 2 rows": func() { nn.CrossEntropyLoss{}.Linear(x, w, tensor.Tensor{}, tensor.NewInts([]int32{0})) },
	} {
		func() {
			defer func() {
				if e, ok := recover().(*tensor.ShapeError); !ok || !strings.Contains(e.Error(), want) {
					t.Errorf("%v, want a ShapeError with %q", e, want)
				}
			}()
			f()
		}()
	}
}
