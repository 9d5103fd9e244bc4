package gemm

import "descent/mlkit/internal/kernel/cpu"

// A few rows times a transposed matrix, as a dense layer computes for a small
// batch, would use each element of B a few times only, and pack it, transposed,
// for that. The transpose of the product, B·Aᵀ, reads B where it lies. What is
// transposed then is A and the result, which are small. Elements are the same
// chains.
const (
	mostTurned  = 64      // rows from which on packing B pays
	leastTurned = 1 << 11 // elements of B below which it is nothing
)

// turns tells whether the transpose of the product is what to compute.
func (g *Gemm) turns() bool {
	if !g.TransB || g.TransA || g.M > mostTurned || g.N < 4*g.M || g.N*g.K < leastTurned ||
		g.Bias != nil && g.BiasRows != nil {
		return false
	}
	unit := TileShapes[cpu.Current].narrow
	return unit > 0 && 8*((g.M+unit-1)/unit*unit-g.M) <= g.M
}

// turned computes the transpose of the product, and transposes it.
func (g *Gemm) turned(c, a, b []float32) {
	h := *g
	h.M, h.N, h.LDC = g.N, g.M, g.M
	h.LDA, h.LDB = g.LDB, g.LDA
	h.Bias, h.BiasRows = g.BiasRows, g.Bias
	w := cpu.GetWorkspace()
	t := cpu.Floats(&w.A, g.M*g.N)
	if g.Accumulate {
		TransposeStrided(t, c, g.LDC, g.M, g.N, g.M)
	}
	h.RunUnchecked(t, b, a)
	TransposeStrided(c, t, g.M, g.N, g.M, g.LDC)
	w.Release()
}
