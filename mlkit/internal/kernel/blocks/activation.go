package blocks

import (
	"math"
	"slices"

	"descent/mlkit/internal/kernel/cpu"
)

// Softmax replaces a row, which may be empty, by its softmax, as llama.cpp
// computes it on AVX-512: the sums of sixteen neighbours are added up in double
// precision, and their inverse is rounded before it multiplies. −∞ becomes 0; a
// row of nothing else becomes NaN.
func Softmax(x []float32) {
	if len(x) == 0 {
		return
	}
	most := slices.Max(x)
	expMinus(x, most)
	sum := 0.0
	for rest := x; len(rest) > 0; rest = rest[min(16, len(rest)):] {
		var lanes [16]float32
		copy(lanes[:], rest)
		for n := 8; n > 0; n /= 2 {
			for i := range n {
				lanes[i] += lanes[i+n]
			}
		}
		sum += float64(lanes[0])
	}
	inverse := float32(1 / sum)
	for i := range x {
		x[i] *= inverse
	}
}

// SwiGLU computes y = gate/(1 + e^−gate) · up, as llama.cpp does; y may be one
// of the others.
func SwiGLU(y, gate, up []float32) {
	cpu.CheckLen("SwiGLU", "gate", len(y), len(gate))
	cpu.CheckLen("SwiGLU", "up", len(y), len(up))
	swiGLU(y, gate, up)
}

// Dot is the sum of a[i]·b[i] in 64 lanes, to which the products are added with
// one rounding, and whose upper half is added to the lower one again and again:
// as llama.cpp has it for one token, if there are a multiple of 64 products.
func Dot(a, b []float32) float32 {
	cpu.CheckLen("Dot", "b", len(a), len(b))
	return dot(a, b)
}

// DotTogether is Dot in 16 lanes, as llama.cpp has it for several tokens that
// are read together.
func DotTogether(a, b []float32) float32 {
	cpu.CheckLen("DotTogether", "b", len(a), len(b))
	return dotTogether(a, b)
}

func dotGo(a, b []float32) float32 {
	var lanes [64]float32
	return dotIn(lanes[:], a, b)
}

func dotTogetherGo(a, b []float32) float32 {
	var lanes [16]float32
	return dotIn(lanes[:], a, b)
}

func dotIn(lanes, a, b []float32) float32 {
	for i, v := range a {
		l := &lanes[i%len(lanes)]
		*l = FMA(v, b[i], *l)
	}
	for n := len(lanes) / 2; n > 0; n /= 2 {
		for i := range n {
			lanes[i] += lanes[i+n]
		}
	}
	return lanes[0]
}

func expMinusGo(x []float32, most float32) {
	for i, v := range x {
		x[i] = exp(v - most)
	}
}

func swiGLUGo(y, gate, up []float32) {
	for i, v := range gate {
		y[i] = float32(v/(1+exp(0-v))) * up[i]
	}
}

// exp is what the kernels compute: see expLlama in gen.
func exp(x float32) float32 {
	const magic = 0x1.8p23
	n := FMA(x, 0x1.715476p+0, magic) - magic
	switch {
	case n < -192:
		return 0
	case n > 192:
		return float32(math.Inf(1))
	}
	b := FMA(-n, 0x1.7f7d1cp-20, FMA(-n, 0x1.62e4p-1, x))
	u := b * b
	q := FMA(FMA(0x1.0e4020p-7, b, 0x1.573e2ep-5), u, FMA(0x1.555e66p-3, b, 0x1.fffdb6p-2))
	j := FMA(q, u, FMA(0x1.ffffecp-1, b, 1))
	if j != j {
		return j
	}
	return float32(math.Ldexp(float64(j), int(n)))
}
