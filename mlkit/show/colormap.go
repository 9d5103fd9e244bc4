package show

import (
	"image/color"
	"math"
)

// A Colormap maps a number in [0, 1] to a colour. Numbers outside are clamped;
// NaN is grey.
type Colormap struct {
	name    string
	anchors []color.NRGBA
}

// At returns the colour of t.
func (m Colormap) At(t float64) color.NRGBA {
	if math.IsNaN(t) {
		return noData
	}
	a := m.anchors
	if len(a) == 0 {
		a = Viridis.anchors
	}
	p := math.Min(math.Max(t, 0), 1) * float64(len(a)-1)
	i := min(int(p), len(a)-2)
	return mix(a[i], a[i+1], p-float64(i))
}

func hex(v ...uint32) []color.NRGBA {
	out := make([]color.NRGBA, len(v))
	for i, x := range v {
		out[i] = color.NRGBA{uint8(x >> 16), uint8(x >> 8), uint8(x), 0xFF}
	}
	return out
}

// The colour maps. Each is monotonic in lightness (Diverging on either side of
// its middle), so it works for readers with colour blindness and in greyscale
// print.
var (
	// Viridis is matplotlib's default (Smith and van der Walt, 2015), sampled
	// at 11 points.
	Viridis = Colormap{"viridis", hex(0x440154, 0x482475, 0x414487, 0x355F8D, 0x2A788E, 0x21918C, 0x22A884,
		0x44BF70, 0x7AD151, 0xBDDF26, 0xFDE725)}
	// Pale runs from white to slate blue. It is the ground of loss surfaces:
	// paths in the series colours stand out on all of it.
	Pale = Colormap{"pale", hex(0xFFFFFF, 0xEDF2F8, 0xD6E1EE, 0xBDCEE3, 0xA3BAD6, 0x8AA5C8, 0x728FB8)}
	// Blues runs from white to dark blue, for counts.
	Blues = Colormap{"blues", hex(0xF7FBFF, 0xD6E6F4, 0xABD0E6, 0x6AAED6, 0x3787C0, 0x105BA4, 0x08306B)}
	// Grays runs from black to white.
	Grays = Colormap{"grays", hex(0x000000, 0xFFFFFF)}
	// Diverging runs from blue over white to vermilion, for numbers with a
	// sign.
	Diverging = Colormap{"diverging", hex(0x00517F, 0x0072B2, 0x7FB8D8, 0xF7F7F7, 0xEAAE7F, 0xD55E00, 0x984300)}
)
