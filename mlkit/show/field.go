package show

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
	"sort"

	"gonum.org/v1/plot/vg/draw"
)

// A Grid holds the points at which a function of two variables was sampled:
// every (X[i], Y[j]), both ascending. The values are a flat slice in which X
// varies fastest: z[j·len(X)+i].
type Grid struct{ X, Y []float64 }

// NewGrid returns a grid of nx evenly spaced points from x0 to x1 by ny from y0
// to y1.
func NewGrid(x0, x1 float64, nx int, y0, y1 float64, ny int) Grid {
	return Grid{Linspace(x0, x1, nx), Linspace(y0, y1, ny)}
}

// Len returns the number of grid points.
func (g Grid) Len() int { return len(g.X) * len(g.Y) }

// Eval returns f at every grid point.
func (g Grid) Eval(f func(x, y float64) float64) []float64 {
	z := make([]float64, 0, g.Len())
	for _, y := range g.Y {
		for _, x := range g.X {
			z = append(z, f(x, y))
		}
	}
	return z
}

// Points returns the grid points as rows (x, y), shape [Len, 2]: a batch for a
// model whose decision regions are to be drawn.
func (g Grid) Points() []float32 {
	p := make([]float32, 0, 2*g.Len())
	for _, y := range g.Y {
		for _, x := range g.X {
			p = append(p, float32(x), float32(y))
		}
	}
	return p
}

func (f *Figure) checkGrid(kind string, g Grid, n int) bool {
	switch {
	case len(g.X) < 2 || len(g.Y) < 2:
		f.errorf("%s: a grid of %d×%d points; want at least 2×2", kind, len(g.X), len(g.Y))
	case !slices.IsSorted(g.X) || !slices.IsSorted(g.Y) || !finite(g.X[0]) || !finite(g.Y[0]):
		f.errorf("%s: the grid's X and Y must be ascending numbers", kind)
	case n != g.Len():
		f.errorf("%s: %d values for a grid of %d×%d = %d points", kind, n, len(g.X), len(g.Y), g.Len())
	default:
		return true
	}
	return false
}

// Contour fills the figure with bands of equal z, interpolated bilinearly
// between the grid points, with a thin line between bands and a colour bar on
// the right. Paths, points and lines that are added to the figure lie on top.
// The grid alone sets the axes, so a diverging path leaves the picture instead
// of shrinking it. Styles: Levels, Colors, LogColors, Limits, ZLabel.
func (f *Figure) Contour(g Grid, z []float64, styles ...Style) *Figure {
	if !f.checkGrid("Contour", g, len(z)) {
		return f
	}
	l := &layer{kind: "contours", z: zField, xs: [][]float64{g.X}, ys: [][]float64{g.Y}, look: look{cmap: &Pale, levels: 14}}
	l.draw = func(a *axes, l *layer) {
		b := f.bar
		height := bilinear(g, z)
		a.raster(func(w, h int, xy func(i, j int) (float64, float64), set func(i, j int, c colour)) {
			band := make([]int, w*h)
			for j := range h {
				for i := range w {
					band[j*w+i] = b.band(height(xy(i, j)))
				}
			}
			for j := range h {
				for i := range w {
					k := band[j*w+i]
					c := b.bandColour(k)
					if k >= 0 && (i > 0 && differ(k, band[j*w+i-1]) || j > 0 && differ(k, band[(j-1)*w+i])) {
						c = mix(c, softInk, 0.35)
					}
					set(i, j, c)
				}
			}
		})
	}
	f.add(l, styles)
	f.bar = newColourBar(z, l.look, true)
	return f
}

func differ(a, b int) bool { return b >= 0 && a != b }

// Heat colours the cell around each grid point by its z, with a colour bar on
// the right. Styles: Colors, LogColors, Limits, ZLabel.
func (f *Figure) Heat(g Grid, z []float64, styles ...Style) *Figure {
	if !f.checkGrid("Heat", g, len(z)) {
		return f
	}
	l := &layer{kind: "heat map", z: zField, xs: [][]float64{cellEnds(g.X)}, ys: [][]float64{cellEnds(g.Y)},
		look: look{cmap: &Viridis}}
	l.draw = func(a *axes, l *layer) {
		a.raster(func(w, h int, xy func(i, j int) (float64, float64), set func(i, j int, c colour)) {
			at := nearest(g)
			for j := range h {
				for i := range w {
					x, y := xy(i, j)
					if k := at(x, y); k >= 0 {
						set(i, j, f.bar.colour(z[k]))
					}
				}
			}
		})
	}
	f.add(l, styles)
	f.bar, f.colours = newColourBar(z, l.look, false), field
	return f
}

// Regions colours the figure by class: class[k] is the index into names at grid
// point k; any other number is grey. Each colour is a pale version of that of
// the series with the same name, so Points of class "cat" lie on the region
// "cat".
func (f *Figure) Regions(g Grid, class []int, names []string, styles ...Style) *Figure {
	if !f.checkGrid("Regions", g, len(class)) {
		return f
	}
	var pale []colour
	first := len(f.layers)
	for _, n := range names {
		l := &layer{name: n, kind: "decision regions", z: zField, thumb: thumbFill, draw: func(*axes, *layer) {}}
		f.add(l, styles)
		l.look.alpha = 0.3
		pale = append(pale, mix(paper, l.look.colour, 0.3))
	}
	l := &layer{kind: "decision regions", z: zField, xs: [][]float64{g.X}, ys: [][]float64{g.Y}}
	l.draw = func(a *axes, l *layer) {
		at := nearest(g)
		a.raster(func(w, h int, xy func(i, j int) (float64, float64), set func(i, j int, c colour)) {
			above := make([]int, w)
			for j := range h {
				left := -1
				for i := range w {
					k := -1
					if p := at(xy(i, j)); p >= 0 {
						k = class[p]
					}
					c := noData
					if k >= 0 && k < len(pale) {
						c = pale[k]
					}
					if i > 0 && k != left || j > 0 && k != above[i] {
						c = softInk
					}
					set(i, j, c)
					left, above[i] = k, k
				}
			}
		})
	}
	f.layers = slices.Insert(f.layers, first, l)
	return f
}

// Spectrogram shows frames[t][k], the energy of frequency band k in frame t.
// Time runs to the right (hop seconds per frame) and frequency upwards (the
// last band is at maxHz). Pass decibels or another logarithm: raw energies span
// too many orders of magnitude.
func Spectrogram(title string, frames [][]float64, hop, maxHz float64, styles ...Style) *Figure {
	f := Plot(title, "time (s)", "frequency (Hz)")
	if len(frames) < 2 || len(frames[0]) < 2 || !(hop > 0) || !(maxHz > 0) {
		f.errorf("Spectrogram: want at least 2 frames of 2 bands, hop and maxHz positive")
		return f
	}
	g := NewGrid(0, hop*float64(len(frames)-1), len(frames), 0, maxHz, len(frames[0]))
	z := make([]float64, g.Len())
	for t, fr := range frames {
		if len(fr) != len(g.Y) {
			f.errorf("Spectrogram: frame %d has %d bands, frame 0 has %d", t, len(fr), len(g.Y))
			return f
		}
		for k, v := range fr {
			z[k*len(g.X)+t] = v
		}
	}
	return f.Heat(g, z, styles...)
}

// raster hands paint the device pixels of the frame: how many there are, where
// each lies in data coordinates (its centre), and a function that sets one.
// Drawing fields pixel by pixel is exact where vg's image scaling would blur.
func (a *axes) raster(paint func(w, h int, xy func(i, j int) (x, y float64), set func(i, j int, c color.NRGBA))) {
	cv := pixels(a.Canvas)
	img := cv.Image().(*image.RGBA)
	s := cv.DPI() / 72
	_, ch := cv.Size()
	x0, x1 := float64(a.Min.X)*s, float64(a.Max.X)*s
	y0, y1 := (float64(ch)-float64(a.Max.Y))*s, (float64(ch)-float64(a.Min.Y))*s
	r := image.Rect(int(math.Round(x0)), int(math.Round(y0)), int(math.Round(x1)),
		int(math.Round(y1))).Intersect(img.Rect)
	xs, ys := make([]float64, r.Dx()), make([]float64, r.Dy())
	for i := range xs {
		xs[i] = a.x.at((float64(r.Min.X+i) + 0.5 - x0) / (x1 - x0))
	}
	for j := range ys {
		ys[j] = a.y.at((y1 - float64(r.Min.Y+j) - 0.5) / (y1 - y0))
	}
	paint(r.Dx(), r.Dy(),
		func(i, j int) (float64, float64) { return xs[i], ys[j] },
		func(i, j int, c color.NRGBA) {
			if c.A == 255 {
				img.SetRGBA(r.Min.X+i, r.Min.Y+j, color.RGBA(c))
				return
			}
			img.Set(r.Min.X+i, r.Min.Y+j, c)
		})
}

// pixels returns the image canvas behind c, which gonum wraps in as many
// draw.Canvas as it crops.
func pixels(c draw.Canvas) *canvas {
	v := c.Canvas
	for {
		switch w := v.(type) {
		case *canvas:
			return w
		case draw.Canvas:
			v = w.Canvas
		default:
			panic(fmt.Errorf("fields and images need a pixel canvas, not %T", v))
		}
	}
}

// bilinear returns the interpolated z; NaN outside of the grid or beside a
// value that is not finite.
func bilinear(g Grid, z []float64) func(x, y float64) float64 {
	locate := func(v []float64, x float64) (int, float64) {
		if x < v[0] || x > v[len(v)-1] {
			return -1, 0
		}
		i := min(max(sort.SearchFloat64s(v, x)-1, 0), len(v)-2)
		if v[i+1] == v[i] {
			return i, 0
		}
		return i, (x - v[i]) / (v[i+1] - v[i])
	}
	return func(x, y float64) float64 {
		i, s := locate(g.X, x)
		j, t := locate(g.Y, y)
		if i < 0 || j < 0 {
			return math.NaN()
		}
		p := z[j*len(g.X)+i:]
		q := z[(j+1)*len(g.X)+i:]
		return (1-t)*((1-s)*p[0]+s*p[1]) + t*((1-s)*q[0]+s*q[1])
	}
}

// nearest returns the index of the grid point whose cell holds (x, y), or −1.
func nearest(g Grid) func(x, y float64) int {
	ex, ey := cellEnds(g.X), cellEnds(g.Y)
	locate := func(v, e []float64, x float64) int {
		if x < e[0] || x > e[1] {
			return -1
		}
		i := min(sort.SearchFloat64s(v, x), len(v)-1)
		if i > 0 && x-v[i-1] < v[i]-x {
			i--
		}
		return i
	}
	return func(x, y float64) int {
		i, j := locate(g.X, ex, x), locate(g.Y, ey, y)
		if i < 0 || j < 0 {
			return -1
		}
		return j*len(g.X) + i
	}
}

// cellEnds returns the outer edges of the first and last cell.
func cellEnds(v []float64) []float64 {
	n := len(v)
	return []float64{v[0] - (v[1]-v[0])/2, v[n-1] + (v[n-1]-v[n-2])/2}
}
