package show

import (
	"image"
	"image/color"
	stddraw "image/draw"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
)

// canvas is gonum's pixel canvas with long paths cut into pieces. The
// rasteriser underneath (github.com/golang/freetype/raster) keeps a linked list
// of touched pixels for each row and walks it for each edge that crosses the
// row, so a path that goes up and down n times costs n²: a line of 2000 noisy
// points took seconds. Paths of up to longPath components are drawn as they
// are.
type canvas struct {
	*vgimg.Canvas
	state
	saved []state
}

// state is what Push saves and vgimg does not tell.
type state struct {
	color   color.Color
	width   vg.Length
	dashes  []vg.Length
	offset  vg.Length
	turned  bool // coordinates are not the page's any more
	density float64
}

const (
	longPath = 256 // components
	piece    = 24  // components of a path, few enough for the lists to be short
	slab     = 16  // device pixels
)

var _ vg.Canvas = (*canvas)(nil)

func newCanvas(w, h vg.Length, density float64, ground color.Color) *canvas {
	return &canvas{
		Canvas: vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(int(72*density+0.5)), vgimg.UseBackgroundColor(ground)),
		state:  state{color: color.Black, width: vg.Points(1), density: density},
	}
}

func (c *canvas) SetColor(clr color.Color) { c.color = clr; c.Canvas.SetColor(clr) }

func (c *canvas) SetLineWidth(w vg.Length) { c.width = w; c.Canvas.SetLineWidth(w) }

func (c *canvas) SetLineDash(dashes []vg.Length, offset vg.Length) {
	c.dashes, c.offset = dashes, offset
	c.Canvas.SetLineDash(dashes, offset)
}

func (c *canvas) Rotate(angle float64) { c.turned = true; c.Canvas.Rotate(angle) }

func (c *canvas) Translate(by vg.Point) { c.turned = true; c.Canvas.Translate(by) }

func (c *canvas) Scale(x, y float64) { c.turned = true; c.Canvas.Scale(x, y) }

func (c *canvas) Push() { c.saved = append(c.saved, c.state); c.Canvas.Push() }

func (c *canvas) Pop() {
	last := len(c.saved) - 1
	c.state, c.saved = c.saved[last], c.saved[:last]
	c.Canvas.Pop()
}

// Stroke draws the outline of p.
func (c *canvas) Stroke(p vg.Path) {
	lines, ok := polylines(p)
	if len(p) <= longPath || !ok || c.turned || c.width <= 0 || c.calm(lines) {
		c.Canvas.Stroke(p)
		return
	}
	if _, _, _, a := c.color.RGBA(); a == 0xFFFF {
		c.strokePieces(lines)
		return
	}
	// Pieces overlap, which would be seen where the colour is translucent: they
	// are drawn as a mask.
	w, h := c.Size()
	mask := newCanvas(w, h, c.density, color.Transparent)
	mask.SetLineWidth(c.width)
	mask.SetLineDash(c.dashes, c.offset)
	mask.SetColor(color.Black)
	mask.strokePieces(lines)
	img := c.Image()
	stddraw.DrawMask(img, img.Bounds(), image.NewUniform(c.color), image.Point{}, mask.Image(), image.Point{},
		stddraw.Over)
}

// calm tells whether the lines go up and down little enough to be drawn whole:
// where pieces overlap, their edges are a little darker, which is seen on a
// smooth curve and not on a noisy one.
func (c *canvas) calm(lines [][]vg.Point) bool {
	const crossings = 16 // of each row of pixels, in the mean
	_, height := c.Size()
	var travelled vg.Length
	for _, line := range lines {
		for i := 1; i < len(line); i++ {
			travelled += vg.Length(math.Abs(float64(line[i].Y - line[i-1].Y)))
		}
	}
	return travelled < crossings*height
}

// strokePieces draws each piece together with the segment before it, so that
// the corner between them is round like all others. Dashes go on where they
// would without the cut.
func (c *canvas) strokePieces(lines [][]vg.Point) {
	defer c.Canvas.SetLineDash(c.dashes, c.offset)
	for _, line := range lines {
		at := c.offset // along the line, of point start
		for start := 0; start+1 < len(line); {
			end := min(start+piece, len(line)-1)
			if len(c.dashes) > 0 {
				c.Canvas.SetLineDash(c.dashes, at)
			}
			c.Canvas.Stroke(pathOf(line[start : end+1]))
			if end == len(line)-1 {
				break
			}
			for ; start < end-1; start++ {
				at += distance(line[start], line[start+1])
			}
		}
	}
}

func distance(p, q vg.Point) vg.Length {
	return vg.Length(math.Hypot(float64(q.X-p.X), float64(q.Y-p.Y)))
}

// Fill fills the inside of p.
func (c *canvas) Fill(p vg.Path) {
	lines, ok := polylines(p)
	if len(p) <= longPath || !ok || len(lines) != 1 || c.turned {
		c.Canvas.Fill(p)
		return
	}
	c.fillSlabs(lines[0])
}

// fillSlabs cuts the polygon at borders of device pixels, where nothing is seen
// of a cut.
func (c *canvas) fillSlabs(poly []vg.Point) {
	if len(poly) < 3 {
		return
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range poly {
		lo, hi = math.Min(lo, float64(p.X)*c.density), math.Max(hi, float64(p.X)*c.density)
	}
	first, last := math.Floor(lo), math.Ceil(hi)
	if len(poly) <= longPath || last-first <= slab {
		c.Canvas.Fill(pathOf(append(poly, poly[0])))
		return
	}
	cut := vg.Length(math.Floor((first+last)/2) / c.density)
	half := draw.Canvas{Rectangle: vg.Rectangle{Min: vg.Point{X: vg.Length(first-1) / vg.Length(c.density)},
		Max: vg.Point{X: cut}}}
	c.fillSlabs(half.ClipPolygonX(poly))
	half.Min.X, half.Max.X = cut, vg.Length(last+1)/vg.Length(c.density)
	c.fillSlabs(half.ClipPolygonX(poly))
}

func pathOf(line []vg.Point) vg.Path {
	p := make(vg.Path, 0, len(line))
	p.Move(line[0])
	for _, q := range line[1:] {
		p.Line(q)
	}
	return p
}

// polylines returns the points of a path that has no curves.
func polylines(p vg.Path) (lines [][]vg.Point, ok bool) {
	var line []vg.Point
	for _, e := range p {
		switch {
		case e.Type == vg.MoveComp:
			if len(line) > 0 {
				lines = append(lines, line)
			}
			line = []vg.Point{e.Pos}
		case e.Type == vg.LineComp && len(line) > 0:
			line = append(line, e.Pos)
		case e.Type == vg.CloseComp && len(line) > 0:
			line = append(line, line[0])
		default:
			return nil, false
		}
	}
	if len(line) > 0 {
		lines = append(lines, line)
	}
	return lines, true
}
