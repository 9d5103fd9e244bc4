package formats

import (
	"bufio"
	"descent/mlkit/data"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // formats that LoadImages reads
	_ "image/jpeg"
	_ "image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp"
)

// ImageOptions say how to read image files.
type ImageOptions struct {
	// Height and Width are the size to which every image is scaled (Catmull–Rom);
	// 0 means that of the first image, and that all others have it, too.
	Height, Width int
	Gray          bool // one channel instead of red, green, blue
}

// maxPixels bounds an image file's claim: a few bytes can decode to gigabytes.
const maxPixels = 1 << 26

// LoadImageFolder reads a folder that has one folder of images for each class,
// named after it (PNG, JPEG, GIF, BMP, WebP). Classes and files come in the
// order of the alphabet, so labels do not depend on the machine. Transparent
// pixels become black. Errors name the file.
func LoadImageFolder(dir string, o ImageOptions) (*data.Images, error) {
	classes, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("formats: %w", err)
	}
	m := &data.Images{}
	for _, class := range classes {
		if !class.IsDir() || strings.HasPrefix(class.Name(), ".") {
			continue
		}
		files, err := os.ReadDir(filepath.Join(dir, class.Name()))
		if err != nil {
			return nil, fmt.Errorf("formats: %w", err)
		}
		for _, f := range files {
			ext := strings.ToLower(filepath.Ext(f.Name()))
			if f.IsDir() || !slices.Contains([]string{".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp"}, ext) {
				continue
			}
			path := filepath.Join(dir, class.Name(), f.Name())
			if err := addFile(m, path, &o); err != nil {
				return nil, fmt.Errorf("formats: %s: %w", path, err)
			}
			m.Labels = append(m.Labels, int32(len(m.Classes)))
		}
		m.Classes = append(m.Classes, class.Name())
	}
	if len(m.Labels) == 0 {
		return nil, fmt.Errorf("formats: %s: no images in it: wanted is one folder of images for each class", dir)
	}
	return m, nil
}

func addFile(m *data.Images, path string, o *ImageOptions) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	img, err := decodeImage(f)
	if err != nil {
		return err
	}
	return addImage(m, img, o)
}

// addImage appends a picture, scaled to the size of the options or of the first one.
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

// decodeImage decodes an image file, after a look at its header.
func decodeImage(r io.ReadSeeker) (image.Image, error) {
	c, _, err := image.DecodeConfig(bufio.NewReader(r))
	if err != nil {
		return nil, imageError(err)
	}
	if c.Width <= 0 || c.Height <= 0 || c.Width > maxPixels/c.Height {
		return nil, fmt.Errorf("the header claims %d×%d pixels: at most %d are read", c.Height, c.Width, maxPixels)
	}
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	img, _, err := image.Decode(bufio.NewReader(r))
	if err != nil {
		return nil, imageError(err)
	}
	return img, nil
}

func imageError(err error) error {
	if errors.Is(err, image.ErrFormat) {
		return errors.New("not an image of a known format (PNG, JPEG, GIF, BMP, WebP)")
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
