package data_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/tensor"
)

// panics gives the text of f's panic.
func panics(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}

func TestBatchOnATape(t *testing.T) {
	tape := tensor.NewTape(1)
	b := batch(t, data.FromSlices([]float32{1, 2, 3, 4, 5, 6}, []int{2}, []float32{7, 8, 9}, []int{1}), 0, 2, 0)
	if x, y := b.Input(tape), b.Target(tape); !reflect.DeepEqual(x.Data(), []float32{5, 6, 1, 2}) || !reflect.DeepEqual(x.Dims(), []int{2, 2}) || !reflect.DeepEqual(y.Data(), []float32{9, 7}) {
		t.Errorf("%v %v", x.Data(), y.Data())
	}
	l := batch(t, data.FromLabels([]float32{1, 2, 3}, []int{1}, []int32{4, 5, 6}), 0, 1)
	if ids := l.Ints(); !reflect.DeepEqual(ids.Data, []int32{5}) {
		t.Errorf("%v", ids)
	}
	for want, f := range map[string]func(){
		"this batch has targets, no labels":    func() { b.Ints() },
		"this batch has labels, no targets":    func() { l.Target(tape) },
		"3 elements are not whole rows of [2]": func() { data.FromSlices(make([]float32, 3), []int{2}, nil, []int{1}) },
		"2 elements of y are not 1 rows":       func() { data.FromSlices(make([]float32, 3), []int{3}, make([]float32, 2), []int{1}) },
		"3 rows, but 2 labels":                 func() { data.FromLabels(make([]float32, 3), []int{1}, make([]int32, 2)) },
		"3 elements are not whole rows of [0]": func() { data.FromLabels(make([]float32, 3), []int{0}, nil) },
		"sample 3 of a set of 3": func() {
			panic((&data.Loader{Dataset: numbered(3), Order: []int{3}}).Dataset.Batch([]int{3}, &data.Batch{}))
		},
		"6 bytes are not 2 images of [1 2 2]": func() {
			panic((&data.Images{Pixels: make([]byte, 6), Dims: []int{1, 2, 2}, Labels: make([]int32, 2)}).Batch([]int{0}, &data.Batch{}))
		},
	} {
		if got := panics(f); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSplitOfABatch(t *testing.T) {
	b := batch(t, numbered(7), 3, 6, 5, 4, 3, 2, 1, 0)
	var rows []float32
	var part data.Batch
	for k := range 3 {
		b.Split(&part, k, 3)
		if part.XDims[0] != part.Len() || part.YDims[0] != part.Len() || len(part.X) != part.Len() || part.Len() < 2 || part.Labels != nil || part.Epoch != 3 {
			t.Errorf("part %d: %+v", k, part)
		}
		rows = append(rows, part.X...)
	}
	if !reflect.DeepEqual(rows, b.X) {
		t.Errorf("%v", rows)
	}
	l := batch(t, data.FromLabels([]float32{1, 2, 3, 4}, []int{2}, []int32{8, 9}), 0, 0, 1)
	l.Split(&part, 1, 2)
	if !reflect.DeepEqual(part.Labels, []int32{9}) || !reflect.DeepEqual(part.X, []float32{3, 4}) || part.Y != nil {
		t.Errorf("%+v", part)
	}
	l.Split(&part, 0, 3)
	if part.Len() != 0 || len(part.X) != 0 {
		t.Errorf("%+v", part)
	}
}

func TestTableToSamples(t *testing.T) {
	table, err := data.ReadCSV(strings.NewReader("a,kind,y\n1,u,5\n2,v,?\n"), data.CSVOptions{Missing: []string{"?"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := table.Regression("y", nil); err == nil || !strings.Contains(err.Error(), `row 1 lacks its target in column "y"`) {
		t.Errorf("%v", err)
	}
	if _, _, err := table.Classification("y", nil); err == nil || !strings.Contains(err.Error(), `row 1 has no label in column "y"`) {
		t.Errorf("%v", err)
	}
	y, _ := table.Column("y")
	y.Fill(6)
	set, err := table.Regression("y", nil)
	if err != nil {
		t.Fatal(err)
	}
	if b := batch(t, set, 0, 1, 0); !reflect.DeepEqual(b.X, []float32{2, 0, 1, 1, 1, 0}) || !reflect.DeepEqual(b.Y, []float32{6, 5}) {
		t.Errorf("%v %v", b.X, b.Y)
	}
	for _, err := range []error{
		func() error { _, err := table.Regression("kind", nil); return err }(),
		func() error { _, err := table.Regression("z", nil); return err }(),
		func() error { _, _, err := table.Classification("z", nil); return err }(),
		func() error { _, err := data.NewEncoder(table, "z"); return err }(),
		func() error {
			e, _ := data.NewEncoder(table, "kind")
			other, _ := data.ReadCSV(strings.NewReader("kind\n1\n"), data.CSVOptions{})
			_, err := e.Encode(other)
			return err
		}(),
		func() error { _, err := data.LoadCSV("no such file", data.CSVOptions{}); return err }(),
	} {
		if err == nil {
			t.Error("no error")
		}
	}
}

func TestWriteFileLeavesTheOldOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.npy")
	good := data.Array{Dims: []int{1}, Data: []float32{1}}
	if err := data.SaveNPY(path, good); err != nil {
		t.Fatal(err)
	}
	// What a killed process left is swept when it is old, and only then.
	stale, young := filepath.Join(dir, ".x.npy.123.tmp"), filepath.Join(dir, ".x.npy.456.tmp")
	for _, name := range []string{stale, young} {
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * time.Hour)
	os.Chtimes(stale, old, old)
	if err := data.SaveNPY(path, data.Array{Dims: []int{2}, Data: []float32{1}}); err == nil {
		t.Error("no error")
	}
	if a, err := data.LoadNPY(path); err != nil || !reflect.DeepEqual(a, good) {
		t.Errorf("%v %v", a, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); !reflect.DeepEqual(left, []string{young}) {
		t.Errorf("left: %v", left)
	}
	if err := data.SaveNPY(filepath.Join(path, "below a file"), good); err == nil {
		t.Error("no error")
	}
}

func TestFortranOrderOfEveryType(t *testing.T) {
	for dtype, want := range map[string]any{
		"<f8": []float64{0, 1}, "<i4": []int32{0, 1}, "<i8": []int64{0, 1}, "|u1": []uint8{0, 1}, "|b1": []bool{false, true},
	} {
		size := int(dtype[2] - '0')
		b := npy("{'descr': '"+dtype+"', 'fortran_order': True, 'shape': (2, 1), }", 2*size)
		b[len(b)-size] = 1
		if dtype == "<f8" {
			copy(b[len(b)-2:], []byte{0xf0, 0x3f})
			b[len(b)-size] = 0
		}
		if a, err := data.ReadNPY(bytes.NewReader(b)); err != nil || !reflect.DeepEqual(a.Data, want) {
			t.Errorf("%s: %v %v", dtype, a, err)
		}
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
		m, err := data.LoadImageFolder(dir, data.ImageOptions{Height: 3, Width: 3})
		if err != nil && !strings.Contains(err.Error(), path) || err == nil && len(m.Pixels) != 27 {
			t.Errorf("%v", err)
		}
	})
}
