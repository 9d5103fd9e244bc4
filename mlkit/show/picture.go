package show

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// A Picture is anything that can be looked at: a Figure (axes with data), a
// grid of images, panels of other pictures. The functions of this package make
// them; they are drawn when they are shown or saved.
type Picture struct {
	title, alt string
	w, h       int
	paint      func(c draw.Canvas) error // draws into c, whose ground is already painted
	describe   func() string             // the alternative text when none was given
	colours    int                       // of its palette: lines, field or photo
	figure     *Figure                   // that this is the picture of, if any
}

// A Drawing is a Picture or something that contains one, such as a *Figure.
type Drawing interface{ picture() *Picture }

func (p *Picture) picture() *Picture { return p }

// Size sets the size in CSS pixels (default 640×400); the PNG has twice that.
// It panics if a side is not in 16…4096.
func (p *Picture) Size(w, h int) *Picture { p.setSize(w, h); return p }

func (p *Picture) setSize(w, h int) {
	if w < 16 || h < 16 || w > 4096 || h > 4096 {
		panic(fmt.Sprintf("show: Size(%d, %d): want 16 to 4096 CSS pixels", w, h))
	}
	p.w, p.h = w, h
}

// Alt sets the alternative text: a sentence that says what the picture shows,
// for readers who cannot see it. By default the text is derived from the title,
// the axes and the data.
func (p *Picture) Alt(text string) *Picture { p.alt = text; return p }

// Describe returns the alternative text, which is never empty.
func (p *Picture) Describe() string {
	s := p.alt
	if s == "" && p.describe != nil {
		s = p.describe()
	}
	if s == "" {
		s = plainText(p.title)
	}
	if s == "" {
		s = "Picture"
	}
	return s
}

// PNG returns the encoded picture. The same data gives the same bytes.
func (p *Picture) PNG() ([]byte, error) {
	img, err := render(p, Density)
	if err != nil {
		return nil, err
	}
	return encodePNG(img, p.colours)
}

// Image returns the drawn pixels, Density of them per CSS pixel.
func (p *Picture) Image() (*image.RGBA, error) { return render(p, Density) }

// Save writes the picture to a PNG file and creates its folder if necessary.
func (p *Picture) Save(path string) error {
	b, err := p.PNG()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

// Show displays the picture as the output of the cell, with its alternative
// text, and waits until the kernel has received it. Outside a notebook it
// writes a file if SaveTo was called and otherwise does nothing. A picture that
// cannot be drawn is displayed as its error message.
func (p *Picture) Show() { send(pngBundle(p), "") }

// render draws p. Whatever goes wrong, panics of the drawing libraries
// included, is the error.
func render(p *Picture, density float64) (img *image.RGBA, err error) {
	defer func() {
		if r := recover(); r != nil {
			if e, ok := r.(error); ok && !errors.As(e, new(runtime.Error)) {
				err = fmt.Errorf("show: %q cannot be drawn: %w", p.title, e)
				return
			}
			err = fmt.Errorf("show: %q cannot be drawn: %v\n%s", p.title, r, debug.Stack())
		}
	}()
	cv := newCanvas(vg.Length(p.w), vg.Length(p.h), density, paper)
	if err := p.paint(draw.New(cv)); err != nil {
		return nil, fmt.Errorf("show: %q cannot be drawn: %w", p.title, err)
	}
	img, ok := cv.Image().(*image.RGBA)
	if !ok {
		return nil, errors.New("show: the canvas is not RGBA")
	}
	if !(InNotebook() && Headless()) { // there nobody reads it, and outputs are compared with those of other machines
		systemFonts.warn(os.Stderr)
	}
	return img, nil
}

// errorPicture is what a reader sees in place of a picture that cannot be
// drawn.
func errorPicture(of *Picture, err error) *Picture {
	sty := textStyle(labelSize, warnColor, draw.XLeft, draw.YTop)
	lines := wrapAll(err.Error(), sty, vg.Length(of.w)-2*margin)
	h := min(int(lineHeight(sty)*vg.Length(len(lines)))+2*margin, 4000)
	return &Picture{title: of.title, w: of.w, h: h, alt: err.Error(), paint: func(c draw.Canvas) error {
		y := c.Max.Y - margin
		for _, line := range lines {
			c.FillText(sty, vg.Point{X: c.Min.X + margin, Y: y}, line)
			y -= lineHeight(sty)
		}
		return nil
	}}
}
