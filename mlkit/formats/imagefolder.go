package formats

import (
	"cmp"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"descent/mlkit/data"
)

// LoadImageFolder reads a folder that has one folder of images for each class,
// named after it (PNG, JPEG, GIF, BMP, TIFF, WebP). A class's images may lie in
// folders below its own, and folders and files may be symbolic links. Classes
// and files come in the order of the alphabet, so labels do not depend on the
// machine. Transparent pixels become black; of a moving picture, the first frame
// is read. Names that begin with a dot are passed over, and files that are no
// images.
//
// Whatever would shift labels or leave images out without a word is an error: a
// class without images, images beside the folders of the classes, images whose
// names do not say so, links that lead nowhere or back to a folder above, a
// folder whose classes are train and test. Errors name the file.
func LoadImageFolder(dir string, o ImageOptions) (*data.Images, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("formats: %w", err)
	}
	w := folderWalk{m: &data.Images{}, o: o}
	root, err := os.Stat(dir)
	if err != nil {
		return nil, fmt.Errorf("formats: %w", err)
	}
	w.above = append(w.above, root)
	for _, e := range entries {
		if err := w.class(filepath.Join(dir, e.Name())); err != nil {
			return nil, fmt.Errorf("formats: %w", err)
		}
	}
	if len(w.m.Labels) == 0 {
		return nil, fmt.Errorf("formats: %s: no images in it: wanted is one folder of images for each class", dir)
	}
	if len(w.m.Classes) > 1 && !slices.ContainsFunc(w.m.Classes, func(c string) bool { return !slices.Contains(setNames, strings.ToLower(c)) }) {
		return nil, fmt.Errorf("formats: %s: %q are the names of sets, not of classes: load each of these folders by itself", dir, w.m.Classes)
	}
	return w.m, nil
}

// setNames are what the parts of a data set are called.
var setNames = []string{"train", "training", "val", "valid", "validation", "dev", "test", "testing"}

// imageNames are how the names of the images that are read end, and otherImages
// those of images that are not.
var (
	imageNames  = []string{".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp"}
	otherImages = []string{".avif", ".heic", ".heif", ".jp2", ".jxl", ".pbm", ".pgm", ".pnm", ".ppm", ".svg", ".tga", ".dng", ".nef", ".cr2"}
)

// folderWalk reads the images below a folder.
type folderWalk struct {
	m     *data.Images
	o     ImageOptions
	above []os.FileInfo // the folders in which the walk is
}

// class reads what may be the folder of a class.
func (w *folderWalk) class(path string) error {
	if hidden(path) {
		return nil
	}
	info, err := os.Stat(path) // follows links
	if err != nil {
		return err
	}
	if !info.IsDir() {
		image, err := isImage(path, info)
		if image && err == nil {
			err = fmt.Errorf("%s: an image beside the folders of the classes has no class: move it into one of them", path)
		}
		return err
	}
	before := len(w.m.Labels)
	if err := w.folder(path, info); err != nil {
		return err
	}
	if len(w.m.Labels) == before {
		return fmt.Errorf("%s: no images in this class: put some there, or remove the folder", path)
	}
	w.m.Classes = append(w.m.Classes, filepath.Base(path))
	return nil
}

func (w *folderWalk) folder(path string, info os.FileInfo) error {
	if slices.ContainsFunc(w.above, func(a os.FileInfo) bool { return os.SameFile(a, info) }) {
		return fmt.Errorf("%s: the link leads back to a folder in which it lies: remove it", path)
	}
	w.above = append(w.above, info)
	defer func() { w.above = w.above[:len(w.above)-1] }()
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.entry(filepath.Join(path, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (w *folderWalk) entry(path string) error {
	if hidden(path) {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return w.folder(path, info)
	}
	image, err := isImage(path, info)
	if err != nil || !image {
		return err
	}
	if err := addFile(w.m, path, &w.o); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	w.m.Labels = append(w.m.Labels, int32(len(w.m.Classes)))
	return nil
}

func hidden(path string) bool { return strings.HasPrefix(filepath.Base(path), ".") }

// isImage tells by its name whether a file is an image that is to be read. One
// that is an image all the same is an error.
func isImage(path string, info os.FileInfo) (bool, error) {
	ext := strings.ToLower(filepath.Ext(path))
	switch {
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%s: neither a file nor a folder: remove it", path)
	case slices.Contains(imageNames, ext):
		return true, nil
	case slices.Contains(otherImages, ext):
		return false, fmt.Errorf("%s: images of the type %s are not read: convert them to PNG or JPEG", path, ext)
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if _, kind, err := image.DecodeConfig(f); !errors.Is(err, image.ErrFormat) {
		return false, fmt.Errorf("%s: it begins as an image of the type %s, its name does not end so: rename it, or remove it", path, cmp.Or(kind, "of its name"))
	}
	return false, nil
}

func addFile(m *data.Images, path string, o *ImageOptions) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	img, err := readImage(f)
	if err != nil {
		return err
	}
	return addImage(m, img, o)
}
