package tensor_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/gradcheck"
	"descent/mlkit/tensor"
)

// attendSlowly is attention from primitives, all scores at once; drop, unless
// nil, is what dropout multiplies the weights with, [batch, heads, tq, tk].
func attendSlowly(q, k, v T, a tensor.Attend, drop []float32) T {
	t, batch, tq, tk, d := q.Tape(), q.Dim(0), q.Dim(1), k.Dim(1), q.Dim(2)
	split := func(x T) T {
		dh := d / a.Heads
		kv := x.Dim(2) / dh
		return x.Reshape(batch, x.Dim(1), kv, 1, dh).Expand(-1, -1, -1, a.Heads/kv, -1).Reshape(batch, x.Dim(1), a.Heads, dh).Permute(0, 2, 1, 3)
	}
	bias := make([]float32, batch*tq*tk)
	for i := range bias {
		if b, r, c := i/tk/tq, i/tk%tq, i%tk; a.Causal && c > r+tk-tq || len(a.Padding.Data) > 0 && a.Padding.Data[b*tk+c] != 0 {
			bias[i] = float32(math.Inf(-1))
		}
	}
	scores := split(q).MatMulT(split(k)).Scale(float32(1 / math.Sqrt(float64(d/a.Heads)))).Add(t.Input(bias, batch, 1, tq, tk))
	if a.Bias.Valid() {
		scores = scores.Add(a.Bias)
	}
	if a.Relative.Valid() {
		places := make([]int32, 0, tq*tk)
		for i := range tq {
			for j := range tk {
				places = append(places, int32(j-i+tq-1))
			}
		}
		scores = scores.Add(a.Relative.IndexSelect(1, tensor.NewInts(places)).Reshape(-1, tq, tk))
	}
	p := scores.Softmax(-1)
	if drop != nil {
		p = p.Mul(t.Input(drop, batch, a.Heads, tq, tk))
	}
	return p.MatMul(split(v)).Permute(0, 2, 1, 3).Reshape(batch, tq, d)
}

// Several blocks of queries, several groups of blocks, weights kept and
// computed again, all equal to the composition.
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

// Biases of every shape, relative ones and shared heads, alone and together,
// give what their composition does: values and all gradients, at any number of
// workers.
func TestAttentionWithBiasEqualsItsParts(t *testing.T) {
	for _, c := range []struct {
		batch, tq, tk, heads, kv, dh int
		bias                         []int
		relative                     int
		causal, padding              bool
		dropout                      float32
	}{
		{batch: 2, tq: 5, tk: 7, heads: 4, kv: 4, dh: 3, bias: []int{5, 7}},
		{batch: 2, tq: 40, tk: 50, heads: 4, kv: 2, dh: 3, bias: []int{4, 40, 50}, causal: true},
		{batch: 2, tq: 70, tk: 70, heads: 2, kv: 1, dh: 5, bias: []int{2, 2, 70, 70}, padding: true},
		{batch: 3, tq: 33, tk: 65, heads: 2, kv: 2, dh: 40, bias: []int{3, 1, 1, 65}, causal: true},
		{batch: 2, tq: 100, tk: 100, heads: 4, kv: 1, dh: 4, relative: 4, causal: true},
		{batch: 2, tq: 9, tk: 100, heads: 4, kv: 2, dh: 4, relative: 1, bias: []int{1, 9, 100}},
		{batch: 1, tq: 300, tk: 300, heads: 2, kv: 2, dh: 8, relative: 2, bias: []int{300, 300}},
		{batch: 1, tq: 1, tk: 1, heads: 2, kv: 1, dh: 1, relative: 2, bias: []int{1, 1}},
		{batch: 2, tq: 30, tk: 40, heads: 2, kv: 1, dh: 4, relative: 2, bias: []int{2, 30, 40}, dropout: 0.3, causal: true},
		{batch: 2, tq: 1, tk: 60, heads: 6, kv: 2, dh: 4, relative: 6},
	} {
		d, dkv := c.heads*c.dh, c.kv*c.dh
		ins := []gradcheck.Input{rnd(1, c.batch, c.tq, d), rnd(2, c.batch, c.tk, dkv), rnd(3, c.batch, c.tk, dkv)}
		if c.bias != nil {
			ins = append(ins, rnd(4, c.bias...))
		}
		if c.relative > 0 {
			ins = append(ins, rnd(5, c.relative, c.tq+c.tk-1))
		}
		at := tensor.Attend{Heads: c.heads, KVHeads: c.kv, Causal: c.causal, Dropout: c.dropout}
		if c.padding {
			p := make([]int32, c.batch*c.tk)
			p[3], p[c.tk+1] = 1, 1
			at.Padding = tensor.NewInts(p, c.batch, c.tk)
		}
		var drop []float32
		if c.dropout > 0 {
			drop = droppedWeights(c.batch, c.heads, c.tq, c.tk, c.dropout)
		}
		with := func(x []T) tensor.Attend {
			at, rest := at, x[3:]
			if c.bias != nil {
				at.Bias, rest = rest[0], rest[1:]
			}
			if c.relative > 0 {
				at.Relative = rest[0]
			}
			return at
		}
		likeParts(t, fmt.Sprintf("%+v", c), 5, ins, maxDiff, 2e-5, func(x []T) T {
			y, _ := x[0].Attention(x[1], x[2], with(x))
			return y
		}, func(x []T) T { return attendSlowly(x[0], x[1], x[2], with(x), drop) })
	}
}

// A layer with small weights goes by groups of sequences, unless heads share
// keys or the bias learns: then the result must be the same.
func TestSelfAttentionLayerWithBias(t *testing.T) {
	const batch, time, heads, dh, in = 40, 9, 4, 3, 5
	for _, kv := range []int{4, 2, 1} {
		d, wide := heads*dh, (heads+2*kv)*dh
		ins := []gradcheck.Input{rnd(1, batch, time, in), small(rnd(2, wide, in)), rnd(3, wide), small(rnd(4, in, d)), rnd(5, in), rnd(6, heads, time, time), rnd(7, heads, 2*time-1)}
		for _, learned := range []bool{true, false} {
			var want [][]float32
			for _, fused := range []bool{false, true} {
				tape := tensor.NewTape(1)
				var x []T
				for i, v := range ins {
					if i >= 5 && !learned {
						x = append(x, tape.Input(v.Data, v.Dims...))
					} else {
						x = append(x, tape.Variable(v.Data, v.Dims...))
					}
				}
				a := tensor.Attend{Heads: heads, KVHeads: kv, Causal: true, Bias: x[5], Relative: x[6]}
				var y T
				if fused {
					y, _ = x[0].SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: x[1], InBias: x[2], OutWeight: x[3], OutBias: x[4], Add: x[0], Attend: a})
				} else {
					y = x[0].Linear(x[1], x[2])
					y = attendSlowly(y.Slice(2, 0, d), y.Slice(2, d, d+kv*dh), y.Slice(2, d+kv*dh, wide), a, nil).LinearAdd(x[3], x[4], x[0])
				}
				g := all(tape, y).Backward()
				got := [][]float32{y.Data()}
				for i, v := range x {
					if i < 5 || learned {
						got = append(got, g.Wrt(v))
					}
				}
				for i := range want {
					if d := maxDiff(got[i], want[i]); !(d < 2e-4) {
						t.Errorf("%d heads of keys, learned %v: result %d differs by %g from the composition's", kv, learned, i, d)
					}
				}
				want = got
			}
		}
	}
}

// A cache gives what one pass gives, for grouped queries and relative positions
// too.
func TestCachedAttentionWithRelativeAndGroups(t *testing.T) {
	const rows, time, heads, kv, dh = 2, 7, 4, 2, 3
	wide := (heads + 2*kv) * dh
	x, relative := rnd(1, rows, time, wide).Data, rnd(2, heads, 2*time-1).Data
	tape := tensor.NewEvalTape()
	at := tensor.Attend{Heads: heads, KVHeads: kv, Causal: true, Relative: tape.Input(relative, heads, 2*time-1)}
	all, _ := tape.Input(x, rows, time, wide).SelfAttention(at)
	cache := &tensor.KeyValues{}
	for from, n := range map[int]int{0: 3} {
		for ; from < time; from, n = from+n, 1 {
			step := tape.Input(x, rows, time, wide).Slice(1, from, from+n)
			at.Relative = tape.Input(relative, heads, 2*time-1).Slice(1, time-from-n, 2*time-1-(time-n))
			y := step.CachedSelfAttention(cache, at)
			if d := maxDiff(y.Data(), all.Slice(1, from, from+n).Data()); !(d < 1e-6) {
				t.Errorf("positions from %d on differ by %g", from, d)
			}
		}
	}
}

// A cache of 16 bits gives what one of 32 bits gives, but for its rounding,
// also where rows change places and positions are forgotten; the same at any
// number of workers.
func TestNarrowCache(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, c := range []struct{ heads, kv, dh int }{{6, 2, 20}, {2, 2, 64}, {3, 1, 5}} {
		wide := (c.heads + 2*c.kv) * c.dh
		var first [][]float32
		for _, procs := range []int{1, 3} {
			runtime.GOMAXPROCS(procs)
			full, narrow := &tensor.KeyValues{}, &tensor.KeyValues{}
			narrow.Narrow()
			tape := tensor.NewEvalTape()
			step := 0
			read := func(rows, n int) {
				x := rnd(uint64(step+1), rows, n, wide).Data
				tk := full.Len() + n
				padding := make([]int32, rows*tk)
				for i := range padding {
					if i%11 == 5 {
						padding[i] = 1
					}
				}
				at := tensor.Attend{Heads: c.heads, KVHeads: c.kv, Padding: tensor.NewInts(padding, rows, tk)}
				want := tape.Input(x, rows, n, wide).CachedSelfAttention(full, at).Data()
				got := tape.Input(x, rows, n, wide).CachedSelfAttention(narrow, at).Data()
				if d := maxDiff(got, want); !(d < 3e-3) || d == 0 {
					t.Errorf("%+v, step %d: they differ by %g", c, step, d)
				}
				if procs == 1 {
					first = append(first, got)
				} else if !slices.Equal(got, first[step]) {
					t.Errorf("%+v, step %d: other bits with %d workers", c, step, procs)
				}
				step++
			}
			for _, n := range []int{5, 1, 11, 60, 1} {
				read(2, n)
			}
			for _, cache := range []*tensor.KeyValues{full, narrow} {
				cache.Reorder([]int{1, 0, 1})
				cache.Truncate(70)
			}
			read(3, 1)
			read(3, 80)
		}
	}
	defer func() {
		if r := fmt.Sprint(recover()); !strings.Contains(r, "1 positions of 32 bits") {
			t.Error(r)
		}
	}()
	cache := &tensor.KeyValues{}
	cache.Append(tensor.NewEvalTape().Full(1, 1, 1, 4))
	cache.Narrow()
}

// What a bias hides entirely is zero, and so are all gradients there; an empty
// batch leaves the gradient of the bias at zero.
func TestAttentionBiasHidesAll(t *testing.T) {
	inf := float32(math.Inf(-1))
	tape := tensor.NewTape(1)
	x := tape.Variable(rnd(1, 1, 2, 6).Data, 1, 2, 6)
	bias := tape.Variable([]float32{inf, inf, 0, inf}, 2, 2)
	y, w := x.SelfAttention(tensor.Attend{Heads: 1, Bias: bias})
	g := y.Sum().Backward()
	if d := y.Data(); d[0] != 0 || d[1] != 0 || d[2] == 0 || !slices.Equal(w.Data(), []float32{0, 0, 1, 0}) {
		t.Errorf("%v, weights %v", d, w.Data())
	}
	for _, v := range append(slices.Clone(g.Wrt(x)), g.Wrt(bias)...) {
		if v-v != 0 {
			t.Errorf("a gradient is %v", v)
		}
	}
	tape.Reset()
	bias = tape.Variable(make([]float32, 9), 3, 3)
	y, _ = tape.Variable(nil, 0, 3, 6).SelfAttention(tensor.Attend{Heads: 1, Bias: bias})
	if g := y.Sum().Backward().Wrt(bias); !slices.Equal(g, make([]float32, 9)) {
		t.Errorf("an empty batch gives the gradient %v", g)
	}
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
		likeParts(t, fmt.Sprintf("%+v", c), 1, ins, scaledDiff, 5e-6, func(x []T) T {
			y, _ := x[0].SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: x[1], InBias: x[2], OutWeight: x[3], OutBias: x[4], Add: x[5], Attend: attend})
			return y
		}, func(x []T) T {
			y := x[0].Linear(x[1], x[2])
			return attendSlowly(y.Slice(2, 0, c.d), y.Slice(2, c.d, 2*c.d), y.Slice(2, 2*c.d, 3*c.d), attend, nil).LinearAdd(x[3], x[4], x[5])
		})
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

// What padding hides at the end is not computed: nothing of the memory's past
// shows through.
func TestAttentionPastTheLastKey(t *testing.T) {
	const tq, tk, d = 70, 90, 16
	data := make([][]float32, 4)
	for i, n := range []int{3 * tq * d, 3 * tk * d, 3 * tk * d, 3 * tq * d} {
		data[i] = make([]float32, n)
		for j := range data[i] {
			data[i][j] = float32(math.Sin(float64(j*(i+3)) + 0.1*float64(j%17)))
		}
	}
	for _, causal := range []bool{false, true} {
		for _, c := range [][2]int{{2, 2}, {2, 1}, {8, 8}, {8, 2}} { // groups of blocks, and whole heads
			heads, kv := c[0], c[1]
			tape := tensor.NewTape(1)
			width := d * kv / heads
			padding := make([]int32, 3*tk)
			ends := []int{61, 0, tk}
			for b, end := range ends {
				for j := end; j < tk; j++ {
					padding[b*tk+j] = 1
				}
			}
			var got [4][]float32
			for range 2 { // at second, the tape's memory is full of numbers
				tape.Reset()
				q, k, v := tape.Variable(data[0], 3, tq, d), tape.Variable(data[1][:3*tk*width], 3, tk, width), tape.Variable(data[2][:3*tk*width], 3, tk, width)
				y, w := q.Attention(k, v, tensor.Attend{Heads: heads, KVHeads: kv, Causal: causal, Padding: tensor.NewInts(padding, 3, tk)})
				for i, p := range w.Data() {
					if b, j := i/tk/tq/heads, i%tk; j >= ends[b] && p != 0 {
						t.Fatalf("sample %d: weight %g of hidden key %d", b, p, j)
					}
				}
				got[0], _ = y.Clone()
				g := y.BackwardFrom(data[3])
				for i, x := range []T{q, k, v} {
					got[1+i] = slices.Clone(g.Wrt(x))
				}
			}
			for j := range tk {
				padding[tk+j] = 0 // for the composition, which has NaN where nothing is seen
			}
			one := tensor.NewTape(1)
			q, k, v := one.Variable(data[0], 3, tq, d), one.Variable(data[1][:3*tk*width], 3, tk, width), one.Variable(data[2][:3*tk*width], 3, tk, width)
			y := attendSlowly(q, k, v, tensor.Attend{Heads: heads, Causal: causal, Padding: tensor.NewInts(padding, 3, tk)}, nil)
			g := y.BackwardFrom(data[3])
			for i, want := range [][]float32{y.Data(), g.Wrt(q), g.Wrt(k), g.Wrt(v)} {
				for j, x := range want {
					if j/(len(want)/3) == 1 {
						x = 0 // the sample that sees nothing
					}
					if math.Abs(float64(x-got[i][j])) > 5e-6 {
						t.Fatalf("causal %v, %d heads, %d of keys, result %d, element %d: %g, want %g", causal, heads, kv, i, j, got[i][j], x)
					}
				}
			}
		}
	}
}

// The same where queries, keys and values lie side by side, whose gradient is
// written piece by piece into memory that nobody has cleared.
func TestSelfAttentionPastTheLastKey(t *testing.T) {
	const time, d = 70, 16
	x, dy := make([]float32, 3*time*3*d), make([]float32, 3*time*d)
	for i := range x {
		x[i] = float32(math.Sin(float64(i) + 0.1*float64(i%17)))
	}
	copy(dy, x)
	padding := make([]int32, 3*time)
	for i := range padding {
		if i < time && i >= 50 || i/time == 1 {
			padding[i] = 1
		}
	}
	for _, c := range [][2]int{{2, 2}, {2, 1}, {8, 8}, {8, 2}} {
		heads, width := c[0], d*c[1]/c[0]
		at := tensor.Attend{Heads: heads, KVHeads: c[1], Padding: tensor.NewInts(padding, 3, time)}
		x := x[:3*time*(d+2*width)]
		tape := tensor.NewTape(1)
		var got, want []float32
		for range 2 {
			tape.Reset()
			in := tape.Variable(x, 3, time, d+2*width)
			y, _ := in.SelfAttention(at)
			got = slices.Clone(y.BackwardFrom(dy).Wrt(in))
			tape.Reset()
			in = tape.Variable(x, 3, time, d+2*width)
			parts := in.Split(2, d, width, width)
			y, _ = parts[0].Attention(parts[1], parts[2], at)
			want = slices.Clone(y.BackwardFrom(dy).Wrt(in))
		}
		for i, w := range want {
			if math.Abs(float64(w-got[i])) > 1e-6 {
				t.Fatalf("%d heads, %d of keys: element %d is %g, with tensors apart %g", heads, c[1], i, got[i], w)
			}
		}
	}
}
