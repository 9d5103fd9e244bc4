package tensor_test

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"descent/mlkit/tensor"
)

// TestBothDirections compares two directions begun together with each by
// itself, but for the order in which two gradients are added, and numbers of
// workers to the bit. One layer has operands in common, one an output whose
// gradient is read, one an output that nobody uses.
func TestBothDirections(t *testing.T) {
	const time, batch, in, hidden = 9, 5, 12, 16
	for _, c := range []struct {
		name                 string
		gates                int
		shared, retain, lone bool
	}{
		{"LSTM", 4, false, false, false}, {"GRU", 3, false, false, false}, {"RNN", 1, false, false, false},
		{"shared weights", 4, true, false, false}, {"retained", 3, false, true, false}, {"one unused", 4, false, false, true},
	} {
		run := func(together bool) [][]float32 {
			tape := tensor.NewTape(1)
			seed := uint64(0)
			v := func(dims ...int) T {
				seed++
				return tape.Variable(rnd(seed, dims...).Data, dims...)
			}
			x := v(time, batch, in)
			vars := []T{x}
			weights := func() tensor.Recurrent {
				r := tensor.Recurrent{WeightIH: v(c.gates*hidden, in), WeightHH: v(c.gates*hidden, hidden), BiasIH: v(c.gates * hidden), BiasHH: v(c.gates * hidden), H0: v(batch, hidden)}
				vars = append(vars, r.WeightIH, r.WeightHH, r.BiasIH, r.BiasHH, r.H0)
				r.Lengths = tensor.NewInts([]int32{9, 3, 7, 9, 1})
				return r
			}
			w := [2]tensor.Recurrent{weights(), weights()}
			if c.shared {
				w[1] = w[0]
			}
			w[1].Reverse = true
			var out, h, cells [2]T
			switch {
			case !together:
				for i, r := range w {
					switch c.gates {
					case 4:
						out[i], h[i], cells[i] = x.LSTM(r)
					case 3:
						out[i], h[i] = x.GRU(r)
					default:
						out[i], h[i] = x.RNN(r, false)
					}
				}
			case c.gates == 4:
				out, h, cells = x.LSTMBoth(w[0], w[1])
			case c.gates == 3:
				out, h = x.GRUBoth(w[0], w[1])
			default:
				out, h = x.RNNBoth(w[0], w[1], false)
			}
			used := []T{out[0], out[1], h[0], h[1]}
			if c.gates == 4 {
				used = append(used, cells[0], cells[1])
			}
			if c.retain {
				out[0].RetainGrad()
				vars = append(vars, out[0])
			}
			if c.lone {
				used = []T{out[1]}
			}
			g := all(tape, used...).Backward()
			var got [][]float32
			for _, y := range used {
				got = append(got, y.Data())
			}
			for _, v := range vars {
				got = append(got, g.Wrt(v))
			}
			return got
		}
		alone := run(false)
		var first [][]float32
		for _, procs := range []int{1, 2, 3, 8} {
			old := runtime.GOMAXPROCS(procs)
			got := run(true)
			runtime.GOMAXPROCS(old)
			if first == nil {
				first = got
			}
			for i := range got {
				if !slices.Equal(got[i], first[i]) {
					t.Errorf("%s: result %d: other bits with GOMAXPROCS %d", c.name, i, procs)
				}
				if len(got[i]) != len(alone[i]) {
					t.Fatalf("%s: result %d has %d elements, alone %d", c.name, i, len(got[i]), len(alone[i]))
				}
				for j, v := range got[i] {
					if d := math.Abs(float64(v - alone[i][j])); !(d <= 2e-5*(1+math.Abs(float64(v)))) {
						t.Fatalf("%s: result %d, element %d is %g, alone %g", c.name, i, j, v, alone[i][j])
					}
				}
			}
		}
	}
}
