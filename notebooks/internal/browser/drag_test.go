//go:build unix

package browser_test

import (
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat"

	"descent/mlkit/show"
	"descent/notebooks/internal/browser"
)

// dragged is what a test wants to know of a figure whose points can be dragged.
type dragged struct {
	Said, Colour       string
	Focus, Label       string
	Scroll, Wide, High float64
	Points             [][2]float64 // in the window
	Frame              [4]float64   // of the axes, in the window: left, top, right, bottom
	Overflows, Crisp   bool
}

const lookDragged = `
	const box = document.querySelector('[class^="mlkit-drag-"]'), svg = box.querySelector('svg'), middle = e => { const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; };
	const axes = svg.querySelector('svg'), at = (x, y) => { const r = svg.getBoundingClientRect(), v = svg.viewBox.baseVal; return [r.x + x * r.width / v.width, r.y + y * r.height / v.height]; };
	const n = name => +axes.getAttribute(name), img = box.querySelector('img'), focus = document.activeElement;
	await img.decode();
	return {
		said: box.querySelector('output').textContent, colour: getComputedStyle(box.querySelector('output')).color,
		focus: focus.getAttribute('aria-valuetext') || '', label: focus.getAttribute('aria-label') || '',
		scroll: scrollY, wide: img.getBoundingClientRect().width, high: img.getBoundingClientRect().height,
		points: [...svg.querySelectorAll('.mlkit-point')].map(middle),
		frame: [...at(n('x'), n('y')), ...at(n('x') + n('width'), n('y') + n('height'))],
		overflows: document.documentElement.scrollWidth > innerWidth,
		crisp: img.naturalWidth >= 2 * 640,
	};
`

// A reader drags points with the mouse, a finger and the keys; the line and the
// path of descent are those of the points where they lie then.
func TestDrag(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: starts a browser")
	}
	ctx, chromium := t.Context(), findChromium(t)
	x, y := []float64{0.1, 0.3, 0.5, 0.7, 0.9}, []float64{1, 2, 1.5, 3, 2.5}
	fit, err := show.DragFit(show.Plot("A line", "x", "y").XRange(0, 1).YRange(0, 5), x, y).HTML()
	if err != nil {
		t.Fatal(err)
	}
	descent, err := show.DragDescent(show.Plot("A parabola", "θ", "L").XRange(-4, 4).YRange(-0.3, 8), []float64{0, 0, 0.5}, 2, 0.5, 2, 12).HTML()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	address := func(name, fragment, style string) string {
		file := filepath.Join(dir, name+".html")
		page := `<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><body style="` + style + `">` + fragment + `<div style="height:2000px"></div>`
		if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return (&url.URL{Scheme: "file", Path: file}).String()
	}
	page, err := browser.Open(ctx, chromium, t.TempDir(), "about:blank", windowWidth, windowHeight)
	if err != nil {
		t.Fatal(err)
	}
	defer page.Close()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	look := func() (d dragged) {
		t.Helper()
		must(page.Eval(ctx, lookDragged, &d))
		return d
	}
	line := func(d dragged) (slope, bias float64) {
		t.Helper()
		said := strings.NewReplacer("−", "-", " - ", " + -").Replace(d.Said)
		if _, err := fmt.Sscanf(said, "y = %g x + %g,", &slope, &bias); err != nil {
			t.Fatalf("%q: %v", d.Said, err)
		}
		return slope, bias
	}
	isLine := func(what string, d dragged, x, y []float64) {
		t.Helper()
		slope, bias := line(d)
		wantBias, wantSlope := stat.LinearRegression(x, y, nil, false)
		if math.Abs(slope-wantSlope) > 0.005 || math.Abs(bias-wantBias) > 0.005 {
			t.Errorf("%s: y = %.4g x + %.4g, want %.4g x + %.4g", what, slope, bias, wantSlope, wantBias)
		}
	}
	// place is where a value lies in the window.
	place := func(d dragged, x, y float64) (px, py float64) {
		f := d.Frame
		return f[0] + x*(f[2]-f[0]), f[3] - y/5*(f[3]-f[1])
	}
	for _, c := range []struct {
		name, style   string
		width, height int
		touch         bool
	}{
		{"page", "", windowWidth, windowHeight, false},
		{"dark", "background:#111;color:#eee", windowWidth, windowHeight, false},
		{"phone", "margin:8px", 375, 700, true},
	} {
		must(page.Resize(ctx, c.width, c.height))
		must(page.Go(ctx, address(c.name, fit, c.style)))
		at := look()
		isLine(c.name+": at first", at, x, y)
		if len(at.Points) != len(x) || at.Overflows || !at.Crisp || at.Wide > 640.5 || c.touch && at.Wide < 340 {
			t.Errorf("%s: %+v", c.name, at)
		}
		if c.name == "dark" && at.Colour != "rgb(238, 238, 238)" {
			t.Errorf("on a dark page the words are %s", at.Colour)
		}
		// A point goes where it is dragged to.
		px, py := place(at, 0.8, 0.5)
		must(page.Drag(ctx, at.Points[4][0], at.Points[4][1], px, py, c.touch))
		moved := look()
		isLine(c.name+": dragged", moved, []float64{0.1, 0.3, 0.5, 0.7, 0.8}, []float64{1, 2, 1.5, 3, 0.5})
		if moved.Scroll != 0 || moved.Focus != "x 0.8, y 0.5" {
			t.Errorf("%s: the page scrolled by %g, the point is at %q", c.name, moved.Scroll, moved.Focus)
		}
		if dir := os.Getenv(screenshotsVar); dir != "" {
			screenshot(ctx, t, page, "drag-"+c.name)
		}
		// No further than the axes.
		must(page.Drag(ctx, moved.Points[0][0], moved.Points[0][1], 2, float64(c.height)-2, c.touch))
		isLine(c.name+": dragged out", look(), []float64{0, 0.3, 0.5, 0.7, 0.8}, []float64{0, 2, 1.5, 3, 0.5})
		// Beside the points nothing is dragged.
		px, py = place(at, 0.45, 4.5)
		must(page.Drag(ctx, px, py, px, py-40, c.touch))
		isLine(c.name+": dragged nothing", look(), []float64{0, 0.3, 0.5, 0.7, 0.8}, []float64{0, 2, 1.5, 3, 0.5})
		must(page.Eval(ctx, `document.querySelector('[class^="mlkit-drag-"] button').click();`, nil))
		isLine(c.name+": started again", look(), x, y)
	}

	// By the keys alone.
	must(page.Resize(ctx, windowWidth, windowHeight))
	must(page.Go(ctx, address("keys", fit, "")))
	for _, key := range []string{"Tab", "ArrowUp", "ArrowUp", "ArrowRight", "PageDown", "ArrowDown"} {
		must(page.Key(ctx, key, false))
	}
	must(page.Key(ctx, "ArrowLeft", true))
	byKeys := look()
	isLine("keys", byKeys, []float64{0.11, 0.2, 0.5, 0.7, 0.9}, []float64{1.1, 1.95, 1.5, 3, 2.5})
	if byKeys.Label != "point 2 of 5" || byKeys.Focus != "x 0.2, y 1.95" || byKeys.Scroll != 0 {
		t.Errorf("keys: at %q (%q), scrolled by %g", byKeys.Label, byKeys.Focus, byKeys.Scroll)
	}
	screenshot(ctx, t, page, "drag-keys")

	// Descent: the start by the mouse, which stays on the curve, the rate by
	// the keys.
	must(page.Go(ctx, address("descent", descent, "")))
	at := look()
	if want := "θ: 2 → 1 → 0.5 → 0.25 → … → 0.0004883. Loss after 12 steps: 1.19e−7"; at.Said != want {
		t.Errorf("descent: %q, want %q", at.Said, want)
	}
	f := at.Frame
	must(page.Drag(ctx, at.Points[0][0], at.Points[0][1], f[0]+(f[2]-f[0])/8, f[3]-10, false)) // θ = −3
	must(page.Tab(ctx, false))
	for range 50 {
		must(page.Key(ctx, "ArrowRight", false))
	}
	at = look()
	if want := "θ: −3 → 0 → 0 → 0 → … → 0. Loss after 12 steps: 0"; at.Said != want { // a rate of 1 arrives at once
		t.Errorf("descent: %q, want %q", at.Said, want)
	}
	if want := f[3] - (4.5+0.3)/8.3*(f[3]-f[1]); math.Abs(at.Points[0][1]-want) > 1 {
		t.Errorf("the start is %.1f pixels below the top, the curve %.1f", at.Points[0][1], want)
	}
	screenshot(ctx, t, page, "drag-descent")
}
