package compress_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/compress"
	"descent/mlkit/formats"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

func TestInt4IsNear(t *testing.T) {
	for name, c := range quantizable() {
		q, err := compress.QuantizeInt4(c.model)
		if err != nil && name == "padded, strides, normed" {
			continue // it has convolutions only
		}
		if err != nil {
			t.Fatal(err)
		}
		if q.Bytes() <= 0 {
			t.Errorf("%s: %d bytes", name, q.Bytes())
		}
		x := normals(tensor.SizeOf(c.dims), 3)
		want := outputs(t, c.model, x, c.dims...)
		if e := relative(outputs(t, q, x, c.dims...), want); !(e < 0.25) || e == 0 {
			t.Errorf("%s: outputs differ by %.4f of themselves", name, e)
		} else {
			t.Logf("%s: %.4f", name, e)
		}
	}
	l := nn.NewLinear(nn.NewRand(1), 256, 128)
	q, err := compress.QuantizeInt4(l)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := q.Bytes(), 256*128/2+256*128/32*4+4*128; got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
	l.Weight.Data[5] = float32(math.Inf(1))
	if _, err := compress.QuantizeInt4(nn.Sequential{nn.ReLU{}, l}); err == nil || !strings.Contains(err.Error(), `layer "1" (*nn.Linear) is +Inf`) {
		t.Errorf("an infinite weight: error %v", err)
	}
	if _, err := compress.QuantizeInt4(nn.NewConv2D(nn.NewRand(1), nn.Conv{In: 1, Out: 1, Kernel: 1})); err == nil || !strings.Contains(err.Error(), "no Linear") {
		t.Errorf("nothing to quantize: error %v", err)
	}
}

// What is saved and loaded into a model of other weights computes the same
// bits.
func TestInt4File(t *testing.T) {
	for name, c := range quantizable() {
		q, err := compress.QuantizeInt4(c.model)
		if err != nil {
			continue // see TestInt4IsNear
		}
		x := normals(tensor.SizeOf(c.dims), 3)
		want := outputs(t, q, x, c.dims...)
		path := filepath.Join(t.TempDir(), "int4.safetensors")
		if err := q.Save(path); err != nil {
			t.Fatal(err)
		}
		for _, p := range nn.Params(c.model) {
			for i := range p.Data {
				p.Data[i] = float32(math.NaN())
			}
		}
		loaded, err := compress.LoadInt4(path, c.model)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := outputs(t, loaded, x, c.dims...); !slices.Equal(got, want) {
			t.Errorf("%s: other outputs after loading", name)
		}
		if loaded.Bytes() != q.Bytes() {
			t.Errorf("%s: %d bytes after loading, %d before", name, loaded.Bytes(), q.Bytes())
		}
	}
}

func TestInt4FileRefuses(t *testing.T) {
	model := nn.Sequential{nn.NewLinear(nn.NewRand(1), 40, 8), nn.ReLU{}, nn.NewConv1D(nn.NewRand(1), nn.Conv{In: 1, Out: 2, Kernel: 1})}
	q, err := compress.QuantizeInt4(model)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "int4.safetensors")
	if err := q.Save(path); err != nil {
		t.Fatal(err)
	}
	file, err := formats.OpenSafetensors(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	whole := map[string]formats.Array{}
	for _, name := range file.Names() {
		if whole[name], err = file.Read(name); err != nil {
			t.Fatal(err)
		}
	}
	for want, change := range map[string]func(all map[string]formats.Array, meta map[string]string){
		`layer "0" (*nn.Linear) has no weight_scale`: func(all map[string]formats.Array, _ map[string]string) { delete(all, "0.weight_scale") },
		`2.weight is not in the file`:                func(all map[string]formats.Array, _ map[string]string) { delete(all, "2.weight") },
		`0.bias has the shape [4]`: func(all map[string]formats.Array, _ map[string]string) {
			all["0.bias"] = formats.Array{Name: "0.bias", Dims: []int{4}, Data: make([]float32, 4)}
		},
		`layer "0" (*nn.Linear) has a bias of NaN`: func(all map[string]formats.Array, _ map[string]string) {
			b := make([]float32, 8)
			b[3] = float32(math.NaN())
			all["0.bias"] = formats.Array{Name: "0.bias", Dims: []int{8}, Data: b}
		},
		`more belongs to no layer`: func(all map[string]formats.Array, _ map[string]string) {
			all["more"] = formats.Array{Name: "more", Dims: []int{1}, Data: []float32{1}}
		},
		`not written by Int4.Save`: func(_ map[string]formats.Array, meta map[string]string) { meta["activations"] = "static" },
	} {
		all, meta := map[string]formats.Array{}, map[string]string{"activations": file.Metadata["activations"]}
		for name, a := range whole {
			all[name] = a
		}
		change(all, meta)
		var arrays []formats.Array
		for _, a := range all {
			arrays = append(arrays, a)
		}
		wrong := filepath.Join(t.TempDir(), "wrong.safetensors")
		f, err := os.Create(wrong)
		if err != nil {
			t.Fatal(err)
		}
		if err := formats.WriteSafetensors(f, arrays, meta); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if _, err := compress.LoadInt4(wrong, model); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
