package gemm

import (
	"time"

	"descent/mlkit/internal/kernel/cpu"
)

// FMAPeak measures the most float32 operations a second, in GFLOP/s, that one
// core does now: the tile kernel with all strides zero is a loop of little but
// fused multiply-adds on the first-level cache. Benchmarks quote shares of it.
func FMAPeak() float64 {
	s := TileShapes[cpu.Current]
	const k, count = 2000, 50
	x := make([]float32, s.rows*s.cols+k)
	t := tiles{a: x, b: x, c: x, k: k, rows: s.rows}
	t.panel(&s, s.cols)
	if cpu.Current == cpu.Portable {
		t.panel(&s, s.Lanes)
	}
	best := 0.0
	for range 30 {
		t.count = count
		start := time.Now()
		runTiles(&t)
		best = max(best, float64(2*k*count*s.rows*t.width)/float64(time.Since(start).Nanoseconds()))
	}
	return best
}
