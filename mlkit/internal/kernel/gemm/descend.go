package gemm

import "descent/mlkit/internal/kernel/cpu"

// MostDescend is the largest number of rows that Descend takes.
const MostDescend = maxKC

// Descend computes w -= rate * g for the gradient g = dyᵀ·x of a dense layer's
// weights [out, in], which it does not store: dy is [rows, out] and x [rows,
// in]. The bits are those of a Gemm that writes g and of elementwise.SGDUpdate.
// It panics if there are no rows, or more than MostDescend, and if a slice has
// another length.
func Descend(w, dy, x []float32, rows, out, in int, rate float32) {
	if rows < 1 || rows > MostDescend {
		panic("kernel: Descend: bad number of rows")
	}
	cpu.CheckLen("Descend", "w", out*in, len(w))
	cpu.CheckLen("Descend", "dy", rows*out, len(dy))
	cpu.CheckLen("Descend", "x", rows*in, len(x))
	if len(w) == 0 {
		return
	}
	g := Gemm{M: out, N: in, K: rows, TransA: true, LDA: out, LDB: in, LDC: in}
	g.Accumulate, g.Alpha, g.once = true, -rate, true
	g.inBlocks(w, dy, x)
}
