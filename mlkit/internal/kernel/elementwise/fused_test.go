package elementwise

import (
	"math/rand/v2"
	"slices"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

// GELUSlope is GELU and the slope that GELUGrad multiplies by.
func TestGELUSlope(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(19, 20))
		for _, n := range append(kerneltest.Lengths(), cpu.Grain+5) {
			x := kerneltest.RandomSlice(r, n)
			if n > len(kerneltest.Specials) {
				copy(x, kerneltest.Specials)
			}
			y, okY := kerneltest.Guarded(r, n, n%16)
			slope, okS := kerneltest.Guarded(r, n, n/3%16)
			GELUSlope(y, slope, x)
			wantY, ones, want := make([]float32, n), make([]float32, n), make([]float32, n)
			Fill(ones, 1)
			GELU(wantY, x)
			GELUGrad(want, ones, x)
			for i := range x {
				same := func(a, b float32) bool { return a == b || a != a && b != b }
				if !same(y[i], wantY[i]) || !same(slope[i], want[i]) {
					t.Fatalf("n %d: at %g %g and %g, want %g and %g", n, x[i], y[i], slope[i], wantY[i], want[i])
				}
			}
			inPlace := slices.Clone(x)
			GELUSlope(y, inPlace, inPlace)
			kerneltest.SameBits(t, "slope in place", inPlace, slope)
			okY(t, "y")
			okS(t, "slope")
		}
	})
}

func TestBytesToFloats(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(15, 16))
		for _, n := range append(kerneltest.Lengths(), 50_000) {
			src := make([]byte, n+1)
			for i := range src {
				src[i] = byte(r.Uint32())
			}
			dst, ok := kerneltest.Guarded(r, n, n%16)
			want := make([]float64, n)
			for i := range want {
				want[i] = float64(src[i+1])/255 - 0.5
			}
			BytesToFloats(dst, src[1:], 1.0/255, -0.5)
			kerneltest.Near(t, "bytes", dst, want, 4, 1)
			ok(t, "bytes")
		}
	})
}
