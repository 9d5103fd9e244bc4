package tensor_test

import (
	"slices"
	"testing"

	"descent/mlkit/tensor"
)

// TestOnComplete: gradients come once each, the last layer's first, complete,
// and as Of returns them; a parameter used twice comes after its first use.
func TestOnComplete(t *testing.T) {
	a, b, table := tensor.ParamOf([]float32{1, 2, 3, 4}, 2, 2), tensor.ParamOf([]float32{5, 6, 7, 8}, 2, 2), tensor.ParamOf([]float32{1, 1, 2, 2}, 2, 2)
	frozen := tensor.ParamOf([]float32{1, 1, 1, 1}, 2, 2)
	frozen.Frozen = true
	tape := tensor.NewTape(1)
	var order []*tensor.Param
	got := map[*tensor.Param][]float32{}
	tape.OnComplete(func(p *tensor.Param, g []float32) {
		order = append(order, p)
		got[p] = slices.Clone(g)
	})
	x := tape.Use(table).Embed(tensor.NewInts([]int32{1, 0, 1}), -1)
	h := x.MatMul(tape.Use(a)).MatMul(tape.Use(frozen)).MatMul(tape.Use(b)).MatMul(tape.Use(a))
	g := h.Sum().Backward()
	if !slices.Equal(order, []*tensor.Param{b, a, table}) {
		t.Errorf("%d parameters in another order", len(order))
	}
	for _, p := range []*tensor.Param{a, b, table} {
		if !slices.Equal(got[p], g.Of(p)) {
			t.Errorf("complete %v, in the end %v", got[p], g.Of(p))
		}
	}
	tape.OnComplete(nil)
	tape.Reset()
	tape.Use(a).Sum().Backward()
	if len(order) != 3 {
		t.Error("called after OnComplete(nil)")
	}
}

// TestSetAndCollected: a GradSum over memory of the caller's, and statistics
// that somebody else applies.
func TestSetAndCollected(t *testing.T) {
	p, buf := tensor.ParamOf([]float32{1, 2}, 2), tensor.NewBuffer(1, 2)
	s := tensor.NewGradSum()
	own := []float32{3, 4}
	s.Set(p, own)
	if g := s.Grads().Of(p); &g[0] != &own[0] {
		t.Error("not the caller's memory")
	}
	if s.Clear(); s.Grads().Of(p) != nil {
		t.Error("set after Clear")
	}
	tape := tensor.NewTape(1)
	tape.CollectBuffer(buf, []float32{3, 5}, 0.5)
	g := tape.Use(p).Sum().Backward()
	n := 0
	g.Collected(func(b *tensor.Buffer, value []float32, momentum float32) {
		if n++; b != buf || !slices.Equal(value, []float32{3, 5}) || momentum != 0.5 {
			t.Errorf("%v %v %v", b, value, momentum)
		}
	})
	if g.Commit(); n != 1 || !slices.Equal(buf.Data, []float32{2, 3}) {
		t.Errorf("collected %d times; committed to %v", n, buf.Data)
	}
	if part := p.Segment(1, 2); part.Size() != 1 || !slices.Equal(part.Dims(), p.Dims()) || &part.Data[0] != &p.Data[1] {
		t.Errorf("segment %v", part)
	}
}

// TestGradMemory: gradients of parameters are computed in the memory that was
// given for them, and are the same; what an operation has in memory of its own
// is where Grads.Of says.
func TestGradMemory(t *testing.T) {
	w, b, table := tensor.NewParam(3, 4), tensor.NewParam(3), tensor.NewParam(5, 4)
	for i := range w.Data {
		w.Data[i] = float32(i%5) - 1.7
	}
	for i := range table.Data {
		table.Data[i] = float32(i%3) - 0.6
	}
	run := func(tape *tensor.Tape) tensor.Grads {
		tape.Reset()
		x := tape.Use(table).Embed(tensor.NewInts([]int32{1, 3, 1}), -1)
		y := x.Linear(tape.Use(w), tape.Use(b)).Tanh()
		return y.MatMul(tape.Use(w)).Square().Mean().Backward()
	}
	want := run(tensor.NewTape(1))
	memory := map[*tensor.Param][]float32{w: make([]float32, 12), b: make([]float32, 3)}
	for _, m := range memory {
		for i := range m {
			m[i] = 7 // is overwritten
		}
	}
	tape := tensor.NewTape(1)
	tape.GradMemory(func(p *tensor.Param) []float32 { return memory[p] })
	for range 2 {
		got := run(tape)
		for _, p := range []*tensor.Param{w, b, table} {
			if !slices.Equal(got.Of(p), want.Of(p)) {
				t.Errorf("gradient %v, want %v", got.Of(p), want.Of(p))
			}
		}
		if &got.Of(w)[0] != &memory[w][0] {
			t.Error("the gradient is elsewhere")
		}
	}
}
