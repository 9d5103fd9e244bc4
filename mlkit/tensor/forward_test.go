package tensor_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"descent/mlkit/tensor"
)

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

// What has no gradient, and edges of what has one.
func TestValues(t *testing.T) {
	tape := tensor.NewTape(1)
	in := func(v ...float32) T { return tape.Input(v, len(v)) }
	x, y := in(1, 2, 3, nan), in(2, 2, 2, 2)
	for name, c := range map[string]struct {
		got  T
		want []float32
	}{
		"Less":              {x.Less(y), []float32{1, 0, 0, 0}},
		"LessEqual":         {x.LessEqual(y), []float32{1, 1, 0, 0}},
		"Greater":           {x.Greater(y), []float32{0, 0, 1, 0}},
		"GreaterEqual":      {x.GreaterEqual(y), []float32{0, 1, 1, 0}},
		"Equal":             {x.Equal(y), []float32{0, 1, 0, 0}},
		"NotEqual":          {x.NotEqual(y), []float32{1, 0, 1, 1}},
		"Less broadcast":    {tape.Scalar(2).Less(x), []float32{0, 0, 1, 0}},
		"Sign":              {in(-3, 0, 5, nan).Sign(), []float32{-1, 0, 1, nan}},
		"Floor":             {in(-1.5, 2, 2.9).Floor(), []float32{-2, 2, 2}},
		"Where keeps NaN":   {tensor.Where(in(0, 0, 0, 1), y, x), []float32{1, 2, 3, 2}},
		"Maximum NaN":       {x.Maximum(y), []float32{2, 2, 3, nan}},
		"Max NaN":           {x.Max(), []float32{nan}},
		"Min NaN":           {x.Min(), []float32{nan}},
		"LogSumExp large":   {in(1000, 1000).LogSumExp(), []float32{1000 + float32(math.Ln2)}},
		"LogSumExp nothing": {in(-inf, -inf).LogSumExp(), []float32{-inf}},
		"LogSumExp Inf":     {in(inf, 1).LogSumExp(), []float32{inf}},
		"Softmax masked":    {in(-inf, 0, 0).Softmax(0), []float32{0, 0.5, 0.5}},
		"LogSoftmax large":  {in(0, 1000).LogSoftmax(0), []float32{-1000, 0}},
		"Sum of nothing":    {in().Sum(), []float32{0}},
		"Mean of nothing":   {in().Mean(), []float32{nan}},
		"Sum of empty rows": {tape.Full(1, 2, 0).Sum(1), []float32{0, 0}},
		"Var of one":        {in(3).Var(1), []float32{nan}},
		"Norm of zero":      {in(0, 0).Norm(), []float32{0}},
		"Pow corners":       {in(0, -2, -2, 4).Pow(in(0, 3, 0.5, -0.5)), []float32{1, -8, nan, 0.5}},
		"OneHot":            {tape.OneHot(tensor.NewInts([]int32{2, 0}), 3), []float32{0, 0, 1, 1, 0, 0}},
		"Tril":              {tape.Full(1, 2, 3).Tril(0), []float32{1, 0, 0, 1, 1, 0}},
		"Triu":              {tape.Full(1, 2, 3).Triu(1), []float32{0, 1, 1, 0, 0, 1}},
		"Triu far":          {tape.Full(1, 2, 2).Triu(5), []float32{0, 0, 0, 0}},
		"Tril far":          {tape.Full(1, 2, 2).Tril(-5), []float32{0, 0, 0, 0}},
		"Slice from end":    {x.Slice(0, -3, -1), []float32{2, 3}},
		"Slice of nothing":  {x.Slice(0, 2, 2), []float32{}},
		"LogSigmoid deep":   {in(-200).LogSigmoid(), []float32{-200}},
		"Softplus large":    {in(200).Softplus(1), []float32{200}},
	} {
		got := c.got.Data()
		same := slices.EqualFunc(got, c.want, func(a, b float32) bool {
			return a == b || a != a && b != b || math.Abs(float64(a-b)) < 1e-6*math.Abs(float64(b))
		})
		if !same {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	m := tape.Input([]float32{1, 5, 5, 9, 2, nan}, 2, 3)
	for _, c := range []struct {
		axis int
		want []int32
		dims []int
	}{{1, []int32{1, 2}, []int{2}}, {0, []int32{1, 0, 1}, []int{3}}} {
		if got := m.ArgMax(c.axis); !slices.Equal(got.Data, c.want) || !slices.Equal(got.Dims(), c.dims) {
			t.Errorf("ArgMax(%d) = %v of shape %v", c.axis, got.Data, got.Dims())
		}
	}
}

func TestRefusals(t *testing.T) {
	tape := tensor.NewTape(1)
	a, b := tape.Full(1, 2, 3), tape.Full(1, 3, 2)
	img, w := tape.Full(1, 1, 2, 5, 5), tape.Full(1, 4, 2, 3, 3)
	none := T{}
	ids := tensor.NewInts([]int32{0, 3})
	for want, f := range map[string]func(){
		"Sum of [2 3]: no axis 2":                         func() { a.Sum(2) },
		"Sum of [2 3]: axis 1 is named twice":             func() { a.Sum(1, -1) },
		"Max of [2 0]: no elements":                       func() { tape.Full(1, 2, 0).Max(1) },
		"ArgMax of [2 0]":                                 func() { tape.Full(1, 2, 0).ArgMax(1) },
		"Squeeze of [2 3]: axis 1 has length 3":           func() { a.Squeeze(1) },
		"Unsqueeze of [1 1 1 1 1 1]":                      func() { tape.Full(1, 1, 1, 1, 1, 1, 1).Unsqueeze(0) },
		"Permute of [2 3]: 1 axes":                        func() { a.Permute(0) },
		"Permute of [2 3]: axis 0 is named twice":         func() { a.Permute(0, 0) },
		"Slice of [2 3]: [1:4]":                           func() { a.Slice(1, 1, 4) },
		"Select of [2 3]: no element 3":                   func() { a.Select(1, 3) },
		"Expand of [2 3]: only axes of length 1":          func() { a.Expand(4, 3) },
		"Concat of [2 3] and [3 2]: all axes but axis 1":  func() { tensor.Concat(1, a, b) },
		"Stack of [2 3] and [3 2]":                        func() { tensor.Stack(0, a, b) },
		"Concat of no tensors":                            func() { tensor.Concat(0) },
		"Split of [2 3]: the sizes [1 1]":                 func() { a.Split(1, 1, 1) },
		"Chunk of [2 3]":                                  func() { a.Chunk(1, 2) },
		"Pad of [2 3]: 6 pads":                            func() { a.Pad(0, 1, 1, 1, 1, 1, 1) },
		"Pad of [2 3]: a pad is negative":                 func() { a.Pad(0, -1, 1) },
		"Rows: id 3 at place 1 is outside of 0…1":         func() { a.Rows(ids) },
		"Gather of [2 3]: the ids have shape [2]":         func() { a.Gather(0, ids) },
		"ScatterAdd of [2 3] and [3 2]":                   func() { a.ScatterAdd(0, tensor.NewInts(make([]int32, 6), 2, 3), b) },
		"OneHot: id 3":                                    func() { tape.OneHot(ids, 3) },
		"Tril of [2]":                                     func() { tape.Full(1, 2).Tril(0) },
		"Where of [2 3] and [3 2]":                        func() { tensor.Where(a, b, b) },
		"Maximum of [2 3] and [3 2]":                      func() { a.Maximum(b) },
		"MatMul of [2 2 3] and [3 3 2]":                   func() { tape.Full(1, 2, 2, 3).MatMul(tape.Full(1, 3, 3, 2)) },
		"Softmax of []: no axis -1":                       func() { tape.Scalar(1).Softmax(-1) },
		"Conv2D of [2 3] and [4 2 3 3]":                   func() { a.Conv2D(w, none, tensor.Conv{}) },
		"the groups divide both":                          func() { img.Conv2D(w, none, tensor.Conv{Groups: 3}) },
		"the window does not fit":                         func() { tape.Full(1, 1, 2, 2, 2).Conv2D(w, none, tensor.Conv{}) },
		"Conv2D of [1 2 5 5] and [4 2 3 3] and [2 3]":     func() { img.Conv2D(w, a, tensor.Conv{}) },
		"ConvTranspose2D of [1 2 5 5] and [4 2 3 3]":      func() { img.ConvTranspose2D(w, none, tensor.Conv{}, [2]int{}) },
		"output padding [2 2] be less than the stride":    func() { img.ConvTranspose2D(tape.Full(1, 2, 1, 3, 3), none, tensor.Conv{}, [2]int{2, 2}) },
		"at most half a window":                           func() { img.MaxPool2D(tensor.Pool{Kernel: [2]int{2, 2}, Padding: [2]int{2, 2}}) },
		"AdaptiveAvgPool2D of [2 3]":                      func() { a.AdaptiveAvgPool2D(1, 1) },
		"UpsampleNearest of [1 2 5 5]":                    func() { img.UpsampleNearest(0, 1) },
		"LayerNorm of [2 3] and [3 2]":                    func() { a.LayerNorm(b, none, 1e-5) },
		"RMSNorm of [2 3] and [2]":                        func() { a.RMSNorm(tape.Full(1, 2), 1e-5) },
		"GroupNorm of [2 3]: the channels":                func() { a.GroupNorm(2, none, none, 1e-5) },
		"BatchNorm of [1 3]: one value per channel":       func() { tape.Full(1, 1, 3).BatchNorm(none, none, nil, nil, 0, 1e-5) },
		"LocalResponseNorm of [2 3]":                      func() { a.LocalResponseNorm(0, 1, 1, 1) },
		"Dropout: the probability 1 is outside of [0, 1)": func() { a.Dropout(1) },
		"SpatialDropout of [2]":                           func() { tape.Full(1, 2).SpatialDropout(0.5) },
		"different tapes":                                 func() { tensor.Concat(0, a, tensor.NewTape(1).Full(1, 2, 3)) },
	} {
		mustPanic(t, want, f)
	}
}

// A dropped share of p, the others scaled so that the mean stays, and the same
// elements dropped for the same seed, step and place; new ones elsewhere.
func TestDropoutStatistics(t *testing.T) {
	const n, p = 100000, 0.3
	mask := func(seed, step uint64, skip int) []float32 {
		tape := tensor.NewTape(seed)
		tape.Seed(seed, step)
		x := tape.Full(1, n)
		for range skip {
			x.Dropout(p)
		}
		return x.Dropout(p).Data()
	}
	base := mask(1, 1, 0)
	dropped := 0
	for _, v := range base {
		if v == 0 {
			dropped++
		} else if math.Abs(float64(v)-1/(1-p)) > 1e-6 {
			t.Fatalf("a kept element became %v", v)
		}
	}
	if d := math.Abs(float64(dropped) - p*n); d > 5*math.Sqrt(n*p*(1-p)) {
		t.Errorf("%d of %d dropped", dropped, n)
	}
	for name, c := range map[string]struct {
		mask []float32
		same bool
	}{"again": {mask(1, 1, 0), true}, "seed": {mask(2, 1, 0), false}, "step": {mask(1, 2, 0), false}, "place": {mask(1, 1, 1), false}} {
		if slices.Equal(c.mask, base) != c.same {
			t.Errorf("%s: the same mask: %v, want %v", name, !c.same, c.same)
		}
	}
	tape := tensor.NewTape(1)
	y := tape.Full(1, 50, 40, 3, 3).SpatialDropout(p)
	zero := 0
	for c := range 50 * 40 {
		plane := y.Data()[c*9 : c*9+9]
		if slices.Max(plane) != slices.Min(plane) {
			t.Fatalf("channel %d is dropped in part: %v", c, plane)
		}
		if plane[0] == 0 {
			zero++
		}
	}
	if d := math.Abs(float64(zero) - p*2000); d > 5*math.Sqrt(2000*p*(1-p)) {
		t.Errorf("%d of 2000 channels dropped", zero)
	}
}

// The gradient that RetainGrad kept is the one that arrived, although backward
// functions work in place.
func TestRetainedGradients(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Variable([]float32{1, 2, -3}, 3)
	y := x.Square().RetainGrad()
	z := y.Mean().RetainGrad().Scale(3)
	r := x.ReLU().RetainGrad()
	g := z.Add(r.Sum()).Backward()
	for name, c := range map[string]struct{ got, want []float32 }{
		"x": {g.Wrt(x), []float32{3, 5, -6}}, "Square": {g.Wrt(y), []float32{1, 1, 1}}, "ReLU": {g.Wrt(r), []float32{1, 1, 1}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("%s: gradient %v, want %v", name, c.got, c.want)
		}
	}
}

// Running statistics: nothing changes before Commit, and not in evaluation.
func TestBatchNormCommits(t *testing.T) {
	mean, variance := tensor.NewBuffer(0, 1), tensor.NewBuffer(1, 1)
	tape := tensor.NewTape(1)
	g := tape.Variable([]float32{1, 3}, 2, 1).BatchNorm(T{}, T{}, mean, variance, 0.5, 0).Sum().Backward()
	if mean.Data[0] != 0 || variance.Data[0] != 1 || mean.Count != 0 {
		t.Error("the forward pass wrote a buffer")
	}
	g.Commit()
	if mean.Data[0] != 1 || variance.Data[0] != 1.5 || mean.Count != 1 { // unbiased variance 2
		t.Errorf("mean %v, variance %v after %d commits", mean.Data, variance.Data, mean.Count)
	}
	tape.Reset()
	tape.SetTraining(false)
	y := tape.Variable([]float32{1, 4}, 2, 1).BatchNorm(T{}, T{}, mean, variance, 0.5, 0)
	y.Sum().Backward().Commit()
	if want := fmt.Sprint([]float32{0, float32(3 / math.Sqrt(1.5))}); fmt.Sprint(y.Data()) != want || mean.Count != 1 {
		t.Errorf("evaluation gives %v, want %s; %d commits", y.Data(), want, mean.Count)
	}
}
