package show

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Surface shows z over the grid as a surface seen from above at an angle. It
// gives an impression of a landscape; use Contour to read off values or to
// follow a path. If a side has more than 320 cells, which are too small to be
// seen, only every second, third, … corner is drawn. Styles: Colors, LogColors
// (which makes the height logarithmic too), Limits.
func Surface(title, xLabel, yLabel, zLabel string, g Grid, z []float64, styles ...Style) *Picture {
	l := look{cmap: &Viridis, zlabel: zLabel}
	for _, s := range styles {
		s(&l)
	}
	check := &Figure{}
	check.checkGrid("Surface", g, len(z))
	p := &Picture{title: title, w: Width, h: Height, colours: field}
	bar := newColourBar(z, l, false)
	p.describe = func() string {
		return plainText(fmt.Sprintf("%s: surface of %s, %s to %s, over %s and %s.", title, zLabel, short(bar.lo), short(bar.hi), xLabel, yLabel))
	}
	p.paint = func(c draw.Canvas) error {
		if len(check.errs) > 0 {
			return check.errs[0]
		}
		c = drawTitle(draw.Crop(c, margin, -margin, margin, -margin), title)
		frame := c
		c.Max.X -= bar.width() + 8
		view := newView(c)
		nx := len(g.X)
		height := func(i, j int) float64 {
			v := z[j*nx+i]
			if bar.log && v <= 0 {
				return 0
			}
			return math.Min(math.Max(bar.norm(v), 0), 1)
		}
		u := func(i int) float64 { return (g.X[i] - g.X[0]) / (g.X[nx-1] - g.X[0]) }
		v := func(j int) float64 { return (g.Y[j] - g.Y[0]) / (g.Y[len(g.Y)-1] - g.Y[0]) }

		// The floor and its labels, then the quadrilaterals from the far to the
		// near (the painter's algorithm).
		floor := draw.LineStyle{Color: gridLine, Width: 1}
		for k := range 6 {
			t := float64(k) / 5
			a, b := view.at(t, 0, 0), view.at(t, 1, 0)
			c.StrokeLine2(floor, a.X, a.Y, b.X, b.Y)
			a, b = view.at(0, t, 0), view.at(1, t, 0)
			c.StrokeLine2(floor, a.X, a.Y, b.X, b.Y)
		}
		type quad struct {
			i, j  int
			depth float64
		}
		var quads []quad
		is, js := corners(nx), corners(len(g.Y))
		for j := range js[1:] {
			for i := range is[1:] {
				quads = append(quads, quad{i, j, view.depth(u(is[i])+u(is[i+1]), v(js[j])+v(js[j+1]))})
			}
		}
		slices.SortStableFunc(quads, func(a, b quad) int { return cmp.Compare(b.depth, a.depth) })
		mesh := max(nx, len(g.Y)) <= 80
		for _, q := range quads {
			pts, sum, ok := []vg.Point{}, 0.0, true
			for _, d := range [][2]int{{0, 0}, {1, 0}, {1, 1}, {0, 1}} {
				i, j := is[q.i+d[0]], js[q.j+d[1]]
				h := height(i, j)
				ok = ok && finite(z[j*nx+i])
				sum += h / 4
				pts = append(pts, view.at(u(i), v(j), h))
			}
			if !ok {
				continue
			}
			col := bar.cmap.At(sum)
			c.FillPolygon(col, pts)
			edge := draw.LineStyle{Color: col, Width: 0.6} // closes the hairlines between neighbours
			if mesh {
				edge.Color = mix(col, ink, 0.3)
			}
			c.StrokeLines(edge, append(pts, pts[0]))
		}
		view.label(c, xLabel, g.X[0], g.X[nx-1], func(t float64) (vg.Point, vg.Point) { return view.at(t, 0, 0), view.at(t, -0.07, 0) })
		view.label(c, yLabel, g.Y[0], g.Y[len(g.Y)-1], func(t float64) (vg.Point, vg.Point) { return view.at(1, t, 0), view.at(1.07, t, 0) })
		side := &axes{Canvas: frame}
		side.Min.Y += (frame.Max.Y - frame.Min.Y) * 0.15
		side.Max.Y -= (frame.Max.Y - frame.Min.Y) * 0.1
		bar.draw(side, c.Max.X)
		return nil
	}
	return p
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
	sty = textStyle(labelSize, ink, draw.XCenter, draw.YTop)
	c.FillText(sty, vg.Point{X: p.X + (q.X-p.X)*2.2, Y: p.Y + (q.Y-p.Y)*2.2 - 6}, name)
}
