package show

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

type colourBar struct{}

func (b *colourBar) draw(c draw.Canvas, below vg.Length) draw.Canvas { return c }
