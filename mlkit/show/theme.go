package show

import (
	"image/color"

	xfont "golang.org/x/image/font"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Width and Height are the default size of a picture in CSS pixels. A picture
// is drawn with Density device pixels per CSS pixel, so that it is sharp on
// dense screens and in print.
const (
	Width   = 640
	Height  = 400
	Density = 2
)

// seriesColours are the Okabe-Ito colours (Okabe and Ito, "Color Universal
// Design", 2008), which stay apart for every common kind of colour blindness.
// The order puts the strongest contrast first; their yellow is left out because
// a yellow line on white cannot be read, and an ochre stands in for it.
var seriesColours = []color.NRGBA{
	{0x00, 0x72, 0xB2, 0xFF}, // blue
	{0xD5, 0x5E, 0x00, 0xFF}, // vermilion
	{0x00, 0x9E, 0x73, 0xFF}, // bluish green
	{0xCC, 0x79, 0xA7, 0xFF}, // reddish purple
	{0xE6, 0x9F, 0x00, 0xFF}, // orange
	{0x56, 0xB4, 0xE9, 0xFF}, // sky blue
	{0x33, 0x33, 0x33, 0xFF}, // near black
	{0x8C, 0x7A, 0x1E, 0xFF}, // ochre
}

var (
	paper     = color.NRGBA{0xFF, 0xFF, 0xFF, 0xFF} // painted: black on transparent vanishes in a dark theme
	ink       = color.NRGBA{0x22, 0x22, 0x22, 0xFF}
	softInk   = color.NRGBA{0x55, 0x55, 0x55, 0xFF}
	gridLine  = color.NRGBA{0xE4, 0xE4, 0xE4, 0xFF}
	noData    = color.NRGBA{0xBD, 0xBD, 0xBD, 0xFF} // cells and pixels whose value is not a number
	warnColor = color.NRGBA{0xB0, 0x2A, 0x00, 0xFF}
)

// seriesColour returns the colour of series i, and whether the palette has been
// used up once or more (the series is then dashed).
func seriesColour(i int) (c color.NRGBA, round int) {
	n := len(seriesColours)
	return seriesColours[((i%n)+n)%n], i / n
}

const (
	titleSize  = 15
	labelSize  = 13
	tickSize   = 12
	legendSize = 12.5
	noteSize   = 11
	margin     = 10 // around everything, in CSS pixels
)

// textStyle is the theme's one way to a font: Liberation Sans, which gonum
// embeds, so that every machine draws the same letters.
func textStyle(size float64, c color.Color, x draw.XAlignment, y draw.YAlignment) text.Style {
	return text.Style{
		Color:   c,
		Font:    font.From(font.Font{Typeface: "Liberation", Variant: "Sans"}, vg.Length(size)),
		XAlign:  x,
		YAlign:  y,
		Handler: markup{font.DefaultCache},
	}
}

func bold(s text.Style) text.Style {
	s.Font.Weight = xfont.WeightBold
	return s
}

func withAlpha(c color.NRGBA, a float64) color.NRGBA {
	c.A = uint8(float64(c.A)*a + 0.5)
	return c
}

// mix returns a + t·(b−a) per channel, t in [0, 1].
func mix(a, b color.NRGBA, t float64) color.NRGBA {
	m := func(p, q uint8) uint8 { return uint8(float64(p) + t*(float64(q)-float64(p)) + 0.5) }
	return color.NRGBA{m(a.R, b.R), m(a.G, b.G), m(a.B, b.B), m(a.A, b.A)}
}

// readableOn returns black or white, whichever has the higher contrast on c
// (relative luminance as in WCAG 2, with a square for the gamma curve).
func readableOn(c color.NRGBA) color.NRGBA {
	lin := func(v uint8) float64 { x := float64(v) / 255; return x * x }
	if 0.2126*lin(c.R)+0.7152*lin(c.G)+0.0722*lin(c.B) > 0.22 {
		return ink
	}
	return paper
}
