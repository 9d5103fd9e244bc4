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

type T = tensor.Tensor

var (
	rnd     = gradcheck.Random
	noInts  = tensor.Ints{}
	lengths = tensor.NewInts([]int32{3, 1, 4})
)

// small scales an input down, so that gates stay where they are curved.
func small(in gradcheck.Input) gradcheck.Input {
	for i := range in.Data {
		in.Data[i] *= 0.5
	}
	return in
}

const (
	seqTime, seqBatch, seqIn, seqHidden = 4, 3, 2, 3
)

// recurrentInputs are x, weights, biases and initial states for g gates.
func recurrentInputs(g int) []gradcheck.Input {
	gh := g * seqHidden
	return []gradcheck.Input{rnd(1, seqTime, seqBatch, seqIn), small(rnd(2, gh, seqIn)), small(rnd(3, gh, seqHidden)),
		small(rnd(4, gh)), small(rnd(5, gh)), small(rnd(6, seqBatch, seqHidden)), small(rnd(7, seqBatch, seqHidden))}
}

// all weighs several tensors and adds them up.
func all(t *tensor.Tape, xs ...T) T {
	sum := t.Scalar(0)
	for k, x := range xs {
		w := make([]float32, x.Size())
		for i := range w {
			w[i] = float32(math.Cos(float64(7*k + 3*i + 1)))
		}
		sum = sum.Add(x.Mul(t.Input(w, x.Dims()...)).Sum())
	}
	return sum
}

func recurrentOf(x []T) tensor.Recurrent {
	return tensor.Recurrent{WeightIH: x[1], WeightHH: x[2], BiasIH: x[3], BiasHH: x[4], H0: x[5]}
}

func TestSequenceGradients(t *testing.T) {
	type variant struct {
		lengths tensor.Ints
		reverse bool
	}
	check := func(name string, f gradcheck.Func, in ...gradcheck.Input) {
		t.Run(name, func(t *testing.T) {
			if err := gradcheck.Check(f, in...); err != nil {
				t.Error(err)
			}
		})
	}
	for name, v := range map[string]variant{"": {}, " reverse": {reverse: true}, " lengths": {lengths: lengths}, " lengths reverse": {lengths, true}} {
		with := func(x []T) tensor.Recurrent {
			r := recurrentOf(x)
			r.Lengths, r.Reverse = v.lengths, v.reverse
			return r
		}
		check("LSTM"+name, func(tape *tensor.Tape, x []T) T {
			r := with(x)
			r.C0 = x[6]
			y, h, c := x[0].LSTM(r)
			return all(tape, y.JoinDirections(T{}, false, v.lengths), h, c)
		}, recurrentInputs(4)...)
		check("GRU"+name, func(tape *tensor.Tape, x []T) T {
			y, h := x[0].GRU(with(x))
			return all(tape, y.JoinDirections(T{}, false, v.lengths), h)
		}, recurrentInputs(3)[:6]...)
		check("RNN"+name, func(tape *tensor.Tape, x []T) T {
			y, h := x[0].RNN(with(x), false)
			return all(tape, y.JoinDirections(T{}, false, v.lengths), h)
		}, recurrentInputs(1)[:6]...)
	}
	for name, mask := range stateMasks() {
		with := func(x []T) tensor.Recurrent {
			r := recurrentOf(x)
			r.StateMask, r.Lengths, r.Reverse = mask, lengths, true
			return r
		}
		check("LSTM, a mask "+name, func(tape *tensor.Tape, x []T) T {
			y, h, c := x[0].LSTM(with(x))
			return all(tape, y.JoinDirections(T{}, false, lengths), h, c)
		}, recurrentInputs(4)[:6]...)
		check("GRU, a mask "+name, func(tape *tensor.Tape, x []T) T {
			y, h := x[0].GRU(with(x))
			return all(tape, y.JoinDirections(T{}, false, lengths), h)
		}, recurrentInputs(3)[:6]...)
	}
	check("LSTM without bias and state, final cell only", func(_ *tensor.Tape, x []T) T {
		_, _, c := x[0].LSTM(tensor.Recurrent{WeightIH: x[1], WeightHH: x[2]})
		return c
	}, recurrentInputs(4)[:3]...)
	check("GRU without bias", func(_ *tensor.Tape, x []T) T {
		_, h := x[0].GRU(tensor.Recurrent{WeightIH: x[1], WeightHH: x[2]})
		return h
	}, recurrentInputs(3)[:3]...)
	check("TimeMajor", func(_ *tensor.Tape, x []T) T { return x[0].TimeMajor(lengths) }, rnd(1, 3, 4, 2))
	for _, first := range []bool{false, true} {
		check(fmt.Sprint("JoinDirections ", first), func(_ *tensor.Tape, x []T) T {
			return x[0].JoinDirections(x[1], first, lengths).Add(x[0].JoinDirections(x[0], first, noInts))
		}, rnd(1, 4, 3, 2), rnd(2, 4, 3, 2))
	}

	padding := tensor.NewInts([]int32{0, 0, 1, 0, 0, 0, 0, 0, 1, 1}, 2, 5)
	for name, a := range map[string]tensor.Attend{
		"": {Heads: 2}, " causal": {Heads: 2, Causal: true}, " padding": {Heads: 1, Padding: padding},
		" both and dropout": {Heads: 2, Causal: true, Padding: padding, Dropout: 0.3},
	} {
		check("Attention"+name, func(_ *tensor.Tape, x []T) T { y, _ := x[0].Attention(x[1], x[2], a); return y },
			rnd(1, 2, 3, 4), rnd(2, 2, 5, 4), rnd(3, 2, 5, 4))
		check("SelfAttention"+name, func(_ *tensor.Tape, x []T) T { y, _ := x[0].SelfAttention(a); return y }, rnd(1, 2, 5, 12))
		check("SelfAttentionLayer"+name, func(tape *tensor.Tape, x []T) T {
			y, _ := x[0].SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: x[1], InBias: x[2], OutWeight: x[3], OutBias: x[4], Add: x[0], Attend: a})
			return y.Add(x[0])
		}, rnd(1, 2, 5, 3), small(rnd(2, 12, 3)), rnd(3, 12), rnd(4, 3, 4), rnd(5, 3))
		check("CrossAttention"+name, func(_ *tensor.Tape, x []T) T { y, _ := x[0].CrossAttention(x[1], a); return y.Add(x[0]) },
			rnd(1, 2, 3, 4), rnd(2, 2, 5, 8))
		check("Attention of one tensor"+name, func(_ *tensor.Tape, x []T) T { y, _ := x[0].Attention(x[0], x[0], a); return y.Add(x[0]) }, rnd(1, 2, 5, 4))
	}

	grouped := tensor.Attend{Heads: 4, KVHeads: 2, Causal: true}
	biased := func(bias, relative T) tensor.Attend {
		a := grouped
		a.Bias, a.Relative = bias, relative
		return a
	}
	check("Attention grouped, bias", func(_ *tensor.Tape, x []T) T {
		y, _ := x[0].Attention(x[1], x[2], biased(x[3], x[4]))
		return y
	}, rnd(1, 2, 3, 8), rnd(2, 2, 5, 4), rnd(3, 2, 5, 4), rnd(4, 4, 3, 5), rnd(5, 1, 7))
	check("SelfAttention grouped, bias", func(_ *tensor.Tape, x []T) T {
		y, _ := x[0].SelfAttention(biased(x[1], x[2]))
		return y
	}, rnd(1, 2, 5, 16), rnd(2, 2, 1, 1, 5), rnd(3, 4, 9))
	check("CrossAttention grouped, bias", func(_ *tensor.Tape, x []T) T {
		y, _ := x[0].CrossAttention(x[1], biased(x[2], x[3]))
		return y
	}, rnd(1, 2, 3, 4), rnd(2, 2, 5, 4), rnd(3, 3, 5), rnd(4, 4, 7))
	check("SelfAttentionLayer grouped, bias", func(_ *tensor.Tape, x []T) T {
		y, _ := x[0].SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: x[1], InBias: x[2], OutWeight: x[3], Attend: biased(x[4], x[5])})
		return y
	}, rnd(1, 2, 5, 3), small(rnd(2, 16, 3)), rnd(3, 16), rnd(4, 3, 8), rnd(5, 5, 5), rnd(6, 1, 9))

	check("CTC", func(_ *tensor.Tape, x []T) T {
		return x[0].CTC(tensor.CTCTargets{Labels: tensor.NewInts([]int32{1, 1, 2, 3, 2, 9, 0, 0, 0}, 3, 3),
			LabelLengths: tensor.NewInts([]int32{3, 2, 0}), InputLengths: tensor.NewInts([]int32{6, 4, 5})})
	}, rnd(1, 3, 6, 4))
	check("Embed", func(_ *tensor.Tape, x []T) T {
		return x[0].Embed(tensor.NewInts([]int32{2, 0, 2, 1}, 2, 2), -1)
	}, rnd(1, 3, 2))
	check("LinearGELU", func(_ *tensor.Tape, x []T) T { return x[0].LinearGELU(x[1], x[2]) }, rnd(1, 3, 5), rnd(2, 4, 5), rnd(3, 4))
	for _, gelu := range []bool{false, true} {
		check(fmt.Sprint("FeedForward ", gelu), func(_ *tensor.Tape, x []T) T {
			return x[0].FeedForward(tensor.FeedForward{Weight1: x[1], Bias1: x[2], Weight2: x[3], Bias2: x[4], Add: x[0], GELU: gelu})
		}, rnd(1, 2, 3, 5), rnd(2, 4, 5), rnd(3, 4).AwayFrom(8, 0), rnd(4, 5, 4), rnd(5, 5))
	}
	check("LinearAdd", func(_ *tensor.Tape, x []T) T { return x[0].LinearAdd(x[1], x[2], x[3]).Add(x[3]) },
		rnd(1, 3, 5), rnd(2, 4, 5), rnd(3, 4), rnd(4, 3, 4))
	check("LinearRows", func(tape *tensor.Tape, x []T) T {
		return all(tape, x[0].LinearRows(x[1], x[2], 0, 3), x[0].LinearRows(x[1], x[2], 2, 4))
	}, rnd(1, 3, 5), rnd(2, 4, 5), rnd(3, 4))
}

// stateMasks are masks of the states as recurrent dropout has them.
func stateMasks() map[string][]float32 {
	mask := func(steps int) []float32 {
		m := rnd(9, steps, seqBatch, seqHidden).Data
		for i, v := range m {
			if m[i] = 2; v < 0 {
				m[i] = 0
			}
		}
		return m
	}
	return map[string][]float32{"a sequence": mask(1), "a step": mask(seqTime)}
}

// opStep takes one step out of [time, ...].
var opStep = tensor.NewOp("Step", func(b tensor.Back) {
	k := int(b.Saved(0)[0])
	n := len(b.DY())
	for i, d := range b.DY() {
		b.DX(0)[k*n+i] += d
	}
})

func at(x T, k int) T {
	d := x.Dims()
	n := x.Size() / d[0]
	y := x.Tape().Scratch(n)
	copy(y, x.Data()[k*n:])
	s := x.Tape().Scratch(1)
	s[0] = float32(k)
	return opStep.Apply(y, d[1:], []T{x}, s)
}

// The fused operations against the same written with primitives.
func TestRecurrentEqualsItsParts(t *testing.T) {
	gate := func(x, h T, r tensor.Recurrent, k int) (T, T) {
		n := h.Dim(-1)
		if r.StateMask != nil { // that of the step, in H0
			h = h.Mul(r.H0)
		}
		return x.LinearRows(r.WeightIH, r.BiasIH, k*n, (k+1)*n), h.LinearRows(r.WeightHH, r.BiasHH, k*n, (k+1)*n)
	}
	lstm := func(r tensor.Recurrent, x, h, c T) (T, T) {
		var g [4]T
		for k := range g {
			a, b := gate(x, h, r, k)
			g[k] = a.Add(b)
		}
		c = g[1].Sigmoid().Mul(c).Add(g[0].Sigmoid().Mul(g[2].Tanh()))
		return g[3].Sigmoid().Mul(c.Tanh()), c
	}
	gru := func(r tensor.Recurrent, x, h, _ T) (T, T) {
		rx, rh := gate(x, h, r, 0)
		zx, zh := gate(x, h, r, 1)
		nx, nh := gate(x, h, r, 2)
		z := zx.Add(zh).Sigmoid()
		n := nx.Add(rx.Add(rh).Sigmoid().Mul(nh)).Tanh()
		return n.Add(z.Mul(h.Sub(n))), T{}
	}
	relu := func(r tensor.Recurrent, x, h, _ T) (T, T) {
		a, b := gate(x, h, r, 0)
		return a.Add(b).ReLU(), T{}
	}
	type kind struct {
		name  string
		gates int
		step  func(r tensor.Recurrent, x, h, c T) (T, T)
		fused func(r tensor.Recurrent, x T) []T
	}
	masks := stateMasks()
	masks["none"] = nil
	for how, mask := range masks {
		for _, c := range []kind{
			{"LSTM", 4, lstm, func(r tensor.Recurrent, x T) []T { y, h, c := x.LSTM(r); return []T{y, h, c} }},
			{"GRU", 3, gru, func(r tensor.Recurrent, x T) []T { y, h := x.GRU(r); return []T{y, h} }},
			{"RNN", 1, relu, func(r tensor.Recurrent, x T) []T { y, h := x.RNN(r, true); return []T{y, h} }},
		} {
			in := recurrentInputs(c.gates)
			var want [][]float32
			for _, fused := range []bool{false, true} {
				tape := tensor.NewTape(1)
				var x []T
				for _, i := range in {
					x = append(x, tape.Variable(i.Data, i.Dims...))
				}
				r := recurrentOf(x)
				if c.gates == 4 {
					r.C0 = x[6]
				}
				r.StateMask = mask
				var loss T
				if fused {
					out := c.fused(r, x[0])
					loss = all(tape, out[1:]...)
					for k := range seqTime {
						loss = loss.Add(all(tape, at(out[0], k)))
					}
				} else {
					h, cell := x[5], x[6]
					var hs []T
					masked := r
					for k := range seqTime {
						if n := seqBatch * seqHidden; mask != nil {
							first := k * n % len(mask)
							masked.H0 = tape.Input(mask[first:first+n], seqBatch, seqHidden)
						}
						h, cell = c.step(masked, at(x[0], k), h, cell)
						hs = append(hs, h)
					}
					loss = all(tape, h)
					if c.gates == 4 {
						loss = all(tape, h, cell)
					}
					for _, h := range hs {
						loss = loss.Add(all(tape, h))
					}
				}
				got := [][]float32{loss.Data()}
				g := loss.Backward()
				for _, v := range x {
					got = append(got, g.Wrt(v))
				}
				if want == nil {
					want = got
					continue
				}
				for i := range got {
					if d := maxDiff(got[i], want[i]); d > 2e-6 {
						t.Errorf("%s, mask %s: result %d differs by %g from the composition's", c.name, how, i, d)
					}
				}
			}
		}
	}
}

func maxDiff(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	d := 0.0
	for i := range a {
		if v := math.Abs(float64(a[i]) - float64(b[i])); v > d || v != v {
			d = v
		}
	}
	return d
}

// Enough rows for several blocks and chunks, the last of them short.
func TestFeedForwardEqualsItsParts(t *testing.T) {
	in := []gradcheck.Input{rnd(1, 333, 7), rnd(2, 900, 7), rnd(3, 900), small(rnd(4, 5, 900)), rnd(5, 5), rnd(6, 333, 5)}
	for _, gelu := range []bool{false, true} {
		var want [][]float32
		for _, fused := range []bool{false, true} {
			tape := tensor.NewTape(1)
			var x []T
			for _, i := range in {
				x = append(x, tape.Variable(i.Data, i.Dims...))
			}
			var y T
			switch {
			case fused:
				y = x[0].FeedForward(tensor.FeedForward{Weight1: x[1], Bias1: x[2], Weight2: x[3], Bias2: x[4], Add: x[5], GELU: gelu})
			case gelu:
				y = x[0].Linear(x[1], x[2]).GELU().Linear(x[3], x[4]).Add(x[5])
			default:
				y = x[0].Linear(x[1], x[2]).ReLU().Linear(x[3], x[4]).Add(x[5])
			}
			g := all(tape, y).Backward()
			got := [][]float32{y.Data()}
			for _, v := range x {
				got = append(got, g.Wrt(v))
			}
			if !fused {
				want = got
				continue
			}
			for i := range got {
				scale := 1.0
				for _, v := range want[i] {
					scale = max(scale, math.Abs(float64(v)))
				}
				if d := maxDiff(got[i], want[i]) / scale; d > 2e-6 {
					t.Errorf("GELU %v: result %d differs by %g from the composition's", gelu, i, d)
				}
			}
		}
	}
	tape := tensor.NewTape(1)
	w := tape.Variable(in[1].Data, 900, 7)
	y := tape.Input(nil, 0, 7).FeedForward(tensor.FeedForward{Weight1: w, Weight2: tape.Input(in[3].Data, 5, 900)})
	for _, v := range y.Sum().Backward().Wrt(w) {
		if v != 0 {
			t.Fatal("a gradient from no rows")
		}
	}
}

// attendByParts is attention with one head from primitives; bias is added to
// the scores.
func attendByParts(q, k, v, bias T) T {
	s := q.MatMulT(k).Scale(float32(1 / math.Sqrt(float64(q.Dim(-1))))).Add(bias).Exp()
	ones := q.Tape().Full(1, s.Dim(0), s.Dim(2), 1)
	return s.Div(s.MatMul(ones)).MatMul(v)
}

func TestAttentionEqualsItsParts(t *testing.T) {
	in := []gradcheck.Input{rnd(1, 2, 3, 4), rnd(2, 2, 5, 4), rnd(3, 2, 5, 4)}
	padding := tensor.NewInts([]int32{0, 0, 1, 0, 0, 1, 0, 0, 0, 0}, 2, 5)
	bias := make([]float32, 2*3*5)
	for b := range 2 {
		for i := range 3 {
			for j := range 5 {
				if j > i+2 || padding.Data[b*5+j] != 0 {
					bias[(b*3+i)*5+j] = float32(math.Inf(-1))
				}
			}
		}
	}
	var want [][]float32
	for _, fused := range []bool{false, true} {
		tape := tensor.NewTape(1)
		var x [3]T
		for k, i := range in {
			x[k] = tape.Variable(i.Data, i.Dims...)
		}
		var y T
		if fused {
			var w T
			y, w = x[0].Attention(x[1], x[2], tensor.Attend{Heads: 1, Causal: true, Padding: padding})
			for i, v := range w.Data() {
				if (bias[i] < 0) != (v == 0) {
					t.Errorf("weight %d is %v", i, v)
				}
			}
		} else {
			y = attendByParts(x[0], x[1], x[2], tape.Input(bias, 2, 3, 5))
		}
		g := all(tape, y).Backward()
		got := [][]float32{y.Data(), g.Wrt(x[0]), g.Wrt(x[1]), g.Wrt(x[2])}
		if want == nil {
			want = got
			continue
		}
		for i := range got {
			if d := maxDiff(got[i], want[i]); d > 2e-6 {
				t.Errorf("result %d differs by %g from the composition's", i, d)
			}
		}
	}
}

// Enough sequences for several groups and chunks, the last of them short.
func TestSelfAttentionLayerEqualsItsParts(t *testing.T) {
	const batch, time, in, d = 205, 7, 6, 32
	ins := []gradcheck.Input{rnd(1, batch, time, in), small(rnd(2, 3*d, in)), rnd(3, 3*d), small(rnd(4, in, d)), rnd(5, in), rnd(6, batch, time, in)}
	padding := make([]int32, batch*time)
	for i := range padding {
		if i%5 == 3 {
			padding[i] = 1
		}
	}
	for _, attend := range []tensor.Attend{{Heads: 4}, {Heads: 2, Causal: true, Padding: tensor.NewInts(padding, batch, time)}, {Heads: 1, Dropout: 0.2}} {
		var want [][]float32
		for _, fused := range []bool{false, true} {
			tape := tensor.NewTape(1)
			var x []T
			for _, i := range ins {
				x = append(x, tape.Variable(i.Data, i.Dims...))
			}
			var y, w T
			if fused {
				y, w = x[0].SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: x[1], InBias: x[2], OutWeight: x[3], OutBias: x[4], Add: x[5], Attend: attend})
			} else {
				y, w = x[0].Linear(x[1], x[2]).SelfAttention(attend)
				y = y.LinearAdd(x[3], x[4], x[5])
			}
			g := all(tape, y).Backward()
			got := [][]float32{y.Data(), w.Data()}
			for _, v := range x {
				got = append(got, g.Wrt(v))
			}
			if !fused {
				want = got
				continue
			}
			for i := range got {
				scale := 1.0
				for _, v := range want[i] {
					scale = max(scale, math.Abs(float64(v)))
				}
				if d := maxDiff(got[i], want[i]) / scale; d > 2e-6 {
					t.Errorf("%+v: result %d differs by %g from the composition's", attend, i, d)
				}
			}
		}
	}
}

func TestAttentionWithNothingToSee(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Variable(rnd(1, 1, 2, 6).Data, 1, 2, 6)
	y, w := x.SelfAttention(tensor.Attend{Heads: 2, Padding: tensor.NewInts([]int32{1, 1}, 1, 2)})
	for _, v := range slices.Concat(y.Data(), w.Data(), y.Sum().Backward().Wrt(x)) {
		if v != 0 {
			t.Fatalf("%v where no key may be seen, want 0", v)
		}
	}
}

// What lies beyond a sequence's end, even NaN, must not matter.
func TestPaddingDoesNotMatter(t *testing.T) {
	run := func(pad float32) [][]float32 {
		tape := tensor.NewTape(1)
		in := recurrentInputs(4)
		var x []T
		for k, i := range in {
			d := slices.Clone(i.Data)
			if k == 0 {
				for b, l := range lengths.Data {
					for j := int(l) * seqIn; j < seqTime*seqIn; j++ {
						d[b*seqTime*seqIn+j] = pad
					}
				}
				i.Dims = []int{seqBatch, seqTime, seqIn}
			}
			x = append(x, tape.Variable(d, i.Dims...))
		}
		r := recurrentOf(x)
		r.C0, r.Lengths = x[6], lengths
		xt := x[0].TimeMajor(lengths)
		y, h, c := xt.LSTM(r)
		r.Reverse = true
		y2, h2, _ := xt.LSTM(r)
		out := y.JoinDirections(y2, true, lengths)
		g := all(tape, out, h, c, h2).Backward()
		got := [][]float32{out.Data(), h.Data(), c.Data(), h2.Data()}
		for _, v := range x {
			got = append(got, g.Wrt(v))
		}
		return got
	}
	want, got := run(0), run(float32(math.NaN()))
	for i := range want {
		if !slices.Equal(want[i], got[i]) {
			t.Errorf("result %d depends on the padding", i)
		}
	}
}

// Without a record the cells are kept for one step only; the numbers are the
// same.
func TestRecurrentWithoutRecord(t *testing.T) {
	for _, reverse := range []bool{false, true} {
		var want [][]float32
		for _, record := range []bool{true, false} {
			tape := tensor.NewTape(1)
			tape.SetRecordGrad(record)
			var x []T
			for _, i := range recurrentInputs(4) {
				x = append(x, tape.Variable(i.Data, i.Dims...))
			}
			r := recurrentOf(x)
			r.C0, r.Lengths, r.Reverse = x[6], lengths, reverse
			y, h, c := x[0].LSTM(r)
			got := [][]float32{y.Data(), h.Data(), c.Data()}
			if record {
				want = got
			}
			for i := range got {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("reverse %v: result %d differs without a record", reverse, i)
				}
			}
		}
	}
}

func TestCTCSpecialCases(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Variable(rnd(1, 2, 2, 3).Data, 2, 2, 3)
	for _, zero := range []bool{false, true} {
		// 1 1 needs three steps, a blank in between; row 1 is possible.
		loss := x.CTC(tensor.CTCTargets{Labels: tensor.NewInts([]int32{1, 1, 1, 2}, 2, 2), ZeroInfinity: zero})
		l := loss.Data()
		if inf := math.IsInf(float64(l[0]), 1); inf == zero || (zero && l[0] != 0) || !(l[1] > 0 && l[1] < 100) {
			t.Errorf("zeroInfinity %v: losses %v", zero, l)
		}
		if zero {
			g := loss.Sum().Backward().Wrt(x)
			for _, v := range g[:6] {
				if v != 0 {
					t.Errorf("gradient %v of an impossible row", g[:6])
					break
				}
			}
		}
	}
	empty := x.CTC(tensor.CTCTargets{Labels: tensor.NewInts(nil, 2, 0), InputLengths: tensor.NewInts([]int32{2, 0})})
	p := func(i int) float64 { // log p(blank) of row 0
		d := x.Data()[3*i:]
		return float64(d[0]) - math.Log(math.Exp(float64(d[0]))+math.Exp(float64(d[1]))+math.Exp(float64(d[2])))
	}
	if l := empty.Data(); math.Abs(float64(l[0])+p(0)+p(1)) > 1e-5 || l[1] != 0 {
		t.Errorf("losses of empty labels: %v, want %v and 0", l, -p(0)-p(1))
	}
}

func TestSequenceShapeErrors(t *testing.T) {
	tape := tensor.NewTape(1)
	in := func(dims ...int) T { return tape.Full(0, dims...) }
	w := tensor.Recurrent{WeightIH: in(8, 3), WeightHH: in(8, 2)}
	x := in(4, 5, 3)
	for _, c := range []struct {
		want string
		f    func()
	}{
		{"LSTM of [4 3]: the input must be [time, batch, in]", func() { in(4, 3).LSTM(w) }},
		{"WeightHH must be [3·hidden, hidden]", func() { x.GRU(w) }},
		{"WeightIH must have shape [8 2]", func() { in(4, 5, 2).LSTM(w) }},
		{"H0 must have shape [5 2]", func() { w := w; w.H0 = in(4, 2); x.LSTM(w) }},
		{"StateMask must have 5·2 = 10 numbers", func() { w := w; w.StateMask = make([]float32, 5); x.LSTM(w) }},
		{"4 lengths for a batch of 5", func() { w := w; w.Lengths = tensor.NewInts(make([]int32, 4)); x.LSTM(w) }},
		{"length 5 of sequence 1", func() { w := w; w.Lengths = tensor.NewInts([]int32{0, 5, 0, 0, 0}); x.LSTM(w) }},
		{"keys and values [batch, Tk, d]", func() { x.Attention(x, in(4, 4, 3), tensor.Attend{Heads: 1}) }},
		{"there are no keys to attend to", func() { x.Attention(in(4, 0, 3), in(4, 0, 3), tensor.Attend{Heads: 1}) }},
		{"there are no keys to attend to", func() { x.CrossAttention(in(4, 0, 6), tensor.Attend{Heads: 1}) }},
		{"2 heads cannot share a width of 3", func() { x.Attention(x, x, tensor.Attend{Heads: 2}) }},
		{"[batch, T, 3·d]", func() { in(4, 5, 4).SelfAttention(tensor.Attend{Heads: 1}) }},
		{"[batch, Tk, 2·d]", func() { x.CrossAttention(x, tensor.Attend{Heads: 1}) }},
		{"the padding mask must be [batch, keys], [4 5]", func() { x.Attention(x, x, tensor.Attend{Heads: 1, Padding: lengths}) }},
		{"4 heads of queries cannot share 3 heads of keys and values", func() { x.Attention(x, x, tensor.Attend{Heads: 4, KVHeads: 3}) }},
		{"wide each", func() { in(4, 5, 4).Attention(in(4, 5, 4), in(4, 5, 4), tensor.Attend{Heads: 4, KVHeads: 2}) }},
		{"wide each", func() { in(4, 5, 12).SelfAttention(tensor.Attend{Heads: 3, KVHeads: 1}) }},
		{"Bias must be [Tq, Tk], [heads, Tq, Tk] or [batch, heads, Tq, Tk], here [4 1 5 5]", func() { x.Attention(x, x, tensor.Attend{Heads: 1, Bias: in(4, 5, 5)}) }},
		{"Relative must be [heads, Tq+Tk−1], here [1 9]", func() { x.Attention(x, x, tensor.Attend{Heads: 1, Relative: in(1, 10)}) }},
		{"dropout 1 is outside", func() { x.Attention(x, x, tensor.Attend{Heads: 1, Dropout: 1}) }},
		{"labels [batch, S], not [3]", func() { x.CTC(tensor.CTCTargets{Labels: lengths}) }},
		{"blank 3 is outside of 0…2", func() { x.CTC(tensor.CTCTargets{Labels: tensor.NewInts(nil, 4, 0), Blank: 3}) }},
		{"label 0 at position 0 of row 2", func() { x.CTC(tensor.CTCTargets{Labels: tensor.NewInts([]int32{1, 2, 0, 1}, 4, 1)}) }},
		{"[batch, time, features]", func() { in(2, 2).TimeMajor(noInts) }},
		{"the reverse pass must have shape [4 5 3]", func() { x.JoinDirections(in(4, 5, 2), true, noInts) }},
		{"[time, batch, hidden]", func() { in(2, 2).JoinDirections(T{}, true, noInts) }},
		{"what is added must have the result's shape, [4 5 8]", func() { x.LinearAdd(w.WeightIH, T{}, x) }},
		{"[batch, T, in], [3·d, in] and [out, d]", func() {
			x.SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: w.WeightIH, OutWeight: in(3, 7), Attend: tensor.Attend{Heads: 1}})
		}},
		{"[..., in], [hidden, in] and [out, hidden]", func() { x.FeedForward(tensor.FeedForward{Weight1: w.WeightIH, Weight2: in(3, 7)}) }},
		{"no rows 6…8", func() { x.LinearRows(w.WeightIH, T{}, 6, 9) }},
	} {
		mustPanic(t, c.want, c.f)
	}
}

// A step over all of them: the same bits with any number of workers, and no
// allocation.
func TestSequenceStep(t *testing.T) {
	const batch, time, in, hidden = 150, 5, 4, 8
	x := rnd(1, batch, time, in)
	param := func(seed uint64, dims ...int) *tensor.Param {
		return tensor.ParamOf(small(rnd(seed, dims...)).Data, dims...)
	}
	var wi, wh, bi, bh [3]*tensor.Param
	gates := [3]int{4, 3, 1}
	for k, g := range gates {
		seed := uint64(10 * (k + 1))
		width := hidden
		if k == 0 {
			width = in
		}
		wi[k], wh[k] = param(seed, g*hidden, width), param(seed+1, g*hidden, hidden)
		bi[k], bh[k] = param(seed+2, g*hidden), param(seed+3, g*hidden)
	}
	qkv, out, back := param(2, 3*hidden, hidden), param(3, hidden, hidden), param(4, hidden, 3*hidden)
	lens := make([]int32, batch)
	labels := make([]int32, batch*2)
	for i := range lens {
		lens[i] = int32(i%time + 1)
		labels[2*i], labels[2*i+1] = int32(i%3+1), int32(i%4+1)
	}
	tape := tensor.NewTape(3)
	step := func() []float32 {
		tape.Reset()
		tape.Seed(3, 1)
		l := tensor.NewInts(lens)
		h := tape.Input(x.Data, x.Dims...).TimeMajor(l)
		for k, g := range gates {
			w := tensor.Recurrent{Lengths: l, Reverse: k == 1, WeightIH: tape.Use(wi[k]), WeightHH: tape.Use(wh[k]), BiasIH: tape.Use(bi[k]), BiasHH: tape.Use(bh[k])}
			switch g {
			case 4:
				h, _, _ = h.LSTM(w)
			case 3:
				h, _ = h.GRU(w)
			default:
				h, _ = h.RNN(w, false)
			}
		}
		y := h.JoinDirections(T{}, true, l)
		a, _ := y.LinearGELU(tape.Use(qkv), T{}).SelfAttention(tensor.Attend{Heads: 2, Causal: true, Dropout: 0.1})
		y = a.LinearAdd(tape.Use(out), T{}, y)
		y, _ = y.SelfAttentionLayer(tensor.SelfAttentionLayer{InWeight: tape.Use(qkv), OutWeight: tape.Use(out), Add: y, Attend: tensor.Attend{Heads: 4, Dropout: 0.1}})
		y = y.FeedForward(tensor.FeedForward{Weight1: tape.Use(qkv), Weight2: tape.Use(back), Add: y, GELU: true})
		loss := y.CTC(tensor.CTCTargets{Labels: tensor.NewInts(labels, batch, 2), InputLengths: l, ZeroInfinity: true}).Mean()
		return loss.Backward().Of(wi[0])
	}
	var want []float32
	for _, procs := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(procs)
		got := step()
		runtime.GOMAXPROCS(old)
		if want == nil {
			want = slices.Clone(got)
		}
		if !slices.Equal(got, want) {
			t.Errorf("other bits with GOMAXPROCS %d", procs)
		}
	}
	if n := testing.AllocsPerRun(20, func() { step() }); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
}
