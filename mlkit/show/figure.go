package show

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Figure is a Picture with axes. Make one with Plot, add data with its
// methods, each of which returns the figure, and call Show.
//
// A series with a name has an entry in the legend and a colour of its own.
// Series with the same name share both, so a Line and its Band belong together.
// A series without a name has the colour of the one before it.
//
// Values that are not finite, or not positive on a logarithmic axis, are left
// out: lines break there, and a note under the figure counts them. Slices of
// different lengths and other bad input are reported when the figure is drawn.
type Figure struct {
	Picture
	x, y       axis
	layers     []*layer
	names      []string // of the series, in order; the first is "" if a series without a name came first
	lastSeries int
	references []string // the names of HLine and VLine
	errs       []error
	categories []string
	rows       []string // names on the y axis, from the top, of bars that lie
	bar        *colourBar
	square     bool
	binStart   float64 // the bins of all histograms of the figure
	binWidth   float64
	ground     bool         // leave out what moves
	frame      vg.Rectangle // where the axes were drawn last, in CSS pixels from the lower left corner
}

type axis struct {
	label  string
	log    bool
	lo, hi float64 // given range, if fixed
	fixed  bool
}

// A layer is one series of one kind.
type layer struct {
	name, kind string
	look       look
	z          int         // drawing order: fields, then fills, lines, points, words
	xs, ys     [][]float64 // what the axes must contain
	reference  bool        // a line to compare with: not a series, so drawn in grey
	whole      bool        // its x are counts, between which there is nothing
	tightX     bool        // fills the x axis: no gap beside it
	fromZero   bool        // stands on zero: no gap below it
	thumb      thumb
	moves      bool // drawn by a script where scripts run
	draw       func(a *axes, l *layer)
}

const (
	zField = iota
	zFill
	zLine
	zPoint
	zWord
)

// axes is what a layer draws on.
type axes struct {
	draw.Canvas
	x, y    scale
	skipped int // values that have no place on the axes
}

// pt returns where (x, y) is on the canvas, which may be outside of the frame.
func (a *axes) pt(x, y float64) (vg.Point, bool) {
	if !a.x.ok(x) || !a.y.ok(y) {
		return vg.Point{}, false
	}
	// Far outside is as good as very far outside, and keeps the clipping free
	// of overflow.
	c := func(v float64) float64 { return math.Min(math.Max(v, -1000), 1000) }
	return vg.Point{X: a.X(c(a.x.norm(x))), Y: a.Y(c(a.y.norm(y)))}, true
}

// Plot starts a figure. The labels name the quantities on the axes, with their
// units: "step", "time (s)".
func Plot(title, xLabel, yLabel string) *Figure {
	f := &Figure{x: axis{label: xLabel}, y: axis{label: yLabel}}
	f.title, f.w, f.h = title, Width, Height
	f.paint, f.describe, f.figure = f.paintFigure, f.describeFigure, f
	return f
}

// Size sets the size in CSS pixels, 640×400 unless set.
func (f *Figure) Size(w, h int) *Figure { f.setSize(w, h); return f }

// Alt sets the alternative text; see Picture.Alt.
func (f *Figure) Alt(text string) *Figure { f.alt = text; return f }

// LogX makes the x axis logarithmic.
func (f *Figure) LogX() *Figure { f.x.log = true; return f }

// LogY makes the y axis logarithmic.
func (f *Figure) LogY() *Figure { f.y.log = true; return f }

// XRange sets the x axis to lo…hi. Data outside is not shown.
func (f *Figure) XRange(lo, hi float64) *Figure { f.x.set(f, "XRange", lo, hi); return f }

// YRange sets the y axis to lo…hi. Data outside is not shown.
func (f *Figure) YRange(lo, hi float64) *Figure { f.y.set(f, "YRange", lo, hi); return f }

// Square gives both axes the same scale, so that a circle is round.
func (f *Figure) Square() *Figure { f.square = true; return f }

func (a *axis) set(f *Figure, what string, lo, hi float64) {
	if !(finite(lo) && finite(hi) && lo < hi) {
		f.errorf("%s(%g, %g): want two finite numbers, the smaller first", what, lo, hi)
		return
	}
	a.lo, a.hi, a.fixed = lo, hi, true
}

func (f *Figure) errorf(format string, args ...any) {
	f.errs = append(f.errs, fmt.Errorf(format, args...))
}

// add appends a layer after settling its colour.
func (f *Figure) add(l *layer, styles []Style) *Figure {
	i := slices.Index(f.names, l.name)
	switch {
	case l.reference || l.z == zWord || l.z == zField && l.name == "": // not a series: takes no colour
		i = f.lastSeries
		if l.name != "" && !slices.Contains(f.references, l.name) {
			f.references = append(f.references, l.name)
		}
	case l.name == "" && len(f.names) > 0:
		i = f.lastSeries
	case i < 0:
		i = len(f.names)
		f.names = append(f.names, l.name)
	}
	f.lastSeries = i
	c, round := seriesColour(i)
	l.look.colour, l.look.series = c, i
	if l.reference {
		l.look.colour = softInk
	}
	if round > 0 && l.look.dash == nil {
		l.look.dash = dashes(round)
	}
	for _, s := range styles {
		s(&l.look)
	}
	f.layers = append(f.layers, l)
	return f
}
