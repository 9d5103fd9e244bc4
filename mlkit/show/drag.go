package show

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"image/color"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/janpfeifer/gonb/gonbui/protocol"
	"gonum.org/v1/plot/vg"
)

// Draggable is a figure with parts that the reader moves, and others that
// follow. Make one with DragFit or DragDescent. See the package's documentation
// for where it moves and what is seen elsewhere.
type Draggable struct {
	figure *Figure
	data   dragData
	seen   string // what the still shows, for the alternative text
	err    error
}

// dragData is what the script draws from.
type dragData struct {
	Kind    string       `json:"kind"` // fit or descent
	Ground  []byte       `json:"ground"`
	Alt     string       `json:"alt"`
	Width   int          `json:"width"`
	Height  int          `json:"height"`
	Shown   int          `json:"shown"` // device pixels of the still's width
	Frame   [4]float64   `json:"frame"` // left, top, right and bottom of the axes, in CSS pixels
	X       [2]float64   `json:"x"`
	Y       [2]float64   `json:"y"`
	Names   [2]string    `json:"names"` // of the axes
	Points  [][2]float64 `json:"points"`
	Loss    []float64    `json:"loss,omitempty"`
	Rate    float64      `json:"rate,omitempty"`
	MaxRate float64      `json:"maxRate,omitempty"`
	Steps   int          `json:"steps,omitempty"`
	Colours [3]string    `json:"colours"` // of points, of what follows, of small things
}

// maxDragged bounds the points: each is a stop for the keyboard and a part of
// the page.
const maxDragged = 200

// DragFit adds points to the figure that the reader drags, and the line a·x + b
// that fits them best: it minimises the mean of (a·x + b − y)². Line, residuals
// and that mean are computed anew, in the browser, whenever a point moves.
// Points stay inside of the axes, so give them room with XRange and YRange. It
// takes 2 to 200 points with at least two different x, on linear axes.
func DragFit(f *Figure, x, y []float64) *Draggable {
	d := &Draggable{figure: f, data: dragData{Kind: "fit"}}
	switch {
	case len(x) != len(y):
		d.err = fmt.Errorf("%d x values but %d y values; they come in pairs", len(x), len(y))
	case len(x) < 2 || len(x) > maxDragged:
		d.err = fmt.Errorf("%d points to drag; want 2 to %d", len(x), maxDragged)
	}
	if d.err != nil {
		return d
	}
	for i := range x {
		if !finite(x[i]) || !finite(y[i]) {
			d.err = fmt.Errorf("point %d is (%g, %g), which has no place", i, x[i], y[i])
			return d
		}
		d.data.Points = append(d.data.Points, [2]float64{x[i], y[i]})
	}
	a, b, mse := leastSquares(x, y)
	if !finite(a) {
		d.err = fmt.Errorf("all points have x = %g: no line fits them best", x[0])
		return d
	}
	d.seen = fmt.Sprintf("The line is %s·x + %s, the mean squared error %s.", short(a), short(b), short(mse))
	line := func(x float64) float64 { return a*x + b }
	f.Points("points to drag", x, y, Dot(5)).moves()
	f.add(&layer{z: zFill, moves: true, draw: func(c *axes, l *layer) {
		for i := range x {
			c.polyline([]float64{x[i], x[i]}, []float64{y[i], line(x[i])}, look{colour: gapColour, width: 1}.line())
		}
	}}, nil)
	ends := []float64{slices.Min(x), slices.Max(x)}
	if f.x.fixed {
		ends = []float64{f.x.lo, f.x.hi}
	}
	f.Line("least squares", ends, Map(ends, line)).moves()
	return d
}

// gapColour is the colour of the distances between points and line.
var gapColour = color.NRGBA{0x99, 0x99, 0x99, 0xFF}

// leastSquares returns the line a·x + b with the smallest mean squared error; a
// is NaN if all x are equal.
func leastSquares(x, y []float64) (a, b, mse float64) {
	n := float64(len(x))
	var mx, my, sxx, sxy float64
	for i := range x {
		mx, my = mx+x[i]/n, my+y[i]/n
	}
	for i := range x {
		sxx, sxy = sxx+(x[i]-mx)*(x[i]-mx), sxy+(x[i]-mx)*(y[i]-my)
	}
	if sxx == 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	a = sxy / sxx
	b = my - a*mx
	for i := range x {
		r := a*x[i] + b - y[i]
		mse += r * r / n
	}
	return a, b, mse
}

// DragDescent adds to the figure the graph of a polynomial and the path of
// gradient descent on it, x ← x − rate·loss′(x). The reader drags the start,
// and sets the rate, from 0 to maxRate, with a slider; the path is computed
// anew in the browser. The loss is given by its coefficients, the constant
// first: {0, 0, 0.5} is x²/2. XRange must have been called; the axes are
// linear.
func DragDescent(f *Figure, loss []float64, start, rate, maxRate float64, steps int) *Draggable {
	d := &Draggable{figure: f, data: dragData{Kind: "descent", Loss: loss, Rate: rate, MaxRate: maxRate, Steps: steps}}
	switch {
	case len(loss) < 2 || len(loss) > 10:
		d.err = fmt.Errorf("a polynomial with %d coefficients; want 2 to 10, the constant first", len(loss))
	case !f.x.fixed:
		d.err = errors.New("call XRange before DragDescent: it says from where to where the loss is drawn")
	case !(rate >= 0 && rate <= maxRate) || !finite(maxRate) || maxRate == 0:
		d.err = fmt.Errorf("a learning rate of %g, which the slider takes from 0 to %g", rate, maxRate)
	case steps < 1 || steps > 1000:
		d.err = fmt.Errorf("%d steps; want 1 to 1000", steps)
	case !(start >= f.x.lo && start <= f.x.hi):
		d.err = fmt.Errorf("the start %g is outside of the x axis", start)
	}
	for _, c := range loss {
		if !finite(c) {
			d.err = fmt.Errorf("a coefficient is %g", c)
		}
	}
	if d.err != nil {
		return d
	}
	value := func(x float64) float64 { v, _ := polynomial(loss, x); return v }
	xs := []float64{start}
	for x := start; len(xs) <= steps; {
		_, slope := polynomial(loss, x)
		x -= rate * slope
		xs = append(xs, x)
	}
	end := xs[steps]
	d.data.Points = [][2]float64{{start, value(start)}}
	d.seen = fmt.Sprintf("At a learning rate of %s, %d steps from %s end at %s, with a loss of %s.", short(rate), steps, short(start), short(end), short(value(end)))
	f.Func("loss", value, f.x.lo, f.x.hi, Neutral)
	f.Path("gradient descent", xs, Map(xs, value)).moves()
	return d
}

// polynomial returns the value at x and the slope there (Horner's scheme).
func polynomial(c []float64, x float64) (value, slope float64) {
	for i := len(c) - 1; i >= 0; i-- {
		slope = slope*x + value
		value = value*x + c[i]
	}
	return value, slope
}

// moves marks the last layer as one that the script draws.
func (f *Figure) moves() *Figure { f.layers[len(f.layers)-1].moves = true; return f }

// Alt sets the alternative text of the still and of the figure.
func (d *Draggable) Alt(text string) *Draggable { d.figure.Alt(text); return d }

// Describe returns the alternative text.
func (d *Draggable) Describe() string {
	return strings.TrimSpace(d.figure.Describe() + " " + d.seen)
}

// Show displays the figure as a picture and then, where scripts run, the one
// that moves in its place: code hosts keep pictures, and drop scripts.
func (d *Draggable) Show() {
	page, err := d.HTML()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		send(pngBundle(errorPicture(&d.figure.Picture, err)), "")
		return
	}
	still := d.figure.Picture
	send(pngBundle(still.Alt(d.Describe())), "")
	send(bundle{name: d.figure.title, data: map[protocol.MIMEType]any{protocol.MIMETextHTML: page,
		protocol.MIMETextPlain: d.Describe()},
		meta: map[string]any{"alt": d.Describe()}}, "")
}

// standsStill stands in the page where the script does not run.
const standsStill = `<p>This picture stands still here. Its points can be dragged where scripts run: in JupyterLab, when you have run the cell or trust the notebook, and in an exported page.</p>`

// HTML returns the figure as a self-contained fragment.
func (d *Draggable) HTML() (string, error) {
	if d.err == nil && (d.figure.x.log || d.figure.y.log) {
		d.err = errors.New("it needs linear axes")
	}
	if d.err != nil {
		return "", fmt.Errorf("show: nothing to drag in %q: %w", d.figure.title, d.err)
	}
	f := d.figure
	f.ground = true
	defer func() { f.ground = false }()
	img, err := render(&f.Picture, Density)
	if err != nil {
		return "", err
	}
	s := d.data
	if s.Ground, err = encodePNG(img, f.colours); err != nil {
		return "", err
	}
	pixel := func(v vg.Length) float64 { return math.Round(100*float64(v)) / 100 }
	x, y := f.scales()
	for i, p := range s.Points {
		if p[0] < x.lo || p[0] > x.hi || s.Kind == "fit" && (p[1] < y.lo || p[1] > y.hi) {
			return "", fmt.Errorf("show: nothing to drag in %q: point %d, (%g, %g), is outside of the axes", f.title, i, p[0], p[1])
		}
	}
	s.Alt, s.Width, s.Height, s.Shown = d.Describe(), f.w, f.h, Density*f.w
	s.Frame = [4]float64{pixel(f.frame.Min.X), pixel(vg.Length(f.h) - f.frame.Max.Y), pixel(f.frame.Max.X),
		pixel(vg.Length(f.h) - f.frame.Min.Y)}
	s.X, s.Y, s.Names = [2]float64{x.lo, x.hi}, [2]float64{y.lo, y.hi}, [2]string{plainText(f.x.label),
		plainText(f.y.label)}
	for i, c := range []color.NRGBA{seriesColours[0], seriesColours[1], gapColour} {
		s.Colours[i] = fmt.Sprintf("#%02x%02x%02x", c.R, c.G, c.B)
	}
	data, err := json.Marshal(s) // Ground in base64
	if err != nil {
		return "", err
	}
	h := fnv.New64a()
	h.Write(data)
	class := fmt.Sprintf("mlkit-drag-%016x", h.Sum64())
	return fmt.Sprintf(`<div class="%s" style="max-width:%dpx">%s</div>
<script>(function(S,C){%s})(%s,%q)</script>`, class, f.w, standsStill, dragScript, data, class), nil
}

//go:embed drag.js
var dragSource string

// dragScript draws what moves over the ground, in every element of class C that
// has nothing drawn yet, from S (dragData). Shapes are SVG: they stay sharp at
// every size, and each point is a stop for the keyboard. Of a touch screen only
// the points take the touch, so that the page scrolls everywhere else. Keys and
// the mouse go no further than the figure: JupyterLab would take them as its
// own.
var dragScript = strings.Join(strings.Fields(dragSource+stillScript), " ")
