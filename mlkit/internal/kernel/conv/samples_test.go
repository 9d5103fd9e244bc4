package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/kerneltest"
)

// Each sample's gradient is that of BackwardWeight of its images alone, however
// it is made; their sum with factors that of all images, with the samples'
// gradients scaled.
func TestWeightsOfSamples(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	shapes := []Conv{
		{N: 6, C: 1, H: 28, W: 28, OutC: 16, KH: 8, KW: 8, StrideH: 2, StrideW: 2, PadH: 3, PadW: 3},
		{N: 4, C: 16, H: 13, W: 13, OutC: 32, KH: 4, KW: 4, StrideH: 2, StrideW: 2},
		{N: 4, C: 24, H: 6, W: 6, OutC: 40, KH: 3, KW: 3},                          // ghost
		{N: 4, C: 48, H: 5, W: 4, OutC: 48, KH: 3, KW: 3, Groups: 2, PadH: 1},      // ghost in groups
		{N: 8, C: 8, H: 9, W: 9, OutC: 8, KH: 3, KW: 3, Groups: 8},                 // thin
		{N: 6, C: 16, H: 1, W: 40, OutC: 16, KH: 1, KW: 3, DilW: 2, PadW: 2},       // sequences
		{N: 2, C: 8, H: 90, W: 90, OutC: 8, KH: 3, KW: 3, PadH: 1, PadW: 1},        // in cuts of rows
		{N: 2, C: 3, H: 8, W: 9, OutC: 2, KH: 1, KW: 1},                            // no columns
		{N: 2, C: 3, H: 8, W: 9, OutC: 5, KH: 2, KW: 3, MoreH: 1, MoreW: 2},        // more on one side
		{N: 4, C: 5, H: 10, W: 11, OutC: 70, KH: 5, KW: 5, DilH: 2, StrideW: 3},    // other strides
		{N: 4, C: 64, H: 4, W: 4, OutC: 64, KH: 3, KW: 3, PadH: 1, PadW: 1},        // ghost, pooled
		{N: 4, C: 2, H: 11, W: 11, OutC: 17, KH: 3, KW: 3, StrideH: 1, StrideW: 1}, // pooled, odd
	}
	for _, c := range shapes {
		kerneltest.Levels(t, func(t *testing.T) {
			for _, samples := range []int{c.N, c.N / 2} {
				checkSamples(t, r, c, samples, false)
				if c.Poolable() {
					checkSamples(t, r, c, samples, true)
				}
			}
		})
	}
}

func checkSamples(t *testing.T, r *rand.Rand, c Conv, samples int, pool bool) {
	t.Helper()
	name := fmt.Sprintf("%+v, %d samples, pooled %v", c, samples, pool)
	w, _ := kerneltest.Guarded(r, c.OutC*c.C/max(c.Groups, 1)*c.KH*c.KW, 1)
	x, _ := kerneltest.Guarded(r, c.N*c.C*c.H*c.W, 2)
	size := c.OutC * c.OutH() * c.OutW()
	backward := func(c Conv, dw, dy []float32, arg []int32, x []float32) { c.BackwardWeight(dw, dy, x, false) }
	var arg []int32
	if pool {
		size = c.OutC * (c.OutH() / 2) * (c.OutW() / 2)
		arg = make([]int32, c.PoolArgs())
		c.ForwardPool(make([]float32, c.N*size), arg, x, w, nil, 0)
		backward = func(c Conv, dw, dy []float32, arg []int32, x []float32) { c.BackwardWeightPool(dw, dy, arg, x, false) }
	}
	dy, _ := kerneltest.Guarded(r, c.N*size, 3)
	alone := make([]float32, len(w))
	want, squares := make([]float64, samples), make([]float64, samples)
	factors := make([]float32, samples)
	scaled := append([]float32(nil), dy...)
	one := c
	one.N = c.N / samples
	for b := range samples {
		squares[b] = 1 // it adds
		backward(one, alone, piece(dy, b, samples), piece(arg, b, samples), piece(x, b, samples))
		for _, v := range alone {
			want[b] += float64(v) * float64(v)
		}
		factors[b] = r.Float32() - 0.5
		elementwise.Scale(piece(scaled, b, samples), piece(scaled, b, samples), factors[b])
	}
	close := func(what string, got, want, scale float64) {
		t.Helper()
		if math.Abs(got-want) > 2e-5*scale {
			t.Fatalf("%s: %s is %v, want %v", name, what, got, want)
		}
	}
	each, check := kerneltest.Guarded(r, samples*len(w), 1)
	c.WeightSquares(squares, nil, dy, arg, x)
	for b, s := range squares {
		close("the square", s-1, want[b], want[b])
		squares[b] = 0
	}
	c.WeightSquares(squares, each, dy, arg, x)
	check(t, name)
	for b, s := range squares {
		close("the square of what is kept", s, want[b], want[b])
	}
	dw, check := kerneltest.Guarded(r, len(w), 2)
	before := append([]float32(nil), dw...)
	most := 0.0
	backward(c, alone, scaled, arg, x)
	for _, v := range alone {
		most = math.Max(most, math.Abs(float64(v)))
	}
	for _, accumulate := range []bool{true, false} {
		c.SumWeights(dw, each, factors, accumulate)
		check(t, name)
		for i, v := range dw {
			if accumulate {
				v -= before[i]
			}
			close("the sum", float64(v), float64(alone[i]), most+1)
		}
	}
}
