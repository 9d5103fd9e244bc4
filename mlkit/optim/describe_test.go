package optim_test

import (
	"math"
	"testing"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

func TestLearningRateOfEveryRule(t *testing.T) {
	half := func(int) float64 { return 0.5 }
	for name, rule := range map[string]optim.Rule{
		"SGD": optim.SGD(0.1), "SGD, decay": optim.SGD(0.1, optim.WeightDecay(0.1)), "Momentum": optim.Momentum(0.1, 0.9), "Nesterov": optim.Nesterov(0.1, 0.9, optim.WeightDecay(0.1)),
		"Adam": optim.Adam(0.1), "AdamW": optim.AdamW(0.1), "AMSGrad": optim.AMSGrad(0.1), "AdaMax": optim.AdaMax(0.1), "NAdam": optim.NAdam(0.1), "RAdam": optim.RAdam(0.1),
		"AdaGrad": optim.AdaGrad(0.1), "RMSProp": optim.RMSProp(0.1), "RMSProp, centred": optim.RMSProp(0.1, optim.Centered(), optim.Mu(0.5)), "AdaDelta": optim.AdaDelta(0.1),
		"Lion": optim.Lion(0.1), "LAMB": optim.LAMB(0.1), "Muon": optim.Muon(0.1, optim.AdamW(0.1)), "clipped": optim.Chain(optim.ClipByGlobalNorm(1), optim.Adam(0.1)),
		"chain": optim.Chain(optim.Trace(0.9), optim.ScaleByLearningRate(0.1)), "Lookahead": optim.Lookahead(optim.Adam(0.1), 5, 0.5), "EMA": optim.NewEMA(0.9).Around(optim.SGD(0.1)),
		"skipping": optim.SkipNonFinite(optim.Adam(0.1)),
		"groups":   optim.Groups(optim.Group{On: func(*tensor.Param) bool { return false }, Rule: optim.Freeze}, optim.Group{Rule: optim.SGD(0.8), Factor: 0.25, Schedule: half}, optim.Group{Rule: optim.SGD(7)}),
	} {
		o := optim.New([]*tensor.Param{tensor.NewParam(2, 2)}, rule)
		if r := o.LearningRate(); math.Abs(r-0.1) > 1e-15 {
			t.Errorf("%s: %v", name, r)
		}
		o.Schedule, o.Scale = half, 0.1
		if r := o.LearningRate(); math.Abs(r-0.005) > 1e-15 {
			t.Errorf("%s with a schedule: %v", name, r)
		}
	}
	if r := optim.New(nil, optim.Stateless(func(*optim.Step) {})).LearningRate(); !math.IsNaN(r) {
		t.Errorf("a rule that tells no rate has %v", r)
	}
}

// Two rules with different settings do not say the same of themselves.
func TestRulesTellTheirSettings(t *testing.T) {
	bias := optim.Named("*.bias")
	seen := map[string]int{}
	rules := []optim.Rule{optim.SGD(0.1), optim.SGD(0.2), optim.SGD(0.1, optim.WeightDecay(0.1)), optim.SGD(0.1, optim.WeightDecay(0.1, bias)), optim.Momentum(0.1, 0.9), optim.Momentum(0.1, 0.8), optim.Nesterov(0.1, 0.9),
		optim.Momentum(0.1, 0.9, optim.Dampening(0.1)), optim.Adam(0.1), optim.Adam(0.1, optim.Betas(0.9, 0.99)), optim.Adam(0.1, optim.Eps(1e-7)), optim.AdamW(0.1), optim.AMSGrad(0.1), optim.AdaMax(0.1),
		optim.NAdam(0.1), optim.RAdam(0.1), optim.AdaGrad(0.1), optim.AdaGrad(0.1, optim.RateDecay(0.1)), optim.RMSProp(0.1), optim.RMSProp(0.1, optim.Centered()), optim.AdaDelta(0.1), optim.Lion(0.1), optim.LAMB(0.1),
		optim.Chain(optim.ClipByGlobalNorm(1), optim.SGD(0.1)), optim.Chain(optim.ClipByGlobalNorm(2), optim.SGD(0.1)), optim.Chain(optim.ClipByValue(1), optim.SGD(0.1)), optim.Chain(optim.ClipByNorm(1), optim.SGD(0.1)),
		optim.Chain(optim.L2(0.1), optim.SGD(0.1)), optim.Chain(optim.L1(0.1), optim.SGD(0.1)), optim.Chain(optim.L2(0.1, bias), optim.SGD(0.1)), optim.Chain(optim.Trace(0.9), optim.ScaleByLearningRate(0.1)),
		optim.Chain(optim.ScaleByAdam(), optim.ScaleByTrustRatio(), optim.ScaleByLearningRate(0.1)), optim.Lookahead(optim.SGD(0.1), 5, 0.5), optim.Lookahead(optim.SGD(0.1), 6, 0.5), optim.Lookahead(optim.SGD(0.2), 5, 0.5),
		optim.NewEMA(0.9).Around(optim.SGD(0.1)), optim.NewEMA(0.8).Around(optim.SGD(0.1)), optim.MaxNorm(1, optim.SGD(0.1)), optim.MaxNorm(2, optim.SGD(0.1)), optim.SkipNonFinite(optim.SGD(0.1)), optim.Muon(0.1, optim.SGD(0.1)), optim.Muon(0.1, optim.SGD(0.2)), optim.Muon(0.1, optim.SGD(0.1), optim.MatchRMS()),
		optim.Groups(optim.Group{On: bias, Rule: optim.SGD(0.1)}, optim.Group{Rule: optim.SGD(0.1), Factor: 0.5}), optim.Groups(optim.Group{On: bias, Rule: optim.SGD(0.1)}, optim.Group{Rule: optim.SGD(0.1), Factor: 0.4}),
		optim.Stateless(func(*optim.Step) {})}
	for i, rule := range rules {
		w, b := tensor.NewParam(2, 2), tensor.NewParam(2)
		w.Name, b.Name = "a.weight", "a.bias"
		s := optim.New([]*tensor.Param{w, b}, rule).String()
		if j, there := seen[s]; there {
			t.Errorf("rules %d and %d both say %q", i, j, s)
		}
		seen[s] = i
	}
	want := "ClipByGlobalNorm 1 → Adam, learning rate 0.001, beta1 0.9, beta2 0.999, eps 1e-08"
	if s := optim.New(nil, optim.Chain(optim.ClipByGlobalNorm(1), optim.Adam(1e-3))).String(); s != want {
		t.Errorf("%q, want %q", s, want)
	}
}
