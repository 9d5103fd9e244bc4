package optim_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// oneSample trains dense layers, large enough for their gradients to wait as
// factors, on one sample at a time. In way 1 the second weight is used twice,
// in way 2 it is an embedding, too, which is looked up before or after.
func oneSample(rule optim.Rule, way, procs int) (params, grads [][]float32) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
	rng, tape := newBagOfWords(0).rng, tensor.NewTape(1)
	const n = 160
	var ps []*tensor.Param
	for _, d := range [][]int{{n, 130}, {n}, {n, n}, {n}, {3, n}} {
		p := tensor.NewParam(d...)
		p.Name = fmt.Sprint(len(ps))
		for k := range p.Data {
			p.Data[k] = float32(rng.NormFloat64()) / 12
		}
		ps = append(ps, p)
	}
	o := optim.New(ps, rule)
	x := make([]float32, 130)
	for range 4 {
		for i := range x {
			x[i] = max(0, float32(rng.NormFloat64())) // zeros give zeros of either sign
		}
		tape.Reset()
		w := tape.Use(ps[2])
		h := tape.Input(x, 1, 130).LinearReLU(tape.Use(ps[0]), tape.Use(ps[1]))
		if way == 2 {
			h = h.Add(w.Embed(tensor.NewInts([]int32{3, 5}, 1, 2), -1).Mean(1))
		}
		h = h.Linear(w, tape.Use(ps[3])).Tanh()
		if way == 1 {
			h = h.Linear(w, tensor.Tensor{}).Tanh()
		}
		if way == 2 {
			h = h.Add(w.Embed(tensor.NewInts([]int32{3, 7}, 1, 2), -1).Mean(1))
		}
		g := h.Linear(tape.Use(ps[4]), tensor.Tensor{}).SoftmaxCrossEntropy(tensor.NewInts([]int32{1}, 1)).Mean().Backward()
		clear(x) // the caller's memory is free again
		o.Step(g)
		grads = nil
		for _, p := range ps {
			grads = append(grads, slices.Clone(g.Of(p)))
		}
	}
	for _, p := range ps {
		params = append(params, p.Data)
	}
	return params, grads
}

// What SGD makes of the factors of a gradient is what it makes of the whole.
func TestFactorsAreTheWholeUpdate(t *testing.T) {
	for name, rule := range map[string]optim.Rule{
		"SGD":     optim.SGD(0.3),
		"decay":   optim.SGD(0.3, optim.WeightDecay(0.1)),
		"clipped": optim.Chain(optim.ClipByGlobalNorm(0.1), optim.SGD(0.3)),
		"finite":  optim.SkipNonFinite(optim.SGD(0.3)),
		"Adam":    optim.Adam(0.01),
	} {
		for way := range 3 {
			want, _ := oneSample(inFull(rule), way, 1)
			for _, procs := range []int{1, 2, 5} {
				got, _ := oneSample(rule, way, procs)
				for i := range want {
					if !slices.Equal(got[i], want[i]) {
						t.Errorf("%s, way %d, %d workers: parameter %d differs from the whole update's", name, way, procs, i)
					}
				}
			}
		}
	}
	_, want := oneSample(inFull(optim.SGD(0.3)), 0, 1)
	_, got := oneSample(optim.SGD(0.3), 0, 1)
	for i := range want {
		if want[i] == nil || !slices.Equal(got[i], want[i]) {
			t.Errorf("gradient %d after the step differs", i)
		}
	}
}

// A step on one sample allocates nothing after the first.
func TestFactorsAllocateNothing(t *testing.T) {
	w, b, tape := tensor.NewParam(400, 400), tensor.NewParam(400), tensor.NewTape(1)
	o := optim.New([]*tensor.Param{w, b}, optim.SGD(0.1))
	x := make([]float32, 400)
	for i := range x {
		x[i] = float32(i) / 400
	}
	step := func() {
		tape.Reset()
		in := tape.Input(x, 1, 400)
		o.Step(in.Linear(tape.Use(w), tape.Use(b)).Sub(in).Square().Mean().Backward())
	}
	step()
	step()
	if n := testing.AllocsPerRun(20, step); n != 0 {
		t.Errorf("%g allocations a step", n)
	}
}
