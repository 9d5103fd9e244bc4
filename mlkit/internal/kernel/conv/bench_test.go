package conv

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/kerneltest"
)

func BenchmarkConv(b *testing.B) {
	for _, c := range []Conv{
		{N: 128, C: 1, H: 28, W: 28, OutC: 32, KH: 3, KW: 3},
		{N: 128, C: 32, H: 13, W: 13, OutC: 64, KH: 3, KW: 3},
		{N: 16, C: 64, H: 28, W: 28, OutC: 64, KH: 3, KW: 3, PadH: 1, PadW: 1},
		{N: 16, C: 64, H: 28, W: 28, OutC: 128, KH: 3, KW: 3, PadH: 1, PadW: 1, StrideH: 2, StrideW: 2},
		{N: 16, C: 64, H: 14, W: 14, OutC: 256, KH: 1, KW: 1},
		{N: 16, C: 64, H: 28, W: 28, OutC: 64, KH: 3, KW: 3, PadH: 1, PadW: 1, Groups: 64},
		{N: 32, C: 64, H: 1, W: 256, OutC: 64, KH: 1, KW: 5, PadW: 2},
		{N: 64, C: 128, H: 4, W: 4, OutC: 128, KH: 3, KW: 3, PadH: 1, PadW: 1},
	} {
		r := rand.New(rand.NewPCG(1, 1))
		x, _ := kerneltest.Guarded(r, c.N*c.C*c.H*c.W, 16)
		y, _ := kerneltest.Guarded(r, c.N*c.OutC*c.OutH()*c.OutW(), 16)
		w, _ := kerneltest.Guarded(r, c.OutC*c.C/max(c.Groups, 1)*c.KH*c.KW, 16)
		bias, _ := kerneltest.Guarded(r, c.OutC, 16)
		products := len(y) * len(w) / c.OutC
		name := fmt.Sprintf("%dx%dx%dx%d,%d,%dx%d,s%d,g%d", c.N, c.C, c.H, c.W, c.OutC, c.KH, c.KW, max(1, c.StrideW), max(1, c.Groups))
		for _, d := range []struct {
			name string
			run  func()
		}{
			{"fwd", func() { c.Forward(y, x, w, bias, gemm.ReLUAct) }},
			{"bwdX", func() { c.BackwardData(x, y, w, false) }},
			{"bwdW", func() { c.BackwardWeight(w, y, x, false) }},
		} {
			b.Run(name+"/"+d.name, func(b *testing.B) {
				for b.Loop() {
					d.run()
				}
				kerneltest.Report(b, products, gemm.FMAPeak)
			})
		}
	}
}

func BenchmarkPool(b *testing.B) {
	for _, p := range []Pool{
		{N: 128, C: 32, H: 26, W: 26, KH: 2, KW: 2, StrideH: 2, StrideW: 2},
		{N: 128, C: 64, H: 11, W: 11, KH: 2, KW: 2, StrideH: 2, StrideW: 2},
		{N: 16, C: 64, H: 28, W: 28, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1},
		{N: 64, C: 128, H: 8, W: 8, KH: 8, KW: 8},
	} {
		r := rand.New(rand.NewPCG(1, 1))
		x, _ := kerneltest.Guarded(r, p.N*p.C*p.H*p.W, 16)
		y, _ := kerneltest.Guarded(r, p.N*p.C*p.OutH()*p.OutW(), 16)
		idx := make([]int32, len(y))
		p.MaxForward(y, idx, x)
		for _, d := range []struct {
			name string
			run  func()
		}{
			{"maxFwd", func() { p.MaxForward(y, idx, x) }},
			{"maxBwd", func() { p.MaxBackward(x, y, idx, false) }},
			{"avgFwd", func() { p.AvgForward(y, x) }},
			{"avgBwd", func() { p.AvgBackward(x, y, false) }},
		} {
			b.Run(fmt.Sprintf("%dx%dx%dx%d,%d,s%d/%s", p.N, p.C, p.H, p.W, p.KH, p.StrideH, d.name), func(b *testing.B) {
				b.SetBytes(int64(4 * len(x)))
				for b.Loop() {
					d.run()
				}
			})
		}
	}
}
