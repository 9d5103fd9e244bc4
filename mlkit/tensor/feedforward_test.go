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
		likeParts(t, fmt.Sprintf("GELU %v", gelu), 1, ins, scaledDiff, 5e-6, func(x []T) T {
			return x[0].FeedForward(tensor.FeedForward{Weight1: x[1], Bias1: x[2], Weight2: x[3], Bias2: x[4], Add: x[5], GELU: gelu})
		}, func(x []T) T {
			y := x[0].Linear(x[1], x[2])
			if gelu {
				y = y.GELU()
			} else {
				y = y.ReLU()
			}
			return y.Linear(x[3], x[4]).Add(x[5])
		})
	}
}

// likeParts compares an operation with its composition of parts, and its bits
// at several numbers of workers: the result, and the gradients of a weighted
// sum with respect to all operands.
func likeParts(t *testing.T, name string, seed uint64, ins []gradcheck.Input, diff func(got, want []float32) float64, tolerance float64, whole, parts func(x []T) T) {
	t.Helper()
	var want [][]float32
	for _, procs := range []int{0, 1, 2, 5} { // 0: by parts
		old := runtime.GOMAXPROCS(max(procs, 1))
		tape := tensor.NewTape(seed)
		var x []T
		for _, i := range ins {
			x = append(x, tape.Variable(i.Data, i.Dims...))
		}
		compute := whole
		if procs == 0 {
			compute = parts
		}
		y := compute(x)
		g := all(tape, y).Backward()
		runtime.GOMAXPROCS(old)
		got := [][]float32{y.Data()}
		for _, v := range x {
			got = append(got, g.Wrt(v))
		}
		for i := range got {
			switch {
			case procs == 1:
				if d := diff(got[i], want[i]); !(d < tolerance) {
					t.Errorf("%s: result %d differs by %g from the composition's", name, i, d)
				}
			case procs > 1 && !slices.Equal(got[i], want[i]):
				t.Errorf("%s: result %d: other bits with GOMAXPROCS %d", name, i, procs)
			}
		}
		want = got
	}
}

// scaledDiff is maxDiff as a share of the largest number wanted, where that is
// above 1.
func scaledDiff(got, want []float32) float64 {
	scale := 1.0
	for _, v := range want {
		scale = max(scale, math.Abs(float64(v)))
	}
	return maxDiff(got, want) / scale
}
