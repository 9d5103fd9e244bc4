package optim_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// bagOfWords is a table that is looked up and a layer on it, with ids of a few
// common words and many rare ones.
type bagOfWords struct {
	params []*tensor.Param
	tape   *tensor.Tape
	rng    *rand.Rand
	way    int // 0: bags; 1: rows and their mean; 2: both, and the table as output weights, too
}

const words, wide = 3000, 5

func newBagOfWords(way int) *bagOfWords {
	m := &bagOfWords{tape: tensor.NewTape(1), rng: rand.New(rand.NewPCG(1, 2)), way: way}
	for i, d := range [][]int{{words, wide}, {3, wide}, {3}} {
		p := tensor.NewParam(d...)
		p.Name = []string{"table", "out.weight", "out.bias"}[i]
		for k := range p.Data {
			p.Data[k] = float32(m.rng.NormFloat64())
		}
		m.params = append(m.params, p)
	}
	return m
}

func (m *bagOfWords) loss() tensor.Tensor {
	const batch, length = 40, 20
	ids, labels := make([]int32, batch*length), make([]int32, batch)
	for i := range ids {
		u := m.rng.Float64()
		ids[i] = int32(u * u * u * words)
	}
	for i := range labels {
		labels[i] = int32(m.rng.IntN(3))
	}
	m.tape.Reset()
	t, x := m.tape, tensor.NewInts(ids, batch, length)
	table := t.Use(m.params[0])
	h := t.Full(0, batch, wide)
	if m.way != 1 {
		h = h.Add(table.EmbedBag(x, tensor.Ints{}, 2, true))
	}
	if m.way != 0 {
		h = h.Add(table.Embed(x, 1).Mean(1))
	}
	l := h.Linear(t.Use(m.params[1]), t.Use(m.params[2])).SoftmaxCrossEntropy(tensor.NewInts(labels)).Mean()
	if m.way == 2 {
		l = l.Add(h.MatMulT(table).Tanh().Mean())
	}
	return l
}

// full hides from a link that a gradient is there by rows.
type full struct{ optim.Link }

func inFull(r optim.Rule) optim.Rule {
	return func(ps []*tensor.Param) optim.Link { return full{r(ps)} }
}

// What a rule makes of the rows of a gradient is what it makes of the whole.
func TestRowsAreTheWholeUpdate(t *testing.T) {
	ema := optim.NewEMA(0.9)
	for name, rule := range map[string]optim.Rule{
		"SGD":                 optim.SGD(0.3),
		"AdaGrad":             optim.AdaGrad(0.1),
		"AdaGrad from 0.1":    optim.AdaGrad(0.1, optim.InitialAccumulator(0.1), optim.RateDecay(0.1)),
		"a chain":             optim.Chain(optim.ClipByValue(0.01), optim.ScaleByLearningRate(0.5)),
		"decay elsewhere":     optim.SGD(0.3, optim.WeightDecay(0.1, optim.Named("out.*"))),
		"decay":               optim.SGD(0.3, optim.WeightDecay(0.1)),
		"penalty":             optim.Chain(optim.L1(0.01), optim.SGD(0.1)),
		"Momentum":            optim.Momentum(0.1, 0.9),
		"Adam":                optim.Adam(0.01),
		"LAMB":                optim.LAMB(0.01),
		"EMA":                 ema.Around(optim.SGD(0.3)),
		"MaxNorm":             optim.MaxNorm(0.5, optim.SGD(0.3)),
		"Lookahead":           optim.Lookahead(optim.AdaGrad(0.1), 2, 0.5),
		"finite":              optim.SkipNonFinite(optim.SGD(0.2)),
		"groups":              optim.Groups(optim.Group{On: optim.Named("out.*"), Rule: optim.Adam(0.01)}, optim.Group{Rule: optim.SGD(0.3), Factor: 0.5}),
		"groups, table dense": optim.Groups(optim.Group{On: optim.Named("table"), Rule: optim.Adam(0.01)}, optim.Group{Rule: optim.SGD(0.3)}),
		"frozen group":        optim.Groups(optim.Group{On: optim.Named("table"), Rule: optim.Freeze}, optim.Group{Rule: optim.SGD(0.3)}),
	} {
		for way := range 3 {
			var want [][]float32
			for _, procs := range []int{0, 1, 2, 5} { // 0: in full
				r := rule
				if procs == 0 {
					r = inFull(rule)
				}
				old := runtime.GOMAXPROCS(max(1, procs))
				m := newBagOfWords(way)
				o := optim.New(m.params, r)
				for range 6 {
					o.Step(m.loss().Backward())
				}
				runtime.GOMAXPROCS(old)
				var got [][]float32
				for _, p := range m.params {
					got = append(got, p.Data)
				}
				for _, s := range o.State() {
					got = append(got, s.Data)
				}
				if want == nil {
					want = got
				}
				for i := range want {
					if !slices.Equal(got[i], want[i]) {
						t.Errorf("%s, way %d, %d workers: array %d differs from the whole update's", name, way, procs, i)
						break
					}
				}
			}
		}
	}
}

// The norm is over the rows, whose sum of squares is that of the whole
// gradient; only its rounding differs.
func TestClippingCountsTheRows(t *testing.T) {
	for name, clip := range map[string]optim.Rule{"global": optim.ClipByGlobalNorm(0.02), "each": optim.ClipByNorm(0.01)} {
		rows, whole := newBagOfWords(1), newBagOfWords(1)
		rule := optim.Chain(clip, optim.SGD(3))
		a, b := optim.New(rows.params, rule), optim.New(whole.params, inFull(rule))
		for range 5 {
			a.Step(rows.loss().Backward())
			b.Step(whole.loss().Backward())
		}
		start := newBagOfWords(1)
		for i, p := range rows.params {
			moved := 0.0
			for k, v := range p.Data {
				moved += math.Abs(float64(v - start.params[i].Data[k]))
				if d := math.Abs(float64(v - whole.params[i].Data[k])); d > 1e-6 {
					t.Fatalf("%s: parameter %d differs by %g", name, i, d)
				}
			}
			if moved == 0 {
				t.Errorf("%s: parameter %d stood still", name, i)
			}
		}
	}
}

// A gradient that is not finite shows, by rows as in full, and may be left out.
func TestRowsNotFinite(t *testing.T) {
	m := newBagOfWords(0)
	m.params[1].Data[0] = float32(math.NaN())
	o := optim.New(m.params, optim.SkipNonFinite(optim.SGD(1)))
	before := slices.Clone(m.params[0].Data)
	o.Step(m.loss().Backward())
	if !slices.Equal(before, m.params[0].Data) {
		t.Error("a step with NaN was taken")
	}
	o = optim.New(m.params, optim.Chain(optim.ClipByGlobalNorm(1), optim.SGD(1)))
	o.Step(m.loss().Backward())
	if !slices.ContainsFunc(m.params[0].Data, func(v float32) bool { return v != v }) {
		t.Error("NaN does not show")
	}
}

// PyTorch 2.15:
//
//	w = torch.arange(10.).reshape(5, 2) / 10
//	e = torch.nn.EmbeddingBag.from_pretrained(w, freeze=False, mode="mean", sparse=True)
//	o = torch.optim.SparseAdam(e.parameters(), lr=0.1)   # and SGD(lr=0.5), Adagrad(lr=0.1)
//	for ids in [[0, 2, 2], [2, 4, 0], [4, 4, 1]] * 2:
//	    o.zero_grad(); (e(torch.tensor([ids])) - 1).square().sum().backward(); o.step()
//	print(e.weight.flatten().tolist())
func TestRowsGolden(t *testing.T) {
	for name, c := range map[string]struct {
		rule optim.Rule
		want []float64
	}{
		"LazyAdam": {optim.LazyAdam(0.1), lazyWant},
		"SGD":      {optim.SGD(0.5), sgdWant},
		"AdaGrad":  {optim.AdaGrad(0.1), adaGradWant},
	} {
		p, tape := tensor.NewParam(5, 2), tensor.NewTape(1)
		for i := range p.Data {
			p.Data[i] = float32(i) / 10
		}
		o := optim.New([]*tensor.Param{p}, c.rule)
		for k := range 6 {
			tape.Reset()
			ids := tensor.NewInts([][]int32{{0, 2, 2}, {2, 4, 0}, {4, 4, 1}}[k%3])
			o.Step(tape.Use(p).EmbedBag(ids, tensor.Ints{}, -1, true).AddScalar(-1).Square().Sum().Backward())
		}
		if d := far(p.Data, c.want); d > 1e-6 {
			t.Errorf("%s: off by %.2g: %v, want %v", name, d, p.Data, c.want)
		}
	}
}

// LazyAdam is Adam where every row is looked up, or a parameter is used in
// full.
func TestLazyAdamIsAdamOnAllRows(t *testing.T) {
	ids := make([]int32, 2000)
	for i := range ids {
		ids[i] = int32(i*7) % 600
	}
	run := func(rule optim.Rule) []float32 {
		p, q, tape := tensor.NewParam(600, 3), tensor.NewParam(3), tensor.NewTape(1)
		for i := range p.Data {
			p.Data[i] = float32(i%17) / 8
		}
		o := optim.New([]*tensor.Param{p, q}, rule)
		for range 4 {
			tape.Reset()
			o.Step(tape.Use(p).Rows(tensor.NewInts(ids)).Add(tape.Use(q)).AddScalar(-1).Square().Mean().Backward())
		}
		return append(p.Data, q.Data...)
	}
	if got, want := run(optim.LazyAdam(0.01)), run(optim.Adam(0.01)); !slices.Equal(got, want) {
		t.Error("they differ")
	}
}

func TestStepsByRowsAllocateNothing(t *testing.T) {
	for name, rule := range map[string]optim.Rule{"SGD": optim.SGD(0.1), "AdaGrad": optim.AdaGrad(0.1), "LazyAdam": optim.LazyAdam(0.1), "Adam": optim.Adam(0.1)} {
		m := newBagOfWords(1)
		o := optim.New(m.params, rule)
		ids := make([]int32, 4000)
		k := int32(0)
		step := func() {
			for i := range ids { // ever other rows, and numbers of rows
				ids[i] = int32(i) * k % words
			}
			k++
			m.tape.Reset()
			o.Step(m.tape.Use(m.params[0]).EmbedBag(tensor.NewInts(ids, 40, 100), tensor.Ints{}, -1, true).Square().Sum().Backward())
		}
		step()
		if n := testing.AllocsPerRun(20, step); n > 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
	}
}

var (
	lazyWant    = []float64{0.37568137, 0.47268972, 0.33136863, 0.42862535, 0.75272828, 0.84919602, 0.60000002, 0.69999999, 1.1274039, 1.2249186}
	sgdWant     = []float64{0.46428901, 0.49529037, 0.34739625, 0.40772241, 1.1778692, 1.1681299, 0.60000002, 0.69999999, 1.2455013, 1.2378957}
	adaGradWant = []float64{0.24843596, 0.34252489, 0.35497755, 0.44636637, 0.61478919, 0.70989209, 0.60000002, 0.69999999, 1.0630375, 1.149469}
)
