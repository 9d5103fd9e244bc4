package nn_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// smallRBM has 5 visible units, the last of them a group if classes says so,
// and 3 hidden ones.
func smallRBM(classes int, scale float64) *nn.RBM {
	rng := nn.NewRand(3)
	m := nn.NewRBM(rng, 5, 3)
	m.Classes = classes
	for _, p := range nn.Params(m) {
		nn.Normal(p, rng, 0.1, scale)
	}
	return m
}

// states are all states of n units, of which the last form a group of classes.
func states(n, classes int) (all [][]float32) {
	for k := range 1 << n {
		s, on := make([]float32, n), 0
		for i := range s {
			s[i] = float32(k >> i & 1)
			if i >= n-classes && s[i] == 1 {
				on++
			}
		}
		if classes == 0 || on == 1 {
			all = append(all, s)
		}
	}
	return all
}

// Energies, conditionals and log Z are those of the definition, summed over all
// states.
func TestRBMEqualsItsDefinition(t *testing.T) {
	for _, classes := range []int{0, 3} {
		m := smallRBM(classes, 0.8)
		energy := func(v, h []float32) (e float64) {
			for j := range h {
				e -= float64(m.HiddenBias.Data[j] * h[j])
				for i := range v {
					e -= float64(h[j]) * float64(m.Weight.Data[j*5+i]) * float64(v[i])
				}
			}
			for i := range v {
				e -= float64(m.VisibleBias.Data[i] * v[i])
			}
			return e
		}
		vs, hs := states(5, classes), states(3, 0)
		z := 0.0
		ofV, ofH := make([]float64, len(vs)), make([]float64, len(hs))
		hOn, vOn := make([][3]float64, len(vs)), make([][5]float64, len(hs))
		for a, v := range vs {
			for b, h := range hs {
				w := math.Exp(-energy(v, h))
				z, ofV[a], ofH[b] = z+w, ofV[a]+w, ofH[b]+w
				for j := range h {
					hOn[a][j] += w * float64(h[j])
				}
				for i := range v {
					vOn[b][i] += w * float64(v[i])
				}
			}
		}
		close := func(what string, got, want float64) {
			if math.Abs(got-want) > 2e-5 {
				t.Errorf("%d classes: %s is %v, want %v", classes, what, got, want)
			}
		}
		logZ, err := m.LogPartition()
		if err != nil {
			t.Fatal(err)
		}
		close("log Z", logZ, math.Log(z))
		tape := tensor.NewEvalTape()
		for a, v := range vs {
			x := tape.Input(v, 1, 5)
			close("F(v)", float64(m.FreeEnergy(x).Data()[0]), -math.Log(ofV[a]))
			close("E(v, h)", float64(m.Energy(x, tape.Input(hs[5], 1, 3)).Data()[0]), energy(v, hs[5]))
			for j, p := range m.Forward(x).Data() {
				close(fmt.Sprintf("p(h_%d | %v)", j, v), float64(p), hOn[a][j]/ofV[a])
			}
		}
		for b, h := range hs {
			for i, p := range m.Visible(tape.Input(h, 1, 3)).Data() {
				close(fmt.Sprintf("p(v_%d | %v)", i, h), float64(p), vOn[b][i]/ofH[b])
			}
		}
		// Long chains visit each state as often as it is probable.
		const chains = 20000
		count := map[string]float64{}
		x := m.Gibbs(tape.Full(0, chains, 5), 30).Data()
		for k := range chains {
			count[fmt.Sprint(x[5*k:5*k+5])]++
		}
		apart := 0.0
		for a, v := range vs {
			apart += math.Abs(count[fmt.Sprint(v)]/chains-ofV[a]/z) / 2
			delete(count, fmt.Sprint(v))
		}
		if apart > 0.02 || len(count) > 0 {
			t.Errorf("%d classes: Gibbs' samples are %.3f from the distribution, and %d states are none of it", classes, apart, len(count))
		}
		estimate, low, high, err := m.AnnealedLogPartition(nn.Annealing{Seed: 1})
		if err != nil || math.Abs(estimate-logZ) > 0.02 || low > logZ || high < logZ {
			t.Errorf("%d classes: annealing gives %v (%v to %v), %v; log Z is %v", classes, estimate, low, high, err, logZ)
		}
	}
}

func TestRBMGradients(t *testing.T) {
	m := smallRBM(0, 0.5)
	v := []float32{1, 0, 1, 1, 0, 0, 1, 0, 0, 1}
	weights := gradcheck.Input{Data: slices.Clone(m.Weight.Data), Dims: []int{3, 5}}
	f := func(t *tensor.Tape, x []tensor.Tensor) tensor.Tensor {
		h := t.Input(v, 2, 5).Linear(x[0], t.Use(m.HiddenBias))
		return h.Softplus(1).Sum(-1).Neg().Mean()
	}
	if err := gradcheck.Check(f, weights); err != nil {
		t.Error(err)
	}
	// The gradient of contrastive divergence is the difference of ⟨h vᵀ⟩.
	tape := tensor.NewTape(5)
	for _, m.MeanField = range []bool{false, true} {
		begin := func() tensor.Tensor {
			tape.Reset()
			tape.Seed(5, 0)
			return tape.Input(v, 2, 5)
		}
		got := slices.Clone(m.Divergence(begin(), 2).Backward().Of(m.Weight))
		after := m.Gibbs(begin(), 1)
		if m.MeanField {
			after = m.Visible(m.SampleHidden(after))
		} else {
			after = m.Gibbs(after, 1)
		}
		end := slices.Clone(after.Data())
		for k := range got {
			want := float32(0)
			for r := range 2 {
				for sign, x := range [][]float32{end, v} {
					p := m.Forward(tensor.NewEvalTape().Input(x[5*r:5*r+5], 1, 5)).Data()[k/5]
					want -= float32(2*sign-1) * p * x[5*r+k%5] / 2
				}
			}
			if math.Abs(float64(got[k]-want)) > 1e-6 {
				t.Errorf("∂/∂W[%d] is %v, ⟨h vᵀ⟩ says %v (MeanField: %v)", k, got[k], want, m.MeanField)
			}
		}
	}
}

// Contrastive divergence finds the structure of small pictures: rows that are
// on or off as a whole.
func TestRBMLearns(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: trains for 30,000 steps of Gibbs")
	}
	var x []float32
	for k := range 80 {
		for row := range 3 {
			for range 3 {
				x = append(x, float32(k>>row&1))
			}
		}
	}
	m := nn.NewRBM(nn.NewRand(1), 9, 6)
	nn.Normal(m.Weight, nn.NewRand(2), 0, 0.1)
	tape, opt := tensor.NewTape(1), optim.New(nn.Params(m), optim.Momentum(0.2, 0.5))
	likelihood := func() float64 {
		logZ, err := m.LogPartition()
		if err != nil {
			t.Fatal(err)
		}
		return -float64(m.FreeEnergy(tensor.NewEvalTape().Input(x, 80, 9)).Mean().Item()) - logZ
	}
	before := likelihood()
	for range 1500 {
		tape.Reset()
		opt.Step(m.Divergence(tape.Input(x, 80, 9), 20).Backward())
	}
	// The best possible is log(1/8) = −2.08, and at first it is 9·log(1/2).
	if after := likelihood(); after < -2.4 || before > -6 {
		t.Errorf("the mean log-likelihood went from %.3f to %.3f", before, after)
	}
}

// A larger machine: the estimate of log Z within 2 % of the sum over 2²⁰
// states.
func TestAnnealedLogPartition(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: sums up a million states")
	}
	rng := nn.NewRand(1)
	m := nn.NewRBM(rng, 64, 20)
	nn.Normal(m.Weight, rng, 0, 0.4)
	nn.Normal(m.VisibleBias, rng, -1, 1)
	exact, err := m.LogPartition()
	if err != nil {
		t.Fatal(err)
	}
	for _, base := range [][]float32{nil, m.VisibleBias.Data} {
		estimate, low, high, err := m.AnnealedLogPartition(nn.Annealing{Base: base, Seed: 2})
		if err != nil || math.Abs(math.Expm1(estimate-exact)) > 0.3 || low > exact || high < exact {
			t.Errorf("annealing gives %.3f (%.3f to %.3f), %v; log Z is %.3f", estimate, low, high, err, exact)
		}
		t.Logf("log Z %.4f, estimate %.4f (%.4f to %.4f)", exact, estimate, low, high)
	}
}

func TestRBMRefuses(t *testing.T) {
	large := nn.NewRBM(nn.NewRand(1), 3, 26)
	if _, err := large.LogPartition(); err == nil || !strings.Contains(err.Error(), "AnnealedLogPartition") {
		t.Errorf("26 hidden units: %v", err)
	}
	bad := smallRBM(0, 1)
	bad.Weight.Data[2] = float32(math.NaN())
	if z, err := bad.LogPartition(); err == nil {
		t.Errorf("with NaN log Z is %v", z)
	}
	if z, _, _, err := bad.AnnealedLogPartition(nn.Annealing{Steps: 3}); err == nil {
		t.Errorf("with NaN the estimate is %v", z)
	}
	if _, _, _, err := smallRBM(0, 1).AnnealedLogPartition(nn.Annealing{Base: make([]float32, 4)}); err == nil || !strings.Contains(err.Error(), "5 base biases") {
		t.Errorf("4 base biases: %v", err)
	}
	for want, f := range map[string]func(){
		"a group of 6": func() { smallRBM(6, 1).Visible(tensor.NewEvalTape().Full(0, 1, 3)) },
		"1 step":       func() { smallRBM(0, 1).Divergence(tensor.NewTape(1).Full(0, 1, 5), 0) },
		"last axis":    func() { smallRBM(0, 1).FreeEnergy(tensor.NewEvalTape().Full(0, 1, 4)) },
		"is 1.5":       func() { smallRBM(0, 1).Divergence(tensor.NewTape(1).Full(1.5, 1, 5), 1) },
		"-1 steps":     func() { smallRBM(0, 1).Gibbs(tensor.NewTape(1).Full(0, 1, 5), -1) },
		"no label":     func() { smallRBM(0, 1).ClassScores(tensor.NewEvalTape().Full(0, 1, 5)) },
		"set its Classes": func() {
			smallRBM(0, 1).Labelled(tensor.NewEvalTape().Full(0, 1, 5), tensor.NewInts([]int32{0}, 1))
		},
		"id 3": func() {
			smallRBM(3, 1).Labelled(tensor.NewEvalTape().Full(0, 1, 2), tensor.NewInts([]int32{3}, 1))
		},
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

// No steps of Gibbs give the data back, whatever they are.
func TestNoSteps(t *testing.T) {
	v := []float32{0, 0.25, 1, 0.5, 1}
	if got := smallRBM(0, 1).Gibbs(tensor.NewTape(1).Input(v, 1, 5), 0).Data(); !slices.Equal(got, v) {
		t.Errorf("after no steps %v is %v", v, got)
	}
}
