package kerneltest

import (
	"slices"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
)

// BenchBytes runs f, which reads and writes n bytes, at each level of the
// processor and reports GB/s.
func BenchBytes(b *testing.B, n int, f func()) {
	for _, l := range slices.Backward(cpu.Levels) {
		b.Run(l.String(), func(b *testing.B) {
			defer cpu.SetLevel(cpu.SetLevel(l))
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(n)*float64(b.N)/1e9/b.Elapsed().Seconds(), "GB/s")
		})
	}
}

// peaks remembers the peak for each level that a benchmark forces.
var peaks = map[cpu.Level]float64{}

// Report adds GFLOP/s of b's products and their share of the peak of one core,
// which peak measures.
func Report(b *testing.B, products int, peak func() float64) {
	b.Helper()
	gflops := 2 * float64(products) * float64(b.N) / float64(b.Elapsed().Nanoseconds())
	if peaks[cpu.Current] == 0 {
		peaks[cpu.Current] = peak()
	}
	b.ReportMetric(gflops, "GFLOP/s")
	b.ReportMetric(100*gflops/peaks[cpu.Current], "%peak")
}
