package data_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
)

func TestReadCSV(t *testing.T) {
	t1, err := data.ReadCSV(strings.NewReader("\ufeffage, sex,class,zip\n22,male,b,10\n38.5,\"female\",a,20\n\n26,female,b,10\n"), data.CSVOptions{Text: []string{"zip"}})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(t1.Names("zip"), []string{"age", "sex", "class"}) || t1.Len() != 3 || !reflect.DeepEqual(t1.Columns[0].Numbers, []float64{22, 38.5, 26}) {
		t.Errorf("%+v", t1)
	}
	labels, classes, err := t1.Labels("class")
	if err != nil || !reflect.DeepEqual(labels, []int32{1, 0, 1}) || !reflect.DeepEqual(classes, []string{"a", "b"}) {
		t.Errorf("%v %v %v", labels, classes, err)
	}
	if labels, classes, err = t1.Labels("age"); err != nil || !reflect.DeepEqual(labels, []int32{0, 2, 1}) || classes[2] != "38.5" {
		t.Errorf("%v %v %v", labels, classes, err)
	}
	e, err := data.NewEncoder(t1.Rows([]int{0, 1}), "sex", "age", "zip")
	if err != nil || !reflect.DeepEqual(e.Names, []string{"sex=female", "sex=male", "age", "zip=10", "zip=20"}) {
		t.Fatal(err, e)
	}
	_, err = data.ReadCSV(strings.NewReader("zip;sex;age\n# skipped?\n30;male;\n20;other;?\n10;female;4\n"), data.CSVOptions{Comma: ';', Missing: []string{"?"}, Text: []string{"zip"}})
	if err == nil || !strings.Contains(err.Error(), "line 2 has 1 fields, the first row has 3") {
		t.Errorf("%v", err)
	}
	t2, err := data.ReadCSV(strings.NewReader("zip;sex;age\n30;male;\n20;other;?\n10;female;4\n"), data.CSVOptions{Comma: ';', Missing: []string{"?"}, Text: []string{"zip"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Encode(t2); err == nil || !strings.Contains(err.Error(), `row 0 lacks a number in column "age"`) {
		t.Errorf("%v", err)
	}
	age, _ := t2.Column("age")
	if !math.IsNaN(age.Numbers[1]) || age.Mean() != 4 {
		t.Errorf("%v", age)
	}
	age.Fill(age.Mean() + 1)
	x, err := e.Encode(t2)
	if err != nil || !reflect.DeepEqual(x, []float32{0, 1, 5, 0, 0, 0, 0, 5, 0, 1, 1, 0, 4, 1, 0}) {
		t.Errorf("%v %v", x, err)
	}
	if _, err := t2.Column("none"); err == nil || !strings.Contains(err.Error(), "it has zip, sex, age") {
		t.Errorf("%v", err)
	}
	if n, err := data.ReadCSV(strings.NewReader("note\n1,2\n3,4\n"), data.CSVOptions{NoHeader: true, Skip: 1}); err != nil || n.Len() != 2 || n.Columns[1].Name != "1" {
		t.Errorf("%v %v", n, err)
	}
}

func TestCSVPreamble(t *testing.T) {
	o := data.CSVOptions{Skip: 3}
	preamble := "# from \"a survey\n\n" + strings.Repeat("long ", 2000) + "\n"
	n, err := data.ReadCSV(strings.NewReader(preamble+"a,b\n1,2\n"), o)
	if err != nil || n.Len() != 1 || n.Columns[0].Name != "a" {
		t.Errorf("%+v, %v", n, err)
	}
	for rows, want := range map[string]string{"a,b\n1,2\n1\n": "line 6 has 1 fields", "a,b\n1,\"2\n": "line 5", "": "no rows"} {
		if _, err := data.ReadCSV(strings.NewReader(preamble+rows), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	if n, err := data.ReadCSV(strings.NewReader("\ufeff\"a, b\",c\n1,2\n"), data.CSVOptions{}); err != nil || n.Columns[0].Name != "a, b" {
		t.Errorf("a byte order mark before a quote: %+v, %v", n, err)
	}
}

func TestCSVErrorsNameThePlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bad.csv")
	for text, why := range map[string]string{
		"a,b\n1,2\n3\n":     "line 3 has 1 fields, the first row has 2",
		"a,b\n1,2\n3,4,5\n": "line 3 has 3 fields",
		"a,b\n1,\n":         `line 2, column "b": the cell is empty`,
		"a,b\n1,NaN\n":      `line 2, column "b": "NaN" is no finite number`,
		"a,b\n\"1,2\n":      "extraneous or missing",
		"":                  "no rows",
		"a,b, a\n1,2,3\n":   `line 1: two columns are named "a"`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := data.LoadCSV(path, data.CSVOptions{}); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add("a,b\n1,x\n2,y\n", true)
	f.Add("\ufeff\"a\"\"\",b\n1e400,nan\n", false)
	f.Fuzz(func(t *testing.T, s string, header bool) {
		table, err := data.ReadCSV(strings.NewReader(s), data.CSVOptions{NoHeader: !header, Missing: []string{"?"}})
		if err != nil {
			return
		}
		for _, c := range table.Columns {
			if max(len(c.Numbers), len(c.Texts)) != table.Len() {
				t.Fatalf("column %q has %d of %d rows", c.Name, max(len(c.Numbers), len(c.Texts)), table.Len())
			}
		}
		if e, err := data.NewEncoder(table); err == nil {
			if x, err := e.Encode(table); err == nil && len(x) != table.Len()*len(e.Names) {
				t.Fatal("encoded size")
			}
		}
	})
}

// testdata/fortran.npy and types.npz were written by
//
//	a = np.arange(6, dtype=np.float32).reshape(2, 3)
//	np.save("fortran.npy", np.asfortranarray(a))
//	np.savez_compressed("types.npz", f2=a.astype("f2")/4, f4=a/4, f8=a.astype("f8")/4, big=a.astype(">f4")/4, i1=np.int8([-1, 2]),
//	    i2=np.int16([-300]), u2=np.uint16([65535]), i4=np.int32([-70000]), u4=np.uint32([4294967295]), i8=np.int64(-5),
//	    u1=np.uint8([255]), b=np.array([True, False]), cube=np.asfortranarray(np.arange(24).reshape(2, 3, 4)), none=np.zeros((0, 3), "f4"))
func TestNPYFromNumPy(t *testing.T) {
	a, err := data.LoadNPY("testdata/fortran.npy")
	if err != nil || !reflect.DeepEqual(a, data.Array{Dims: []int{2, 3}, Data: []float32{0, 1, 2, 3, 4, 5}}) {
		t.Errorf("%v %v", a, err)
	}
	all, err := data.LoadNPZ("testdata/types.npz")
	if err != nil {
		t.Fatal(err)
	}
	six, cube := []float32{0, .25, .5, .75, 1, 1.25}, make([]int64, 24)
	for i := range cube {
		cube[i] = int64(i)
	}
	want := []data.Array{{Name: "f2", Dims: []int{2, 3}, Data: six}, {Name: "f4", Dims: []int{2, 3}, Data: six},
		{Name: "f8", Dims: []int{2, 3}, Data: []float64{0, .25, .5, .75, 1, 1.25}}, {Name: "big", Dims: []int{2, 3}, Data: six},
		{Name: "i1", Dims: []int{2}, Data: []int32{-1, 2}}, {Name: "i2", Dims: []int{1}, Data: []int32{-300}}, {Name: "u2", Dims: []int{1}, Data: []int32{65535}},
		{Name: "i4", Dims: []int{1}, Data: []int32{-70000}}, {Name: "u4", Dims: []int{1}, Data: []int64{4294967295}}, {Name: "i8", Dims: []int{}, Data: []int64{-5}},
		{Name: "u1", Dims: []int{1}, Data: []uint8{255}}, {Name: "b", Dims: []int{2}, Data: []bool{true, false}},
		{Name: "cube", Dims: []int{2, 3, 4}, Data: cube}, {Name: "none", Dims: []int{0, 3}, Data: []float32{}}}
	for i, w := range want {
		if !reflect.DeepEqual(all[i], w) {
			t.Errorf("%+v, want %+v", all[i], w)
		}
	}
}

// np.save of the same arrays gives the same header, byte by byte.
func TestNPYRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npz")
	arrays := []data.Array{{Name: "x", Dims: []int{2, 2}, Data: []float32{1, 2, 3, 4}}, {Name: "y", Dims: []int{2}, Data: []float64{1, 2}}, {Name: "k", Dims: []int{}, Data: []int64{7}},
		{Name: "i", Dims: []int{1, 1, 2}, Data: []int32{1, 2}}, {Name: "u", Dims: []int{1}, Data: []uint8{1}}, {Name: "b", Dims: []int{1}, Data: []bool{true}}}
	if err := data.SaveNPZ(path, arrays...); err != nil {
		t.Fatal(err)
	}
	if got, err := data.LoadNPZ(path); err != nil || !reflect.DeepEqual(got, arrays) {
		t.Errorf("%v %v", got, err)
	}
	one := filepath.Join(t.TempDir(), "a.npy")
	if err := data.SaveNPY(one, arrays[0]); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(one)
	head := "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"
	if len(b) != 128+16 || string(b[:len(head)]) != head || b[127] != '\n' || strings.Trim(string(b[len(head):127]), " ") != "" {
		t.Errorf("%q", b)
	}
	if err := data.SaveNPY(one, data.Array{Dims: []int{3}, Data: []float32{1}}); err == nil {
		t.Error("no error")
	}
}

func npy(header string, body int) []byte {
	return append([]byte("\x93NUMPY\x01\x00"+string([]byte{byte(len(header)), 0})+header), make([]byte, body)...)
}

func TestNPYRefusesDamage(t *testing.T) {
	good := npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 16)
	for n := range good {
		if _, err := data.ReadNPY(bytes.NewReader(good[:n])); err == nil || !strings.Contains(err.Error(), "truncated") && !strings.Contains(err.Error(), "not an npy") {
			t.Fatalf("first %d bytes: %v", n, err)
		}
	}
	for why, b := range map[string][]byte{
		"more behind":        append(bytes.Clone(good), 0),
		"not an npy file":    []byte("PK\x03\x04 and so on"),
		"version 9.0":        []byte("\x93NUMPY\x09\x00abcdefgh"),
		"after 0 of 1000000": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000,), }", 4),
		"at most 2³¹−1":      npy("{'descr': '<f8', 'fortran_order': False, 'shape': (99999, 99999), }", 4),
		`type "O8"`:          npy("{'descr': '|O8', 'fortran_order': False, 'shape': (1,), }", 8),
		"wanted are a plain": npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 8),
		"4294967295 bytes":   []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"),
	} {
		if _, err := data.ReadNPY(bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	path := filepath.Join(t.TempDir(), "bad.npz")
	whole, err := os.ReadFile("testdata/types.npz")
	if err != nil {
		t.Fatal(err)
	}
	pack := func(names ...string) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, n := range names {
			w, _ := z.Create(n)
			w.Write(good)
		}
		z.Close()
		return b.Bytes()
	}
	for why, b := range map[string][]byte{"valid zip": whole[:100], "is no npy array": pack("x.txt"), "twice": pack("a.npy", "a.npy"), "checksum": corrupt(pack("a.npy"))} {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := data.LoadNPZ(path); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

// corrupt breaks the checksum in the central directory of a zip file.
func corrupt(b []byte) []byte {
	i := bytes.Index(b, []byte("PK\x01\x02"))
	b[i+16] ^= 1
	return b
}

func FuzzReadNPY(f *testing.F) {
	f.Add(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", 16))
	f.Add(npy("{'descr': '|b1', 'fortran_order': False, 'shape': (), }", 1))
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := data.ReadNPY(bytes.NewReader(b))
		if err != nil {
			return
		}
		n := 1
		for _, d := range a.Dims {
			n *= d
		}
		if a.Len() != n || n > len(b) {
			t.Errorf("%v: %d elements of %d bytes", a.Dims, a.Len(), len(b))
		}
	})
}

// What an npz file says of its arrays is not believed: they are no larger than
// what is in it.
func FuzzLoadNPZ(f *testing.F) {
	path := filepath.Join(f.TempDir(), "a.npz")
	for _, arrays := range [][]data.Array{
		nil,
		{{Name: "a", Dims: []int{2, 2}, Data: []float32{1, 2, 3, 4}}, {Name: "b", Dims: []int{1}, Data: []int32{5}}},
	} {
		if err := data.SaveNPZ(path, arrays...); err != nil {
			f.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		if len(arrays) > 0 {
			f.Add(corrupt(b))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		arrays, err := data.LoadNPZ(path)
		if err != nil && (arrays != nil || !strings.Contains(err.Error(), path)) {
			t.Errorf("%v, %v", arrays, err)
		}
		for i, a := range arrays {
			n := 1
			for _, d := range a.Dims {
				n *= d
			}
			if a.Len() != n || slices.ContainsFunc(arrays[:i], func(o data.Array) bool { return o.Name == a.Name }) {
				t.Errorf("%q: %v has %d elements", a.Name, a.Dims, a.Len())
			}
		}
	})
}

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
	m, err := data.LoadImageFolder(dir, data.ImageOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(m.Classes, m.Labels, m.Dims) != "[cat dog] [0 0 1] [3 2 3]" || fmt.Sprint(m.Image(0)) != "[255 255 255 255 255 255 10 10 10 10 10 10 0 0 0 0 0 0]" {
		t.Errorf("%v %v %v %v", m.Classes, m.Labels, m.Dims, m.Image(0))
	}
	g, err := data.LoadImageFolder(dir, data.ImageOptions{Gray: true, Height: 4, Width: 4})
	if err != nil || fmt.Sprint(g.Dims) != "[1 4 4]" || len(g.Pixels) != 48 || g.Image(2)[5] != 29 { // 0.114·255
		t.Errorf("%v %v %v", err, g.Dims, g.Image(2))
	}
	put("dog/4.png", 5, 5, color.Black)
	if _, err := data.LoadImageFolder(dir, data.ImageOptions{}); err == nil || !strings.Contains(err.Error(), "4.png: 5×5 pixels, the first image has 2×3") {
		t.Errorf("%v", err)
	}
	bad := filepath.Join(dir, "dog", "4.png")
	whole, _ := os.ReadFile(bad)
	huge := bytes.Clone(whole)
	copy(huge[16:], []byte{0, 1, 0, 0, 0, 1, 0, 0})
	binary.BigEndian.PutUint32(huge[29:], crc32.ChecksumIEEE(huge[12:29]))
	for why, b := range map[string][]byte{"EOF": whole[:len(whole)-20], "not an image": []byte("hello"), "claims 65536×65536 pixels": huge} {
		os.WriteFile(bad, b, 0o666)
		if _, err := data.LoadImageFolder(dir, data.ImageOptions{Height: 2, Width: 2}); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), bad) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if _, err := data.LoadImageFolder(t.TempDir(), data.ImageOptions{}); err == nil || !strings.Contains(err.Error(), "one folder of images for each class") {
		t.Errorf("%v", err)
	}
}
