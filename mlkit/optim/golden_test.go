package optim_test

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// goldens are what testdata/goldens.py printed.
type goldens struct {
	X    []float32
	Y    []int32
	Init [][]float32
	Runs map[string]struct {
		Loss, Params, Average []float64
		State                 map[string]map[int]float64 // sum of |v| by name and parameter
	}
	Schedules map[string][]float64
}

func readGoldens(t testing.TB) *goldens {
	t.Helper()
	b, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	g := new(goldens)
	if err := json.Unmarshal(b, g); err != nil {
		t.Fatal(err)
	}
	return g
}

// mlp is the network of goldens.py: 4-6-3 with tanh and cross-entropy.
type mlp struct {
	g      *goldens
	params []*tensor.Param
	tape   *tensor.Tape
}

func (g *goldens) mlp() *mlp {
	m := &mlp{g: g, tape: tensor.NewTape(1)}
	for i, name := range []string{"fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"} {
		p := tensor.ParamOf(slices.Clone(g.Init[i]), [][]int{{6, 4}, {6}, {3, 6}, {3}}[i]...)
		p.Name = name
		m.params = append(m.params, p)
	}
	return m
}

func (m *mlp) loss(t *tensor.Tape) tensor.Tensor {
	p := m.params
	h := t.Input(m.g.X, 12, 4).Linear(t.Use(p[0]), t.Use(p[1])).Tanh()
	return h.Linear(t.Use(p[2]), t.Use(p[3])).SoftmaxCrossEntropy(tensor.NewInts(m.g.Y)).Mean()
}

func (m *mlp) step(o *optim.Optimizer) float64 {
	m.tape.Reset()
	l := m.loss(m.tape)
	o.Step(l.Backward())
	return float64(l.Item())
}

func (m *mlp) flat() []float32 {
	var all []float32
	for _, p := range m.params {
		all = append(all, p.Data...)
	}
	return all
}

// far is the largest difference, in units of 1 or of the larger number.
func far(got []float32, want []float64) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	worst := 0.0
	for i, w := range want {
		d := math.Abs(float64(got[i])-w) / math.Max(1, math.Abs(w))
		if !(d <= worst) {
			worst = d
		}
	}
	return worst
}

// adamwOnBiases is the second optimizer of the Muon runs.
var adamwOnBiases = optim.AdamW(0.003)

// goldenRules holds the name in goldens.py, the rule, and the chain that it
// stands for where the rule is a short name with a fused kernel.
var goldenRules = []struct {
	name  string
	rule  optim.Rule
	chain optim.Rule
}{
	{"SGD", optim.SGD(0.1), optim.ScaleByLearningRate(0.1)},
	{"SGD L2", optim.Chain(optim.L2(0.01), optim.SGD(0.1)), optim.SGD(0.1, optim.WeightDecay(0.01))},
	{"Momentum", optim.Momentum(0.05, 0.9), optim.Chain(optim.Trace(0.9), optim.ScaleByLearningRate(0.05))},
	{"Momentum dampened", optim.Momentum(0.05, 0.9, optim.Dampening(0.3)),
		optim.Chain(optim.Trace(0.9, optim.Dampening(0.3)), optim.ScaleByLearningRate(0.05))},
	{"Nesterov", optim.Nesterov(0.05, 0.9), optim.Chain(optim.Trace(0.9, optim.UseNesterov(true)), optim.ScaleByLearningRate(0.05))},
	{"AdaGrad", optim.AdaGrad(0.05), optim.Chain(optim.ScaleByAdaGrad(), optim.ScaleByLearningRate(0.05))},
	{"AdaGrad decay", optim.AdaGrad(0.05, optim.RateDecay(0.01), optim.InitialAccumulator(0.1)), nil},
	{"RMSProp", optim.RMSProp(0.005), optim.Chain(optim.ScaleByRMS(), optim.ScaleByLearningRate(0.005))},
	{"RMSProp centered", optim.RMSProp(0.003, optim.Rho(0.9), optim.Centered(), optim.Mu(0.5)),
		optim.Chain(optim.ScaleByRMS(optim.Rho(0.9), optim.Centered()), optim.Trace(0.5), optim.ScaleByLearningRate(0.003))},
	{"AdaDelta", optim.AdaDelta(1), optim.Chain(optim.ScaleByAdaDelta(), optim.ScaleByLearningRate(1))},
	{"Adam", optim.Adam(0.01), optim.Chain(optim.ScaleByAdam(), optim.ScaleByLearningRate(0.01))},
	{"Adam L2", optim.Chain(optim.L2(0.02), optim.Adam(0.01)),
		optim.Chain(optim.AddDecayedWeights(0.02), optim.ScaleByAdam(), optim.ScaleByLearningRate(0.01))},
	{"Adam elastic", optim.Chain(optim.ElasticNet(0.01, 0.02, optim.Matrices), optim.Adam(0.01)),
		optim.Chain(optim.L1(0.01, optim.Named("*.weight")), optim.L2(0.02, optim.Not(optim.Named("*.bias"))), optim.Adam(0.01))},
	{"AMSGrad", optim.AMSGrad(0.01, optim.Betas(0.8, 0.9)),
		optim.Chain(optim.ScaleByAMSGrad(optim.Betas(0.8, 0.9)), optim.ScaleByLearningRate(0.01))},
	{"AdamW", optim.AdamW(0.01, optim.WeightDecay(0.1)),
		optim.Chain(optim.ScaleByAdam(), optim.AddDecayedWeights(0.1), optim.ScaleByLearningRate(0.01))},
	{"Adafactor", optim.Adafactor(0.02, optim.WeightDecay(0.1)), nil},
	{"AdaMax", optim.AdaMax(0.01), optim.Chain(optim.ScaleByAdaMax(), optim.ScaleByLearningRate(0.01))},
	{"NAdam", optim.NAdam(0.01), optim.Chain(optim.ScaleByNAdam(), optim.ScaleByLearningRate(0.01))},
	{"NAdamW", optim.NAdam(0.01, optim.WeightDecay(0.1)), nil},
	{"NAdam decayed", optim.NAdam(0.01, optim.MomentumDecay(0.1)), optim.Chain(optim.ScaleByNAdam(optim.MomentumDecay(0.1)), optim.ScaleByLearningRate(0.01))},
	{"RAdam", optim.RAdam(0.01), optim.Chain(optim.ScaleByRAdam(), optim.ScaleByLearningRate(0.01))},
	{"Muon", optim.Muon(0.02, adamwOnBiases), optim.Groups(
		optim.Group{On: optim.Matrices, Rule: optim.Chain(optim.ScaleByMuon(), optim.AddDecayedWeights(0.1), optim.ScaleByLearningRate(0.02))},
		optim.Group{Rule: adamwOnBiases})},
	{"Muon RMS", optim.Muon(0.01, adamwOnBiases, optim.UseNesterov(false), optim.MatchRMS(), optim.WeightDecay(0)), nil},
	{"Muon of one matrix", optim.Muon(0.02, adamwOnBiases, optim.NewtonSchulz(3), optim.Only(optim.Named("fc1.weight"))), nil},
	{"Groups", optim.Groups(optim.Group{On: optim.Named("fc1.*"), Rule: optim.AdamW(0.01), Factor: 0.1}, optim.Group{Rule: optim.AdamW(0.01)}),
		optim.Groups(optim.Group{On: optim.Named("fc1.*"), Rule: optim.AdamW(0.01), Schedule: optim.Constant(0.1)}, optim.Group{Rule: optim.AdamW(0.01)})},
	{"Global norm", optim.Chain(optim.ClipByGlobalNorm(0.1), optim.SGD(0.5)), nil},
	{"Value", optim.Chain(optim.ClipByValue(0.02), optim.SGD(0.5)), nil},
	{"LAMB", optim.LAMB(0.01, optim.WeightDecay(0.02)),
		optim.Chain(optim.ScaleByAdam(optim.Eps(1e-6)), optim.AddDecayedWeights(0.02), optim.ScaleByTrustRatio(), optim.ScaleByLearningRate(0.01))},
	{"Lion", optim.Lion(0.002, optim.WeightDecay(0.05)),
		optim.Chain(optim.ScaleByLion(), optim.AddDecayedWeights(0.05), optim.ScaleByLearningRate(0.002))},
	{"Lookahead", optim.Lookahead(optim.Adam(0.01), 5, 0.5), nil},
}

// The goldens are computed in float64, so what differs is the rounding of our
// float32 and how far the path of 100 steps amplifies it: 1e-7 a step without
// amplification. Rules that divide by the root of a small mean square amplify
// most (centered RMSProp, which subtracts two of them, and orthogonalisation).
var goldenTolerance = map[string]float64{"RMSProp centered": 1e-3, "Muon": 1e-4, "Muon of one matrix": 1e-4, "Muon RMS": 1e-4}

func TestGoldens(t *testing.T) {
	g := readGoldens(t)
	for _, c := range goldenRules {
		for k, rule := range []optim.Rule{c.rule, c.chain} {
			if rule == nil {
				continue
			}
			name, want := c.name, g.Runs[c.name]
			if k == 1 {
				name += " as a chain"
			}
			t.Run(name, func(t *testing.T) {
				tol := 2e-5
				if v := goldenTolerance[c.name]; v != 0 {
					tol = v
				}
				m := g.mlp()
				o := optim.New(m.params, rule)
				for step, w := range want.Loss {
					if l := m.step(o); math.Abs(l-w) > tol {
						t.Fatalf("step %d: loss %v, want %v", step, l, w)
					}
				}
				if d := far(m.flat(), want.Params); d > tol {
					t.Errorf("parameters differ by %.2g after 100 steps", d)
				}
				if k == 0 {
					checkState(t, o, want.State, 20*tol)
				}
			})
		}
	}
}

// checkState compares names and sizes of the state with PyTorch's. Names of
// ours that PyTorch lacks are allowed (its SGD has no step), and "step" where
// we have no use for it.
func checkState(t *testing.T, o *optim.Optimizer, want map[string]map[int]float64, tol float64) {
	t.Helper()
	got := map[string]map[int]float64{}
	for _, s := range o.State() {
		if got[s.Name] == nil {
			got[s.Name] = map[int]float64{}
		}
		for _, v := range s.Data {
			got[s.Name][s.Param] += math.Abs(float64(v))
		}
	}
	for name, ps := range want {
		for i, w := range ps {
			if v, ok := got[name][i]; !(ok && math.Abs(v-w) <= tol*math.Max(1e-3, w)) && !(name == "step" && !ok) {
				t.Errorf("state %s of parameter %d sums to %v, want %v", name, i, v, w)
			}
		}
	}
}

// Learning rates and momenta that change with the step.
func TestScheduledRulesEqualPyTorchs(t *testing.T) {
	g := readGoldens(t)
	cycle := optim.OneCycle(100, 0.3, math.Inf(1), 1)
	three := optim.OneCycleThreePhase(100, 0.3, math.Inf(1), 1)
	at := func(low, high float64, cycle optim.Schedule) optim.Option {
		return optim.MomentumSchedule(optim.Opposite(low, high, cycle))
	}
	for _, c := range []struct {
		name     string
		rule     optim.Rule
		schedule optim.Schedule
	}{
		{"Scheduled", optim.Adam(0.02), optim.OneCycle(100, 0.3, 25, 1e4)},
		{"Momentum cycled", optim.Momentum(0.1, 0.9, at(0.85, 0.95, three)), optim.OneCycleThreePhase(100, 0.3, 25, 1e4)},
		{"Momentum cycled", optim.Chain(optim.Trace(0.9, at(0.85, 0.95, three)), optim.ScaleByLearningRate(0.1)),
			optim.OneCycleThreePhase(100, 0.3, 25, 1e4)},
		{"Nesterov cycled", optim.Nesterov(0.05, 0.9, at(0.8, 0.9, optim.Cyclic(0, 7, 5, 1))), optim.Cyclic(0.1, 7, 5, 1)},
		{"AdamW cycled", optim.AdamW(0.02, at(0.85, 0.95, cycle)), optim.OneCycle(100, 0.3, 25, 1e4)},
	} {
		m, want := g.mlp(), g.Runs[c.name]
		o := optim.New(m.params, c.rule)
		o.Schedule = c.schedule
		if len(want.Loss) == 0 {
			t.Fatalf("no golden %q", c.name)
		}
		for step, w := range want.Loss {
			if l := m.step(o); math.Abs(l-w) > 2e-5 {
				t.Errorf("%s, step %d: loss %v, want %v", o, step, l, w)
				break
			}
		}
	}
}

func TestMomentaOutOfRange(t *testing.T) {
	m := readGoldens(t).mlp()
	o := optim.New(m.params, optim.Momentum(0.1, 0.9, optim.MomentumSchedule(optim.Linear(0.9, 1.1, 2))))
	m.step(o)
	mustPanic(t, "MomentumSchedule at step 1: the momentum is 1, must lie in", func() { m.step(o) })
	mustPanic(t, "need 0 ≤ low ≤ high < 1", func() { optim.Opposite(0.95, 0.85, optim.Constant(0)) })
	mustPanic(t, "takes no option MomentumSchedule", func() { optim.SGD(0.1, optim.MomentumSchedule(optim.Constant(0))) })
}

// The weights in training, those to be used, and the state, as the authors'
// package has them; with the averages out again, the very bits of before.
func TestScheduleFreeEqualsItsAuthors(t *testing.T) {
	g := readGoldens(t)
	for name, rule := range map[string]optim.Rule{
		"Schedule-free SGD":   optim.ScheduleFreeSGD(0.5, optim.WeightDecay(0.01)),
		"Schedule-free AdamW": optim.ScheduleFreeAdamW(0.02, optim.WeightDecay(0.1)),
	} {
		m, want := g.mlp(), g.Runs[name]
		o := optim.New(m.params, optim.SkipNonFinite(optim.Chain(optim.ClipByGlobalNorm(1e6), rule)))
		o.Schedule = optim.WarmUp(10, nil)
		o.Average(true) // nothing to do yet
		for step, w := range want.Loss {
			if l := m.step(o); math.Abs(l-w) > 2e-5 {
				t.Fatalf("%s, step %d: loss %v, want %v", name, step, l, w)
			}
		}
		if d := far(m.flat(), want.Params); d > 2e-5 {
			t.Errorf("%s: the parameters differ by %.2g", name, d)
		}
		checkState(t, o, want.State, 4e-4)
		before := slices.Clone(m.flat())
		o.Average(true)
		if d := far(m.flat(), want.Average); d > 2e-5 {
			t.Errorf("%s: the average differs by %.2g", name, d)
		}
		mustPanic(t, "Optimizer.Average(false) before", func() { m.step(o) })
		o.Average(false)
		o.Average(false)
		if !slices.Equal(m.flat(), before) {
			t.Errorf("%s: the weights in training have changed", name)
		}
		if n := testing.AllocsPerRun(10, func() { m.step(o) }); n != 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
		for outer, wrap := range map[string]func(optim.Rule) optim.Rule{"EMA": optim.NewEMA(0.9).Around,
			"Lookahead": func(r optim.Rule) optim.Rule { return optim.Lookahead(r, 5, 0.5) },
			"MaxNorm":   func(r optim.Rule) optim.Rule { return optim.MaxNorm(2, r) }} {
			mustPanic(t, outer+" around a schedule-free rule", func() { optim.New(m.params, wrap(optim.Groups(optim.Group{Rule: rule}))) })
		}
	}
}

func TestEMAEqualsPyTorch(t *testing.T) {
	g := readGoldens(t)
	m, want := g.mlp(), g.Runs["EMA"]
	ema := optim.NewEMA(0.95)
	o := optim.New(m.params, ema.Around(optim.Adam(0.01)))
	ema.Swap() // nothing to swap yet
	for range want.Loss {
		m.step(o)
	}
	ema.Swap()
	if d := far(m.flat(), want.Average); d > 2e-5 {
		t.Errorf("the average differs by %.2g", d)
	}
	mustPanic(t, "EMA.Swap before", func() { m.step(o) })
	ema.Swap()
	if d := far(m.flat(), want.Params); d > 2e-5 {
		t.Errorf("the parameters differ by %.2g after swapping back", d)
	}
}

func TestSAM(t *testing.T) {
	g := readGoldens(t)
	for name, sam := range map[string]*optim.SAM{"SAM": {}, "ASAM": {Rho: 0.5, Adaptive: true}} {
		m, want := g.mlp(), g.Runs[name]
		o := optim.New(m.params, optim.Momentum(0.1, 0.9))
		step := func() float64 {
			m.tape.Reset()
			return sam.Step(o, m.tape, m.loss)
		}
		for k, w := range want.Loss {
			if l := step(); math.Abs(l-w) > 5e-5 {
				t.Fatalf("%s, step %d: loss %v, want %v", name, k, l, w)
			}
		}
		loss := m.loss // a method value allocates
		if n := testing.AllocsPerRun(20, func() { m.tape.Reset(); sam.Step(o, m.tape, loss) }); n != 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
	}
}

// Both evaluations see the same random numbers, the next step others; the
// running statistics are those of the first evaluation.
func TestSAMRandomStream(t *testing.T) {
	p, tape, buf := tensor.ParamOf([]float32{1}, 1), tensor.NewTape(3), tensor.NewBuffer(0, 1)
	o := optim.New([]*tensor.Param{p}, optim.SGD(0.1))
	var keys [][3]uint64
	for range 2 {
		tape.Reset()
		new(optim.SAM).Step(o, tape, func(t *tensor.Tape) tensor.Tensor {
			a, b, c := t.Rand()
			keys = append(keys, [3]uint64{a, b, c})
			w := t.Use(p)
			v := t.Scratch(1)
			v[0] = w.Item()
			t.CollectBuffer(buf, v, 1)
			return w.Square().Sum()
		})
	}
	if keys[0] != keys[1] || keys[2] != keys[3] || keys[0] == keys[2] {
		t.Errorf("random keys %v", keys)
	}
	// 1 → gradient at 1.05 → 0.79
	if buf.Count != 2 || math.Abs(float64(buf.Data[0])-0.79) > 1e-6 {
		t.Errorf("buffer %v after %d commits, want 0.79 after 2", buf.Data, buf.Count)
	}
	func() {
		defer func() { _ = recover() }()
		n := 0
		tape.Reset()
		new(optim.SAM).Step(o, tape, func(t *tensor.Tape) tensor.Tensor {
			if n++; n == 2 {
				panic("second")
			}
			return t.Use(p).Square().Sum()
		})
	}()
	if w := float64(p.Data[0]); math.Abs(w-(0.79-0.2*0.84)) > 1e-6 {
		t.Errorf("a panic left the parameter at %v", w)
	}
}

func TestLBFGSReachesPyTorchsMinimum(t *testing.T) {
	g := readGoldens(t)
	m, want := g.mlp(), g.Runs["LBFGS"]
	loss := func(t *tensor.Tape) tensor.Tensor {
		l := m.loss(t)
		for _, p := range m.params {
			l = l.Add(t.Use(p).Square().Sum().Scale(0.005))
		}
		return l
	}
	res, err := optim.LBFGS{Iterations: 500}.Minimize(context.Background(), m.params, m.tape, loss)
	if err != nil || !(res.Converged || res.Stalled) || math.Abs(res.Loss-want.Loss[0]) > 1e-6 {
		t.Errorf("%+v, %v; want the loss %v", res, err, want.Loss[0])
	}
	// The minimum is flat: an error of 1e-7 in the loss is one of √(1e-7/0.01)
	// in the parameters.
	if d := far(m.flat(), want.Params); d > 5e-3 {
		t.Errorf("parameters differ by %.2g", d)
	}
	t.Logf("%+v, parameters off by %.2g", res, far(m.flat(), want.Params))
}

func TestSchedulesEqualPyTorchs(t *testing.T) {
	g := readGoldens(t)
	for name, s := range map[string]optim.Schedule{
		"StepLR(7, .5)":                                      optim.StepDecay(7, 0.5),
		"MultiStepLR([5, 20, 21], .3)":                       optim.MultiStep(0.3, 5, 20, 21),
		"ExponentialLR(.97)":                                 optim.Exponential(0.97),
		"LinearLR(.25, 1, 10)":                               optim.Linear(0.25, 1, 10),
		"PolynomialLR(50, 2)":                                optim.Polynomial(50, 2, 0),
		"CosineAnnealingLR(59, .1)":                          optim.Cosine(59, 0.1),
		"CosineAnnealingWarmRestarts(8, 2, .05)":             optim.CosineRestarts(8, 2, 0.05),
		"CosineAnnealingWarmRestarts(8, 1, .05)":             optim.CosineRestarts(8, 1, 0.05),
		"OneCycleLR(60)":                                     optim.OneCycle(60, 0.3, 25, 1e4),
		"OneCycleLR(60, .4, 10, 100)":                        optim.OneCycle(60, 0.4, 10, 100),
		"OneCycleLR(60, three phases)":                       optim.OneCycleThreePhase(60, 0.3, 25, 1e4),
		"OneCycleLR(61, three phases, .2, 10, 100)":          optim.OneCycleThreePhase(61, 0.2, 10, 100),
		"CyclicLR(.1, 7, 5)":                                 optim.Cyclic(0.1, 7, 5, 1),
		"CyclicLR(.1, 4, 4, halved)":                         optim.Cyclic(0.1, 4, 4, 0.5),
		"CyclicLR(.2, 4, 6, .98)":                            optim.CyclicDecay(0.2, 4, 6, 0.98),
		"Sequential(Linear(.2, 1, 4), Exponential(.9), [5])": optim.WarmUp(5, optim.Exponential(0.9)),
	} {
		want := g.Schedules[name]
		if len(want) != 60 {
			t.Errorf("no golden %q", name)
		}
		for step, w := range want {
			if f := s(step); math.Abs(f-w) > 1e-8 {
				t.Errorf("%s: %v at step %d, want %v", name, f, step, w)
				break
			}
		}
	}
}
