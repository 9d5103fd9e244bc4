package compress_test

import (
	"math"
	"strings"
	"testing"

	"descent/mlkit/compress"
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
