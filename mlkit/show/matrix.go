package show

import (
	"fmt"
	"math"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Matrix shows values[row][column] as coloured cells with the number inside,
// written in the given format ("%.2f"; "": no numbers). Labels may be nil. If
// the cells are too small for readable numbers, a colour bar is drawn instead,
// and if labels are too close together only every second, third, … is written.
// Styles: Colors, LogColors, Limits.
func Matrix(title string, rows, cols []string, values [][]float64, format string, styles ...Style) *Picture {
	return matrix(title, "", "", rows, cols, values, func(i, j int) string {
		if format == "" {
			return ""
		}
		return minus(fmt.Sprintf(format, values[i][j]))
	}, values, styles)
}

// Confusion shows the confusion matrix counts[true][predicted]. The cells
// contain the counts; the colours are the shares of the true class, so that
// rare classes are as visible as frequent ones.
func Confusion(title string, labels []string, counts [][]int, styles ...Style) *Picture {
	share := make([][]float64, len(counts))
	text := func(i, j int) string {
		if counts[i][j] == 0 {
			return "·"
		}
		return fmt.Sprint(counts[i][j])
	}
	right, all := 0, 0
	for i, r := range counts {
		sum := 0
		for j, n := range r {
			sum += n
			if i == j {
				right += n
			}
		}
		all += sum
		for _, n := range r {
			share[i] = append(share[i], float64(n)/math.Max(float64(sum), 1))
		}
	}
	p := matrix(title, "true", "predicted", labels, labels, share, text, share, append([]Style{Limits(0, 1)}, styles...))
	p.alt = fmt.Sprintf("%s: confusion matrix of %d classes, %d of %d on the diagonal.", title, len(counts), right, all)
	return p
}

// smallestText is the size of letters, in CSS pixels, below which the colour
// bar takes the place of the numbers in the cells.
const smallestText = 5

func matrix(title, yLabel, xLabel string, rows, cols []string, values [][]float64, text func(i, j int) string,
	all [][]float64, styles []Style) *Picture {
	l := look{cmap: &Blues}
	for _, s := range styles {
		s(&l)
	}
	nr, nc := len(values), 0
	if nr > 0 {
		nc = len(values[0])
	}
	p := &Picture{title: title, w: Width, h: Height, colours: field}
	p.describe = func() string { return fmt.Sprintf("%s: matrix of %d rows and %d columns.", title, nr, nc) }
	if nr > 5 {
		p.h = min(max(Height, 40*nr+100), Width)
	}
	p.paint = func(c draw.Canvas) error {
		if nr == 0 || nc == 0 {
			return fmt.Errorf("a matrix of %d rows and %d columns", nr, nc)
		}
		for i, r := range values {
			if len(r) != nc {
				return fmt.Errorf("row %d has %d values, row 0 has %d", i, len(r), nc)
			}
		}
		if rows != nil && len(rows) != nr || cols != nil && len(cols) != nc {
			return fmt.Errorf("%d row and %d column labels for a matrix of %d rows and %d columns", len(rows), len(cols), nr, nc)
		}
		var flat []float64
		for _, r := range all {
			flat = append(flat, r...)
		}
		bar := newColourBar(flat, l, false)
		c = drawTitle(draw.Crop(c, margin, -margin, margin, -margin), title)

		side, foot := textStyle(tickSize, ink, draw.XRight, draw.YCenter), textStyle(tickSize, ink, draw.XCenter,
			draw.YTop)
		label := textStyle(labelSize, ink, draw.XCenter, draw.YTop)
		numbers := text(0, 0) != "" && min((c.Max.X-c.Min.X)/vg.Length(nc)/2,
			(c.Max.Y-c.Min.Y)/vg.Length(nr)*0.8) >= smallestText
		d := c
		for _, r := range rows {
			d.Min.X = max(d.Min.X, c.Min.X+side.Width(r)+8)
		}
		if yLabel != "" {
			d.Min.X += labelSize * 1.5
		}
		if cols != nil {
			d.Min.Y += lineHeight(foot) + 4
		}
		if xLabel != "" {
			d.Min.Y += labelSize * 1.5
		}
		if !numbers {
			d.Max.X -= bar.width()
		}
		cw, ch := (d.Max.X-d.Min.X)/vg.Length(nc), (d.Max.Y-d.Min.Y)/vg.Length(nr)
		tilt := false
		for _, s := range cols {
			tilt = tilt || foot.Width(s)+4 > cw
		}
		if tilt { // long column names stand upright
			foot.Rotation, foot.XAlign, foot.YAlign = math.Pi/2, draw.XRight, draw.YCenter
			for _, s := range cols {
				d.Min.Y = max(d.Min.Y, c.Min.Y+foot.Width(s)+8)
			}
			if xLabel != "" {
				d.Min.Y += labelSize * 1.5
			}
			ch = (d.Max.Y - d.Min.Y) / vg.Length(nr)
		}
		cw = min(cw, ch*2.2) // cells are no wider than this, and no taller than wide
		ch = min(ch, cw)
		d.Min.Y, d.Max.X = d.Max.Y-ch*vg.Length(nr), d.Min.X+cw*vg.Length(nc)

		a := &axes{Canvas: d, x: scale{lo: 0, hi: float64(nc)}, y: scale{lo: 0, hi: float64(nr)}}
		a.raster(func(w, h int, xy func(i, j int) (float64, float64), set func(i, j int, c colour)) {
			for j := range h {
				for i := range w {
					x, y := xy(i, j)
					set(i, j, bar.colour(all[min(max(int(float64(nr)-y), 0), nr-1)][min(max(int(x), 0), nc-1)]))
				}
			}
		})
		if numbers {
			size := float64(tickSize)
			for i := range nr {
				for j := range nc {
					if w := float64(textStyle(tickSize, ink, 0, 0).Width(text(i, j))); w > 0 {
						size = math.Min(size, tickSize*float64(cw-4)/w)
					}
				}
			}
			size = math.Min(size, float64(ch)*0.8)
			for i := range nr {
				for j := range nc {
					sty := textStyle(size, readableOn(bar.colour(all[i][j])), draw.XCenter, draw.YCenter)
					d.FillText(sty, vg.Point{X: d.Min.X + cw*(vg.Length(j)+0.5),
						Y: d.Max.Y - ch*(vg.Length(i)+0.5)}, text(i, j))
				}
			}
			if cw > 12 {
				gap := draw.LineStyle{Color: paper, Width: 1}
				for i := 1; i < nr; i++ {
					d.StrokeLine2(gap, d.Min.X, d.Max.Y-ch*vg.Length(i), d.Max.X, d.Max.Y-ch*vg.Length(i))
				}
				for j := 1; j < nc; j++ {
					d.StrokeLine2(gap, d.Min.X+cw*vg.Length(j), d.Min.Y, d.Min.X+cw*vg.Length(j), d.Max.Y)
				}
			}
		} else {
			bar.draw(a, d.Max.X)
		}
		for i, r := range rows {
			if i%everyNth(side, ch) != 0 {
				continue
			}
			d.FillText(side, vg.Point{X: d.Min.X - 5, Y: d.Max.Y - ch*(vg.Length(i)+0.5)}, r)
		}
		for j, s := range cols {
			if tilt && j%everyNth(foot, cw) != 0 {
				continue
			}
			d.FillText(foot, vg.Point{X: d.Min.X + cw*(vg.Length(j)+0.5), Y: d.Min.Y - 4}, s)
		}
		if xLabel != "" {
			y := d.Min.Y - 4 - lineHeight(foot)
			if tilt {
				y = c.Min.Y + labelSize*1.3
			}
			d.FillText(label, vg.Point{X: (d.Min.X + d.Max.X) / 2, Y: y}, xLabel)
		}
		if yLabel != "" {
			label.Rotation = math.Pi / 2
			d.FillText(label, vg.Point{X: c.Min.X, Y: (d.Min.Y + d.Max.Y) / 2}, yLabel)
		}
		return nil
	}
	return p
}
