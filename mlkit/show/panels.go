package show

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Panels combines pictures into one, with the given number of columns. The
// panels are smaller than the pictures would be alone; their text is not. Size
// sets the size of the whole.
func Panels(title string, columns int, parts ...Drawing) *Picture {
	columns = min(max(columns, 1), max(len(parts), 1))
	rows := (len(parts) + columns - 1) / columns
	size := map[int][2]int{1: {Width, 260}, 2: {420, 300}, 3: {320, 260}}
	cell, ok := size[columns]
	if !ok {
		cell = [2]int{960 / columns, 220}
	}
	p := &Picture{title: title, w: cell[0] * columns, h: cell[1] * max(rows, 1)}
	if title != "" {
		p.h += 28
	}
	for _, d := range parts {
		p.colours = max(p.colours, d.picture().colours)
	}
	p.describe = func() string {
		var s []string
		for _, d := range parts {
			s = append(s, d.picture().Describe())
		}
		return fmt.Sprintf("%s: %d panels. %s", plainText(title), len(parts), strings.Join(s, " "))
	}
	p.paint = func(c draw.Canvas) error {
		if len(parts) == 0 {
			return fmt.Errorf("no panels")
		}
		if title != "" {
			c.Max.Y = drawTitle(draw.Crop(c, margin, -margin, 0, -margin), title).Max.Y
		}
		w, h := (c.Max.X-c.Min.X)/vg.Length(columns), (c.Max.Y-c.Min.Y)/vg.Length(rows)
		for i, d := range parts {
			sub := c
			sub.Min.X = c.Min.X + w*vg.Length(i%columns)
			sub.Max.X = sub.Min.X + w
			sub.Max.Y = c.Max.Y - h*vg.Length(i/columns)
			sub.Min.Y = sub.Max.Y - h
			if err := d.picture().paint(sub); err != nil {
				return fmt.Errorf("panel %d (%s): %w", i+1, d.picture().title, err)
			}
		}
		return nil
	}
	return p
}
