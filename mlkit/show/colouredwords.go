package show

import (
	"fmt"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Words shows a text with a coloured background behind each word: vermilion
// where its value is positive, blue where it is negative, and a colour bar
// below that says how much. Styles: Limits, ZLabel, Colors.
func Words(title string, words []string, values []float64, styles ...Style) *Picture {
	l := look{cmap: &Diverging, zlabel: "contribution"}
	for _, s := range styles {
		s(&l)
	}
	bar := newColourBar(values, l, false)
	p := &Picture{title: title, w: Width, colours: field}
	p.describe = func() string {
		s := fmt.Sprintf("%s: %d words, colours for %s from %s to %s", title, len(words), bar.label, short(bar.lo), short(bar.hi))
		for i, k := range strongest(values, 8) {
			if k < len(words) {
				s += fmt.Sprintf("%s%s %s", map[bool]string{true: ": ", false: ", "}[i == 0], words[k], signed(values[k]))
			}
		}
		return plainText(s + ".")
	}
	lines := layWords(words, wordSize, Width-2*margin)
	p.h = min(2*margin+28+int(wordSize*wordPitch*float64(max(len(lines), 1)))+barBelow, 4096)
	p.paint = func(c draw.Canvas) error {
		if len(words) == 0 {
			return fmt.Errorf("no words")
		}
		if len(words) != len(values) {
			return fmt.Errorf("%d values for %d words", len(values), len(words))
		}
		c = drawTitle(draw.Crop(c, margin, -margin, margin, -margin), title)
		text := c
		text.Min.Y += barBelow
		size := float64(wordSize)
		lines := layWords(words, size, text.Max.X-text.Min.X)
		for ; text.Max.X-text.Min.X < 40 ||
			float64(text.Max.Y-text.Min.Y) < size*wordPitch*float64(len(lines)); lines = layWords(words,
			size, text.Max.X-text.Min.X) {
			size--
			if size < smallestText {
				return fmt.Errorf("%d words do not fit into %.0f×%.0f pixels", len(words), text.Max.X-text.Min.X, text.Max.Y-text.Min.Y)
			}
		}
		y := text.Max.Y - vg.Length(size*wordPitch/2)
		for _, line := range lines {
			for _, w := range line {
				fill := bar.colour(values[w.index])
				box := vg.Length(size * 0.75)
				x := text.Min.X + w.x
				text.FillPolygon(fill, []vg.Point{{X: x, Y: y - box}, {X: x + w.width, Y: y - box},
					{X: x + w.width, Y: y + box}, {X: x, Y: y + box}})
				sty := textStyle(size, readableOn(fill), draw.XLeft, draw.YCenter)
				text.FillText(sty, vg.Point{X: x + wordPad, Y: y}, fit(words[w.index], sty, text.Max.X-x-wordPad))
			}
			y -= vg.Length(size * wordPitch)
		}
		bar.drawBelow(c)
		return nil
	}
	return p
}

const (
	wordSize  = 14
	wordPitch = 1.8 // of the lines, in letters' sizes
	wordPad   = 3   // between a word and the end of its background
)

// A placedWord is a word in its line, x from the line's beginning.
type placedWord struct {
	index    int
	x, width vg.Length
}

// layWords breaks words into lines no wider than width. A word that is wider by
// itself has a line of its own, where it is cut off.
func layWords(words []string, size float64, width vg.Length) (lines [][]placedWord) {
	sty := textStyle(size, ink, draw.XLeft, draw.YCenter)
	x := vg.Length(0)
	for i, s := range words {
		w := min(sty.Width(s)+2*wordPad, width)
		if len(lines) == 0 || x+w > width {
			lines, x = append(lines, nil), 0
		}
		last := len(lines) - 1
		lines[last] = append(lines[last], placedWord{i, x, w})
		x += w + 2
		if strings.Contains(s, "\n") { // its line ends with it
			x = width
		}
	}
	return lines
}
