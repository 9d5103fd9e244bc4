package tensor_test

import (
	"math"
	"testing"

	"descent/mlkit/tensor"
)

// Over hundreds of steps and at logits of any size, the loss and its gradient
// have the digits of float64: logarithms of path probabilities, in the
// thousands, must not be rounded to float32 on the way.
func TestCTCOfLongSequences(t *testing.T) {
	const time, classes = 400, 5
	var labels []int32
	for i := range 40 {
		labels = append(labels, int32(1+i*i%4))
	}
	for _, scale := range []float64{1, 20, 200, 2000} {
		x := make([]float32, time*classes)
		for i := range x {
			x[i] = float32(scale * math.Sin(float64(i*i%977)))
		}
		tape := tensor.NewTape(1)
		logits := tape.Variable(x, 1, time, classes)
		loss := logits.CTC(tensor.CTCTargets{Labels: tensor.NewInts(labels, 1, len(labels))})
		grad := loss.Backward().Wrt(logits)
		want, wantGrad := ctcReference(x, labels, time, classes)
		if got := float64(loss.Item()); math.Abs(got/want-1) > 1e-7 {
			t.Errorf("logits of ±%v: the loss is %v, want %v", scale, got, want)
		}
		worst := 0.0
		for i, g := range grad {
			worst = max(worst, math.Abs(float64(g)-wantGrad[i]))
		}
		if !(worst < 1e-6) {
			t.Errorf("logits of ±%v: the gradient is off by %.2g", scale, worst)
		}
	}
}

// ctcReference is the recursion of Graves et al. 2006 in float64.
func ctcReference(x []float32, labels []int32, time, classes int) (loss float64, grad []float64) {
	add := func(a, b float64) float64 {
		if m := max(a, b); !math.IsInf(m, -1) {
			return m + math.Log(math.Exp(a-m)+math.Exp(b-m))
		}
		return math.Inf(-1)
	}
	logp := make([]float64, len(x))
	grad = make([]float64, len(x))
	for t := range time {
		sum := math.Inf(-1)
		for k := range classes {
			sum = add(sum, float64(x[t*classes+k]))
		}
		for k := range classes {
			logp[t*classes+k] = float64(x[t*classes+k]) - sum
			grad[t*classes+k] = math.Exp(logp[t*classes+k])
		}
	}
	n := 2*len(labels) + 1
	class := func(u int) int {
		if u%2 == 0 {
			return 0
		}
		return int(labels[u/2])
	}
	skips := func(u int) bool { return u%2 == 1 && u >= 2 && u < n && labels[u/2] != labels[u/2-1] }
	alpha, beta := make([][]float64, time), make([][]float64, time)
	for t := range time {
		alpha[t], beta[t] = make([]float64, n), make([]float64, n)
		for u := range n {
			a := math.Inf(-1)
			if t == 0 && u < 2 {
				a = 0
			}
			if t > 0 {
				a = alpha[t-1][u]
				if u > 0 {
					a = add(a, alpha[t-1][u-1])
				}
				if skips(u) {
					a = add(a, alpha[t-1][u-2])
				}
			}
			alpha[t][u] = a + logp[t*classes+class(u)]
		}
	}
	total := add(alpha[time-1][n-1], alpha[time-1][n-2])
	for t := time - 1; t >= 0; t-- {
		for u := range n {
			b := math.Inf(-1)
			if t == time-1 && u >= n-2 {
				b = 0
			}
			if t < time-1 {
				at := func(u int) float64 { return beta[t+1][u] + logp[(t+1)*classes+class(u)] }
				b = at(u)
				if u+1 < n {
					b = add(b, at(u+1))
				}
				if skips(u + 2) {
					b = add(b, at(u+2))
				}
			}
			beta[t][u] = b
			grad[t*classes+class(u)] -= math.Exp(alpha[t][u] + b - total)
		}
	}
	return -total, grad
}
