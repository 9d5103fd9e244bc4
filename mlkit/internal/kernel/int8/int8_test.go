package int8

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

// paths runs f on every path of this machine.
func paths(t *testing.T, f func(t *testing.T)) {
	kerneltest.Levels(t, func(t *testing.T) {
		if cpu.Current == cpu.AVX512 && !vnni {
			t.Skip("this processor has no AVX-512 VNNI: the path is that of AVX2")
		}
		f(t)
	})
}

// simple is a product of a Linear layer.
func simple(w []int8, rows, n, k int, zero uint8, relu bool, scale, bias []float32) *Product {
	p := &Product{W: Pack(w, n, 1, k), Images: 1, Lines: 1, Width: rows, RowStep: k, YRowStep: n, Room: n,
		Zero: zero, ReLU: relu}
	fill(p, zero, scale, bias)
	return p
}

func fill(p *Product, zero uint8, scale, bias []float32) {
	p.Minus, p.Scale, p.Bias = slices.Clone(p.W.Sums()), make([]float32, p.W.Padded()), make([]float32, p.W.Padded())
	for i := range p.Minus {
		p.Minus[i] *= int32(zero)
	}
	copy(p.Scale, scale)
	copy(p.Bias, bias)
}

// draw is the generator of testdata/goldens.py.
type draw uint64

func (d *draw) bits() uint32 {
	*d = *d*6364136223846793005 + 1442695040888963407
	return uint32(*d >> 40)
}

func (d *draw) real(n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(float32(d.bits())*0x1p-23) - 1
	}
	return x
}

func bytesOf(d *draw, n int) []uint8 {
	x := make([]uint8, n, n+Slack)
	for i := range x {
		x[i] = uint8(d.bits() % 256)
	}
	return append(x, 201, 202, 203)
}

func weightsOf(d *draw, n int) []int8 {
	x := make([]int8, n)
	for i := range x {
		x[i] = int8(int(d.bits()%255) - 127)
	}
	return x
}

// One golden holds for all paths, to the bit.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/goldens.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Rows, K, N int
		ReLU       bool
		Zero       uint8
		Seed       uint64
		Bytes      []int
		Floats     []float32
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	paths(t, func(t *testing.T) {
		for _, c := range cases {
			d := draw(c.Seed)
			a, w := bytesOf(&d, c.Rows*c.K), weightsOf(&d, c.N*c.K)
			scale, bias := d.real(c.N), d.real(c.N)
			for i, v := range scale {
				scale[i] = float32(math.Abs(float64(v))) * 1e-2
				bias[i] *= 50
			}
			p := simple(w, c.Rows, c.N, c.K, c.Zero, c.ReLU, scale, bias)
			y, x := make([]uint8, c.Rows*c.N), make([]float32, c.Rows*c.N)
			p.Bytes(y, a)
			p.Floats(x, a)
			kerneltest.SameBits(t, fmt.Sprint("floats of seed ", c.Seed), x, c.Floats)
			for i, v := range c.Bytes {
				if int(y[i]) != v {
					t.Fatalf("seed %d: byte %d is %d, want %d", c.Seed, i, y[i], v)
				}
			}
		}
	})
}

// The largest bytes do not saturate, and every shape of a tile is exact.
func TestSumsAreExact(t *testing.T) {
	paths(t, func(t *testing.T) {
		for _, k := range []int{1, 4, 5, 63, 257} {
			for _, rows := range []int{1, 2, 3, 4, 5, 6, 7, 11, 49, 100} {
				for _, n := range []int{1, 16, 17, 33, 50, 64, 130} {
					d := draw(uint64(k*rows + n))
					a, w := bytesOf(&d, rows*k), weightsOf(&d, n*k)
					if k == 257 {
						for i := range a {
							a[i] = 255
						}
						for i := range w {
							w[i] = int8(127 - 254*(i/k%2))
						}
					}
					ones := slices.Repeat([]float32{1}, n)
					p := simple(w, rows, n, k, 0, false, ones, make([]float32, n))
					got := make([]float32, rows*n)
					p.Floats(got, a)
					for r := range rows {
						for c := range n {
							sum := 0
							for i := range k {
								sum += int(a[r*k+i]) * int(w[c*k+i])
							}
							if got[r*n+c] != float32(sum) {
								t.Fatalf("%d×%d×%d: sum %d, %d is %v, want %d", rows, n, k, r, c, got[r*n+c], sum)
							}
						}
					}
				}
			}
		}
	})
}

// A convolution with channels last, padded, with a stride, is a product of the
// input as it lies.
func TestConvolution(t *testing.T) {
	const images, h, w, in, out, kh, kw, stride = 2, 9, 11, 5, 24, 3, 2, 2
	const oh, ow = (h-kh)/stride + 1, (w-kw)/stride + 1
	d := draw(9)
	x, weights := bytesOf(&d, images*h*w*in), weightsOf(&d, out*kh*kw*in)
	p := Product{W: Pack(weights, out, kh, kw*in), Images: images, Lines: oh, Width: ow,
		ImageStep: h * w * in, LineStep: stride * w * in, RowStep: stride * in, Apart: w * in,
		YImageStep: oh * ow * out, YLineStep: ow * out, YRowStep: out, Room: out}
	fill(&p, 0, slices.Repeat([]float32{1}, out), make([]float32, out))
	paths(t, func(t *testing.T) {
		got := make([]float32, images*oh*ow*out)
		p.Floats(got, x)
		at := 0
		for i := range images {
			for y := range oh {
				for v := range ow {
					for c := range out {
						sum := 0
						for ky := range kh {
							for kx := range kw {
								for ci := range in {
									sum += int(x[((i*h+y*stride+ky)*w+v*stride+kx)*in+ci]) * int(weights[((c*kh+ky)*kw+kx)*in+ci])
								}
							}
						}
						if got[at] != float32(sum) {
							t.Fatalf("image %d, pixel %d, %d, channel %d is %v, want %d", i, y, v, c, got[at], sum)
						}
						at++
					}
				}
			}
		}
	})
}

// A pooled product is the largest of what the product alone gives.
func TestPooled(t *testing.T) {
	for _, c := range [][4]int{{2, 3, 5, 17}, {1, 26, 27, 32}, {3, 6, 61, 40}} {
		images, lines, width, n := c[0], c[1], c[2], c[3]
		const k = 9
		d := draw(4)
		x, weights := bytesOf(&d, images*lines*width*k), weightsOf(&d, n*k)
		p := Product{W: Pack(weights, n, 1, k), Images: images, Lines: lines, Width: width, RowStep: k, LineStep: width * k, ImageStep: lines * width * k,
			YRowStep: n, YLineStep: width * n, YImageStep: lines * width * n, Room: n, Zero: 9}
		scale := d.real(n)
		for i := range scale {
			scale[i] = (scale[i] + 1) * 1e-2
		}
		fill(&p, 9, scale, d.real(n))
		paths(t, func(t *testing.T) {
			all, got := make([]uint8, images*lines*width*n), make([]uint8, images*(lines/2)*(width/2)*n)
			p.Bytes(all, x)
			q := p
			q.Pool, q.YLineStep, q.YImageStep = true, width/2*n, lines/2*(width/2)*n
			q.Bytes(got, x)
			at := 0
			for i := range images {
				for y := range lines / 2 {
					for v := range width / 2 {
						for c := range n {
							one := func(dy, dx int) uint8 { return all[((i*lines+2*y+dy)*width+2*v+dx)*n+c] }
							if want := max(one(0, 0), one(0, 1), one(1, 0), one(1, 1)); got[at] != want {
								t.Fatalf("%v: image %d, %d, %d, column %d is %d, want %d", c, i, y, v, c, got[at], want)
							}
							at++
						}
					}
				}
			}
		})
	}
}

// All levels and numbers of workers give the same bytes, and nothing is
// written beyond the results.
func TestSameBytesEverywhere(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const rows, n, k = 300, 100, 200
	d := draw(3)
	a, w := bytesOf(&d, rows*k), weightsOf(&d, n*k)
	scale, bias := make([]float32, n), d.real(n)
	for i := range scale {
		scale[i] = r.Float32() * 5e-3
	}
	p := simple(w, rows, n, k, 99, true, scale, bias)
	var want []uint8
	paths(t, func(t *testing.T) {
		for _, procs := range []int{1, 2, 5} {
			before := runtime.GOMAXPROCS(procs)
			y := slices.Repeat([]uint8{77}, rows*n+64)
			p.Bytes(y, a)
			runtime.GOMAXPROCS(before)
			if want == nil {
				want = y
			}
			if !slices.Equal(y, want) {
				t.Fatalf("other bytes on %d workers", procs)
			}
			if slices.ContainsFunc(y[rows*n:], func(b uint8) bool { return b != 77 }) {
				t.Fatal("wrote beyond the result")
			}
		}
	})
}

func TestQuantize(t *testing.T) {
	x := []float32{0, 0.5, 1.5, 2.5, -0.5, -1.5, 126.5, 127.5, 128.5, 300, -300, float32(math.Inf(1)), float32(math.Inf(-1)), 3.4, 1e30, -1e30}
	want := []uint8{10, 10, 12, 12, 10, 8, 136, 138, 138, 255, 0, 255, 0, 13, 255, 0}
	paths(t, func(t *testing.T) {
		for n := range len(x) * 3 {
			in := slices.Repeat(x, 3)[:n]
			got := make([]uint8, n)
			if !Quantize(got, in, 1, 10) {
				t.Fatal("a NaN where there is none")
			}
			if !slices.Equal(got, slices.Repeat(want, 3)[:n]) {
				t.Fatalf("got %d", got)
			}
			lo, hi, ok := Extent(in[:min(n, 11)])
			if wantLo, wantHi := slices.Min(append(in[:min(n, 11):min(n, 11)], 0)), slices.Max(append(in[:min(n, 11):min(n, 11)], 0)); lo != wantLo || hi != wantHi || !ok {
				t.Fatalf("extent %v to %v, want %v to %v", lo, hi, wantLo, wantHi)
			}
			for i := range in {
				old := in[i]
				in[i] = float32(math.NaN())
				if Quantize(got, in, 1, 10) || got[i] != 0 {
					t.Fatalf("NaN at %d of %d became %d, unseen", i, n, got[i])
				}
				if _, _, ok := Extent(in); ok {
					t.Fatalf("extent has not seen NaN at %d of %d", i, n)
				}
				in[i] = old
			}
		}
		y := []uint8{9, 200, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0, 255}
		Larger(y, slices.Repeat([]uint8{10}, len(y)))
		if want := []uint8{10, 200, 10, 10, 10, 10, 10, 10, 10, 10, 11, 12, 13, 14, 15, 16, 10, 255}; !slices.Equal(y, want) {
			t.Fatalf("larger: %d", y)
		}
	})
}

func TestPackUnpack(t *testing.T) {
	d := draw(5)
	w := weightsOf(&d, 19*3*7)
	if got := Pack(w, 19, 3, 7).Unpack(); !slices.Equal(got, w) {
		t.Error("what was packed does not come back")
	}
	a := make([]uint8, 30)
	for what, f := range map[string]func(){
		"weights missing": func() { Pack(w, 19, 3, 8) },
		"-128":            func() { Pack([]int8{-128}, 1, 1, 1) },
		"too long":        func() { Pack(make([]int8, MaxK+1), 1, 1, MaxK+1) },
		"no slack": func() {
			simple(w[:10], 3, 1, 10, 0, false, []float32{1}, []float32{0}).Bytes(make([]uint8, 3), a)
		},
		"a short result": func() {
			simple(w[:10], 2, 1, 10, 0, false, []float32{1}, []float32{0}).Bytes(make([]uint8, 1), a)
		},
		"lengths": func() { Quantize(a, make([]float32, 3), 1, 0) },
	} {
		kerneltest.MustPanic(t, what, f)
	}
}

func TestNoAllocation(t *testing.T) {
	d := draw(5)
	a, w := bytesOf(&d, 100*64), weightsOf(&d, 40*64)
	p := simple(w, 100, 40, 64, 3, true, d.real(40), d.real(40))
	y, x := make([]uint8, 100*40), make([]float32, 100*40)
	if n := testing.AllocsPerRun(20, func() {
		p.Bytes(y, a)
		p.Floats(x, a)
		Quantize(y, x, 1, 3)
		Extent(x)
		Larger(y, y)
	}); n != 0 {
		t.Errorf("%g allocations, want none", n)
	}
}

func BenchmarkProduct(b *testing.B) {
	for _, s := range [][3]int{{1, 256, 784}, {128, 256, 784}, {128, 128, 256}, {512, 512, 512}} {
		rows, n, k := s[0], s[1], s[2]
		d := draw(5)
		a, w := bytesOf(&d, rows*k), weightsOf(&d, n*k)
		p := simple(w, rows, n, k, 3, true, d.real(n), d.real(n))
		y := make([]uint8, rows*n)
		for _, l := range slices.Backward(cpu.Levels) {
			b.Run(fmt.Sprintf("%v/%v", s, l), func(b *testing.B) {
				defer cpu.SetLevel(cpu.SetLevel(l))
				for b.Loop() {
					p.Bytes(y, a)
				}
				b.ReportMetric(2*float64(rows*n*k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "Gop/s")
			})
		}
	}
}
