package show

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Relief is a Picture of a surface over a grid, seen from above at an angle.
// Make one with Surface, add paths, and call Show.
type Relief struct {
	Picture
	series  *Figure // the paths: their names, colours and legend
	x, y    string
	g       Grid
	z       []float64
	bar     *colourBar
	surface func(x, y float64) float64
}

// Surface shows z over the grid as a surface lit from the left, seen from above
// at an angle. It gives an impression of a landscape; use Contour to read off
// values. If a side has more than 320 cells, which are too small to be seen,
// only every second, third, … corner is drawn. Styles: Colors, LogColors (which
// makes the height logarithmic too), Limits.
func Surface(title, xLabel, yLabel, zLabel string, g Grid, z []float64, styles ...Style) *Relief {
	l := look{cmap: &Viridis, zlabel: zLabel}
	for _, s := range styles {
		s(&l)
	}
	r := &Relief{series: &Figure{}, x: xLabel, y: yLabel, g: g, z: z, bar: newColourBar(z, l, false)}
	if r.series.checkGrid("Surface", g, len(z)) {
		r.surface = bilinear(g, z)
	}
	r.title, r.w, r.h, r.colours = title, Width, Height, field
	r.describe, r.paint = r.describeRelief, r.paintRelief
	return r
}

// Size sets the size in CSS pixels, 640×400 unless set.
func (r *Relief) Size(w, h int) *Relief { r.setSize(w, h); return r }

// Alt sets the alternative text; see Picture.Alt.
func (r *Relief) Alt(text string) *Relief { r.alt = text; return r }

// Path adds a line on the surface through the points (x[i], y[i]), such as the
// path of an optimizer, with an open mark at the start and a filled one at the
// end. Its height is that of the surface, between the points as well. What a
// hill hides is not drawn, nor what leaves the grid.
func (r *Relief) Path(name string, x, y []float64, styles ...Style) *Relief {
	if x, ok := r.series.check("Path", name, x, y); ok {
		r.series.add(&layer{name: name, kind: "path", z: zLine, thumb: thumbLine, xs: [][]float64{x},
			ys: [][]float64{y}}, styles)
	}
	return r
}

func (r *Relief) describeRelief() string {
	paths := ""
	for _, l := range r.series.layers {
		paths += ", path"
		if l.name != "" {
			paths += " (" + l.name + ")"
		}
	}
	return plainText(fmt.Sprintf("%s: surface of %s, %s to %s, over %s and %s%s.", r.title, r.bar.label, short(r.bar.lo), short(r.bar.hi), r.x, r.y, paths))
}

// height is where z lies between the floor, 0, and the ceiling, 1.
func (r *Relief) height(z float64) float64 {
	if r.bar.log && z <= 0 {
		return 0
	}
	return math.Min(math.Max(r.bar.norm(z), 0), 1)
}

func (r *Relief) u(x float64) float64 { return (x - r.g.X[0]) / (r.g.X[len(r.g.X)-1] - r.g.X[0]) }
func (r *Relief) v(y float64) float64 { return (y - r.g.Y[0]) / (r.g.Y[len(r.g.Y)-1] - r.g.Y[0]) }

// A part of the picture is drawn after those that are farther away (the
// painter's algorithm).
type part struct {
	depth float64
	paint func()
}

func (r *Relief) paintRelief(c draw.Canvas) error {
	if len(r.series.errs) > 0 {
		return errors.Join(r.series.errs...)
	}
	c = drawTitle(draw.Crop(c, margin, -margin, margin, -margin), r.title)
	c = r.series.drawLegend(c)
	frame := c
	c.Max.X -= r.bar.width() + 8
	w := newView(c)
	floor := draw.LineStyle{Color: gridLine, Width: 1}
	for k := range 6 {
		t := float64(k) / 5
		a, b := w.at(t, 0, 0), w.at(t, 1, 0)
		c.StrokeLine2(floor, a.X, a.Y, b.X, b.Y)
		a, b = w.at(0, t, 0), w.at(1, t, 0)
		c.StrokeLine2(floor, a.X, a.Y, b.X, b.Y)
	}
	parts := r.quads(c, w)
	for _, l := range r.series.layers {
		parts = append(parts, r.line(c, w, l)...)
	}
	slices.SortStableFunc(parts, func(a, b part) int { return cmp.Compare(b.depth, a.depth) })
	for _, p := range parts {
		p.paint()
	}
	x, y := r.g.X, r.g.Y
	w.label(c, r.x, x[0], x[len(x)-1], func(t float64) (vg.Point, vg.Point) { return w.at(t, 0, 0), w.at(t, -0.07, 0) })
	w.label(c, r.y, y[0], y[len(y)-1], func(t float64) (vg.Point, vg.Point) { return w.at(1, t, 0), w.at(1.07, t, 0) })
	side := &axes{Canvas: frame}
	side.Min.Y += (frame.Max.Y - frame.Min.Y) * 0.15
	side.Max.Y -= (frame.Max.Y - frame.Min.Y) * 0.1
	r.bar.draw(side, c.Max.X)
	note := &noteLine{}
	for _, l := range r.series.layers {
		for i, x := range l.xs[0] {
			if !finite(x) || !finite(l.ys[0][i]) {
				note.skipped++
			}
		}
	}
	note.draw(frame)
	return nil
}

// quads are the cells of the surface, without those that have a corner which is
// not finite.
func (r *Relief) quads(c draw.Canvas, w view) (parts []part) {
	nx, ny := len(r.g.X), len(r.g.Y)
	is, js := corners(nx), corners(ny)
	for j := range js[1:] {
		for i := range is[1:] {
			var u, v, h [4]float64
			ok, mean := true, 0.0
			for k, d := range [4][2]int{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
				a, b := is[i+d[0]], js[j+d[1]]
				z := r.z[b*nx+a]
				ok = ok && finite(z)
				u[k], v[k], h[k] = r.u(r.g.X[a]), r.v(r.g.Y[b]), r.height(z)
				mean += h[k] / 4
			}
			if !ok {
				continue
			}
			parts = append(parts, part{w.depth(u[0]+u[1], v[0]+v[3]) / 2, func() {
				var pts []vg.Point
				for k := range u {
					pts = append(pts, w.at(u[k], v[k], h[k]))
				}
				col := lit(r.bar.cmap.At(mean), (h[1]+h[2]-h[0]-h[3])/(2*(u[1]-u[0])),
					(h[2]+h[3]-h[0]-h[1])/(2*(v[3]-v[0])))
				c.FillPolygon(col, pts)
				edge := draw.LineStyle{Color: col, Width: 0.6} // closes the hairlines between neighbours
				if max(nx, ny) <= 80 {
					edge.Color = mix(col, ink, 0.2)
				}
				c.StrokeLines(edge, append(pts, pts[0]))
			}})
		}
	}
	return parts
}

// lit is a colour under a light from the left, given the slopes of the surface;
// of level ground it is the colour itself.
func lit(c colour, du, dv float64) colour {
	const x, y, z = -0.45, 0.2, 0.87 // towards the light
	du, dv = tallness*du, tallness*dv
	light := (-du*x - dv*y + z) / math.Sqrt(du*du+dv*dv+1) / z // Lambert's cosine, relative to level ground
	if light < 1 {
		return mix(c, ink, 0.45*math.Min(1-light, 1))
	}
	return mix(c, paper, 0.6*(light-1))
}

// line is a path in parts that are shorter than the cells, so that a hill can
// hide some of them.
func (r *Relief) line(c draw.Canvas, w view, l *layer) (parts []part) {
	sty := l.look.line()
	rim := sty
	rim.Color, rim.Width, rim.Dashes = withAlpha(paper, 0.85), sty.Width+2.5, nil
	cell := w.depth(0, 1)/float64(len(r.g.Y)-1) - w.depth(1, 0)/float64(len(r.g.X)-1) // from corner to corner
	on := func(x, y float64) (p vg.Point, depth float64, ok bool) {
		z := r.surface(x, y)
		u, v := r.u(x), r.v(y)
		return w.at(u, v, r.height(z)), w.depth(u, v), finite(z)
	}
	add := func(depth float64, paint func()) {
		parts = append(parts, part{depth - 1.5*cell, paint}) // after the cells that touch it
	}
	x, y := l.xs[0], l.ys[0]
	for i := 1; i < len(x); i++ {
		far := math.Hypot(r.u(x[i])-r.u(x[i-1]), r.v(y[i])-r.v(y[i-1]))
		if !(far < 100) { // not finite, or from far outside
			continue
		}
		n := int(far/(0.5*cell)) + 1
		for k := range n {
			s, t := float64(k)/float64(n), float64(k+1)/float64(n)
			p, d, ok := on(x[i-1]+s*(x[i]-x[i-1]), y[i-1]+s*(y[i]-y[i-1]))
			q, e, ok2 := on(x[i-1]+t*(x[i]-x[i-1]), y[i-1]+t*(y[i]-y[i-1]))
			if ok && ok2 {
				add((d+e)/2, func() { c.StrokeLine2(rim, p.X, p.Y, q.X, q.Y) })
				add((d+e)/2-cell, func() { c.StrokeLine2(sty, p.X, p.Y, q.X, q.Y) })
			}
		}
	}
	ends := &axes{Canvas: c}
	if last := len(x) - 1; last >= 0 {
		if p, d, ok := on(x[0], y[0]); ok {
			add(d-2*cell, func() { ends.discAt(p, 5, paper, l.look.colour) })
		}
		if p, d, ok := on(x[last], y[last]); ok {
			add(d-2*cell, func() { ends.discAt(p, 5, l.look.colour, paper) })
		}
	}
	return parts
}

// maxCells along a side of a surface are as many as there are pixels for them
// to be seen.
const maxCells = 320

// corners returns the indices of n grid points that are drawn: all of them, or
// each second, third, … and the last.
func corners(n int) []int {
	var out []int
	step := (n - 1 + maxCells - 1) / maxCells
	for i := 0; i < n-1; i += step {
		out = append(out, i)
	}
	return append(out, n-1)
}

// view is a parallel projection of the unit cube, turned by 35 degrees and
// tilted by 30.
type view struct {
	cx, cy, k vg.Length
	s, c, e   float64
}

const tallness = 0.62 // height of the cube relative to its floor

func newView(c draw.Canvas) view {
	v := view{e: math.Sin(math.Pi / 6)}
	v.s, v.c = math.Sincos(35 * math.Pi / 180)
	w, h := v.s+v.c, (v.s+v.c)*v.e+tallness*math.Cos(math.Pi/6)
	v.k = min((c.Max.X-c.Min.X-70)/vg.Length(w), (c.Max.Y-c.Min.Y-46)/vg.Length(h))
	v.cx, v.cy = (c.Min.X+c.Max.X)/2, (c.Min.Y+c.Max.Y)/2+14
	return v
}

func (v view) at(x, y, z float64) vg.Point {
	x, y = x-0.5, y-0.5
	px := x*v.c + y*v.s
	py := (-x*v.s+y*v.c)*v.e + (z-0.5)*tallness*math.Cos(math.Pi/6)
	return vg.Point{X: v.cx + v.k*vg.Length(px), Y: v.cy + v.k*vg.Length(py)}
}

func (v view) depth(x, y float64) float64 { return -x*v.s + y*v.c }

// label writes the ends and the name of a floor edge.
func (v view) label(c draw.Canvas, name string, lo, hi float64, at func(t float64) (edge, text vg.Point)) {
	sty := textStyle(tickSize, softInk, draw.XCenter, draw.YTop)
	for _, t := range linearTicks(lo, hi, 4, 0) {
		u := (t.Value - lo) / (hi - lo)
		p, q := at(u)
		c.StrokeLine2(draw.LineStyle{Color: softInk, Width: 0.75}, p.X, p.Y, p.X+(q.X-p.X)*0.4, p.Y+(q.Y-p.Y)*0.4)
		c.FillText(sty, q, t.Label)
	}
	p, q := at(0.5)
	align := draw.XRight // away from the floor and its numbers
	if q.X > p.X {
		align = draw.XLeft
	}
	sty = textStyle(labelSize, ink, align, draw.YTop)
	c.FillText(sty, vg.Point{X: p.X + (q.X-p.X)*2.2, Y: p.Y + (q.Y-p.Y)*2.2 - 6}, name)
}
