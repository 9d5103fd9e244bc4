package formats

import (
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"descent/mlkit/data"
)

// LoadImageFolder reads a folder that contains one folder of images for each
// class, named after the class. It reads PNG, JPEG, GIF, BMP, TIFF and WebP
// files. The images of a class may lie in nested folders, and folders and files
// may be symbolic links. Classes and files are sorted by name, so labels do not
// depend on the machine. Transparent pixels become black; 16 bits become the
// upper 8; a picture that Exif or TIFF says to turn is turned (torchvision
// turns those of TIFF only); of an animation or a TIFF of several pages, only
// the first image is read. Names that begin with a dot are skipped, and so are
// files that are not images.
//
// Anything that would shift labels or drop images without a word is an error: a
// class without images, an image beside the class folders, an image whose name
// does not end like one, a link that leads nowhere or back to a folder above
// it, and folders named train and test in place of classes. Errors name the
// file.
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
		return nil, fmt.Errorf("formats: %s: no images found: expected one folder of images for each class", dir)
	}
	if len(w.m.Classes) > 1 && !slices.ContainsFunc(w.m.Classes,
		func(c string) bool { return !slices.Contains(setNames, strings.ToLower(c)) }) {
		return nil, fmt.Errorf("formats: %s: %q name the parts of a data set, not classes: load each of these folders by itself", dir, w.m.Classes)
	}
	return w.m, nil
}

// setNames are what the parts of a data set are called.
var setNames = []string{"train", "training", "val", "valid", "validation", "dev", "test", "testing"}

// imageNames are how the names of the images that are read end, and otherImages
// those of images that are not.
var (
	imageNames  = []string{".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".webp"}
	otherImages = []string{".avif", ".heic", ".heif", ".jp2", ".j2k", ".jpf", ".jpx", ".jxl", ".jxr", ".pbm", ".pgm", ".pnm", ".ppm", ".pam", ".pfm",
		".svg", ".tga", ".ico", ".icns", ".pcx", ".psd", ".xcf", ".exr", ".hdr", ".qoi", ".dcm", ".fits", ".eps",
		".dng", ".nef", ".cr2", ".cr3", ".arw", ".orf", ".raf", ".rw2"}
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
			err = fmt.Errorf("%s: this image lies beside the class folders and has no class: move it into one of them", path)
		}
		return err
	}
	before := len(w.m.Labels)
	if err := w.folder(path, info); err != nil {
		return err
	}
	if len(w.m.Labels) == before {
		return fmt.Errorf("%s: this class has no images: add some, or remove the folder", path)
	}
	w.m.Classes = append(w.m.Classes, filepath.Base(path))
	return nil
}

func (w *folderWalk) folder(path string, info os.FileInfo) error {
	if slices.ContainsFunc(w.above, func(a os.FileInfo) bool { return os.SameFile(a, info) }) {
		return fmt.Errorf("%s: the link points back to a folder that contains it: remove it", path)
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

// isImage tells by its name whether a file is an image to read. One
// that is an image all the same is an error.
func isImage(path string, info os.FileInfo) (bool, error) {
	ext := strings.ToLower(filepath.Ext(path))
	switch {
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%s: neither a regular file nor a folder: remove it", path)
	case slices.Contains(imageNames, ext):
		return true, nil
	case slices.Contains(otherImages, ext):
		return false, fmt.Errorf("%s: %s images are not supported: convert them to PNG or JPEG", path, ext)
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	if _, kind, err := image.DecodeConfig(f); !errors.Is(err, image.ErrFormat) {
		return false, fmt.Errorf("%s: it is a %s image, but its name does not say so: rename it, or remove it", path, kind)
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
