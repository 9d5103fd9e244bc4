package show

import (
	"fmt"
	"image"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func noisy(n int) []float64 {
	r, y := rand.New(rand.NewPCG(1, 2)), make([]float64, n)
	for i := range y {
		y[i] = 1/float64(i+1) + 0.3*r.NormFloat64()
	}
	return y
}

// worst returns the largest difference of a channel, and how many channels
// differ by more than 80 of 255.
func worst(t *testing.T, a, b *image.RGBA) (most, many int) {
	t.Helper()
	if a.Rect != b.Rect {
		t.Fatalf("%v and %v", a.Rect, b.Rect)
	}
	for i := range a.Pix {
		d := int(math.Abs(float64(a.Pix[i]) - float64(b.Pix[i])))
		most = max(most, d)
		if d > 80 {
			many++
		}
	}
	return most, many
}

// A long path is drawn in pieces: the picture is that of the whole, dashes,
// translucent colours and corners included.
func TestPiecesMakeTheWhole(t *testing.T) {
	y := noisy(400)
	var line, poly []vg.Point
	for i, v := range y {
		line = append(line, vg.Point{X: vg.Length(20 + i), Y: vg.Length(150 + 80*v)})
	}
	poly = append(slices.Clone(line), vg.Point{X: 419.3, Y: 20}, vg.Point{X: 20.7, Y: 20})
	blue := seriesColours[0]
	for name, paint := range map[string]func(c draw.Canvas){
		"line":        func(c draw.Canvas) { c.StrokeLines(look{colour: blue}.line(), line) },
		"dashed":      func(c draw.Canvas) { c.StrokeLines(look{colour: blue, dash: dashes(1)}.line(), line) },
		"translucent": func(c draw.Canvas) { c.StrokeLines(look{colour: withAlpha(blue, 0.4), width: 3}.line(), line) },
		"polygon":     func(c draw.Canvas) { c.FillPolygon(withAlpha(blue, 0.3), poly) },
	} {
		pieces := newCanvas(440, 300, Density, paper)
		paint(draw.New(pieces))
		whole := newCanvas(440, 300, Density, paper)
		paint(draw.New(whole.Canvas))
		most, many := worst(t, pieces.Image().(*image.RGBA), whole.Image().(*image.RGBA))
		// The segment that two pieces share has edges a little darker; rounding
		// may move a dash's end.
		if limit := map[string]int{"dashed": 100}[name]; many > limit {
			t.Errorf("%s: %d channels differ by more than 80 of 255, at most by %d", name, many, most)
		}
	}
	short := newCanvas(440, 300, Density, paper)
	c := draw.New(short)
	c.StrokeLines(look{colour: blue}.line(), line[:longPath])
	whole := newCanvas(440, 300, Density, paper)
	c = draw.New(whole.Canvas)
	c.StrokeLines(look{colour: blue}.line(), line[:longPath])
	if most, _ := worst(t, short.Image().(*image.RGBA), whole.Image().(*image.RGBA)); most != 0 {
		t.Errorf("a short line differs by %d", most)
	}
	var smooth []vg.Point
	for i := range 2000 {
		x := float64(i) / 2000
		smooth = append(smooth, vg.Point{X: vg.Length(20 + 400*x), Y: vg.Length(150 + 100*math.Sin(20*x))})
	}
	long := newCanvas(440, 300, Density, paper)
	c = draw.New(long)
	c.StrokeLines(look{colour: blue}.line(), smooth)
	whole = newCanvas(440, 300, Density, paper)
	c = draw.New(whole.Canvas)
	c.StrokeLines(look{colour: blue}.line(), smooth)
	if most, _ := worst(t, long.Image().(*image.RGBA), whole.Image().(*image.RGBA)); most != 0 {
		t.Errorf("a smooth line of many points differs by %d", most)
	}
}

// What is thinned keeps each column's first, lowest, highest and last point,
// and nothing more.
func TestThin(t *testing.T) {
	const n, columns = 50_000, 500
	pts := make([]vg.Point, n)
	for i, v := range noisy(n) {
		pts[i] = vg.Point{X: vg.Length(i) * columns / n, Y: vg.Length(100 * v)}
	}
	got := thin(pts, 1)
	if len(got) > 4*columns {
		t.Errorf("%d points for %d columns", len(got), columns)
	}
	for c := range columns {
		in := func(all []vg.Point) (out []vg.Point) {
			for _, p := range all {
				if int(p.X) == c {
					out = append(out, p)
				}
			}
			return out
		}
		byY := func(p, q vg.Point) int { return int(math.Copysign(1, float64(p.Y-q.Y))) }
		all, kept := in(pts), in(got)
		if all[0] != kept[0] || all[len(all)-1] != kept[len(kept)-1] || slices.MinFunc(all, byY) != slices.MinFunc(kept, byY) || slices.MaxFunc(all, byY) != slices.MaxFunc(kept, byY) {
			t.Fatalf("column %d lost an end or an extreme", c)
		}
	}
	for i := range pts { // a path that turns back is not a series
		pts[i].X = vg.Length(math.Cos(float64(i))) * 100
	}
	if got := thin(pts, 1); len(got) < n*9/10 {
		t.Errorf("of a path with long steps %d of %d points are left", len(got), n)
	}
	if got := thin(pts[:1999], 1); len(got) != 1999 {
		t.Errorf("a line of 1999 points was thinned to %d", len(got))
	}
}

// Sizes that would take minutes, or gigabytes, if a cost were quadratic or an
// unreadable letter were drawn a million times.
func TestLargeData(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 20_000
	}
	y := noisy(n)
	up := Map(y, func(v float64) float64 { return v + 0.5 })
	side := n / 100
	g := NewGrid(-1, 1, side, -1, 1, side)
	z := g.Eval(func(x, y float64) float64 { return math.Sin(9*x) * math.Cos(7*y) })
	cells, names := make([][]float64, side), make([]string, side)
	for i := range cells {
		cells[i], names[i] = z[i*side:(i+1)*side], fmt.Sprint("label ", i)
	}
	many := Plot("series", "x", "y")
	for i := range 300 {
		many.Line(fmt.Sprint("series number ", i), nil, []float64{1, float64(i)})
	}
	for name, d := range map[string]Drawing{
		"line":       Plot("", "", "").Line("a", nil, y),
		"faint":      Plot("", "", "").Line("a", nil, y, Faint).LogX(),
		"dashed":     Plot("", "", "").Line("a", nil, y, Dashed).YRange(-0.3, 0.3),
		"band":       Plot("", "", "").Band("a", nil, y, up).Line("a", nil, up),
		"points":     Plot("", "", "").Points("a", y, up),
		"histogram":  Plot("", "", "").Histogram("a", y, 0),
		"surface":    Surface("", "x", "y", "z", g, z),
		"contour":    Plot("", "", "").Contour(g, z),
		"matrix":     Matrix("", names, names, cells, "%.2f"),
		"categories": Plot("", "", "").Categories(names...).Bars("", y[:side], nil),
		"series":     many,
	} {
		if _, err := d.picture().Image(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := draw.New(newCanvas(640, 400, 1, paper))
	if left := many.drawLegend(c); left.Max.Y < 200 {
		t.Errorf("the legend of 300 series leaves %v of 400 pixels", left.Max.Y)
	}
}

func TestLongTable(t *testing.T) {
	rows := make([][]any, 20_000)
	for i := range rows {
		rows[i] = []any{i, "名"}
	}
	tab := Table([]string{"n", "name"}, rows)
	if text := tab.Text(); strings.Count(text, "\n") != len(rows)+1 {
		t.Errorf("%d lines", strings.Count(text, "\n"))
	}
	short := tab.shortened()
	text := short.Text()
	if strings.Count(text, "\n") != longTable+2 || !strings.Contains(text, "… 19600 rows left out …") || !strings.Contains(text, "\n                  19999  名\n") {
		t.Errorf("shown is\n%s", text)
	}
	if h := short.HTML(); !strings.Contains(h, `<td style="text-align:right">19999</td>`) {
		t.Error("the note made a column of numbers one of words")
	}
	if got := Table([]string{"名称", "n"}, [][]any{{"a", 1}, {"训练", 22}}).Text(); got != "名称   n\na      1\n训练  22\n" {
		t.Errorf("wide letters: %q", got)
	}
}

func TestManySlides(t *testing.T) {
	_, err := Slider("a", make([]string, maxFrames+1), func(int) Drawing { return Plot("", "", "") }).HTML()
	if err == nil || !strings.Contains(err.Error(), "301 pictures") || !strings.Contains(err.Error(), "at most 300") {
		t.Errorf("%v", err)
	}
}

// All that is left out is said, and of which kind.
func TestNoteNamesTheReason(t *testing.T) {
	for _, c := range []struct {
		y      []float64
		log    bool
		beyond bool
	}{{[]float64{1, math.NaN()}, false, false}, {[]float64{1, 0}, true, false}, {[]float64{1, 1e305}, false, true}, {[]float64{1, 1e-305}, true, true}, {[]float64{1, 1e299}, false, false}} {
		f := Plot("", "", "").Line("", nil, c.y)
		if c.log {
			f.LogY()
		}
		x, y := f.scales()
		n := &noteLine{}
		if n.height(f, x, y); n.beyond != c.beyond {
			t.Errorf("%v: beyond %v", c.y, n.beyond)
		}
		if _, err := f.Image(); err != nil {
			t.Errorf("%v: %v", c.y, err)
		}
	}
}
