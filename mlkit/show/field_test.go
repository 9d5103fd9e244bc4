package show

import (
	"image"
	"image/color"
	"math"
	"strings"
	"testing"
)

func TestGrid(t *testing.T) {
	g := NewGrid(0, 2, 3, 10, 11, 2)
	z := g.Eval(func(x, y float64) float64 { return x + y })
	if want := []float64{10, 11, 12, 11, 12, 13}; !equal(z, want) {
		t.Errorf("Eval %v, want %v", z, want)
	}
	if p, want := Floats(g.Points()), []float64{0, 10, 1, 10, 2, 10, 0, 11, 1, 11, 2, 11}; !equal(p, want) {
		t.Errorf("Points %v, want %v", p, want)
	}
	at := bilinear(g, z)
	for _, c := range [][3]float64{{0, 10, 10}, {2, 11, 13}, {0.5, 10.25, 10.75}, {1.5, 11, 12.5}} {
		if got := at(c[0], c[1]); math.Abs(got-c[2]) > 1e-12 {
			t.Errorf("bilinear(%g, %g) = %g, want %g", c[0], c[1], got, c[2])
		}
	}
	if v := at(2.1, 10); !math.IsNaN(v) {
		t.Errorf("outside of the grid: %g", v)
	}
	near := nearest(g)
	for _, c := range [][3]float64{{0.4, 10.4, 0}, {0.6, 10.4, 1}, {2.4, 11.4, 5}, {2.6, 11, -1}} {
		if got := near(c[0], c[1]); got != int(c[2]) {
			t.Errorf("nearest(%g, %g) = %d, want %g", c[0], c[1], got, c[2])
		}
	}
}

func equal(a, b []float64) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// A field has to be seen: half of it low, half of it high, each in its colour
// on about half of the frame.
func TestFieldColours(t *testing.T) {
	g := NewGrid(-1, 1, 50, -1, 1, 50)
	step := g.Eval(func(x, y float64) float64 { return math.Copysign(1, x) })
	if testing.Short() {
		t.Skip("full-size pictures")
	}
	half := Density * Density * Width * Height / 4
	for name, c := range map[string]struct {
		d Drawing
		c color.NRGBA
	}{
		"Heat":     {Plot("", "", "").Heat(g, step), Viridis.At(1)},
		"Contour":  {Plot("", "", "").Contour(g, step, Colors(Viridis), Levels(2)), Viridis.At(0.25)},
		"gaps":     {Plot("", "", "").Heat(g, Map(step, func(v float64) float64 { return math.Sqrt(v) })), noData},
		"Regions":  {Plot("", "", "").Regions(g, ints(step), []string{"a", "b"}), mix(paper, seriesColours[1], 0.3)},
		"Matrix":   {Matrix("", nil, nil, [][]float64{{0, 1}}, ""), Blues.At(1)},
		"Images":   {Images("", []image.Image{Gray([]uint8{0, 90}, 1, 2)}, nil, 1), color.NRGBA{90, 90, 90, 255}},
		"Mapped":   {Images("", []image.Image{Mapped([]float32{-3, 1}, 1, 2, Diverging)}, nil, 1), Diverging.At(0)},
		"RGB":      {Images("", []image.Image{RGB([]float32{1, 0, 0, 0.5, 0, 0}, 1, 2)}, nil, 1), color.NRGBA{255, 0, 0, 255}},
		"Boxes":    {Boxes("", Gray([]uint8{200}, 1, 1), nil), color.NRGBA{200, 200, 200, 255}},
		"Box":      {Boxes("", Gray([]uint8{0}, 1, 1), []Box{{0, 0, 1, 1, "", 0.5, 3}, {0, 0, 1, 1, "", 0.2, 2}}), seriesColours[2]},
		"Path end": {Plot("", "", "").Path("p", []float64{0, 1}, []float64{0, 1}), seriesColours[0]},
		"Bars":     {Plot("", "", "").Categories("a").Bars("p", []float64{1}, nil), mix(paper, seriesColours[0], 0.85)},
		"Surface":  {Surface("", "x", "y", "z", g, step, Colors(Viridis)), Viridis.At(0)},
	} {
		want := half / 2
		switch name {
		case "Mapped", "Images", "RGB":
			want = 10_000
		case "Path end":
			want = 500
		case "Box": // the frame of the surer one, over the other
			want = 2000
		case "Surface":
			want = 2000
		}
		if n := count(t, c.d, c.c); n < want {
			t.Errorf("%s: %d pixels of %v, want at least %d", name, n, c.c, want)
		}
	}
}

func ints(z []float64) []int {
	out := make([]int, len(z))
	for i, v := range z {
		out[i] = int(v+1) / 2
	}
	return out
}

func TestHardFields(t *testing.T) {
	g := NewGrid(0, 1, 4, 0, 1, 3)
	for name, v := range map[string]float64{"NaN": math.NaN(), "Inf": math.Inf(1), "zero": 0, "huge": 1e300, "negative": -5} {
		z := make([]float64, 12)
		for i := range z {
			z[i] = v
		}
		mixed := append([]float64{1, 2}, z[2:]...)
		rows := [][]float64{z[:4], z[4:8]}
		for kind, d := range map[string]Drawing{
			"Contour": Plot("", "", "").Contour(g, z), "Contour log": Plot("", "", "").Contour(g, z, LogColors), "mixed": Plot("", "", "").Contour(g, mixed),
			"Heat": Plot("", "", "").Heat(g, z), "Heat log": Plot("", "", "").Heat(g, mixed, LogColors), "Diverging": Plot("", "", "").Heat(g, z, Colors(Diverging)),
			"Matrix": Matrix("", nil, nil, rows, "%.1f"), "Surface": Surface("", "", "", "", g, z), "Surface mixed": Surface("", "", "", "", g, mixed),
			"Histogram": Plot("", "", "").Histogram("", z, 0), "Histogram mixed": Plot("", "", "").LogY().Histogram("", mixed, 5),
			"Bars": Plot("", "", "").Bars("", z[:3], z[:3]), "Bars log": Plot("", "", "").LogY().Bars("", mixed[:3], nil), "Strip": Plot("", "", "").Strip("", [][]float64{z, nil, mixed}),
			"Spectrogram": Spectrogram("", rows, 1, 1), "Mapped": Images("", []image.Image{Mapped(z, 3, 4, Viridis), Gray(z, 3, 4)}, nil, 0),
			"Box outside": Boxes("", Gray(z, 3, 4), []Box{{-5, -5, 100, 100, "x", 1, 0}}),
		} {
			d.picture().setSize(200, 150)
			if _, err := d.picture().PNG(); err != nil {
				t.Errorf("%s of %s: %v", kind, name, err)
			}
		}
	}
}

func TestFieldMistakes(t *testing.T) {
	g := NewGrid(0, 1, 2, 0, 1, 2)
	for want, d := range map[string]Drawing{
		"Contour: 3 values for a grid of 2×2 = 4 points": Plot("", "", "").Contour(g, make([]float64, 3)),
		"Heat: a grid of 1×2 points; want at least 2×2":  Plot("", "", "").Heat(NewGrid(0, 1, 1, 0, 1, 2), make([]float64, 2)),
		"ascending":                           Plot("", "", "").Heat(NewGrid(1, 0, 2, 0, 1, 2), make([]float64, 4)),
		"frame 1 has 3 bands, frame 0 has 2":  Spectrogram("", [][]float64{{1, 2}, {1, 2, 3}}, 1, 1),
		"row 1 has 1 values, row 0 has 2":     Matrix("", nil, nil, [][]float64{{1, 2}, {1}}, ""),
		"1 row and 0 column labels":           Matrix("", []string{"a"}, nil, [][]float64{{1}, {1}}, ""),
		"no images":                           Images("", nil, nil, 0),
		"2 captions for 1 images":             Images("", []image.Image{Gray([]uint8{1}, 1, 1)}, []string{"", ""}, 0),
		"no panels":                           Panels("", 2),
		`panel 2 (b)`:                         Panels("", 2, Plot("a", "", ""), Plot("b", "", "").YRange(1, 0)),
		`Bars "a": 2 values for 1 categories`: Plot("", "", "").Categories("x").Bars("a", []float64{1, 2}, nil),
		"box":                                 Boxes("", Gray([]uint8{1}, 1, 1), []Box{{X0: math.NaN()}}),
		"Surface: 3 values for a grid of 2×2 = 4 points":               Surface("", "", "", "", g, make([]float64, 3)),
		"Regions: 3 values for a grid of 2×2 = 4 points":               Plot("", "", "").Regions(g, make([]int, 3), nil),
		"want at least 2 frames of 2 bands, hop and maxHz positive":    Spectrogram("", nil, 1, 1),
		`ErrorBars "e": 1 x values but 2 y values; they come in pairs`: Plot("", "", "").ErrorBars("e", nil, []float64{1}, []float64{1, 2}),
		`Histogram "b": its values, from 0 to 10000`:                   Plot("", "", "").Histogram("a", []float64{0, 1, 2}, 10).Histogram("b", []float64{0, 1e4}, 0),
		`Histogram "c": its values, from 1e+30 to 1e+30`:               Plot("", "", "").Histogram("a", []float64{0, 1, 2}, 10).Histogram("c", []float64{1e30}, 0),
		`Bars "a": 1 values but 2 errors`:                              Plot("", "", "").Bars("a", []float64{1}, []float64{1, 2}),
	} {
		if _, err := d.picture().PNG(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	for name, f := range map[string]func(){
		"Gray": func() { Gray([]uint8{1, 2}, 1, 1) }, "RGB": func() { RGB([]float32{1}, 1, 1) }, "Mapped": func() { Mapped([]int{1}, 2, 2, Viridis) },
	} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(r.(string), "which needs") {
					t.Errorf("%s with a wrong length: %v", name, r)
				}
			}()
			f()
		}()
	}
}

func TestHistogramCounts(t *testing.T) {
	f := Plot("", "", "").Histogram("a", []float64{0, 0.1, 1, 1.9, 2}, 2).Histogram("b", []float64{5}, 0)
	if got := f.layers[0].ys[0]; !equal(got, []float64{0, 2, 3}) {
		t.Errorf("counts %v, want 2 and 3 (after the base line 0)", got)
	}
	if got := f.layers[1].xs[0]; !equal(got, []float64{5, 6}) {
		t.Errorf("the second histogram has edges %v, not those of the first", got)
	}
	if s := f.Describe(); !strings.Contains(s, "histogram of 5 values (a)") {
		t.Errorf("%q", s)
	}
}
