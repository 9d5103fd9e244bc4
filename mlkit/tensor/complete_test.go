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
