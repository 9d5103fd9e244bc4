package explain_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/explain"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"

	"gonum.org/v1/gonum/mat"
)

// picked makes the rows of a table that a loss asks for.
func picked(t *tensor.Tape, x []float32, columns int, samples []int) tensor.Tensor {
	rows := t.Scratch(len(samples) * columns)
	for i, s := range samples {
		copy(rows[i*columns:], x[s*columns:(s+1)*columns])
	}
	return t.Input(rows, len(samples), columns)
}

// trained is the network of the goldens at its first checkpoint, and the loss
// of its test sample.
func (g *goldens) trained() (explain.Trained, func(t *tensor.Tape) tensor.Tensor) {
	in, w := g.Influence, g.Influence.Checkpoints[0]
	first := &nn.Linear{Weight: tensor.ParamOf(slices.Clone(w[0]), 4, 3), Bias: tensor.ParamOf(slices.Clone(w[1]), 4)}
	second := &nn.Linear{Weight: tensor.ParamOf(slices.Clone(w[2]), 3, 4), Bias: tensor.ParamOf(slices.Clone(w[3]), 3)}
	model := nn.Sequential{first, nn.Tanh{}, nn.Dropout{P: 0.5}, second}
	loss := nn.CrossEntropyLoss{Reduction: nn.ReduceNone}
	m := explain.Trained{Params: nn.Params(model), Samples: len(in.Labels), Damping: 0.5}
	m.Losses = func(t *tensor.Tape, samples []int) tensor.Tensor {
		var y []int32
		for _, s := range samples {
			y = append(y, in.Labels[s])
		}
		return loss.Loss(model.Forward(picked(t, in.Rows, 3, samples)), tensor.NewInts(y, len(y)))
	}
	m.Penalty = func(t *tensor.Tape) tensor.Tensor {
		sum := t.Scalar(0)
		for _, p := range []*tensor.Param{first.Weight, second.Weight} {
			sum = sum.Add(t.Use(p).Mul(t.Use(p)).Sum())
		}
		return sum.Scale(0.05 / 2)
	}
	return m, func(t *tensor.Tape) tensor.Tensor {
		return loss.Loss(model.Forward(t.Input(in.Test, 1, 3)), tensor.NewInts([]int32{in.Answer}, 1))
	}
}

func (g *goldens) checkpoints() (out []explain.Checkpoint) {
	for c, w := range g.Influence.Checkpoints {
		out = append(out, explain.Checkpoint{Rate: []float64{0.1, 0.02}[c], Weights: w})
	}
	return out
}

func narrow(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// slowly keeps a loss from having second derivatives and norms of samples: each
// sample then takes a gradient of its own.
func slowly(m explain.Trained) explain.Trained {
	fast := m.Losses
	m.Losses = func(t *tensor.Tape, samples []int) tensor.Tensor {
		return tensor.Concat(1, fast(t, samples).Unsqueeze(1), t.Full(1, len(samples), 1)).Prod(1)
	}
	return m
}

func TestInfluenceAsElsewhere(t *testing.T) {
	g := read(t)
	m, test := g.trained()
	ok := must[[]float64](t)
	before := explain.Snapshot(m.Params, 0)
	near(t, "influence", narrow(ok(explain.Influence(m, test, explain.ConjugateGradients(0, 1e-6)))), g.Influence.Influence)
	near(t, "TracIn", narrow(ok(explain.TracIn(m, test, g.checkpoints()))), g.Influence.Tracin)
	near(t, "TracIn of itself", narrow(ok(explain.SelfTracIn(m, g.checkpoints()))), g.Influence.Self)
	near(t, "TracIn, slowly", narrow(ok(explain.TracIn(slowly(m), test, g.checkpoints()))), g.Influence.Tracin)
	near(t, "TracIn of itself, slowly", narrow(ok(explain.SelfTracIn(slowly(m), g.checkpoints()))), g.Influence.Self)
	for i, p := range m.Params {
		if !slices.Equal(p.Data, before.Weights[i]) {
			t.Errorf("parameter %q has changed", p.Name)
		}
	}
	// Of a part of the parameters: the norms are of this part.
	part := m
	part.Params = m.Params[2:]
	points := g.checkpoints()[:1]
	points[0].Weights = points[0].Weights[2:]
	a, b := ok(explain.SelfTracIn(part, points)), ok(explain.SelfTracIn(slowly(part), points))
	near(t, "a part of the parameters", narrow(a), narrow(b))
}

// The mean over many batches approaches the solution, and the same seed gives
// the same.
func TestLiSSA(t *testing.T) {
	m, test := read(t).trained()
	ok := must[[]float64](t)
	want := ok(explain.Influence(m, test, explain.ConjugateGradients(0, 0)))
	few := ok(explain.Influence(m, test, explain.LiSSA(4, 40, 1, 4, 1)))
	many := ok(explain.Influence(m, test, explain.LiSSA(4, 40, 60, 4, 1)))
	far := off(narrow(few), narrow(want))
	if d := off(narrow(many), narrow(want)); d > far/2 || d > 0.02 {
		t.Errorf("one repetition is off by %v, 60 by %v", far, d)
	}
	if !slices.Equal(few, ok(explain.Influence(m, test, explain.LiSSA(4, 40, 1, 4, 1)))) {
		t.Error("the same seed gives other values")
	}
}

// logistic is a regression that Newton's method trains to the minimum, in
// float64, with or without one of its samples: mean log loss over all samples,
// plus l2/2·‖w‖².
type logistic struct {
	x  []float64 // [n, d], the last column 1
	y  []float64
	d  int
	l2 float64
}

// train leaves out the given sample; −1 for none.
func (l logistic) train(without int, w []float64) []float64 {
	n := len(l.y)
	w = slices.Clone(w)
	for range 30 {
		h, g := mat.NewSymDense(l.d, nil), mat.NewVecDense(l.d, nil)
		for k := range l.d {
			h.SetSym(k, k, l.l2)
			g.SetVec(k, l.l2*w[k])
		}
		for i := range n {
			if i == without {
				continue
			}
			row := mat.NewVecDense(l.d, l.x[i*l.d:(i+1)*l.d])
			p := 1 / (1 + math.Exp(-mat.Dot(row, mat.NewVecDense(l.d, w))))
			g.AddScaledVec(g, (p-l.y[i])/float64(n), row)
			h.SymRankOne(h, p*(1-p)/float64(n), row)
		}
		var f mat.Cholesky
		var step mat.VecDense
		if !f.Factorize(h) || f.SolveVecTo(&step, g) != nil {
			panic("no minimum")
		}
		for k := range w {
			w[k] -= step.AtVec(k)
		}
		if mat.Norm(&step, 2) < 1e-10 {
			break
		}
	}
	return w
}

func (l logistic) loss(w, row []float64, y float64) float64 {
	z := mat.Dot(mat.NewVecDense(l.d, row), mat.NewVecDense(l.d, w))
	return math.Log1p(math.Exp(-z * (2*y - 1)))
}

// Influence ranks the 500 samples of a convex model as 500 retrainings do, each
// without one of them.
func TestInfluenceIsLeavingOut(t *testing.T) {
	const n, d = 500, 8
	rng := rand.New(rand.NewPCG(5, 0))
	l := logistic{d: d, l2: 0.01}
	for range n {
		z := 0.
		for k := range d - 1 {
			v := rng.NormFloat64()
			l.x = append(l.x, v)
			z += v * float64(k-3) / 3
		}
		l.x = append(l.x, 1)
		l.y = append(l.y, map[bool]float64{true: 1}[rng.Float64() < 1/(1+math.Exp(-z))])
	}
	at := l.train(-1, make([]float64, d))
	p := tensor.ParamOf(narrow(at), d)
	x := narrow(l.x)
	losses := func(z tensor.Tensor, y []float32) tensor.Tensor {
		return nn.BCEWithLogitsLoss{Reduction: nn.ReduceNone}.Loss(z, z.Tape().Input(y, len(y)))
	}
	m := explain.Trained{Params: []*tensor.Param{p}, Samples: n, Damping: l.l2}
	m.Losses = func(t *tensor.Tape, samples []int) tensor.Tensor {
		var y []float32
		for _, s := range samples {
			y = append(y, float32(l.y[s]))
		}
		return losses(picked(t, x, d, samples).MatMul(t.Use(p).Unsqueeze(1)).Squeeze(1), y)
	}
	test := []float64{0.5, -1, 0.3, 0, 1, -0.2, 0.8, 1}
	influence, err := explain.Influence(m, func(t *tensor.Tape) tensor.Tensor {
		return losses(t.Input(narrow(test), 1, d).MatMul(t.Use(p).Unsqueeze(1)).Squeeze(1), []float32{0}).Mean()
	}, explain.ConjugateGradients(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	whole := l.loss(at, test, 0)
	real := make([]float64, n)
	for i := range real {
		real[i] = l.loss(l.train(i, at), test, 0) - whole
	}
	if r, err := explain.RankCorrelation(influence, real); err != nil || r < 0.99 {
		t.Errorf("rank correlation %v with leaving out, %v", r, err)
	}
	for i := range real {
		if math.Abs(influence[i]-real[i]) > 0.1*math.Abs(real[i])+0.01*slices.Max(real) { // beyond the first order
			t.Errorf("sample %d: %v, really %v", i, influence[i], real[i])
			break
		}
	}
	t.Logf("rank correlation %v", must[float64](t)(explain.RankCorrelation(influence, real)))
}

func TestBadTraining(t *testing.T) {
	m, test := read(t).trained()
	with := func(change func(m *explain.Trained)) explain.Trained {
		c := m
		change(&c)
		return c
	}
	cg := explain.ConjugateGradients(0, 0)
	wide := func(t *tensor.Tape) tensor.Tensor { return t.Full(1, 2) }
	frozen := tensor.NewParam(2)
	frozen.Frozen, frozen.Name = true, "embedding"
	points := read(t).checkpoints()
	for want, err := range map[string]error{
		"Params has no parameters":       second(explain.Influence(with(func(m *explain.Trained) { m.Params = nil }), test, cg)),
		`"embedding" is frozen`:          second(explain.Influence(with(func(m *explain.Trained) { m.Params = []*tensor.Param{frozen} }), test, cg)),
		"0 training samples":             second(explain.TracIn(with(func(m *explain.Trained) { m.Samples = 0 }), test, points)),
		"Losses is nil":                  second(explain.TracIn(with(func(m *explain.Trained) { m.Losses = nil }), test, points)),
		"damping of -1":                  second(explain.Influence(with(func(m *explain.Trained) { m.Damping = -1 }), test, cg)),
		"no solver":                      second(explain.Influence(m, test, nil)),
		"the quantity has shape [2]":     second(explain.Influence(m, wide, cg)),
		"gives shape [2] for 12 samples": second(explain.TracIn(with(func(m *explain.Trained) { m.Losses = func(t *tensor.Tape, _ []int) tensor.Tensor { return wide(t) } }), test, points)),
		"does not curve upwards":         second(explain.Influence(with(func(m *explain.Trained) { m.Damping = 0; m.Penalty = nil }), test, cg)),
		"residual of":                    second(explain.Influence(m, test, explain.ConjugateGradients(2, 0))),
		"-1 steps":                       second(explain.Influence(m, test, explain.ConjugateGradients(-1, 0))),
		"raise scale above 0.1":          second(explain.Influence(m, test, explain.LiSSA(4, 100, 1, 0.1, 1))),
		"batches of 13 of 12":            second(explain.Influence(m, test, explain.LiSSA(13, 100, 1, 1, 1))),
		"no checkpoints":                 second(explain.TracIn(m, test, nil)),
		"1 of 4 parameters":              second(explain.TracIn(m, test, []explain.Checkpoint{{Rate: 1, Weights: [][]float32{{1}}}})),
		"checkpoint 0 has 0 numbers":     second(explain.SelfTracIn(m, []explain.Checkpoint{{Rate: 1, Weights: make([][]float32, 4)}})),
		"Prod: no second derivative":     second(explain.Influence(slowly(m), test, cg)),
		"gradient of parameter":          second(explain.Influence(m, func(t *tensor.Tape) tensor.Tensor { return test(t).Scale(float32(math.NaN())).Sum() }, cg)),
		"1 and 2 numbers":                second(explain.RankCorrelation([]float64{1}, []float64{1, 2})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}
