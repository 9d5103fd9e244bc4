package show

import (
	"math"
	"strings"
	"testing"
)

// A path lies on the surface: it is seen on level ground, and a wall before it
// hides it.
func TestPathOnSurface(t *testing.T) {
	g := NewGrid(0, 1, 31, 0, 1, 31)
	wall := func(x float64) []float64 { // across the ground at this x; large x are near
		return g.Eval(func(gx, _ float64) float64 { return math.Exp(-200 * (gx - x) * (gx - x)) })
	}
	x, y := []float64{0.3, 0.3}, []float64{0.3, 0.7}
	seen := func(z []float64) int {
		return count(t, Surface("", "x", "y", "z", g, z, Colors(Grays), Limits(-0.5, 2)).Path("p", x, y, Stroke(6)), seriesColours[0])
	}
	level, behind, before := seen(make([]float64, g.Len())), seen(wall(0.45)), seen(wall(0.1))
	if level < 1000 || float64(before) < 0.8*float64(level) {
		t.Errorf("%d pixels of the path on level ground, %d before a wall; want more than 1000 and about as many", level, before)
	}
	if legend := 6 * 22 * Density * Density; behind > level/5+legend {
		t.Errorf("%d of %d pixels of a path behind a wall, want next to none but those of the legend", behind, level)
	}
}

func TestHardPathsOnSurface(t *testing.T) {
	g := NewGrid(0, 1, 5, 0, 1, 5)
	z := make([]float64, g.Len())
	z[0] = math.NaN()
	for name, v := range map[string][]float64{
		"none": {}, "one": {0.5}, "outside": {-3, 0.5, 4}, "far": {0.5, 1e300}, "NaN": {0.1, math.NaN(), 0.9}, "Inf": {math.Inf(-1), 0.5, math.Inf(1)},
	} {
		for _, style := range []Style{Dashed, LogColors} {
			if _, err := Surface("", "x", "y", "z", g, z, LogColors).Path("p", v, v, style).Size(200, 150).PNG(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if n := count(t, Surface("", "x", "y", "z", g, z).Path("", []float64{math.NaN()}, []float64{1}), warnColor); n < 50 {
		t.Errorf("%d pixels of a note on a value that is not drawn", n)
	}
	_, err := Surface("", "x", "y", "z", g, z).Path("p", []float64{1}, []float64{1, 2}).PNG()
	if want := `Path "p": 1 x values but 2 y values`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
	if s := Surface("A hill", "w", "b", "loss", g, z).Path("slow", nil, nil).Path("", nil, nil).Describe(); !strings.Contains(s, "over w and b, path (slow), path.") {
		t.Errorf("%q does not name the paths", s)
	}
}

// Slopes towards the light are lighter than those away from it, and level
// ground has the colour of the bar.
func TestLight(t *testing.T) {
	c := Viridis.At(0.5)
	sum := func(c colour) int { return int(c.R) + int(c.G) + int(c.B) }
	if got := lit(c, 0, 0); got != c {
		t.Errorf("level ground is %v, want %v", got, c)
	}
	if towards, away := lit(c, 0.5, 0), lit(c, -0.5, 0); sum(towards) <= sum(c) || sum(away) >= sum(c) {
		t.Errorf("uphill to the right %v, downhill %v, level %v", towards, away, c)
	}
}
