package privacy_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"descent/mlkit/privacy"
)

type accounts struct {
	Cases []struct {
		Phases      [][3]float64
		Delta       float64
		Orders, RDP []float64
		RDPEpsilon  float64 `json:"rdp_epsilon"`
		PLDEpsilon  float64 `json:"pld_epsilon"`
		At          float64
		RDPDelta    float64 `json:"rdp_delta"`
		PLDDelta    float64 `json:"pld_delta"`
	}
	Calibrated []struct {
		Epsilon, Delta, Rate float64
		Count                int
		RDP, PLD             float64
	}
}

func readJSON(t *testing.T, path string, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatal(err)
	}
}

// off is the relative difference.
func off(got, want float64) float64 { return math.Abs(got-want) / max(math.Abs(want), 1e-12) }

// Both accountants give what dp_accounting 0.6 gives (testdata/accountants.py).
func TestAccountantsEqualGooglesAccounting(t *testing.T) {
	var g accounts
	readJSON(t, "testdata/accountants.json", &g)
	for k, c := range g.Cases {
		var steps []privacy.Steps
		for _, p := range c.Phases {
			steps = append(steps, privacy.Steps{Rate: p[0], Noise: p[1], Count: int(p[2])})
		}
		for i, order := range c.Orders {
			r := 0.0
			for _, s := range steps {
				r += float64(s.Count) * privacy.RenyiDivergence(order, s.Rate, s.Noise)
			}
			if c.RDP[i] < 1e300 && off(r, c.RDP[i]) > 1e-6 && math.Abs(r-c.RDP[i]) > 1e-11 {
				t.Errorf("case %d: order %v: divergence %v, dp_accounting %v", k, order, r, c.RDP[i])
			}
		}
		for _, v := range []struct {
			name           string
			a              privacy.Accountant
			epsilon, delta float64
			within         float64
		}{{"RDP", privacy.RDP{}, c.RDPEpsilon, c.RDPDelta, 1e-6}, {"PLD", privacy.PLD{}, c.PLDEpsilon, c.PLDDelta, 1e-2}} {
			e, err := v.a.Epsilon(c.Delta, steps...)
			if err != nil {
				t.Fatal(err)
			}
			d, err := v.a.Delta(c.At, steps...)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("case %d: %s: ε %.6f (%.1e), δ %.3e (%.1e)", k, v.name, e, off(e, v.epsilon), d, off(d, v.delta))
			if off(e, v.epsilon) > v.within {
				t.Errorf("case %d: %s: ε %v, dp_accounting %v", k, v.name, e, v.epsilon)
			}
			if off(d, v.delta) > 2*v.within && math.Abs(d-v.delta) > 1e-12 {
				t.Errorf("case %d: %s: δ %v, dp_accounting %v", k, v.name, d, v.delta)
			}
		}
	}
	for _, c := range g.Calibrated {
		for name, v := range map[string]struct {
			a    privacy.Accountant
			want float64
		}{"RDP": {privacy.RDP{}, c.RDP}, "PLD": {privacy.PLD{}, c.PLD}} {
			s, err := privacy.NoiseFor(v.a, c.Epsilon, c.Delta, c.Rate, c.Count)
			if err != nil || off(s, v.want) > 1e-3 {
				t.Errorf("%s: noise for ε = %v: %v, dp_accounting %v (%v)", name, c.Epsilon, s, v.want, err)
			}
			if e, _ := v.a.Epsilon(c.Delta, privacy.Steps{Rate: c.Rate, Noise: s, Count: c.Count}); e > c.Epsilon {
				t.Errorf("%s: noise %v gives ε = %v, more than %v", name, s, e, c.Epsilon)
			}
		}
	}
}

// Without sampling the loss is Gaussian and δ(ε) has a closed form (Balle &
// Wang 2018, theorem 8); many steps are one with less noise.
func TestPLDEqualsTheClosedFormOfTheGaussianMechanism(t *testing.T) {
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	for _, c := range []struct {
		noise float64
		count int
	}{{1, 1}, {5, 10}, {30, 1000}, {0.7, 1}} {
		s := c.noise / math.Sqrt(float64(c.count))
		for _, e := range []float64{0, 0.5, 2, 4} {
			want := phi(1/(2*s)-e*s) - math.Exp(e)*phi(-1/(2*s)-e*s)
			got, err := privacy.PLD{}.Delta(e, privacy.Steps{Rate: 1, Noise: c.noise, Count: c.count})
			if err != nil || off(got, want) > 1e-3 && math.Abs(got-want) > 1e-13 {
				t.Errorf("%d steps of noise %v at ε = %v: δ = %v, exactly %v (%v)", c.count, c.noise, e, got, want, err)
			}
		}
	}
}

func TestAccountantsAtTheirEnds(t *testing.T) {
	for name, a := range map[string]privacy.Accountant{"RDP": privacy.RDP{}, "PLD": privacy.PLD{}} {
		zero := []privacy.Steps{{Rate: 0, Noise: 1, Count: 10}, {Rate: 0.1, Noise: 1, Count: 0}, {Rate: 0.1, Noise: math.Inf(1), Count: 5}}
		if e, err := a.Epsilon(1e-5, zero...); e != 0 || err != nil {
			t.Errorf("%s: nothing said about the data: ε = %v, %v", name, e, err)
		}
		if d, err := a.Delta(0, zero...); d != 0 || err != nil {
			t.Errorf("%s: nothing said about the data: δ = %v, %v", name, d, err)
		}
		bare := privacy.Steps{Rate: 0.1, Noise: 0, Count: 1}
		if e, err := a.Epsilon(1e-5, bare); !math.IsInf(e, 1) || err != nil {
			t.Errorf("%s: without noise: ε = %v, %v", name, e, err)
		}
		if d, err := a.Delta(1, bare); d != 1 || err != nil {
			t.Errorf("%s: without noise: δ = %v, %v", name, d, err)
		}
		for _, s := range []privacy.Steps{{Rate: 1.1, Noise: 1}, {Rate: math.NaN()}, {Noise: -1}, {Noise: math.NaN()}, {Count: -1}} {
			if _, err := a.Epsilon(1e-5, s); err == nil {
				t.Errorf("%s: %+v is no error", name, s)
			}
		}
		for _, delta := range []float64{0, 1, -1, math.NaN()} {
			if _, err := a.Epsilon(delta); err == nil {
				t.Errorf("%s: δ = %v is no error", name, delta)
			}
			if _, err := privacy.NoiseFor(a, 1, delta, 0.1, 10); err == nil {
				t.Errorf("%s: noise for δ = %v is no error", name, delta)
			}
		}
		if _, err := a.Delta(-1); err == nil {
			t.Errorf("%s: a negative ε is no error", name)
		}
		if _, err := privacy.NoiseFor(a, 0, 1e-5, 0.1, 10); err == nil {
			t.Errorf("%s: noise for ε = 0 is no error", name)
		}
	}
}
