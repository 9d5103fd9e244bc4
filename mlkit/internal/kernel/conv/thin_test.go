package conv

import (
	"math/rand/v2"
	"testing"
)

// TestThinConvs checks depthwise and grouped convolutions against a float64
// loop.
func TestThinConvs(t *testing.T) {
	r := rand.New(rand.NewPCG(31, 32))
	for _, c := range []Conv{
		{N: 2, C: 3, H: 64, W: 64, OutC: 3, KH: 3, KW: 3, PadH: 1, PadW: 1, Groups: 3},
		{N: 2, C: 3, H: 64, W: 61, OutC: 3, KH: 3, KW: 3, PadH: 1, PadW: 1, StrideH: 2, StrideW: 2, Groups: 3},
		{N: 30, C: 20, H: 7, W: 7, OutC: 20, KH: 3, KW: 3, PadH: 1, PadW: 1, Groups: 20},
		{N: 3, C: 6, H: 15, W: 40, OutC: 12, KH: 5, KW: 5, PadH: 2, PadW: 2, Groups: 6},
		{N: 3, C: 6, H: 35, W: 40, OutC: 6, KH: 5, KW: 5, PadH: 2, PadW: 2, StrideH: 2, StrideW: 2, Groups: 6},
		{N: 1, C: 2, H: 40, W: 50, OutC: 2, KH: 7, KW: 7, PadH: 6, PadW: 6, DilH: 2, DilW: 2, Groups: 2},
		{N: 2, C: 8, H: 12, W: 13, OutC: 8, KH: 3, KW: 2, PadH: 3, PadW: 0, StrideH: 3, StrideW: 4, Groups: 2}, // a stride beyond the window
		{N: 2, C: 8, H: 12, W: 13, OutC: 12, KH: 3, KW: 3, PadH: 4, PadW: 5, DilH: 3, StrideH: 1, StrideW: 2, Groups: 4},
		{N: 2, C: 4, H: 1, W: 9000, OutC: 4, KH: 1, KW: 3, PadW: 64, DilW: 64, Groups: 4}, // a sequence
		{N: 1, C: 2, H: 90, W: 60, OutC: 2, KH: 3, KW: 3, PadH: 20, PadW: 20, DilH: 20, DilW: 20, Groups: 2},
		{N: 0, C: 4, H: 5, W: 5, OutC: 4, KH: 3, KW: 3, Groups: 4},
	} {
		if c = c.checked(c.N*c.OutC*c.OutH()*c.OutW(), c.N*c.C*c.H*c.W, c.OutC*c.C/c.Groups*c.KH*c.KW); !c.thin() {
			t.Fatalf("%+v is not thin", c)
		}
		checkConv(t, r, c)
	}
}
