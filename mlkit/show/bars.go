package show

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Categories makes the x axis a list of names, at 0, 1, 2, …, for Bars and
// Strip. Points and lines can be added at those positions.
func (f *Figure) Categories(names ...string) *Figure { f.categories = names; return f }

// slot returns the part of a category's width, from −0.5 to 0.5 around it, that
// layer l has among all layers of its kind.
func (f *Figure) slot(l *layer) (left, width float64) {
	n, k := 0, 0
	for _, o := range f.layers {
		if o == l {
			k = n
		}
		if o.kind == l.kind {
			n++
		}
	}
	const used = 0.76
	return -used/2 + used*float64(k)/float64(n), used / float64(n)
}

// Bars adds a bar from zero to values[i] for each category, with a whisker of
// ±err[i] if err is not nil. The bars of several calls stand side by side.
// Style: Values.
func (f *Figure) Bars(name string, values, err []float64, styles ...Style) *Figure {
	if err != nil && len(err) != len(values) {
		f.errorf("Bars %q: %d values but %d errors", name, len(values), len(err))
		return f
	}
	f.needCategories("Bars", name, len(values))
	reach := []float64{0}
	for i, v := range values {
		reach = append(reach, v)
		if err != nil {
			reach = append(reach, v-err[i], v+err[i])
		}
	}
	l := &layer{name: name, kind: "bars", z: zFill, thumb: thumbFill, xs: [][]float64{index(len(values))},
		ys: [][]float64{reach}, fromZero: true}
	l.draw = func(a *axes, l *layer) {
		left, width := f.slot(l)
		for i, v := range values {
			x := float64(i) + left
			a.box(x+0.04*width, x+0.96*width, math.Max(0, a.y.lo), v, l.look)
			top := v
			if err != nil {
				a.whisker(x+width/2, v-err[i], v+err[i], 4, ink)
				top += math.Abs(err[i])
			}
			if p, ok := a.pt(x+width/2, math.Max(top, 0)); ok && l.look.format != "" && a.Contains(p) {
				a.FillText(textStyle(tickSize, ink, draw.XCenter, draw.YBottom), vg.Point{X: p.X, Y: p.Y + 4},
					minus(fmt.Sprintf(l.look.format, v)))
			}
		}
	}
	l.look.alpha = 0.85
	return f.add(l, styles)
}

func (f *Figure) needCategories(kind, name string, n int) {
	if f.categories == nil {
		for i := range n {
			f.categories = append(f.categories, strconv.Itoa(i))
		}
	}
	if n != len(f.categories) {
		f.errorf("%s %q: %d values for %d categories", kind, name, n, len(f.categories))
	}
}

// Strip shows the values of several runs for each category; groups[i] belongs
// to category i. Each value is a dot; a box goes from the first to the third
// quartile, with a bar at the median. The strips of several calls stand side by
// side.
func (f *Figure) Strip(name string, groups [][]float64, styles ...Style) *Figure {
	f.needCategories("Strip", name, len(groups))
	var all []float64
	for _, g := range groups {
		all = append(all, g...)
	}
	l := &layer{name: name, kind: "values of several runs", z: zPoint, thumb: thumbPoint,
		xs: [][]float64{index(len(groups))}, ys: [][]float64{all}}
	l.draw = func(a *axes, l *layer) {
		left, width := f.slot(l)
		for i, g := range groups {
			var ok []float64
			for _, v := range g {
				if a.y.ok(v) {
					ok = append(ok, v)
				} else {
					a.skipped++
				}
			}
			if len(ok) == 0 {
				continue
			}
			x := float64(i) + left
			sorted := slices.Sorted(slices.Values(ok))
			box := l.look
			box.alpha = 0.22
			if len(ok) > 2 {
				a.box(x+0.15*width, x+0.85*width, quantile(sorted, 0.25), quantile(sorted, 0.75), box)
			}
			m := quantile(sorted, 0.5)
			p, _ := a.pt(x+0.15*width, m)
			q, _ := a.pt(x+0.85*width, m)
			a.StrokeLines(draw.LineStyle{Color: l.look.colour, Width: 2.5}, a.ClipLinesXY([]vg.Point{p, q})...)
			for k, v := range ok {
				// A low-discrepancy sequence (multiples of the golden ratio)
				// spreads the dots without randomness.
				_, t := math.Modf(0.5 + 0.6180339887498949*float64(k))
				p, _ := a.pt(x+(0.2+0.6*t)*width, v)
				if a.Contains(p) {
					l.look.glyph(&a.Canvas, p, 2.8)
				}
			}
		}
	}
	return f.add(l, styles)
}

// quantile interpolates linearly between the sorted values (type 7 of Hyndman
// and Fan, 1996; NumPy's default).
func quantile(sorted []float64, q float64) float64 {
	p := q * float64(len(sorted)-1)
	i := int(p)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (p-float64(i))*(sorted[i+1]-sorted[i])
}

// box fills the rectangle of the look, cut to the frame.
func (a *axes) box(x0, x1, y0, y1 float64, l look) {
	if a.y.log && y0 <= 0 { // a bar on a logarithmic axis starts at the frame
		y0 = a.y.lo
	}
	p, ok := a.pt(x0, y0)
	q, ok2 := a.pt(x1, y1)
	if !ok || !ok2 {
		a.skipped++
		return
	}
	if poly := a.ClipPolygonXY([]vg.Point{p, {X: q.X, Y: p.Y}, q, {X: p.X, Y: q.Y}}); len(poly) > 2 {
		a.FillPolygon(l.fill(), poly)
	}
}

// Histogram counts values in bins of equal width. If bins <= 0 the data decides
// (the rule of Freedman and Diaconis, 1981). Further histograms in the same
// figure use the bins of the first, so that heights can be compared.
func (f *Figure) Histogram(name string, values []float64, bins int, styles ...Style) *Figure {
	var ok []float64
	for _, v := range values {
		if finite(v) {
			ok = append(ok, v)
		}
	}
	dropped := len(values) - len(ok)
	slices.Sort(ok)
	if f.binWidth == 0 {
		f.binStart, f.binWidth = binning(ok, bins)
	}
	if n := len(ok); n > 0 && ((ok[n-1]-ok[0])/f.binWidth > maxBins ||
		math.Max(math.Abs(ok[0]-f.binStart), math.Abs(ok[n-1]-f.binStart))/f.binWidth > 1e12) {
		f.errorf("Histogram %q: its values, from %s to %s, do not go into %d of the first histogram's bins, which are %s wide; give them a figure of their own",
			name, short(ok[0]), short(ok[n-1]), maxBins, short(f.binWidth))
		return f
	}
	counts := map[int]float64{}
	lo, hi := 0, 0
	for i, v := range ok {
		k := int(math.Floor((v - f.binStart) / f.binWidth))
		if i > 0 && i == len(ok)-1 && v == f.binStart+float64(k)*f.binWidth && k > lo {
			k-- // the largest value closes the last bin
		}
		if i == 0 {
			lo, hi = k, k
		}
		hi = max(hi, k)
		counts[k]++
	}
	var edges, heights []float64
	if len(ok) > 0 {
		for k := lo; k <= hi; k++ {
			edges = append(edges, f.binStart+float64(k)*f.binWidth)
			heights = append(heights, counts[k])
		}
		edges = append(edges, f.binStart+float64(hi+1)*f.binWidth)
	}
	l := &layer{name: name, kind: fmt.Sprintf("histogram of %d values", len(ok)), z: zFill, thumb: thumbFill,
		xs: [][]float64{edges}, ys: [][]float64{append([]float64{0}, heights...)}, fromZero: true}
	l.draw = func(a *axes, l *layer) {
		a.skipped += dropped
		var outline []vg.Point
		for i, h := range heights {
			if h > 0 || !a.y.log {
				a.box(edges[i], edges[i+1], 0, h, l.look)
			}
			if a.y.log {
				continue
			}
			p, _ := a.pt(edges[i], h)
			q, _ := a.pt(edges[i+1], h)
			outline = append(outline, p, q)
		}
		if len(outline) > 0 {
			a.StrokeLines(draw.LineStyle{Color: l.look.colour, Width: 1.25}, a.ClipLinesXY(outline)...)
		}
	}
	l.look.alpha = 0.4
	return f.add(l, styles)
}

// maxBins are more than anybody can see.
const maxBins = 10_000

func binning(sorted []float64, bins int) (start, width float64) {
	if len(sorted) == 0 {
		return 0, 1
	}
	lo, hi := sorted[0], sorted[len(sorted)-1]
	if hi-lo <= 1e-9*math.Max(math.Abs(lo), math.Abs(hi)) || hi-lo < 10*least {
		w := math.Max(math.Abs(lo)*0.1, 10*least)
		if lo == 0 {
			w = 1
		}
		return lo - w/2, w
	}
	if bins <= 0 {
		iqr := quantile(sorted, 0.75) - quantile(sorted, 0.25)
		bins = 10
		if w := 2 * iqr / math.Cbrt(float64(len(sorted))); w > 0 {
			bins = int(math.Min(math.Max(math.Ceil((hi-lo)/w), 5), 60))
		}
	}
	return lo, (hi - lo) / float64(min(bins, 2000))
}
