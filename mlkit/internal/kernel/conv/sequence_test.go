package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/kerneltest"
)

// sequences are convolutions of sequences that are made by tiles: short and
// long dilations, whose rows are turned or not, or cut; broken blocks; paddings
// of all kinds.
var sequences = []Conv{
	{N: 2, C: 16, H: 1, W: 150, OutC: 17, KH: 1, KW: 3, PadW: 1},
	{N: 1, C: 19, H: 1, W: 1001, OutC: 16, KH: 1, KW: 3},
	{N: 40, C: 16, H: 1, W: 9, OutC: 16, KH: 1, KW: 3, PadW: 2},
	{N: 3, C: 16, H: 1, W: 203, OutC: 18, KH: 1, KW: 3, PadW: 3, DilW: 3},
	{N: 3, C: 16, H: 1, W: 203, OutC: 18, KH: 1, KW: 3, PadW: 14, DilW: 7},
	{N: 2, C: 18, H: 1, W: 300, OutC: 16, KH: 1, KW: 3, PadW: 8, DilW: 8},
	{N: 1, C: 16, H: 1, W: 700, OutC: 20, KH: 1, KW: 3, PadW: 10, DilW: 20},
	{N: 1, C: 200, H: 1, W: 400, OutC: 210, KH: 1, KW: 3, PadW: 100, DilW: 100},
	{N: 2, C: 16, H: 1, W: 4000, OutC: 16, KH: 1, KW: 3, PadW: 512, DilW: 512},
}

func TestSequenceConvs(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	for _, c := range sequences {
		d := c.checked(c.N*c.OutC*c.OutW(), c.N*c.C*c.W, c.OutC*c.C*3)
		if !d.sequence(d.OutW()) || !d.sequence(d.W) {
			t.Fatalf("%+v is not made by tiles", c)
		}
		checkConv(t, r, c)
		x, y, w := kerneltest.RandomSlice(r, c.N*c.C*c.W), kerneltest.RandomSlice(r, c.N*c.OutC*c.OutW()), kerneltest.RandomSlice(r, c.OutC*c.C*3)
		run := func() [][]float32 {
			out, dx, dw := make([]float32, len(y)), make([]float32, len(x)), make([]float32, len(w))
			c.Forward(out, x, w, nil, gemm.None)
			c.BackwardData(dx, y, w, false)
			c.BackwardWeight(dw, y, x, false)
			return [][]float32{out, dx, dw}
		}
		kerneltest.Variants(t, fmt.Sprintf("%+v", c), run)
	}
}

// TestSequenceSeesOnlyItsWindow puts what is not finite into one place.
func TestSequenceSeesOnlyItsWindow(t *testing.T) {
	c := Conv{N: 1, C: 16, H: 1, W: 400, OutC: 16, KH: 1, KW: 3, PadW: 4, DilW: 4}
	r := rand.New(rand.NewPCG(53, 54))
	x, w := kerneltest.RandomSlice(r, c.C*c.W), kerneltest.RandomSlice(r, c.OutC*c.C*3)
	got, want := make([]float32, c.OutC*c.W), make([]float32, c.OutC*c.W)
	c.Forward(want, x, w, nil, gemm.None)
	const at = 200
	x[3*c.W+at] = float32(math.Inf(1))
	c.Forward(got, x, w, nil, gemm.None)
	for i, v := range got {
		d := math.Abs(float64(i%c.W - at))
		if sees := d == 0 || d == 4; !sees && !(math.Abs(float64(v-want[i])) < 1e-4) || sees && math.Abs(float64(v)) < 1e30 {
			t.Fatalf("an infinity at %d: output %d is %v, was %v", at, i%c.W, v, want[i])
		}
	}
}
