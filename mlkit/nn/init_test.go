package nn_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// The moments and limits of every initialiser, against the formulas of its
// source, for a weight [40, 30, 3, 3]: fan-in 270, fan-out 360.
func TestInitialisers(t *testing.T) {
	const in, out = 270.0, 360.0
	uniform := func(limit float64) [3]float64 { return [3]float64{0, limit / math.Sqrt(3), limit} }
	normal := func(std float64) [3]float64 { return [3]float64{0, std, math.Inf(1)} }
	for name, c := range map[string]struct {
		init func(*tensor.Param, *rand.Rand)
		want [3]float64 // mean, standard deviation, limit
	}{
		"Uniform":         {func(p *tensor.Param, r *rand.Rand) { nn.Uniform(p, r, -2, 2) }, uniform(2)},
		"Normal":          {func(p *tensor.Param, r *rand.Rand) { nn.Normal(p, r, 3, 2) }, [3]float64{3, 2, math.Inf(1)}},
		"TruncatedNormal": {func(p *tensor.Param, r *rand.Rand) { nn.TruncatedNormal(p, r, 1, 2) }, [3]float64{1, 2 * 0.87962566, 5}},
		"GlorotUniform":   {nn.GlorotUniform, uniform(math.Sqrt(6 / (in + out)))},
		"GlorotNormal":    {nn.GlorotNormal, normal(math.Sqrt(2 / (in + out)))},
		"HeUniform":       {nn.HeUniform, uniform(math.Sqrt(6 / in))},
		"HeNormal":        {nn.HeNormal, normal(math.Sqrt(2 / in))},
		"LeCunUniform":    {nn.LeCunUniform, uniform(math.Sqrt(3 / in))},
		"LeCunNormal":     {nn.LeCunNormal, normal(math.Sqrt(1 / in))},
		"Conv2D's own": {func(p *tensor.Param, r *rand.Rand) {
			copy(p.Data, nn.NewConv2D(r, nn.Conv{In: 30, Out: 40, Kernel: 3}).Weight.Data)
		}, uniform(math.Sqrt(1 / in))},
	} {
		p := tensor.NewParam(40, 30, 3, 3)
		c.init(p, nn.NewRand(1))
		n := float64(p.Size())
		var sum, square, limit float64
		for _, v := range p.Data {
			x := float64(v)
			sum, square, limit = sum+x, square+x*x, max(limit, math.Abs(x))
		}
		mean := sum / n
		std := math.Sqrt(square/n - mean*mean)
		// Five standard errors: of the mean, and of the deviation (at most
		// that of a normal distribution).
		if math.Abs(mean-c.want[0]) > 5*c.want[1]/math.Sqrt(n) || math.Abs(std-c.want[1]) > 5*c.want[1]/math.Sqrt(2*n) || limit > c.want[2]*(1+1e-6) {
			t.Errorf("%s: mean %.4g, standard deviation %.4g, largest %.4g; want %.4g", name, mean, std, limit, c.want)
		}
	}
}

func TestOrthogonal(t *testing.T) {
	for _, dims := range [][]int{{5, 12}, {12, 5}, {6, 6}, {4, 3, 2, 2}} {
		p := tensor.NewParam(dims...)
		nn.Orthogonal(p, nn.NewRand(3), 2)
		rows := dims[0]
		cols := p.Size() / rows
		n, at := rows, func(i, k int) float64 { return float64(p.Data[i*cols+k]) }
		if rows > cols {
			n, at = cols, func(i, k int) float64 { return float64(p.Data[k*cols+i]) }
		}
		for i := range n {
			for j := range n {
				dot, want := 0.0, 0.0
				for k := range max(rows, cols) {
					dot += at(i, k) * at(j, k)
				}
				if i == j {
					want = 4
				}
				if math.Abs(dot-want) > 1e-5 {
					t.Fatalf("%v: vectors %d and %d have the product %g, want %g", dims, i, j, dot, want)
				}
			}
		}
	}
}

func TestInitialiserNeedsFans(t *testing.T) {
	defer func() {
		if e, ok := recover().(*tensor.ShapeError); !ok || !strings.Contains(e.Error(), "HeNormal of [3]") {
			t.Errorf("%v", e)
		}
	}()
	nn.HeNormal(tensor.NewParam(3), nn.NewRand(1))
}

// Settings that make no sense panic when the layer is made, naming it.
func TestBadSettingsPanic(t *testing.T) {
	r := nn.NewRand(1)
	for want, f := range map[string]func(){
		"Conv2D":          func() { nn.NewConv2D(r, nn.Conv{In: 3, Out: 4}) },
		"Conv1D":          func() { nn.NewConv1D(r, nn.Conv{In: 3, Out: 4, Kernel: 3, Groups: 2}) },
		"Same needs":      func() { nn.NewConvTranspose2D(r, nn.Conv{In: 3, Out: 4, Kernel: 4, Padding: nn.Same}) },
		"a padding of -3": func() { nn.NewConv2D(r, nn.Conv{In: 3, Out: 4, Kernel: 4, Padding: -3}) },
		"ConvTranspose2D": func() { nn.NewConvTranspose2D(r, nn.Conv{In: 3, Out: 4, Kernel: 3, Stride: -1}) },
		"outside of [0, 1)": func() {
			nn.Dropout{P: 1}.Forward(tensor.NewTape(1).Full(0, 2))
		},
	} {
		func() {
			defer func() {
				p := recover()
				msg, _ := p.(string)
				if !strings.Contains(msg, want) {
					t.Errorf("panic %v, want one with %q", p, want)
				}
			}()
			f()
		}()
	}
}
