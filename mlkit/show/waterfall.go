package show

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Waterfall shows how contributions lead from a baseline's score to a score:
// from the top, the strongest first, each bar begins where the one above it
// ends. Vermilion ones raise the score, blue ones lower it. It has at most the
// given number of rows (<= 0: 10), the last of which sums up what has none of
// its own.
func Waterfall(title, xLabel string, baseline float64, names []string, contributions []float64, rows int) *Figure {
	f := Plot(title, xLabel, "")
	if len(names) != len(contributions) {
		f.errorf("Waterfall: %d names for %d contributions", len(names), len(contributions))
		return f
	}
	for i, v := range append([]float64{baseline}, contributions...) {
		if !finite(v) {
			f.errorf("Waterfall: %s is %v: the bars need a sum", append([]string{"the baseline"}, names...)[i], v)
			return f
		}
	}
	if rows <= 0 {
		rows = 10
	}
	var steps []float64
	order := strongest(contributions, len(contributions))
	for i, k := range order {
		if i == rows-1 && len(order) > rows {
			rest := 0.0
			for _, k := range order[i:] {
				rest += contributions[k]
			}
			f.rows, steps = append(f.rows, fmt.Sprintf("%d others", len(order)-i)), append(steps, rest)
			break
		}
		f.rows, steps = append(f.rows, names[k]), append(steps, contributions[k])
	}
	ends := []float64{baseline}
	for _, v := range steps {
		ends = append(ends, ends[len(ends)-1]+v)
	}
	score := ends[len(ends)-1]
	f.setSize(Width, min(110+30*max(len(steps), 2), 4096))
	f.YRange(-0.6, float64(max(len(steps), 1))-0.4)
	f.describe = func() string {
		s := fmt.Sprintf("%s: from %s at the baseline to %s", title, short(baseline), short(score))
		for i, v := range steps {
			s += fmt.Sprintf("%s%s %s", map[bool]string{true: ": ", false: ", "}[i == 0], f.rows[i], signed(v))
		}
		return plainText(s + ".")
	}
	lo, hi := slices.Min(ends), slices.Max(ends)
	room := 0.14 * (hi - lo) // beside the bars, for their numbers
	f.VLine("baseline "+short(baseline), baseline, Dotted).VLine("score "+short(score), score)
	return f.add(&layer{kind: "waterfall", z: zFill, xs: [][]float64{{lo - room, hi + room}}, ys: [][]float64{{0}},
		draw: func(a *axes, _ *layer) {
			for i, v := range steps {
				y := float64(len(steps) - 1 - i)
				a.box2(ends[i], ends[i+1], y-0.36, y+0.36, signColour(v))
				p, _ := a.pt(ends[i+1], y+0.36)
				q, _ := a.pt(ends[i+1], y-1.36)
				if i+1 < len(steps) {
					a.StrokeLine2(draw.LineStyle{Color: softInk, Width: 0.75}, p.X, p.Y, q.X, q.Y)
				}
			}
		}}, nil).add(&layer{z: zWord, draw: func(a *axes, _ *layer) { // on a ground of their own: lines cross their places
		sty := textStyle(tickSize, ink, draw.XLeft, draw.YCenter)
		for i, v := range steps {
			text := signed(v)
			p, ok := a.pt(math.Max(ends[i], ends[i+1]), float64(len(steps)-1-i))
			x, w := p.X+4, sty.Width(text)
			if v < 0 {
				p, ok = a.pt(math.Min(ends[i], ends[i+1]), float64(len(steps)-1-i))
				x = p.X - 4 - w
			}
			if ok {
				a.FillPolygon(paper, []vg.Point{{X: x - 2, Y: p.Y - 7}, {X: x + w + 2, Y: p.Y - 7},
					{X: x + w + 2, Y: p.Y + 7}, {X: x - 2, Y: p.Y + 7}})
				a.FillText(sty, vg.Point{X: x, Y: p.Y + 0.5}, text)
			}
		}
	}}, nil)
}

// box2 fills a rectangle from x0 to x1, in any order.
func (a *axes) box2(x0, x1, y0, y1 float64, c colour) {
	p, ok := a.pt(x0, y0)
	q, ok2 := a.pt(x1, y1)
	if ok && ok2 {
		a.FillPolygon(c, []vg.Point{p, {X: q.X, Y: p.Y}, q, {X: p.X, Y: q.Y}})
	}
}

// rowTicks are the names of the rows of f, the first at the top, cut to the
// room that they have.
func (f *Figure) rowTicks(room vg.Length) (ticks []plot.Tick) {
	sty := textStyle(tickSize, softInk, draw.XRight, draw.YCenter)
	for i, s := range f.rows {
		ticks = append(ticks, plot.Tick{Value: float64(len(f.rows) - 1 - i), Label: fit(s, sty, room)})
	}
	return ticks
}

// strongest are the indices of the n values of the largest magnitude, in that
// order.
func strongest(values []float64, n int) []int {
	order := indices(0, len(values))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(math.Abs(values[b]), math.Abs(values[a])) })
	return order[:min(n, len(order))]
}

// signed writes a contribution: three significant digits with their sign.
func signed(v float64) string {
	return strings.ReplaceAll(fmt.Sprintf("%+.3g", v), "-", "−")
}
