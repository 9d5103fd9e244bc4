package models

import (
	"fmt"
	"math/rand/v2"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// BERTSize is what scales a BERT.
type BERTSize struct {
	Vocabulary, Positions        int // tokens, and how many a text may have
	Layers, Width, Heads, Hidden int
}

// The published sizes: all-MiniLM-L6-v2 (Wang et al., MiniLM, 2020; Reimers &
// Gurevych, Sentence-BERT, 2019) and BERT-base, both uncased.
var (
	MiniLM6  = BERTSize{30522, 512, 6, 384, 12, 1536}
	BERTBase = BERTSize{30522, 512, 12, 768, 12, 3072}
)

// BERT reads a text in both directions (Devlin et al. 2019): a transformer's
// encoder with learned positions and a vector for each of two segments. Its
// names of parameters are those of Hugging Face's BertModel.
type BERT struct {
	Embeddings BERTEmbeddings
	Encoder    struct{ Layer []*BERTLayer }
	Pooler     struct{ Dense *nn.Linear }
	// Dropout is the probability of dropping, in training, an attention
	// weight, or an element of a branch before it is added.
	Dropout float32
}

// BERTEmbeddings are the vectors of words, positions and segments.
type BERTEmbeddings struct {
	WordEmbeddings, PositionEmbeddings, TokenTypeEmbeddings *nn.Embedding
	LayerNorm                                               *nn.LayerNorm `nn:"LayerNorm"`
}

// BERTLayer is self-attention and a feed-forward block, each with a residual
// and a layer norm behind it.
type BERTLayer struct {
	Attention struct {
		Self   struct{ Query, Key, Value *nn.Linear }
		Output BERTOutput
	}
	Intermediate struct{ Dense *nn.Linear }
	Output       BERTOutput
	Heads        int
}

// BERTOutput ends a residual branch.
type BERTOutput struct {
	Dense     *nn.Linear
	LayerNorm *nn.LayerNorm `nn:"LayerNorm"`
}

// NewBERT makes a network with random weights, normal with deviation 0.02, and
// a dropout of 0.1.
func NewBERT(rng *rand.Rand, s BERTSize) *BERT {
	if min(s.Vocabulary, s.Positions, s.Layers, s.Width, s.Heads, s.Hidden) < 1 || s.Width%s.Heads != 0 {
		panic(fmt.Sprintf("models: BERT of %+v: all must be positive, and Width a multiple of Heads", s))
	}
	table := func(n int) *nn.Embedding {
		return &nn.Embedding{Weight: nn.NewLearnedPositions(rng, n, s.Width).Weight, Padding: -1}
	}
	linear := func(in, out int) *nn.Linear {
		return &nn.Linear{Weight: nn.NewLearnedPositions(rng, out, in).Weight, Bias: tensor.NewParam(out)}
	}
	norm := func() *nn.LayerNorm {
		l := nn.NewLayerNorm(s.Width)
		l.Eps = 1e-12
		return l
	}
	m := &BERT{Embeddings: BERTEmbeddings{table(s.Vocabulary), table(s.Positions), table(2), norm()}, Dropout: 0.1}
	for range s.Layers {
		l := &BERTLayer{Heads: s.Heads}
		for _, p := range []**nn.Linear{&l.Attention.Self.Query, &l.Attention.Self.Key, &l.Attention.Self.Value,
			&l.Attention.Output.Dense} {
			*p = linear(s.Width, s.Width)
		}
		l.Attention.Output.LayerNorm, l.Output.LayerNorm = norm(), norm()
		l.Intermediate.Dense, l.Output.Dense = linear(s.Width, s.Hidden), linear(s.Hidden, s.Width)
		m.Encoder.Layer = append(m.Encoder.Layer, l)
	}
	m.Pooler.Dense = linear(s.Width, s.Width)
	return m
}

// Forward gives a vector for every token: ids [batch, time], such as a
// text.WordPiece makes, to [batch, time, width]. lengths, [batch], say where
// each text ends; no Ints mean that all are full. Of pairs of texts, segments
// [batch, time] are 1 in the second; no Ints mean one text.
func (m *BERT) Forward(t *tensor.Tape, ids, lengths, segments tensor.Ints) tensor.Tensor {
	d := ids.Dims()
	positions := m.Embeddings.PositionEmbeddings.Weight
	if len(d) != 2 || d[1] > positions.Dims()[0] {
		panic(&tensor.ShapeError{Op: "BERT", Shapes: [][]int{append([]int{}, d...)}, Axis: 1,
			Why: fmt.Sprintf("ids must be [batch, time] with a time of at most %d: cut longer texts", positions.Dims()[0])})
	}
	kind := t.Use(m.Embeddings.TokenTypeEmbeddings.Weight)
	if segments.Data == nil {
		kind = kind.Select(0, 0)
	} else {
		kind = kind.Rows(segments)
	}
	x := m.Embeddings.WordEmbeddings.ForwardTokens(t, ids).Add(t.Use(positions).Slice(0, 0, d[1])).Add(kind)
	x = m.Embeddings.LayerNorm.Forward(x).Dropout(m.Dropout)
	var mask nn.Mask
	if lengths.Data != nil {
		mask.Padding = nn.LengthMask(t, lengths, d[1])
	}
	for _, l := range m.Encoder.Layer {
		x = t.Scope(func() tensor.Tensor { return l.run(x, mask, m.Dropout) })
	}
	return x
}

// Pooled is what the pre-training put into the first token of each text, for a
// classifier: x, [batch, time, width], to [batch, width].
func (m *BERT) Pooled(x tensor.Tensor) tensor.Tensor {
	return m.Pooler.Dense.Forward(x.Select(1, 0)).Tanh()
}

func (l *BERTLayer) run(x tensor.Tensor, mask nn.Mask, dropout float32) tensor.Tensor {
	t, a := x.Tape(), &l.Attention
	y, _ := a.Self.Query.Forward(x).Attention(a.Self.Key.Forward(x), a.Self.Value.Forward(x),
		tensor.Attend{Heads: l.Heads, Padding: mask.Padding, Dropout: dropout})
	x = a.Output.LayerNorm.Forward(a.Output.Dense.Forward(y).Dropout(dropout).Add(x))
	if dropout > 0 && t.Training() {
		y = l.Output.Dense.Forward(l.Intermediate.Dense.Forward(x).GELU())
		return l.Output.LayerNorm.Forward(y.Dropout(dropout).Add(x))
	}
	in, out := l.Intermediate.Dense, l.Output.Dense
	return l.Output.LayerNorm.Forward(x.FeedForward(tensor.FeedForward{Weight1: t.Use(in.Weight), Bias1: t.Use(in.Bias),
		Weight2: t.Use(out.Weight), Bias2: t.Use(out.Bias), Add: x, GELU: true}))
}
