package nn_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

type T = tensor.Tensor

// lossGoldens are what testdata/losses.py printed.
type lossGoldens struct {
	Inputs         map[string][]float32
	Labels, Padded []int32
	Weight         []float32
	Cases          []struct {
		Name, Reduction string
		Args            []string
		Value           []float64
		Grads           [][]float64
	}
}

func readLossGoldens(t *testing.T) *lossGoldens {
	t.Helper()
	b, err := os.ReadFile("testdata/losses.json")
	if err != nil {
		t.Fatal(err)
	}
	g := new(lossGoldens)
	if err := json.Unmarshal(b, g); err != nil {
		t.Fatal(err)
	}
	return g
}

// input puts one of the goldens' inputs on the tape.
func (g *lossGoldens) input(t *tensor.Tape, name string) T {
	if x := g.Inputs[name]; len(x) == 5 {
		return t.Input(x, 5)
	}
	return t.Input(g.Inputs[name], 5, 4)
}

// losses are the losses under test, by the names of losses.py.
func (g *lossGoldens) losses(r nn.Reduction) map[string]func(x []T) T {
	y, padded := tensor.NewInts(g.Labels), tensor.NewInts(g.Padded)
	two := func(f func(a, b T) T) func([]T) T { return func(x []T) T { return f(x[0], x[1]) } }
	with := func(f func(a, b T) T, other string) func([]T) T {
		return func(x []T) T { return f(x[0], g.input(x[0].Tape(), other)) }
	}
	label := func(f func(a T, y tensor.Ints) T, y tensor.Ints) func([]T) T {
		return func(x []T) T { return f(x[0], y) }
	}
	pair := func(f func(a, b, y T) T) func([]T) T {
		return func(x []T) T { return f(x[0], x[1], g.input(x[0].Tape(), "pair")) }
	}
	triple := func(f func(a, p, n T) T) func([]T) T { return func(x []T) T { return f(x[0], x[1], x[2]) } }
	w := g.Weight
	return map[string]func([]T) T{
		"MSELoss":                 two(nn.MSELoss{Reduction: r}.Loss),
		"L1Loss":                  two(nn.L1Loss{Reduction: r}.Loss),
		"HuberLoss":               two(nn.HuberLoss{Reduction: r}.Loss),
		"HuberLoss .3":            two(nn.HuberLoss{Delta: 0.3, Reduction: r}.Loss),
		"SmoothL1Loss":            two(nn.SmoothL1Loss{Reduction: r}.Loss),
		"SmoothL1Loss .5":         two(nn.SmoothL1Loss{Beta: 0.5, Reduction: r}.Loss),
		"LogCoshLoss":             two(nn.LogCoshLoss{Reduction: r}.Loss),
		"PseudoHuberLoss":         two(nn.PseudoHuberLoss{Reduction: r}.Loss),
		"PseudoHuberLoss .3":      two(nn.PseudoHuberLoss{Delta: 0.3, Reduction: r}.Loss),
		"PoissonNLLLoss":          with(nn.PoissonNLLLoss{Reduction: r}.Loss, "counts"),
		"PoissonNLLLoss full":     with(nn.PoissonNLLLoss{Full: true, Reduction: r}.Loss, "counts"),
		"PoissonNLLLoss rate":     with(nn.PoissonNLLLoss{Rate: true, Reduction: r}.Loss, "counts"),
		"CrossEntropyLoss":        label(nn.CrossEntropyLoss{Reduction: r}.Loss, y),
		"CrossEntropyLoss weight": label(nn.CrossEntropyLoss{Weight: w, Reduction: r}.Loss, y),
		"CrossEntropyLoss smooth": label(nn.CrossEntropyLoss{LabelSmoothing: 0.1, Reduction: r}.Loss, y),
		"CrossEntropyLoss ignore": label(nn.CrossEntropyLoss{Reduction: r}.Loss, padded),
		"CrossEntropyLoss all": label(nn.CrossEntropyLoss{Weight: w, LabelSmoothing: 0.2, Ignore: []int32{2}, Reduction: r}.Loss,
			y),
		"CrossEntropyLoss extreme":        label(nn.CrossEntropyLoss{Reduction: r}.Loss, y),
		"CrossEntropyLoss smooth extreme": label(nn.CrossEntropyLoss{LabelSmoothing: 0.1, Reduction: r}.Loss, y),
		"CrossEntropyLoss soft":           two(nn.CrossEntropyLoss{Reduction: r}.Soft),
		"CrossEntropyLoss soft all":       two(nn.CrossEntropyLoss{Weight: w, LabelSmoothing: 0.1, Reduction: r}.Soft),
		"CrossEntropyLoss soft extreme":   with(nn.CrossEntropyLoss{Reduction: r}.Soft, "soft"),
		"NLLLoss":                         label(nn.NLLLoss{Reduction: r}.Loss, y),
		"NLLLoss all":                     label(nn.NLLLoss{Weight: w, Reduction: r}.Loss, padded),
		"KLDivLoss":                       two(nn.KLDivLoss{Reduction: r}.Loss),
		"KLDivLoss zeros":                 with(nn.KLDivLoss{Reduction: r}.Loss, "bits"),
		"KLDivLoss log":                   two(nn.KLDivLoss{LogTarget: true, Reduction: r}.Loss),
		"FocalLoss":                       label(nn.FocalLoss{Reduction: r}.Loss, y),
		"FocalLoss all":                   label(nn.FocalLoss{Gamma: 1.5, Weight: w, Reduction: r}.Loss, padded),
		"BinaryFocalLoss":                 with(nn.BinaryFocalLoss{Reduction: r}.Loss, "bits"),
		"BinaryFocalLoss plain":           with(nn.BinaryFocalLoss{Gamma: 1, Alpha: -1, Reduction: r}.Loss, "bits"),
		"BCEWithLogitsLoss":               two(nn.BCEWithLogitsLoss{Reduction: r}.Loss),
		"BCEWithLogitsLoss bits":          with(nn.BCEWithLogitsLoss{Reduction: r}.Loss, "bits"),
		"BCEWithLogitsLoss extreme":       with(nn.BCEWithLogitsLoss{Reduction: r}.Loss, "bits"),
		"BCEWithLogitsLoss pos":           with(nn.BCEWithLogitsLoss{PosWeight: w, Reduction: r}.Loss, "soft"),
		"BCEWithLogitsLoss pos extreme":   with(nn.BCEWithLogitsLoss{PosWeight: w, Reduction: r}.Loss, "bits"),
		"BCEWithLogitsLoss weight":        with(nn.BCEWithLogitsLoss{Weight: w, Reduction: r}.Loss, "bits"),
		"FocalLoss zero":                  label(nn.FocalLoss{Gamma: tensor.Zero, Reduction: r}.Loss, y),
		"BinaryFocalLoss zero":            with(nn.BinaryFocalLoss{Gamma: tensor.Zero, Alpha: -1, Reduction: r}.Loss, "bits"),
		"MultiMarginLoss zero":            label(nn.MultiMarginLoss{Margin: tensor.Zero, Reduction: r}.Loss, y),
		"TripletMarginLoss zero":          triple(nn.TripletMarginLoss{Margin: tensor.Zero, Reduction: r}.Loss),
		"BCELoss":                         with(nn.BCELoss{Reduction: r}.Loss, "soft"),
		"BCELoss weight":                  with(nn.BCELoss{Weight: w, Reduction: r}.Loss, "bits"),
		"BCELoss certain":                 with(nn.BCELoss{Reduction: r}.Loss, "soft"),
		"HingeEmbeddingLoss":              with(nn.HingeEmbeddingLoss{Reduction: r}.Loss, "signs"),
		"HingeEmbeddingLoss .3":           with(nn.HingeEmbeddingLoss{Margin: 0.3, Reduction: r}.Loss, "signs"),
		"GaussianNLLLoss":                 triple(nn.GaussianNLLLoss{Reduction: r}.Loss),
		"GaussianNLLLoss full":            triple(nn.GaussianNLLLoss{Eps: 0.6, Full: true, Reduction: r}.Loss),
		"HingeLoss":                       with(nn.HingeLoss{Reduction: r}.Loss, "signs"),
		"HingeLoss squared":               with(nn.HingeLoss{Squared: true, Reduction: r}.Loss, "signs"),
		"MultiMarginLoss":                 label(nn.MultiMarginLoss{Reduction: r}.Loss, y),
		"MultiMarginLoss all":             label(nn.MultiMarginLoss{P: 2, Margin: 0.7, Weight: w, Reduction: r}.Loss, y),
		"CosineEmbeddingLoss":             pair(nn.CosineEmbeddingLoss{Reduction: r}.Loss),
		"CosineEmbeddingLoss .1":          pair(nn.CosineEmbeddingLoss{Margin: 0.1, Reduction: r}.Loss),
		"TripletMarginLoss":               triple(nn.TripletMarginLoss{Reduction: r}.Loss),
		"TripletMarginLoss all":           triple(nn.TripletMarginLoss{Margin: 2, P: 1, Swap: true, Reduction: r}.Loss),
		"TripletMarginLoss swap":          triple(nn.TripletMarginLoss{Swap: true, Reduction: r}.Loss),
	}
}

var reductions = map[string]nn.Reduction{"ReduceMean": nn.ReduceMean, "ReduceSum": nn.ReduceSum,
	"ReduceNone": nn.ReduceNone, "ReduceBatchMean": nn.ReduceBatchMean}

// The goldens are float64; a float32 sum of 20 numbers is good to 1e-6 of its
// largest term.
func TestLossesEqualPyTorchs(t *testing.T) {
	g := readLossGoldens(t)
	tested := map[string]bool{}
	for _, c := range g.Cases {
		f := g.losses(reductions[c.Reduction])[c.Name]
		if f == nil {
			t.Errorf("no loss %q", c.Name)
			continue
		}
		tested[c.Name] = true
		tape := tensor.NewTape(1)
		var xs []T
		for _, a := range c.Args {
			xs = append(xs, tape.Variable(g.Inputs[a], 5, 4))
		}
		y := f(xs)
		if d := relative(y.Data(), c.Value); d > 2e-6 {
			t.Errorf("%s, %s: value %v, want %v", c.Name, c.Reduction, y.Data(), c.Value)
		}
		w := make([]float32, y.Size())
		for i := range w {
			w[i] = 1 + float32(i)/2
		}
		grads := y.BackwardFrom(w)
		for k, want := range c.Grads {
			if d := relative(grads.Wrt(xs[k]), want); want != nil && d > 2e-6 {
				t.Errorf("%s, %s: gradient %d is %v, want %v", c.Name, c.Reduction, k, grads.Wrt(xs[k]), want)
			}
		}
	}
	for name := range g.losses(0) {
		if !tested[name] {
			t.Errorf("no golden for %q", name)
		}
	}
}

// relative is the largest difference, relative to the largest number wanted
// and to each number of more than 1.
func relative(got []float32, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	scale := 1.0
	for _, w := range want {
		scale = math.Max(scale, math.Abs(w))
	}
	worst := 0.0
	for i, w := range want {
		if d := math.Abs(float64(got[i])-w) / scale; !(d <= worst) {
			worst = d
		}
	}
	return worst
}

func TestLossGradients(t *testing.T) {
	g := readLossGoldens(t)
	for _, c := range g.Cases {
		if c.Reduction != "ReduceNone" || strings.Contains(c.Name, "extreme") || strings.Contains(c.Name, "certain") {
			continue // no room for finite differences
		}
		var in []gradcheck.Input
		for _, a := range c.Args {
			x := gradcheck.Input{Data: append([]float32{}, g.Inputs[a]...), Dims: []int{5, 4}}
			for i := range x.Data {
				if a == "soft" { // a logarithm: away from 0, and a distribution
					x.Data[i] = (x.Data[i] + 0.3) / 2.2
				} else if a == "odds" && strings.HasPrefix(c.Name, "BCE") { // away from 0 and 1
					x.Data[i] = 0.3 + 0.4*x.Data[i]
				} else if a == "odds" { // above Eps, where the gradient is that of the formula
					x.Data[i] += 0.7
				} else if strings.HasPrefix(c.Name, "Cos") || strings.HasPrefix(c.Name, "Trip") {
					x.Data[i] *= 4 // away from the kinks, as the steps go
				}
			}
			in = append(in, x)
		}
		f := g.losses(nn.ReduceNone)[c.Name]
		if err := gradcheck.CheckTol(2e-3, func(_ *tensor.Tape, x []T) T { return f(x) }, in...); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
	}
}

func TestLossesAllocateNothing(t *testing.T) {
	g := readLossGoldens(t)
	args := map[string][]string{}
	for _, c := range g.Cases {
		args[c.Name] = c.Args
	}
	tape := tensor.NewTape(1)
	var xs [3]T
	for name, f := range g.losses(nn.ReduceMean) {
		step := func() {
			tape.Reset()
			for i, a := range args[name] {
				xs[i] = tape.Variable(g.Inputs[a], 5, 4)
			}
			f(xs[:]).Backward()
		}
		step()
		step()
		if n := testing.AllocsPerRun(10, step); n != 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
	}
}

// At logits of any size losses on logits stay finite, and their gradients too.
func TestLossesAtExtremeLogits(t *testing.T) {
	labels := tensor.NewInts([]int32{0, 1, 2, 0, 1})
	for name, f := range map[string]func(x, bits T) T{
		"cross-entropy": func(x, _ T) T { return nn.CrossEntropy(x, labels) },
		"smoothed":      func(x, _ T) T { return nn.CrossEntropyLoss{LabelSmoothing: 0.1}.Loss(x, labels) },
		"focal":         func(x, _ T) T { return nn.FocalLoss{Gamma: 0.5}.Loss(x, labels) },
		"binary":        nn.BinaryCrossEntropy,
		"binary, pos":   nn.BCEWithLogitsLoss{PosWeight: []float32{3}}.Loss,
		"binary focal":  nn.BinaryFocalLoss{}.Loss,
		"log-cosh":      nn.LogCosh,
		"Huber":         nn.Huber,
		"pseudo-Huber":  nn.PseudoHuberLoss{Delta: 0.5}.Loss,
		"hinge":         func(x, bits T) T { return nn.HingeLoss{}.Loss(x, bits.Scale(2).AddScalar(-1)) },
		"hinge, pairs":  func(x, bits T) T { return nn.HingeEmbeddingLoss{}.Loss(x, bits.Scale(2).AddScalar(-1)) },
		"multi-margin":  func(x, _ T) T { return nn.MultiMarginLoss{}.Loss(x, labels) },
		"cosine":        nn.CosineLoss,
		"MAE":           nn.MAE,
	} {
		for _, size := range []float32{0, 1e-30, 20, 90, 1000, 1e15} {
			tape := tensor.NewTape(1)
			bits := make([]float32, 15)
			data := make([]float32, 15)
			for i := range data {
				data[i] = size * float32(i%3-1)
				bits[i] = float32(i % 2)
			}
			x := tape.Variable(data, 5, 3)
			y := f(x, tape.Input(bits, 5, 3))
			g := y.Backward()
			if !y.IsFinite() || !tape.Input(g.Wrt(x), 5, 3).IsFinite() || y.Item() < -1e-6 {
				t.Errorf("%s at ±%g: loss %v, gradient %v", name, size, y.Item(), g.Wrt(x))
			}
		}
	}
	// What is certain is certain: no rounding to a loss of zero on the wrong
	// side.
	tape := tensor.NewTape(1)
	l := nn.BinaryCrossEntropy(tape.Input([]float32{-40}, 1), tape.Input([]float32{0}, 1))
	if v := float64(l.Item()); math.Abs(v/math.Exp(-40)-1) > 1e-5 {
		t.Errorf("log(1+e⁻⁴⁰) is %v", v)
	}
	l = nn.LogCosh(tape.Input([]float32{1e-4}, 1), tape.Input([]float32{0}, 1))
	if v := float64(l.Item()); math.Abs(v/5e-9-1) > 1e-5 {
		t.Errorf("log cosh 1e-4 is %v", v)
	}
}

func TestPlainLosses(t *testing.T) {
	tape := tensor.NewTape(1)
	x, y := tape.Input([]float32{3, 0}, 2), tape.Input([]float32{1, 0.5}, 2)
	for name, c := range map[string]struct {
		got  T
		want float64
	}{
		"MSE":        {nn.MSE(x, y), (4 + 0.25) / 2},
		"MAE":        {nn.MAE(x, y), 1.25},
		"Huber":      {nn.Huber(x, y), (1.5 + 0.125) / 2},
		"LogCosh":    {nn.LogCosh(x, y), (math.Log(math.Cosh(2)) + math.Log(math.Cosh(0.5))) / 2},
		"PoissonNLL": {nn.PoissonNLL(x, y), (math.Exp(3) - 3 + 1) / 2},
		"Cosine":     {nn.CosineLoss(x, y), 1 - 1/math.Sqrt(1.25)},
		"BatchMean":  {nn.MSELoss{Reduction: nn.ReduceBatchMean}.Loss(x, y), 4.25 / 2},
		"scalar":     {nn.MSELoss{Reduction: nn.ReduceBatchMean}.Loss(tape.Scalar(2), tape.Scalar(0)), 4},
	} {
		if d := math.Abs(float64(c.got.Item()) - c.want); d > 1e-6 || c.got.Rank() != 0 {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

func TestCrossEntropyOfSequences(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Input(gradcheck.Random(1, 2, 3, 4).Data, 2, 3, 4)
	labels := tensor.NewInts([]int32{1, 0, 0, 2, 3, 0}, 2, 3)
	rows := nn.CrossEntropyLoss{Ignore: []int32{0}, Reduction: nn.ReduceNone}.Loss(x, labels)
	if fmt.Sprint(rows.Dims()) != "[2 3]" || rows.At(0, 1) != 0 || rows.At(0, 0) <= 0 {
		t.Errorf("rows %v", rows)
	}
	mean := nn.CrossEntropyLoss{Ignore: []int32{0}}.Loss(x, labels).Item()
	if want := rows.Sum().Item() / 3; math.Abs(float64(mean-want)) > 1e-6 {
		t.Errorf("mean %v, want %v", mean, want)
	}
	none := nn.CrossEntropyLoss{Ignore: []int32{0}}.Loss(x, tensor.NewInts(make([]int32, 6))).Item()
	if !math.IsNaN(float64(none)) {
		t.Errorf("mean of no row is %v", none)
	}
}

// More classes than the loss adds up side by side, and a number of them that is
// no multiple. PyTorch 2:
//
//	x = (torch.arange(22, dtype=torch.float32).reshape(2, 11) * 0.37).sin() * 2; x.requires_grad_()
//	l = torch.nn.functional.cross_entropy(x, torch.tensor([3, 10]), label_smoothing=0.1); l.backward()
//	print(l.item(), x.grad[1])
func TestSmoothedCrossEntropyOfManyClasses(t *testing.T) {
	values := make([]float32, 22)
	for i := range values {
		values[i] = float32(2 * math.Sin(0.37*float64(i)))
	}
	x := tensor.NewTape(1).Variable(values, 2, 11)
	l := nn.CrossEntropyLoss{LabelSmoothing: 0.1}.Loss(x, tensor.NewInts([]int32{3, 10}, 2))
	if math.Abs(float64(l.Item())-1.6202324628829956) > 2e-6 {
		t.Error(l.Item())
	}
	want := []float64{8.573e-05, -0.00119905, -0.0014072, -0.00069245, 0.00147804, 0.00674142, 0.01873877, 0.04340019, 0.08482201, 0.13405056, -0.28601804}
	for k, g := range l.Backward().Wrt(x)[11:] {
		if math.Abs(float64(g)-want[k]) > 1e-6 {
			t.Errorf("class %d: %v, want %v", k, g, want[k])
		}
	}
}

func TestLossMistakes(t *testing.T) {
	tape := tensor.NewTape(1)
	x, y := tape.Input(make([]float32, 6), 2, 3), tape.Input(make([]float32, 2), 2)
	labels := tensor.NewInts([]int32{0, 3})
	for want, f := range map[string]func(){
		"HuberLoss of [2 3] and [2]: prediction and target must": func() { nn.Huber(x, y) },
		"label 3 of row 1 is neither a class, 0…2, nor ignored":  func() { nn.CrossEntropyLoss{LabelSmoothing: 0.1}.Loss(x, labels) },
		"label 3 of row 1 is outside of 0…2":                     func() { nn.CrossEntropy(x, labels) },
		"1 class weights for 3 classes":                          func() { nn.NLLLoss{Weight: []float32{1}}.Loss(x, tensor.NewInts([]int32{0, 1})) },
		"3 labels: one a row":                                    func() { nn.NLLLoss{}.Loss(x, tensor.NewInts(make([]int32, 3))) },
		"2 weights; one is needed":                               func() { nn.BCEWithLogitsLoss{PosWeight: []float32{1, 2}}.Loss(x, x) },
		"scores must be [batch, classes]":                        func() { nn.MultiMarginLoss{}.Loss(x.Reshape(1, 2, 3), tensor.NewInts([]int32{0, 1})) },
		"P is 3":                                                 func() { nn.TripletMarginLoss{P: 3}.Loss(x, x, x) },
	} {
		func() {
			defer func() {
				p := recover()
				if _, ok := p.(*tensor.ShapeError); !ok && !strings.HasPrefix(want, "P is") {
					t.Errorf("panic with %T", p)
				}
				if p == nil || !strings.Contains(fmt.Sprint(p), want) {
					t.Errorf("panic %v, want %q", p, want)
				}
			}()
			f()
		}()
	}
}
