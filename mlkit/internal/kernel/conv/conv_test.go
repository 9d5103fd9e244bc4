package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/kerneltest"
	"descent/mlkit/internal/kernel/rowwise"
)

// convTaps calls f with the offsets in y, x and w of every product of c.
func convTaps(c Conv, f func(y, x, w int)) {
	one := func(n int) int { return max(n, 1) }
	oh, ow, groups := c.OutH(), c.OutW(), one(c.Groups)
	cg, og := c.C/groups, c.OutC/groups
	for n := range c.N {
		for o := range c.OutC {
			for i := range oh {
				for j := range ow {
					for ci := range cg {
						for kh := range c.KH {
							for kw := range c.KW {
								h, w := i*one(c.StrideH)-c.PadH+kh*one(c.DilH), j*one(c.StrideW)-c.PadW+kw*one(c.DilW)
								if h < 0 || w < 0 || h >= c.H || w >= c.W {
									continue
								}
								f(((n*c.OutC+o)*oh+i)*ow+j, ((n*c.C+o/og*cg+ci)*c.H+h)*c.W+w, ((o*cg+ci)*c.KH+kh)*c.KW+kw)
							}
						}
					}
				}
			}
		}
	}
}

// checkConv compares the three directions of c with a float64 loop, at each
// level of instructions.
func checkConv(t testing.TB, r *rand.Rand, c Conv) {
	t.Helper()
	groups := max(c.Groups, 1)
	x, checkX := kerneltest.Guarded(r, c.N*c.C*c.H*c.W, r.IntN(4))
	dy, checkDY := kerneltest.Guarded(r, c.N*c.OutC*c.OutH()*c.OutW(), r.IntN(4))
	w, checkW := kerneltest.Guarded(r, c.OutC*c.C/groups*c.KH*c.KW, r.IntN(4))
	bias, _ := kerneltest.Guarded(r, c.OutC, r.IntN(4))
	act := gemm.Activation(r.IntN(2))
	if r.IntN(4) == 0 {
		bias = nil
	}
	accumulate := r.IntN(2) == 0
	name := fmt.Sprintf("%+v, accumulate %v, act %v", c, accumulate, act)

	y, checkY := kerneltest.Guarded(r, len(dy), r.IntN(4))
	dx, checkDX := kerneltest.Guarded(r, len(x), r.IntN(4))
	dw, checkDW := kerneltest.Guarded(r, len(w), r.IntN(4))
	type result struct {
		name     string
		got      []float32
		before   []float32
		sum, mag []float64
		run      func()
	}
	forward := &result{name: "y", got: y, run: func() { c.Forward(y, x, w, bias, act) }}
	data := &result{name: "dx", got: dx, run: func() { c.BackwardData(dx, dy, w, accumulate) }}
	weight := &result{name: "dw", got: dw, run: func() { c.BackwardWeight(dw, dy, x, accumulate) }}
	results := []*result{forward, data, weight}
	for _, d := range results {
		d.before = append(d.before, d.got...)
		d.sum, d.mag = make([]float64, len(d.got)), make([]float64, len(d.got))
		for i, v := range d.got {
			if d.mag[i] = 1; accumulate && d != forward {
				d.sum[i] = float64(v)
			}
		}
	}
	add := func(d *result, at int, a, b float32) {
		p := float64(a) * float64(b)
		d.sum[at] += p
		d.mag[at] += math.Abs(p)
	}
	convTaps(c, func(yo, xo, wo int) {
		add(forward, yo, x[xo], w[wo])
		add(data, xo, dy[yo], w[wo])
		add(weight, wo, dy[yo], x[xo])
	})
	for i := range y {
		if bias != nil {
			forward.sum[i] += float64(bias[i/(c.OutH()*c.OutW())%c.OutC])
		}
		if act == gemm.ReLUAct {
			forward.sum[i] = max(forward.sum[i], 0)
		}
	}
	for _, l := range cpu.Levels {
		func() {
			defer cpu.SetLevel(cpu.SetLevel(l))
			for _, d := range results {
				copy(d.got, d.before)
				d.run()
				kerneltest.Compare(t, fmt.Sprintf("%s, %s: %s", name, l, d.name), d.got, d.sum, d.mag)
			}
		}()
	}
	for _, check := range []func(testing.TB, string){checkX, checkY, checkW, checkDX, checkDW, checkDY} {
		check(t, name)
	}
}

func randomConv(r *rand.Rand) Conv {
	c := Conv{
		N: r.IntN(4), H: 1 + r.IntN(14), W: 1 + r.IntN(20), KH: 1 + r.IntN(4), KW: 1 + r.IntN(5),
		StrideH: r.IntN(4), StrideW: r.IntN(4), PadH: r.IntN(4), PadW: r.IntN(4), MoreH: max(0, r.IntN(6)-3), MoreW: max(0, r.IntN(6)-3), DilH: r.IntN(3), DilW: r.IntN(3), Groups: 1 + r.IntN(4),
	}
	if r.IntN(4) == 0 { // a sequence
		c.H, c.KH, c.PadH, c.MoreH = 1, 1, 0, 0
		c.W = 1 + r.IntN(100)
	}
	if r.IntN(3) > 0 {
		c.Groups = 1
	}
	c.C, c.OutC = c.Groups*(1+r.IntN(5)), c.Groups*(1+r.IntN(20))
	return c
}

func TestConvRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	n := 400
	if testing.Short() {
		n = 60
	}
	for range n {
		checkConv(t, r, randomConv(r))
	}
}

func TestConvShapes(t *testing.T) {
	shapes := []Conv{
		{N: 2, C: 1, H: 28, W: 28, OutC: 32, KH: 3, KW: 3},
		{N: 2, C: 32, H: 13, W: 13, OutC: 64, KH: 3, KW: 3},
		{N: 1, C: 3, H: 16, W: 16, OutC: 8, KH: 5, KW: 5, PadH: 2, PadW: 2, StrideH: 2, StrideW: 2},
		{N: 2, C: 16, H: 7, W: 7, OutC: 24, KH: 1, KW: 1},
		{N: 2, C: 12, H: 9, W: 9, OutC: 12, KH: 3, KW: 3, PadH: 1, PadW: 1, Groups: 12},
		{N: 1, C: 4, H: 1, W: 200, OutC: 6, KH: 1, KW: 7, PadW: 6, DilW: 2},
		{N: 1, C: 2, H: 3, W: 3, OutC: 2, KH: 5, KW: 5},
		// By Winograd's tiles: whole and broken, many images or rows to a unit.
		{N: 3, C: 32, H: 13, W: 13, OutC: 32, KH: 3, KW: 3},
		{N: 7, C: 17, H: 10, W: 8, OutC: 19, KH: 3, KW: 3},
		{N: 11, C: 16, H: 7, W: 6, OutC: 33, KH: 3, KW: 3, PadH: 1, PadW: 1},
		{N: 1, C: 16, H: 30, W: 41, OutC: 16, KH: 3, KW: 3, PadH: 1, PadW: 1},
		{N: 2, C: 18, H: 14, W: 15, OutC: 18, KH: 3, KW: 3, PadH: 2, PadW: 0},
		{N: 40, C: 16, H: 4, W: 4, OutC: 16, KH: 3, KW: 3, PadH: 1, PadW: 2},
	}
	r := rand.New(rand.NewPCG(9, 10))
	for _, c := range shapes {
		checkConv(t, r, c)
	}
}

// TestForwardNorm holds a normalised convolution to the two passes, in each way
// that there is to compute it.
func TestForwardNorm(t *testing.T) {
	shapes := []Conv{
		{N: 3, C: 5, H: 20, W: 19, OutC: 7, KH: 3, KW: 3, PadH: 1, PadW: 1, StrideH: 2, StrideW: 2},
		{N: 2, C: 12, H: 9, W: 9, OutC: 8, KH: 1, KW: 1, Groups: 2},
		{N: 5, C: 20, H: 9, W: 9, OutC: 20, KH: 3, KW: 3, Groups: 20},
		{N: 2, C: 3, H: 70, W: 60, OutC: 3, KH: 3, KW: 3, Groups: 3, StrideH: 2, StrideW: 2},
		{N: 2, C: 5, H: 9, W: 18, OutC: 5, KH: 5, KW: 5, Groups: 5, PadH: 2, PadW: 2},
		{N: 2, C: 6, H: 9, W: 18, OutC: 12, KH: 3, KW: 3, Groups: 6, PadH: 1, PadW: 1},
		{N: 3, C: 17, H: 30, W: 21, OutC: 18, KH: 3, KW: 3, PadH: 1, PadW: 1},
		{N: 9, C: 16, H: 7, W: 6, OutC: 33, KH: 3, KW: 3, PadH: 1, PadW: 1},
		{N: 2, C: 8, H: 1, W: 700, OutC: 9, KH: 1, KW: 3, DilW: 8, PadW: 8},
		{N: 2, C: 18, H: 1, W: 700, OutC: 19, KH: 1, KW: 3, DilW: 8, PadW: 8},
	}
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(41, 42))
		for _, c := range shapes {
			x, w := kerneltest.RandomSlice(r, c.N*c.C*c.H*c.W), kerneltest.RandomSlice(r, c.OutC*c.C/max(1, c.Groups)*c.KH*c.KW)
			channels := func() []float32 { return kerneltest.RandomSlice(r, c.OutC) }
			bias := channels()
			for k := range 3 {
				norm := &rowwise.Norm{Mean: channels(), Scale: channels(), Shift: channels(), ReLU: k == 1, Size: c.OutH() * c.OutW()}
				if k == 2 {
					norm.Top = 0.5
				}
				got, check := kerneltest.Guarded(r, c.N*c.OutC*c.OutH()*c.OutW(), 1)
				want := make([]float32, len(got))
				c.ForwardNorm(got, x, w, bias, norm)
				c.Forward(want, x, w, bias, gemm.None)
				norm.Affine(want, want)
				if norm.Top != 0 {
					elementwise.Clamp(want, want, 0, norm.Top)
				}
				kerneltest.SameBits(t, fmt.Sprintf("%+v", c), got, want)
				check(t, fmt.Sprintf("%+v", c))
			}
		}
	})
}

func TestConvPanics(t *testing.T) {
	x := make([]float32, 64)
	ok := Conv{N: 1, C: 2, H: 4, W: 4, OutC: 2, KH: 3, KW: 3}
	with := func(f func(c *Conv)) func() {
		return func() { c := ok; f(&c); c.Forward(x, x, x, nil, gemm.None) }
	}
	ok.Forward(x, x, x, nil, gemm.None)
	for name, f := range map[string]func(){
		"short x":  func() { ok.Forward(x, x[:31], x, nil, gemm.None) },
		"short y":  func() { ok.Forward(x[:7], x, x, nil, gemm.None) },
		"short w":  func() { ok.Forward(x, x, x[:35], nil, gemm.None) },
		"bias":     func() { ok.Forward(x, x, x, x[:1], gemm.None) },
		"groups":   with(func(c *Conv) { c.Groups = 3 }),
		"overflow": with(func(c *Conv) { c.N = math.MaxInt / 4 }),
		"pad":      with(func(c *Conv) { c.PadH = math.MaxInt / 2 }),
		"dilation": with(func(c *Conv) { c.DilH = math.MaxInt / 2 }),
		"negative": with(func(c *Conv) { c.PadW = -1 }),
		"kernel":   with(func(c *Conv) { c.KH = 0 }),
	} {
		kerneltest.MustPanic(t, name, f)
	}
}

// TestConvSeesOnlyItsWindow puts what is not finite, or is huge, into one
// pixel: outputs whose window does not hold it must stay what they were.
func TestConvSeesOnlyItsWindow(t *testing.T) {
	c := Conv{N: 2, C: 16, H: 20, W: 20, OutC: 16, KH: 3, KW: 3, PadH: 1, PadW: 1}
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		x, w := kerneltest.RandomSlice(r, c.N*c.C*c.H*c.W), kerneltest.RandomSlice(r, c.OutC*c.C*9)
		n := c.N * c.OutC * c.H * c.W
		want, got := make([]float32, n), make([]float32, n)
		pooled, gotPooled := make([]float32, n/4), make([]float32, n/4)
		c.Forward(want, x, w, nil, gemm.None)
		c.ForwardPool(pooled, nil, x, w, nil, gemm.None)
		const row, col = 9, 10
		for _, v := range []float64{math.Inf(1), math.Inf(-1), math.NaN(), 3e38, 1e20} {
			x[(3*c.H+row)*c.W+col] = float32(v) // plane 3 of image 0
			c.Forward(got, x, w, nil, gemm.None)
			c.ForwardPool(gotPooled, nil, x, w, nil, gemm.None)
			for i, g := range got {
				image, y, x := i/(c.OutC*c.H*c.W), i/c.W%c.H, i%c.W
				sees := image == 0 && max(y-row, row-y, x-col, col-x) <= 1
				if d := math.Abs(float64(g - want[i])); !sees && !(d < 1e-4) {
					t.Fatalf("%v at %d, %d: output %d, %d of image %d is %v, was %v", v, row, col, y, x, image, g, want[i])
				} else if sees && math.Abs(float64(g)) < 1e16 {
					t.Fatalf("%v at %d, %d: output %d, %d is %v", v, row, col, y, x, g)
				}
			}
			for i, g := range gotPooled {
				image, y, x := i/(c.OutC*c.H*c.W/4), i/(c.W/2)%(c.H/2), i%(c.W/2)
				sees := image == 0 && y >= (row-1)/2 && y <= (row+1)/2 && x >= (col-1)/2 && x <= (col+1)/2
				if d := math.Abs(float64(g - pooled[i])); !sees && !(d < 1e-4) {
					t.Fatalf("%v at %d, %d: maximum %d, %d of image %d is %v, was %v", v, row, col, y, x, image, g, pooled[i])
				}
			}
		}
	})
}
