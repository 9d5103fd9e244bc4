package show

import (
	"errors"
	"fmt"
	"image/color"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// extent returns the smallest and largest value that has a place on each axis;
// lo > hi if there is none. Fields alone count where there are any.
func (f *Figure) extent() (x, y [2]float64) {
	inf := math.Inf(1)
	x, y = [2]float64{inf, -inf}, [2]float64{inf, -inf}
	grow := func(s scale, r *[2]float64, vs [][]float64) {
		for _, v := range vs {
			for _, e := range v {
				if s.ok(e) {
					r[0], r[1] = math.Min(r[0], e), math.Max(r[1], e)
				}
			}
		}
	}
	fields := f.hasField()
	for _, l := range f.layers {
		if !fields || l.z == zField {
			grow(scale{log: f.x.log}, &x, l.xs)
			grow(scale{log: f.y.log}, &y, l.ys)
		}
	}
	if n := len(f.categories); n > 0 {
		x = [2]float64{-0.5, float64(n) - 0.5}
	}
	if f.x.fixed {
		x = [2]float64{f.x.lo, f.x.hi}
	}
	if f.y.fixed {
		y = [2]float64{f.y.lo, f.y.hi}
	}
	return x, y
}

func (f *Figure) hasField() bool {
	return slices.ContainsFunc(f.layers, func(l *layer) bool { return l.z == zField })
}

// scales settles the range of both axes.
func (f *Figure) scales() (x, y scale) {
	x.log, y.log = f.x.log, f.y.log
	ex, ey := f.extent()
	tight, zero := len(f.layers) > 0, false
	for _, l := range f.layers {
		tight = tight && l.tightX
		zero = zero || l.fromZero
	}
	padX, padLo, padHi := 0.025, 0.05, 0.06
	if f.hasField() {
		padX, padLo, padHi = 0, 0, 0
	}
	if tight || f.categories != nil {
		padX = 0
	}
	if zero && !y.log && ey[0] >= 0 {
		padLo = 0
	}
	x.whole = len(f.layers) > 0
	for _, l := range f.layers {
		x.whole = x.whole && (l.whole || len(l.xs) == 0 || l.reference)
	}
	for i, s := range f.categories {
		x.ticks = append(x.ticks, plot.Tick{Value: float64(i), Label: s})
	}
	x.fit(ex[0], ex[1], padX, padX)
	y.fit(ey[0], ey[1], padLo, padHi)
	if f.x.fixed {
		x.lo, x.hi = f.x.lo, f.x.hi
	}
	if f.y.fixed {
		y.lo, y.hi = f.y.lo, f.y.hi
	}
	return x, y
}

// paintFigure lays the figure out: title, legend, colour bar, axes with the
// data, note.
func (f *Figure) paintFigure(c draw.Canvas) error {
	if len(f.errs) > 0 {
		return errors.Join(f.errs...)
	}
	for _, a := range []axis{f.x, f.y} {
		if a.log && a.fixed && a.lo <= 0 {
			return fmt.Errorf("a logarithmic axis cannot start at %g", a.lo)
		}
	}
	sx, sy := f.scales()
	if f.rows != nil {
		sy.ticks = f.rowTicks((c.Max.X - c.Min.X) * 0.35)
	}
	c = draw.Crop(c, margin, -margin-4, margin, -margin)
	c = drawTitle(c, f.title)
	c = f.drawLegend(c)
	note := &noteLine{}
	ac := c
	if f.bar != nil {
		ac.Max.X -= f.bar.width()
	}
	ac.Min.Y += note.height(f, sx, sy)

	p := plot.New()
	p.BackgroundColor = nil
	styleAxis(&p.X, sx, f.x.label, f.categories != nil, ac.Max.X-ac.Min.X-40)
	styleAxis(&p.Y, sy, f.y.label, f.rows != nil, ac.Max.Y-ac.Min.Y)
	p.Y.Label.Padding = 4
	if f.categories != nil {
		ac = f.fitCategories(p, sx, ac)
	}
	if f.square {
		ac = squareCanvas(p, ac, sx, sy)
	}
	p.Add(plotterFunc(func(dc draw.Canvas, p *plot.Plot) {
		a := &axes{Canvas: dc, x: sx, y: sy}
		f.frame = a.Rectangle
		order := slices.Clone(f.layers)
		slices.SortStableFunc(order, func(p, q *layer) int { return p.z - q.z })
		if len(order) == 0 || order[0].z != zField {
			drawGrid(a, f.categories != nil)
		}
		for _, l := range order {
			if !(f.ground && l.moves) {
				l.draw(a, l)
			}
		}
		drawFrame(a, len(order) > 0 && order[0].z == zField)
		if len(f.layers) == 0 || f.empty(sx, sy) {
			sty := textStyle(labelSize, softInk, draw.XCenter, draw.YCenter)
			a.FillText(sty, a.Center(), "no data")
		}
		if f.bar != nil {
			f.bar.draw(a, a.Max.X)
		}
		note.skipped = a.skipped
	}))
	p.Draw(ac)
	note.draw(c)
	return nil
}

// empty reports whether no layer has a value that can be drawn.
func (f *Figure) empty(x, y scale) bool {
	for _, l := range f.layers {
		for _, v := range l.ys {
			if slices.ContainsFunc(v, y.ok) {
				return false
			}
		}
		if len(l.ys) == 0 {
			for _, v := range l.xs {
				if slices.ContainsFunc(v, x.ok) {
					return false
				}
			}
		}
	}
	return true
}

type plotterFunc func(draw.Canvas, *plot.Plot)

func (f plotterFunc) Plot(c draw.Canvas, p *plot.Plot) { f(c, p) }

// styleAxis gives the axis its scale and the theme; a label that is longer than
// room ends in an ellipsis.
func styleAxis(a *plot.Axis, s scale, label string, categories bool, room vg.Length) {
	// From 0 to 1: gonum takes the label to be at the middle of Min and Max,
	// which on a logarithmic axis is near the top, and would make room for it
	// there.
	a.Min, a.Max, a.Scale = 0, 1, plot.LinearScale{}
	a.Padding = 0
	a.LineStyle.Width = 0
	x, y := a.Label.TextStyle.XAlign, a.Label.TextStyle.YAlign
	a.Label.TextStyle = textStyle(labelSize, ink, x, y)
	a.Label.Text = fit(label, a.Label.TextStyle, room)
	a.Label.Padding = 5
	x, y = a.Tick.Label.XAlign, a.Tick.Label.YAlign
	a.Tick.Label = textStyle(tickSize, softInk, x, y)
	a.Tick.LineStyle = draw.LineStyle{Color: softInk, Width: 0.75}
	a.Tick.Length = 5
	if categories {
		a.Tick.LineStyle.Color = color.Transparent
	}
	a.Tick.Marker = unitTicks{s}
}

// fitCategories breaks the names of categories that are too long to stand side
// by side into lines, or, where a word is too long for that, turns them by 30
// degrees and makes room for the first at the left. Of very many it writes each
// second, third, … one.
func (f *Figure) fitCategories(p *plot.Plot, x scale, c draw.Canvas) draw.Canvas {
	sty := p.X.Tick.Label
	room := (c.Max.X - c.Min.X - 50) / vg.Length(max(len(f.categories), 1))
	labels, tallest, turn := make([][]string, len(f.categories)), 1, false
	for i, s := range f.categories {
		labels[i] = wrap(s, sty, room-8)
		tallest = max(tallest, len(labels[i]))
		for _, w := range labels[i] {
			turn = turn || sty.Width(w) > room-8
		}
	}
	var ticks []plot.Tick
	for i, lines := range labels { // blank lines make all of one height, and so begin at one height
		blank := strings.Repeat("\n ", tallest-len(lines))
		ticks = append(ticks, plot.Tick{Value: x.norm(float64(i)), Label: strings.Join(lines, "\n") + blank})
	}
	if !turn {
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
		return c
	}
	p.X.Tick.Label.Rotation = math.Pi / 6
	p.X.Tick.Label.XAlign = draw.XRight
	p.X.Tick.Label.YAlign = draw.YCenter
	if k := everyNth(sty, room/2); k > 1 {
		for i, name := range f.categories {
			if ticks[i].Label = ""; i%k == 0 {
				ticks[i].Label = name
			}
		}
		p.X.Tick.Marker = plot.ConstantTicks(ticks)
	}
	if over := sty.Width(f.categories[0])*0.87 - room/2 - 50; over > 0 {
		c.Min.X += over
	}
	return c
}

// everyNth says that only each n-th of many labels can be read where each has
// that much room.
func everyNth(sty draw.TextStyle, room vg.Length) int {
	return max(int(math.Ceil(float64(sty.Font.Size/room))), 1)
}

// squareCanvas crops c so that both axes have the same number of pixels per
// unit.
func squareCanvas(p *plot.Plot, c draw.Canvas, x, y scale) draw.Canvas {
	dc := p.DataCanvas(c)
	w, h := dc.Max.X-dc.Min.X, dc.Max.Y-dc.Min.Y
	kx, ky := w/vg.Length(x.hi-x.lo), h/vg.Length(y.hi-y.lo)
	if kx > ky {
		c.Max.X -= w - ky*vg.Length(x.hi-x.lo)
	} else {
		c.Min.Y += h - kx*vg.Length(y.hi-y.lo)
	}
	return c
}

func drawGrid(a *axes, categories bool) {
	sty := draw.LineStyle{Color: gridLine, Width: 1}
	if !categories {
		for _, t := range a.x.Ticks(a.x.lo, a.x.hi) {
			if x := a.X(a.x.norm(t.Value)); t.Label != "" && a.ContainsX(x) {
				a.StrokeLine2(sty, x, a.Min.Y, x, a.Max.Y)
			}
		}
	}
	for _, t := range a.y.Ticks(a.y.lo, a.y.hi) {
		if y := a.Y(a.y.norm(t.Value)); t.Label != "" && a.ContainsY(y) {
			a.StrokeLine2(sty, a.Min.X, y, a.Max.X, y)
		}
	}
}

func drawFrame(a *axes, full bool) {
	sty := draw.LineStyle{Color: softInk, Width: 1}
	a.StrokeLine2(sty, a.Min.X, a.Min.Y, a.Max.X, a.Min.Y)
	a.StrokeLine2(sty, a.Min.X, a.Min.Y, a.Min.X, a.Max.Y)
	if full {
		a.StrokeLine2(sty, a.Max.X, a.Min.Y, a.Max.X, a.Max.Y)
		a.StrokeLine2(sty, a.Min.X, a.Max.Y, a.Max.X, a.Max.Y)
	}
}

// noteLine is the small print under a figure: what could not be drawn.
type noteLine struct {
	skipped int
	beyond  bool // of a magnitude that floating point can hold and no axis can show
}

func (n *noteLine) height(f *Figure, x, y scale) (room vg.Length) {
	for _, l := range f.layers {
		for i, v := range [][][]float64{l.xs, l.ys} {
			s := []scale{x, y}[i]
			for _, e := range v {
				for _, v := range e {
					if !s.ok(v) {
						room = noteSize * 1.4
						n.beyond = n.beyond || !math.IsNaN(v) && !math.IsInf(v, 0) && !(s.log && v <= 0)
					}
				}
			}
		}
	}
	return room
}

func (n *noteLine) draw(c draw.Canvas) {
	if n.skipped == 0 {
		return
	}
	why := "not finite"
	if n.beyond {
		why = "not finite or beyond 10^{±300}"
	}
	s := fmt.Sprintf("1 value that is %s (or not positive on a log axis) is not drawn", why)
	if n.skipped > 1 {
		s = fmt.Sprintf("%d values that are %s (or not positive on a log axis) are not drawn", n.skipped, why)
	}
	sty := textStyle(noteSize, warnColor, draw.XLeft, draw.YBottom)
	c.FillText(sty, vg.Point{X: c.Min.X, Y: c.Min.Y - 4}, fit(s, sty, c.Max.X-c.Min.X))
}
