package formats

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // formats that decodeImage reads
	_ "image/jpeg"
	_ "image/png"
	"io"

	"descent/mlkit/data"

	_ "golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	_ "golang.org/x/image/tiff"
	_ "golang.org/x/image/webp"
)

// ImageOptions controls how image files are read.
type ImageOptions struct {
	// Height and Width are the size to which every image is scaled
	// (Catmull–Rom). If both are 0, all images must have the size of the first
	// one.
	Height, Width int
	Gray          bool // one channel instead of red, green, blue
}

// fewPixels is how large an image may be whatever the size of its file. Tests
// lower it.
var fewPixels = 1 << 22

// Bounds of an image file's claim: a few bytes can decode to gigabytes.
// Drawings and masks compress to a pixel in some hundredths of a bit,
// photographs to some bits; so an image may have fewPixels, and pixelsPerByte
// more for each byte of its file, and never more than maxPixels.
const (
	maxPixels     = 1 << 26
	pixelsPerByte = 1024
	maxImageFile  = 1 << 29
	// maxScans are the passes over a JPEG; encoders make about ten. One more
	// may stand for each 4 KiB, because other data look like the mark of a
	// scan.
	maxScans = 100
)

// addImage appends a picture, scaled to the size of the options or of the first
// one.
func addImage(m *data.Images, img image.Image, o *ImageOptions) error {
	size := img.Bounds().Size()
	if o.Height == 0 && o.Width == 0 {
		if m.Dims == nil {
			m.Dims = []int{3, size.Y, size.X}
		}
		if m.Dims[1] != size.Y || m.Dims[2] != size.X {
			return fmt.Errorf("%d×%d pixels, the first image has %d×%d: set ImageOptions.Height and Width to scale them alike", size.Y, size.X, m.Dims[1], m.Dims[2])
		}
	} else {
		if o.Height <= 0 || o.Width <= 0 || o.Height > maxPixels/o.Width {
			return fmt.Errorf("ImageOptions of %d×%d pixels", o.Height, o.Width)
		}
		m.Dims = []int{3, o.Height, o.Width}
		scaled := image.NewRGBA(image.Rect(0, 0, o.Width, o.Height))
		draw.CatmullRom.Scale(scaled, scaled.Bounds(), img, img.Bounds(), draw.Src, nil)
		img = scaled
	}
	if o.Gray {
		m.Dims[0] = 1
	}
	m.Pixels = appendPlanes(m.Pixels, img, o.Gray)
	return nil
}

// readImage decodes an image file of at most maxImageFile bytes.
func readImage(r io.Reader) (image.Image, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxImageFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxImageFile {
		return nil, fmt.Errorf("more than %d bytes, the limit for an image file: scale the image down", maxImageFile)
	}
	return decodeImage(b)
}

// decodeImage decodes an image file, after a look at its header: what it claims
// to be must be in proportion to its size.
func decodeImage(b []byte) (image.Image, error) {
	c, format, err := image.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return nil, imageError(err)
	}
	most := min(fewPixels+pixelsPerByte*len(b), maxPixels)
	if c.Width <= 0 || c.Height <= 0 || c.Width > most/c.Height {
		return nil, fmt.Errorf("the header claims %d×%d pixels, but a file of %d bytes may have at most %d: it is damaged or a decompression bomb, or the image must be scaled down", c.Height, c.Width, len(b), most)
	}
	if n := bytes.Count(b, []byte{0xff, 0xda}); format == "jpeg" && n > maxScans+len(b)>>12 {
		return nil, fmt.Errorf("a JPEG with %d scans: it is damaged, or built to take long; save it again", n)
	}
	img, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, imageError(err)
	}
	if canvas := image.Rect(0, 0, c.Width, c.Height); format == "gif" && img.Bounds() != canvas {
		whole := image.NewRGBA(canvas) // the frame covers a part of the picture
		draw.Draw(whole, img.Bounds(), img, img.Bounds().Min, draw.Src)
		img = whole
	}
	return upright(img, b, format)
}

func imageError(err error) error {
	if errors.Is(err, image.ErrFormat) {
		return errors.New("not an image of a known format (PNG, JPEG, GIF, BMP, TIFF, WebP)")
	}
	return cutShort(err)
}

// appendPlanes appends an image channel by channel.
func appendPlanes(dst []byte, img image.Image, gray bool) []byte {
	b := img.Bounds()
	n := b.Dx() * b.Dy()
	if gray {
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				dst = append(dst, color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
			}
		}
		return dst
	}
	at := len(dst)
	dst = append(dst, make([]byte, 3*n)...)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, blue, _ := img.At(x, y).RGBA()
			dst[at], dst[at+n], dst[at+2*n] = byte(r>>8), byte(g>>8), byte(blue>>8)
			at++
		}
	}
	return dst
}
