package conv

import (
	"math"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/kerneltest"
)

// randomDepthwise is a convolution that has a kernel of its own.
func randomDepthwise(r *rand.Rand) Conv {
	c := Conv{N: 1 + r.IntN(3), C: 2 + r.IntN(9), H: 1 + r.IntN(40), W: 1 + r.IntN(40)}
	c.KH, c.StrideH = 3+2*r.IntN(2), 1+r.IntN(2)
	c.KW, c.StrideW, c.OutC, c.Groups = c.KH, c.StrideH, c.C, c.C
	c.PadH, c.PadW, c.MoreH, c.MoreW = r.IntN(7), r.IntN(7), r.IntN(3), r.IntN(3)
	c.H, c.W = max(c.H, c.KH-2*c.PadH), max(c.W, c.KW-2*c.PadW)
	return c
}

// TestDepthwise checks the kernels against a float64 loop: all edges, images
// larger than a unit, windows that see nothing but zeros.
func TestDepthwise(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	n := 150
	if testing.Short() {
		n = 40
	}
	for i := range n {
		c := randomDepthwise(r)
		if i == 0 { // rows of a plane are cut
			c = Conv{N: 1, C: 2, H: 80, W: 200, OutC: 2, KH: 5, KW: 5,
				PadH: 2, PadW: 2, StrideH: 2, StrideW: 2, Groups: 2}
		}
		filled := c.checked(c.N*c.OutC*c.OutH()*c.OutW(), c.N*c.C*c.H*c.W, c.OutC*c.KH*c.KW)
		if !filled.depthwise() && cpu.Current != cpu.NEON {
			t.Fatalf("%+v has no kernel", c)
		}
		checkConv(t, r, c)
	}
}

// TestDepthwiseSeesOnlyItsWindow puts a NaN around the image and into it.
func TestDepthwiseSeesOnlyItsWindow(t *testing.T) {
	kerneltest.Levels(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(53, 54))
		for range 40 {
			c := randomDepthwise(r)
			plane := c.H * c.W
			memory := kerneltest.RandomSlice(r, (c.N*c.C+2)*plane)
			for i := range plane {
				memory[i], memory[len(memory)-1-i] = float32(math.NaN()), float32(math.NaN())
			}
			x := memory[plane:][:c.N*c.C*plane]
			w := kerneltest.RandomSlice(r, c.C*c.KH*c.KW)
			y := make([]float32, c.N*c.C*c.OutH()*c.OutW())
			c.Forward(y, x, w, nil, gemm.None)
			bad := r.IntN(len(x))
			for i, v := range y {
				if v != v {
					t.Fatalf("%+v: output %d has seen what lies beside the image", c, i)
				}
			}
			x[bad] = float32(math.NaN())
			c.Forward(y, x, w, nil, gemm.ReLUAct)
			sees := make([]bool, len(y))
			convTaps(c, func(yo, xo, _ int) { sees[yo] = sees[yo] || xo == bad })
			for i, v := range y {
				if (v != v) != sees[i] {
					t.Fatalf("%+v: output %d is %v, sees the NaN: %v", c, i, v, sees[i])
				}
			}
		}
	})
}
