package privacy_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/privacy"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

func TestMargin(t *testing.T) {
	scores := []float32{1, 3, -2}
	z := math.Exp(1) + math.Exp(3) + math.Exp(-2)
	p := math.Exp(3) / z
	if m := privacy.Margin(scores, 1); math.Abs(m-math.Log(p/(1-p))) > 1e-6 {
		t.Errorf("margin %v", m)
	}
	if m := privacy.Margins([]float32{200, 0, 0, 200}, []int32{0, 1}); m[0] != 200 || m[1] != 200 {
		t.Errorf("margins %v of certain predictions", m)
	}
}

func TestTruePositives(t *testing.T) {
	scores := []float64{9, 8, 7, 6, 5, 4, 3, 2}
	member := []bool{true, true, false, true, false, false, true, false}
	for rate, want := range map[float64]float64{0: 0.5, 0.25: 0.75, 0.5: 0.75, 1: 1} {
		if got := privacy.TruePositives(scores, member, rate); got != want {
			t.Errorf("at %v: %v, want %v", rate, got, want)
		}
	}
}

// Where margins are normal, LiRA's score is the ratio of the densities, and
// finds members.
func TestLiRA(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n, shadows = 400, 100
	hard, gap := make([]float64, n), make([]float64, n)
	for i := range n {
		hard[i], gap[i] = rng.NormFloat64(), 3*rng.Float64()
	}
	draw := func() privacy.Shadow {
		s := privacy.Shadow{In: make([]bool, n), Margins: make([]float64, n)}
		for i := range n {
			s.In[i] = rng.IntN(2) == 1
			s.Margins[i] = hard[i] + 0.5*rng.NormFloat64()
			if s.In[i] {
				s.Margins[i] += gap[i]
			}
		}
		return s
	}
	var all []privacy.Shadow
	for range shadows {
		all = append(all, draw())
	}
	target := draw()
	scores, err := privacy.LiRA(target.Margins, all)
	if err != nil {
		t.Fatal(err)
	}
	far := 0
	for i, s := range scores {
		d := target.Margins[i] - hard[i]
		if want := (d*d - (d-gap[i])*(d-gap[i])) / (2 * 0.25); math.Abs(s-want) > 1+0.3*math.Abs(want) {
			far++
		}
	}
	if far > n/20 { // densities of 50 margins each
		t.Errorf("%d of %d scores are far from those of the true densities", far, n)
	}
	byMargin, byRatio := privacy.TruePositives(target.Margins, target.In, 0.01), privacy.TruePositives(scores, target.In, 0.01)
	if byRatio < 0.5 || byRatio < 2*byMargin {
		t.Errorf("LiRA finds %v, a threshold of the margin %v", byRatio, byMargin)
	}
	if _, err := privacy.LiRA(target.Margins, all[:2]); err == nil || !strings.Contains(err.Error(), "two of each") {
		t.Errorf("two shadows: %v", err)
	}
	if _, err := privacy.LiRA(target.Margins[1:], all); err == nil {
		t.Error("shadows of other samples are no error")
	}
}

func TestAuditBoundsEqualSciPys(t *testing.T) {
	var g struct{ OneRun, Rates [][]float64 }
	readJSON(t, "testdata/audits.json", &g)
	for _, r := range g.OneRun {
		m, guesses, right := int(r[0]), int(r[1]), int(r[2])
		// Scores that guess that many right: the first wrong.
		a := privacy.Audit{Guesses: guesses}
		for i := range m {
			a.Scores = append(a.Scores, float64(i))
			in := i >= m/2
			if i < guesses-right {
				in = true
			}
			a.Included = append(a.Included, in)
		}
		if c, n, err := a.Correct(); err != nil || c != right || n != guesses {
			t.Fatalf("%d of %d right, want %d of %d (%v)", c, n, right, guesses, err)
		}
		if e, err := a.Epsilon(r[3], 1-r[4]); err != nil || math.Abs(e-r[5]) > 1e-6 {
			t.Errorf("%v: ε ≥ %v (%v)", r, e, err)
		}
	}
	for _, r := range g.Rates {
		if e := privacy.EpsilonFromRates(int(r[0]), int(r[1]), int(r[2]), int(r[3]), r[4], r[5]); math.Abs(e-r[6]) > 1e-6 {
			t.Errorf("%v: ε ≥ %v", r, e)
		}
	}
	if _, err := (privacy.Audit{Scores: []float64{1}}).Epsilon(1e-5, 0.95); err == nil {
		t.Error("scores without canaries are no error")
	}
}

// unclipped forgets to clip.
type unclipped struct{ *privacy.SGD }

func (unclipped) Factors(norms []float32) error {
	for i := range norms {
		norms[i] = 1
	}
	return nil
}

// An audit's bound stays below the ε of a right training, and refutes it for
// one that does not clip. (With 300 canaries the audit has the power to show it
// for every seed; with 200 one in three could pass by chance.)
func TestAuditCatchesABrokenClip(t *testing.T) {
	const canaries, others, features, epsilon = 300, 400, 20, 1.
	set := rows(others, features)
	var b data.Batch
	all := make([]int, others)
	for i := range all {
		all[i] = i
	}
	if err := set.Batch(all, &b); err != nil {
		t.Fatal(err)
	}
	audit := func(seed uint64, broken bool) float64 {
		rng := rand.New(rand.NewPCG(seed, 1))
		x, y := slices.Clone(b.X), slices.Clone(b.Labels)
		cx, cy := make([]float32, canaries*features), make([]int32, canaries)
		a := privacy.Audit{Included: make([]bool, canaries), Guesses: 100}
		for i := range canaries {
			for k := range features {
				cx[i*features+k] = float32(10 * rng.NormFloat64())
			}
			cy[i] = int32(rng.IntN(4))
			if a.Included[i] = rng.IntN(2) == 1; a.Included[i] {
				x, y = append(x, cx[i*features:][:features]...), append(y, cy[i])
			}
		}
		noise, err := privacy.NoiseFor(privacy.RDP{}, epsilon, 1e-5, 0.25, 80)
		if err != nil {
			t.Fatal(err)
		}
		r := nn.NewRand(seed)
		model := nn.Sequential{nn.NewLinear(r, features, 256), nn.Func(tensor.Tensor.ReLU), nn.NewLinear(r, 256, 4)}
		n := len(y)
		sgd := &privacy.SGD{Clip: 1, Noise: noise, InsecureSeed: seed}
		var by train.Privatizer = sgd
		if broken {
			by = unclipped{sgd}
		}
		_, err = train.Fit(context.Background(), train.Supervised(model, nn.CrossEntropy), &privacy.Poisson{Dataset: data.FromLabels(x, []int{features}, y), BatchSize: float64(n) / 4, InsecureSeed: seed},
			train.Config{Epochs: 20, Optimizer: optim.SGD(0.2), Private: by})
		if err != nil {
			t.Fatal(err)
		}
		tape := tensor.NewEvalTape()
		a.Scores = privacy.Margins(model.Forward(tape.Input(cx, canaries, features)).Data(), cy)
		bound, err := a.Epsilon(1e-5, 0.95)
		if err != nil {
			t.Fatal(err)
		}
		return bound
	}
	for seed := range uint64(3) {
		if e := audit(seed+1, false); e > epsilon {
			t.Errorf("seed %d: at least %v of %v", seed, e, epsilon)
		}
		if e := audit(seed+1, true); e <= epsilon {
			t.Errorf("seed %d: an unclipped training passes, bound %v", seed, e)
		}
	}
}
