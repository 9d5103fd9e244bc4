package show

import (
	"image/color"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Style changes how one series looks. The figure chooses the colours, dashes
// and marks that tell series apart. Use styles for what has a meaning:
// show.Dashed for a bound, show.Neutral for a reference.
type Style func(*look)

type colour = color.NRGBA

type look struct {
	colour color.NRGBA
	series int
	width  float64
	dash   []vg.Length
	alpha  float64 // of fills
	size   float64 // radius of points
	marks  bool
	cmap   *Colormap
	log    bool
	levels int
	zlabel string
	format string
	limits *[2]float64
}

// Dashed draws a line with dashes.
func Dashed(l *look) { l.dash = dashes(1) }

// Dotted draws a line with dots.
func Dotted(l *look) { l.dash = dashes(2) }

// Neutral draws in dark grey, so that the series stand out.
func Neutral(l *look) { l.colour = softInk }

// Faint draws a thin, translucent line: one of many.
func Faint(l *look) { l.colour.A, l.width = 0x66, 1 }

// Marks puts a mark on every point of a line.
func Marks(l *look) { l.marks = true }

// Color draws in the i-th colour of the palette, counted from 0.
func Color(i int) Style { return func(l *look) { l.colour, _ = seriesColour(i) } }

// Stroke sets the width of lines in CSS pixels (2 unless set).
func Stroke(w float64) Style { return func(l *look) { l.width = w } }

// Dot sets the radius of points in CSS pixels.
func Dot(r float64) Style { return func(l *look) { l.size = r } }

// Colors sets the colour map of a field, matrix or spectrogram.
func Colors(m Colormap) Style { return func(l *look) { l.cmap = &m } }

// LogColors spaces the colours and levels of a field by the logarithm of its
// values, for surfaces that span orders of magnitude. Values that are not
// positive get the lowest colour.
func LogColors(l *look) { l.log = true }

// Levels sets the number of bands of a contour picture.
func Levels(n int) Style { return func(l *look) { l.levels = n } }

// Limits sets the values of the first and the last colour of a field. Values
// outside get the nearer of the two.
func Limits(lo, hi float64) Style { return func(l *look) { l.limits = &[2]float64{lo, hi} } }

// ZLabel labels the colour bar with the quantity that the colours represent.
func ZLabel(s string) Style { return func(l *look) { l.zlabel = s } }

// Values writes each bar's number above it, in the format of fmt.Sprintf:
// "%.1f".
func Values(format string) Style { return func(l *look) { l.format = format } }

func dashes(round int) []vg.Length {
	switch round % 3 {
	case 1:
		return []vg.Length{7, 4}
	case 2:
		return []vg.Length{2, 3}
	}
	return nil
}

func (l look) line() draw.LineStyle {
	w := l.width
	if w == 0 {
		w = 2
	}
	return draw.LineStyle{Color: l.colour, Width: vg.Length(w), Dashes: l.dash}
}

func (l look) fill() color.NRGBA {
	a := l.alpha
	if a == 0 {
		a = 0.2
	}
	return withAlpha(l.colour, a)
}

// glyph draws the mark of the series, whose shape tells it apart without
// colour, with a thin white rim that keeps overlapping marks apart.
func (l look) glyph(c *draw.Canvas, p vg.Point, r vg.Length) {
	shape := func(r vg.Length) vg.Path {
		var path vg.Path
		ngon := func(n int, turn float64, r vg.Length) {
			for k := range n {
				s, co := math.Sincos(turn + 2*math.Pi*float64(k)/float64(n))
				q := vg.Point{X: p.X + r*vg.Length(co), Y: p.Y + r*vg.Length(s)}
				if k == 0 {
					path.Move(q)
				} else {
					path.Line(q)
				}
			}
			path.Close()
		}
		switch ((l.series % 5) + 5) % 5 {
		case 0:
			path.Move(vg.Point{X: p.X + r, Y: p.Y})
			path.Arc(p, r, 0, 2*math.Pi)
			path.Close()
		case 1:
			ngon(3, math.Pi/2, r*1.3)
		case 2:
			ngon(4, math.Pi/4, r*1.2)
		case 3:
			ngon(4, 0, r*1.3)
		default:
			ngon(3, -math.Pi/2, r*1.3)
		}
		return path
	}
	if r > 1.5 {
		c.SetColor(withAlpha(paper, 0.8))
		c.Fill(shape(r + 0.75))
	}
	c.SetColor(l.colour)
	c.Fill(shape(r))
}
