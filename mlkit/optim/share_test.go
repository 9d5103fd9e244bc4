package optim_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// TestSharesAreTheWhole steps the golden network with every rule, its memory
// shared by one to four ranks, and wants the bits of one optimizer with all.
func TestSharesAreTheWhole(t *testing.T) {
	g := readGoldens(t)
	rules := map[string]optim.Rule{
		"clipped, then Adam": optim.Chain(optim.ClipByGlobalNorm(0.1), optim.Adam(0.01)),
		"skipping":           optim.SkipNonFinite(optim.Chain(optim.ClipByGlobalNorm(0.1), optim.AdamW(0.01, optim.WeightDecay(0.1, optim.Matrices)))),
		"clipped groups":     optim.Chain(optim.ClipByGlobalNorm(0.1), optim.Muon(0.02, optim.AdamW(0.01))),
	}
	for _, c := range goldenRules {
		rules[c.name] = c.rule
		if c.chain != nil {
			rules[c.name+" as a chain"] = c.chain
		}
	}
	shared := 0
	for name, rule := range rules {
		whole := g.mlp()
		o := optim.New(whole.params, rule)
		for range 5 {
			whole.step(o)
		}
		for ranks := 1; ranks <= 4; ranks++ {
			models, opts := make([]*mlp, ranks), make([]*optim.Optimizer, ranks)
			var err error
			for r := range ranks {
				models[r] = g.mlp()
				if opts[r], err = optim.NewShare(models[r].params, rule, r, ranks); err != nil {
					break
				}
			}
			if err != nil {
				if !strings.Contains(name, "EMA") {
					t.Errorf("%s: %v", name, err)
				}
				break
			}
			for range 5 {
				for r, m := range models {
					m.step(opts[r])
				}
				for r := range ranks {
					for i, own := range opts[r].Share(r) {
						for _, m := range models {
							copy(m.params[i].Data[own[0]:own[1]], models[r].params[i].Data[own[0]:own[1]])
						}
					}
				}
			}
			if !slices.EqualFunc(whole.flat(), models[0].flat(), func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
				t.Errorf("%s, %d ranks: other bits", name, ranks)
			}
			shared++
		}
	}
	if shared < 100 {
		t.Errorf("only %d trainings were shared", shared)
	}
}

// TestSharesOfTheState wants the memory of Adam in equal parts.
func TestSharesOfTheState(t *testing.T) {
	ps := []*tensor.Param{tensor.NewParam(128, 784), tensor.NewParam(128), tensor.NewParam(10, 128), tensor.NewParam(10)}
	total := 0
	for _, p := range ps {
		total += p.Size()
	}
	for ranks := 1; ranks <= 8; ranks++ {
		sum := 0
		for r := range ranks {
			o, err := optim.NewShare(ps, optim.Adam(0.01), r, ranks)
			if err != nil {
				t.Fatal(err)
			}
			held := 0
			for _, s := range o.State() {
				held += len(s.Data)
				if s.ByElement() {
					own := o.Share(r)[s.Param]
					sum += own[1] - own[0]
				}
			}
			if limit := 2*total/ranks + 2*total/100; held > limit {
				t.Errorf("rank %d of %d holds %d numbers, want at most %d", r, ranks, held, limit)
			}
		}
		if sum != 2*total {
			t.Errorf("%d ranks hold %d of %d", ranks, sum, 2*total)
		}
	}
}

func TestWhatCannotBeShared(t *testing.T) {
	ps := []*tensor.Param{tensor.NewParam(3, 2)}
	for want, rule := range map[string]optim.Rule{
		"EMA":                   optim.NewEMA(0.9).Around(optim.Adam(0.01)),
		"not known":             optim.Chain(optim.Stateless(func(*optim.Step) {}), optim.Adam(0.01)),
		"*optim.freely":         optim.ScheduleFreeSGD(0.01),
		"put it first":          optim.Chain(optim.Trace(0.9), optim.ClipByGlobalNorm(1), optim.ScaleByLearningRate(0.1)),
		"around the whole rule": optim.Chain(optim.Trace(0.9), optim.SkipNonFinite(optim.SGD(0.1))),
	} {
		if _, err := optim.NewShare(ps, rule, 0, 2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}
