package conv

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

// smallConv is one of small images, also with windows that reach over the
// edges, of odd and even sizes, strides and dilations.
func smallConv(r *rand.Rand) (c Conv, ok bool) {
	c = Conv{N: 1, C: 1 + r.IntN(3), H: 1 + r.IntN(20), W: 1 + r.IntN(40), OutC: 1, KH: 1 + r.IntN(6), KW: 1 + r.IntN(overlapTaps),
		StrideH: 1 + r.IntN(2), StrideW: 1 + r.IntN(2), DilH: 1 + r.IntN(3), DilW: 1 + r.IntN(3), PadH: r.IntN(6), PadW: r.IntN(12),
		MoreH: r.IntN(3), MoreW: r.IntN(3), Groups: 1}
	return c, c.OutH() > 0 && c.OutW() > 0
}

// Rows of the image get the bits that taps give them, also where a window, the
// rows of an output or a vector reach over an edge.
func TestScatterRowsAddsAsTapsDo(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for range 400 {
		c, ok := smallConv(r)
		if !ok {
			continue
		}
		j := convJob{Conv: c}
		first := r.IntN(c.OutH())
		last := first + 1 + r.IntN(c.OutH()-first)
		around, _ := kerneltest.Guarded(r, c.C*c.KH*c.KW*(last-first)*c.OutW()+2*overlapSlack, 1)
		col := around[overlapSlack : len(around)-overlapSlack]
		want, _ := kerneltest.Guarded(r, c.C*c.H*c.W, 1)
		got, check := kerneltest.Guarded(r, len(want), 1)
		copy(got, want)
		j.scatterTaps(want, col, c.C, first, last)
		j.scatterRows(got, col, c.C, first, last)
		check(t, fmt.Sprintf("%+v", c))
		for k, v := range want {
			if got[k] != v {
				t.Fatal(fmt.Sprintf("%+v", c), "rows", first, "to", last, "element", k, "is", got[k], "instead of", v)
			}
		}
	}
}

// The image with its padding has the columns that the image has.
func TestWindowColumnsAreThoseOfTaps(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 34))
	var a, b cpu.Workspace
	for range 400 {
		c, ok := smallConv(r)
		if !ok || c.KH*c.KW > shortTaps {
			continue
		}
		j := convJob{Conv: c}
		first := r.IntN(c.OutH())
		last := first + 1 + r.IntN(c.OutH()-first)
		lo := r.IntN(c.C)
		image, _ := kerneltest.Guarded(r, c.C*c.H*c.W, 1)
		want, _ := j.tapColumns(&a, image, lo, c.C, first, last)
		got, _ := j.shortColumns(&b, image[lo*c.H*c.W:], c.C-lo, first, last)
		if len(got) != len(want) {
			t.Fatal(fmt.Sprintf("%+v", c), len(got), len(want))
		}
		for k, v := range want {
			if got[k] != v {
				t.Fatal(fmt.Sprintf("%+v", c), "rows", first, "to", last, "element", k, "is", got[k], "instead of", v)
			}
		}
	}
}
