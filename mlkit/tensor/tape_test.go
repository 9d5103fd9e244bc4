package tensor_test

import (
	"slices"
	"strings"
	"testing"

	"descent/mlkit/tensor"
)

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		t.Helper()
		p := recover()
		if p == nil {
			t.Fatalf("no panic, want one with %q", want)
		}
		msg, _ := p.(string)
		if e, ok := p.(error); ok {
			msg = e.Error()
		}
		if !strings.Contains(msg, want) {
			t.Errorf("panic %q, want %q in it", msg, want)
		}
	}()
	f()
}

func TestStaleTensorsPanic(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Variable([]float32{1, 2}, 2)
	g := x.Sum().Backward()
	tape.Reset()
	mustPanic(t, "before Tape.Reset", func() { x.Data() })
	mustPanic(t, "before Tape.Reset", func() { g.Of(tensor.NewParam(1)) })
	mustPanic(t, "zero Tensor", func() { tensor.Tensor{}.Sum() })
}

func TestShapeErrors(t *testing.T) {
	tape := tensor.NewTape(1)
	a := tape.Input(make([]float32, 6), 2, 3)
	w := tensor.NewParam(4, 5)
	w.Name = "fc1.weight"
	mustPanic(t, "Add of [2 3] and [2]", func() { a.Add(tape.Input(make([]float32, 2), 2)) })
	mustPanic(t, `Linear (parameter "fc1.weight") of [2 3] and [4 5]`, func() { a.Linear(tape.Use(w), tensor.Tensor{}) })
	mustPanic(t, "MatMul of [2 3] and [2 3]: the inner dimensions differ", func() { a.MatMul(a) })
	mustPanic(t, "5 elements given", func() { tape.Input(make([]float32, 5), 2, 3) })
	mustPanic(t, "exceeds", func() { a.Reshape(1<<20, 1<<20) })
	mustPanic(t, "label 3 of row 1", func() { a.SoftmaxCrossEntropy(tensor.NewInts([]int32{0, 3})) })
	mustPanic(t, "one element", func() { a.Backward() })
	long := tape.Input(make([]float32, 1<<16), 1<<16)
	mustPanic(t, "Less of [65536 65536]: ", func() { long.Unsqueeze(1).Less(long) })
	mustPanic(t, "Where of [65536 65536]: ", func() { tensor.Where(long.Unsqueeze(1), long, long) })
	mustPanic(t, "Use of []: 3 elements given", func() { tape.Use(&tensor.Param{Data: make([]float32, 3)}) })
	w.Data = w.Data[:7]
	tape.Reset()
	mustPanic(t, `Use (parameter "fc1.weight") of [4 5]: 7 elements given`, func() { tape.Use(w) })
}

// Gradients of two losses would add up in the parameters, and worse where a
// gradient is retained.
func TestSecondBackwardPanics(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Variable([]float32{1, 2}, 2)
	h := x.Scale(2).RetainGrad()
	a, b := h.Sum(), h.Square().Sum()
	tape.Scalar(1).Backward() // depends on nothing, so it computes nothing
	a.Backward()
	mustPanic(t, "a second Backward before Tape.Reset", func() { b.Backward() })
	tape.Reset()
	tape.Variable([]float32{1}, 1).Backward()
}

func TestCrossEntropyOfNoRows(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Variable(nil, 0, 3)
	if g := x.SoftmaxCrossEntropy(tensor.NewInts(nil)).Sum().Backward().Wrt(x); len(g) != 0 {
		t.Errorf("gradient %v of no elements", g)
	}
}

// A parameter used twice is one node; its gradient is the sum over the uses.
func TestTiedParameter(t *testing.T) {
	tape, p := tensor.NewTape(1), tensor.ParamOf([]float32{3}, 1)
	for range 3 { // the guess at the order of use must survive repeated steps
		tape.Reset()
		g := tape.Use(p).Mul(tape.Use(p)).Sum().Backward() // d p²/dp = 2p
		if got := g.Of(p)[0]; got != 6 {
			t.Fatalf("gradient %v, want 6", got)
		}
	}
}

func TestUseInAnotherOrder(t *testing.T) {
	tape := tensor.NewTape(1)
	ps := []*tensor.Param{tensor.ParamOf([]float32{1}, 1), tensor.ParamOf([]float32{2}, 1), tensor.ParamOf([]float32{3}, 1)}
	for _, order := range [][]int{{0, 1, 2}, {2, 0, 1}, {1}, {0, 2}, {0, 1, 2}} {
		tape.Reset()
		s := tape.Scalar(0)
		for _, k := range order {
			s = s.Add(tape.Use(ps[k]).Scale(float32(k + 1)))
		}
		g := s.Sum().Backward()
		for k, p := range ps {
			used := false
			for _, o := range order {
				used = used || o == k
			}
			got := g.Of(p)
			if used != (got != nil) || (used && got[0] != float32(k+1)) {
				t.Errorf("order %v: gradient of %d is %v", order, k, got)
			}
		}
	}
}

// A tape that outlives its models must not hold their parameters for ever.
func TestTapeForgetsParameters(t *testing.T) {
	tape := tensor.NewTape(1)
	for range 5000 {
		tape.Reset()
		p := tensor.NewParam(1)
		if g := tape.Use(p).Sum().Backward().Of(p); g == nil || g[0] != 1 {
			t.Fatalf("gradient %v, want 1", g)
		}
	}
	if n := tape.Remembered(); n > 2000 {
		t.Errorf("%d parameters are remembered, 1 is in use", n)
	}
}

func TestFrozenAndNoGrad(t *testing.T) {
	tape := tensor.NewTape(1)
	a, b := tensor.ParamOf([]float32{2}, 1), tensor.ParamOf([]float32{5}, 1)
	a.Frozen = true
	g := tape.Use(a).Mul(tape.Use(b)).Sum().Backward()
	if g.Of(a) != nil || g.Of(b)[0] != 2 {
		t.Errorf("frozen: %v %v", g.Of(a), g.Of(b))
	}
	tape.Reset()
	tape.SetRecordGrad(false)
	if tape.Use(b).Sum().NeedsGrad() {
		t.Error("a gradient is recorded though switched off")
	}
}

func TestGradSum(t *testing.T) {
	p := tensor.ParamOf([]float32{1, 2}, 2)
	sum := tensor.NewGradSum()
	for round := range 2 {
		sum.Clear()
		for k := range 2 {
			tape := tensor.NewTape(1)
			sum.Add(tape.Use(p).Scale(float32(k+1)).Sum().Backward(), 0.5)
		}
		if g := sum.Grads().Of(p); g[0] != 1.5 || g[1] != 1.5 {
			t.Errorf("round %d: %v, want 1.5 1.5", round, g)
		}
	}
}

func TestBuffersAreCommittedOnce(t *testing.T) {
	b := tensor.NewBuffer(1, 2)
	tape, p := tensor.NewTape(1), tensor.ParamOf([]float32{1}, 1)
	g := tape.Use(p).Sum().Backward()
	tape.CollectBuffer(b, []float32{2, 3}, 0.5)
	g.Commit()
	g.Commit()
	if b.Data[0] != 1.5 || b.Data[1] != 2 || b.Count != 1 {
		t.Errorf("%v after %d commits", b.Data, b.Count)
	}
}

// A dense network's step allocates nothing after the first, and a smaller or
// larger batch in between just works.
func TestStepAllocatesNothing(t *testing.T) {
	tape := tensor.NewTape(1)
	w1, b1, w2 := tensor.NewParam(16, 8), tensor.NewParam(16), tensor.NewParam(4, 16)
	for i := range w1.Data {
		w1.Data[i] = float32(i%7) - 3
	}
	x, labels := make([]float32, 64*8), make([]int32, 64)
	step := func(n int) {
		tape.Reset()
		h := tape.Input(x[:n*8], n, 8).Linear(tape.Use(w1), tape.Use(b1)).ReLU()
		loss := h.Linear(tape.Use(w2), tensor.Tensor{}).SoftmaxCrossEntropy(tensor.NewInts(labels[:n])).Mean()
		loss.Backward()
	}
	step(32)
	step(64)
	step(64)
	held := tape.Memory()
	if n := testing.AllocsPerRun(50, func() { step(64); step(3) }); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
	if tape.Memory() != held {
		t.Errorf("memory grew from %d to %d bytes", held, tape.Memory())
	}
}

// A tape that freezes parameters gives a variable the same gradient, to the
// bit, and the parameters none.
func TestFreezeParams(t *testing.T) {
	w, b := tensor.ParamOf([]float32{1, -2, 3, 0.5, 2, -1}, 2, 3), tensor.ParamOf([]float32{0.1, 0.2}, 2)
	gradient := func(freeze bool) (x []float32, g tensor.Grads) {
		tape := tensor.NewTape(1)
		tape.FreezeParams(freeze)
		in := tape.Variable([]float32{1, 2, 3}, 1, 3)
		g = in.Linear(tape.Use(w), tape.Use(b)).Tanh().Sum().Backward()
		return g.Wrt(in), g
	}
	want, g := gradient(false)
	got, frozen := gradient(true)
	if !slices.Equal(got, want) || g.Of(w) == nil || frozen.Of(w) != nil || frozen.Of(b) != nil {
		t.Errorf("gradient %v, want %v; of the weights %v, want nil", got, want, frozen.Of(w))
	}
}
