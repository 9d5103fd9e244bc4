package models

import (
	"fmt"
	"math/rand/v2"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// LlamaSize is what scales a Llama.
type LlamaSize struct {
	Vocabulary, Layers, Width, Heads, KVHeads, Hidden int
	RopeBase                                          float64 // 0 means 10000
	Eps                                               float32 // of the norms; 0 means 1e-5
}

// Llama generates text from left to right: a transformer's decoder with norms
// at the start of each branch, rotary positions, grouped queries and gated
// feed-forward blocks (Touvron et al., LLaMA, 2023; Llama 2, 2023). SmolLM2 is
// one. Its names of parameters, and the order of the rows of queries and keys,
// are those of GGUF files.
//
// A layer of weights is a [*nn.Linear] without bias or, for a model of
// [OpenLlama], a [*Quantized] one. Quantized models compute all that lies
// between the products as llama.cpp does on AVX-512, too, and keep keys and
// values in 16 bits: bit for bit, their logits are those of llama.cpp that
// reads the same tokens together.
type Llama struct {
	TokenEmbd  LlamaTable    `nn:"token_embd"` // [vocabulary, width]; for the logits, too, if Output is nil
	Blocks     []*LlamaBlock `nn:"blk"`
	OutputNorm *nn.RMSNorm   `nn:"output_norm"`
	Output     nn.Layer      `nn:"output"`
	Size       LlamaSize
}

// LlamaTable has a vector for every token, and compares others with them.
type LlamaTable interface {
	ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor
	Forward(x tensor.Tensor) tensor.Tensor
}

// LlamaBlock is self-attention and a gated feed-forward block.
type LlamaBlock struct {
	AttnNorm   *nn.RMSNorm `nn:"attn_norm"`
	AttnQ      nn.Layer    `nn:"attn_q"`
	AttnK      nn.Layer    `nn:"attn_k"`
	AttnV      nn.Layer    `nn:"attn_v"`
	AttnOutput nn.Layer    `nn:"attn_output"`
	FFNNorm    *nn.RMSNorm `nn:"ffn_norm"`
	FFNGate    nn.Layer    `nn:"ffn_gate"`
	FFNUp      nn.Layer    `nn:"ffn_up"`
	FFNDown    nn.Layer    `nn:"ffn_down"`
}

// tiedTable is an Embedding that also compares.
type tiedTable struct{ *nn.Embedding }

// Forward is the product of x, [..., width], with every vector: [...,
// vocabulary].
func (e tiedTable) Forward(x tensor.Tensor) tensor.Tensor {
	return x.Linear(x.Tape().Use(e.Weight), tensor.Tensor{})
}

func (s LlamaSize) check() error {
	if min(s.Vocabulary, s.Layers, s.Width, s.Heads, s.KVHeads, s.Hidden) < 1 || s.Width%s.Heads != 0 ||
		s.Heads%s.KVHeads != 0 || s.Width/s.Heads%2 != 0 {
		return fmt.Errorf("models: Llama of %+v: all must be positive, Width an even multiple of Heads, and Heads a multiple of KVHeads", s)
	}
	return nil
}

func (s LlamaSize) norm() *nn.RMSNorm {
	l := nn.NewRMSNorm(s.Width)
	l.Eps = s.eps()
	return l
}

func (s LlamaSize) eps() float32 {
	if s.Eps == 0 {
		return 1e-5
	}
	return s.Eps
}

// NewLlama makes a network with random weights, normal with deviation 0.02,
// whose logits come from the vectors of its tokens.
func NewLlama(rng *rand.Rand, s LlamaSize) *Llama {
	if err := s.check(); err != nil {
		panic(err.Error())
	}
	linear := func(in, out int) nn.Layer {
		return &nn.Linear{Weight: nn.NewLearnedPositions(rng, out, in).Weight}
	}
	table := tiedTable{&nn.Embedding{Weight: nn.NewLearnedPositions(rng, s.Vocabulary, s.Width).Weight, Padding: -1}}
	m := &Llama{TokenEmbd: table, OutputNorm: s.norm(), Size: s}
	kv := s.Width / s.Heads * s.KVHeads
	for range s.Layers {
		m.Blocks = append(m.Blocks, &LlamaBlock{AttnNorm: s.norm(), AttnQ: linear(s.Width, s.Width),
			AttnK: linear(s.Width, kv), AttnV: linear(s.Width, kv),
			AttnOutput: linear(s.Width, s.Width), FFNNorm: s.norm(),
			FFNGate: linear(s.Width, s.Hidden), FFNUp: linear(s.Width, s.Hidden), FFNDown: linear(s.Hidden, s.Width)})
	}
	return m
}

// Forward gives the logits of every next token: ids [batch, time] to [batch,
// time, vocabulary].
func (m *Llama) Forward(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	return m.logits(m.run(t, ids, 0, nil))
}

// Next gives the logits of the next token of beginnings of the same length, for
// [nn.Sampling.Generate] and [nn.Beam.Search]. It reads only what it has not
// read yet. The rows are valid until the next call. One goroutine at a time may
// use it.
func (m *Llama) Next() func(beginnings [][]int32) ([][]float32, error) {
	cache, t := m.cache(), tensor.NewEvalTape()
	return func(beginnings [][]int32) ([][]float32, error) {
		ids, at := cache.Extend(beginnings)
		for _, id := range ids.Data {
			if id < 0 || int(id) >= m.Size.Vocabulary {
				return nil, fmt.Errorf("models: Llama: token %d is none of %d", id, m.Size.Vocabulary)
			}
		}
		rowsRead, fresh := ids.Dims()[0], ids.Dims()[1]
		var x tensor.Tensor
		for from := 0; from < fresh; {
			t.Reset()
			n := min(readTokens, fresh-from)
			if fresh-from == n+1 { // what is read together adds up in another order than what stands alone
				n--
			}
			piece := t.ScratchInts(rowsRead * n)
			for i := range rowsRead {
				copy(piece[i*n:][:n], ids.Data[i*fresh+from:])
			}
			x = m.run(t, tensor.NewInts(piece, rowsRead, n), at+from, cache)
			from += n
		}
		x = m.logits(x.Select(1, -1))
		rows := make([][]float32, len(beginnings))
		for i := range rows {
			rows[i] = x.Data()[i*m.Size.Vocabulary:][:m.Size.Vocabulary]
		}
		return rows, nil
	}
}

// cache makes an empty cache, of 16 bits if the weights are quantized.
func (m *Llama) cache() *nn.KVCache {
	cache := nn.NewKVCache(len(m.Blocks))
	for i := range m.Blocks {
		if m.quantized() {
			cache.Layer(i).Narrow()
		}
		cache.Layer(i).Reserve(reserved)
	}
	return cache
}

// quantized reports whether the blocks have quantized weights.
func (m *Llama) quantized() bool {
	_, q := m.Blocks[0].AttnQ.(*Quantized)
	return q
}

// readTokens is how many tokens of a prompt are read at a time: what is between
// the layers takes a megabyte for each in SmolLM2.
const readTokens = 8

// reserved is how many tokens a cache has room for from the beginning. Memory
// that is not yet in use costs nothing, but what is left behind by one that
// grows does.
const reserved = 256

// run gives the vectors of tokens from a position on, behind what cache has
// read, unless it is nil.
func (m *Llama) run(t *tensor.Tape, ids tensor.Ints, at int, cache *nn.KVCache) tensor.Tensor {
	if m.quantized() {
		return m.runQuantized(t, ids, at, cache)
	}
	x := m.TokenEmbd.ForwardTokens(t, ids)
	s := &m.Size
	attend := tensor.Attend{Heads: s.Heads, KVHeads: s.KVHeads, Causal: true}
	rotary := tensor.Rotary{Width: s.Width / s.Heads, Heads: s.Heads + s.KVHeads, Position: at, Base: s.RopeBase,
		Adjacent: true}
	for i, b := range m.Blocks {
		x = t.Scope(func() tensor.Tensor {
			h := beside(b.AttnNorm.Forward(x), b.AttnQ, b.AttnK, b.AttnV).Rotary(rotary)
			if cache != nil {
				h = h.CachedSelfAttention(cache.Layer(i), attend)
			} else {
				h, _ = h.SelfAttention(attend)
			}
			x := x.Add(b.AttnOutput.Forward(h))
			both := beside(b.FFNNorm.Forward(x), b.FFNGate, b.FFNUp)
			h = both.Slice(-1, 0, s.Hidden).SiLU().Mul(both.Slice(-1, s.Hidden, 2*s.Hidden))
			return x.Add(b.FFNDown.Forward(h))
		})
	}
	return m.OutputNorm.Forward(x)
}

// runQuantized is run for quantized weights.
func (m *Llama) runQuantized(t *tensor.Tape, ids tensor.Ints, at int, cache *nn.KVCache) tensor.Tensor {
	if cache == nil {
		cache = m.cache()
	}
	s := &m.Size
	x := m.TokenEmbd.ForwardTokens(t, ids)
	attend := tensor.Attend{Heads: s.Heads, KVHeads: s.KVHeads, Causal: true}
	turns := s.turns(t, at, ids.Dims()[1])
	for i, b := range m.Blocks {
		x = t.Scope(func() tensor.Tensor {
			h := s.turn(beside(plainNorm(b.AttnNorm, x), b.AttnQ, b.AttnK, b.AttnV), turns)
			x := x.Add(b.AttnOutput.Forward(h.CachedSelfAttention(cache.Layer(i), attend)))
			h = swiGLU(beside(plainNorm(b.FFNNorm, x), b.FFNGate, b.FFNUp), s.Hidden)
			return x.Add(b.FFNDown.Forward(h))
		})
	}
	return plainNorm(m.OutputNorm, x)
}

func (m *Llama) logits(x tensor.Tensor) tensor.Tensor {
	if m.Output != nil {
		return m.Output.Forward(x)
	}
	return m.TokenEmbd.Forward(x)
}

// beside are the results of several layers, side by side.
func beside(x tensor.Tensor, layers ...nn.Layer) tensor.Tensor {
	if q, ok := layers[0].(*Quantized); ok {
		return q.beside(x, layers[1:])
	}
	all := make([]tensor.Tensor, len(layers))
	for i, l := range layers {
		all[i] = l.Forward(x)
	}
	return tensor.Concat(-1, all...)
}
