package nn_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// smallDBN has 5 data units, layers of 4 and 3, and a top machine of 6 hidden
// units with a label of 2 classes.
func smallDBN(scale float64) *nn.DBN {
	rng := nn.NewRand(4)
	top := nn.NewRBM(rng, 5, 6)
	top.Classes = 2
	m := nn.NewDBN(top, nn.NewRBM(rng, 5, 4), nn.NewRBM(rng, 4, 3))
	for _, p := range nn.Params(m) {
		nn.Normal(p, rng, 0.1, scale)
	}
	return m
}

// The softmax of the scores is p(y | x), which the free energies of all labels
// give.
func TestClassScores(t *testing.T) {
	m := smallDBN(0.8).Top
	tape := tensor.NewEvalTape()
	x := tape.Input([]float32{1, 0, 1, 0, 1, 1}, 2, 3)
	scores := m.ClassScores(x).LogSoftmax(-1).Data()
	for row := range 2 {
		var f [2]float64
		for y := range int32(2) {
			v := m.Labelled(x, tensor.NewInts([]int32{y, y}, 2))
			f[y] = float64(m.FreeEnergy(v).Data()[row])
		}
		for y := range 2 {
			want := -f[y] - math.Log(math.Exp(-f[0])+math.Exp(-f[1]))
			if got := float64(scores[2*row+y]); math.Abs(got-want) > 1e-5 {
				t.Errorf("log p(%d | x) of row %d is %v, the free energies say %v", y, row, got, want)
			}
		}
	}
}

// With the draws held, the gradient is that of finite differences; but the
// lowest generative layer, whose probabilities the recognition layer sees, has
// (⟨x above⟩ − ⟨p above⟩) alone.
func TestUpDownGradients(t *testing.T) {
	m := smallDBN(0.5)
	x := []float32{1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0.5, 0, 1, 0.25, 0}
	labels := tensor.NewInts([]int32{0, 1, 1}, 3)
	tape := tensor.NewTape(3)
	run := func() tensor.Tensor {
		tape.Reset()
		tape.Seed(3, 7)
		return m.UpDown(tape.Input(x, 3, 5), labels, 2)
	}
	grads := map[string][]float32{}
	g := run().Backward()
	for _, p := range nn.Params(m) {
		grads[p.Name] = append([]float32{}, g.Of(p)...)
	}
	for _, p := range nn.Params(m) {
		got := grads[p.Name]
		if len(got) != p.Size() {
			t.Fatalf("%s has %d gradients", p.Name, len(got))
		}
		if strings.HasPrefix(p.Name, "generative.0") {
			continue
		}
		for k := range got {
			const h = 1e-3
			was := p.Data[k]
			p.Data[k] = was + h
			high := float64(run().Item())
			p.Data[k] = was - h
			low := float64(run().Item())
			p.Data[k] = was
			if want := (high - low) / (2 * h); math.Abs(want-float64(got[k])) > 5e-3 {
				t.Errorf("∂/∂%s[%d] is %.4f, finite differences say %.4f", p.Name, k, got[k], want)
			}
		}
	}
	// The bias of the lowest layer: p − x, in the mean.
	bias, sum := grads["generative.0.bias"], float32(0)
	for i, b := range bias {
		mean := (x[i] + x[5+i] + x[10+i]) / 3
		if p := b + mean; p <= 0 || p >= 1 {
			t.Errorf("bias %d: the gradient %v is not a probability less %v", i, b, mean)
		}
		sum += b * b
	}
	if sum == 0 {
		t.Error("the lowest generative layer has no gradient")
	}
	if n := testing.AllocsPerRun(20, func() { run().Backward() }); n > 0 {
		t.Errorf("a step allocates %v times", n)
	}
}

// marginal is p(x, y) of a net with one layer below the top, by enumeration.
func marginal(t *testing.T, m *nn.DBN, x []float32, y int32) float64 {
	t.Helper()
	logZ, err := m.Top.LogPartition()
	if err != nil {
		t.Fatal(err)
	}
	down, sum := m.Generative[0], 0.0
	n := down.Weight.Dims()[1]
	tape := tensor.NewEvalTape()
	for _, h := range states(n, 0) {
		hidden := tape.Input(h, 1, n)
		p := math.Exp(-float64(m.Top.FreeEnergy(m.Top.Labelled(hidden, tensor.NewInts([]int32{y}, 1))).Item()) - logZ)
		for i, q := range down.Forward(hidden).Sigmoid().Data() {
			p *= float64(x[i]*q + (1-x[i])*(1-q))
		}
		sum += p
	}
	return sum
}

// Greedy training and the up–down algorithm make the data likelier, which
// enumeration shows, and what the net generates for a label is of that label.
func TestDBNLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains for 5,000 steps")
	}
	var x []float32
	var y []int32
	for k := range 80 { // two pictures of rows for each label
		for row := range 2 {
			for range 3 {
				x = append(x, float32(k>>row&1))
			}
		}
		y = append(y, int32(k>>1&1))
	}
	labels := tensor.NewInts(y, 80)
	rng := nn.NewRand(1)
	below, top := nn.NewRBM(rng, 6, 4), nn.NewRBM(rng, 6, 6)
	top.Classes = 2
	nn.Normal(below.Weight, rng, 0, 0.1)
	nn.Normal(top.Weight, rng, 0, 0.1)
	tape := tensor.NewTape(1)
	fit := func(steps int, rate float64, model any, loss func() tensor.Tensor) {
		opt := optim.New(nn.Params(model), optim.Momentum(rate, 0.5))
		for range steps {
			tape.Reset()
			opt.Step(loss().Backward())
		}
	}
	likelihood := func(m *nn.DBN) (sum float64) {
		for k := range 4 {
			sum += math.Log(marginal(t, m, x[6*k:6*k+6], y[k])) / 4
		}
		return sum
	}
	before := likelihood(nn.NewDBN(top, below))
	fit(1500, 0.1, below, func() tensor.Tensor { return below.Divergence(tape.Input(x, 80, 6), 3) })
	fit(1500, 0.1, top, func() tensor.Tensor {
		return top.Divergence(top.Labelled(below.Forward(tape.Input(x, 80, 6)).Detach(), labels), 3)
	})
	m := nn.NewDBN(top, below)
	greedy := likelihood(m)
	fit(2000, 0.05, m, func() tensor.Tensor { return m.UpDown(tape.Input(x, 80, 6), labels, 5) })
	tuned := likelihood(m)
	t.Logf("mean log p(x, y): %.3f, greedy %.3f, tuned %.3f, at best %.3f", before, greedy, tuned, math.Log(0.25))
	if !(before < -4.5 && greedy > -3 && tuned > greedy-0.05 && tuned > -1.9) {
		t.Errorf("mean log p(x, y) went from %.3f to %.3f and %.3f", before, greedy, tuned)
	}
	// What is generated has the mean that enumeration gives.
	const chains = 4000
	for label := range int32(2) {
		all := make([]int32, chains)
		for i := range all {
			all[i] = label
		}
		made := m.Generate(all, 200, 3)
		var want [6]float64
		total := 0.0
		for _, v := range states(6, 0) {
			p := marginal(t, m, v, label)
			total += p
			for i := range v {
				want[i] += p * float64(v[i])
			}
		}
		for i := range want {
			got := 0.0
			for k := range chains {
				got += float64(made[6*k+i]) / chains
			}
			if math.Abs(got-want[i]/total) > 0.03 {
				t.Errorf("label %d: unit %d is on in %.3f of what is generated, p(x | y) says %.3f", label, i, got, want[i]/total)
			}
		}
	}
	scores := m.Forward(tensor.NewEvalTape().Input(x[:24], 4, 6)).Data()
	for k := range 4 {
		if (scores[2*k+1] > scores[2*k]) != (y[k] == 1) {
			t.Errorf("picture %d of label %d has the scores %v", k, y[k], scores[2*k:2*k+2])
		}
	}
}

func TestDBNRefuses(t *testing.T) {
	if made := smallDBN(1).Generate(nil, 3, 1); len(made) != 0 {
		t.Errorf("for no labels it generates %v", made)
	}
	rng := nn.NewRand(1)
	top := nn.NewRBM(rng, 5, 6)
	for want, f := range map[string]func(){
		"has a label":     func() { nn.NewDBN(nn.NewRBM(rng, 5, 6), nn.NewRBM(rng, 5, 5)) },
		"4 hidden units":  func() { top.Classes = 2; nn.NewDBN(top, nn.NewRBM(rng, 5, 4)) },
		"group of 6":      func() { top.Classes = 6; nn.NewDBN(top) },
		"label of 2":      func() { r := nn.NewRBM(rng, 7, 3); r.Classes, top.Classes = 2, 2; nn.NewDBN(top, r) },
		"1 step or more":  func() { smallDBN(1).UpDown(tensor.NewTape(1).Full(0, 1, 5), tensor.NewInts([]int32{0}, 1), 0) },
		"without any":     func() { smallDBN(1).Generate([]int32{0}, 0, 1) },
		"id 2":            func() { smallDBN(1).Generate([]int32{0, 2}, 1, 1) },
		"is -0.5":         func() { smallDBN(1).UpDown(tensor.NewTape(1).Full(-0.5, 1, 5), tensor.NewInts([]int32{0}, 1), 1) },
		"id -1":           func() { smallDBN(1).UpDown(tensor.NewTape(1).Full(0, 1, 5), tensor.NewInts([]int32{-1}, 1), 1) },
		"visible units b": func() { top.Classes = 2; nn.NewDBN(top, nn.NewRBM(rng, 5, 6), nn.NewRBM(rng, 5, 3)) },
	} {
		func() {
			defer func() {
				if r := fmt.Sprint(recover()); !strings.Contains(r, want) {
					t.Errorf("want a panic with %q, got %s", want, r)
				}
			}()
			f()
		}()
	}
}
