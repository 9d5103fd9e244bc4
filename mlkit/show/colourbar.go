package show

import (
	"math"
	"sort"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// colourBar is the scale of a field: from values to colours, and its picture
// beside the axes.
type colourBar struct {
	scale
	cmap   Colormap
	levels []float64 // the bounds of the bands; nil for a continuous scale
	label  string
}

func newColourBar(z []float64, l look, banded bool) *colourBar {
	b := &colourBar{cmap: *l.cmap, label: l.zlabel}
	b.log = l.log
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range z {
		if b.ok(v) {
			lo, hi = math.Min(lo, v), math.Max(hi, v)
		}
	}
	if b.cmap.name == Diverging.name && !b.log && lo <= hi {
		hi = math.Max(math.Abs(lo), math.Abs(hi))
		lo = -hi
	}
	if l.limits != nil {
		lo, hi = l.limits[0], l.limits[1]
	}
	b.fit(lo, hi, 0, 0)
	if !banded {
		return b
	}
	n := max(l.levels, 2)
	if b.log {
		for i := 1; i < n; i++ {
			b.levels = append(b.levels, b.at(float64(i)/float64(n)))
		}
		return b
	}
	step := niceStep(b.hi-b.lo, n)
	for i := math.Floor(b.lo/step) + 1; i*step < b.hi && len(b.levels) < 200; i++ {
		b.levels = append(b.levels, i*step)
	}
	return b
}

func (b *colourBar) colour(v float64) colour {
	if b.log && v <= 0 {
		return b.cmap.At(0)
	}
	return b.cmap.At(steps(b.norm(v)))
}

// band returns which band v is in, counted from 0, or −1 if it is not a number.
func (b *colourBar) band(v float64) int {
	if math.IsNaN(v) {
		return -1
	}
	return sort.SearchFloat64s(b.levels, v)
}

func (b *colourBar) bandColour(k int) colour {
	if k < 0 {
		return noData
	}
	return b.cmap.At((float64(k) + 0.5) / float64(len(b.levels)+1))
}

// at01 is the colour at height t of the bar.
func (b *colourBar) at01(t float64) colour {
	if b.levels != nil {
		return b.bandColour(b.band(b.at(t)))
	}
	return b.cmap.At(steps(t))
}

// steps rounds t to a hundredth: a continuous scale of a hundred colours looks
// smooth, and its colours all find a place in the palette of the PNG.
func steps(t float64) float64 { return math.Round(100*t) / 100 }

const barWidth, barGap = 14, 12

func (b *colourBar) tickStyle() draw.TextStyle {
	return textStyle(tickSize, softInk, draw.XLeft, draw.YCenter)
}

// width is what the bar takes away from the axes.
func (b *colourBar) width() vg.Length {
	w := vg.Length(0)
	for _, t := range b.Ticks(b.lo, b.hi) {
		w = max(w, b.tickStyle().Width(t.Label))
	}
	w += barGap + barWidth + 7
	if b.label != "" {
		w += labelSize * 1.4
	}
	return w
}

// draw paints the bar between the heights of the frame a, right of x.
func (b *colourBar) draw(a *axes, x vg.Length) {
	c := a.Canvas
	c.Min.X, c.Max.X = x+barGap, x+barGap+barWidth
	bar, sty := b.paint(c, false)
	right := vg.Length(0)
	for _, t := range b.Ticks(b.lo, b.hi) {
		y := c.Y(b.norm(t.Value))
		if t.Label == "" || y < c.Min.Y-0.5 || y > c.Max.Y+0.5 {
			continue
		}
		bar.StrokeLine2(sty, c.Max.X, y, c.Max.X+3, y)
		bar.FillText(b.tickStyle(), vg.Point{X: c.Max.X + 6, Y: y + 0.5}, t.Label)
		right = max(right, b.tickStyle().Width(t.Label))
	}
	if b.label != "" {
		s := textStyle(labelSize, ink, draw.XCenter, draw.YTop)
		s.Rotation = math.Pi / 2
		bar.FillText(s, vg.Point{X: c.Max.X + 6 + right + 2, Y: (c.Min.Y + c.Max.Y) / 2}, b.label)
	}
}

const (
	barBelow  = 40 // what a bar below a text takes of the height
	barAcross = 220
)

// drawBelow paints the bar from left to right at the bottom of c, its label
// beside it.
func (b *colourBar) drawBelow(c draw.Canvas) {
	frame := c
	frame.Min.Y += 18
	frame.Max.Y = frame.Min.Y + 10
	frame.Min.X += 12 // half a number
	frame.Max.X = min(frame.Min.X+barAcross, c.Max.X-12)
	if frame.Max.X <= frame.Min.X {
		return
	}
	bar, sty := b.paint(frame, true)
	number := b.tickStyle()
	number.XAlign, number.YAlign = draw.XCenter, draw.YTop
	for _, t := range b.Ticks(b.lo, b.hi) {
		x := frame.X(b.norm(t.Value))
		if t.Label == "" || x < frame.Min.X-0.5 || x > frame.Max.X+0.5 {
			continue
		}
		bar.StrokeLine2(sty, x, frame.Min.Y-3, x, frame.Min.Y)
		bar.FillText(number, vg.Point{X: x, Y: frame.Min.Y - 5}, t.Label)
	}
	if b.label != "" {
		s := textStyle(labelSize, ink, draw.XLeft, draw.YCenter)
		at := vg.Point{X: frame.Max.X + 12, Y: (frame.Min.Y + frame.Max.Y) / 2}
		bar.FillText(s, at, fit(b.label, s, c.Max.X-at.X))
	}
}

// paint fills c with the scale's colours, from below or from the left, and
// frames it.
func (b *colourBar) paint(c draw.Canvas, across bool) (*axes, draw.LineStyle) {
	bar := &axes{Canvas: c, x: scale{lo: 0, hi: 1}, y: scale{lo: 0, hi: 1}}
	bar.raster(func(w, h int, xy func(i, j int) (float64, float64), set func(i, j int, c colour)) {
		for j := range h {
			for i := range w {
				s, t := xy(i, j)
				if across {
					t = s
				}
				set(i, j, b.at01(t))
			}
		}
	})
	sty := draw.LineStyle{Color: softInk, Width: 0.75}
	bar.StrokeLines(sty, []vg.Point{c.Min, {X: c.Max.X, Y: c.Min.Y}, c.Max, {X: c.Min.X, Y: c.Max.Y}, c.Min})
	return bar, sty
}
