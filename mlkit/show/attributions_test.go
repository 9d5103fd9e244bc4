package show

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"strings"
	"testing"
)

func TestOverlay(t *testing.T) {
	ground := image.NewGray(image.Rect(3, 5, 7, 7)) // not at the origin
	at := func(m image.Image, x, y int) color.NRGBA { return color.NRGBAModel.Convert(m.At(x, y)).(color.NRGBA) }
	m := Overlay(ground, []float32{1, -1, 0, 0.5, 0, 0, 0, float32(math.NaN())}, 2, 4, 0)
	if m.Bounds() != image.Rect(0, 0, 4, 2) {
		t.Fatal(m.Bounds())
	}
	plus, minus, none, half := at(m, 0, 0), at(m, 1, 0), at(m, 2, 0), at(m, 3, 0)
	if !(plus.R > plus.B+100) || !(minus.B > minus.R+100) || none.R != none.B || !(half.R > half.B+30 && half.B > plus.B) {
		t.Errorf("colours %v of 1, %v of −1, %v of 0, %v of ½", plus, minus, none, half)
	}
	if at(m, 3, 1) != noData {
		t.Errorf("NaN is %v", at(m, 3, 1))
	}
	// A common reach makes images comparable; what goes beyond it is at its
	// end.
	if a, b := Overlay(ground, []int{0, 1}, 1, 2, 2), Overlay(ground, []int{0, 4}, 1, 2, 2); at(a, 3, 0) == at(b, 3, 0) || at(b, 3, 0) != plus {
		t.Errorf("with a reach of 2, 1 is %v and 4 is %v", at(a, 3, 0), at(b, 3, 0))
	}
	// Two values over four pixels: their own at the ends, mixed between.
	if a := Overlay(ground, []float64{-1, 1}, 1, 2, 0); at(a, 0, 1) != minus || at(a, 3, 1) != plus || at(a, 1, 0) == minus || at(a, 1, 0).B < at(a, 1, 0).R {
		t.Errorf("interpolated: %v %v %v %v", at(a, 0, 1), at(a, 1, 1), at(a, 2, 1), at(a, 3, 1))
	}
	for want, f := range map[string]func(){
		"3 numbers for an image": func() { Overlay(ground, []int{1, 2, 3}, 1, 2, 0) },
		"a reach of -1":          func() { Overlay(ground, []int{1, 2}, 1, 2, -1) },
		"a reach of NaN":         func() { Overlay(ground, []int{1, 2}, 1, 2, math.NaN()) },
	} {
		func() {
			defer func() {
				if r := recover(); !strings.Contains(fmt.Sprint(r), want) {
					t.Errorf("%v, want a panic with %q", r, want)
				}
			}()
			f()
		}()
	}
}

func TestWords(t *testing.T) {
	p := Words("Why?", []string{"not", "bad", "at", "all"}, []float64{-0.5, 0.25, 0, 1}, ZLabel("logit"))
	if got, want := p.Describe(), "Why?: 4 words, colours for logit from −1 to 1: all +1, not −0.5, bad +0.25, at +0."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if n := count(t, p, Diverging.At(0.25)); n < 500 {
		t.Errorf("the background of −0.5 has %d pixels", n)
	}
	if p.h > 130 {
		t.Errorf("one line of words is %d pixels high", p.h)
	}
	// As many lines as a width needs, each word once and within it.
	words := strings.Fields(strings.Repeat("some words of a text ", 40))
	words = append(words, strings.Repeat("long", 100))
	next := 0
	for _, line := range layWords(words, wordSize, 300) {
		for _, w := range line {
			if w.index != next || w.x < 0 || w.x+w.width > 300 {
				t.Fatalf("word %d at %v + %v, expected word %d", w.index, w.x, w.width, next)
			}
			next++
		}
	}
	if next != len(words) {
		t.Errorf("%d of %d words", next, len(words))
	}
	for want, p := range map[string]*Picture{
		"no words":             Words("", nil, nil),
		"1 values for 2 words": Words("", []string{"a", "b"}, []float64{1}),
		"do not fit":           Words("", words, make([]float64, len(words))).Size(60, 40),
	} {
		if _, err := p.Image(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := Words("", []string{"a"}, []float64{math.NaN()}).Image(); err != nil {
		t.Errorf("a value that is not a number: %v", err)
	}
}

func TestWaterfall(t *testing.T) {
	names, values := []string{"a", "b", "c", "d"}, []float64{0.1, -2, 1, 0.2}
	f := Waterfall("Why?", "score", 3, names, values, 3)
	if got, want := f.Describe(), "Why?: from 3 at the baseline to 2.3: b −2, c +1, 2 others +0.3."; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if up, down := count(t, f, seriesColours[1]), count(t, f, seriesColours[0]); up == 0 || math.Abs(float64(down)/float64(up)-2/1.3) > 0.05 {
		t.Errorf("%d pixels up and %d down: want 1.3 to 2", up, down)
	}
	if got := Waterfall("", "", 3, names, values, 4).Describe(); !strings.Contains(got, "c +1, d +0.2, a +0.1") {
		t.Error(got)
	}
	for want, f := range map[string]*Figure{
		"1 names for 2 contributions": Waterfall("", "", 0, []string{"a"}, []float64{1, 2}, 0),
		"b is NaN":                    Waterfall("", "", 0, []string{"a", "b"}, []float64{1, math.NaN()}, 0),
		"the baseline is +Inf":        Waterfall("", "", math.Inf(1), nil, nil, 0),
	} {
		if _, err := f.Image(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	for name, f := range map[string]*Figure{"nothing": Waterfall("", "", 1, nil, nil, 0), "zeros": Waterfall("", "", 0, names, make([]float64, 4), 0)} {
		if _, err := f.Image(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := []string{strings.Repeat("a long name ", 20), "b", "c", "d"}
	if n := count(t, Waterfall("", "", 3, long, values, 0), seriesColours[1]); n < 1000 {
		t.Errorf("a long name leaves %d pixels for a bar", n)
	}
}

func TestMinusSigns(t *testing.T) {
	for in, want := range map[string]string{
		"Score -5.25 of (-1, x=-.5)": "Score −5.25 of (−1, x=−.5)",
		"-3":                         "−3", "1990-1999, a-b, x-3, - 3": "1990-1999, a-b, x-3, - 3",
	} {
		if got := minusSigns(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}
