package tensor_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"descent/mlkit/tensor"
)

func first(y, _ T) T { return y }

// Sums of a quarter of a million terms, along whatever axes, are as good as
// those of a few, and have the same bits with any number of workers.
func TestSumsOfMany(t *testing.T) {
	const n = 1<<18 + 33
	x := make([]float32, 6*n) // more than any shape below has
	for i := range x {
		x[i] = 0.1
	}
	v := float64(x[0])
	type result struct {
		name string
		got  []float32
		want float64
	}
	run := func() (all []result) {
		tape := tensor.NewTape(1)
		add := func(name string, y T, want float64) { all = append(all, result{name, slices.Clone(y.Data()), want}) }
		grad := func(name string, f func(x, y T) T, dims, other []int, want float64) {
			tape.Reset()
			y := tape.Variable(x[:count(other)], other...)
			g := f(tape.Input(x[:count(dims)], dims...), y).Sum().Backward().Wrt(y)
			all = append(all, result{name, slices.Clone(g), want})
		}
		for _, c := range []struct {
			dims, axes []int
			terms      float64
		}{
			{[]int{n, 2}, []int{0}, n}, {[]int{2, n}, []int{1}, n}, {[]int{2, n, 3}, []int{1}, n}, {[]int{2, 3, n}, []int{2}, n},
			{[]int{n / 7, 3, 7}, []int{0, 2}, n / 7 * 7}, {[]int{700, 2, 600, 1}, []int{0, 2}, 700 * 600}, {[]int{n, 1, 2}, []int{0, 1}, n},
			{[]int{700, 2, 300, 3}, []int{0, 2}, 700 * 300}, {[]int{3, 2, 50_000, 3}, []int{0, 2}, 150_000}, {[]int{n}, nil, n},
		} {
			name := func(op string) string { return fmt.Sprint(op, " of ", c.dims, " over ", c.axes) }
			in := func() T { tape.Reset(); return tape.Input(x[:count(c.dims)], c.dims...) }
			add(name("Mean"), in().Mean(c.axes...), v)
			add(name("Sum"), in().Sum(c.axes...), v*c.terms)
			add(name("Norm"), in().Norm(c.axes...), v*math.Sqrt(c.terms))
			add(name("LogSumExp"), in().LogSumExp(c.axes...), v+math.Log(c.terms))
			ramp := in()
			for i := range ramp.Data() {
				ramp.Data()[i] = float32(i / 6 % 2)
			}
			add(name("Var"), ramp.Var(0, c.axes...), 0.25)
			for i := range ramp.Data() {
				ramp.Data()[i] = 0.1
			}
		}
		add("AdaptiveAvgPool2D", tape.Input(x[:1<<20], 1, 1, 1<<10, 1<<10).AdaptiveAvgPool2D(1, 1), v)
		add("AdaptiveAvgPool2D, cells", tape.Input(x[:1<<20], 1, 1, 1<<10, 1<<10).AdaptiveAvgPool2D(2, 3), v)
		add("AvgPool2D", tape.Input(x[:1<<20], 1, 1, 1<<10, 1<<10).AvgPool2D(tensor.Pool{Kernel: [2]int{1 << 10, 1 << 10}}), v)
		add("AvgPool1D", tape.Input(x[:1<<20], 1, 1, 1<<20).AvgPool1D(tensor.Pool{Kernel: [2]int{1 << 20}}), v)

		grad("Add: row", T.Add, []int{n, 2}, []int{2}, n)
		grad("Add: number", T.Add, []int{n, 2}, []int{1}, 2*n)
		grad("Sub: channel", T.Sub, []int{300, 2, 2000}, []int{2, 1}, -300*2000)
		grad("Mul: row", T.Mul, []int{n, 3}, []int{3}, v*n)
		grad("Mul: channel", T.Mul, []int{5000, 2, 100}, []int{2, 1}, v*5000*100)
		grad("Div: row", T.Div, []int{n, 2}, []int{2}, -n/v)
		grad("Maximum: row", T.Maximum, []int{n, 2}, []int{2}, n/2.0)
		grad("Expand", func(x, y T) T { return y.Expand(n, 2).Mul(x) }, []int{n, 2}, []int{2}, v*n)
		grad("Linear: bias", func(x, b T) T { return x.Linear(tape.Full(1, 2, 3), b) }, []int{n, 3}, []int{2}, n)
		grad("Linear: weight", func(x, w T) T { return x.Linear(w, T{}) }, []int{n, 3}, []int{2, 3}, v*n)
		grad("Linear: wide weight", func(x, w T) T { return x.Linear(w, T{}) }, []int{n / 50, 50}, []int{300, 50}, v*(n/50))
		grad("Linear: wide bias", func(x, b T) T { return x.Linear(tape.Full(1, 130, 1), b) }, []int{n / 4, 1}, []int{130}, n/4)
		grad("FeedForward: weight 1", func(x, w T) T {
			return x.FeedForward(tensor.FeedForward{Weight1: w, Weight2: tape.Full(1, 2, 40)})
		}, []int{n / 4, 3}, []int{40, 3}, 2*v*(n/4))
		grad("FeedForward: bias 1", func(x, b T) T {
			return x.FeedForward(tensor.FeedForward{Weight1: tape.Full(1, 40, 3), Bias1: b, Weight2: tape.Full(1, 2, 40)})
		}, []int{n / 4, 3}, []int{40}, 2*(n/4))
		grad("SelfAttentionLayer: weight", func(x, w T) T { // of equal steps, attention is the mean of equal values
			return first(x.SelfAttentionLayer(tensor.SelfAttentionLayer{Attend: tensor.Attend{Heads: 1}, InWeight: tape.Full(1, 6, 3), OutWeight: w}))
		}, []int{n / 16, 4, 3}, []int{2, 2}, 3*v*(n/16*4))
		grad("BatchNorm: bias", func(x, b T) T { return x.BatchNorm(T{}, b, nil, nil, 0, 1) }, []int{n, 2}, []int{2}, n)
		grad("LayerNorm: bias", func(x, b T) T { return x.LayerNorm(tape.Full(1, 2), b, 1) }, []int{n, 2}, []int{2}, n)
		grad("Conv1D: bias", func(x, b T) T { return x.Conv1D(tape.Full(1, 2, 1, 1), b, tensor.Conv{}) }, []int{10_000, 1, 50}, []int{2}, 500_000)
		return all
	}
	all := run()
	for _, r := range all {
		for _, got := range r.got {
			if e := math.Abs(float64(got)-r.want) / math.Abs(r.want); !(e < 5e-5) {
				t.Errorf("%s: %v, want %v, off by %.2g", r.name, r.got, r.want, e)
				break
			}
		}
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for i, r := range run() {
		if !slices.Equal(r.got, all[i].got) {
			t.Errorf("%s: other bits with one worker", r.name)
		}
	}
}
