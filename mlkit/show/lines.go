package show

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// check reports series of different lengths; x nil stands for 0, 1, 2, … and is
// returned in full.
func (f *Figure) check(kind, name string, x []float64, ys ...[]float64) ([]float64, bool) {
	if x == nil && len(ys) > 0 {
		x = index(len(ys[0]))
	}
	for _, y := range ys {
		if len(y) != len(x) {
			f.errorf("%s %q: %d x values but %d y values; they come in pairs", kind, name, len(x), len(y))
			return nil, false
		}
	}
	return x, true
}

// Line adds a line through the points (x[i], y[i]). If x is nil it is 0, 1, 2,
// … The slices are read when the figure is drawn. Of more points than the
// picture has pixels, only those are drawn that can be seen.
func (f *Figure) Line(name string, x, y []float64, styles ...Style) *Figure {
	whole := x == nil
	x, ok := f.check("Line", name, x, y)
	if !ok {
		return f
	}
	return f.add(&layer{name: name, kind: "line", z: zLine, thumb: thumbLine, whole: whole, xs: [][]float64{x},
		ys: [][]float64{y},
		draw: func(a *axes, l *layer) {
			a.polyline(x, y, l.look.line())
			if l.look.marks {
				a.points(x, y, l.look, 3.2)
			} else {
				a.lonely(x, y, l.look)
			}
		}}, styles)
}

// Func adds the graph of fn from lo to hi, through 400 points.
func (f *Figure) Func(name string, fn func(float64) float64, lo, hi float64, styles ...Style) *Figure {
	x := Linspace(lo, hi, 400)
	if f.x.log && lo > 0 {
		x = Map(Linspace(math.Log(lo), math.Log(hi), 400), math.Exp)
	}
	return f.Line(name, x, Map(x, fn), styles...)
}

// Points adds a mark at each (x[i], y[i]). If x is nil it is 0, 1, 2, … Marks
// are smaller if there are more than 300, and again above 2000.
func (f *Figure) Points(name string, x, y []float64, styles ...Style) *Figure {
	whole := x == nil
	x, ok := f.check("Points", name, x, y)
	if !ok {
		return f
	}
	r := 3.8
	switch {
	case len(x) > 2000:
		r = 1.4
	case len(x) > 300:
		r = 2.4
	}
	return f.add(&layer{name: name, kind: "points", z: zPoint, thumb: thumbPoint, whole: whole, xs: [][]float64{x},
		ys:   [][]float64{y},
		draw: func(a *axes, l *layer) { a.points(x, y, l.look, r) }}, styles)
}

// Band fills the area between lo and hi: a confidence or prediction band, or
// the spread of several runs.
func (f *Figure) Band(name string, x, lo, hi []float64, styles ...Style) *Figure {
	whole := x == nil
	x, ok := f.check("Band", name, x, lo, hi)
	if !ok {
		return f
	}
	return f.add(&layer{name: name, kind: "band", z: zFill, thumb: thumbFill, whole: whole, xs: [][]float64{x},
		ys: [][]float64{lo, hi},
		draw: func(a *axes, l *layer) {
			a.SetColor(l.look.fill())
			for run := range a.runs(x, lo, hi) {
				var poly []vg.Point
				for _, i := range run {
					p, _ := a.pt(x[i], lo[i])
					poly = append(poly, p)
				}
				for _, i := range slices.Backward(run) {
					p, _ := a.pt(x[i], hi[i])
					poly = append(poly, p)
				}
				a.FillPolygon(l.look.fill(), a.ClipPolygonXY(poly))
			}
		}}, styles)
}

// ErrorBars adds a mark at each (x[i], y[i]) with a vertical bar from
// y[i]−|err[i]| to y[i]+|err[i]|.
func (f *Figure) ErrorBars(name string, x, y, err []float64, styles ...Style) *Figure {
	x, ok := f.check("ErrorBars", name, x, y, err)
	if !ok {
		return f
	}
	lo, hi := make([]float64, len(y)), make([]float64, len(y))
	for i := range y {
		lo[i], hi[i] = y[i]-math.Abs(err[i]), y[i]+math.Abs(err[i])
	}
	return f.add(&layer{name: name, kind: "error bars", z: zPoint, thumb: thumbPoint, xs: [][]float64{x}, ys: [][]float64{lo, hi},
		draw: func(a *axes, l *layer) {
			for i := range x {
				a.whisker(x[i], lo[i], hi[i], 4, l.look.colour)
			}
			a.points(x, y, l.look, 3.8)
		}}, styles)
}

// Runs adds the mean of several runs of one experiment (one run per seed) as a
// line, and the range from the smallest to the largest as a band. Neither is
// drawn where a run is not finite. Runs of different lengths are an error.
func (f *Figure) Runs(name string, x []float64, runs [][]float64, styles ...Style) *Figure {
	if len(runs) == 0 {
		f.errorf("Runs %q: no runs", name)
		return f
	}
	if _, ok := f.check("Runs", name, x, runs...); !ok {
		return f
	}
	n := len(runs[0])
	mean, lo, hi := make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		lo[i], hi[i] = math.Inf(1), math.Inf(-1)
		for _, r := range runs {
			mean[i] += r[i] / float64(len(runs))
			lo[i], hi[i] = math.Min(lo[i], r[i]), math.Max(hi[i], r[i])
		}
	}
	return f.Band(name, x, lo, hi, styles...).Line(name, x, mean, styles...)
}

// Path adds a line with a direction, such as the path of an optimizer on its
// loss surface. It has an open mark at the start and a filled one at the end,
// small dots at the steps in between if there are at most 60, and a light
// outline that keeps it visible on any background.
func (f *Figure) Path(name string, x, y []float64, styles ...Style) *Figure {
	x, ok := f.check("Path", name, x, y)
	if !ok {
		return f
	}
	return f.add(&layer{name: name, kind: "path", z: zLine, thumb: thumbLine, xs: [][]float64{x}, ys: [][]float64{y},
		draw: func(a *axes, l *layer) {
			sty := l.look.line()
			rim := sty
			rim.Color, rim.Width, rim.Dashes = withAlpha(paper, 0.85), sty.Width+2.5, nil
			a.polyline(x, y, rim)
			a.polyline(x, y, sty)
			first, last, n := -1, -1, 0
			for i := range x {
				if _, ok := a.pt(x[i], y[i]); ok {
					if first < 0 {
						first = i
					}
					last, n = i, n+1
				}
			}
			if first < 0 {
				return
			}
			if n <= 60 {
				for i := first; i <= last; i++ {
					a.disc(x[i], y[i], 2.2, l.look.colour, l.look.colour)
				}
			}
			a.disc(x[first], y[first], 5, paper, l.look.colour)
			a.disc(x[last], y[last], 5, l.look.colour, paper)
		}}, styles)
}

// Arrows adds an arrow from each (x[i], y[i]) to (x[i]+dx[i], y[i]+dy[i]): a
// field of gradients, or a single step.
func (f *Figure) Arrows(name string, x, y, dx, dy []float64, styles ...Style) *Figure {
	if _, ok := f.check("Arrows", name, x, y, dx, dy); !ok || x == nil {
		return f
	}
	return f.add(&layer{name: name, kind: "arrows", z: zLine, thumb: thumbLine, xs: [][]float64{x}, ys: [][]float64{y},
		draw: func(a *axes, l *layer) {
			for i := range x {
				p, ok := a.pt(x[i], y[i])
				q, ok2 := a.pt(x[i]+dx[i], y[i]+dy[i])
				if !ok || !ok2 {
					a.skipped++
					continue
				}
				a.arrow(p, q, l.look)
			}
		}}, styles)
}

// arrow draws the shaft and, if the end is inside of the frame, the head, which
// shrinks with short arrows.
func (a *axes) arrow(p, q vg.Point, l look) {
	sty := l.line()
	sty.Width *= 0.75
	length := math.Hypot(float64(q.X-p.X), float64(q.Y-p.Y))
	if length < 0.1 {
		return
	}
	u, v := (q.X-p.X)/vg.Length(length), (q.Y-p.Y)/vg.Length(length)
	head := vg.Length(math.Min(8, 0.5*length))
	neck := vg.Point{X: q.X - u*head, Y: q.Y - v*head}
	a.StrokeLines(sty, a.ClipLinesXY([]vg.Point{p, neck})...)
	if a.Contains(q) {
		a.FillPolygon(l.colour, []vg.Point{q, {X: neck.X - v*head*0.45, Y: neck.Y + u*head*0.45},
			{X: neck.X + v*head*0.45, Y: neck.Y - u*head*0.45}})
	}
}

// HLine adds a horizontal line at y across the figure: a bound, a target, a
// chance level. It is dashed and grey unless a style changes that.
func (f *Figure) HLine(name string, y float64, styles ...Style) *Figure {
	return f.add(&layer{name: name, kind: "horizontal line", z: zLine, thumb: thumbLine, reference: true,
		tightX: true, ys: [][]float64{{y}},
		look: look{dash: dashes(1), width: 1.5},
		draw: func(a *axes, l *layer) {
			if !a.y.ok(y) {
				a.skipped++
				return
			}
			if v := a.Y(a.y.norm(y)); a.ContainsY(v) {
				a.StrokeLine2(l.look.line(), a.Min.X, v, a.Max.X, v)
			}
		}}, styles)
}

// VLine adds a vertical line at x across the figure: the step of an event, a
// chosen value. It is dashed and grey unless a style changes that.
func (f *Figure) VLine(name string, x float64, styles ...Style) *Figure {
	return f.add(&layer{name: name, kind: "vertical line", z: zLine, thumb: thumbLine, reference: true, xs: [][]float64{{x}},
		look: look{dash: dashes(1), width: 1.5},
		draw: func(a *axes, l *layer) {
			if !a.x.ok(x) {
				a.skipped++
				return
			}
			if v := a.X(a.x.norm(x)); a.ContainsX(v) {
				a.StrokeLine2(l.look.line(), v, a.Min.Y, v, a.Max.Y)
			}
		}}, styles)
}

// Text writes s beside the point (x, y), on a light background.
func (f *Figure) Text(x, y float64, s string) *Figure {
	return f.add(&layer{z: zWord, xs: [][]float64{{x}}, ys: [][]float64{{y}}, draw: func(a *axes, l *layer) {
		p, ok := a.pt(x, y)
		if !ok || !a.Contains(p) {
			return
		}
		sty := textStyle(legendSize, ink, draw.XLeft, draw.YCenter)
		w, h := sty.Width(s), sty.Height(s)
		p.X += 7
		if p.X+w > a.Max.X { // no room on the right: write on the left
			p.X -= 14 + w
		}
		p.X = max(p.X, a.Min.X+2)
		a.FillPolygon(withAlpha(paper, 0.8), []vg.Point{{X: p.X - 2, Y: p.Y - h*0.7},
			{X: p.X + w + 2, Y: p.Y - h*0.7}, {X: p.X + w + 2, Y: p.Y + h*0.7}, {X: p.X - 2, Y: p.Y + h*0.7}})
		a.FillText(sty, p, s)
	}}, nil)
}

// runs yields the stretches of indices where x and all ys can be drawn, and
// counts the rest.
func (a *axes) runs(x []float64, ys ...[]float64) func(func([]int) bool) {
	return func(yield func([]int) bool) {
		var run []int
		for i := range x {
			ok := a.x.ok(x[i])
			for _, y := range ys {
				ok = ok && a.y.ok(y[i])
			}
			if ok {
				run = append(run, i)
				continue
			}
			a.skipped++
			if len(run) > 0 && !yield(run) {
				return
			}
			run = nil
		}
		if len(run) > 0 {
			yield(run)
		}
	}
}

func (a *axes) polyline(x, y []float64, sty draw.LineStyle) {
	skipped := a.skipped
	for run := range a.runs(x, y) {
		pts := make([]vg.Point, len(run))
		for k, i := range run {
			pts[k], _ = a.pt(x[i], y[i])
		}
		a.StrokeLines(sty, a.ClipLinesXY(thin(pts, vg.Length(1/pixels(a.Canvas).density)))...)
	}
	a.skipped = skipped
}

// thin leaves out points of a long line that no pixel shows. Where x never
// falls and more than four points lie in a column of pixels, the first, the
// lowest, the highest and the last of them draw what all would (Jugel, Jerzak,
// Hackenbroich and Markl, "M4: A Visualization-Oriented Time Series Data
// Aggregation", VLDB 2014). Elsewhere points within a twentieth of a CSS pixel
// of the one before are left out. px is the side of a device pixel.
func thin(pts []vg.Point, px vg.Length) []vg.Point {
	if len(pts) < 2000 {
		return pts
	}
	if slices.IsSortedFunc(pts, func(p, q vg.Point) int { return cmp.Compare(p.X, q.X) }) {
		pts = oneColumnEach(pts, px)
	}
	out := pts[:1:1]
	for i, p := range pts[1:] {
		q := out[len(out)-1]
		if math.Abs(float64(p.X-q.X))+math.Abs(float64(p.Y-q.Y)) > 0.05 || i == len(pts)-2 {
			out = append(out, p)
		}
	}
	return out
}

func oneColumnEach(pts []vg.Point, px vg.Length) []vg.Point {
	var out []vg.Point
	column := func(p vg.Point) float64 { return math.Floor(float64(p.X / px)) }
	for len(pts) > 0 {
		n, low, high := 1, 0, 0
		for ; n < len(pts) && column(pts[n]) == column(pts[0]); n++ {
			if pts[n].Y < pts[low].Y {
				low = n
			}
			if pts[n].Y > pts[high].Y {
				high = n
			}
		}
		last := -1
		for _, k := range []int{0, min(low, high), max(low, high), n - 1} {
			if k > last {
				out = append(out, pts[k])
				last = k
			}
		}
		pts = pts[n:]
	}
	return out
}

// lonely marks points of a line that have no neighbour and would be invisible,
// and counts what is not drawn.
func (a *axes) lonely(x, y []float64, l look) {
	for run := range a.runs(x, y) {
		if len(run) == 1 {
			a.disc(x[run[0]], y[run[0]], 4.5, l.colour, paper)
		}
	}
}

func (a *axes) points(x, y []float64, l look, r float64) {
	if l.size > 0 {
		r = l.size
	}
	for i := range x {
		p, ok := a.pt(x[i], y[i])
		if !ok {
			a.skipped++
			continue
		}
		if a.Contains(p) {
			l.glyph(&a.Canvas, p, vg.Length(r))
		}
	}
}

func (a *axes) whisker(x, lo, hi float64, cap vg.Length, c colour) {
	p, ok := a.pt(x, lo)
	q, ok2 := a.pt(x, hi)
	if !ok || !ok2 || !a.ContainsX(p.X) {
		return
	}
	sty := draw.LineStyle{Color: c, Width: 1.5}
	for _, line := range [][]vg.Point{{p, q}, {{X: p.X - cap, Y: p.Y}, {X: p.X + cap, Y: p.Y}},
		{{X: q.X - cap, Y: q.Y}, {X: q.X + cap, Y: q.Y}}} {
		a.StrokeLines(sty, a.ClipLinesXY(line)...)
	}
}

func (a *axes) disc(x, y float64, r vg.Length, fill, rim colour) {
	p, ok := a.pt(x, y)
	if ok && a.Contains(p) {
		a.discAt(p, r, fill, rim)
	}
}

func (a *axes) discAt(p vg.Point, r vg.Length, fill, rim colour) {
	disc := func(r vg.Length, c colour) {
		var path vg.Path
		path.Move(vg.Point{X: p.X + r, Y: p.Y})
		path.Arc(p, r, 0, 2*math.Pi)
		path.Close()
		a.SetColor(c)
		a.Fill(path)
	}
	disc(r, rim)
	disc(max(r-1.75, 0.8), fill)
}
