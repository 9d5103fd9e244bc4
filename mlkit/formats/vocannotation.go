package formats

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"descent/mlkit/data"
)

// VOCAnnotation is the content of a Pascal VOC annotation file.
type VOCAnnotation struct {
	Filename      string
	Width, Height int
	Objects       []VOCObject
}

// VOCObject is one annotated object. VOC counts pixels from 1, and its maxima
// are inside the box; Box is in the units of data.Box, clipped to the picture.
type VOCObject struct {
	Name      string
	Box       data.Box
	Difficult bool
}

// Bounds of what an annotation may claim.
const (
	maxAnnotation = 1 << 22 // bytes
	maxObjects    = 10_000
	maxElements   = 100 // in each other
)

// ParseVOC reads an annotation in the XML format of Pascal VOC (Everingham et
// al. 2010), in UTF-8, UTF-16 or the encoding that it declares. The input is
// not trusted. It is an error if a size, a name or a side of a box is missing,
// empty, duplicated or not a finite number, if a box is empty or outside the
// picture, or if an object is nested where it would be ignored. Elements that
// ParseVOC does not use, such as pose and part, are skipped.
func ParseVOC(text []byte) (VOCAnnotation, error) {
	if len(text) > maxAnnotation {
		return VOCAnnotation{}, fmt.Errorf("an annotation of %d bytes: at most %d are read", len(text), maxAnnotation)
	}
	text, err := utf8Of(text)
	if err != nil {
		return VOCAnnotation{}, err
	}
	p := vocParser{d: xml.NewDecoder(bytes.NewReader(text))}
	p.d.CharsetReader = charsetReader
	if err := p.document(); err != nil {
		return VOCAnnotation{}, fmt.Errorf("not an annotation: %w", err)
	}
	if err := p.place(); err != nil {
		return VOCAnnotation{}, err
	}
	return p.a, nil
}

// utf8Of makes UTF-8 of UTF-16 with a byte order mark, which encoding/xml
// cannot read; other text stays as it is.
func utf8Of(text []byte) ([]byte, error) {
	if !bytes.HasPrefix(text, []byte("\xff\xfe")) && !bytes.HasPrefix(text, []byte("\xfe\xff")) {
		return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), nil
	}
	text, _, err := transform.Bytes(unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM).NewDecoder(), text)
	if err != nil {
		return nil, fmt.Errorf("not an annotation: %w", err)
	}
	return text, nil
}

// charsetReader decodes the encoding that an XML file declares.
func charsetReader(label string, r io.Reader) (io.Reader, error) {
	if strings.HasPrefix(strings.ToLower(label), "utf-16") {
		return r, nil // utf8Of has been there
	}
	e, err := ianaindex.IANA.Encoding(label)
	if err != nil || e == nil {
		return nil, fmt.Errorf("unknown encoding %q: save the file as UTF-8", label)
	}
	return transform.NewReader(r, e.NewDecoder()), nil
}

// vocParser reads an annotation element by element: encoding/xml's Unmarshal
// would read what is missing or empty as 0, and take the last of two.
type vocParser struct {
	d     *xml.Decoder
	depth int
	a     VOCAnnotation
	boxes [][4]float64 // of the objects, as they are written
}

// document reads the one element that the file is.
func (p *vocParser) document() error {
	seen := false
	for {
		t, err := p.d.Token()
		if err == io.EOF && seen {
			return nil
		}
		if err != nil {
			return cutShort(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name.Local != "annotation" || seen {
				return fmt.Errorf("found element <%s>, expected a single <annotation>", t.Name.Local)
			}
			seen = true
			err = p.fields("annotation", map[string]func() error{
				"filename": func() (err error) { p.a.Filename, err = p.text(); return err },
				"size":     p.size,
				"object":   p.object,
			}, "object")
			if err != nil {
				return err
			}
		case xml.CharData:
			if text := bytes.TrimSpace(t); len(text) > 0 {
				return fmt.Errorf("found %.20q outside the annotation", text)
			}
		}
	}
}

// each calls f at every element in the one whose beginning has been read, up to
// its end.
func (p *vocParser) each(f func(name string) error) error {
	if p.depth++; p.depth > maxElements {
		return fmt.Errorf("elements are nested more than %d deep", maxElements)
	}
	defer func() { p.depth-- }()
	for {
		t, err := p.d.Token()
		if err != nil {
			return cutShort(err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if err := f(t.Name.Local); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

// fields reads the elements in one by their names, each once except for many,
// and passes over others.
func (p *vocParser) fields(in string, read map[string]func() error, many string) error {
	seen := map[string]bool{}
	return p.each(func(name string) error {
		f, known := read[name]
		if !known {
			for k := range read {
				if strings.EqualFold(k, name) {
					return fmt.Errorf("element <%s> in %s must be spelled <%s>", name, in, k)
				}
			}
			return p.skip(name, in)
		}
		if seen[name] && name != many {
			return fmt.Errorf("%s appears twice in %s", name, in)
		}
		seen[name] = true
		return f()
	})
}

// skip passes over an element.
func (p *vocParser) skip(name, in string) error {
	if strings.EqualFold(name, "object") {
		return fmt.Errorf("an object inside %s would be ignored: move it directly into annotation", in)
	}
	return p.each(func(inner string) error { return p.skip(inner, name) })
}

// text reads an element that holds nothing but text.
func (p *vocParser) text() (string, error) {
	var b strings.Builder
	for {
		t, err := p.d.Token()
		if err != nil {
			return "", cutShort(err)
		}
		switch t := t.(type) {
		case xml.CharData:
			b.Write(t)
		case xml.StartElement:
			return "", fmt.Errorf("found element <%s>, expected text", t.Name.Local)
		case xml.EndElement:
			return strings.TrimSpace(b.String()), nil
		}
	}
}

// numbers reads an element of elements that are numbers, each of the names
// once.
func (p *vocParser) numbers(in string, names []string, to []float64) error {
	read, found := map[string]func() error{}, 0
	for i, name := range names {
		read[name] = func() error {
			text, err := p.text()
			if err != nil {
				return err
			}
			if text == "" {
				return fmt.Errorf("%s is empty", name)
			}
			if to[i], err = strconv.ParseFloat(text, 64); err != nil || strings.ContainsAny(text, "xX_") {
				return fmt.Errorf("%s is %.20q, not a number", name, text)
			}
			found |= 1 << i
			return nil
		}
	}
	if err := p.fields(in, read, ""); err != nil {
		return err
	}
	for i, name := range names {
		if found>>i&1 == 0 {
			return fmt.Errorf("%s lacks %s", in, name)
		}
	}
	return nil
}

func (p *vocParser) size() error {
	var size [2]float64
	if err := p.numbers("size", []string{"width", "height"}, size[:]); err != nil {
		return err
	}
	for i, side := range []*int{&p.a.Width, &p.a.Height} {
		if size[i] != math.Trunc(size[i]) {
			return fmt.Errorf("size %g×%g is not in whole pixels", size[0], size[1])
		}
		*side = int(max(-maxPixels, min(size[i], maxPixels+1)))
	}
	return nil
}

func (p *vocParser) object() error {
	i := len(p.a.Objects)
	if i == maxObjects {
		return fmt.Errorf("more than %d objects", maxObjects)
	}
	var o VOCObject
	var box [4]float64
	boxed := false
	err := p.fields("object", map[string]func() error{
		"name": func() (err error) { o.Name, err = p.text(); return err },
		"difficult": func() error {
			text, err := p.text()
			if o.Difficult = text == "1"; err == nil && text != "0" && text != "1" {
				err = fmt.Errorf("difficult is %.20q, neither 0 nor 1", text)
			}
			return err
		},
		"bndbox": func() error {
			boxed = true
			return p.numbers("bndbox", []string{"xmin", "ymin", "xmax", "ymax"}, box[:])
		},
	}, "")
	if err == nil && (o.Name == "" || !boxed) {
		err = errors.New("it lacks a name or a bndbox")
	}
	if err != nil {
		return fmt.Errorf("object %d: %w", i, err)
	}
	p.a.Objects, p.boxes = append(p.a.Objects, o), append(p.boxes, box)
	return nil
}

// place checks the numbers, which may stand before the size of the picture.
func (p *vocParser) place() error {
	w, h := p.a.Width, p.a.Height
	if w <= 0 || h <= 0 || w > maxPixels/h {
		return fmt.Errorf("the annotation claims a picture of %d×%d pixels (height × width): its element size is missing or wrong", h, w)
	}
	for i, b := range p.boxes {
		o := &p.a.Objects[i]
		for _, v := range b {
			if math.IsNaN(v) || math.Abs(v) > maxPixels {
				return fmt.Errorf("object %d, %q: %v is not a position in a picture", i, o.Name, v)
			}
		}
		o.Box = data.Box{X0: float32(b[0] - 1), Y0: float32(b[1] - 1), X1: float32(b[2]),
			Y1: float32(b[3])}.Intersect(data.Box{X1: float32(w), Y1: float32(h)})
		if !(o.Box.Area() > 0) {
			return fmt.Errorf("object %d, %q: the box (xmin %g, ymin %g, xmax %g, ymax %g) covers nothing of a picture of %d×%d pixels", i, o.Name, b[0], b[1], b[2], b[3], h, w)
		}
	}
	return nil
}
