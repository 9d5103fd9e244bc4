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

// attendSlowly is attention from primitives, all scores at once; drop, unless
// nil, is what dropout multiplies the weights with, [batch, heads, tq, tk].
func attendSlowly(q, k, v T, a tensor.Attend, drop []float32) T {
	t, batch, tq, tk, d := q.Tape(), q.Dim(0), q.Dim(1), k.Dim(1), q.Dim(2)
	split := func(x T) T { return x.Reshape(batch, x.Dim(1), a.Heads, d/a.Heads).Permute(0, 2, 1, 3) }
	bias := make([]float32, batch*tq*tk)
	for i := range bias {
		if b, r, c := i/tk/tq, i/tk%tq, i%tk; a.Causal && c > r+tk-tq || len(a.Padding.Data) > 0 && a.Padding.Data[b*tk+c] != 0 {
			bias[i] = float32(math.Inf(-1))
		}
	}
	p := split(q).MatMulT(split(k)).Scale(float32(1 / math.Sqrt(float64(d/a.Heads)))).Add(t.Input(bias, batch, 1, tq, tk)).Softmax(-1)
	if drop != nil {
		p = p.Mul(t.Input(drop, batch, a.Heads, tq, tk))
	}
	return p.MatMul(split(v)).Permute(0, 2, 1, 3).Reshape(batch, tq, d)
}

// Several blocks of queries, several groups of blocks, weights kept and computed
// again, all equal to the composition.
func TestAttentionInBlocksEqualsItsParts(t *testing.T) {
	for _, c := range []struct{ batch, tq, tk, d, heads int }{
		{1, 150, 150, 8, 2},   // groups: few heads; weights computed again
		{1, 70, 70, 160, 1},   // groups; weights kept
		{3, 67, 201, 36, 6},   // a block of queries that is not full
		{2, 33, 33, 40, 2},    // kept
		{1, 3, 1100, 16, 1},   // few queries
		{1, 40, 700, 16, 1},   // smaller blocks
		{1, 1, 9, 4, 2},       // one query
		{1, 100, 130, 64, 16}, // one group
	} {
		padding := make([]int32, c.batch*c.tk)
		for i := range padding {
			if i%7 == 3 {
				padding[i] = 1
			}
		}
		for _, a := range []tensor.Attend{{Heads: c.heads}, {Heads: c.heads, Causal: true},
			{Heads: c.heads, Causal: true, Padding: tensor.NewInts(padding, c.batch, c.tk)}, {Heads: c.heads, Dropout: 0.25}, {Heads: c.heads, Causal: true, Dropout: 0.25}} {
			name := fmt.Sprintf("%+v causal %v padding %v dropout %v", c, a.Causal, len(a.Padding.Data) > 0, a.Dropout)
			var drop []float32
			if a.Dropout > 0 {
				if c.tk > 150 { // slow to find out
					continue
				}
				drop = droppedWeights(c.batch, c.heads, c.tq, c.tk, a.Dropout)
			}
			ins := []gradcheck.Input{rnd(1, c.batch, c.tq, c.d), rnd(2, c.batch, c.tk, c.d), rnd(3, c.batch, c.tk, c.d)}
			var want [][]float32
			for _, fused := range []bool{false, true} {
				tape := tensor.NewTape(5)
				var x []T
				for _, i := range ins {
					x = append(x, tape.Variable(i.Data, i.Dims...))
				}
				var y T
				if fused {
					y, _ = x[0].Attention(x[1], x[2], a)
				} else {
					y = attendSlowly(x[0], x[1], x[2], a, drop)
				}
				g := all(tape, y).Backward()
				got := [][]float32{y.Data(), g.Wrt(x[0]), g.Wrt(x[1]), g.Wrt(x[2])}
				if !fused {
					want = got
					continue
				}
				for i := range got {
					if d := maxDiff(got[i], want[i]); !(d < 1e-5) {
						t.Errorf("%s: result %d differs by %g from the composition's", name, i, d)
					}
				}
			}
		}
	}
}

// droppedWeights finds out what dropout multiplies each weight with: queries of
// zero attend to all alike, and values that are one in one key show its weight.
func droppedWeights(batch, heads, tq, tk int, p float32) []float32 {
	drop := make([]float32, batch*heads*tq*tk)
	for j := range tk {
		tape := tensor.NewTape(5)
		v := make([]float32, batch*tk*heads)
		for b := range batch {
			for h := range heads {
				v[(b*tk+j)*heads+h] = float32(tk)
			}
		}
		zeros := func(n int) T { return tape.Full(0, batch, n, heads) }
		y, _ := zeros(tq).Attention(zeros(tk), tape.Input(v, batch, tk, heads), tensor.Attend{Heads: heads, Dropout: p})
		for i, w := range y.Data() {
			b, r, h := i/heads/tq, i/heads%tq, i%heads
			drop[((b*heads+h)*tq+r)*tk+j] = float32(math.Round(float64(w*(1-p)))) / (1 - p)
		}
	}
	return drop
}

func TestGradientsOfAttentionInBlocks(t *testing.T) {
	padding := make([]int32, 40)
	padding[7], padding[39] = 1, 1
	for name, a := range map[string]tensor.Attend{"": {Heads: 2}, " causal": {Heads: 1, Causal: true}, " dropout": {Heads: 2, Causal: true, Dropout: 0.3, Padding: tensor.NewInts(padding, 1, 40)}} {
		t.Run("SelfAttention"+name, func(t *testing.T) {
			err := gradcheck.Check(func(_ *tensor.Tape, x []T) T { y, _ := x[0].SelfAttention(a); return y }, rnd(1, 1, 40, 12))
			if err != nil {
				t.Error(err)
			}
		})
	}
}

// A layer with large weights, or of few sequences, goes by whole products.
func TestSelfAttentionLayerOfLongSequences(t *testing.T) {
	for _, c := range []struct{ batch, time, in, d, heads int }{{1, 300, 20, 16, 2}, {9, 70, 160, 144, 3}, {2, 1, 6, 8, 2}} {
		ins := []gradcheck.Input{rnd(1, c.batch, c.time, c.in), small(rnd(2, 3*c.d, c.in)), rnd(3, 3*c.d), small(rnd(4, c.in, c.d)), rnd(5, c.in), rnd(6, c.batch, c.time, c.in)}
		attend := tensor.Attend{Heads: c.heads, Causal: true}
		var want [][]float32
		for _, procs := range []int{0, 1, 2, 5} { // 0: the parts
			old := runtime.GOMAXPROCS(max(procs, 1))
			tape := tensor.NewTape(1)
			var x []T
			for _, i := range ins {
				x = append(x, tape.Variable(i.Data, i.Dims...))
			}
			var y T
			if procs > 0 {
				y, _ = x[0].SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: x[1], InBias: x[2], OutWeight: x[3], OutBias: x[4], Add: x[5], Attend: attend})
			} else {
				y = x[0].Linear(x[1], x[2])
				y = attendSlowly(y.Slice(2, 0, c.d), y.Slice(2, c.d, 2*c.d), y.Slice(2, 2*c.d, 3*c.d), attend, nil).LinearAdd(x[3], x[4], x[5])
			}
			g := all(tape, y).Backward()
			runtime.GOMAXPROCS(old)
			got := [][]float32{y.Data()}
			for _, v := range x {
				got = append(got, g.Wrt(v))
			}
			for i := range got {
				scale := 1.0
				if want != nil {
					for _, v := range want[i] {
						scale = max(scale, math.Abs(float64(v)))
					}
				}
				switch {
				case procs == 1:
					if d := maxDiff(got[i], want[i]) / scale; !(d < 5e-6) {
						t.Errorf("%+v: result %d differs by %g from the composition's", c, i, d)
					}
				case procs > 1 && !slices.Equal(got[i], want[i]):
					t.Errorf("%+v: result %d: other bits with GOMAXPROCS %d", c, i, procs)
				}
			}
			want = got
		}
	}
}

// Memory grows with the length of a sequence, not with its square.
func TestAttentionKeepsNoMatrixOfScores(t *testing.T) {
	memory := func(time int) int {
		const d = 32
		tape := tensor.NewTape(1)
		x := tape.Variable(rnd(1, 1, time, 3*d).Data, 1, time, 3*d)
		y, _ := x.SelfAttention(tensor.Attend{Heads: 2, Causal: true, Dropout: 0.1})
		y.Sum().Backward()
		return tape.Memory()
	}
	if a, b := memory(1024), memory(2048); b > a*9/4 {
		t.Errorf("%d bytes for 1024 positions, %d for 2048", a, b)
	}
}

// A NaN is no reason to believe that nothing was to be seen.
func TestAttentionDoesNotHideNaN(t *testing.T) {
	tape := tensor.NewTape(1)
	in := rnd(1, 1, 3, 6)
	in.Data[0] = float32(math.NaN())
	y, _ := tape.Input(in.Data, 1, 3, 6).SelfAttention(tensor.Attend{Heads: 1, Causal: true, Padding: tensor.NewInts([]int32{0, 0, 1}, 1, 3)})
	if v := y.Data()[0]; v == v {
		t.Errorf("a query that is NaN gives %v", v)
	}
}
