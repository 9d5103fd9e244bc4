package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// fma32 returns a·b+c rounded once: the sum is rounded to odd in float64, where
// the product is exact, and then to float32.
func fma32(a, b, c float32) float32 {
	p, z := float64(a)*float64(b), float64(c)
	s := p + z
	t := s - p
	if e := (p - (s - t)) + (z - t); e != 0 {
		if bits := math.Float64bits(s); bits&1 == 0 {
			if (e > 0) == (s > 0) {
				bits++
			} else {
				bits--
			}
			s = math.Float64frombits(bits)
		}
	}
	return float32(s)
}

// TestGemmChain checks what the package promises: an element of C is one chain
// of fused multiply-adds in the order of k.
func TestGemmChain(t *testing.T) {
	levels(t, func(t *testing.T) {
		if !tileShapes[cpu].fused {
			t.Skip("the loops in plain Go round products")
		}
		r := rand.New(rand.NewPCG(13, 14))
		for _, s := range [][3]int{{2, 2, 7}, {13, 33, 20}, {5, 70, 300}, {30, 40, 1000}, {70, 150, 500}} {
			for trans := range 8 {
				g := Gemm{M: s[0], N: s[1], K: s[2], TransA: trans&1 != 0, TransB: trans&2 != 0, Accumulate: trans&4 != 0}
				c := newGemmCase(r, g)
				want := make([]float32, len(c.c))
				for i := range g.M {
					for j := range g.N {
						sum := float32(0)
						if g.Accumulate {
							sum = c.c[i*g.N+j]
						}
						for k := range g.K {
							x, y := i*g.K+k, k*g.N+j
							if g.TransA {
								x = k*g.M + i
							}
							if g.TransB {
								y = j*g.K + k
							}
							sum = fma32(c.a[x], c.b[y], sum)
						}
						want[i*g.N+j] = sum
					}
				}
				g.Run(c.c, c.a, c.b)
				sameBits(t, fmt.Sprintf("%+v", g), c.c, want)
			}
		}
	})
}

// variants runs f, which computes into the slices it returns, in several
// settings and fails the test unless all results have the same bits.
func variants(t *testing.T, name string, f func() [][]float32) {
	t.Helper()
	if best < avx2 {
		return
	}
	var want [][]float32
	compare := func(setting string) {
		t.Helper()
		got := f()
		if want == nil {
			want = got
		}
		for i := range got {
			sameBits(t, fmt.Sprintf("%s, %s, result %d", name, setting, i), got[i], want[i])
		}
	}
	for l := avx2; l <= best; l++ {
		func() {
			defer setLevel(setLevel(l))
			atProcs(t, func(t *testing.T) { compare(l.String()) })
		}()
	}
}

func TestSameBits(t *testing.T) {
	n := 60
	if testing.Short() {
		n = 15
	}
	r := rand.New(rand.NewPCG(15, 16))
	for i := range n {
		g := randomGemm(r, 150)
		if i == 0 {
			g = Gemm{M: 130, N: 200, K: 800, Accumulate: true, Alpha: 0.3} // several workers
		}
		c := newGemmCase(r, g)
		variants(t, fmt.Sprintf("%+v", g), func() [][]float32 {
			out := append([]float32(nil), c.c...)
			g.Run(out, c.a, c.b)
			return [][]float32{out}
		})
	}
	batch := newGemmCase(r, Gemm{M: 40, N: 30 * 40, K: 40}) // 30 products of 40×40×40
	variants(t, "batch", func() [][]float32 {
		out := make([]float32, len(batch.c))
		GemmBatch(30, Gemm{M: 40, N: 40, K: 40, TransB: true}, out, batch.a, batch.b, 1600, 0, 1600)
		return [][]float32{out}
	})
	for i := range n {
		c := randomConv(r)
		switch i {
		case 0:
			c = Conv{N: 9, C: 16, H: 13, W: 13, OutC: 20, KH: 3, KW: 3, PadH: 1}
		case 1:
			c = Conv{N: 20, C: 3, H: 20, W: 20, OutC: 20, KH: 5, KW: 5}
		}
		x, _ := guarded(r, c.N*c.C*c.H*c.W, 1)
		y, _ := guarded(r, c.N*c.OutC*c.OutH()*c.OutW(), 1)
		w, _ := guarded(r, c.OutC*c.C/max(c.Groups, 1)*c.KH*c.KW, 1)
		variants(t, fmt.Sprintf("%+v", c), func() [][]float32 {
			out, dx, dw := make([]float32, len(y)), make([]float32, len(x)), make([]float32, len(w))
			c.Forward(out, x, w, nil, None)
			c.BackwardData(dx, y, w, false)
			c.BackwardWeight(dw, y, x, false)
			return [][]float32{out, dx, dw}
		})
	}
	for range n {
		p := Pool{N: 5, C: 7, H: 1 + r.IntN(30), W: 1 + r.IntN(30), KH: 3, KW: 3, PadH: 1, PadW: 1, StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3)}
		x, _ := guarded(r, p.N*p.C*p.H*p.W, 1)
		variants(t, fmt.Sprintf("%+v", p), func() [][]float32 {
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

// TestAllocatesNothing checks that calls take no memory after the first.
func TestAllocatesNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, g := range []Gemm{
		{M: 5, N: 7, K: 9}, {M: 1, N: 50, K: 60, TransB: true}, {M: 50, N: 1, K: 60}, {M: 50, N: 1, K: 60, TransA: true},
		{M: 130, N: 140, K: 150, TransA: true, TransB: true, Alpha: 2, Accumulate: true},
	} {
		c := newGemmCase(r, g)
		run := func() { g.Run(c.c, c.a, c.b) }
		run()
		if n := testing.AllocsPerRun(20, run); n != 0 {
			t.Errorf("%+v: %g allocations a call", g, n)
		}
		batch := func() { GemmBatch(1, g, c.c, c.a, c.b, 0, 0, 0) }
		batch()
		if n := testing.AllocsPerRun(20, batch); n != 0 {
			t.Errorf("batch of %+v: %g allocations a call", g, n)
		}
	}
	for _, c := range []Conv{
		{N: 4, C: 3, H: 20, W: 20, OutC: 8, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1},
		{N: 4, C: 16, H: 20, W: 20, OutC: 16, KH: 3, KW: 3},
		{N: 4, C: 16, H: 20, W: 20, OutC: 16, KH: 3, KW: 3, Groups: 16},
	} {
		x, _ := guarded(r, c.N*c.C*c.H*c.W, 1)
		y, _ := guarded(r, c.N*c.OutC*c.OutH()*c.OutW(), 1)
		w, _ := guarded(r, c.OutC*c.C/max(c.Groups, 1)*c.KH*c.KW, 1)
		run := func() {
			c.Forward(y, x, w, nil, ReLUAct)
			c.BackwardData(x, y, w, true)
			c.BackwardWeight(w, y, x, true)
		}
		run()
		if n := testing.AllocsPerRun(10, run); n != 0 {
			t.Errorf("%+v: %g allocations a call", c, n)
		}
	}
	p := Pool{N: 3, C: 4, H: 20, W: 20, KH: 3, KW: 3, StrideH: 2, StrideW: 2, PadH: 1, PadW: 1}
	x, _ := guarded(r, p.N*p.C*p.H*p.W, 1)
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

// FuzzGemm compares products of any shape and options with a float64 loop.
func FuzzGemm(f *testing.F) {
	f.Add(uint64(1), uint8(3), uint8(33), uint8(7), uint8(0), uint8(2))
	f.Add(uint64(2), uint8(1), uint8(64), uint8(20), uint8(2), uint8(1))
	f.Add(uint64(3), uint8(13), uint8(1), uint8(100), uint8(0x35), uint8(0))
	f.Fuzz(func(t *testing.T, seed uint64, m, n, k, options, l uint8) {
		defer setLevel(setLevel(level(l % 3)))
		r := rand.New(rand.NewPCG(seed, 0))
		bit := func(i int) bool { return options>>i&1 != 0 }
		g := Gemm{M: int(m), N: int(n), K: int(k), TransA: bit(0), TransB: bit(1), Accumulate: bit(2), Act: Activation(options >> 3 & 1)}
		if bit(4) {
			g.Bias, _ = guarded(r, g.N, 1)
		}
		if bit(5) {
			g.BiasRows, _ = guarded(r, g.M, 1)
		}
		if bit(6) {
			g.Alpha = 0.5
		}
		if bit(7) {
			g.LDA, g.LDB, g.LDC = max(g.M, g.K)+3, max(g.N, g.K)+1, g.N+2
		}
		newGemmCase(r, g).run(t)
	})
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
