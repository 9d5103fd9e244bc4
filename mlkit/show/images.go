package show

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Pixel is the type of the values that an image is made from: floats from 0
// (black) to 1 (white), or bytes from 0 to 255.
type Pixel interface{ ~float32 | ~float64 | ~uint8 }

func level[T Pixel](v T) uint8 {
	var zero T
	if half := 0.5; T(half) == zero { // an integer type
		return uint8(v)
	}
	f := float64(v)
	if !(f > 0) { // NaN too
		return 0
	}
	return uint8(math.Min(f, 1)*255 + 0.5)
}

func wantPixels(what string, got, channels, h, w int) {
	if h <= 0 || w <= 0 || got != channels*h*w {
		panic(fmt.Sprintf("show: %s: %d numbers for an image of shape [%d, %d, %d], which needs %d", what, got, channels, h, w, channels*h*w))
	}
}

// Gray makes an image of shape [h, w]. It panics if len(pix) is not h·w.
func Gray[T Pixel](pix []T, h, w int) image.Image {
	wantPixels("Gray", len(pix), 1, h, w)
	img := image.NewGray(image.Rect(0, 0, w, h))
	for i, v := range pix {
		img.Pix[i] = level(v)
	}
	return img
}

// RGB makes a colour image from planes, shape [3, h, w], the layout that a
// convolution takes. It panics if len(pix) is not 3·h·w.
func RGB[T Pixel](pix []T, h, w int) image.Image {
	wantPixels("RGB", len(pix), 3, h, w)
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	n := h * w
	for i := range n {
		img.SetRGBA(i%w, i/w, color.RGBA{level(pix[i]), level(pix[n+i]), level(pix[2*n+i]), 255})
	}
	return img
}

// Mapped makes an image of shape [h, w] from values of any range: the smallest
// gets the first colour of m and the largest the last. With Diverging, zero is
// in the middle, which suits weights and feature maps. It panics if len(pix) is
// not h·w.
func Mapped[T Number](pix []T, h, w int, m Colormap) image.Image {
	wantPixels("Mapped", len(pix), 1, h, w)
	z := Floats(pix)
	bar := newColourBar(z, look{cmap: &m}, false)
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i, v := range z {
		img.SetNRGBA(i%w, i/w, bar.colour(v))
	}
	return img
}

// Images returns a grid of images with the given number of columns (<= 0:
// chosen automatically) and a caption under each (nil: none). Small images are
// enlarged without smoothing, so that the pixels are those that the model gets.
func Images(title string, images []image.Image, captions []string, columns int) *Picture {
	if columns <= 0 {
		columns = min(max(len(images), 1), 8)
	}
	rows := (len(images) + columns - 1) / columns
	p := &Picture{title: title, w: Width, colours: colourKind(images...)}
	p.describe = func() string {
		s := fmt.Sprintf("%s: %d images", title, len(images))
		for i, c := range captions {
			if i == 12 {
				s += ", …"
				break
			}
			s += map[bool]string{true: ": ", false: ", "}[i == 0] + c
		}
		return s + "."
	}
	caption := textStyle(tickSize, ink, draw.XCenter, draw.YTop)
	const gap = 8
	foot := vg.Length(0)
	if captions != nil {
		foot = lineHeight(caption)
	}
	aspect := 1.0 // of the tallest image, height over width
	for i, m := range images {
		if b := m.Bounds(); b.Dx() > 0 {
			if a := float64(b.Dy()) / float64(b.Dx()); i == 0 || a > aspect {
				aspect = a
			}
		}
	}
	cell := (Width - 2*margin - gap*float64(columns-1)) / float64(columns)
	head := 0.0
	if title != "" {
		head = titleSize*1.25 + 4
	}
	cell = math.Min(cell, 200)
	p.w = max(int(math.Ceil(cell*float64(columns)+gap*float64(columns-1)))+2*margin, 240)
	p.h = min(int(math.Ceil(2*margin+head+float64(rows)*(cell*aspect+float64(foot)+gap))), 4096)
	p.h = max(p.h, 40)
	p.paint = func(c draw.Canvas) error {
		if len(images) == 0 {
			return fmt.Errorf("no images")
		}
		if captions != nil && len(captions) != len(images) {
			return fmt.Errorf("%d captions for %d images", len(captions), len(images))
		}
		c = drawTitle(draw.Crop(c, margin, -margin, margin, -margin), title)
		cw := (c.Max.X - c.Min.X - gap*vg.Length(columns-1)) / vg.Length(columns)
		ch := (c.Max.Y-c.Min.Y)/vg.Length(rows) - gap - foot
		if cw < 2 || ch < 2 {
			return fmt.Errorf("%d images in %d columns do not fit into %d×%d pixels", len(images), columns, p.w, p.h)
		}
		if want := ch / vg.Length(aspect); cw > want {
			cw = want
		}
		ch = min(ch, cw*vg.Length(aspect))
		for i, m := range images {
			x := c.Min.X + (cw+gap)*vg.Length(i%columns)
			y := c.Max.Y - (ch+gap+foot)*vg.Length(i/columns)
			drawImage(c, m, vg.Rectangle{Min: vg.Point{X: x, Y: y - ch}, Max: vg.Point{X: x + cw, Y: y}})
			if captions != nil {
				c.FillText(caption, vg.Point{X: x + cw/2, Y: y - ch - 1}, fit(captions[i], caption, cw+gap))
			}
		}
		return nil
	}
	return p
}

// colourKind is photo if the images have more colours together than a palette
// can hold beside the letters.
func colourKind(images ...image.Image) int {
	seen := map[color.Color]bool{}
	for _, m := range images {
		if _, ok := m.(*image.Gray); ok {
			continue
		}
		b := m.Bounds()
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				if seen[m.At(x, y)] = true; len(seen) > 200 {
					return photo
				}
			}
		}
	}
	return field
}

// drawImage paints m into r, at its top in the middle, in its own proportions,
// and returns where it is.
func drawImage(c draw.Canvas, m image.Image, r vg.Rectangle) vg.Rectangle {
	b := m.Bounds()
	if b.Empty() {
		return r
	}
	k := min((r.Max.X-r.Min.X)/vg.Length(b.Dx()), (r.Max.Y-r.Min.Y)/vg.Length(b.Dy()))
	w, h := k*vg.Length(b.Dx()), k*vg.Length(b.Dy())
	mid := (r.Min.X + r.Max.X) / 2
	r = vg.Rectangle{Min: vg.Point{X: mid - w/2, Y: r.Max.Y - h}, Max: vg.Point{X: mid + w/2, Y: r.Max.Y}}
	c.Rectangle = r
	a := &axes{Canvas: c, x: scale{lo: 0, hi: float64(b.Dx())}, y: scale{lo: 0, hi: float64(b.Dy())}}
	shrink := 1 / (float64(k) * pixels(c).DPI() / 72) // image pixels per device pixel; above 1 they are averaged
	a.raster(func(w, h int, xy func(i, j int) (float64, float64), set func(i, j int, c colour)) {
		for j := range h {
			for i := range w {
				x, y := xy(i, j)
				set(i, j, area(m, x, float64(b.Dy())-y, shrink))
			}
		}
	})
	return r
}

// area returns the colour of m around (x, y), the mean of a square of the given
// width if that is above one pixel.
func area(m image.Image, x, y, width float64) color.NRGBA {
	b := m.Bounds()
	lo := func(v float64, n int) int { return min(max(int(v), 0), n-1) }
	x0, x1, y0, y1 := x, x, y, y
	if width > 1 {
		x0, x1, y0, y1 = x-width/2, x+width/2, y-width/2, y+width/2
	}
	var r, g, bl, a, n uint32
	for j := lo(y0, b.Dy()); j <= lo(y1, b.Dy()); j++ {
		for i := lo(x0, b.Dx()); i <= lo(x1, b.Dx()); i++ {
			p, q, s, t := m.At(b.Min.X+i, b.Min.Y+j).RGBA()
			r, g, bl, a, n = r+p>>8, g+q>>8, bl+s>>8, a+t>>8, n+1
		}
	}
	// What is transparent shows the paper, so that nothing depends on the
	// page's theme.
	rest := 255 - a/n
	return color.NRGBA{uint8(min(r/n+rest, 255)), uint8(min(g/n+rest, 255)), uint8(min(bl/n+rest, 255)), 255}
}

// A Box is a labelled rectangle on an image. Its coordinates are pixels,
// counted from the top left corner of the image.
type Box struct {
	X0, Y0, X1, Y1 float64
	Label          string
	Score          float64 // written after the label as a percentage if positive
	Series         int     // the colour, from 1, so that several pictures agree; 0 gives each label of a picture the next one
}

// Boxes returns an image with labelled rectangles. Boxes with the same label
// have the same colour. Labels lie above all rectangles, and boxes with higher
// scores above those with lower ones.
func Boxes(title string, m image.Image, boxes []Box) *Picture {
	p := &Picture{title: title, w: Width, colours: colourKind(m)}
	b := m.Bounds()
	head := 0
	if title != "" {
		head = 24
	}
	p.h = min(max((Width-2*margin)*b.Dy()/max(b.Dx(), 1), 120), 560) + 2*margin + head
	p.describe = func() string {
		s := fmt.Sprintf("%s: an image of %d×%d pixels with %d boxes", title, b.Dx(), b.Dy(), len(boxes))
		for i, x := range boxes {
			s += map[bool]string{true: ": ", false: ", "}[i == 0] + x.caption()
		}
		return s + "."
	}
	p.paint = func(c draw.Canvas) error {
		c = drawTitle(draw.Crop(c, margin, -margin, margin, -margin), title)
		c.Rectangle = drawImage(c, m, c.Rectangle)
		a := &axes{Canvas: c, x: scale{lo: 0, hi: float64(b.Dx())}, y: scale{lo: 0, hi: float64(b.Dy())}}
		series := map[string]int{}
		sorted := slices.SortedStableFunc(slices.Values(boxes),
			func(a, b Box) int { return cmp.Compare(a.Score, b.Score) })
		colours := make([]color.NRGBA, len(sorted))
		corners := make([]vg.Point, len(sorted)) // upper left, for the label
		for i, box := range sorted {
			k, ok := series[box.Label]
			if !ok {
				k = len(series)
				series[box.Label] = k
			}
			if box.Series > 0 {
				k = box.Series - 1
			}
			colours[i], _ = seriesColour(k)
			h := float64(b.Dy())
			p, ok1 := a.pt(box.X0, h-box.Y1)
			q, ok2 := a.pt(box.X1, h-box.Y0)
			if !ok1 || !ok2 {
				return fmt.Errorf("box %+v is not finite", box)
			}
			corners[i] = vg.Point{X: p.X, Y: q.Y}
			frame := []vg.Point{p, {X: q.X, Y: p.Y}, q, {X: p.X, Y: q.Y}, p}
			for _, s := range []draw.LineStyle{{Color: paper, Width: 4}, {Color: colours[i], Width: 2.5}} {
				a.StrokeLines(s, a.ClipLinesXY(frame)...)
			}
		}
		for i, box := range sorted {
			text := box.caption()
			if text == "" {
				continue
			}
			sty := bold(textStyle(tickSize, readableOn(colours[i]), draw.XLeft, draw.YCenter))
			w, th := sty.Width(text)+8, vg.Length(tickSize*1.4)
			x := min(max(corners[i].X, a.Min.X), a.Max.X-w)
			y := min(max(corners[i].Y, a.Min.Y), a.Max.Y-th)
			a.FillPolygon(colours[i], []vg.Point{{X: x, Y: y}, {X: x + w, Y: y}, {X: x + w, Y: y + th},
				{X: x, Y: y + th}})
			a.FillText(sty, vg.Point{X: x + 4, Y: y + th/2}, text)
		}
		return nil
	}
	return p
}

func (b Box) caption() string {
	if b.Score > 0 {
		return fmt.Sprintf("%s %.0f %%", b.Label, 100*b.Score)
	}
	return b.Label
}
