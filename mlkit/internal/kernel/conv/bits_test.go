package conv

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/kerneltest"
)

func TestConvSameBits(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 15
	}
	r := rand.New(rand.NewPCG(15, 16))
	for i := range n {
		c := randomConv(r)
		switch i {
		case 0:
			c = Conv{N: 9, C: 16, H: 13, W: 13, OutC: 20, KH: 3, KW: 3, PadH: 1}
		case 1:
			c = Conv{N: 20, C: 3, H: 20, W: 20, OutC: 20, KH: 5, KW: 5}
		case 2:
			c = Conv{N: 3, C: 9, H: 33, W: 21, OutC: 9, KH: 5, KW: 5, PadH: 2, PadW: 1, Groups: 9}
		case 3:
			c = Conv{N: 2, C: 9, H: 90, W: 71, OutC: 9, KH: 3, KW: 3, StrideH: 2, StrideW: 2, MoreW: 1, Groups: 9}
		}
		x, _ := kerneltest.Guarded(r, c.N*c.C*c.H*c.W, 1)
		y, _ := kerneltest.Guarded(r, c.N*c.OutC*c.OutH()*c.OutW(), 1)
		w, _ := kerneltest.Guarded(r, c.OutC*c.C/max(c.Groups, 1)*c.KH*c.KW, 1)
		kerneltest.Variants(t, fmt.Sprintf("%+v", c), func() [][]float32 {
			out, dx, dw := make([]float32, len(y)), make([]float32, len(x)), make([]float32, len(w))
			c.Forward(out, x, w, nil, gemm.None)
			c.BackwardData(dx, y, w, false)
			c.BackwardWeight(dw, y, x, false)
			return [][]float32{out, dx, dw}
		})
	}
	for range n {
		p := Pool{N: 5, C: 7, H: 1 + r.IntN(30), W: 1 + r.IntN(30), KH: 3, KW: 3, PadH: 1, PadW: 1, StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3)}
		x, _ := kerneltest.Guarded(r, p.N*p.C*p.H*p.W, 1)
		kerneltest.Variants(t, fmt.Sprintf("%+v", p), func() [][]float32 {
			y := make([]float32, p.N*p.C*p.OutH()*p.OutW())
			z, dx, idx := append([]float32(nil), y...), make([]float32, len(x)), make([]int32, len(y))
			p.MaxForward(y, idx, x)
			p.AvgForward(z, x)
			p.MaxBackward(dx, y, idx, false)
			p.AvgBackward(dx, y, true)
			return [][]float32{y, z, dx}
		})
	}
}

// TestConvAllocatesNothing checks that calls take no memory after the first.
func TestConvAllocatesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, c := range []Conv{
		{N: 4, C: 3, H: 20, W: 20, OutC: 8, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1},
		{N: 4, C: 16, H: 20, W: 20, OutC: 16, KH: 3, KW: 3},
		{N: 4, C: 16, H: 20, W: 20, OutC: 16, KH: 3, KW: 3, Groups: 16},
		{N: 4, C: 16, H: 1, W: 400, OutC: 16, KH: 1, KW: 3, PadW: 16, DilW: 16},
	} {
		x, _ := kerneltest.Guarded(r, c.N*c.C*c.H*c.W, 1)
		y, _ := kerneltest.Guarded(r, c.N*c.OutC*c.OutH()*c.OutW(), 1)
		w, _ := kerneltest.Guarded(r, c.OutC*c.C/max(c.Groups, 1)*c.KH*c.KW, 1)
		run := func() {
			c.Forward(y, x, w, nil, gemm.ReLUAct)
			c.BackwardData(x, y, w, true)
			c.BackwardWeight(w, y, x, true)
		}
		run()
		if n := testing.AllocsPerRun(10, run); n != 0 {
			t.Errorf("%+v: %g allocations a call", c, n)
		}
	}
	p := Pool{N: 3, C: 4, H: 20, W: 20, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1}
	x, _ := kerneltest.Guarded(r, p.N*p.C*p.H*p.W, 1)
	y, idx := make([]float32, p.N*p.C*p.OutH()*p.OutW()), make([]int32, p.N*p.C*p.OutH()*p.OutW())
	run := func() {
		p.MaxForward(y, idx, x)
		p.MaxBackward(x, y, idx, false)
		p.AvgForward(y, x)
		p.AvgBackward(x, y, false)
	}
	run()
	if n := testing.AllocsPerRun(10, run); n != 0 {
		t.Errorf("%+v: %g allocations a call", p, n)
	}
}

// FuzzConv compares convolutions of any geometry with a float64 loop.
func FuzzConv(f *testing.F) {
	f.Add(uint64(1), uint64(0x0101_0303_0c0c_0202), uint8(0))
	f.Add(uint64(2), uint64(0x0000_0303_1010_1401), uint8(0x11))
	f.Add(uint64(3), uint64(0x0201_0501_1e01_0303), uint8(0x62))
	f.Fuzz(func(t *testing.T, seed, sizes uint64, more uint8) {
		size := func(i, limit int) int { return int(sizes>>(8*i)&255) % limit }
		c := Conv{
			N: size(0, 4), Groups: 1 + int(more>>6), H: 1 + size(2, 20), W: 1 + size(3, 40), KH: size(4, 6) + 1, KW: size(5, 6) + 1,
			PadH: size(6, 4), PadW: size(7, 4), StrideH: int(more & 3), StrideW: int(more >> 2 & 3), DilH: int(more >> 4 & 1), DilW: int(more >> 5 & 1 * 2),
		}
		c.C, c.OutC = c.Groups*(1+size(1, 18)), c.Groups*(1+size(1, 21))
		checkConv(t, rand.New(rand.NewPCG(seed, 0)), c)
	})
}
