package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"descent/mlkit/internal/kernel/kerneltest"
)

// TestPoolRandom compares pooling with loops that look at every cell of the
// padded image in turn.
func TestPoolRandom(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for range 300 {
			p := Pool{
				N: 1 + r.IntN(3), C: 1 + r.IntN(3), H: 1 + r.IntN(20), W: 1 + r.IntN(40), KH: 1 + r.IntN(4), KW: 1 + r.IntN(4),
				StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3), DilH: 1 + r.IntN(2), DilW: 1 + r.IntN(2),
				CeilMode: r.IntN(3) == 0, CountIncludePad: r.IntN(2) == 0,
			}
			if r.IntN(2) == 0 {
				p.KH, p.KW, p.StrideH, p.StrideW, p.DilH, p.DilW = 2, 2, 2, 2, 0, 0
			} else {
				p.PadH, p.PadW = r.IntN((max(p.DilH, 1)*(p.KH-1)+1)/2+1), r.IntN((max(p.DilW, 1)*(p.KW-1)+1)/2+1)
			}
			checkPool(t, r, p)
		}
	})
}

// TestPoolDilatedBeyondTheImage has taps farther apart than the image is wide:
// a window then sees one cell in each direction, or none, which is refused.
func TestPoolDilatedBeyondTheImage(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	seen := map[bool]int{}
	for range 500 {
		p := Pool{
			N: 1, C: 2, H: 1 + r.IntN(3), W: 1 + r.IntN(3), KH: 1 + r.IntN(4), KW: 1 + r.IntN(4), StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3),
			DilH: 1 + r.IntN(6), DilW: 1 + r.IntN(6), CeilMode: r.IntN(3) == 0, CountIncludePad: r.IntN(2) == 0,
		}
		p.PadH, p.PadW = r.IntN((p.DilH*(p.KH-1)+1)/2+1), r.IntN((p.DilW*(p.KW-1)+1)/2+1)
		if p.OutH() == 0 || p.OutW() == 0 {
			continue
		}
		empty := false
		for o := range p.OutH() * p.OutW() {
			cells := 0
			for k := range p.KH * p.KW {
				h, w := o/p.OutW()*p.StrideH-p.PadH+k/p.KW*p.DilH, o%p.OutW()*p.StrideW-p.PadW+k%p.KW*p.DilW
				if h >= 0 && h < p.H && w >= 0 && w < p.W {
					cells++
				}
			}
			empty = empty || cells == 0
		}
		seen[empty]++
		if p.SeesPaddingOnly() != empty {
			t.Fatalf("%+v: SeesPaddingOnly is %v", p, !empty)
		}
		if !empty {
			checkPool(t, r, p)
			continue
		}
		func() {
			defer func() {
				if s, _ := recover().(string); !strings.Contains(s, "padding only") {
					t.Errorf("%+v: panic %q", p, s)
				}
			}()
			n := 2 * p.OutH() * p.OutW()
			p.MaxForward(make([]float32, n), nil, make([]float32, 2*p.H*p.W))
		}()
	}
	if seen[true] < 30 || seen[false] < 30 {
		t.Errorf("%d windows of padding, %d others", seen[true], seen[false])
	}
}

func checkPool(t *testing.T, r *rand.Rand, p Pool) {
	name := fmt.Sprintf("%+v", p)
	oh, ow := p.OutH(), p.OutW()
	x, _ := kerneltest.Guarded(r, p.N*p.C*p.H*p.W, 1)
	dy, _ := kerneltest.Guarded(r, p.N*p.C*oh*ow, 2)
	wantMax, wantAvg := make([]float64, len(dy)), make([]float64, len(dy))
	wantIdx := make([]int32, len(dy))
	wantDMax, wantDAvg := make([]float64, len(x)), make([]float64, len(x))
	mag := make([]float64, max(len(x), len(dy)))
	for i := range mag {
		mag[i] = float64(p.KH * p.KW)
	}
	for o := range dy {
		plane, i, j := o/(oh*ow), o/ow%oh, o%ow
		sum, best, at, count, cells := 0.0, math.Inf(-1), -1, 0, []int{}
		for kh := range p.KH {
			for kw := range p.KW {
				h, w := i*p.StrideH-p.PadH+kh*max(p.DilH, 1), j*p.StrideW-p.PadW+kw*max(p.DilW, 1)
				if h >= -p.PadH && w >= -p.PadW && h < p.H+p.PadH && w < p.W+p.PadW && p.CountIncludePad {
					count++
				}
				if h < 0 || w < 0 || h >= p.H || w >= p.W {
					continue
				}
				if !p.CountIncludePad {
					count++
				}
				v := float64(x[(plane*p.H+h)*p.W+w])
				sum += v
				cells = append(cells, (plane*p.H+h)*p.W+w)
				if v > best {
					best, at = v, h*p.W+w
				}
			}
		}
		wantMax[o], wantIdx[o], wantAvg[o] = best, int32(at), sum/float64(count)
		wantDMax[plane*p.H*p.W+at] += float64(dy[o])
		for _, q := range cells {
			wantDAvg[q] += float64(dy[o]) / float64(count)
		}
	}
	y, check := kerneltest.Guarded(r, len(dy), 3)
	idx := make([]int32, len(dy))
	p.MaxForward(y, idx, x)
	kerneltest.Compare(t, name+": max", y, wantMax, mag)
	for i, w := range wantIdx {
		if idx[i] != w {
			t.Fatalf("%s: index %d is %d, want %d", name, i, idx[i], w)
		}
	}
	clear(y)
	p.MaxForward(y, nil, x)
	kerneltest.Compare(t, name+": max without index", y, wantMax, mag)
	p.AvgForward(y, x)
	kerneltest.Compare(t, name+": avg", y, wantAvg, mag)
	check(t, name)

	var accumulate bool
	for _, d := range []struct {
		name string
		want []float64
		f    func(dx []float32)
	}{
		{"max backward", wantDMax, func(dx []float32) { p.MaxBackward(dx, dy, idx, accumulate) }},
		{"avg backward", wantDAvg, func(dx []float32) { p.AvgBackward(dx, dy, accumulate) }},
	} {
		dx, check := kerneltest.Guarded(r, len(x), 1)
		accumulate = r.IntN(2) == 0
		for i, v := range dx {
			if accumulate {
				d.want[i] += float64(v)
			}
		}
		d.f(dx)
		kerneltest.Compare(t, name+": "+d.name, dx, d.want, mag)
		check(t, name)
	}
}

func TestPoolSpecial(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	kerneltest.Levels(t, func(t *testing.T) {
		const n = 40 // long enough for vectors
		p := Pool{N: 1, C: 1, H: 2, W: 2 * n, KH: 2, KW: 2, StrideH: 2, StrideW: 2}
		for _, c := range []struct {
			cells [4]float32 // 0,0 0,1 1,0 1,1
			want  float32
			at    int // which of the four
		}{
			{[4]float32{1, 1, 1, 1}, 1, 0},
			{[4]float32{0, 1, 1, 1}, 1, 1},
			{[4]float32{0, 0, 1, 1}, 1, 2},
			{[4]float32{0, 0, 0, 1}, 1, 3},
			{[4]float32{-inf, -inf, -inf, -inf}, -inf, 0},
			{[4]float32{1, inf, nan, 3}, nan, 2},
			{[4]float32{nan, inf, 2, nan}, nan, 0},
			{[4]float32{1, 2, 3, nan}, nan, 3},
		} {
			for j := range n {
				x := make([]float32, 4*n)
				x[2*j], x[2*j+1], x[2*n+2*j], x[2*n+2*j+1] = c.cells[0], c.cells[1], c.cells[2], c.cells[3]
				y, idx := make([]float32, n), make([]int32, n)
				p.MaxForward(y, idx, x)
				if want := int32(c.at/2*2*n + 2*j + c.at%2); idx[j] != want || y[j] != c.want && c.want == c.want || (y[j] == y[j]) != (c.want == c.want) {
					t.Fatalf("%v in window %d: %g at %d, want %g at %d", c.cells, j, y[j], idx[j], c.want, want)
				}
			}
		}
	})
	x := make([]float32, 64)
	kerneltest.MustPanic(t, "padding", func() { Pool{N: 1, C: 1, H: 4, W: 4, KH: 2, KW: 2, PadH: 2}.AvgForward(x, x) })
	kerneltest.MustPanic(t, "short", func() { Pool{N: 2, C: 3, H: 4, W: 4, KH: 1, KW: 1}.AvgForward(x, x) })
}
