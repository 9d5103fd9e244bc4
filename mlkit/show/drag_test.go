package show

import (
	"math"
	"regexp"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"
)

func dragFit() *Draggable {
	return DragFit(Plot("Drag a point", "x", "y").XRange(0, 1).YRange(0, 5), []float64{0.1, 0.4, 0.5, 0.9}, []float64{1, 2.5, 1.5, 3})
}

func dragDescent() *Draggable {
	return DragDescent(Plot("Descent", "θ", "L").XRange(-4, 4).YRange(-0.3, 8), []float64{0, 0, 0.5}, 2, 0.5, 2.2, 12)
}

// The fragment holds all that it needs; its ground lacks what moves, which the
// still has.
func TestDraggable(t *testing.T) {
	for name, d := range map[string]*Draggable{"fit": dragFit(), "descent": dragDescent()} {
		page, err := d.HTML()
		if err != nil {
			t.Fatal(name, err)
		}
		if again, _ := d.HTML(); again != page {
			t.Errorf("%s: the same figure gives other bytes", name)
		}
		if strings.Contains(strings.ReplaceAll(page, "http://www.w3.org/2000/svg", ""), "://") || strings.Count(page, "</script>") != 1 {
			t.Errorf("%s: the page is not self-contained", name)
		}
		if visible := regexp.MustCompile(`(?s)<script>.*</script>`).ReplaceAllString(page, ""); !strings.Contains(visible, "stands still here") || strings.Contains(visible, "<img") {
			t.Errorf("%s: without scripts there is %s", name, visible)
		}
		if !strings.Contains(d.Describe(), d.seen) || d.seen == "" {
			t.Errorf("%s is described as %q", name, d.Describe())
		}
		still, err := d.figure.Image()
		if err != nil {
			t.Fatal(err)
		}
		d.figure.ground = true
		ground, err := d.figure.Image()
		d.figure.ground = false
		if err != nil {
			t.Fatal(err)
		}
		differ := 0
		for i := range still.Pix {
			if still.Pix[i] != ground.Pix[i] {
				differ++
			}
		}
		if differ < 1000 {
			t.Errorf("%s: the still differs from the ground in %d bytes", name, differ)
		}
	}
}

// What the figures say agrees with gonum and with the closed form.
func TestDraggableSays(t *testing.T) {
	x, y := []float64{0.1, 0.4, 0.5, 0.9}, []float64{1, 2.5, 1.5, 3}
	b, a := stat.LinearRegression(x, y, nil, false)
	gotA, gotB, mse := leastSquares(x, y)
	if math.Abs(a-gotA) > 1e-12 || math.Abs(b-gotB) > 1e-12 {
		t.Errorf("line %g x + %g, want %g x + %g", gotA, gotB, a, b)
	}
	for k := range 4 { // the minimum
		da, db := []float64{1e-3, -1e-3, 0, 0}[k], []float64{0, 0, 1e-3, -1e-3}[k]
		other := 0.0
		for i := range x {
			r := (gotA+da)*x[i] + gotB + db - y[i]
			other += r * r / 4
		}
		if other <= mse {
			t.Errorf("a neighbour has the mean squared error %g, the line %g", other, mse)
		}
	}
	if want := "12 steps from 2 end at " + short(2*math.Pow(0.5, 12)); !strings.Contains(dragDescent().Describe(), want) {
		t.Errorf("%q lacks %q", dragDescent().Describe(), want)
	}
	for x := -2.0; x < 2; x += 0.3 {
		c := []float64{1, -2, 0.5, 3}
		v, slope := polynomial(c, x)
		want, wantSlope := 1-2*x+0.5*x*x+3*x*x*x, -2+x+9*x*x
		if math.Abs(v-want) > 1e-12 || math.Abs(slope-wantSlope) > 1e-12 {
			t.Errorf("at %g: %g with slope %g, want %g, %g", x, v, slope, want, wantSlope)
		}
	}
}

func TestDraggableMistakes(t *testing.T) {
	ranged := func() *Figure { return Plot("p", "x", "y").XRange(0, 1) }
	half := []float64{0, 0, 0.5}
	for want, d := range map[string]*Draggable{
		"2 x values but 1 y":            DragFit(ranged(), []float64{1, 2}, []float64{1}),
		"1 points to drag; want 2":      DragFit(ranged(), []float64{1}, []float64{1}),
		"201 points":                    DragFit(ranged(), make([]float64, 201), make([]float64, 201)),
		"point 1 is (NaN, 2)":           DragFit(ranged(), []float64{0, math.NaN()}, []float64{1, 2}),
		"all points have x = 3":         DragFit(ranged(), []float64{3, 3}, []float64{1, 2}),
		"linear axes":                   DragFit(ranged().LogY(), []float64{1, 2}, []float64{1, 2}),
		"1 coefficients":                DragDescent(ranged(), []float64{1}, 0, 1, 2, 3),
		"call XRange before":            DragDescent(Plot("p", "x", "y"), half, 0, 1, 2, 3),
		"a learning rate of 3":          DragDescent(ranged(), half, 0, 3, 2, 3),
		"rate of 0, which":              DragDescent(ranged(), half, 0, 0, 0, 3),
		"a learning rate of NaN":        DragDescent(ranged(), half, 0, math.NaN(), 2, 3),
		"0 steps":                       DragDescent(ranged(), half, 0, 1, 2, 0),
		"the start 7 is outside":        DragDescent(ranged(), half, 7, 1, 2, 3),
		"a coefficient is +Inf":         DragDescent(ranged(), []float64{0, math.Inf(1)}, 0, 1, 2, 3),
		"point 1, (2, 1), is outside":   DragFit(ranged(), []float64{0.5, 2}, []float64{0, 1}),
		"XRange(2, 1)":                  DragFit(Plot("p", "x", "y").XRange(2, 1), []float64{1, 2}, []float64{1, 2}),
		"nothing to drag in \"p\": 2 x": DragFit(ranged(), []float64{1, 2}, []float64{1}),
	} {
		if _, err := d.HTML(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
		d.Show() // does not panic
	}
	if page, err := DragFit(Plot("</script>", "</script>", "y").XRange(0, 3).YRange(0, 3), []float64{1, 2}, []float64{1, 2}).HTML(); err != nil || strings.Count(page, "</script>") != 1 {
		t.Errorf("a title ends the script: %v", err)
	}
}
