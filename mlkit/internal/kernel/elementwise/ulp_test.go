package elementwise

import (
	"flag"
	"math"
	"testing"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/kerneltest"
)

var ulpStep = flag.Uint("ulp", 0, "sweep every n-th float32 in TestULP; 1 takes minutes")

// The largest errors, in units in the last place of the exact result, over all
// float32 (found with -ulp 1), as the doc comments state them.
var ulpLimits = []struct {
	name  string
	fn    elemFunc
	f     func(float64) float64
	limit float64
}{
	{"Exp", exp, math.Exp, 1.04},
	{"Expm1", expm1, math.Expm1, 1.54},
	{"Log", log, math.Log, 0.86},
	{"Log1p", log1p, math.Log1p, 1.44},
	{"Tanh", tanh, math.Tanh, 1.5},
	{"Sigmoid", sigmoid, SigmoidOf, 1.98},
	{"Erf", erf, math.Erf, 1.08},
	{"Sin", anySin, math.Sin, 1.54},
	{"Cos", anyCos, math.Cos, 1.54},
	{"Rsqrt", rsqrt, func(x float64) float64 { return 1 / math.Sqrt(x) }, 1.5},
}

func TestULP(t *testing.T) {
	step := uint64(*ulpStep)
	if step == 0 {
		step = 5003
		if testing.Short() {
			step = 100003
		}
	}
	kerneltest.Levels(t, func(t *testing.T) {
		if cpu.Current == cpu.Portable && *ulpStep != 0 {
			t.Skip("goes through float64")
		}
		var x, y [4096]float32
		for _, c := range ulpLimits {
			worst, at := 0.0, float32(0)
			for b := uint64(0); b < 1<<32; {
				n := 0
				for ; n < len(x) && b < 1<<32; n++ {
					x[n] = math.Float32frombits(uint32(b))
					b += step
				}
				elem(c.fn, y[:n], x[:n], nil, 0, 0)
				for i, v := range x[:n] {
					want := c.f(float64(v))
					if e := ulps(y[i], want); e > worst || e != e {
						worst, at = e, v
						if e != e {
							break
						}
					}
				}
			}
			if !(worst <= c.limit) {
				t.Errorf("%s(%g) is off by %.3f ulp, want at most %g", c.name, at, worst, c.limit)
			} else {
				t.Logf("%s: at most %.3f ulp, at %g", c.name, worst, at)
			}
		}
	})
}
