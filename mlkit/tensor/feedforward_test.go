package tensor_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/tensor"
)

// Large weights: blocks of many rows in turn, each shared by the workers.
func TestFeedForwardOfLargeWeights(t *testing.T) {
	const rows, in, hidden, out = 1100, 70, 1000, 66
	ins := []gradcheck.Input{rnd(1, rows, in), small(rnd(2, hidden, in)), rnd(3, hidden), small(rnd(4, out, hidden)), rnd(5, out), rnd(6, rows, out)}
	for _, gelu := range []bool{false, true} {
		var want [][]float32
		for _, procs := range []int{0, 1, 2, 5} { // 0: by parts
			old := runtime.GOMAXPROCS(max(procs, 1))
			tape := tensor.NewTape(1)
			var x []T
			for _, i := range ins {
				x = append(x, tape.Variable(i.Data, i.Dims...))
			}
			var y T
			switch {
			case procs > 0:
				y = x[0].FeedForward(tensor.FeedForward{Weight1: x[1], Bias1: x[2], Weight2: x[3], Bias2: x[4], Add: x[5], GELU: gelu})
			case gelu:
				y = x[0].Linear(x[1], x[2]).GELU().Linear(x[3], x[4]).Add(x[5])
			default:
				y = x[0].Linear(x[1], x[2]).ReLU().Linear(x[3], x[4]).Add(x[5])
			}
			g := all(tape, y).Backward()
			runtime.GOMAXPROCS(old)
			got := [][]float32{y.Data()}
			for _, v := range x {
				got = append(got, g.Wrt(v))
			}
			for i := range got {
				name := fmt.Sprintf("GELU %v, result %d", gelu, i)
				if procs > 1 && !slices.Equal(got[i], want[i]) {
					t.Errorf("%s: other bits with GOMAXPROCS %d", name, procs)
				}
				if procs != 1 {
					continue
				}
				scale := 1.0
				for _, v := range want[i] {
					scale = max(scale, math.Abs(float64(v)))
				}
				if d := maxDiff(got[i], want[i]) / scale; !(d < 5e-6) {
					t.Errorf("%s differs by %g from the composition's", name, d)
				}
			}
			want = got
		}
	}
}
