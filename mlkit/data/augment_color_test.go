package data

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The wanted values are NumPy's: brightness clip(1.5·x), contrast and
// saturation by the formulas of torchvision.transforms.functional, hue by
// Python's colorsys, the blur by numpy.pad(mode="reflect") and a normalised
// kernel.
func TestColorsByHand(t *testing.T) {
	rgb := []float32{.9, .2, .1, .5, .3, .8, .1, .5, .1, .4, .7, .5}
	squares := make([]float32, 12)
	for i := range squares {
		squares[i] = float32(i * i)
	}
	for name, c := range map[string]struct {
		channels, height, width int
		x                       []float32
		f                       func(*Image)
		want                    []float32
	}{
		"brightness": {3, 2, 2, rgb, func(m *Image) { m.brighten(1.5) }, []float32{1, .3, .15, .75, .45, 1, .15, .75, .15, .6, 1, .75}},
		"contrast": {3, 2, 2, rgb, func(m *Image) { m.contrast(.5) }, []float32{0.6624788, 0.3124788, 0.2624787, 0.4624787,
			0.3624787, 0.6124787, 0.2624787, 0.4624787, 0.2624787, 0.4124788, 0.5624787, 0.4624787}},
		"saturation": {3, 2, 2, rgb, func(m *Image) { m.saturate(1.8) }, []float32{1, 0, 0.045288, 0.50004,
			0.174792, 0.980016, 0.045288, 0.50004, 0, 0.260016, 1, 0.50004}},
		"hue":         {3, 2, 2, rgb, func(m *Image) { m.turnHue(.3) }, []float32{.1, .28, .7, .5, .9, .2, .1, .5, .14, .8, .22, .5}},
		"hue, back":   {3, 2, 2, rgb, func(m *Image) { m.turnHue(-.45) }, []float32{.1, .8, .52, .5, .46, .2, .7, .5, .9, .42, .1, .5}},
		"hue, nought": {3, 2, 2, rgb, func(m *Image) { m.turnHue(0) }, rgb},
		"blur": {1, 3, 4, squares, func(m *Image) { GaussianBlur(5, .8, .8)(rand.New(rand.NewPCG(1, 1)), m) }, []float32{13.1258, 16.30092, 23.01344, 27.18326,
			28.30279, 33.29572, 43.33082, 49.31845, 46.23023, 53.04097, 66.39865, 74.20409}},
	} {
		m := &Image{X: slices.Clone(c.x), Channels: c.channels, Height: c.height, Width: c.width, spare: make([]float32, len(c.x))}
		c.f(m)
		for i, w := range c.want {
			if math.Abs(float64(m.X[i]-w)) > 1e-6*max(1, float64(w)) {
				t.Errorf("%s: %v, want %v", name, m.X, c.want)
				break
			}
		}
	}
}

// Whatever is drawn stays within its range, the borders of the range are
// reached, and no draw is the same.
func TestRandomRanges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	m := &Image{Channels: 1, Height: 40, Width: 60}
	least, most, ratios := 1., 0., [2]float64{9, 0}
	for range 3000 {
		y, x, h, w := m.part(rng, .08, 1)
		if y < 0 || x < 0 || h < 1 || w < 1 || y+h > 40 || x+w > 60 {
			t.Fatal(y, x, h, w)
		}
		area := float64(h*w) / 2400
		least, most = min(least, area), max(most, area)
		if h > 20 { // rounding counts for little
			r := float64(w) / float64(h)
			ratios = [2]float64{min(ratios[0], r), max(ratios[1], r)}
		}
	}
	if least < .07 || least > .1 || most < .8 || ratios[0] < .72 || ratios[0] > .8 || ratios[1] > 1.38 || ratios[1] < 1.28 {
		t.Errorf("areas %.3f to %.3f, ratios %.3f", least, most, ratios)
	}
	// Ten draws never fit a strip: the middle is taken, with an allowed ratio.
	if y, x, h, w := (&Image{Height: 6, Width: 600}).part(rng, 1, 1); y != 0 || h != 6 || w != 8 || x != 296 {
		t.Error(y, x, h, w)
	}
}

func TestAugmentationsKeepAConstantImage(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for name, a := range map[string]Augmentation{
		"zoom": Zoom(1.2, 2, -1), "resized crop": RandomResizedCrop(.08, 1), "blur": GaussianBlur(3, .1, 2),
		"contrast": ColorJitter(Jitter{Contrast: 1}), "colours": ColorJitter(Jitter{Saturation: 1, Hue: .5}),
	} {
		for range 50 {
			m := &Image{X: slices.Repeat([]float32{.5}, 3*5*7), Channels: 3, Height: 5, Width: 7, spare: make([]float32, 3*5*7)}
			a(rng, m)
			for _, v := range m.X {
				if math.Abs(float64(v)-.5) > 1e-4 { // the weights of grey add up to 0.9999
					t.Fatalf("%s: %v", name, m.X)
				}
			}
		}
	}
	// A zoom of exactly 2 about the middle of a ramp halves its slope; a shear
	// leaves the middle.
	ramp := &Image{X: []float32{0, 2, 4, 6, 8}, Channels: 1, Height: 1, Width: 5, spare: make([]float32, 5)}
	Zoom(2, 2, -1)(rng, ramp)
	if !slices.Equal(ramp.X, []float32{2, 3, 4, 5, 6}) {
		t.Error(ramp.X)
	}
	cross := &Image{X: []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}, Channels: 1, Height: 3, Width: 3, spare: make([]float32, 9)}
	Shear(30, 0)(rng, cross)
	if cross.X[4] != 5 || slices.Equal(cross.X, []float32{1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Error(cross.X)
	}
}

func TestSpecAugment(t *testing.T) {
	const n, steps, bands = 40, 10, 6
	x := slices.Repeat([]float32{1}, n*steps*bands)
	plain := FromSlices(x, []int{steps, bands}, make([]float32, n), []int{1})
	short := Map(plain, func(b *Batch) error {
		b.Lengths = slices.Repeat([]int32{4}, len(b.Index))
		return nil
	})
	masked := func(c SpecAugment, set Dataset, epoch int) Batch {
		b := Batch{Epoch: epoch}
		index := make([]int, n)
		for i := range index {
			index[i] = i
		}
		if err := c.Of(set, 7).Batch(index, &b); err != nil {
			t.Fatal(err)
		}
		return b
	}
	widths := map[int]bool{}
	b := masked(SpecAugment{FrequencyMasks: 1, MaxFrequency: 3, Fill: -5}, plain, 0)
	for k := range n {
		row := b.X[k*steps*bands:][:bands]
		width := 0
		for i, v := range row {
			if v == -5 {
				width++
			}
			for s := range steps { // a band is masked at every step, or at none
				if b.X[(k*steps+s)*bands+i] != v {
					t.Fatal("a mask of bands has a hole")
				}
			}
		}
		widths[width] = true
	}
	if len(widths) != 4 || !widths[0] || !widths[3] {
		t.Errorf("widths %v", widths)
	}
	b = masked(SpecAugment{TimeMasks: 2, MaxTime: 100, Fill: -5}, short, 0)
	hit := 0
	for k := range n {
		for s := range steps {
			for _, v := range b.X[(k*steps+s)*bands:][:bands] {
				if s >= 4 && v != 1 {
					t.Fatal("padding is masked")
				}
				if v == -5 {
					hit++
				}
			}
		}
	}
	if hit == 0 || hit == n*4*bands {
		t.Errorf("%d values masked", hit)
	}
	if c := masked(SpecAugment{TimeMasks: 2, MaxTime: 100, Fill: -5}, short, 1); slices.Equal(b.X, c.X) {
		t.Error("two epochs alike")
	}
}

func TestAugmentationsRefuse(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for name, f := range map[string]func(){
		"brightness": func() { ColorJitter(Jitter{Brightness: 1.5}) },
		"hue":        func() { ColorJitter(Jitter{Hue: .6}) },
		"grey hue":   func() { ColorJitter(Jitter{Hue: .1})(rng, &Image{Channels: 1}) },
		"even blur":  func() { GaussianBlur(4, 1, 1) },
		"wide blur":  func() { GaussianBlur(9, 1, 1)(rng, &Image{Channels: 1, Height: 4, Width: 4}) },
		"zoom":       func() { Zoom(0, 1, 0) },
		"shear":      func() { Shear(45, 0) },
		"crop":       func() { RandomResizedCrop(.5, 1.5) },
		"spec":       func() { SpecAugment{TimeMasks: -1}.Of(nil, 1) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
