package formats_test

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/formats"
)

func open(t *testing.T, path string) *formats.Safetensors {
	t.Helper()
	s, err := formats.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// testdata/dtypes.py wrote the file and says with what.
func TestSafetensorsDTypes(t *testing.T) {
	s := open(t, "testdata/dtypes.safetensors")
	for name, want := range map[string]any{
		"I8": []int8{-128, 127}, "I16": []int16{-32768, 32767}, "U16": []uint16{0, 65535}, "U32": []uint32{0, math.MaxUint32},
		"U64": []uint64{0, math.MaxUint64}, "I32": []int32{math.MinInt32, 1}, "I64": []int64{math.MinInt64, 1}, "U8": []uint8{0, 255},
		"BOOL": []bool{true, false}, "F64": []float64{0.1, 1e300}, "F32": []float32{0.1, float32(math.Inf(-1))},
		"F16": []float32{0.0999755859375, 1. / (1 << 24)}, "BF16": []float32{0.10009765625, 0xe2p120},
	} {
		a, err := s.Read(name)
		if err != nil || a.Name != name || !slices.Equal(a.Dims, []int{2}) || !reflect.DeepEqual(a.Data, want) {
			t.Errorf("%s: %v %v, want %v", name, a, err, want)
		}
	}
	for _, name := range []string{"F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"} {
		a, err := s.Read(name)
		want, wantErr := s.Floats(name + " as float32")
		if err != nil || wantErr != nil {
			t.Fatal(err, wantErr)
		}
		for i, v := range a.Data.([]float32) {
			if w := want[i]; math.Float32bits(v) != math.Float32bits(w) && (v == v || w == w) {
				t.Errorf("%s: byte %#x is %v, want %v", name, i, v, w)
			}
		}
	}
	for name, want := range map[string][]int64{"I8": {-128, 127}, "I16": {-32768, 32767}, "U16": {0, 65535}, "U32": {0, math.MaxUint32}, "I64": {math.MinInt64, 1}} {
		if got, err := s.Ints(name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	for why, read := range map[string]func() error{
		"18446744073709551615, is beyond": func() error { _, err := s.Ints("U64"); return err },
		"1e+300 is beyond":                func() error { _, err := s.Floats("F64"); return err },
		"dtype C64, expected":             func() error { _, err := s.Read("C64"); return err },
		"dtype F4, expected":              func() error { _, err := s.Read("F4"); return err },
		"no tensor":                       func() error { _, err := s.Read("F5"); return err },
	} {
		if err := read(); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if info, ok := s.Info("F6_E2M3"); !ok || info.DType != "F6_E2M3" || !slices.Equal(info.Dims, []int{8}) {
		t.Errorf("%+v", info)
	}
}

// testdata/headers.py asked the reference reader of each header.
func TestSafetensorsLikeReference(t *testing.T) {
	text, err := os.ReadFile("testdata/headers.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		What, Header      string
		Bytes             int
		Accepted          bool
		Tensors, Metadata map[string]string
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	// What the reference reader takes, and this one does not: see parseHeader.
	stricter := []string{"name twice, alike", "name twice, the first invalid", "name twice, escaped", "name twice, both empty tensors", "metadata with a key twice",
		"blank before", "newline before", "tensor as a list", "dtype as an object", "2^64-1 and 0", "0 and 2^64-1", "2^63 and 0"}
	for _, c := range cases {
		var header []byte
		for _, r := range c.Header {
			header = append(header, byte(r))
		}
		b := file(string(header), c.Bytes)
		s, err := formats.NewSafetensors(bytes.NewReader(b), int64(len(b)))
		if want := c.Accepted && !slices.Contains(stricter, c.What); want != (err == nil) {
			t.Errorf("%s: accepted %v, error %v", c.What, c.Accepted, err)
			continue
		}
		if err != nil {
			continue
		}
		got := map[string]string{}
		for _, name := range s.Names() {
			info, _ := s.Info(name)
			dims, _ := json.Marshal(info.Dims)
			got[name] = info.DType + string(dims)
		}
		if !reflect.DeepEqual(got, c.Tensors) || len(s.Metadata) != len(c.Metadata) || s.Metadata["k"] != c.Metadata["k"] {
			t.Errorf("%s: %v %v, want %v %v", c.What, got, s.Metadata, c.Tensors, c.Metadata)
		}
	}
	if len(cases) < 200 {
		t.Errorf("%d cases", len(cases))
	}
}

// Every type that can be written comes back, and in the order of the reference
// implementation.
func TestEveryTypeComesBack(t *testing.T) {
	arrays := []formats.Array{{Name: "f32", Data: []float32{1, 2}}, {Name: "f64", Data: []float64{.1, -1e300}}, {Name: "i8", Data: []int8{-128, 127}},
		{Name: "i16", Data: []int16{math.MinInt16, 1}}, {Name: "i32", Data: []int32{math.MinInt32, 1}}, {Name: "i64", Data: []int64{math.MinInt64, 1}},
		{Name: "u8", Data: []uint8{255, 0}}, {Name: "u16", Data: []uint16{65535, 0}}, {Name: "u32", Data: []uint32{math.MaxUint32, 0}},
		{Name: "u64", Data: []uint64{math.MaxUint64, 0}}, {Name: "bool", Data: []bool{true, false}}}
	for i := range arrays {
		arrays[i].Dims = []int{2, 1}
	}
	var b bytes.Buffer
	if err := formats.WriteSafetensors(&b, arrays, nil); err != nil {
		t.Fatal(err)
	}
	s, err := formats.NewSafetensors(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if want := "u64 i64 f64 f32 u32 i32 u16 i16 i8 u8 bool"; strings.Join(s.Names(), " ") != want {
		t.Errorf("%q, want %q", s.Names(), want)
	}
	for _, a := range arrays {
		if got, err := s.Read(a.Name); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("safetensors: %+v %v", got, err)
		}
		b.Reset()
		if err := formats.WriteNPY(&b, a); err != nil {
			t.Fatal(err)
		}
		a.Name = ""
		if got, err := formats.ReadNPY(&b); err != nil || !reflect.DeepEqual(got, a) {
			t.Errorf("npy: %+v %v", got, err)
		}
	}
}

// Floats and Ints widen every type, and say what they cannot hold.
func TestArrayFloatsAndInts(t *testing.T) {
	for _, data := range []any{[]int8{1, 0}, []int16{1, 0}, []int32{1, 0}, []int64{1, 0}, []uint8{1, 0}, []uint16{1, 0}, []uint32{1, 0}, []uint64{1, 0}, []bool{true, false}} {
		a := formats.Array{Dims: []int{2}, Data: data}
		f, err := a.Floats()
		n, err2 := a.Ints()
		if err != nil || err2 != nil || !slices.Equal(f, []float32{1, 0}) || !slices.Equal(n, []int64{1, 0}) || a.Len() != 2 {
			t.Errorf("%T: %v %v %v %v", data, f, err, n, err2)
		}
	}
	if f, err := (formats.Array{Data: []float64{0.1, math.Inf(1), 1e-300}}).Floats(); err != nil || !slices.Equal(f, []float32{0.1, float32(math.Inf(1)), 0}) {
		t.Error(f, err)
	}
	if f, err := (formats.Array{Data: []float32{0.5}}).Floats(); err != nil || f[0] != 0.5 {
		t.Error(f, err)
	}
	for why, read := range map[string]func() error{
		"element 1: 1e+39 is beyond the range of float32": func() error { _, err := formats.Array{Data: []float64{0, 1e39}}.Floats(); return err },
		"element 0: 9223372036854775808 is beyond":        func() error { _, err := formats.Array{Data: []uint64{1 << 63}}.Ints(); return err },
		"holds a []float64, not integers":                 func() error { _, err := formats.Array{Data: []float64{0}}.Ints(); return err },
		"holds a []string, not numbers":                   func() error { _, err := formats.Array{Data: []string{"1"}}.Floats(); return err },
	} {
		if err := read(); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

// What cannot be read back as it was is not written.
func TestSafetensorsWriteRefuses(t *testing.T) {
	one := formats.Array{Name: "a", Dims: []int{1}, Data: []float32{1}}
	for why, c := range map[string]struct {
		array formats.Array
		meta  map[string]string
	}{
		`cannot be named "\xff"`:         {formats.Array{Name: "\xff", Dims: []int{1}, Data: []float32{1}}, nil},
		`cannot be named "__metadata__"`: {formats.Array{Name: "__metadata__", Dims: []int{1}, Data: []float32{1}}, nil},
		"do not make the shape [-1 -1]":  {formats.Array{Name: "a", Dims: []int{-1, -1}, Data: []float32{1}}, nil},
		"must be UTF-8":                  {one, map[string]string{"k": "\xff"}},
		"metadata \"\\xfe\"":             {one, map[string]string{"\xfe": ""}},
	} {
		if err := formats.WriteSafetensors(&bytes.Buffer{}, []formats.Array{c.array}, c.meta); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	//	safetensors.numpy.save({"x\u2028\x01\x7f\x08\x0c/é": np.zeros(1, np.int8)}, {"c": "\u2029"})
	want := "\x68\x00\x00\x00\x00\x00\x00\x00{\"__metadata__\":{\"c\":\"\u2029\"},\"x\u2028\\u0001\x7f\\b\\f/é\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1]}}"
	var b bytes.Buffer
	err := formats.WriteSafetensors(&b, []formats.Array{{Name: "x\u2028\x01\x7f\x08\x0c/é", Dims: []int{1}, Data: []int8{0}}}, map[string]string{"c": "\u2029"})
	if got := b.String(); err != nil || !strings.HasPrefix(got[1:], want[1:]) {
		t.Errorf("%v\n%q\n%q", err, got, want)
	}
}
