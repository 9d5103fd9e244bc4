package tensor_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"descent/mlkit/tensor"
)

// Gradients are handed from node to node, overwritten in place and given back
// to the arena on the way. Random graphs, with operands used several times,
// views of one memory and detached branches, must have the same gradients when
// every intermediate gradient is retained (which copies it), and when a copy
// stands between any two operations (so that nothing is shared).
func TestGradientsDoNotShareMemory(t *testing.T) {
	const rows, cols = 4, 6
	w := tensor.ParamOf(fill(1, false, cols, cols), cols, cols)
	bias := tensor.ParamOf(fill(2, false, cols), cols)
	ops := []func(a, b T) T{
		func(a, b T) T { return a.Add(b) },
		func(a, b T) T { return a.Add(a) },
		func(a, b T) T { return a.Sub(b) },
		func(a, b T) T { return a.Mul(b) },
		func(a, b T) T { return a.Maximum(b) },
		func(a, b T) T { return a.AddScalar(0.5) },
		func(a, b T) T { return a.Detach().Add(b) },
		func(a, b T) T { return a.ReLU() },
		func(a, b T) T { return a.Tanh() },
		func(a, b T) T { return a.GELU() },
		func(a, b T) T { return a.Softmax(-1) },
		func(a, b T) T { return a.LogSoftmax(0) },
		func(a, b T) T { return a.Reshape(cols, rows).Transpose(0, 1) },
		func(a, b T) T { return a.Reshape(2, 2, cols).Permute(1, 0, 2).Reshape(rows, cols) },
		func(a, b T) T { return a.Flip(1).Unsqueeze(0).Squeeze(0) },
		func(a, b T) T { return tensor.Concat(0, a.Slice(0, 0, 2), b.Slice(0, 1, 3)) },
		func(a, b T) T { return tensor.Stack(0, a, b, a).Mean(0) },
		func(a, b T) T { return a.Mean(1).Unsqueeze(1).Expand(rows, cols) },
		func(a, b T) T { return a.Max(0).Add(b) },
		func(a, b T) T { return tensor.Where(a.Less(b), a, b) },
		func(a, b T) T { return a.MatMul(b.Transpose(0, 1)).MatMul(a).Scale(0.1) },
		func(a, b T) T { return a.Linear(a.Tape().Use(w), a.Tape().Use(bias)) },
		func(a, b T) T { return a.LinearReLU(a.Tape().Use(w), T{}) },
		func(a, b T) T { return a.LayerNorm(T{}, a.Tape().Use(bias), 1e-5) },
		func(a, b T) T { return a.BatchNorm(a.Tape().Use(bias), T{}, nil, nil, 0, 1e-5) },
		func(a, b T) T { return a.Dropout(0.3) },
		func(a, b T) T { return a.Reshape(1, 1, rows, cols).MaxPool2D(pool3()).Reshape(rows, cols) },
		func(a, b T) T { return a.Reshape(1, 1, rows, cols).AvgPool2D(pool3()).Reshape(rows, cols) },
		func(a, b T) T { return attend(a, a, b) },
		func(a, b T) T { return a.Rows(tensor.NewInts([]int32{1, 1, 0, 3})) },
	}
	rng := rand.New(rand.NewPCG(3, 4))
	tape := tensor.NewTape(1)
	for graph := range 300 {
		seed := rng.Uint64()
		gradients := func(between func(T) T) [][]float32 {
			rng := rand.New(rand.NewPCG(seed, 0))
			tape.Reset()
			tape.Seed(seed, 0)
			x, y := tape.Variable(fill(3, false, rows, cols), rows, cols), tape.Variable(fill(4, false, rows, cols), rows, cols)
			all := []T{x, y}
			for range 3 + rng.IntN(10) {
				a, b := all[rng.IntN(len(all))], all[len(all)-1-rng.IntN(2)]
				if between == nil {
					all = append(all, ops[rng.IntN(len(ops))](a, b))
				} else {
					all = append(all, between(ops[rng.IntN(len(ops))](between(a), between(b))))
				}
			}
			loss := all[len(all)-1].Mul(tape.Input(fill(5, false, rows, cols), rows, cols)).Sum()
			for _, v := range all[2:] {
				loss = loss.Add(v.Mean())
			}
			g := loss.Backward()
			out := [][]float32{g.Wrt(x), g.Wrt(y), g.Of(w), g.Of(bias)}
			if between != nil {
				for _, v := range all[2:] {
					out = append(out, g.Wrt(v))
				}
			}
			for k, d := range out {
				out[k] = append([]float32{}, d...)
			}
			return out
		}
		want := gradients(func(v T) T { return v.Scale(1).RetainGrad() })
		for name, between := range map[string]func(T) T{
			"directly": nil,
			"retained": T.RetainGrad,
		} {
			for k, d := range gradients(between) {
				if len(d) != len(want[k]) {
					t.Fatalf("graph %d, %s: gradient %d has %d elements, with copies %d", graph, name, k, len(d), len(want[k]))
				}
				for i, v := range d {
					if diff := math.Abs(float64(v - want[k][i])); !(diff <= 1e-4*math.Max(1, math.Abs(float64(want[k][i])))) {
						t.Fatalf("graph %d, %s: gradient %d, element %d is %v, with copies %v", graph, name, k, i, v, want[k][i])
					}
				}
			}
		}
	}
}

func pool3() tensor.Pool {
	return tensor.Pool{Kernel: [2]int{3, 3}, Stride: [2]int{1, 1}, Padding: [2]int{1, 1}}
}

// attend is attention of one sample.
func attend(q, k, v T) T {
	y, _ := q.Unsqueeze(0).Attention(k.Unsqueeze(0), v.Unsqueeze(0), tensor.Attend{Heads: 2})
	return y.Squeeze(0)
}
