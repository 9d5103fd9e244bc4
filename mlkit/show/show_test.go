package show

import (
	"bytes"
	"image/color"
	"image/png"
	"math"
	"strings"
	"testing"
)

// Every kind of picture: drawn without an error, of the promised size, not
// blank, on an opaque light ground, and described.
func TestEveryPicture(t *testing.T) {
	for name, p := range drawn() {
		t.Run(name, func(t *testing.T) {
			b, err := p.png, p.err
			if err != nil {
				t.Fatal(err)
			}
			img, err := png.Decode(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if got := img.Bounds().Size(); got.X != Density*p.w || got.Y != Density*p.h {
				t.Errorf("size %v, want %d×%d", got, Density*p.w, Density*p.h)
			}
			colours := map[color.NRGBA]bool{}
			for y := 0; y < img.Bounds().Dy(); y += 2 {
				for x := 0; x < img.Bounds().Dx(); x += 2 {
					c := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
					if c.A != 255 {
						t.Fatalf("pixel %d,%d is transparent: it would vanish in a dark theme", x, y)
					}
					colours[c] = true
				}
			}
			if len(colours) < 10 {
				t.Errorf("only %d colours: a blank picture?", len(colours))
			}
			if c := color.NRGBAModel.Convert(img.At(1, 1)).(color.NRGBA); c != paper {
				t.Errorf("the corner is %v, not the paper", c)
			}
			if s := p.Describe(); len(s) < 10 {
				t.Errorf("alternative text %q says nothing", s)
			}
			if len(b) > 250_000 {
				t.Errorf("%d bytes: too heavy for a notebook", len(b))
			}
		})
	}
}

// Twice the same bytes, of what goes through maps, palettes and random streams.
func TestSamePictureTwice(t *testing.T) {
	again := gallery()
	for _, name := range []string{"mixed panels", "regions", "histogram", "boxes", "strip", "contour log"} {
		p, q := drawn()[name], again[name].picture()
		q.setSize(p.w, p.h)
		if b, err := q.PNG(); err != nil || !bytes.Equal(b, p.png) {
			t.Errorf("%s: the same data gave other bytes (%v)", name, err)
		}
	}
}

// count returns how many pixels have the colour within a small tolerance.
func count(t *testing.T, d Drawing, c color.NRGBA) int {
	t.Helper()
	img, err := d.picture().Image()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) <= 2 }
	for i := 0; i < len(img.Pix); i += 4 {
		if near(img.Pix[i], c.R) && near(img.Pix[i+1], c.G) && near(img.Pix[i+2], c.B) {
			n++
		}
	}
	return n
}

func TestSeriesColours(t *testing.T) {
	x, y := []float64{0, 1}, []float64{0, 1}
	f := func() *Figure { return Plot("", "x", "y") }
	blue, vermilion := seriesColours[0], seriesColours[1]
	if n := count(t, f().Line("a", x, y), blue); n < 1000 {
		t.Errorf("a line has %d blue pixels", n)
	}
	if n := count(t, f().Line("a", x, y).Band("a", x, x, y), vermilion); n != 0 {
		t.Errorf("a second series of the same name took a new colour (%d pixels)", n)
	}
	if n := count(t, f().Line("a", x, y).Line("b", x, x), vermilion); n < 500 {
		t.Errorf("the second name has %d vermilion pixels", n)
	}
	if n := count(t, f().Line("a", x, y, Neutral), blue); n != 0 {
		t.Errorf("Neutral left %d blue pixels", n)
	}
}

// What data can do to a figure: none of it may panic or fail, each must leave a
// picture.
func TestHardData(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for name, y := range map[string][]float64{
		"empty": {}, "nil": nil, "one": {3}, "equal": {2, 2, 2}, "zeros": {0, 0}, "nan": {nan, nan}, "inf": {1, inf, -inf, 2},
		"huge": {1e308, -1e308, 1}, "tiny": {1e-300, 2e-300}, "close": {1e16, 1e16 + 2}, "denormal": {5e-324, 0}, "negative": {-1, -2},
		"gap": {1, nan, 2, 3, inf, 4}, "float32 max": {math.MaxFloat32, -math.MaxFloat32},
	} {
		for _, log := range []bool{false, true} {
			f := func() *Figure {
				f := Plot(name, "x", "y").Size(160, 120)
				if log {
					f.LogX().LogY()
				}
				return f
			}
			for kind, p := range map[string]Drawing{
				"Line": f().Line("s", nil, y), "Line of itself": f().Line("s", y, y), "Points": f().Points("s", y, y), "Path": f().Path("s", y, y),
				"Band": f().Band("s", nil, y, y), "ErrorBars": f().ErrorBars("s", y, y, y), "Runs": f().Runs("s", nil, [][]float64{y, y}),
			} {
				if _, err := p.picture().Image(); err != nil {
					t.Errorf("%s of %s, log %v: %v", kind, name, log, err)
				}
			}
		}
		for _, v := range y {
			if _, err := Plot("", "", "").Size(160, 120).HLine("h", v).VLine("v", v).Text(v, v, "here").Image(); err != nil {
				t.Errorf("lines at %g: %v", v, err)
			}
		}
	}
	if n := count(t, Plot("", "", "").Line("", nil, []float64{3}), seriesColours[0]); n < 20 {
		t.Errorf("a single point is invisible (%d pixels)", n)
	}
	if n := count(t, Plot("", "", "").Line("", nil, []float64{1, nan, 2}), warnColor); n < 20 {
		t.Errorf("the note about a value left out is missing (%d pixels)", n)
	}
}

// Mistakes of the caller are errors that name the series and both lengths.
func TestMistakes(t *testing.T) {
	for want, d := range map[string]Drawing{
		`Line "a": 2 x values but 3 y values`: Plot("t", "", "").Line("a", []float64{1, 2}, []float64{1, 2, 3}),
		`Band "b": 2 x values but 1 y values`: Plot("t", "", "").Band("b", nil, []float64{1, 2}, []float64{1}),
		`Runs "c": no runs`:                   Plot("t", "", "").Runs("c", nil, nil),
		`YRange(2, 1)`:                        Plot("t", "", "").YRange(2, 1),
		`logarithmic axis cannot start at -1`: Plot("t", "", "").LogX().XRange(-1, 1),
	} {
		_, err := d.picture().PNG()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "cannot be drawn") {
			t.Errorf("error %v, want one with %q", err, want)
			continue
		}
		if strings.Contains(err.Error(), "goroutine") {
			t.Errorf("a caller's mistake shows a stack: %v", err)
		}
		b := pngBundle(d.picture())
		if len(b.data) != 2 || b.data["text/plain"] != err.Error() {
			t.Errorf("the error is not shown: %v", b.data["text/plain"])
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		s    scale
		want string
	}{
		{scale{lo: 0, hi: 1}, "0 0.2 0.4 0.6 0.8 1.0"},
		{scale{lo: -1, hi: 1}, "−1.0 −0.5 0 0.5 1.0"},
		{scale{lo: 0, hi: 200}, "0 50 100 150 200"},
		{scale{lo: 0, hi: 3e7}, "0 0.5×10^{7} 1.0×10^{7} 1.5×10^{7} 2.0×10^{7} 2.5×10^{7} 3.0×10^{7}"},
		{scale{lo: 0.01, hi: 100, log: true}, "0.01 0.1 1 10 100"},
		{scale{lo: 1e-6, hi: 1, log: true}, "10^{−6} 10^{−5} 10^{−4} 10^{−3} 10^{−2} 10^{−1} 10^{0}"},
		{scale{lo: 1, hi: 30, log: true}, "1 2 5 10 20"},
		{scale{lo: 3, hi: 4, log: true}, "3.0 3.2 3.4 3.6 3.8 4.0"},
	} {
		var got []string
		for _, k := range c.s.Ticks(c.s.lo, c.s.hi) {
			if k.Label != "" {
				got = append(got, k.Label)
			}
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("ticks of %v: %s, want %s", c.s, s, c.want)
		}
	}
}

func TestDescribe(t *testing.T) {
	f := Plot("Loss", "step", "MSE").Line("train", nil, []float64{1, 0.5}).XRange(0, 1).YRange(0, 1)
	if got, want := f.Describe(), "Loss: line (train); step from 0 to 1; MSE from 0 to 1."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := f.Alt("It falls.").Describe(); got != "It falls." {
		t.Errorf("%q", got)
	}
	b := pngBundle(f.picture())
	if b.data["text/plain"] != "It falls." || b.meta["alt"] != "It falls." {
		t.Errorf("the alternative text does not travel: %v %v", b.data["text/plain"], b.meta)
	}
	if m := b.meta["image/png"].(map[string]int); m["width"] != 640 || m["height"] != 400 {
		t.Errorf("size metadata %v", m)
	}
}

// A long label must not cost a logarithmic axis room at its top.
func TestAxisLabelCostsNoRoom(t *testing.T) {
	top := func(label string) int { // the first row of the y axis
		m, err := Plot("title", "x", label).Line("a", nil, []float64{1e-6, 10}).LogY().Image()
		if err != nil {
			t.Fatal(err)
		}
		for x := range 300 {
			for y, run := 0, 0; y < m.Rect.Dy(); y++ {
				if r, _, _, _ := m.At(x, y).RGBA(); r > 0x9000 {
					run = 0
				} else if run++; run == 300 {
					return y - run
				}
			}
		}
		t.Fatal("no axis found")
		return 0
	}
	if short, long := top("y"), top("a label of many words"); long > short {
		t.Errorf("the axis begins at row %d, with a long label at %d", short, long)
	}
}
