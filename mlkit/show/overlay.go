package show

import (
	"fmt"
	"image"
	"image/color"
	"math"
)

// Overlay lays values of shape [h, w], such as what each pixel contributed to
// a score, over an image: vermilion where they are positive, blue where they
// are negative, and the image in pale grey where they are near zero. Fewer
// values than pixels, as Grad-CAM has them, are interpolated bilinearly. reach
// is the magnitude with the full colour: give several images the same one to
// make them comparable. 0 takes the largest magnitude of the values. A value
// that is not a number is grey. Show the result with Images.
//
// It panics if the number of values is not h·w, or reach is negative or not a
// number.
func Overlay[T Number](ground image.Image, values []T, h, w int, reach float64) image.Image {
	wantPixels("Overlay", len(values), 1, h, w)
	if !(reach >= 0) {
		panic(fmt.Sprintf("show: Overlay: a reach of %v: want the magnitude that gets the full colour, or 0 for the largest", reach))
	}
	z := Floats(values)
	if reach == 0 {
		reach = magnitude(z)
	}
	b := ground.Bounds()
	img := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	for y := range b.Dy() {
		for x := range b.Dx() {
			v := between(z, h, w, place(y, b.Dy(), h), place(x, b.Dx(), w))
			img.SetNRGBA(x, y, tinted(ground.At(b.Min.X+x, b.Min.Y+y), v/reach))
		}
	}
	return img
}

// magnitude is the largest absolute value that is a number; 1 if all are zero.
func magnitude(z []float64) float64 {
	most := 0.0
	for _, v := range z {
		if finite(v) {
			most = math.Max(most, math.Abs(v))
		}
	}
	if most == 0 {
		return 1
	}
	return most
}

// place is where pixel i of n lies among m values: centre on centre.
func place(i, n, m int) float64 {
	return min(max((float64(i)+0.5)*float64(m)/float64(n)-0.5, 0), float64(m-1))
}

// between interpolates bilinearly; at a value itself, its neighbours do not
// count, even if they are no numbers.
func between(z []float64, h, w int, y, x float64) float64 {
	i, j := int(y), int(x)
	row := func(i int) float64 {
		v := z[i*w+j]
		if t := x - float64(j); t > 0 {
			v += t * (z[i*w+j+1] - v)
		}
		return v
	}
	v := row(i)
	if t := y - float64(i); t > 0 {
		v += t * (row(i+1) - v)
	}
	return v
}

// tinted is the colour of a pixel whose value is t of what has the full colour.
// The ground keeps the lighter third of the grey levels, so that the tint is
// seen on black, too.
func tinted(ground color.Color, t float64) color.NRGBA {
	grey := color.GrayModel.Convert(ground).(color.Gray).Y
	pale := 165 + uint8(uint16(grey)*90/255)
	if math.IsNaN(t) {
		return noData
	}
	strength := math.Min(math.Abs(t), 1)
	return mix(color.NRGBA{pale, pale, pale, 255}, signColour(t), 0.92*strength)
}

// signColour is the colour of what raises or lowers a score.
func signColour(v float64) color.NRGBA {
	c, _ := seriesColour(0)
	if v > 0 {
		c, _ = seriesColour(1)
	}
	return c
}
