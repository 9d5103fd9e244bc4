package nn_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// writer is a small language model.
type writer struct {
	Tokens    *nn.Embedding
	Positions *nn.LearnedPositions
	Stack     *nn.TransformerEncoder
}

func newWriter(seed uint64, vocabulary int, preNorm bool) *writer {
	rng := nn.NewRand(seed)
	return &writer{nn.NewEmbedding(rng, vocabulary, 16), nn.NewLearnedPositions(rng, 40, 16),
		nn.NewTransformerEncoder(rng, 3, nn.Transformer{Width: 16, Heads: 4, PreNorm: preNorm, GELU: preNorm, Dropout: 0.1})}
}

func flat(sequences [][]int32) tensor.Ints {
	return tensor.NewInts(slices.Concat(sequences...), len(sequences), len(sequences[0]))
}

// last is the rows of logits of the last position.
func last(x tensor.Tensor) (rows [][]float32) {
	x = x.Select(1, x.Dim(1)-1)
	for i := range x.Dim(0) {
		rows = append(rows, slices.Clone(x.Data()[i*x.Dim(1):][:x.Dim(1)]))
	}
	return rows
}

func (m *writer) next(beginnings [][]int32) ([][]float32, error) {
	t := tensor.NewEvalTape()
	x := m.Stack.Run(m.Positions.Forward(m.Tokens.ForwardTokens(t, flat(beginnings))), nn.Mask{Causal: true})
	return last(x.Linear(t.Use(m.Tokens.Weight), tensor.Tensor{})), nil
}

func (m *writer) cached() func(beginnings [][]int32) ([][]float32, error) {
	t, cache := tensor.NewEvalTape(), m.Stack.Cache()
	return func(beginnings [][]int32) ([][]float32, error) {
		t.Reset()
		ids, at := cache.Extend(beginnings)
		x := m.Stack.Continue(m.Positions.ForwardAt(m.Tokens.ForwardTokens(t, ids), at), cache)
		return last(x.Linear(t.Use(m.Tokens.Weight), tensor.Tensor{})), nil
	}
}

func farthest(t *testing.T, a, b [][]float32) float64 {
	t.Helper()
	most := 0.0
	if len(a) != len(b) {
		t.Fatalf("%d rows and %d", len(a), len(b))
	}
	for i := range a {
		for k := range a[i] {
			most = max(most, math.Abs(float64(a[i][k]-b[i][k])))
		}
	}
	return most
}

// Whatever is asked for, the cache answers as the full pass does.
func TestKVCacheEqualsTheFullPass(t *testing.T) {
	for variant := range 6 {
		pre := variant != 1
		m := newWriter(1, 11, pre)
		if variant > 1 { // positions by distance, and grouped queries
			rng := nn.NewRand(2)
			c := nn.Transformer{Width: 16, Heads: 4, KVHeads: 1 + variant%2, PreNorm: true}
			if variant > 3 {
				c.Rotary = &nn.RotaryPositions{Adjacent: variant == 4}
			}
			m.Stack = nn.NewTransformerEncoder(rng, 3, c)
			m.Stack.Positions = []nn.PositionBias{nn.ALiBi{Heads: 4}, nn.NewRelativePositions(rng, 4, true), nil, nil}[variant-2]
		}
		rng := rand.New(rand.NewPCG(1, 2))
		next := m.cached()
		sequences := [][]int32{{1, 2, 3, 4}, {5, 6, 7, 8}, {1, 2, 9, 9}}
		for step := range 60 {
			got, _ := next(sequences)
			want, _ := m.next(sequences)
			if d := farthest(t, got, want); !(d < 1e-5) {
				t.Fatalf("variant %d, step %d: logits differ by %g", variant, step, d)
			}
			again := make([][]int32, 1+rng.IntN(4)) // rows fork, stop and change places
			for i := range again {
				again[i] = append(slices.Clone(sequences[rng.IntN(len(sequences))]), int32(rng.IntN(11)))
				if step%13 == 12 { // another text altogether, or back by some tokens
					again[i] = again[i][:3]
					again[i][2] = int32(rng.IntN(11))
				}
				if step%7 == 6 {
					again[i] = append(again[i], 3, int32(i))
				}
			}
			sequences = again
		}
	}
}

// However queries, keys and values come, Rotary turns them alike; and where all
// begins does not matter.
func TestRotaryAttention(t *testing.T) {
	rng := nn.NewRand(3)
	tape := tensor.NewEvalTape()
	for _, c := range []nn.Attention{{Width: 8, Heads: 2}, {Width: 8, Heads: 4, KVHeads: 2}} {
		c.Rotary = &nn.RotaryPositions{Base: 50}
		m := nn.NewAttention(rng, c)
		x := tape.Input(fill(1, 2, 5, 8), 2, 5, 8)
		want, _ := m.Forward(x).Clone()
		same := func(name string, got []float32) {
			t.Helper()
			for i := range want {
				if math.Abs(float64(got[i]-want[i])) > 1e-5 {
					t.Fatalf("%s: element %d is %v, want %v", name, i, got[i], want[i])
				}
			}
		}
		y, _ := m.Attend(x, x.Scale(1), x.Scale(1), nn.Mask{})
		same("three tensors", y.Data())
		k := x.Scale(1)
		y, _ = m.Attend(x, k, k, nn.Mask{})
		same("two tensors", y.Data())
		own := *m
		kv := m.InProjWeight.Dims()[0] - 8
		own.InProjWeight = nil
		own.QProjWeight = tensor.ParamOf(m.InProjWeight.Data[:64], 8, 8)
		own.KProjWeight = tensor.ParamOf(m.InProjWeight.Data[64:][:kv*4], kv/2, 8)
		own.VProjWeight = tensor.ParamOf(m.InProjWeight.Data[64+kv*4:], kv/2, 8)
		y, _ = own.Attend(x, x, x, nn.Mask{})
		same("weights apart", y.Data())
		m.Rotary = nil
		if plain := m.Forward(x).Data(); plain[8] == want[8] {
			t.Error("Rotary changes nothing")
		}
	}
}

// A cache whose step broke off reads again what it has not read.
func TestKVCacheAfterABrokenStep(t *testing.T) {
	m := newWriter(1, 11, true)
	cache, tape := m.Stack.Cache(), tensor.NewEvalTape()
	read := func(sequences [][]int32) [][]float32 {
		ids, at := cache.Extend(sequences)
		x := m.Stack.Continue(m.Positions.ForwardAt(m.Tokens.ForwardTokens(tape, ids), at), cache)
		return last(x.Linear(tape.Use(m.Tokens.Weight), tensor.Tensor{}))
	}
	read([][]int32{{1, 2}})
	cache.Extend([][]int32{{1, 2, 3}})
	cache.Extend([][]int32{{1, 2, 3, 4}, {1, 2, 3, 5}})
	got := read([][]int32{{1, 2, 3, 4}, {1, 2, 3, 5}})
	want, _ := m.next([][]int32{{1, 2, 3, 4}, {1, 2, 3, 5}})
	if d := farthest(t, got, want); !(d < 1e-5) {
		t.Errorf("logits differ by %g", d)
	}
}

// translator reads ids and writes others.
type translator struct {
	Tokens    *nn.Embedding
	Encoder   *nn.TransformerEncoder
	Decoder   *nn.TransformerDecoder
	Output    *nn.Linear
	Positions *nn.SinusoidalPositions `nn:"-"`
}

func newTranslator(seed uint64) *translator {
	rng := nn.NewRand(seed)
	c := nn.Transformer{Width: 12, Heads: 3, PreNorm: true}
	return &translator{nn.NewEmbedding(rng, 9, 12), nn.NewTransformerEncoder(rng, 2, c), nn.NewTransformerDecoder(rng, 2, c), nn.NewLinear(rng, 12, 9), nn.NewSinusoidalPositions(30, 12)}
}

func (m *translator) encode(t *tensor.Tape, source tensor.Ints) (tensor.Tensor, nn.Mask) {
	mask := nn.Mask{Padding: nn.PaddingMask(t, source, 0)}
	return m.Encoder.Run(m.Positions.Forward(m.Tokens.ForwardTokens(t, source)), mask), mask
}

// full is the next of a search without a cache.
func (m *translator) full(source tensor.Ints) func([][]int32) ([][]float32, error) {
	return func(beginnings [][]int32) ([][]float32, error) {
		t := tensor.NewEvalTape()
		ids := source
		if n := len(beginnings); source.Dims()[0] == 1 {
			ids = tensor.NewInts(slices.Repeat(source.Data, n), n, source.Dims()[1])
		}
		memory, mask := m.encode(t, ids)
		x := m.Decoder.Run(m.Positions.Forward(m.Tokens.ForwardTokens(t, flat(beginnings))), memory, nn.Mask{Causal: true}, mask)
		return last(m.Output.Forward(x).LogSoftmax(-1)), nil
	}
}

func (m *translator) cached(source tensor.Ints) func([][]int32) ([][]float32, error) {
	t := tensor.NewEvalTape()
	cache := m.Decoder.Cache(m.encode(t, source))
	return func(beginnings [][]int32) ([][]float32, error) {
		t.Reset()
		ids, at := cache.Extend(beginnings)
		x := m.Decoder.Continue(m.Positions.ForwardAt(m.Tokens.ForwardTokens(t, ids), at), cache)
		return last(m.Output.Forward(x).LogSoftmax(-1)), nil
	}
}

func TestKVCacheInABeamSearch(t *testing.T) {
	for seed := range uint64(5) {
		m := newTranslator(seed)
		source := tensor.NewInts([]int32{3, 4, 5, 6, 0, 0}, 1, 6)
		beam := nn.Beam{Width: 4, Max: 12, Start: 1, End: 2, Penalty: 1}
		want, err := beam.Search(m.full(source))
		if err != nil {
			t.Fatal(err)
		}
		got, err := beam.Search(m.cached(source))
		if err != nil || len(got) != len(want) {
			t.Fatal(got, err)
		}
		for i := range got {
			if !slices.Equal(got[i].Tokens, want[i].Tokens) || math.Abs(got[i].Score-want[i].Score) > 1e-5 {
				t.Errorf("seed %d, candidate %d: %v, want %v", seed, i, got[i], want[i])
			}
		}
	}
}

// Several sources at once, of unequal length, some of them ended.
func TestKVCacheOfSeveralSources(t *testing.T) {
	m := newTranslator(7)
	source := tensor.NewInts([]int32{3, 4, 5, 6, 7, 4, 0, 0, 8, 8, 8, 0}, 3, 4)
	s := nn.Sampling{Max: 15, End: 2, Seed: 3}
	prompts := [][]int32{{1}, {1, 5, 5}, {1}}
	want, err := s.Generate(prompts, m.full(source))
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Generate(prompts, m.cached(source))
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if !slices.Equal(got[i], want[i]) {
			t.Errorf("source %d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestKVCacheRefuses(t *testing.T) {
	m, tr := newWriter(1, 11, true), newTranslator(1)
	tape := tensor.NewEvalTape()
	embed := func(t *tensor.Tape, ids tensor.Ints) tensor.Tensor { return m.Tokens.ForwardTokens(t, ids) }
	for want, f := range map[string]func(){
		"use a tape of tensor.NewEvalTape": func() {
			c := m.Stack.Cache()
			ids, _ := c.Extend([][]int32{{1}})
			m.Stack.Continue(embed(tensor.NewTape(1), ids), c)
		},
		"all must have the same length":      func() { m.Stack.Cache().Extend([][]int32{{1}, {1, 2}}) },
		"there is nothing to go on with":     func() { m.Stack.Cache().Extend([][]int32{{}}) },
		"the ids that KVCache.Extend has":    func() { m.Stack.Continue(embed(tape, flat([][]int32{{1}})), m.Stack.Cache()) },
		"made for a stack of 3 layers":       func() { tr.Decoder.Continue(embed(tape, flat([][]int32{{1}})), m.Stack.Cache()) },
		"2 sequences about 3 rows":           func() { tr.Decoder.Cache(tape.Full(1, 3, 2, 12), nn.Mask{}).Extend([][]int32{{1}, {2}}) },
		"it begins at position 39":           func() { m.Positions.ForwardAt(embed(tape, flat([][]int32{{1, 2}})), 39) },
		"the memory's mask cannot be causal": func() { tr.Decoder.Cache(tape.Full(1, 3, 2, 12), nn.Mask{Causal: true}) },
	} {
		func() {
			defer func() {
				why := ""
				switch e := recover().(type) {
				case error:
					why = e.Error()
				case string:
					why = e
				}
				if !strings.Contains(why, want) {
					t.Errorf("%q, want %q", why, want)
				}
			}()
			f()
		}()
	}
}
