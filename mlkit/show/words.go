package show

import (
	"strings"

	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func lineHeight(s text.Style) vg.Length { return s.Font.Size * 1.25 }

// wrap breaks s into lines no wider than width. A word that is wider by itself stays whole.
func wrap(s string, sty text.Style, width vg.Length) []string {
	var lines []string
	for para := range strings.SplitSeq(s, "\n") {
		line := ""
		for _, word := range strings.Fields(para) {
			switch {
			case line == "":
				line = word
			case sty.Width(line+" "+word) <= width:
				line += " " + word
			default:
				lines = append(lines, line)
				line = word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// fit cuts s with an ellipsis so that it is no wider than width.
func fit(s string, sty text.Style, width vg.Length) string {
	if sty.Width(s) <= width {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && sty.Width(string(r)+"…") > width {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// drawTitle writes the title at the top left of c and returns what is left of it.
func drawTitle(c draw.Canvas, title string) draw.Canvas {
	if title == "" {
		return c
	}
	size := float64(titleSize)
	if c.Max.X-c.Min.X < 420 { // a panel
		size = labelSize
	}
	sty := bold(textStyle(size, ink, draw.XLeft, draw.YTop))
	for _, line := range wrap(title, sty, c.Max.X-c.Min.X) {
		c.FillText(sty, vg.Point{X: c.Min.X, Y: c.Max.Y}, line)
		c.Max.Y -= lineHeight(sty)
	}
	c.Max.Y -= 4
	return c
}
