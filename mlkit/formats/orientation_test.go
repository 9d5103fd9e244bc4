package formats_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"descent/mlkit/formats"
)

// Pictures come out as they are to be seen: turned as the file says, a fax
// black on white.
func TestUpright(t *testing.T) {
	for _, c := range uprights(t) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "class"), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "class", c.Name), c.File, 0o666); err != nil {
			t.Fatal(err)
		}
		m, err := formats.LoadImageFolder(dir, formats.ImageOptions{})
		if err != nil {
			t.Errorf("%s: %v", c.Name, err)
			continue
		}
		want := make([]byte, len(c.Pixels))
		for i, v := range c.Pixels {
			want[i] = byte(v)
		}
		if !slices.Equal(m.Dims, c.Dims) || !slices.Equal(m.Pixels, want) {
			t.Errorf("%s: %v %v, want %v %v", c.Name, m.Dims, m.Pixels, c.Dims, want)
		}
	}
}

type uprightCase struct {
	Name   string
	File   []byte
	Dims   []int
	Pixels []int
}

func uprights(t *testing.T) (all []uprightCase) {
	t.Helper()
	b, err := os.ReadFile("testdata/upright.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &all); err != nil || len(all) < 30 {
		t.Fatal(len(all), err)
	}
	return all
}

// Whether boxes mean a picture as it is stored or as it is seen, nobody knows.
func TestVOCTurned(t *testing.T) {
	for _, c := range uprights(t) {
		if c.Name != "6.jpg" {
			continue
		}
		files := fstest.MapFS{
			"ImageSets/Main/train.txt": {Data: []byte("a\n")},
			"JPEGImages/a.jpg":         {Data: c.File},
			"Annotations/a.xml": {Data: []byte(`<annotation><size><width>16</width><height>24</height></size>
				<object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>`)},
		}
		if _, err := formats.LoadVOC(files, "train", []string{"cat"}, formats.ImageOptions{}); err == nil || !strings.Contains(err.Error(), "orientation 6") {
			t.Errorf("%v", err)
		}
	}
}
