package rowwise

import (
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

// AVX2, AVX-512 and NEON do the same roundings: these hashes hold on amd64 and
// arm64. A change of a polynomial or of an order of summation changes them;
// take the new ones from the failure, which shows the same on both.
func TestRowBitsAcrossArchitectures(t *testing.T) {
	if len(cpu.Levels) == 1 {
		t.Skip("plain Go")
	}
	const n = 1001
	r := rand.New(rand.NewPCG(3, 4))
	a, b, d := kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n)
	gates := kerneltest.RandomSlice(r, 4*n)
	x, y, z, acts := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, 4*n)
	for _, c := range []struct {
		name string
		want uint64
		f    func() uint64
	}{
		{"sums", 0x83fd515005631b64, func() uint64 {
			s, q := planeGradSums(a, b, 0.5)
			return kerneltest.Hash([]float32{sum(a), dot(a, b), squares(a, 0.25), s, q})
		}},
		{"softmax", 0x99597a9dae37e134, func() uint64 {
			m, l := softmaxRow(x, a)
			return kerneltest.Hash(x, []float32{m, l})
		}},
		{"layer norm", 0x86dbcc695ce95711, func() uint64 {
			layerNormRow(x, a, b, d, 0.125, 1.5)
			s, q := layerNormGradSums(a, b, d, 0.125, 1.5)
			layerNormGradRow(x, a, b, d, 0.125, 1.5, s/n, q/n)
			return kerneltest.Hash(x, []float32{s, q})
		}},
		{"cells", 0x286258f3d3bf4d5c, func() uint64 {
			LSTMCell(x, y, acts, z, gates, a, n)
			h := kerneltest.Hash(x, y, z, acts)
			GRUCell(x, acts[:3*n], gates[:3*n], gates[n:], a, n)
			return h ^ kerneltest.Hash(x, acts)
		}},
	} {
		for _, l := range cpu.Levels[1:] {
			before := cpu.SetLevel(l)
			got := c.f()
			cpu.SetLevel(before)
			if got != c.want {
				t.Errorf("%s at %v: %#x, want %#x", c.name, l, got, c.want)
			}
		}
	}
}
