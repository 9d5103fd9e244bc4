package show

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Diagram is a picture of boxes and arrows: the computation graph of a loss,
// with values and gradients on its edges, or the layers of a network. Make one
// with Graph, add nodes and edges, and call Show. Arrows run from left to
// right; places and size are chosen automatically.
//
//	show.Graph("One neuron").
//		Box("x", "x = 2").Box("w", "w = −3").
//		Op("mul", "×").Op("loss", "( )²").
//		Edge("x", "mul", "2", "∂L/∂x = 36").Edge("w", "mul", "−3", "∂L/∂w = −24").
//		Edge("mul", "loss", "−6", "−12").
//		Show()
type Diagram struct {
	Picture
	nodes []*node
	edges []*edge
	byID  map[string]*node
	errs  []error
}

type node struct {
	id, label string
	op        bool
	look      look
	lines     []string
	w, h      vg.Length
	layer     int
	x, y      vg.Length // of the centre; y downwards
	in, out   []*edge
}

type edge struct {
	from, to        *node
	label, gradient string
	via             []*node // places of the edge in the layers that it crosses
}

// Graph starts a diagram.
func Graph(title string) *Diagram {
	d := &Diagram{byID: map[string]*node{}}
	d.title, d.w, d.h = title, Width, Height
	d.paint, d.describe = d.paintDiagram, d.describeDiagram
	return d
}

// Alt sets the alternative text; see Picture.Alt.
func (d *Diagram) Alt(text string) *Diagram { d.alt = text; return d }

// Box adds a rectangle: a value, a parameter, a layer. The id is what Edge
// refers to. The label may have several lines. Style: Color.
func (d *Diagram) Box(id, label string, styles ...Style) *Diagram {
	return d.add(id, label, false, styles)
}

// Op adds a circle: an operation, such as "×" or "ReLU". Style: Color.
func (d *Diagram) Op(id, label string, styles ...Style) *Diagram {
	return d.add(id, label, true, styles)
}

func (d *Diagram) add(id, label string, op bool, styles []Style) *Diagram {
	if d.byID[id] != nil {
		d.errs = append(d.errs, fmt.Errorf("two nodes %q", id))
		return d
	}
	n := &node{id: id, label: label, op: op, look: look{colour: softInk}}
	for _, s := range styles {
		s(&n.look)
	}
	d.nodes = append(d.nodes, n)
	d.byID[id] = n
	d.layout()
	return d
}

// Edge adds an arrow between two nodes. Of the texts, the first is written
// above it (a value, a shape) and the second below it in another colour (a
// gradient).
func (d *Diagram) Edge(from, to string, texts ...string) *Diagram {
	for _, id := range []string{from, to} {
		if d.byID[id] == nil {
			d.errs = append(d.errs, fmt.Errorf("Edge(%q, %q): there is no node %q; add it first", from, to, id))
			return d
		}
	}
	if len(texts) > 2 {
		d.errs = append(d.errs, fmt.Errorf("Edge(%q, %q): %d texts; want at most one above and one below", from, to, len(texts)))
		return d
	}
	e := &edge{from: d.byID[from], to: d.byID[to]}
	if len(texts) > 0 {
		e.label = texts[0]
	}
	if len(texts) > 1 {
		e.gradient = texts[1]
	}
	e.from.out, e.to.in = append(e.from.out, e), append(e.to.in, e)
	d.edges = append(d.edges, e)
	d.layout()
	return d
}

func (d *Diagram) describeDiagram() string {
	var parts []string
	for _, e := range d.edges {
		s := strings.ReplaceAll(e.from.label+" → "+e.to.label, "\n", " ")
		if t := strings.Join(slices.DeleteFunc([]string{e.label, e.gradient},
			func(s string) bool { return s == "" }), "; "); t != "" {
			s += " (" + t + ")"
		}
		parts = append(parts, s)
	}
	if len(parts) == 0 {
		for _, n := range d.nodes {
			parts = append(parts, strings.ReplaceAll(n.label, "\n", " "))
		}
	}
	s := fmt.Sprintf("a graph of %d nodes. %s.", len(d.nodes), strings.Join(parts, ", "))
	if d.title != "" {
		s = d.title + ": " + s
	}
	return plainText(s)
}

func (d *Diagram) paintDiagram(c draw.Canvas) error {
	if err := d.check(); err != nil {
		return err
	}
	c = drawTitle(draw.Crop(c, margin, -margin, margin, -margin), d.title)
	// The places are for the natural size; in a panel, or after Size, there may
	// be less room.
	w, h := d.extent()
	k := min(1, (c.Max.X-c.Min.X)/w, (c.Max.Y-c.Min.Y)/h)
	if k*labelSize < smallestText {
		return fmt.Errorf("the graph needs %.0f×%.0f CSS pixels and has %.0f×%.0f: give it a larger Size, or leave Size out", w, h, c.Max.X-c.Min.X, c.Max.Y-c.Min.Y)
	}
	b := board{c, k, vg.Point{X: (c.Min.X + c.Max.X - k*w) / 2, Y: (c.Min.Y + c.Max.Y + k*h) / 2}}
	for _, e := range d.edges {
		b.arrow(e)
	}
	for _, n := range d.nodes {
		b.node(n)
	}
	for _, e := range d.edges {
		b.texts(e)
	}
	return nil
}

// board is where a diagram is drawn, k times its natural size.
type board struct {
	draw.Canvas
	k       vg.Length
	topLeft vg.Point
}

func (b board) at(n *node) vg.Point {
	return vg.Point{X: b.topLeft.X + b.k*n.x, Y: b.topLeft.Y - b.k*n.y}
}

func (d *Diagram) check() error {
	if len(d.errs) > 0 {
		return errors.Join(d.errs...)
	}
	if len(d.nodes) == 0 {
		return errors.New("a graph without nodes")
	}
	return d.circle()
}

func (b board) node(n *node) {
	p, w, h := b.at(n), b.k*n.w/2, b.k*n.h/2
	var path vg.Path
	if n.op {
		path.Move(vg.Point{X: p.X + w, Y: p.Y})
		path.Arc(p, w, 0, 2*math.Pi)
		path.Close()
	} else {
		path = rounded(vg.Rectangle{Min: vg.Point{X: p.X - w, Y: p.Y - h}, Max: vg.Point{X: p.X + w, Y: p.Y + h}},
			6*b.k)
	}
	b.SetColor(mix(paper, n.look.colour, 0.12))
	b.Fill(path)
	b.SetLineStyle(draw.LineStyle{Color: n.look.colour, Width: 1.25})
	b.Stroke(path)
	sty := textStyle(labelSize*float64(b.k), ink, draw.XCenter, draw.YCenter)
	for i, line := range n.lines {
		y := p.Y + lineHeight(sty)*(vg.Length(len(n.lines)-1)/2-vg.Length(i)) + b.k
		b.FillText(sty, vg.Point{X: p.X, Y: y}, line)
	}
}

func rounded(r vg.Rectangle, radius vg.Length) vg.Path {
	const half = math.Pi / 2
	var p vg.Path
	p.Move(vg.Point{X: r.Min.X + radius, Y: r.Min.Y})
	p.Line(vg.Point{X: r.Max.X - radius, Y: r.Min.Y})
	p.Arc(vg.Point{X: r.Max.X - radius, Y: r.Min.Y + radius}, radius, -half, half)
	p.Line(vg.Point{X: r.Max.X, Y: r.Max.Y - radius})
	p.Arc(vg.Point{X: r.Max.X - radius, Y: r.Max.Y - radius}, radius, 0, half)
	p.Line(vg.Point{X: r.Min.X + radius, Y: r.Max.Y})
	p.Arc(vg.Point{X: r.Min.X + radius, Y: r.Max.Y - radius}, radius, half, half)
	p.Line(vg.Point{X: r.Min.X, Y: r.Min.Y + radius})
	p.Arc(vg.Point{X: r.Min.X + radius, Y: r.Min.Y + radius}, radius, 2*half, half)
	p.Close()
	return p
}

// bends are the points that the edge goes through, from rim to rim.
func (b board) bends(e *edge) []vg.Point {
	p, q := b.at(e.from), b.at(e.to)
	pts := []vg.Point{{X: p.X + b.k*e.from.w/2, Y: p.Y}}
	for _, v := range e.via {
		pts = append(pts, b.at(v))
	}
	return append(pts, vg.Point{X: q.X - b.k*e.to.w/2, Y: q.Y})
}

func (b board) arrow(e *edge) {
	head := 8 * b.k
	pts := b.bends(e)
	last := len(pts) - 1
	tip := pts[last]
	pts[last].X -= head
	var path vg.Path
	path.Move(pts[0])
	for i := range pts[1:] {
		p, q := pts[i], pts[i+1]
		bend := (q.X - p.X) / 2
		path.CubeTo(vg.Point{X: p.X + bend, Y: p.Y}, vg.Point{X: q.X - bend, Y: q.Y}, q)
	}
	b.SetLineStyle(draw.LineStyle{Color: softInk, Width: 1.5 * b.k})
	b.Stroke(path)
	b.FillPolygon(softInk, []vg.Point{tip, {X: tip.X - head, Y: tip.Y + head*0.45},
		{X: tip.X - head, Y: tip.Y - head*0.45}})
}

// texts are written where edges are apart: near the start if several end
// together, near the end if several start together.
func (b board) texts(e *edge) {
	pts := b.bends(e)
	middle := (len(pts) - 2) / 2
	t := 0.5
	switch {
	case len(e.via) > 0:
	case len(e.to.in) > 1 && len(e.from.out) == 1:
		t = 0.36
	case len(e.from.out) > 1 && len(e.to.in) == 1:
		t = 0.62
	}
	p, q := pts[middle], pts[middle+1]
	ease := t * t * (3 - 2*t) // the height of the curve at t
	mid := vg.Point{X: p.X + (q.X-p.X)*vg.Length(t), Y: p.Y + (q.Y-p.Y)*vg.Length(ease)}
	for i, s := range []string{e.label, e.gradient} {
		if s == "" {
			continue
		}
		sty := textStyle(tickSize*float64(b.k), []colour{ink, seriesColours[1]}[i], draw.XCenter, draw.YCenter)
		y := mid.Y + []vg.Length{10, -10}[i]*b.k
		w, h := sty.Width(s)/2+2, 7.5*b.k
		b.FillPolygon(withAlpha(paper, 0.85), []vg.Point{{X: mid.X - w, Y: y - h}, {X: mid.X + w, Y: y - h},
			{X: mid.X + w, Y: y + h}, {X: mid.X - w, Y: y + h}})
		b.FillText(sty, vg.Point{X: mid.X, Y: y + b.k}, s)
	}
}
