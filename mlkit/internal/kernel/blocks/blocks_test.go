package blocks

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

// random makes weights with scales as they are in files, one block of zeros,
// and whatever bytes for the numbers.
func random(r *rand.Rand, kind Kind, rows, cols int) *Matrix {
	m := &Matrix{Kind: kind, Rows: rows, Cols: cols, Data: make([]byte, rows*cols/Size*kind.Bytes())}
	for i := range m.Data {
		m.Data[i] = byte(r.Uint32())
	}
	for b := 0; b < len(m.Data); b += kind.Bytes() {
		m.Data[b+1] = m.Data[b+1]&0x80 | 0x20 | m.Data[b+1]&3 // 2⁻⁷ or so
		if kind == Q41 {
			m.Data[b+3] = m.Data[b+3]&0x80 | 0x2c
		}
		if r.IntN(20) == 0 {
			m.Data[b], m.Data[b+1] = 0, 0
		}
	}
	return m
}

// Products are those of the numbers that weights and activations stand for, and
// have the same bits with every instruction set and number of workers.
func TestProduct(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, kind := range []Kind{Q80, Q40, Q41} {
		for _, c := range [][3]int{{1, 1, 32}, {3, 5, 64}, {2, 64, 96}, {1, 131, 576}, {4, 70, 1536}, {0, 3, 32}, {2, 0, 32}, {1, 2, 0}} {
			n, rows, cols := c[0], c[1], c[2]
			w, x := random(r, kind, rows, cols), kerneltest.RandomSlice(r, n*cols)
			var a Activations
			a.Quantize(x)
			weights, want := make([]float32, cols), make([]float64, n*rows)
			for i := range rows {
				w.Row(weights, i)
				for k := range n {
					for j, v := range weights {
						b := (k*cols + j) / Size
						want[k*rows+i] += float64(v) * float64(a.Quants[k*cols+j]) * float64(a.Scales[2*b])
					}
				}
			}
			product := func() [][]float32 {
				y := make([]float32, n*rows)
				for i := range y {
					y[i] = float32(math.NaN())
				}
				Product(y, rows, w, &a, n)
				return [][]float32{y}
			}
			kerneltest.Variants(t, "products", product)
			if vnni {
				with := product()[0]
				vnni = false
				if !slices.Equal(with, product()[0]) {
					t.Errorf("kind %d, %v: AVX2 and VNNI differ", kind, c)
				}
				vnni = true
			}
			plain := make([]float32, n*rows)
			func() {
				defer cpu.SetLevel(cpu.SetLevel(cpu.Portable))
				copy(plain, product()[0])
			}()
			if !slices.Equal(plain, product()[0]) {
				t.Errorf("kind %d, %v: plain Go differs: %v and %v", kind, c, plain, product()[0])
			}
			for i, y := range product()[0] {
				// The sum that goes with an offset is rounded to 16 bits.
				if d := math.Abs(float64(y) - want[i]); !(d <= 2e-3*(1+math.Abs(want[i]))*math.Sqrt(float64(cols))/4) {
					t.Fatalf("kind %d, %v: result %d is %v, want %v", kind, c, i, y, want[i])
				}
			}
		}
	}
}

func TestQuantize(t *testing.T) {
	x := make([]float32, 64)
	for i := range x[:32] {
		x[i] = float32(i-15) / 8
	}
	var a Activations
	a.Quantize(x)
	if a.Quants[31] != 127 || a.Quants[0] != -119 || a.Quants[15] != 0 || a.Scales[0] != RoundHalf(2./127) || a.Scales[2] != 0 || a.Scales[3] != 0 {
		t.Error(a)
	}
	for _, f := range []func(){func() { a.Quantize(x[:31]) }, func() { Product(x, 1, &Matrix{Q80, 1, 32, make([]byte, 33)}, &a, 1) },
		func() { Product(x[:1], 1, &Matrix{Q80, 1, 32, make([]byte, 34)}, &a, 2) }} {
		kerneltest.MustPanic(t, "sizes", f)
	}
}

// Every number of 16 bits is itself, and what lies between two is rounded to
// the nearer, of equals to the even one.
func TestHalves(t *testing.T) {
	for h := range uint16(0x7c00) {
		v, next := half(h), half(h+1)
		middle := (v + next) / 2
		even := v
		if h&1 == 1 {
			even = next
		}
		if h == 0x7bff { // halfway to 65536: infinite
			middle, even = 65520, float32(math.Inf(1))
		}
		if RoundHalf(v) != v || RoundHalf(-v) != -v || RoundHalf(middle) != even || RoundHalf(math.Nextafter32(middle, 0)) != v {
			t.Fatalf("%#x: %v, then %v: %v %v", h, v, next, RoundHalf(v), RoundHalf(middle))
		}
	}
	if v := RoundHalf(float32(math.NaN())); v == v {
		t.Error(v)
	}
}

// Numbers of 16 bits come and go alike at every level, all of them, and so do
// those between.
func TestWidenAndNarrow(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		all, wide, back := make([]uint16, 1<<16), make([]float32, 1<<16), make([]uint16, 1<<16)
		for i := range all {
			all[i] = uint16(i)
		}
		Widen(wide, all)
		Narrow(back, wide)
		for i, h := range all {
			if want := half(h); wide[i] != want && want == want {
				t.Fatalf("%#x is %v, want %v", h, wide[i], want)
			}
			if nan := h&0x7fff > 0x7c00; back[i] != h && !(nan && back[i] == h|0x200) {
				t.Fatalf("%#x comes back as %#x", h, back[i])
			}
		}
		r := rand.New(rand.NewPCG(5, 6))
		for _, n := range kerneltest.Lengths() {
			x, got := make([]float32, n), make([]uint16, n+1)
			for i := range x {
				x[i] = math.Float32frombits(r.Uint32())
				if i%3 == 0 { // a number of 16 bits, one between two, or nearly
					x[i] = math.Float32frombits(r.Uint32()&^0xfff + uint32(r.IntN(3)-1))
				}
			}
			got[n] = 0x1234
			Narrow(got[:n], x)
			for i, v := range x {
				if got[i] != toHalf(v) {
					t.Fatalf("%v becomes %#x, want %#x", v, got[i], toHalf(v))
				}
			}
			if got[n] != 0x1234 {
				t.Fatal("wrote beyond the end")
			}
		}
	})
}

// Softmax, SwiGLU and Dot are close to what they should be, and have the same
// bits at every level.
func TestSoftmaxSwiGLUDot(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for _, n := range append(kerneltest.Lengths(), 0) {
		x, up := make([]float32, n), kerneltest.RandomSlice(r, n)
		for i := range x {
			x[i] = float32(r.NormFloat64() * 30)
		}
		copy(x, kerneltest.Specials)
		compute := func() [][]float32 {
			p, y := make([]float32, n), make([]float32, n)
			for i := range p {
				p[i] = 3 * up[i]
			}
			if n > 2 {
				p[1] = float32(math.Inf(-1))
			}
			Softmax(p)
			SwiGLU(y, x, up)
			return [][]float32{p, y, {Dot(p, up), DotTogether(p, up)}}
		}
		kerneltest.Variants(t, "softmax and SwiGLU", compute)
		func() {
			defer cpu.SetLevel(cpu.SetLevel(cpu.Portable))
			plain := compute()
			cpu.SetLevel(cpu.Levels[len(cpu.Levels)-1])
			for k, with := range compute() {
				kerneltest.SameBits(t, "plain Go", with, plain[k])
			}
		}()
		sum, want := 0.0, make([]float64, n)
		got := compute()
		product := 0.0
		for i, p := range got[0] {
			product += float64(p) * float64(up[i])
		}
		for _, dot := range got[2] {
			if d := math.Abs(float64(dot) - product); !(d < 1e-6) {
				t.Fatalf("dot of %d is %v, want %v", n, dot, product)
			}
		}
		for i := range want {
			if want[i] = math.Exp(3 * float64(up[i])); i == 1 && n > 2 {
				want[i] = 0
			}
			sum += want[i]
		}
		for i, w := range want {
			if p := float64(got[0][i]); !(math.Abs(p-w/sum) <= 1e-5*w/sum) {
				t.Fatalf("softmax of %d: %v, want %v", n, p, w/sum)
			}
			v := float64(x[i])
			y := v / (1 + math.Exp(-v)) * float64(up[i])
			if d := math.Abs(float64(got[1][i]) - y); !(d <= 1e-6*math.Abs(y)+1e-35) && y == y && !math.IsInf(v, 0) && math.Abs(y) < 1e38 {
				t.Fatalf("SwiGLU of %v and %v is %v, want %v", v, up[i], got[1][i], y)
			}
		}
	}
}

// The product's rounding does not count twice.
func TestFMA(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	number := func() float32 { return float32(math.Ldexp(r.Float64()-0.5, r.IntN(60)-30)) }
	for range 200_000 {
		a, b, c := number(), number(), number()
		if r.IntN(3) == 0 { // a tie but for a bit far below
			a, b, c = 1+float32(r.IntN(4))/(1<<23), 0x1p-24*float32(1+r.IntN(3)), 1+float32(r.IntN(9))/(1<<23)
		}
		exact := new(big.Float).SetPrec(400).Mul(big.NewFloat(float64(a)), big.NewFloat(float64(b)))
		exact.Add(exact, big.NewFloat(float64(c)))
		if want, _ := exact.Float32(); FMA(a, b, c) != want {
			t.Fatalf("%v·%v + %v is %v, want %v", a, b, c, FMA(a, b, c), want)
		}
	}
}

// As a step of SmolLM2 has them.
func BenchmarkProduct(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	for name, kind := range map[string]Kind{"Q8_0": Q80, "Q4_0": Q40, "Q4_1": Q41} {
		w, x := random(r, kind, 1536, 576), kerneltest.RandomSlice(r, 576)
		y := make([]float32, 1536)
		var a Activations
		a.Quantize(x)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(w.Data)))
			for b.Loop() {
				Product(y, 1536, w, &a, 1)
			}
		})
	}
	b.Run("Quantize", func(b *testing.B) {
		x := kerneltest.RandomSlice(r, 1536)
		var a Activations
		for b.Loop() {
			a.Quantize(x)
		}
	})
}
