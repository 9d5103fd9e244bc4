package elementwise

import (
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

// AVX2, AVX-512 and NEON do the same roundings: these hashes hold on amd64 and
// arm64. A change of a polynomial or of an order of summation changes them;
// take the new ones from the failure, which shows the same on both.
func TestElemBitsAcrossArchitectures(t *testing.T) {
	if len(cpu.Levels) == 1 {
		t.Skip("plain Go")
	}
	const n = 1001
	r := rand.New(rand.NewPCG(3, 4))
	a, b, d := kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n), kerneltest.RandomSlice(r, n)
	positive := make([]float32, n)
	for i, v := range a {
		positive[i] = float32(v*v) + 0.125 // rounded twice everywhere
	}
	x := make([]float32, n)
	for _, c := range []struct {
		name string
		want uint64
		f    func() uint64
	}{
		{"elementary", 0x2e72c6f2a4183800, func() uint64 {
			var h []float32
			for _, f := range []elemFunc{exp, expm1, tanh, sigmoid, erf, gelu, geluTanh, silu, mish, elu} {
				elem(f, x, a, nil, 1, 1)
				h = append(h, x...)
			}
			for _, f := range []elemFunc{log, log1p, rsqrt} {
				elem(f, x, positive, nil, 0, 0)
				h = append(h, x...)
			}
			return kerneltest.Hash(h)
		}},
		{"gradients", 0xb89ff7809a5b85b3, func() uint64 {
			copy(x, d)
			for _, f := range []elemFunc{tanhGrad, geluGrad, geluTanhGrad, siluGrad, mishGrad, mulAdd, softplusGrad} {
				elem(f, x, a, b, 1, 0)
			}
			return kerneltest.Hash(x)
		}},
		{"updates", 0x451ee9d9cd22c438, func() uint64 {
			w, m, v := append([]float32(nil), a...), append([]float32(nil), d...), append([]float32(nil), positive...)
			AdamUpdate(w, b, m, v, 0.01, 0.9, 0.999, 1e-8, 0.1, 0.001, 0.01)
			SGDMomentum(w, b, m, 0.01, 0.9, 0, true)
			return kerneltest.Hash(w, m, v)
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
