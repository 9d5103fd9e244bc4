package formats

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"descent/mlkit/data"
)

// LoadVOC reads one of the sets ("train", "val", "test") of a folder in the
// layout of Pascal VOC: ImageSets/Main/SET.txt lists names, one per line;
// Annotations/NAME.xml and JPEGImages/NAME.jpg hold the annotation and the
// picture. Pictures are scaled as the options say, and boxes with them. classes
// fixes the classes and their order; an object of any other class is an error,
// as is a picture that Exif says to turn. Nothing outside fsys is read.
func LoadVOC(fsys fs.FS, set string, classes []string, o ImageOptions) (*data.ObjectImages, error) {
	listed := path.Join("ImageSets/Main", set+".txt")
	list, err := readFile(fsys, listed, 1<<26)
	if err != nil {
		return nil, fmt.Errorf("formats: %w", err)
	}
	m, planes := &data.ObjectImages{Classes: classes}, &data.Images{}
	for name := range strings.Lines(string(list)) {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
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

// readFile reads a file of at most most bytes. (What is called a file may be a
// device without end.)
func readFile(fsys fs.FS, name string, most int64) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s has more than %d bytes, the limit", name, most)
	}
	return b, err
}

func addVOC(m *data.ObjectImages, fsys fs.FS, name string, planes *data.Images, o ImageOptions) error {
	if !fs.ValidPath(name) || strings.Contains(name, "/") {
		return errors.New("not a valid file name")
	}
	text, err := readFile(fsys, "Annotations/"+name+".xml", maxAnnotation)
	if err != nil {
		return err
	}
	a, err := ParseVOC(text)
	if err != nil {
		return err
	}
	picture, err := readFile(fsys, "JPEGImages/"+name+".jpg", maxImageFile)
	if err != nil {
		return err
	}
	img, err := decodeImage(picture)
	if err == nil {
		err = checkUpright(picture)
	}
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
		objects = append(objects, data.Object{Box: data.Box{X0: v.Box.X0 * fx, Y0: v.Box.Y0 * fy,
			X1: v.Box.X1 * fx, Y1: v.Box.Y1 * fy}, Class: class, Difficult: v.Difficult})
	}
	m.Objects = append(m.Objects, objects)
	return nil
}
