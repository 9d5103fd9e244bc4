package optim_test

import (
	"testing"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// BenchmarkStep is a step on one matrix of 256 × 512, in time per parameter.
func BenchmarkStep(b *testing.B) {
	for _, c := range []struct {
		name string
		rule optim.Rule
	}{
		{"SGD", optim.SGD(1e-3)}, {"Momentum", optim.Momentum(1e-3, 0.9)}, {"AdaGrad", optim.AdaGrad(1e-3)},
		{"RMSProp", optim.RMSProp(1e-3)}, {"RMSProp centered", optim.RMSProp(1e-3, optim.Centered())}, {"AdaDelta", optim.AdaDelta(1)},
		{"Adam", optim.Adam(1e-3)}, {"Adam as a chain", optim.Chain(optim.ScaleByAdam(), optim.ScaleByLearningRate(1e-3))},
		{"AMSGrad", optim.AMSGrad(1e-3)}, {"AdaMax", optim.AdaMax(1e-3)}, {"NAdam", optim.NAdam(1e-3)},
		{"RAdam", optim.RAdam(1e-3)}, {"LAMB", optim.LAMB(1e-3)}, {"Lion", optim.Lion(1e-3)},
		{"Muon", optim.Muon(1e-3, optim.SGD(1))}, {"Lookahead", optim.Lookahead(optim.Adam(1e-3), 5, 0.5)},
		{"EMA", optim.NewEMA(0.9).Around(optim.Adam(1e-3))}, {"L1", optim.Chain(optim.L1(1e-4), optim.SGD(1e-3))},
		{"clipped", optim.Chain(optim.ClipByGlobalNorm(1), optim.SGD(1e-3))},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := tensor.NewParam(256, 512)
			g := make([]float32, p.Size())
			for i := range g {
				p.Data[i], g[i] = float32(i%13)-6, float32(i%7)-3
			}
			o, tape := optim.New([]*tensor.Param{p}, c.rule), tensor.NewTape(1)
			for b.Loop() {
				tape.Reset()
				o.Step(tape.Use(p).BackwardFrom(g))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(p.Size()), "ns/param")
		})
	}
}
