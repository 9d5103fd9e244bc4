package formats_test

import (
	"bytes"
	"descent/mlkit/formats"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
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

// pngOf is a white picture.
func pngOf(t *testing.T, h, w int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = 255
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A tree of files, and links of the form "-> target".
func tree(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		os.MkdirAll(filepath.Dir(name), 0o777)
		var err error
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			err = os.Symlink(target, name)
		} else {
			err = os.WriteFile(name, []byte(text), 0o666)
		}
		if err != nil {
			t.Skip(err) // links need rights on some systems
		}
	}
	return dir
}

// What lies in folders below, or behind links, is read, in the order of the
// alphabet.
func TestImageFolderFindsAll(t *testing.T) {
	one := string(pngOf(t, 2, 2))
	store := tree(t, map[string]string{"x.png": one, "y.png": one})
	dir := tree(t, map[string]string{
		"bird":             "-> " + store,
		"cat/batch1/1":     "no image",
		"cat/batch1/a.PNG": one, "cat/batch2/deep/b.png": one, "cat/a.png": one,
		"cat/.hidden.png": "no image", "cat/.ipynb_checkpoints/c.png": one, "cat/Thumbs.db": "\xd0\xcf\x11\xe0",
		"dog/link.png": "-> " + filepath.Join(store, "x.png"), "dog/more": "-> " + store,
		".git/z.png": one, "README.md": "text",
	})
	m, err := formats.LoadImageFolder(dir, formats.ImageOptions{})
	if err != nil || fmt.Sprint(m.Classes, m.Labels) != "[bird cat dog] [0 0 1 1 1 2 2 2]" {
		t.Errorf("%+v %v", m, err)
	}
	if _, err := formats.LoadImageFolder(store, formats.ImageOptions{}); err == nil || !strings.Contains(err.Error(), "x.png: this image lies beside the class folders and has no class") {
		t.Error(err)
	}
}

// What would shift labels, or be left out, is an error that names it.
func TestImageFolderRefuses(t *testing.T) {
	one := string(pngOf(t, 2, 2))
	for why, files := range map[string]map[string]string{
		"bird: this class has no images":                  {"cat/1.png": one, "bird/notes.txt": "x"},
		"2.png: this image lies beside the class folders": {"cat/1.png": one, "2.png": one},
		"bird: no such file":                              {"cat/1.png": one, "bird": "-> nowhere"},
		"2.png: no such file":                             {"cat/1.png": one, "cat/2.png": "-> nowhere"},
		"up: the link points back":                        {"cat/1.png": one, "cat/x/up": "-> ../.."},
		"loop: the link points back":                      {"cat/1.png": one, "cat/loop": "-> ."},
		"self: the link points back":                      {"cat/1.png": one, "self": "-> ."},
		"2.heic: .heic images are not supported":          {"cat/1.png": one, "cat/2.heic": "x"},
		"2.ppm: .ppm images are not supported":            {"cat/1.png": one, "cat/2.ppm": "P6 1 1 255 xxx"},
		"picture: it is a png image":                      {"cat/1.png": one, "cat/picture": one},
		"1.dat: it is a png image":                        {"cat/1.png": one, "1.dat": one},
		"name the parts of a data set, not classes":       {"train/cat/1.png": one, "train/dog/1.png": one, "Test/cat/1.png": one},
		"2.tif: not an image":                             {"cat/1.png": one, "cat/2.tif": "x"},
	} {
		_, err := formats.LoadImageFolder(tree(t, files), formats.ImageOptions{})
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

// A file whose pixels are out of all proportion to its bytes is not decoded,
// and takes next to no memory.
func TestImageBombs(t *testing.T) {
	webp := func(w, h uint32) string { // lossless: 1 byte of signature, 14 bits each of width−1 and height−1
		b := append([]byte("RIFF\x47\x00\x00\x00WEBPVP8L\x3b\x00\x00\x00\x2f"), make([]byte, 58)...)
		binary.LittleEndian.PutUint32(b[21:], (w-1)|(h-1)<<14)
		return string(b)
	}
	gif := "GIF89a\xff\xff\xff\xff\x80\x00\x00\x00\x00\x00\xff\xff\xff,\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;"
	bmp := "BM\x3a\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x00\x20\x00\x00\x00\x20\x00\x00\x01\x00\x18\x00" + strings.Repeat("\x00", 28)
	scans := "\xff\xd8\xff\xc2\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00" + strings.Repeat("\xff\xda\x00\x03\x00", 500)
	for why, b := range map[string]string{
		"claims 10000×10000 pixels, but a file of 79 bytes": webp(10000, 10000),
		"claims 4096×4096 pixels, but a file of 79 bytes":   webp(4096, 4096),
		"claims 65535×65535 pixels":                         gif,
		"claims 8192×8192 pixels":                           bmp,
		"a JPEG with 500 scans":                             scans,
	} {
		path := tree(t, map[string]string{"c/x.png": b})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := formats.LoadImageFolder(path, formats.ImageOptions{Height: 2, Width: 2})
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "x.png") {
			t.Errorf("%s: %v", why, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
			t.Errorf("%s: %d bytes allocated", why, n)
		}
	}
	// A white page compresses well, and is one all the same.
	if m, err := formats.LoadImageFolder(tree(t, map[string]string{"c/x.png": string(pngOf(t, 4000, 3000))}), formats.ImageOptions{Height: 2, Width: 2}); err != nil || m.Pixels[0] != 255 {
		t.Error(err)
	}
}

// The first frame of a moving picture may cover a part of it only.
func TestGIFFrameInItsPicture(t *testing.T) {
	white := image.NewPaletted(image.Rect(1, 1, 2, 3), color.Palette{color.Black, color.White})
	for i := range white.Pix {
		white.Pix[i] = 1
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{white}, Delay: []int{0}, Config: image.Config{Width: 3, Height: 4, ColorModel: white.Palette}}); err != nil {
		t.Fatal(err)
	}
	m, err := formats.LoadImageFolder(tree(t, map[string]string{"c/x.gif": b.String()}), formats.ImageOptions{Gray: true})
	if err != nil || fmt.Sprint(m.Dims, m.Pixels) != "[1 4 3] [0 0 0 0 255 0 0 255 0 0 0 0]" {
		t.Errorf("%+v %v", m, err)
	}
}
