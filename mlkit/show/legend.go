package show

import (
	"fmt"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// thumb says what stands beside a name in the legend.
type thumb uint8

const (
	thumbLine thumb = 1 << iota
	thumbFill
	thumbPoint
)

// drawLegend writes the names in rows at the top of c, outside of the data, and
// returns what is left. If they would take more than two fifths of the height,
// the last row says how many have no place.
func (f *Figure) drawLegend(c draw.Canvas) draw.Canvas {
	const mark, gap, row = 22, 16, 18
	sty := textStyle(legendSize, ink, draw.XLeft, draw.YCenter)
	x, y, any := c.Min.X, c.Max.Y-row/2, false
	lowest := c.Max.Y - max((c.Max.Y-c.Min.Y)*0.4, row) // the data need the rest
	var left int                                        // names without a place
	for _, name := range slices.Concat(f.names, f.references) {
		var kinds []*layer
		for _, l := range f.layers {
			if name != "" && l.name == name && l.thumb != 0 {
				kinds = append(kinds, l)
			}
		}
		if len(kinds) == 0 {
			continue
		}
		label := fit(name, sty, c.Max.X-c.Min.X-mark-6)
		w := mark + 6 + sty.Width(label)
		if x > c.Min.X && x+w > c.Max.X {
			x = c.Min.X
			y -= row
		}
		if y-row/2 < lowest {
			left++
			continue
		}
		for _, l := range kinds {
			l.drawThumb(&c, vg.Rectangle{Min: vg.Point{X: x, Y: y - 6}, Max: vg.Point{X: x + mark, Y: y + 6}})
		}
		c.FillText(sty, vg.Point{X: x + mark + 6, Y: y + 1.5}, label)
		x += w + gap
		any = true
	}
	if left > 0 {
		sty.Color = softInk
		c.FillText(sty, vg.Point{X: c.Min.X, Y: y + 1.5}, fmt.Sprintf("… and %d more", left))
	}
	if any {
		c.Max.Y = y - row/2 - 4
	}
	return c
}

func (l *layer) drawThumb(c *draw.Canvas, r vg.Rectangle) {
	mid := (r.Min.Y + r.Max.Y) / 2
	if l.thumb&thumbFill != 0 {
		c.FillPolygon(l.look.fill(), []vg.Point{r.Min, {X: r.Max.X, Y: r.Min.Y}, r.Max, {X: r.Min.X, Y: r.Max.Y}})
	}
	if l.thumb&thumbLine != 0 {
		c.StrokeLine2(l.look.line(), r.Min.X, mid, r.Max.X, mid)
	}
	if l.thumb&thumbPoint != 0 {
		l.look.glyph(c, vg.Point{X: (r.Min.X + r.Max.X) / 2, Y: mid}, 4)
	}
}
