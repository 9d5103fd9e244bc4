package formats_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/formats"
)

// What testdata/ggufs.py wrote is read as the reference reads it, to the bit.
func TestGGUF(t *testing.T) {
	var want map[string]struct {
		Dims []int
		Data []float64
	}
	text, err := os.ReadFile("testdata/gguf.json")
	if err == nil {
		err = json.Unmarshal(text, &want)
	}
	if err != nil {
		t.Fatal(err)
	}
	g, err := formats.OpenGGUF("testdata/small.gguf")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if len(g.Names()) != len(want) {
		t.Errorf("tensors %v", g.Names())
	}
	for name, w := range want {
		info, _ := g.Info(name)
		if !slices.Equal(info.Dims, w.Dims) {
			t.Errorf("%s has shape %v, want %v", name, info.Dims, w.Dims)
		}
		switch name {
		case "ids":
			if v, err := g.Ints(name); err != nil || !slices.Equal(v, []int64{1, -2, 3}) {
				t.Errorf("%s is %v, %v", name, v, err)
			}
			continue
		case "q5":
			if _, err := g.Floats(name); err == nil || !strings.Contains(err.Error(), "quantized as Q5_0, which is not read") {
				t.Error(err)
			}
			if b, err := g.Blocks(name); err != nil || len(b) != 3*2*22 {
				t.Errorf("%d bytes, %v", len(b), err)
			}
			continue
		}
		got, err := g.Floats(name)
		if err != nil || len(got) != len(w.Data) {
			t.Fatalf("%s: %d numbers, %v", name, len(got), err)
		}
		for k := range got {
			if float64(got[k]) != w.Data[k] {
				t.Fatalf("%s: number %d is %v, want %v", name, k, got[k], w.Data[k])
			}
		}
		if a, err := g.Read(name); err != nil || !slices.Equal(a.Dims, w.Dims) {
			t.Error(a.Dims, err)
		}
	}
	for name, want := range map[string]any{"llama.context_length": uint32(2048), "general.name": "größe", "names": []string{"a", "", "längst"},
		"scores": []float32{0.5, -1.25}, "types": []int32{1, 2, 3}, "yes": true, "d": 1e300, "i": int64(-1 << 62), "b": uint8(200), "h": int16(-300)} {
		if !reflect.DeepEqual(g.Values[name], want) {
			t.Errorf("%s is %#v, want %#v", name, g.Values[name], want)
		}
	}
	for _, err := range []error{g.ReadFloats("q8", make([]float32, 5)), second(g.Floats("nothing")), second(g.Ints("q8")), second(g.Doubles("q4")), second(g.Blocks("plain"))} {
		if err == nil {
			t.Error("no error")
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestGGUFRefuses(t *testing.T) {
	whole, err := os.ReadFile("testdata/small.gguf")
	if err != nil {
		t.Fatal(err)
	}
	with := func(at int, b ...byte) []byte {
		x := slices.Clone(whole)
		copy(x[at:], b)
		return x
	}
	huge := binary.LittleEndian.AppendUint64(nil, 1<<40)
	for why, b := range map[string][]byte{
		"does not begin with GGUF":         []byte("safetensors"),
		"4 bytes are to follow":            []byte("GG"),
		"for big-endian machines":          with(4, 0, 0, 0, 2),
		"version 1 of the format":          with(4, 1),
		"1099511627776 things":             with(8, huge...),
		"things are to follow":             with(16, huge...),
		"truncated or damaged":             whole[:len(whole)-40],
		`value "general.architecture": 10`: with(24+8+20+4, huge...),
		"type 99 is not known":             with(24+8+20, 99),
	} {
		if _, err := formats.NewGGUF(bytes.NewReader(b), int64(len(b))); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("got %v, want an error with %q", err, why)
		}
	}
}

func FuzzGGUF(f *testing.F) { fuzz(f, checkGGUF) }

func checkGGUF(t testing.TB, dir string, b []byte) {
	path := stored(t, dir, "x.gguf", b)
	g, err := formats.OpenGGUF(path)
	if err != nil {
		named(t, err, path)
		return
	}
	defer g.Close()
	for _, name := range g.Names() {
		if a, err := g.Read(name); err == nil {
			whole(t, a)
		}
	}
}

// What is mapped is what is read.
func TestGGUFMap(t *testing.T) {
	g, err := formats.OpenGGUF("testdata/small.gguf")
	if err != nil {
		t.Fatal(err)
	}
	quantized := 0
	for _, name := range g.Names() {
		b, err := g.Map(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := g.Blocks(name)
		if err != nil {
			continue
		}
		if quantized++; !bytes.Equal(b, want) {
			t.Errorf("%s differs", name)
		}
	}
	if quantized == 0 {
		t.Error("nothing was compared")
	}
	if _, err := g.Map("nothing"); err == nil {
		t.Error("mapped what is not there")
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	b, err := os.ReadFile("testdata/small.gguf")
	if err != nil {
		t.Fatal(err)
	}
	if g, err = formats.NewGGUF(bytes.NewReader(b), int64(len(b))); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Map(g.Names()[0]); err == nil || !strings.Contains(err.Error(), "OpenGGUF") {
		t.Error(err)
	}
}
