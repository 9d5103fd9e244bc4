package nn_test

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// golden is one case of testdata/sequence.golden, which sequence.py beside it
// printed.
type golden struct {
	state  []string // name and dimensions
	values map[string][]float32
	dims   map[string][]int
	order  []string
}

func readGoldens(t *testing.T) map[string]*golden {
	f, err := os.Open("testdata/sequence.golden")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases := map[string]*golden{}
	var g *golden
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		kind, rest, _ := strings.Cut(lines.Text(), " ")
		switch kind {
		case "case":
			g = &golden{values: map[string][]float32{}, dims: map[string][]int{}}
			cases[rest] = g
		case "state":
			g.state = append(g.state, rest)
		default:
			head, numbers, _ := strings.Cut(rest, ":")
			words := strings.Fields(head)
			name := kind + " " + words[0]
			for _, w := range words[1:] {
				d, _ := strconv.Atoi(w)
				g.dims[name] = append(g.dims[name], d)
			}
			for _, w := range strings.Fields(numbers) {
				v, err := strconv.ParseFloat(w, 32)
				if err != nil {
					t.Fatal(err)
				}
				g.values[name] = append(g.values[name], float32(v))
			}
			g.order = append(g.order, name)
		}
	}
	return cases
}

// check runs the module as sequence.py did and compares names, results and
// gradients.
func (g *golden) check(t *testing.T, module any, run func(tape *tensor.Tape, x []T) []T) {
	t.Helper()
	state := nn.State(module)
	var names []string
	for k, s := range state {
		names = append(names, strings.TrimSpace(s.Name+" "+strings.Trim(fmt.Sprint(s.Param.Dims()), "[]")))
		for i := range s.Param.Data {
			s.Param.Data[i] = float32(0.4 * math.Sin(1.3*float64(i)+0.7*float64(k)+0.5))
		}
	}
	if !slices.Equal(names, g.state) {
		t.Fatalf("state\n%q\nPyTorch's\n%q", names, g.state)
	}
	tape := tensor.NewTape(1)
	var xs []T
	for j := 0; g.dims[fmt.Sprint("input ", j)] != nil; j++ {
		x := make([]float32, len(g.values[fmt.Sprint("input ", j)]))
		for i := range x {
			x[i] = float32(math.Sin(0.9*float64(i) + 2*float64(j)))
		}
		xs = append(xs, tape.Variable(x, g.dims[fmt.Sprint("input ", j)]...))
	}
	loss := tape.Scalar(0)
	got := map[string][]float32{}
	for j, y := range run(tape, xs) {
		w := make([]float32, y.Size())
		for i := range w {
			w[i] = float32(math.Cos(7*float64(j) + 3*float64(i) + 1))
		}
		name := fmt.Sprint("out ", j)
		if !slices.Equal(y.Dims(), g.dims[name]) {
			t.Errorf("%s has shape %v, PyTorch's %v", name, y.Dims(), g.dims[name])
		}
		got[name] = y.Data()
		loss = loss.Add(y.Mul(tape.Input(w, y.Dims()...)).Sum())
	}
	grads := loss.Backward()
	for j, x := range xs {
		got[fmt.Sprint("input ", j)] = grads.Wrt(x)
	}
	for _, s := range state {
		got["grad "+s.Name] = grads.Of(s.Param)
	}
	// Float32 on both sides, in another order: the largest deviation seen is
	// 2e-6.
	const tolerance = 1e-5
	for _, name := range g.order {
		a, b := got[name], g.values[name]
		if len(a) != len(b) {
			t.Errorf("%s has %d elements, PyTorch's %d", name, len(a), len(b))
			continue
		}
		for i := range a {
			if d := math.Abs(float64(a[i] - b[i])); !(d <= tolerance*max(1, math.Abs(float64(b[i])))) {
				t.Errorf("%s, element %d: %v, PyTorch says %v", name, i, a[i], b[i])
				break
			}
		}
	}
}

func TestSequenceLayersLikePyTorch(t *testing.T) {
	goldens := readGoldens(t)
	rng := nn.NewRand(1)
	lengths := tensor.NewInts([]int32{3, 1, 4})
	padding := tensor.NewInts([]int32{0, 0, 1, 0, 0, 0, 0, 0, 0, 1}, 2, 5)
	small := nn.Recurrent{In: 2, Hidden: 3}
	deep := nn.Recurrent{In: 2, Hidden: 3, Layers: 2, Bidirectional: true}
	reluRNN := nn.Recurrent{In: 2, Hidden: 3, NoBias: true, ReLU: true}
	lstm, gru, rnn, relu, plain := nn.NewLSTM(rng, deep), nn.NewGRU(rng, deep), nn.NewRNN(rng, deep), nn.NewRNN(rng, reluRNN), nn.NewLSTM(rng, small)
	mha := nn.NewMultiHeadAttention(rng, 4, 2)
	post := nn.Transformer{Width: 4, Heads: 2, Hidden: 6}
	pre := nn.Transformer{Width: 4, Heads: 2, Hidden: 6, PreNorm: true, GELU: true}
	preReLU := nn.Transformer{Width: 4, Heads: 2, Hidden: 6, PreNorm: true}
	emb := nn.NewPaddedEmbedding(rng, 5, 3, 1)
	both := nn.Mask{Causal: true, Padding: padding}
	encoderLayer := func(c nn.Transformer) (any, func(*tensor.Tape, []T) []T) {
		e := nn.NewTransformerEncoderLayer(rng, c)
		return e, func(_ *tensor.Tape, x []T) []T { return []T{e.Run(x[0], both)} }
	}
	decoderLayer := func(c nn.Transformer) (any, func(*tensor.Tape, []T) []T) {
		d := nn.NewTransformerDecoderLayer(rng, c)
		return d, func(_ *tensor.Tape, x []T) []T {
			return []T{d.Run(x[0], x[1], nn.Mask{Causal: true}, nn.Mask{Padding: padding})}
		}
	}
	encoder, decoder := nn.NewTransformerEncoder(rng, 2, preReLU), nn.NewTransformerDecoder(rng, 2, preReLU)
	ctc := nn.Spelling{Labels: tensor.NewInts([]int32{1, 1, 2, 3, 2, 0, 0, 0, 0}, 3, 3),
		InputLengths: tensor.NewInts([]int32{6, 4, 5}), LabelLengths: tensor.NewInts([]int32{3, 2, 0})}
	impossible := nn.Spelling{Labels: tensor.NewInts([]int32{1, 1, 2, 0}, 2, 2), InputLengths: tensor.NewInts([]int32{2, 3})}

	type run = func(*tensor.Tape, []T) []T
	two := func(a, b T) []T { return []T{a, b} }
	three := func(a, b, c T) []T { return []T{a, b, c} }
	for name, c := range map[string]func() (any, run){
		"lstm": func() (any, run) {
			return lstm, func(_ *tensor.Tape, x []T) []T {
				return three(lstm.Run(x[0], nn.Sequences{Lengths: lengths, H0: x[1], C0: x[2]}))
			}
		},
		"gru": func() (any, run) {
			return gru, func(_ *tensor.Tape, x []T) []T { return two(gru.Run(x[0], nn.Sequences{Lengths: lengths, H0: x[1]})) }
		},
		"rnn": func() (any, run) {
			return rnn, func(_ *tensor.Tape, x []T) []T { return two(rnn.Run(x[0], nn.Sequences{Lengths: lengths, H0: x[1]})) }
		},
		"rnn relu": func() (any, run) {
			return relu, func(_ *tensor.Tape, x []T) []T { return two(relu.Run(x[0], nn.Sequences{})) }
		},
		"lstm plain": func() (any, run) {
			return plain, func(_ *tensor.Tape, x []T) []T { return three(plain.Run(x[0], nn.Sequences{})) }
		},
		"attention": func() (any, run) {
			return mha, func(_ *tensor.Tape, x []T) []T { return two(mha.Attend(x[0], x[0], x[0], both)) }
		},
		"cross attention": func() (any, run) {
			return mha, func(_ *tensor.Tape, x []T) []T { return two(mha.Attend(x[0], x[1], x[1], nn.Mask{Padding: padding})) }
		},
		"attention of three": func() (any, run) {
			return mha, func(_ *tensor.Tape, x []T) []T { return two(mha.Attend(x[0], x[1], x[2], nn.Mask{})) }
		},
		"attention bias": func() (any, run) {
			return mha, func(_ *tensor.Tape, x []T) []T { return two(mha.Attend(x[0], x[0], x[0], nn.Mask{Bias: x[1]})) }
		},
		"attention of other widths": func() (any, run) {
			m := nn.NewAttention(rng, nn.Attention{Width: 4, Heads: 2, KeyWidth: 3, ValueWidth: 5})
			return m, func(_ *tensor.Tape, x []T) []T { return two(m.Attend(x[0], x[1], x[2], nn.Mask{Padding: padding})) }
		},
		"alibi": func() (any, run) {
			return nil, func(t *tensor.Tape, x []T) []T { return []T{x[0].Add(nn.ALiBi{Heads: 6}.Distances(t, 3, 5))} }
		},
		"relative positions": func() (any, run) {
			p := nn.NewRelativePositions(rng, 2, false)
			return p, func(t *tensor.Tape, _ []T) []T { return []T{p.Distances(t, 140, 140)} }
		},
		"relative positions causal": func() (any, run) {
			p := nn.NewRelativePositions(rng, 2, true)
			return p, func(t *tensor.Tape, _ []T) []T { return []T{p.Distances(t, 3, 140)} }
		},
		"encoder layer bias": func() (any, run) {
			e := nn.NewTransformerEncoderLayer(rng, pre)
			return e, func(_ *tensor.Tape, x []T) []T { return []T{e.Run(x[0], nn.Mask{Bias: x[1]})} }
		},
		"encoder layer post-norm": func() (any, run) { return encoderLayer(post) },
		"encoder layer pre-norm":  func() (any, run) { return encoderLayer(pre) },
		"decoder layer post-norm": func() (any, run) { return decoderLayer(post) },
		"decoder layer pre-norm":  func() (any, run) { return decoderLayer(pre) },
		"encoder": func() (any, run) {
			return encoder, func(_ *tensor.Tape, x []T) []T { return []T{encoder.Forward(x[0])} }
		},
		"decoder": func() (any, run) {
			return decoder, func(_ *tensor.Tape, x []T) []T { return []T{decoder.Run(x[0], x[1], nn.Mask{}, nn.Mask{})} }
		},
		"embedding": func() (any, run) {
			return emb, func(t *tensor.Tape, _ []T) []T {
				return []T{emb.ForwardTokens(t, tensor.NewInts([]int32{0, 1, 4, 4, 1, 2}, 2, 3))}
			}
		},
		"ctc none": func() (any, run) {
			return nil, func(_ *tensor.Tape, x []T) []T { return []T{nn.CTCLoss{Reduction: nn.ReduceNone}.Loss(x[0], ctc)} }
		},
		"ctc mean": func() (any, run) {
			return nil, func(_ *tensor.Tape, x []T) []T { return []T{nn.CTC(x[0], ctc).Reshape(1)} }
		},
		"ctc impossible": func() (any, run) {
			return nil, func(_ *tensor.Tape, x []T) []T {
				return []T{nn.CTCLoss{Blank: 3, ZeroInfinity: true, Reduction: nn.ReduceNone}.Loss(x[0], impossible)}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := goldens[name]
			if g == nil {
				t.Fatal("no golden of this name")
			}
			module, f := c()
			g.check(t, module, f)
		})
		delete(goldens, name)
	}
	for name := range goldens {
		t.Errorf("the golden %q is not used", name)
	}
}

// A training step of every sequence layer allocates nothing, and gives the
// same bits with any number of workers.
func TestSequenceTrainingStep(t *testing.T) {
	const batch, time, width = 70, 6, 8
	rng := nn.NewRand(1)
	ids, lens, labels := make([]int32, batch*time), make([]int32, batch), make([]int32, batch*2)
	for i := range ids {
		ids[i] = int32(rng.IntN(11))
	}
	for i := range lens {
		lens[i] = int32(i%time + 1)
		labels[2*i], labels[2*i+1] = int32(i%3+1), int32(i%5+1)
	}
	m := struct {
		Embedding *nn.Embedding
		Learned   *nn.LearnedPositions
		LSTM      *nn.LSTM
		GRU       *nn.GRU
		RNN       *nn.RNN
		Encoder   *nn.TransformerEncoder
		Decoder   *nn.TransformerDecoder
	}{
		nn.NewPaddedEmbedding(rng, 11, width, 0), nn.NewLearnedPositions(rng, time+2, width),
		nn.NewLSTM(rng, nn.Recurrent{In: width, Hidden: width / 2, Layers: 2, Bidirectional: true, Dropout: 0.1, InputDropout: 0.1, RecurrentDropout: 0.1}),
		nn.NewGRU(rng, nn.Recurrent{In: width, Hidden: width, NoBias: true}),
		nn.NewRNN(rng, nn.Recurrent{In: width, Hidden: width, Layers: 2, ReLU: true}),
		nn.NewTransformerEncoder(rng, 1, nn.Transformer{Width: width, Heads: 2, PreNorm: true, GELU: true, Dropout: 0.1}),
		nn.NewTransformerDecoder(rng, 1, nn.Transformer{Width: width, Heads: 2}),
	}
	sines := nn.NewSinusoidalPositions(time, width)
	params := nn.Params(m)
	tape := tensor.NewTape(1)
	step := func() tensor.Grads {
		tape.Reset()
		tape.Seed(1, 1)
		tokens, lengths := tensor.NewInts(ids, batch, time), tensor.NewInts(lens)
		x := sines.Forward(m.Learned.Forward(m.Embedding.ForwardTokens(tape, tokens)))
		y, h, c := m.LSTM.Run(x, nn.Sequences{Lengths: lengths})
		y, _ = m.GRU.Run(y, nn.Sequences{Lengths: lengths})
		y = m.RNN.Forward(y)
		memory := m.Encoder.Run(y, nn.Mask{Padding: nn.PaddingMask(tape, tokens, 0)})
		y = m.Decoder.Run(y, memory, nn.Mask{Causal: true}, nn.Mask{Padding: nn.LengthMask(tape, lengths, time)})
		loss := nn.CTC(y, nn.Spelling{Labels: tensor.NewInts(labels, batch, 2)})
		return loss.Add(h.Mean()).Add(c.Mean()).Add(m.LSTM.Last(x, nn.Sequences{}).Mean()).Backward()
	}
	var want [][]float32
	for _, procs := range []int{1, 2, 5} {
		old := runtime.GOMAXPROCS(procs)
		g := step()
		runtime.GOMAXPROCS(old)
		for k, p := range params {
			got := g.Of(p)
			if got == nil {
				t.Fatalf("no gradient of %s", p.Name)
			}
			if procs == 1 {
				want = append(want, slices.Clone(got))
			} else if !slices.Equal(got, want[k]) {
				t.Errorf("GOMAXPROCS %d: other bits of %s", procs, p.Name)
			}
		}
	}
	if n := testing.AllocsPerRun(20, func() { step() }); n != 0 {
		t.Errorf("%v allocations a step", n)
	}
}

// In evaluation mode nothing is dropped, and the fused blocks of training
// without dropout give what the parts do.
func TestDropoutOfSequenceLayers(t *testing.T) {
	rng := nn.NewRand(1)
	e := nn.NewTransformerEncoderLayer(rng, nn.Transformer{Width: 4, Heads: 2, Dropout: 0.5})
	l := nn.NewLSTM(rng, nn.Recurrent{In: 4, Hidden: 4, Layers: 2, Dropout: 0.5})
	x := make([]float32, 2*3*4)
	for i := range x {
		x[i] = float32(math.Sin(float64(i)))
	}
	run := func(training bool, seed uint64) []float32 {
		tape := tensor.NewTape(seed)
		tape.SetTraining(training)
		return slices.Clone(e.Forward(l.Forward(tape.Input(x, 2, 3, 4))).Data())
	}
	if !slices.Equal(run(false, 1), run(false, 2)) {
		t.Error("evaluation depends on the seed")
	}
	if slices.Equal(run(true, 1), run(true, 2)) || !slices.Equal(run(true, 1), run(true, 1)) {
		t.Error("in training, the seed must decide, and alone")
	}
}

// One mask of the inputs and one of the states serve all steps of a sequence.
func TestOneMaskASequence(t *testing.T) {
	const batch, time, width = 5, 4, 20
	identity := func(p *tensor.Param) {
		for i := range width {
			p.Data[i*width+i] = 1
		}
	}
	for name, c := range map[string]nn.Recurrent{"inputs": {InputDropout: 0.5}, "states": {RecurrentDropout: 0.5}} {
		c.In, c.Hidden, c.NoBias, c.ReLU = width, width, true, true
		l := nn.NewRNN(nn.NewRand(1), c)
		nn.Constant(l.Weights[0].WeightIH, 0)
		nn.Constant(l.Weights[0].WeightHH, 0)
		growth := 1.0 // of what is kept, from step to step
		if name == "inputs" {
			identity(l.Weights[0].WeightIH)
		} else {
			identity(l.Weights[0].WeightHH)
			growth = 2
		}
		run := func(training bool, seed uint64) []float32 {
			tape := tensor.NewTape(seed)
			tape.SetTraining(training)
			y, _ := l.Run(tape.Full(1, batch, time, width), nn.Sequences{H0: tape.Full(1, 1, batch, width)})
			return slices.Clone(y.Data())
		}
		y, zeros := run(true, 1), 0
		for b := range batch {
			for i := range width {
				want := y[b*time*width+i]
				if want == 0 {
					zeros++
				} else if want != 2 {
					t.Fatalf("%s: %v after a step, not 0 or 2", name, want)
				}
				for k := range time {
					if got := y[(b*time+k)*width+i]; float64(got) != float64(want)*math.Pow(growth, float64(k)) {
						t.Fatalf("%s: unit %d of sequence %d is %v at step 0 and %v at step %d", name, i, b, want, got, k)
					}
				}
			}
		}
		if zeros < 30 || zeros > 70 || slices.Equal(y[:width], y[time*width:][:width]) {
			t.Errorf("%s: %d of %d dropped, or all sequences alike", name, zeros, batch*width)
		}
		if slices.Equal(y, run(true, 2)) || !slices.Equal(y, run(true, 1)) {
			t.Errorf("%s: in training, the seed must decide, and alone", name)
		}
		for _, v := range run(false, 1) {
			if v != 1 {
				t.Fatalf("%s: %v in evaluation", name, v)
			}
		}
	}
}

func TestMasks(t *testing.T) {
	tape := tensor.NewTape(1)
	if m := nn.PaddingMask(tape, tensor.NewInts([]int32{5, 9, 9, 3}, 2, 2), 9); !slices.Equal(m.Data, []int32{0, 1, 1, 0}) || !slices.Equal(m.Dims(), []int{2, 2}) {
		t.Errorf("padding mask %v", m)
	}
	if m := nn.LengthMask(tape, tensor.NewInts([]int32{2, 0}), 3); !slices.Equal(m.Data, []int32{0, 0, 1, 1, 1, 1}) || !slices.Equal(m.Dims(), []int{2, 3}) {
		t.Errorf("length mask %v", m)
	}
}

func TestPositions(t *testing.T) {
	tape := tensor.NewTape(1)
	y := nn.NewSinusoidalPositions(9, 4).Forward(tape.Full(1, 2, 3, 4))
	for _, c := range []struct {
		p, j int
		want float64
	}{{0, 0, 0}, {0, 1, 1}, {2, 0, math.Sin(2)}, {2, 1, math.Cos(2)}, {2, 2, math.Sin(0.02)}, {2, 3, math.Cos(0.02)}} {
		if got := y.At(1, c.p, c.j); math.Abs(float64(got)-1-c.want) > 1e-6 {
			t.Errorf("position %d, column %d: %v, want 1 + %v", c.p, c.j, got, c.want)
		}
	}
	l := nn.NewLearnedPositions(nn.NewRand(1), 5, 4)
	y = l.Forward(tape.Full(0, 2, 3, 4))
	if !slices.Equal(y.Data()[12:], l.Weight.Data[:12]) {
		t.Errorf("learned positions give %v", y)
	}
}

func TestSequenceLayersRefuse(t *testing.T) {
	rng := nn.NewRand(1)
	tape := tensor.NewTape(1)
	// States and memories carried over a Reset by mistake must not pass for
	// absent ones.
	stale := tape.Full(0, 1, 1, 4)
	tape.Reset()
	decoder := nn.NewTransformerDecoderLayer(rng, nn.Transformer{Width: 4, Heads: 2})
	lstm, gru := nn.NewLSTM(rng, nn.Recurrent{In: 4, Hidden: 4}), nn.NewGRU(rng, nn.Recurrent{In: 4, Hidden: 4})
	x := tape.Full(0, 1, 2, 4)
	for want, f := range map[string]func(){
		"of a tensor from before Tape.Reset":  func() { lstm.Run(x, nn.Sequences{H0: stale}) },
		"of a tensor from before Tape.Reset;": func() { decoder.Run(x, stale, nn.Mask{}, nn.Mask{}) },
		"an encoder's result, is missing":     func() { decoder.Run(x, tensor.Tensor{}, nn.Mask{}, nn.Mask{}) },
		"with 1 states":                       func() { lstm.Run(x, nn.Sequences{C0: tape.Full(0, 2, 1, 4)}) },
		"C0 is a state of an LSTM":            func() { gru.Run(x, nn.Sequences{C0: tape.Full(0, 1, 1, 4)}) },
		"In and Hidden of at least 1":         func() { nn.NewLSTM(rng, nn.Recurrent{In: 3}) },
		"3 attention heads cannot share":      func() { nn.NewMultiHeadAttention(rng, 4, 3) },
		"4 attention heads of queries cannot": func() { nn.NewAttention(rng, nn.Attention{Width: 8, Heads: 4, KVHeads: 3}) },
		"KeyWidth -1 and":                     func() { nn.NewAttention(rng, nn.Attention{Width: 8, Heads: 4, KeyWidth: -1}) },
		"this is no self-attention": func() {
			nn.NewAttention(rng, nn.Attention{Width: 4, Heads: 2, KeyWidth: 3}).Continue(x, tensor.Tensor{}, &tensor.KeyValues{}, nn.Mask{})
		},
		"ALiBi of 0 heads":     func() { nn.ALiBi{}.Distances(tape, 1, 1) },
		"4 buckets are needed": func() { (&nn.RelativePositions{Weight: tensor.NewParam(2, 1), MaxDistance: 8}).Distances(tape, 1, 1) },
		"leave one of them out": func() {
			e := nn.NewTransformerEncoder(rng, 1, nn.Transformer{Width: 4, Heads: 2})
			e.Positions = nn.ALiBi{Heads: 2}
			e.Run(x, nn.Mask{Relative: tape.Full(0, 2, 3)})
		},
		"padding id 5 is none of": func() { nn.NewPaddedEmbedding(rng, 5, 2, 5) },
		"a time of at most 2":     func() { nn.NewSinusoidalPositions(2, 4).Forward(tape.Full(0, 1, 3, 4)) },
		"[batch, time, 4]":        func() { nn.NewLearnedPositions(rng, 2, 4).Forward(tape.Full(0, 1, 2, 5)) },
		"at most 32 are possible": func() { nn.NewGRU(rng, nn.Recurrent{In: 1, Hidden: 1, Layers: 33}).Forward(tape.Full(0, 1, 1, 1)) },
		"id 7 ":                   func() { nn.NewEmbedding(rng, 5, 2).ForwardTokens(tape, tensor.NewInts([]int32{7})) },
	} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.Contains(p, want) {
					t.Errorf("panic %q, want %q in it", p, want)
				}
			}()
			f()
		}()
	}
}

func TestSequenceLayersStartLikePyTorch(t *testing.T) {
	rng := nn.NewRand(1)
	within := func(p *tensor.Param, bound float64) {
		t.Helper()
		largest := 0.0
		for _, v := range p.Data {
			largest = max(largest, math.Abs(float64(v)))
		}
		if largest > bound || largest < 0.9*bound {
			t.Errorf("the largest of %v elements is %v, want nearly %v", p.Dims(), largest, bound)
		}
	}
	l := nn.NewLSTM(rng, nn.Recurrent{In: 5, Hidden: 16})
	within(l.Weights[0].WeightIH, 0.25)
	within(l.Weights[0].BiasHH, 0.25)
	m := nn.NewMultiHeadAttention(rng, 24, 2)
	within(m.InProjWeight, 0.25)
	for _, v := range slices.Concat(m.InProjBias.Data, m.OutProj.Bias.Data) {
		if v != 0 {
			t.Fatal("attention's biases do not start at zero")
		}
	}
}
