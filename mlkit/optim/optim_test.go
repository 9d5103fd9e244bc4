package optim_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), want) {
			t.Errorf("panic %v, want one with %q", p, want)
		}
	}()
	f()
}

// problems every optimizer must solve: functions of one parameter.
var problems = []struct {
	name  string
	start []float32
	loss  func(x tensor.Tensor) tensor.Tensor
}{
	{"parabola", []float32{3, -2}, func(x tensor.Tensor) tensor.Tensor { // Σ(x−1)²
		return x.AddScalar(-1).Square().Sum()
	}},
	{"ill-conditioned quadratic", []float32{1, 1, 1, 1}, func(x tensor.Tensor) tensor.Tensor { // ½Σ cᵢxᵢ², condition 1000
		return x.Tape().Input([]float32{1, 10, 100, 1000}, 4).Mul(x.Square()).Sum().Scale(0.5)
	}},
	{"Rosenbrock", []float32{-1, 1.5}, func(x tensor.Tensor) tensor.Tensor { // (1−a)² + 100(b−a²)²
		t := x.Tape()
		a, b := x.Mul(t.Input([]float32{1, 0}, 2)).Sum(), x.Mul(t.Input([]float32{0, 1}, 2)).Sum()
		return a.AddScalar(-1).Square().Add(b.Sub(a.Square()).Square().Scale(100))
	}},
}

// Every optimizer with its rates on the three problems, and the loss it must
// reach from 20, 555 and 29 in 2000 steps. Sign and trust-ratio rules step by a
// length that does not shrink by itself, so all get a falling schedule. RAdam's
// first five steps are plain momentum, which these slopes need clipped.
var solvers = []struct {
	name  string
	rule  func(lr float64) optim.Rule
	lr    [3]float64
	below [3]float64
}{
	{"SGD", func(lr float64) optim.Rule { return optim.SGD(lr) }, [3]float64{0.1, 1.5e-3, 1.5e-3}, [3]float64{1e-8, 0.05, 1}},
	{"Momentum", func(lr float64) optim.Rule { return optim.Momentum(lr, 0.9) }, [3]float64{0.02, 1e-3, 5e-4}, [3]float64{1e-8, 1e-6, 0.02}},
	{"Nesterov", func(lr float64) optim.Rule { return optim.Nesterov(lr, 0.9) }, [3]float64{0.02, 1e-3, 5e-4}, [3]float64{1e-8, 1e-6, 0.02}},
	{"AdaGrad", func(lr float64) optim.Rule { return optim.AdaGrad(lr) }, [3]float64{1, 0.5, 0.5}, [3]float64{1e-8, 1e-6, 1}},
	{"RMSProp", func(lr float64) optim.Rule { return optim.RMSProp(lr) }, [3]float64{0.02, 0.01, 0.01}, [3]float64{1e-4, 1e-4, 0.05}},
	{"AdaDelta", func(lr float64) optim.Rule { return optim.AdaDelta(lr, optim.Eps(1e-4)) }, [3]float64{5, 1, 2}, [3]float64{1e-3, 1e-2, 0.1}},
	{"Adam", func(lr float64) optim.Rule { return optim.Adam(lr) }, [3]float64{0.05, 0.02, 0.05}, [3]float64{1e-6, 1e-5, 0.01}},
	{"AMSGrad", func(lr float64) optim.Rule { return optim.AMSGrad(lr) }, [3]float64{0.05, 0.02, 0.05}, [3]float64{1e-6, 1e-5, 0.05}},
	{"AdamW", func(lr float64) optim.Rule { return optim.AdamW(lr, optim.WeightDecay(1e-4)) }, [3]float64{0.05, 0.02, 0.05}, [3]float64{1e-6, 1e-5, 0.01}},
	{"Adafactor", func(lr float64) optim.Rule { return optim.Adafactor(lr) }, [3]float64{0.05, 0.05, 0.05}, [3]float64{1e-4, 1e-3, 0.05}},
	{"AdaMax", func(lr float64) optim.Rule { return optim.AdaMax(lr) }, [3]float64{0.05, 0.05, 0.3}, [3]float64{1e-6, 1e-5, 0.05}},
	{"NAdam", func(lr float64) optim.Rule { return optim.NAdam(lr) }, [3]float64{0.05, 0.02, 0.05}, [3]float64{1e-6, 1e-5, 0.01}},
	{"RAdam", func(lr float64) optim.Rule { return optim.Chain(optim.ClipByNorm(1), optim.RAdam(lr)) }, [3]float64{0.05, 0.02, 0.05}, [3]float64{1e-6, 1e-5, 0.01}},
	{"LAMB", func(lr float64) optim.Rule { return optim.LAMB(lr) }, [3]float64{0.02, 0.02, 0.1}, [3]float64{1e-4, 1e-4, 0.05}},
	{"Lion", func(lr float64) optim.Rule { return optim.Lion(lr) }, [3]float64{0.02, 0.005, 0.005}, [3]float64{1e-4, 1e-2, 0.05}},
	{"Lookahead", func(lr float64) optim.Rule { return optim.Lookahead(optim.Adam(lr), 5, 0.5) }, [3]float64{0.1, 0.05, 0.1}, [3]float64{1e-6, 1e-5, 0.01}},
	{"schedule-free SGD", func(lr float64) optim.Rule { return optim.ScheduleFreeSGD(lr) }, [3]float64{0.5, 3e-3, 2e-3}, [3]float64{1e-8, 0.01, 0.5}},
	{"schedule-free AdamW", func(lr float64) optim.Rule { return optim.ScheduleFreeAdamW(lr) }, [3]float64{0.1, 0.1, 0.1}, [3]float64{1e-4, 1e-3, 0.05}},
	{"clipped", func(lr float64) optim.Rule { return optim.Chain(optim.ClipByNorm(1), optim.Momentum(lr, 0.9)) }, [3]float64{0.05, 1e-3, 2e-3}, [3]float64{1e-8, 1e-3, 0.02}},
}

func TestSolvers(t *testing.T) {
	const steps = 2000
	for _, s := range solvers {
		for k, p := range problems {
			x, tape := tensor.ParamOf(slices.Clone(p.start), len(p.start)), tensor.NewTape(1)
			o := optim.New([]*tensor.Param{x}, s.rule(s.lr[k]))
			o.Schedule = optim.Cosine(steps, 1e-3)
			var loss float64
			for range steps {
				tape.Reset()
				l := p.loss(tape.Use(x))
				loss = float64(l.Item())
				o.Step(l.Backward())
			}
			if !(loss < s.below[k]) {
				t.Errorf("%s on the %s: loss %.3g after %d steps at %v, want below %v", s.name, p.name, loss, steps, x.Data, s.below[k])
			}
		}
	}
}

func TestLBFGSSolvesAll(t *testing.T) {
	for _, p := range problems {
		x := tensor.ParamOf(slices.Clone(p.start), len(p.start))
		res, err := optim.LBFGS{}.Minimize(context.Background(), []*tensor.Param{x}, tensor.NewTape(1),
			func(t *tensor.Tape) tensor.Tensor { return p.loss(t.Use(x)) })
		if err != nil || res.Loss > 1e-9 || !(res.Converged || res.Stalled) {
			t.Errorf("%s: %+v, %v at %v", p.name, res, err, x.Data)
		}
		t.Logf("%s: %+v", p.name, res)
	}
}

func TestLBFGSEnds(t *testing.T) {
	p := problems[2]
	x := tensor.ParamOf(slices.Clone(p.start), 2)
	params := []*tensor.Param{x}
	loss := func(t *tensor.Tape) tensor.Tensor { return p.loss(t.Use(x)) }
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	res, err := optim.LBFGS{}.Minimize(ctx, params, tensor.NewTape(1), func(t *tensor.Tape) tensor.Tensor {
		if n++; n == 5 {
			cancel()
		}
		return loss(t)
	})
	if !errors.Is(err, context.Canceled) || res.Loss >= 29 {
		t.Errorf("cancelled: %+v, %v", res, err)
	}
	res, err = optim.LBFGS{Iterations: 2}.Minimize(context.Background(), params, tensor.NewTape(1), loss)
	if err != nil || res.Converged || res.Iterations != 2 {
		t.Errorf("limited: %+v, %v", res, err)
	}
	mustPanic(t, "in the loss", func() {
		n := 0
		_, _ = optim.LBFGS{}.Minimize(context.Background(), params, tensor.NewTape(1), func(t *tensor.Tape) tensor.Tensor {
			if n++; n == 3 {
				panic("in the loss")
			}
			return loss(t)
		})
	})
	x.Data[0] = float32(math.NaN())
	if _, err = (optim.LBFGS{}).Minimize(context.Background(), params, tensor.NewTape(1), loss); err == nil || !strings.Contains(err.Error(), "NaN at the start") {
		t.Errorf("NaN: %v", err)
	}
	x.Frozen = true
	if _, err = (optim.LBFGS{}).Minimize(context.Background(), params, tensor.NewTape(1), loss); err == nil || !strings.Contains(err.Error(), "no parameter is free") {
		t.Errorf("frozen: %v", err)
	}
}

// allRules are the golden rules, their chains and the wrappers.
func allRules() map[string]optim.Rule {
	all := map[string]optim.Rule{
		"EMA":           optim.NewEMA(0.9).Around(optim.Adam(0.01)),
		"Lookahead 0.8": optim.Lookahead(optim.SGD(0.1), 3, 0.8),
		"SkipNonFinite": optim.SkipNonFinite(optim.Adam(0.01)),
		"two traces":    optim.Chain(optim.Trace(0.5), optim.Trace(0.9), optim.SGD(0.01)),
		"clip norm":     optim.Chain(optim.ClipByNorm(0.1), optim.Momentum(0.01, 0.9)),
	}
	for _, c := range goldenRules {
		all[c.name] = c.rule
		if c.chain != nil {
			all[c.name+" as a chain"] = c.chain
		}
	}
	return all
}

func TestStepsAllocateNothing(t *testing.T) {
	g := readGoldens(t)
	for name, rule := range allRules() {
		m := g.mlp()
		o := optim.New(m.params, rule)
		for range 3 {
			m.step(o)
		}
		if n := testing.AllocsPerRun(20, func() { m.step(o) }); n != 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
	}
}

// Saved after 7 steps and loaded into a fresh optimizer, training goes on in
// the same bits: every number that a rule remembers is in its state.
func TestStateIsComplete(t *testing.T) {
	g := readGoldens(t)
	for name, rule := range allRules() {
		a := g.mlp()
		oa := optim.New(a.params, rule)
		for range 7 {
			a.step(oa)
		}
		b := g.mlp()
		for i, p := range b.params {
			copy(p.Data, a.params[i].Data)
		}
		saved := map[string][]float32{}
		for _, s := range oa.State() {
			key := fmt.Sprint(s.Name, s.Param)
			if saved[key] != nil {
				t.Errorf("%s: two slots %q", name, key)
			}
			saved[key] = slices.Clone(s.Data)
		}
		for range 7 { // goes on first, as an EMA belongs to its last optimizer
			a.step(oa)
		}
		ob := optim.New(b.params, rule)
		ob.SetSteps(7)
		for _, s := range ob.State() {
			if copy(s.Data, saved[fmt.Sprint(s.Name, s.Param)]) != len(s.Data) {
				t.Errorf("%s: slot %s %d has another size", name, s.Name, s.Param)
			}
		}
		for range 7 {
			b.step(ob)
		}
		if !slices.Equal(a.flat(), b.flat()) {
			t.Errorf("%s: the resumed run went elsewhere", name)
		}
		for i, s := range oa.State() {
			if !slices.Equal(s.Data, ob.State()[i].Data) {
				t.Errorf("%s: state %s %d differs", name, s.Name, s.Param)
			}
		}
	}
}

// Frozen parameters and those without a gradient keep their bits, whatever
// the rule adds to others; one that joins later starts like a new one.
func TestParametersLeftAlone(t *testing.T) {
	g := readGoldens(t)
	for name, rule := range allRules() {
		m := g.mlp()
		extra := tensor.ParamOf([]float32{1, 2, 3, 4}, 2, 2)
		extra.Name = "extra.weight"
		m.params[2].Frozen = true
		o := optim.New(append(m.params, extra), rule)
		for range 12 {
			m.step(o)
		}
		if !slices.Equal(m.params[2].Data, g.Init[2]) || !slices.Equal(extra.Data, []float32{1, 2, 3, 4}) {
			t.Errorf("%s: changed a frozen or unused parameter: %v, %v", name, m.params[2].Data, extra.Data)
		}
		if slices.Equal(m.params[0].Data, g.Init[0]) {
			t.Errorf("%s: changed nothing", name)
		}
	}
	late := tensor.ParamOf([]float32{1}, 1)
	early := tensor.ParamOf([]float32{1}, 1)
	tape := tensor.NewTape(1)
	o := optim.New([]*tensor.Param{early, late}, optim.Adam(0.1))
	for step := range 50 {
		tape.Reset()
		l := tape.Use(early).Sum()
		if step == 49 {
			l = l.Add(tape.Use(late).Sum())
		}
		o.Step(l.Backward())
	}
	if math.Abs(float64(late.Data[0])-0.9) > 1e-6 { // a first step of Adam has length lr
		t.Errorf("the late parameter is at %v, want 0.9", late.Data[0])
	}
}

func gradients(t *testing.T, rule optim.Rule, p, g []float32) []float32 {
	t.Helper()
	x, tape := tensor.ParamOf(slices.Clone(p), len(p)), tensor.NewTape(1)
	optim.New([]*tensor.Param{x}, rule).Step(tape.Use(x).BackwardFrom(g))
	return x.Data
}

func TestNonFiniteGradients(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	isNaN := func(x float32) bool { return x != x }
	if x := gradients(t, optim.Adam(0.1), []float32{1, 1}, []float32{nan, 1}); !isNaN(x[0]) || isNaN(x[1]) {
		t.Errorf("Adam made %v of a NaN gradient", x)
	}
	for _, bad := range []float32{nan, inf} {
		if x := gradients(t, optim.Chain(optim.ClipByGlobalNorm(1), optim.SGD(0.1)), []float32{1, 1}, []float32{bad, 1}); !isNaN(x[0]) || !isNaN(x[1]) {
			t.Errorf("clipping hid the gradient %v: %v", bad, x)
		}
		if x := gradients(t, optim.SkipNonFinite(optim.Adam(0.1)), []float32{1, 1}, []float32{bad, 1}); x[0] != 1 || x[1] != 1 {
			t.Errorf("SkipNonFinite stepped to %v", x)
		}
	}
	// What a batch of NaN says of means and variances is left out with it.
	p, stat, tape := tensor.ParamOf([]float32{1}, 1), tensor.NewBuffer(0, 1), tensor.NewTape(1)
	skipping := optim.New([]*tensor.Param{p}, optim.SkipNonFinite(optim.SGD(0.1)))
	for _, v := range []float32{nan, 2} {
		tape.Reset()
		tape.CollectBuffer(stat, []float32{v}, 1)
		skipping.Step(tape.Use(p).Scale(v).Backward())
	}
	if stat.Data[0] != 2 || stat.Count != 1 {
		t.Errorf("running statistic %v after %d commits, want 2 after 1", stat.Data[0], stat.Count)
	}
	// The sum of squares overflows float32 here, the norm does not.
	if x := gradients(t, optim.Chain(optim.ClipByGlobalNorm(1), optim.SGD(1)), []float32{0, 0}, []float32{3e30, 4e30}); math.Abs(float64(x[0])+0.6) > 1e-6 {
		t.Errorf("large gradient clipped to %v", x)
	}
}

func TestClipping(t *testing.T) {
	for name, c := range map[string]struct {
		rule optim.Rule
		want [2]float64 // what is left of the gradient (3, −4)
	}{
		"norm":        {optim.ClipByNorm(1), [2]float64{0.6, -0.8}},
		"long norm":   {optim.ClipByNorm(5.1), [2]float64{3, -4}},
		"global norm": {optim.ClipByGlobalNorm(2.5), [2]float64{1.5, -2}},
		"value":       {optim.ClipByValue(3.5), [2]float64{3, -3.5}},
		"no gradient": {optim.Chain(optim.ClipByValue(1e-30), optim.ClipByNorm(1)), [2]float64{}},
	} {
		x := gradients(t, optim.Chain(c.rule, optim.ScaleByLearningRate(1)), []float32{0, 0}, []float32{3, -4})
		if math.Abs(float64(x[0])+c.want[0]) > 1e-5 || math.Abs(float64(x[1])+c.want[1]) > 1e-5 {
			t.Errorf("%s: steps by %v, want −%v", name, x, c.want)
		}
	}
}

func TestPenalty(t *testing.T) {
	a := tensor.ParamOf([]float32{1, -2, 0}, 1, 3)
	b := tensor.ParamOf([]float32{10}, 1)
	p := optim.Penalty{L1: 0.5, L2: 0.1, On: []optim.Filter{optim.Matrices}}
	if v := p.Value([]*tensor.Param{a, b}); math.Abs(v-(0.5*3+0.05*5)) > 1e-12 {
		t.Errorf("value %v", v)
	}
	x := gradients(t, optim.Chain(optim.ElasticNet(0.5, 0.1), optim.SGD(1)), []float32{1, -2, 0}, []float32{0, 0, 0})
	for i, w := range []float64{1 - 0.6, -2 + 0.7, 0} {
		if math.Abs(float64(x[i])-w) > 1e-6 {
			t.Errorf("after one step %v", x)
		}
	}
}

// shortNames are the rules that take WeightDecay and follow any penalty.
var shortNames = map[string]func(opts ...optim.Option) optim.Rule{
	"SGD":      func(o ...optim.Option) optim.Rule { return optim.SGD(0.01, o...) },
	"Momentum": func(o ...optim.Option) optim.Rule { return optim.Momentum(0.01, 0.9, o...) },
	"Nesterov": func(o ...optim.Option) optim.Rule { return optim.Nesterov(0.01, 0.9, o...) },
	"AdaGrad":  func(o ...optim.Option) optim.Rule { return optim.AdaGrad(0.01, o...) },
	"RMSProp":  func(o ...optim.Option) optim.Rule { return optim.RMSProp(0.001, o...) },
	"AdaDelta": func(o ...optim.Option) optim.Rule { return optim.AdaDelta(1, o...) },
	"Adam":     func(o ...optim.Option) optim.Rule { return optim.Adam(0.01, o...) },
	"AMSGrad":  func(o ...optim.Option) optim.Rule { return optim.AMSGrad(0.01, o...) },
	"AdamW":    func(o ...optim.Option) optim.Rule { return optim.AdamW(0.01, o...) },
	"AdaMax":   func(o ...optim.Option) optim.Rule { return optim.AdaMax(0.01, o...) },
	"NAdam":    func(o ...optim.Option) optim.Rule { return optim.NAdam(0.01, o...) },
	"RAdam":    func(o ...optim.Option) optim.Rule { return optim.RAdam(0.01, o...) },
	"LAMB":     func(o ...optim.Option) optim.Rule { return optim.LAMB(0.01, o...) },
	"Lion":     func(o ...optim.Option) optim.Rule { return optim.Lion(0.001, o...) },
	"Muon":     func(o ...optim.Option) optim.Rule { return optim.Muon(0.01, optim.SGD(0.01), o...) },
}

// A penalty as a link gives the steps of the same penalty in the loss, for
// every rule; weight decay shrinks beside them.
func TestEveryRuleHonoursPenaltiesAndDecay(t *testing.T) {
	g := readGoldens(t)
	const l1, l2, steps = 0.02, 0.05, 5
	for name, make := range shortNames {
		inLoss, asLink, plain, decayed := g.mlp(), g.mlp(), g.mlp(), g.mlp()
		a := optim.New(inLoss.params, make())
		b := optim.New(asLink.params, optim.Chain(optim.ElasticNet(l1, l2, optim.Matrices), make()))
		c := optim.New(plain.params, make(optim.WeightDecay(0)))
		d := optim.New(decayed.params, make(optim.WeightDecay(0.5, optim.Named("fc1.weight"))))
		for range steps {
			inLoss.tape.Reset()
			l := inLoss.loss(inLoss.tape)
			for _, p := range inLoss.params {
				if optim.Matrices(p) {
					w := inLoss.tape.Use(p)
					l = l.Add(w.Abs().Sum().Scale(l1)).Add(w.Square().Sum().Scale(l2 / 2))
				}
			}
			a.Step(l.Backward())
			asLink.step(b)
			plain.step(c)
			decayed.step(d)
		}
		want := make64(inLoss.flat())
		if e := far(asLink.flat(), want); e > 1e-4 {
			t.Errorf("%s: the link differs from the penalty in the loss by %.2g", name, e)
		}
		if e := far(asLink.flat(), make64(plain.flat())); e < 1e-4 {
			t.Errorf("%s: the penalty has no effect", name)
		}
		var norms [2]float64
		for i, m := range []*mlp{plain, decayed} {
			norms[i] = optim.GlobalNorm([][]float32{m.params[0].Data})
		}
		if norms[1] >= norms[0] {
			t.Errorf("%s: weight decay has no effect: norms %v", name, norms)
		}
	}
}

func make64(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// Half batches added up are the whole batch.
func TestAccumulatedGradients(t *testing.T) {
	g := readGoldens(t)
	whole, halves := g.mlp(), g.mlp()
	rule := optim.Chain(optim.ClipByGlobalNorm(0.1), optim.Momentum(0.1, 0.9))
	a, b := optim.New(whole.params, rule), optim.New(halves.params, rule)
	sum := tensor.NewGradSum()
	for range 10 {
		whole.step(a)
		sum.Clear()
		for k := range 2 {
			halves.tape.Reset()
			p, t := halves.params, halves.tape
			h := t.Input(g.X[24*k:][:24], 6, 4).Linear(t.Use(p[0]), t.Use(p[1])).Tanh().Linear(t.Use(p[2]), t.Use(p[3]))
			sum.Add(h.SoftmaxCrossEntropy(tensor.NewInts(g.Y[6*k:][:6])).Mean().Backward(), 0.5)
		}
		b.Step(sum.Grads())
	}
	if d := far(halves.flat(), make64(whole.flat())); d > 1e-5 {
		t.Errorf("parameters differ by %.2g", d)
	}
}

// The point of decoupling: with L2 inside, Adam shrinks a parameter with large
// gradients far less than one with small ones; AdamW shrinks both alike.
func TestDecoupledDecayIsNotL2(t *testing.T) {
	shrunk := func(rule optim.Rule) (big, small float64) {
		x, tape := tensor.ParamOf([]float32{1, 1}, 2), tensor.NewTape(1)
		o := optim.New([]*tensor.Param{x}, rule)
		for step := range 400 { // gradients without a direction, ±10 and ±0.1
			tape.Reset()
			s := float32(1 - 2*(step%2))
			o.Step(tape.Use(x).BackwardFrom([]float32{10 * s, 0.1 * s}))
		}
		return 1 - float64(x.Data[0]), 1 - float64(x.Data[1])
	}
	if big, small := shrunk(optim.AdamW(1e-2, optim.WeightDecay(0.1))); math.Abs(big-small) > 1e-3 || big < 0.3 {
		t.Errorf("AdamW shrank by %v and %v", big, small)
	}
	if big, small := shrunk(optim.Chain(optim.L2(0.1), optim.Adam(1e-2))); big > small/5 {
		t.Errorf("Adam with L2 shrank by %v and %v", big, small)
	}
}

func TestMistakesPanic(t *testing.T) {
	ps := []*tensor.Param{tensor.NewParam(2), tensor.NewParam(3, 3)}
	ps[0].Name = "b"
	mustPanic(t, "SGD takes no option Betas (it takes: WeightDecay)", func() { optim.SGD(0.1, optim.Betas(0.9, 0.9)) })
	mustPanic(t, "Adam: beta1 is 1, must lie in [0, 0.99", func() { optim.Adam(0.1, optim.Betas(1, 0.9)) })
	mustPanic(t, "Adam: the learning rate is NaN", func() { optim.Adam(math.NaN()) })
	mustPanic(t, "LAMB: the learning rate is -1", func() { optim.LAMB(-1) })
	mustPanic(t, "ClipByNorm: the limit is 0", func() { optim.ClipByNorm(0) })
	mustPanic(t, "AddPenalty: L2 is -1", func() { optim.L2(-1) })
	mustPanic(t, "malformed", func() { optim.Named("[") })
	mustPanic(t, "milestones", func() { optim.MultiStep(0.1, 5, 3) })
	mustPanic(t, "StepDecay: 0", func() { optim.StepDecay(0, 0.1) })
	mustPanic(t, "OneCycle", func() { optim.OneCycle(0, 0.3, 25, 1e4) })
	mustPanic(t, "Lookahead", func() { optim.Lookahead(optim.SGD(1), 0, 0.5) })
	mustPanic(t, "the decay is 1", func() { optim.NewEMA(1) })
	mustPanic(t, `parameter "b" [2] is in no group`, func() { optim.New(ps, optim.Groups(optim.Group{On: optim.Matrices, Rule: optim.SGD(1)})) })
	mustPanic(t, "has no rule", func() { optim.New(ps, optim.Groups(optim.Group{})) })
	mustPanic(t, "parameter 2 is nil, or there twice", func() { optim.New(append(ps, ps[0]), optim.SGD(1)) })
	mustPanic(t, "only matrices", func() { optim.New(ps, optim.ScaleByMuon()) })
	mustPanic(t, "link 1 of the chain comes after", func() {
		tape := tensor.NewTape(1)
		o := optim.New(ps, optim.Chain(optim.Adam(0.1), optim.ClipByGlobalNorm(1)))
		o.Step(tape.Use(ps[0]).Sum().Backward())
	})
}

func TestFreeze(t *testing.T) {
	g := readGoldens(t)
	m := g.mlp()
	o := optim.New(m.params, optim.Groups(
		optim.Group{On: optim.Named("fc1.*"), Rule: optim.Freeze},
		optim.Group{Rule: optim.Chain(optim.Trace(0.9), optim.ScaleByLearningRate(0.1))}))
	m.step(o)
	if !slices.Equal(m.params[0].Data, g.Init[0]) || slices.Equal(m.params[2].Data, g.Init[2]) {
		t.Error("fc1 must stay, fc2 must move")
	}
}

func TestSchedulesAlone(t *testing.T) {
	near := func(name string, s optim.Schedule, want map[int]float64) {
		t.Helper()
		for step, w := range want {
			if f := s(step); math.Abs(f-w) > 1e-12 {
				t.Errorf("%s: %v at step %d, want %v", name, f, step, w)
			}
		}
	}
	near("Constant", optim.Constant(0.5), map[int]float64{0: 0.5, 99: 0.5})
	near("WarmUp", optim.WarmUp(4, nil), map[int]float64{0: 0.25, 3: 1, 4: 1, 50: 1})
	near("InverseSqrt", optim.InverseSqrt(4), map[int]float64{0: 0.25, 3: 1, 15: 0.5})
	near("PerEpoch", optim.PerEpoch(optim.Exponential(0.5), 10), map[int]float64{9: 1, 10: 0.5, 29: 0.25})
	near("Product", optim.Product(optim.Constant(0.5), optim.StepDecay(2, 0.1)), map[int]float64{1: 0.5, 2: 0.05})
	near("Cosine stays", optim.Cosine(10, 0.1), map[int]float64{5: 0.55, 10: 0.1, 20: 0.1})
	near("Polynomial", optim.Polynomial(10, 1, 0.2), map[int]float64{0: 1, 5: 0.6, 10: 0.2, 11: 0.2})
	near("OneCycle without warm-up", optim.OneCycle(11, 0, 10, 10), map[int]float64{0: 1, 10: 0.01, 12: 0.01})

	o := optim.New(nil, optim.SGD(1))
	o.Schedule, o.Scale = optim.StepDecay(1, 0.5), 0.1
	o.SetSteps(2)
	if f := o.Factor(); math.Abs(f-0.025) > 1e-12 {
		t.Errorf("factor %v", f)
	}
}

// The last stage moves by the whole rate, the first by decay².
func TestByDepth(t *testing.T) {
	tape := tensor.NewTape(1)
	ps := []*tensor.Param{tensor.NewParam(1), tensor.NewParam(1), tensor.NewParam(1)}
	for k, p := range ps {
		p.Name = []string{"head.bias", "body.bias", "stem.bias"}[k]
	}
	opt := optim.New(ps, optim.ByDepth(optim.SGD(1), 0.5, optim.Named("stem.*"), optim.Named("body.*"), optim.Named("head.*")))
	opt.Step(tape.Use(ps[0]).Add(tape.Use(ps[1])).Add(tape.Use(ps[2])).Sum().Backward())
	for k, want := range []float32{-1, -0.5, -0.25} {
		if got := ps[k].Data[0]; got != want {
			t.Errorf("%s moved by %v, want %v", ps[k].Name, got, want)
		}
	}
}

// A schedule below 0 would climb.
func TestFactorIsAFactor(t *testing.T) {
	for _, f := range []float64{-1, math.NaN(), math.Inf(1)} {
		tape := tensor.NewTape(1)
		p := tensor.ParamOf([]float32{1}, 1)
		o := optim.New([]*tensor.Param{p}, optim.SGD(0.1))
		o.Schedule = func(int) float64 { return f }
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, "look at the Schedule") || p.Data[0] != 1 {
					t.Errorf("factor %v: %v, parameter %v", f, r, p.Data)
				}
			}()
			o.Step(tape.Use(p).Sum().Backward())
		}()
	}
}
