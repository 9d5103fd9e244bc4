package conv

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"descent/mlkit/internal/kernel/kerneltest"
)

// Rows of the image get the bits that taps give them, also where a window, the
// rows of an output or a vector reach over an edge.
func TestScatterRowsAddsAsTapsDo(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for range 200 {
		c := Conv{N: 1, C: 1 + r.IntN(3), H: 1 + r.IntN(20), W: 1 + r.IntN(40), OutC: 1, KH: 1 + r.IntN(6), KW: 1 + r.IntN(overlapTaps),
			StrideH: 1, StrideW: 1, DilH: 1 + r.IntN(3), DilW: 1 + r.IntN(3), PadH: r.IntN(6), PadW: r.IntN(12), Groups: 1}
		if c.OutH() < 1 || c.OutW() < 1 {
			continue
		}
		j := convJob{Conv: c}
		first := r.IntN(c.OutH())
		last := first + 1 + r.IntN(c.OutH()-first)
		col, _ := kerneltest.Guarded(r, c.C*c.KH*c.KW*(last-first)*c.OutW(), 1)
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
