package formats_test

import (
	"bytes"
	"descent/mlkit/formats"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testdata/torch.safetensors and numpy.safetensors were written by
//
//	t = torch.arange(6, dtype=torch.float32).reshape(2, 3) - 2.5
//	safetensors.torch.save_file({"f32": t, "f64": t.double(), "f16": (t/1024/64).half(), "bf16": t.bfloat16(),
//	    "i64": torch.tensor(7), "i32": torch.tensor([-1, 2], dtype=torch.int32), "u8": torch.tensor([1, 255], dtype=torch.uint8),
//	    "bool": torch.tensor([True, False]), "empty": torch.zeros(0, 4)}, "torch.safetensors", {"made by": "PyTorch <3>"})
//	safetensors.numpy.save_file({"b.weight": np.float32([[1, 2], [3, 4]]), "a.bias": np.float32([5, 6])}, "numpy.safetensors")
func TestSafetensorsFromPyTorch(t *testing.T) {
	s, err := formats.OpenSafetensors("testdata/torch.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.Metadata["made by"] != "PyTorch <3>" || len(s.Names()) != 9 {
		t.Errorf("%v %v", s.Metadata, s.Names())
	}
	want := []float32{-2.5, -1.5, -.5, .5, 1.5, 2.5}
	for _, name := range []string{"f32", "f64", "f16", "bf16"} {
		got, err := s.Floats(name)
		if info, ok := s.Info(name); !ok || !slices.Equal(info.Dims, []int{2, 3}) || !strings.EqualFold(info.DType, name) {
			t.Errorf("%+v", info)
		}
		if name == "f16" { // subnormal and normal halves
			for i := range got {
				got[i] *= 1 << 16
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	for name, want := range map[string][]int64{"i64": {7}, "i32": {-1, 2}, "u8": {1, 255}, "bool": {1, 0}} {
		if got, err := s.Ints(name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	if got, err := s.Doubles("f64"); err != nil || got[0] != -2.5 {
		t.Errorf("%v %v", got, err)
	}
	if got, err := s.Floats("empty"); err != nil || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
	for why, read := range map[string]func() error{
		"no tensor":           func() error { _, err := s.Floats("none"); return err },
		"dtype I64":           func() error { _, err := s.Floats("i64"); return err },
		"dtype F32":           func() error { _, err := s.Ints("f32"); return err },
		"dst has 5 elements":  func() error { return s.ReadFloats("f32", make([]float32, 5)) },
		"dtype F32, expected": func() error { _, err := s.Doubles("f32"); return err },
	} {
		if err := read(); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

// The same contents give the same bytes as the reference implementation.
func TestSafetensorsSameBytesAsPython(t *testing.T) {
	numpy := []formats.Array{{Name: "b.weight", Dims: []int{2, 2}, Data: []float32{1, 2, 3, 4}}, {Name: "a.bias", Dims: []int{2}, Data: []float32{5, 6}}}
	same := func(file string, arrays []formats.Array, meta map[string]string) {
		t.Helper()
		var b bytes.Buffer
		if err := formats.WriteSafetensors(&b, arrays, meta); err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(b.Bytes(), want) {
			t.Errorf("%s: %v\n%q\n%q", file, err, b.Bytes(), want)
		}
	}
	same("testdata/numpy.safetensors", numpy, nil)
	if err := formats.WriteSafetensors(&bytes.Buffer{}, nil, nil); err != nil {
		t.Error(err)
	}
	for why, a := range map[string]formats.Array{
		"do not make the shape [3]": {Name: "x", Dims: []int{3}, Data: []float32{1}},
		"a []string":                {Name: "x", Dims: []int{1}, Data: []string{"1"}},
		"two tensors":               {Name: "a.bias", Dims: []int{1}, Data: []float32{1}},
	} {
		if err := formats.WriteSafetensors(&bytes.Buffer{}, append(slices.Clone(numpy), a), nil); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestSafetensorsWritesEveryType(t *testing.T) {
	arrays := []formats.Array{{Name: "f", Dims: []int{2}, Data: []float32{1.5, -2}}, {Name: "d", Dims: []int{1}, Data: []float64{0.1}},
		{Name: "l", Data: []int64{-5}}, {Name: "i", Dims: []int{1}, Data: []int32{-6}}, {Name: "u", Dims: []int{1}, Data: []uint8{200}},
		{Name: "b", Dims: []int{2}, Data: []bool{true, false}}, {Name: "big", Dims: []int{100, 1000}, Data: make([]float32, 100000)}}
	arrays[6].Data.([]float32)[99999] = 3
	path := filepath.Join(t.TempDir(), "new", "all.safetensors")
	err := formats.WriteFile(path, func(w io.Writer) error { return formats.WriteSafetensors(w, arrays, map[string]string{"k": "<é>\n"}) })
	if err != nil {
		t.Fatal(err)
	}
	s, err := formats.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	f, _ := s.Floats("f")
	d, _ := s.Doubles("d")
	l, _ := s.Ints("l")
	i, _ := s.Ints("i")
	u, _ := s.Ints("u")
	b, _ := s.Ints("b")
	big, _ := s.Floats("big")
	if got := fmt.Sprint(f, d, l, i, u, b, len(big), big[99999], s.Metadata["k"] == "<é>\n"); got != "[1.5 -2] [0.1] [-5] [-6] [200] [1 0] 100000 3 true" {
		t.Error(got)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func file(header string, size int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, size)...)
}

func TestSafetensorsRefusesDamage(t *testing.T) {
	whole, err := os.ReadFile("testdata/torch.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "bad.safetensors")
	for n := range whole { // truncated anywhere
		if err := os.WriteFile(path, whole[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := formats.OpenSafetensors(path); err == nil || !strings.Contains(err.Error(), path) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(whole), err)
		}
	}
	one := func(entry string) []byte { return file(`{"a":`+entry+`}`, 8) }
	for why, b := range map[string][]byte{
		"follow after":               append(slices.Clone(whole), 0),
		"at most 100000000":          binary.LittleEndian.AppendUint64(nil, 1<<62),
		"does not begin with {":      file(" {}", 0),
		"after its end":              file("{}{}", 0),
		`"a" appears twice`:          file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2),
		"begins at byte 3":           file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}}`, 7),
		"begins at byte 5":           file(`{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[5,9]}}`, 9),
		"overflows":                  one(`{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}`),
		"takes 12 bytes":             one(`{"dtype":"F32","shape":[3],"data_offsets":[0,8]}`),
		`unknown dtype "F33"`:        one(`{"dtype":"F33","shape":[2],"data_offsets":[0,8]}`),
		"not a begin and an end":     one(`{"dtype":"F32","shape":[2],"data_offsets":[8,0]}`),
		"-2 is not an integer":       one(`{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}`),
		"only 8 of them":             one(`{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4000000000000]}`),
		"__metadata__ appears twice": file(`{"__metadata__":{},"__metadata__":{}}`, 0),
	} {
		if _, err := formats.NewSafetensors(bytes.NewReader(b), int64(len(b))); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
}
