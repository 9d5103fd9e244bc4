package formats_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/formats"
)

func idx(dims []byte, body ...byte) []byte {
	b := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		b = append(b, 0, 0, 0, d)
	}
	return append(b, body...)
}

func TestLoadIDXImages(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte, zip bool) string {
		if zip {
			var z bytes.Buffer
			w := gzip.NewWriter(&z)
			w.Write(b)
			w.Close()
			b = z.Bytes()
		}
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	images := write("i.gz", idx([]byte{2, 1, 3}, 0, 51, 255, 1, 2, 3), true)
	m, err := formats.LoadIDXImages(images, write("l", idx([]byte{2}, 7, 9), false))
	if err != nil {
		t.Fatal(err)
	}
	var b data.Batch
	if err := m.Batch([]int{1, 0}, &b); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.XDims, []int{2, 1, 1, 3}) || !slices.Equal(b.Labels, []int32{9, 7}) || b.X[4]-0.2 > 1e-7 || b.X[4] < 0.2 || b.X[5] != 1 {
		t.Errorf("%+v", b)
	}
	if err := m.Flat().Normalized(0.2, 0.5).Batch([]int{0}, &b); err != nil || !slices.Equal(b.XDims, []int{1, 3}) ||
		b.X[0] != -0.4 || b.X[1] > 1e-7 || b.X[1] < -1e-7 || !slices.Equal(m.Image(0), []byte{0, 51, 255}) {
		t.Errorf("%v %+v", err, b)
	}
	if err := m.Batch([]int{2}, &b); err == nil || !strings.Contains(err.Error(), "sample 2 of a set of 2") {
		t.Error(err)
	}

	// The first of them, from a file that is cut behind it.
	cut, _ := os.ReadFile(write("whole", idx([]byte{2, 1, 3}, 0, 51, 255, 1, 2, 3), false))
	for name, file := range map[string]string{"gzip": images, "cut": write("cut", cut[:len(cut)-3], false)} {
		m, err := formats.LoadFirstIDXImages(file, filepath.Join(dir, "l"), 1)
		if err != nil || m.Len() != 1 || !slices.Equal(m.Pixels, []byte{0, 51, 255}) || m.Labels[0] != 7 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	if _, err := formats.LoadFirstIDXImages(filepath.Join(dir, "cut"), filepath.Join(dir, "l"), 2); err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Error(err)
	}
	if m, err := formats.LoadFirstIDXImages(images, filepath.Join(dir, "l"), 9); err != nil || m.Len() != 2 {
		t.Errorf("%+v, %v", m, err)
	}

	for why, b := range map[string][]byte{
		"truncated":        idx([]byte{2}, 7),
		"begins with 0107": {1, 7, 8, 1},
		"type 0x0d":        {0, 0, 13, 1, 0, 0, 0, 1, 0, 0, 0, 0},
		"more data follow": idx([]byte{1}, 7, 9),
		"axis 1 of 2":      {0, 0, 8, 2, 0, 0, 0, 1, 0, 0},
		"more than":        {0, 0, 8, 2, 0x3f, 255, 255, 255, 255, 255, 255, 255},
		"for 2 images":     idx([]byte{3}, 7, 9, 1),
	} {
		file := write("bad", b, false)
		if _, err := formats.LoadIDXImages(images, file); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v", why, err)
		}
	}
	whole, _ := os.ReadFile(images)
	if _, _, err := formats.LoadIDX(write("cut.gz", whole[:len(whole)-9], false)); err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Error(err)
	}
	if _, _, err := formats.LoadIDX(filepath.Join(dir, "none")); err == nil || !strings.Contains(err.Error(), "none") {
		t.Error(err)
	}
}

// Every type of the format, big-endian.
func TestIDXTypes(t *testing.T) {
	one := func(kind byte, body ...byte) []byte { return append([]byte{0, 0, kind, 1, 0, 0, 0, 2}, body...) }
	for kind, c := range map[byte]struct {
		body []byte
		want any
	}{
		0x08: {[]byte{1, 255}, []uint8{1, 255}},
		0x09: {[]byte{1, 255}, []int8{1, -1}},
		0x0b: {[]byte{1, 2, 0xff, 0xfe}, []int16{258, -2}},
		0x0c: {[]byte{0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff}, []int32{256, -1}},
		0x0d: {[]byte{0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0}, []float32{1, -2}},
		0x0e: {[]byte{0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0}, []float64{1, -2}},
	} {
		b := one(kind, c.body...)
		a, err := formats.ReadIDXArray(bytes.NewReader(b))
		if err != nil || !reflect.DeepEqual(a, formats.Array{Dims: []int{2}, Data: c.want}) {
			t.Errorf("%#x: %+v %v, want %v", kind, a, err, c.want)
		}
		for n := range b {
			if _, err := formats.ReadIDXArray(bytes.NewReader(b[:n])); err == nil || !strings.Contains(err.Error(), "truncated") {
				t.Errorf("%#x, first %d bytes: %v", kind, n, err)
			}
		}
		if _, err := formats.ReadIDXArray(bytes.NewReader(append(b, 0))); err == nil || !strings.Contains(err.Error(), "more data follow") {
			t.Errorf("%#x: %v", kind, err)
		}
		_, _, err = formats.ReadIDX(bytes.NewReader(b))
		if (err == nil) != (kind == 8) || err != nil && !strings.Contains(err.Error(), "is not unsigned bytes: use ReadIDXArray") {
			t.Errorf("%#x: %v", kind, err)
		}
	}
	for _, kind := range []byte{0, 1, 7, 10, 15, 255} {
		if _, err := formats.ReadIDXArray(bytes.NewReader(one(kind, 1, 2))); err == nil || !strings.Contains(err.Error(), "is not one of 08") {
			t.Errorf("%#x: %v", kind, err)
		}
	}

	// Labels may be larger integers, as QMNIST's are.
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, b, 0o666); err != nil {
			t.Fatal(err)
		}
		return name
	}
	images := file("images", idx([]byte{2, 1, 1}, 1, 2))
	m, err := formats.LoadIDXImages(images, file("labels", one(0x0c, 0, 0, 1, 0, 0, 0, 0, 5)))
	if err != nil || !slices.Equal(m.Labels, []int32{256, 5}) {
		t.Errorf("%+v %v", m, err)
	}
	if a, err := formats.LoadIDXArray(filepath.Join(dir, "labels")); err != nil || !reflect.DeepEqual(a.Data, []int32{256, 5}) {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := formats.LoadIDXImages(images, file("labels", one(0x09, 1, 255))); err == nil || !strings.Contains(err.Error(), "label 1 is -1") {
		t.Error(err)
	}
	if _, err := formats.LoadIDXImages(filepath.Join(dir, "labels"), images); err == nil || !strings.Contains(err.Error(), "labels: idx element type 0x09") {
		t.Error(err)
	}
}
