package datasets_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/formats"
)

// strokes are two "digits": a bar and a square.
func strokes() *data.Images {
	m := &data.Images{Pixels: make([]byte, 2*784), Dims: []int{1, 28, 28}, Labels: []int32{1, 0}}
	for y := 4; y < 24; y++ {
		for x := range 28 {
			if x >= 12 && x < 16 {
				m.Pixels[y*28+x] = 255
			}
			if x >= 4 && x < 24 {
				m.Pixels[784+y*28+x] = 200
			}
		}
	}
	return m
}

func TestScenes(t *testing.T) {
	s := datasets.Scenes{Height: 80, Width: 100, Min: 1, Max: 5, Seed: 7}
	m := s.Compose(strokes(), 50)
	if m.Len() != 50 || !reflect.DeepEqual(m.Dims, []int{1, 80, 100}) || len(m.Classes) != 10 {
		t.Fatal(m.Len(), m.Dims)
	}
	total := 0
	for i, objects := range m.Objects {
		picture := m.Image(i)
		total += len(objects)
		inside := make([]bool, 80*100)
		for k, o := range objects {
			if o.X0 < 0 || o.Y0 < 0 || o.X1 > 100 || o.Y1 > 80 || o.Area() == 0 || o.Class > 1 {
				t.Fatalf("picture %d: %+v", i, o)
			}
			// The bar is five times as high as it is wide, the square is
			// square.
			if ratio := (o.Y1 - o.Y0) / (o.X1 - o.X0); o.Class == 1 && (ratio < 3.5 || ratio > 6.5) || o.Class == 0 && (ratio < 0.9 || ratio > 1.1) {
				t.Errorf("picture %d: a box of %v for a digit %d", i, o.Box, o.Class)
			}
			for _, other := range objects[:k] {
				if o.IoU(other.Box) > 0.05 {
					t.Errorf("picture %d: %v and %v overlap", i, o, other)
				}
			}
			for y := int(o.Y0); y < int(o.Y1); y++ {
				for x := int(o.X0); x < int(o.X1); x++ {
					inside[y*100+x] = true
				}
			}
			if picture[(int(o.Y0+o.Y1)/2)*100+int(o.X0+o.X1)/2] < 128 {
				t.Errorf("picture %d: no ink in the middle of %v", i, o)
			}
		}
		for at, v := range picture {
			if v >= 64 && !inside[at] {
				t.Fatalf("picture %d: ink outside of all boxes", i)
			}
		}
	}
	if total < 100 || total > 200 {
		t.Errorf("%d digits in 50 pictures of 1 to 5", total)
	}
	if again := s.Compose(strokes(), 10); !bytes.Equal(again.Pixels, m.Pixels[:len(again.Pixels)]) || !reflect.DeepEqual(again.Objects, m.Objects[:10]) {
		t.Error("the same seed gives other pictures")
	}
}

func TestBCCD(t *testing.T) {
	train, val, test, err := datasets.BCCD(formats.ImageOptions{Height: 48, Width: 64})
	if errors.Is(err, datasets.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if train.Len() != 205 || val.Len() != 87 || test.Len() != 72 {
		t.Error(train.Len(), val.Len(), test.Len())
	}
	count := make([]int, 3)
	for _, set := range []*data.ObjectImages{train, val, test} {
		for _, objects := range set.Objects {
			for _, o := range objects {
				count[o.Class]++
			}
		}
	}
	if !reflect.DeepEqual(count, []int{4155, 372, 361}) {
		t.Errorf("%v cells", count)
	}
}

func TestBCCDRefuses(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("MLKIT_DATA", dir)
	if _, _, _, err := datasets.BCCD(formats.ImageOptions{}); !errors.Is(err, datasets.ErrMissing) || !strings.Contains(err.Error(), "put the file https://") {
		t.Error(err)
	}
	path := filepath.Join(dir, "bccd.tar.gz")
	if err := os.WriteFile(path, []byte("no archive"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := datasets.BCCD(formats.ImageOptions{}); err == nil || !strings.Contains(err.Error(), "download them again with\n\tcurl -fL") || !strings.Contains(err.Error(), path) {
		t.Errorf("a broken archive: %v", err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	w.WriteHeader(&tar.Header{Name: "x/BCCD/ImageSets/Main/train.txt", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644})
	w.Write([]byte("a"))
	w.Close()
	z.Close()
	if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := datasets.BCCD(formats.ImageOptions{}); err == nil || !strings.Contains(err.Error(), "1 files in BCCD/ with the checksum") || !strings.Contains(err.Error(), "download them again with\n\tcurl -fL") {
		t.Error(err)
	}
}
