package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/kerneltest"
)

// TestConvPool holds a convolution that pools against a convolution and a
// pooling: the same bits forward, and gradients that differ by rounding (or not
// at all, at the sizes of exact).
func TestConvPool(t *testing.T) {
	exact := []Conv{
		{N: 17, C: 1, H: 28, W: 28, OutC: 32, KH: 3, KW: 3},
		{N: 5, C: 32, H: 13, W: 13, OutC: 64, KH: 3, KW: 3},
		{N: 2, C: 32, H: 14, W: 12, OutC: 17, KH: 3, KW: 3, PadH: 1, PadW: 1},
		{N: 1, C: 16, H: 40, W: 41, OutC: 16, KH: 3, KW: 3, PadH: 2, PadW: 2},
		{N: 2, C: 3, H: 33, W: 18, OutC: 6, KH: 5, KW: 5, PadH: 2, PadW: 2, StrideH: 2, StrideW: 2},
	}
	shapes := append([]Conv{
		{N: 3, C: 5, H: 9, W: 8, OutC: 33, KH: 1, KW: 1},
		{N: 2, C: 16, H: 5, W: 6, OutC: 1, KH: 3, KW: 3},
		{N: 2, C: 2, H: 50, W: 90, OutC: 20, KH: 3, KW: 3, DilH: 2, DilW: 2},
	}, exact...)
	r := rand.New(rand.NewPCG(31, 32))
	for range 30 {
		c := randomConv(r)
		c.N, c.Groups, c.H, c.W = max(c.N, 1), 1, c.H+8, c.W+8
		shapes = append(shapes, c)
	}
	tried := 0
	for i, c := range shapes {
		if !c.Poolable() {
			continue
		}
		tried++
		kerneltest.Levels(t, func(t *testing.T) { checkConvPool(t, r, c, i >= 3 && i < 3+len(exact)) })
	}
	if tried < 25 {
		t.Errorf("only %d shapes can be pooled", tried)
	}
}

func checkConvPool(t *testing.T, r *rand.Rand, c Conv, exact bool) {
	t.Helper()
	p := Pool{N: c.N, C: c.OutC, H: c.OutH(), W: c.OutW(), KH: 2, KW: 2, StrideH: 2, StrideW: 2}
	pooled := c.N * c.OutC * p.OutH() * p.OutW()
	x, _ := kerneltest.Guarded(r, c.N*c.C*c.H*c.W, 1)
	w, _ := kerneltest.Guarded(r, c.OutC*c.C*c.KH*c.KW, 2)
	bias, _ := kerneltest.Guarded(r, c.OutC, 3)
	dy, _ := kerneltest.Guarded(r, pooled, 1)
	act, accumulate := gemm.Activation(r.IntN(2)), r.IntN(2) == 0
	name := fmt.Sprintf("%+v, act %v, accumulate %v", c, act, accumulate)

	full := make([]float32, c.N*c.OutC*c.OutH()*c.OutW())
	want, idx := make([]float32, pooled), make([]int32, pooled)
	c.Forward(full, x, w, bias, gemm.None)
	p.MaxForward(want, idx, full)
	if act == gemm.ReLUAct {
		elementwise.ReLU(want, want)
	}
	y, checkY := kerneltest.Guarded(r, pooled, 2)
	arg := make([]int32, c.PoolArgs()+1)
	arg[c.PoolArgs()] = 1234
	c.ForwardPool(y, nil, x, w, bias, act)
	kerneltest.SameBits(t, name+": y without arg", y, want)
	c.ForwardPool(y, arg[:c.PoolArgs()], x, w, bias, act)
	kerneltest.SameBits(t, name+": y", y, want)

	p.MaxBackward(full, dy, idx, false)
	dx, checkDX := kerneltest.Guarded(r, len(x), 2)
	dw, checkDW := kerneltest.Guarded(r, len(w), 3)
	wantDX, wantDW := append([]float32(nil), dx...), append([]float32(nil), dw...)
	c.BackwardData(wantDX, full, w, accumulate)
	c.BackwardWeight(wantDW, full, x, accumulate)
	c.BackwardDataPool(dx, dy, arg, w, accumulate)
	c.BackwardWeightPool(dw, dy, arg, x, accumulate)
	for what, pair := range map[string][2][]float32{"dx": {dx, wantDX}, "dw": {dw, wantDW}} {
		for i, v := range pair[0] {
			if d := math.Abs(float64(v - pair[1][i])); d > 1e-4 || exact && d != 0 || d != d {
				t.Fatalf("%s: %s[%d] is %g, want %g", name, what, i, v, pair[1][i])
			}
		}
	}
	for _, check := range []func(testing.TB, string){checkY, checkDX, checkDW} {
		check(t, name)
	}
	if arg[c.PoolArgs()] != 1234 {
		t.Fatalf("%s: wrote behind arg", name)
	}
}

// TestConvPoolSpecial has several largest elements, infinities and NaN.
func TestConvPoolSpecial(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		nan, inf := float32(math.NaN()), float32(math.Inf(1))
		for _, c := range []struct {
			x    [4]float32
			want float32
			at   int
		}{
			{[4]float32{1, 1, 1, 1}, 1, 0}, {[4]float32{-2, -1, -1, -3}, -1, 1}, {[4]float32{-inf, -inf, -inf, -inf}, -inf, 0},
			{[4]float32{1, nan, inf, nan}, nan, 1}, {[4]float32{nan, 1, 2, nan}, nan, 0}, {[4]float32{0, inf, 5, inf}, inf, 1},
		} {
			conv := Conv{N: 1, C: 1, H: 2, W: 2, OutC: 1, KH: 1, KW: 1}
			y, arg, dx := []float32{0}, make([]int32, conv.PoolArgs()), make([]float32, 4)
			conv.ForwardPool(y, arg, c.x[:], []float32{1}, nil, gemm.None)
			if y[0] != c.want && (y[0] == y[0] || c.want == c.want) {
				t.Errorf("%v: %g, want %g", c.x, y[0], c.want)
			}
			conv.BackwardDataPool(dx, []float32{3}, arg, []float32{1}, false)
			for i, v := range dx {
				if v != 0 != (i == c.at) {
					t.Errorf("%v: gradient %v, want at %d", c.x, dx, c.at)
					break
				}
			}
		}
	})
}

func TestConvPoolSameBits(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 34))
	for _, c := range []Conv{
		{N: 20, C: 1, H: 28, W: 28, OutC: 32, KH: 3, KW: 3},
		{N: 20, C: 32, H: 13, W: 13, OutC: 40, KH: 3, KW: 3},
		{N: 2, C: 3, H: 40, W: 30, OutC: 7, KH: 5, KW: 5, StrideH: 2, StrideW: 1, PadH: 2},
		{N: 1, C: 8, H: 23, W: 24, OutC: 70, KH: 3, KW: 3, PadW: 1}, // without arg, filters are cut, too
	} {
		x, _ := kerneltest.Guarded(r, c.N*c.C*c.H*c.W, 1)
		w, _ := kerneltest.Guarded(r, c.OutC*c.C*c.KH*c.KW, 1)
		dy, _ := kerneltest.Guarded(r, c.N*c.OutC*(c.OutH()/2)*(c.OutW()/2), 1)
		arg := make([]int32, c.PoolArgs())
		y, dx, dw := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
		alone := make([]float32, len(y))
		run := func() {
			c.ForwardPool(y, arg, x, w, nil, gemm.ReLUAct)
			c.ForwardPool(alone, nil, x, w, nil, gemm.ReLUAct)
			c.BackwardDataPool(dx, dy, arg, w, false)
			c.BackwardWeightPool(dw, dy, arg, x, false)
		}
		kerneltest.Variants(t, fmt.Sprintf("%+v", c), func() [][]float32 {
			run()
			kerneltest.SameBits(t, fmt.Sprintf("%+v: without arg", c), alone, y)
			return [][]float32{append([]float32(nil), y...), append([]float32(nil), dx...), append([]float32(nil), dw...)}
		})
		if n := testing.AllocsPerRun(10, run); n != 0 {
			t.Errorf("%+v: %g allocations a call", c, n)
		}
	}
}
