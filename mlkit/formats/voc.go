package formats

import (
	"bytes"
	"descent/mlkit/data"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
)

// VOCAnnotation is what a file of the Pascal VOC format says of a picture.
type VOCAnnotation struct {
	Filename      string
	Width, Height int
	Objects       []VOCObject
}

// VOCObject is an object of an annotation. VOC counts pixels from 1 and names the
// last one inside; Box is that in the units of Box, cut to the picture.
type VOCObject struct {
	Name      string
	Box       data.Box
	Difficult bool
}

// Bounds of what an annotation may claim.
const (
	maxAnnotation = 1 << 22 // bytes
	maxObjects    = 10_000
)

// ParseVOC reads an annotation in the XML format of Pascal VOC (Everingham et
// al. 2010). It is not trusted: what is not finite, lies outside of the picture,
// has no inside or no name is an error.
func ParseVOC(text []byte) (VOCAnnotation, error) {
	var a VOCAnnotation
	if len(text) > maxAnnotation {
		return a, fmt.Errorf("an annotation of %d bytes: at most %d are read", len(text), maxAnnotation)
	}
	var file struct {
		XMLName  xml.Name `xml:"annotation"`
		Filename string   `xml:"filename"`
		Size     struct {
			Width  int `xml:"width"`
			Height int `xml:"height"`
		} `xml:"size"`
		Objects []struct {
			Name      string `xml:"name"`
			Difficult int    `xml:"difficult"`
			Box       *struct {
				X0 float64 `xml:"xmin"`
				Y0 float64 `xml:"ymin"`
				X1 float64 `xml:"xmax"`
				Y1 float64 `xml:"ymax"`
			} `xml:"bndbox"`
		} `xml:"object"`
	}
	if err := xml.NewDecoder(bytes.NewReader(text)).Decode(&file); err != nil {
		return a, fmt.Errorf("not an annotation: %w", cutShort(err))
	}
	w, h := file.Size.Width, file.Size.Height
	if w <= 0 || h <= 0 || w > maxPixels/h {
		return a, fmt.Errorf("the annotation claims a picture of %d×%d pixels (height × width)", h, w)
	}
	if len(file.Objects) > maxObjects {
		return a, fmt.Errorf("%d objects: at most %d are read", len(file.Objects), maxObjects)
	}
	a = VOCAnnotation{Filename: file.Filename, Width: w, Height: h}
	for i, o := range file.Objects {
		name := strings.TrimSpace(o.Name)
		if name == "" || o.Box == nil {
			return a, fmt.Errorf("object %d lacks a name or a bndbox", i)
		}
		b := *o.Box
		for _, v := range []float64{b.X0, b.Y0, b.X1, b.Y1} {
			if math.IsNaN(v) || math.Abs(v) > maxPixels {
				return a, fmt.Errorf("object %d, %q: %v is no place in a picture", i, name, v)
			}
		}
		box := data.Box{X0: float32(b.X0 - 1), Y0: float32(b.Y0 - 1), X1: float32(b.X1), Y1: float32(b.Y1)}.Intersect(data.Box{X1: float32(w), Y1: float32(h)})
		if !(box.Area() > 0) {
			return a, fmt.Errorf("object %d, %q: the box (%g, %g, %g, %g) holds nothing of a picture of %d×%d pixels", i, name, b.X0, b.Y0, b.X1, b.Y1, h, w)
		}
		a.Objects = append(a.Objects, VOCObject{name, box, o.Difficult != 0})
	}
	return a, nil
}

// LoadVOC reads one of the sets ("train", "val", "test") of a folder laid out
// as Pascal VOC's: ImageSets/Main/SET.txt lists names; Annotations/NAME.xml and
// JPEGImages/NAME.jpg are the pictures. Pictures are scaled to the size of the
// options, and boxes with them. classes fixes the classes and their order; a
// class that is not among them is an error. Nothing outside of fsys is read.
func LoadVOC(fsys fs.FS, set string, classes []string, o ImageOptions) (*data.ObjectImages, error) {
	listed := path.Join("ImageSets/Main", set+".txt")
	list, err := fs.ReadFile(fsys, listed)
	if err != nil {
		return nil, fmt.Errorf("formats: %w", err)
	}
	m, planes := &data.ObjectImages{Classes: classes}, &data.Images{}
	for _, name := range strings.Fields(string(list)) {
		if err := addVOC(m, fsys, name, planes, o); err != nil {
			return nil, fmt.Errorf("formats: %s of %s: %w", name, listed, err)
		}
	}
	if m.Len() == 0 {
		return nil, fmt.Errorf("formats: %s lists no pictures", listed)
	}
	m.Pixels, m.Dims = planes.Pixels, planes.Dims
	return m, nil
}

func addVOC(m *data.ObjectImages, fsys fs.FS, name string, planes *data.Images, o ImageOptions) error {
	if !fs.ValidPath(name) || strings.Contains(name, "/") {
		return errors.New("not a file's name")
	}
	text, err := fs.ReadFile(fsys, "Annotations/"+name+".xml")
	if err != nil {
		return err
	}
	a, err := ParseVOC(text)
	if err != nil {
		return err
	}
	picture, err := fs.ReadFile(fsys, "JPEGImages/"+name+".jpg")
	if err != nil {
		return err
	}
	img, err := decodeImage(bytes.NewReader(picture))
	if err != nil {
		return err
	}
	if size := img.Bounds().Size(); size.X != a.Width || size.Y != a.Height {
		return fmt.Errorf("the picture has %d×%d pixels, its annotation says %d×%d", size.Y, size.X, a.Height, a.Width)
	}
	if err := addImage(planes, img, &o); err != nil {
		return err
	}
	fx, fy := float32(planes.Dims[2])/float32(a.Width), float32(planes.Dims[1])/float32(a.Height)
	var objects []data.Object
	for _, v := range a.Objects {
		class := slices.Index(m.Classes, v.Name)
		if class < 0 {
			return fmt.Errorf("class %q is not among %q", v.Name, m.Classes)
		}
		objects = append(objects, data.Object{Box: data.Box{X0: v.Box.X0 * fx, Y0: v.Box.Y0 * fy, X1: v.Box.X1 * fx, Y1: v.Box.Y1 * fy}, Class: class, Difficult: v.Difficult})
	}
	m.Objects = append(m.Objects, objects)
	return nil
}
