package show

import (
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A NetworkLayer is one column of units in the picture that Network makes.
type NetworkLayer struct {
	Name  string   // below the column, such as "hidden\nReLU"; "" for none
	Units int      // how many there are; of more than ten only some are drawn, with the number below
	Label []string // inside of the circles, from the top: "x_{1}"; nil for none
}

// Network shows fully connected layers as columns of circles with all their
// connections. For other layers, such as convolutions, draw the layers as boxes
// of a Graph.
//
//	show.Network("A hidden layer",
//		show.NetworkLayer{Name: "input", Units: 2, Label: []string{"x_{1}", "x_{2}"}},
//		show.NetworkLayer{Name: "hidden\nReLU", Units: 16},
//		show.NetworkLayer{Name: "output", Units: 1})
func Network(title string, layers ...NetworkLayer) *Picture {
	p := &Picture{title: title, w: Width, h: 320}
	p.describe = func() string {
		var parts []string
		for _, l := range layers {
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %d", strings.ReplaceAll(l.Name, "\n", " "), l.Units)))
		}
		s := fmt.Sprintf("a network of %d fully connected layers of units: %s.", len(layers), strings.Join(parts, ", "))
		if title != "" {
			s = title + ": " + s
		}
		return plainText(s)
	}
	p.paint = func(c draw.Canvas) error {
		if len(layers) == 0 {
			return fmt.Errorf("a network without layers")
		}
		for i, l := range layers {
			if l.Units < 1 {
				return fmt.Errorf("layer %d (%q) has %d units", i, l.Name, l.Units)
			}
			if l.Label != nil && len(l.Label) != l.Units {
				return fmt.Errorf("layer %d (%q): %d labels for %d units", i, l.Name, len(l.Label), l.Units)
			}
		}
		drawNetwork(drawTitle(draw.Crop(c, margin, -margin, margin, -margin), title), layers)
		return nil
	}
	return p
}

// shownUnits are the indices of the units of a column; −1 stands for those left
// out.
func shownUnits(n int) []int {
	if n <= 10 {
		return indices(0, n)
	}
	return append(append(indices(0, 4), -1), indices(n-4, n)...)
}

func indices(from, to int) (out []int) {
	for i := from; i < to; i++ {
		out = append(out, i)
	}
	return out
}

func drawNetwork(c draw.Canvas, layers []NetworkLayer) {
	name := textStyle(tickSize, ink, draw.XCenter, draw.YTop)
	foot, most := vg.Length(0), 1             // room for the captions; circles in the longest column
	captions := make([][]string, len(layers)) // lines below the columns
	for i, l := range layers {
		if l.Name != "" {
			captions[i] = strings.Split(l.Name, "\n")
		}
		if len(shownUnits(l.Units)) != l.Units {
			captions[i] = append(captions[i], fmt.Sprintf("%d units", l.Units))
		}
		foot = max(foot, lineHeight(name)*vg.Length(len(captions[i])))
		most = max(most, len(shownUnits(l.Units)))
	}
	d := c
	d.Min.Y += foot + 6
	step := min((d.Max.Y-d.Min.Y)/vg.Length(most), 46)
	radius := min(step*0.4, 17)
	column := (d.Max.X - d.Min.X) / vg.Length(len(layers))
	middle := (d.Max.Y + d.Min.Y) / 2
	places := make([][]vg.Point, len(layers)) // of the circles; of units left out there is none
	dots := make([]vg.Point, len(layers))
	for i, l := range layers {
		shown := shownUnits(l.Units)
		for k, unit := range shown {
			at := vg.Point{X: d.Min.X + column*(vg.Length(i)+0.5),
				Y: middle + step*(vg.Length(len(shown)-1)/2-vg.Length(k))}
			if unit < 0 {
				dots[i] = at
				continue
			}
			places[i] = append(places[i], at)
		}
	}
	line := draw.LineStyle{Color: withAlpha(softInk, 0.55), Width: 0.9}
	for i := range places[1:] {
		for _, p := range places[i] {
			for _, q := range places[i+1] {
				c.StrokeLine2(line, p.X, p.Y, q.X, q.Y)
			}
		}
	}
	for i, l := range layers {
		tint, _ := seriesColour(map[bool]int{true: 6, false: 0}[i == 0])
		if i == len(layers)-1 && i > 0 {
			tint, _ = seriesColour(1)
		}
		shown := shownUnits(l.Units)
		k := 0
		for _, unit := range shown {
			if unit < 0 {
				for _, dy := range []vg.Length{-0.22, 0, 0.22} {
					fillDisc(c, vg.Point{X: dots[i].X, Y: dots[i].Y + dy*step}, 1.8, softInk)
				}
				continue
			}
			at := places[i][k]
			k++
			fillDisc(c, at, radius, tint)
			fillDisc(c, at, radius-1.5, mix(paper, tint, 0.12))
			if l.Label != nil {
				sty := textStyle(tickSize, ink, draw.XCenter, draw.YCenter)
				if w := sty.Width(l.Label[unit]); w > 2*radius-6 {
					sty.Font.Size *= (2*radius - 6) / w
				}
				c.FillText(sty, vg.Point{X: at.X, Y: at.Y + 1.5}, l.Label[unit])
			}
		}
		y := c.Min.Y + foot
		for _, s := range captions[i] {
			c.FillText(name, vg.Point{X: d.Min.X + column*(vg.Length(i)+0.5), Y: y}, fit(s, name, column-4))
			y -= lineHeight(name)
		}
	}
}

func fillDisc(c draw.Canvas, at vg.Point, r vg.Length, fill colour) {
	var path vg.Path
	path.Move(vg.Point{X: at.X + r, Y: at.Y})
	path.Arc(at, r, 0, 2*math.Pi)
	path.Close()
	c.SetColor(fill)
	c.Fill(path)
}
