package formats_test

import (
	"bytes"
	"descent/mlkit/formats"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestLoadImageFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(name string, h, w int, c color.Color) {
		t.Helper()
		m := image.NewNRGBA(image.Rect(0, 0, w, h))
		for i := range w * h {
			m.Set(i%w, i/w, c)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	put("dog/2.png", 2, 3, color.NRGBA{0, 0, 255, 255})
	put("cat/1.PNG", 2, 3, color.NRGBA{255, 10, 0, 255})
	put("cat/3.png", 2, 3, color.NRGBA{0, 0, 0, 255})
	os.WriteFile(filepath.Join(dir, "cat", "notes.txt"), []byte("x"), 0o666)
	m, err := formats.LoadImageFolder(dir, formats.ImageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(m.Classes, m.Labels, m.Dims) != "[cat dog] [0 0 1] [3 2 3]" || fmt.Sprint(m.Image(0)) != "[255 255 255 255 255 255 10 10 10 10 10 10 0 0 0 0 0 0]" {
		t.Errorf("%v %v %v %v", m.Classes, m.Labels, m.Dims, m.Image(0))
	}
	g, err := formats.LoadImageFolder(dir, formats.ImageOptions{Gray: true, Height: 4, Width: 4})
	if err != nil || fmt.Sprint(g.Dims) != "[1 4 4]" || len(g.Pixels) != 48 || g.Image(2)[5] != 29 { // 0.114·255
		t.Errorf("%v %v %v", err, g.Dims, g.Image(2))
	}
	put("dog/4.png", 5, 5, color.Black)
	if _, err := formats.LoadImageFolder(dir, formats.ImageOptions{}); err == nil || !strings.Contains(err.Error(), "4.png: 5×5 pixels, the first image has 2×3") {
		t.Errorf("%v", err)
	}
	bad := filepath.Join(dir, "dog", "4.png")
	whole, _ := os.ReadFile(bad)
	huge := bytes.Clone(whole)
	copy(huge[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0})
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	for why, b := range map[string][]byte{"EOF": whole[:len(whole)-20], "not an image": []byte("hello"), "claims 65536×65536 pixels": huge} {
		os.WriteFile(bad, b, 0o666)
		if _, err := formats.LoadImageFolder(dir, formats.ImageOptions{Height: 2, Width: 2}); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if _, err := formats.LoadImageFolder(t.TempDir(), formats.ImageOptions{}); err == nil || !strings.Contains(err.Error(), "one folder of images for each class") {
		t.Errorf("%v", err)
	}
}

// What is no image, or a damaged one, is an error with the file's name.
func FuzzImageFile(f *testing.F) {
	f.Add([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x00\x00\x00\x00:~\x9bU"))
	f.Add([]byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;"))
	f.Add([]byte("BM\x3a\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x00\x01\x00\x18\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x02\x03\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		path := filepath.Join(dir, "class", "x.png")
		os.Mkdir(filepath.Dir(path), 0o777)
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		m, err := formats.LoadImageFolder(dir, formats.ImageOptions{Height: 3, Width: 3})
		if err != nil && !strings.Contains(err.Error(), path) || err == nil && len(m.Pixels) != 27 {
			t.Errorf("%v", err)
		}
	})
}
