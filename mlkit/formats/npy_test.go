package formats_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"descent/mlkit/formats"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// testdata/fortran.npy and types.npz were written by
//
//	a = np.arange(6, dtype=np.float32).reshape(2, 3)
//	np.save("fortran.npy", np.asfortranarray(a))
//	np.savez_compressed("types.npz", f2=a.astype("f2")/4, f4=a/4, f8=a.astype("f8")/4, big=a.astype(">f4")/4, i1=np.int8([-1, 2]),
//	    i2=np.int16([-300]), u2=np.uint16([65535]), i4=np.int32([-70000]), u4=np.uint32([4294967295]), i8=np.int64(-5),
//	    u1=np.uint8([255]), b=np.array([True, False]), cube=np.asfortranarray(np.arange(24).reshape(2, 3, 4)), none=np.zeros((0, 3), "f4"))
func TestNPYFromNumPy(t *testing.T) {
	a, err := formats.LoadNPY("testdata/fortran.npy")
	if err != nil || !reflect.DeepEqual(a, formats.Array{Dims: []int{2, 3}, Data: []float32{0, 1, 2, 3, 4, 5}}) {
		t.Errorf("%v %v", a, err)
	}
	all, err := formats.LoadNPZ("testdata/types.npz")
	if err != nil {
		t.Fatal(err)
	}
	six, cube := []float32{0, .25, .5, .75, 1, 1.25}, make([]int64, 24)
	for i := range cube {
		cube[i] = int64(i)
	}
	want := []formats.Array{{Name: "f2", Dims: []int{2, 3}, Data: six}, {Name: "f4", Dims: []int{2, 3}, Data: six},
		{Name: "f8", Dims: []int{2, 3}, Data: []float64{0, .25, .5, .75, 1, 1.25}}, {Name: "big", Dims: []int{2, 3}, Data: six},
		{Name: "i1", Dims: []int{2}, Data: []int8{-1, 2}}, {Name: "i2", Dims: []int{1}, Data: []int16{-300}}, {Name: "u2", Dims: []int{1}, Data: []uint16{65535}},
		{Name: "i4", Dims: []int{1}, Data: []int32{-70000}}, {Name: "u4", Dims: []int{1}, Data: []uint32{4294967295}}, {Name: "i8", Dims: []int{}, Data: []int64{-5}},
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
	arrays := []formats.Array{{Name: "x", Dims: []int{2, 2}, Data: []float32{1, 2, 3, 4}}, {Name: "y", Dims: []int{2}, Data: []float64{1, 2}}, {Name: "k", Dims: []int{}, Data: []int64{7}},
		{Name: "i", Dims: []int{1, 1, 2}, Data: []int32{1, 2}}, {Name: "u", Dims: []int{1}, Data: []uint8{1}}, {Name: "b", Dims: []int{1}, Data: []bool{true}}}
	if err := formats.SaveNPZ(path, arrays...); err != nil {
		t.Fatal(err)
	}
	if got, err := formats.LoadNPZ(path); err != nil || !reflect.DeepEqual(got, arrays) {
		t.Errorf("%v %v", got, err)
	}
	one := filepath.Join(t.TempDir(), "a.npy")
	if err := formats.SaveNPY(one, arrays[0]); err != nil {
		t.Fatal(err)
	}
	b, _ := os.ReadFile(one)
	head := "\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"
	if len(b) != 128+16 || string(b[:len(head)]) != head || b[127] != '\n' || strings.Trim(string(b[len(head):127]), " ") != "" {
		t.Errorf("%q", b)
	}
	if err := formats.SaveNPY(one, formats.Array{Dims: []int{3}, Data: []float32{1}}); err == nil {
		t.Error("no error")
	}
}

func npy(header string, body int) []byte {
	return append([]byte("\x93NUMPY\x01\x00"+string([]byte{byte(len(header)), 0})+header), make([]byte, body)...)
}

// npy2 is a header of version 2, which may be long.
func npy2(header string, body int) []byte {
	n := len(header)
	return append([]byte("\x93NUMPY\x02\x00"+string([]byte{byte(n), byte(n >> 8), byte(n >> 16), 0})+header), make([]byte, body)...)
}

func TestNPYRefusesDamage(t *testing.T) {
	good := npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", 16)
	for n := range good {
		if _, err := formats.ReadNPY(bytes.NewReader(good[:n])); err == nil || !strings.Contains(err.Error(), "truncated") && !strings.Contains(err.Error(), "not an npy") {
			t.Fatalf("first %d bytes: %v", n, err)
		}
	}
	for why, b := range map[string][]byte{
		"version 1.1":                []byte("\x93NUMPY\x01\x01abcdefgh"),
		"axes":                       npy2("{'descr': '<f4', 'fortran_order': False, 'shape': ("+strings.Repeat("1,", 65)+")}", 4),
		"62055 bytes":                npy2("{'descr': '<f4', 'fortran_order': False, 'shape': ("+strings.Repeat("1,", 31001)+")}", 4),
		"a.real and a.imag":          npy("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", 8),
		"a.astype(np.float64)":       npy("{'descr': '<f16', 'fortran_order': False, 'shape': (1,), }", 16),
		"a.astype(np.int64)":         npy("{'descr': '<M8', 'fortran_order': False, 'shape': (1,), }", 8),
		"element type \"M8\": times": npy("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (1,), }", 8),
		"never read: save numbers":   npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8),
		"a.astype(np.float32)":       npy("{'descr': '<V2', 'fortran_order': False, 'shape': (1,), }", 2),
		"strings are not supported":  npy("{'descr': '<U3', 'fortran_order': False, 'shape': (1,), }", 12),
		"not an npy file":            []byte("PK\x03\x04 and so on"),
		"version 9.0":                []byte("\x93NUMPY\x09\x00abcdefgh"),
		"after 0 of 1000000":         npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000,), }", 4),
		"at most 2³¹−1":              npy("{'descr': '<f8', 'fortran_order': False, 'shape': (99999, 99999), }", 4),
		`type "O8"`:                  npy("{'descr': '|O8', 'fortran_order': False, 'shape': (1,), }", 8),
		"structured arrays":          npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 8),
		"4294967295 bytes":           []byte("\x93NUMPY\x02\x00\xff\xff\xff\xff"),
	} {
		if _, err := formats.ReadNPY(bytes.NewReader(b)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	one := filepath.Join(t.TempDir(), "bad.npy")
	for why, b := range map[string][]byte{"more data follow": append(bytes.Clone(good), 0), "the file is empty": nil} {
		if err := os.WriteFile(one, b, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := formats.LoadNPY(one); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), one) {
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
	for why, b := range map[string][]byte{"valid zip": whole[:100], "is not an npy array": pack("x.txt"), "twice": pack("a.npy", "a.npy"), "checksum": corrupt(pack("a.npy")),
		"the members are larger than the file": shared(pack("a.npy", "b.npy"), 1<<20)} {
		if err := os.WriteFile(path, b, 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := formats.LoadNPZ(path); err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), path) {
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

// shared makes the first member of a zip file claim to take size bytes of it.
func shared(b []byte, size uint32) []byte {
	i := bytes.Index(b, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(b[i+20:], size)
	return b
}

// What np.save wrote one after the other is read one after the other.
func TestNPYOneAfterTheOther(t *testing.T) {
	var b bytes.Buffer
	for _, v := range []float32{1, 2} {
		if err := formats.WriteNPY(&b, formats.Array{Dims: []int{1}, Data: []float32{v}}); err != nil {
			t.Fatal(err)
		}
	}
	b.WriteString("and more")
	for _, v := range []float32{1, 2} {
		if a, err := formats.ReadNPY(&b); err != nil || a.Data.([]float32)[0] != v {
			t.Errorf("%v %v, want %v", a, err, v)
		}
	}
	if b.String() != "and more" {
		t.Errorf("left: %q", b.String())
	}
	if _, err := formats.ReadNPY(&bytes.Buffer{}); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
	if _, err := formats.ReadNPY(strings.NewReader("\x93NUM")); errors.Is(err, io.EOF) {
		t.Error(err)
	}
}

// Every type, in the other byte order.
func TestBigEndianNPY(t *testing.T) {
	for dtype, want := range map[string]any{
		">f2": []float32{1}, ">f4": []float32{0x1.78p+0}, ">f8": []float64{0x1p-1022}, ">i2": []int16{0x3c00}, ">i4": []int32{0x3fbc0000}, ">u2": []uint16{0x3c00}, ">u8": []uint64{1 << 52},
	} {
		b := npy("{'descr': '"+dtype+"', 'fortran_order': False, 'shape': (1,), }", 0)
		b = append(b, map[string]string{"2": "\x3c\x00", "4": "\x3f\xbc\x00\x00", "8": "\x00\x10\x00\x00\x00\x00\x00\x00"}[dtype[2:]]...)
		if a, err := formats.ReadNPY(bytes.NewReader(b)); err != nil || !reflect.DeepEqual(a.Data, want) {
			t.Errorf("%s: %v %v, want %v", dtype, a.Data, err, want)
		}
	}
}

// testdata/npy.py asked NumPy of each header.
func TestNPYHeadersLikeNumPy(t *testing.T) {
	text, err := os.ReadFile("testdata/npy.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases [][4]json.RawMessage
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		var version []int
		var header string
		var size int
		var shape []int
		for i, p := range []any{&version, &header, &size, &shape} {
			if err := json.Unmarshal(c[i], p); err != nil {
				t.Fatal(err)
			}
		}
		b := npy(header, size)
		if version[0] != 1 {
			b = npy2(header, size)
		}
		b[6], b[7] = byte(version[0]), byte(version[1])
		a, err := formats.ReadNPY(bytes.NewReader(b))
		if err != nil && strings.Contains(err.Error(), "structured arrays") || strings.Contains(header, "<f4, <f4") && err != nil {
			continue // NumPy's structures
		}
		if (err == nil) != (shape != nil) || err == nil && !slices.Equal(a.Dims, shape) {
			t.Errorf("%d %.80q: %v %v, NumPy %v", version, header, a.Dims, err, shape)
		}
	}
	if len(cases) < 100 {
		t.Errorf("%d cases", len(cases))
	}
}

// A few bytes cannot claim gigabytes.
func TestCompressedBombs(t *testing.T) {
	dir := t.TempDir()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, _ := z.Create("a.npy")
	w.Write(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (536870912,), }", 0))
	z.Close()
	claim := b.Bytes()
	binary.LittleEndian.PutUint32(claim[bytes.Index(claim, []byte("PK\x01\x02"))+24:], 1<<29) // uncompressed
	npz := filepath.Join(dir, "a.npz")
	if err := os.WriteFile(npz, claim, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := formats.LoadNPZ(npz); err == nil || !strings.Contains(err.Error(), "decompression bomb") || !strings.Contains(err.Error(), npz) {
		t.Error(err)
	}
	b.Reset()
	g := gzip.NewWriter(&b)
	g.Write([]byte{0, 0, 8, 1, 0x20, 0, 0, 0})
	g.Close()
	idx := filepath.Join(dir, "idx")
	if err := os.WriteFile(idx, b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := formats.LoadIDXArray(idx); err == nil || !strings.Contains(err.Error(), "which such a file may hold") {
		t.Error(err)
	}
}

// Many small members are as quick as one large one.
func TestNPZOfManyMembers(t *testing.T) {
	n := 20_000
	if testing.Short() {
		n /= 10
	}
	arrays := make([]formats.Array, n)
	for i := range arrays {
		arrays[i] = formats.Array{Name: strconv.Itoa(i), Dims: []int{}, Data: []uint8{byte(i)}}
	}
	path := filepath.Join(t.TempDir(), "many.npz")
	if err := formats.SaveNPZ(path, arrays...); err != nil {
		t.Fatal(err)
	}
	if got, err := formats.LoadNPZ(path); err != nil || len(got) != len(arrays) || got[n-1].Data.([]uint8)[0] != byte(n-1) {
		t.Errorf("%d arrays, %v", len(got), err)
	}
	if err := formats.SaveNPZ(path, arrays[0], arrays[0]); err == nil || !strings.Contains(err.Error(), `two arrays named "0"`) {
		t.Error(err)
	}
}

func TestFortranOrderOfEveryType(t *testing.T) {
	for dtype, want := range map[string]any{
		"<f8": []float64{0, 1}, "<i4": []int32{0, 1}, "<i8": []int64{0, 1}, "|u1": []uint8{0, 1}, "|b1": []bool{false, true},
		"|i1": []int8{0, 1}, "<i2": []int16{0, 1}, "<u2": []uint16{0, 1}, "<u4": []uint32{0, 1}, "<u8": []uint64{0, 1}, "<f2": []float32{0, 1. / (1 << 24)},
	} {
		size := int(dtype[2] - '0')
		b := npy("{'descr': '"+dtype+"', 'fortran_order': True, 'shape': (2, 1), }", 2*size)
		b[len(b)-size] = 1
		if dtype == "<f8" {
			copy(b[len(b)-2:], []byte{0xf0, 0x3f})
			b[len(b)-size] = 0
		}
		if a, err := formats.ReadNPY(bytes.NewReader(b)); err != nil || !reflect.DeepEqual(a.Data, want) {
			t.Errorf("%s: %v %v", dtype, a, err)
		}
	}
}
