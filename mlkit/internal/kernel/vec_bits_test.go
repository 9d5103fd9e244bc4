package kernel

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"testing"
)

// bitsHash is a hash of all numbers.
func bitsHash(xs ...[]float32) uint64 {
	f := fnv.New64a()
	for _, x := range xs {
		for _, v := range x {
			f.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
		}
	}
	return f.Sum64()
}

// AVX2, AVX-512 and NEON do the same roundings: these hashes hold on amd64 and arm64. Whoever changes
// a polynomial or an order of summation changes them, and takes the new ones from the failure, the
// same on both.
func TestBitsAcrossArchitectures(t *testing.T) {
	if elemTable[best][opExp] == nil {
		t.Skip("plain Go")
	}
	const n = 1001
	r := rand.New(rand.NewPCG(3, 4))
	a, b, d := randomSlice(r, n), randomSlice(r, n), randomSlice(r, n)
	positive, gates := make([]float32, n), randomSlice(r, 4*n)
	for i, v := range a {
		positive[i] = float32(v*v) + 0.125 // rounded twice everywhere
	}
	x, y, z, acts := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, 4*n)
	for _, c := range []struct {
		name string
		want uint64
		f    func() uint64
	}{
		{"elementary", 0x2e72c6f2a4183800, func() uint64 {
			var h []float32
			for _, op := range []elemOp{opExp, opExpm1, opTanh, opSigmoid, opErf, opGELU, opGELUTanh, opSiLU, opMish, opELU} {
				elem(op, x, a, nil, 1, 1)
				h = append(h, x...)
			}
			for _, op := range []elemOp{opLog, opLog1p, opRsqrt} {
				elem(op, x, positive, nil, 0, 0)
				h = append(h, x...)
			}
			return bitsHash(h)
		}},
		{"gradients", 0xc9f9126e2faba8e2, func() uint64 {
			copy(x, d)
			for _, op := range []elemOp{opReLUGrad, opTanhGrad, opGELUGrad, opGELUTanhGrad, opSiLUGrad, opMishGrad, opMulAdd, opSoftplusGrad} {
				elem(op, x, a, b, 1, 0)
			}
			return bitsHash(x)
		}},
		{"sums", 0x83fd515005631b64, func() uint64 {
			s, q := planeGradSums(a, b, 0.5)
			return bitsHash([]float32{sum(a), dot(a, b), squares(a, 0.25), s, q})
		}},
		{"softmax", 0x99597a9dae37e134, func() uint64 {
			m, l := softmaxRow(x, a)
			return bitsHash(x, []float32{m, l})
		}},
		{"layer norm", 0x86dbcc695ce95711, func() uint64 {
			layerNormRow(x, a, b, d, 0.125, 1.5)
			s, q := layerNormGradSums(a, b, d, 0.125, 1.5)
			layerNormGradRow(x, a, b, d, 0.125, 1.5, s/n, q/n)
			return bitsHash(x, []float32{s, q})
		}},
		{"cells", 0x286258f3d3bf4d5c, func() uint64 {
			LSTMCell(x, y, acts, z, gates, a, n)
			h := bitsHash(x, y, z, acts)
			GRUCell(x, acts[:3*n], gates[:3*n], gates[n:], a, n)
			return h ^ bitsHash(x, acts)
		}},
		{"updates", 0x451ee9d9cd22c438, func() uint64 {
			w, m, v := append([]float32(nil), a...), append([]float32(nil), d...), append([]float32(nil), positive...)
			AdamUpdate(w, b, m, v, 0.01, 0.9, 0.999, 1e-8, 0.1, 0.001, 0.01)
			SGDMomentum(w, b, m, 0.01, 0.9, 0, true)
			return bitsHash(w, m, v)
		}},
	} {
		for l := best; l > portable || l == best; l-- {
			before := setLevel(l)
			got := c.f()
			setLevel(before)
			if got != c.want {
				t.Errorf("%s at %v: %#x, want %#x", c.name, l, got, c.want)
			}
			if l == portable {
				break
			}
		}
	}
}
