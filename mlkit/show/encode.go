package show

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"
)

// What a picture shows decides how many colours its PNG has: no difference can
// be seen in a drawing of lines with 128 colours, at less than half the size;
// continuous colours take all that a palette holds; a photograph keeps its own.
const (
	lines = iota
	field
	photo
)

func encodePNG(img *image.RGBA, kind int) ([]byte, error) {
	var src image.Image = img
	h := histogram(img)
	switch {
	case kind == lines:
		src = remap(img, makePalette(h, 128))
	case kind == field, len(h) <= 256:
		src = remap(img, makePalette(h, 256))
	}
	return writePNG(src)
}

// writePNG leaves the best compression aside, which would save a tenth of the
// bytes and take thirty times as long.
func writePNG(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.Bytes(), err
}

// histogram counts the pixels of each colour.
func histogram(img *image.RGBA) map[color.RGBA]int {
	h := map[color.RGBA]int{}
	last, n := color.RGBA{}, 0
	for i := 0; i < len(img.Pix); i += 4 {
		c := color.RGBA{img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3]}
		if c != last && n > 0 {
			h[last] += n
			n = 0
		}
		last, n = c, n+1
	}
	h[last] += n
	return h
}

type counted struct {
	c color.RGBA
	n int
}

// makePalette returns at most n colours for the colours of h: the most frequent
// half exactly, so that areas and series keep their colour, and for the rest,
// mostly the edges of letters and lines, the means of a median cut (Heckbert,
// "Color image quantization for frame buffer display", 1982). The result
// depends on h alone.
func makePalette(h map[color.RGBA]int, n int) color.Palette {
	all := make([]counted, 0, len(h))
	for _, c := range slices.SortedFunc(maps.Keys(h), compareColour) {
		all = append(all, counted{c, h[c]})
	}
	slices.SortStableFunc(all, func(a, b counted) int { return cmp.Compare(b.n, a.n) })
	keep := n / 2
	if len(all) <= n {
		keep = len(all)
	}
	var pal color.Palette
	for _, c := range all[:keep] {
		pal = append(pal, c.c)
	}
	for _, box := range medianCut(all[keep:], n-keep) {
		pal = append(pal, mean(box))
	}
	return pal
}

func compareColour(a, b color.RGBA) int {
	return cmp.Or(cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B), cmp.Compare(a.A, b.A))
}

// medianCut splits the box with the widest channel in the middle of its
// distinct colours until there are n.
func medianCut(all []counted, n int) [][]counted {
	if len(all) == 0 {
		return nil
	}
	channel := []func(color.RGBA) uint8{
		func(c color.RGBA) uint8 { return c.R }, func(c color.RGBA) uint8 { return c.G },
		func(c color.RGBA) uint8 { return c.B }, func(c color.RGBA) uint8 { return c.A }}
	widest := func(box []counted) (ch, width int) {
		for k, f := range channel {
			lo, hi := 255, 0
			for _, c := range box {
				lo, hi = min(lo, int(f(c.c))), max(hi, int(f(c.c)))
			}
			if hi-lo > width {
				ch, width = k, hi-lo
			}
		}
		return ch, width
	}
	boxes := [][]counted{all}
	for len(boxes) < n {
		best, bestCh, bestWidth := -1, 0, 0
		for i, b := range boxes {
			if ch, w := widest(b); w > bestWidth {
				best, bestCh, bestWidth = i, ch, w
			}
		}
		if best < 0 {
			break
		}
		b, f := boxes[best], channel[bestCh]
		slices.SortFunc(b,
			func(p, q counted) int { return cmp.Or(cmp.Compare(f(p.c), f(q.c)), compareColour(p.c, q.c)) })
		m := len(b) / 2
		boxes[best] = b[:m:m]
		boxes = append(boxes, b[m:])
	}
	return boxes
}

func mean(box []counted) color.RGBA {
	var r, g, b, a, n int
	for _, c := range box {
		r, g, b, a, n = r+int(c.c.R)*c.n, g+int(c.c.G)*c.n, b+int(c.c.B)*c.n, a+int(c.c.A)*c.n, n+c.n
	}
	return color.RGBA{uint8(r / n), uint8(g / n), uint8(b / n), uint8(a / n)}
}

// remap returns img with every pixel replaced by the nearest colour of pal.
func remap(img *image.RGBA, pal color.Palette) *image.Paletted {
	out := image.NewPaletted(img.Rect, pal)
	known := make(map[color.RGBA]uint8, len(pal))
	last, index := color.RGBA{}, uint8(0)
	for i := 0; i < len(img.Pix); i += 4 {
		c := color.RGBA{img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3]}
		if i == 0 || c != last {
			k, ok := known[c]
			if !ok {
				k = uint8(pal.Index(c))
				known[c] = k
			}
			last, index = c, k
		}
		out.Pix[i/4] = index
	}
	return out
}
