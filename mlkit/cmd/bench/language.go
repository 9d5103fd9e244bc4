package main

import (
	"math/rand/v2"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// The workloads that read token ids.

// gptLike is a decoder-only transformer that predicts the next of 96
// characters.
func gptLike(width, layers, heads, context int) func(rng *rand.Rand, n int) workload {
	const characters = 96
	return func(rng *rand.Rand, n int) workload {
		m := &gpt{nn.NewEmbedding(rng, characters, width), nn.NewLearnedPositions(rng, context, width),
			nn.NewTransformerEncoder(rng, layers,
				nn.Transformer{Width: width, Heads: heads, PreNorm: true, GELU: true}),
			nn.NewLinear(rng, width, characters)}
		return workload{m,
			func(t *tensor.Tape, b data.Batch) tensor.Tensor { return nn.CrossEntropy(m.Predict(t, b), b.Ints()) },
			optim.AdamW(3e-4), nextTokens(rng, characters, n, context)}
	}
}

type gpt struct {
	Tokens    *nn.Embedding
	Positions *nn.LearnedPositions
	Encoder   *nn.TransformerEncoder
	Head      *nn.Linear
}

// Predict gives the logits [n, time, characters].
func (m *gpt) Predict(t *tensor.Tape, b data.Batch) tensor.Tensor {
	x := m.Positions.Forward(m.Tokens.ForwardTokens(t, b.Tokens()))
	return m.Head.Forward(m.Encoder.Run(x, nn.Mask{Causal: true}))
}

// nextTokens are texts of random tokens, each labelled with the next.
func nextTokens(rng *rand.Rand, tokens, n, time int) []data.Batch {
	return several(func() (b data.Batch) {
		text, _ := below(rng, tokens, n, time+1)
		b.IDsDims, b.LabelsDims = []int{n, time}, []int{n, time}
		for i := range n {
			row := text[i*(time+1):][:time+1]
			b.IDs, b.Labels = append(b.IDs, row[:time]...), append(b.Labels, row[1:]...)
		}
		return b
	})
}

// lstmLanguage is a language model of 10,000 words: two LSTM layers of 256, 35
// steps, and the embedding for the output as well (Press & Wolf 2017).
func lstmLanguage(rng *rand.Rand, n int) workload {
	const words, width, time = 10_000, 256, 35
	m := &wordLSTM{smallEmbedding(rng, words, width),
		nn.NewLSTM(rng, nn.Recurrent{In: width, Hidden: width, Layers: 2}),
		tensor.NewParam(words)}
	m.Words.Padding = -1
	return workload{m, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		h := m.LSTM.Forward(m.Words.ForwardTokens(t, b.Tokens()))
		return nn.CrossEntropyLoss{}.Linear(h, t.Use(m.Words.Weight), t.Use(m.Bias), b.Ints())
	}, optim.Chain(optim.ClipByGlobalNorm(1), optim.Adam(1e-3)), nextTokens(rng, words, n, time)}
}

type wordLSTM struct {
	Words *nn.Embedding
	LSTM  *nn.LSTM
	Bias  *tensor.Param
}

// bagOfWords averages the vectors of a text's 100 words, of 50,000, and
// classifies the mean.
func bagOfWords(rule optim.Rule) func(rng *rand.Rand, n int) workload {
	const words, width, length = 50_000, 64, 100
	return func(rng *rand.Rand, n int) workload {
		m := &bag{nn.NewEmbeddingBag(rng, words, width), nn.NewLinear(rng, width, 2)}
		return workload{m,
			func(t *tensor.Tape, b data.Batch) tensor.Tensor { return nn.CrossEntropy(m.Predict(t, b), b.Ints()) },
			rule, several(func() (b data.Batch) {
				b.IDs, b.IDsDims = below(rng, words, n, length)
				b.Labels, b.LabelsDims = below(rng, 2, n)
				return b
			})}
	}
}

type bag struct {
	Words *nn.EmbeddingBag
	Out   *nn.Linear
}

// Predict gives the logits [n, 2].
func (m *bag) Predict(t *tensor.Tape, b data.Batch) tensor.Tensor {
	return m.Out.Forward(m.Words.ForwardTokens(t, b.Tokens()))
}

// recommender says whether a user likes an item by the product of their
// vectors: 100,000 users and items in one table, 1,024 pairs a step (Koren et
// al. 2009).
func recommender(rng *rand.Rand, n int) workload {
	const users, items, width = 80_000, 20_000, 64
	m := &factors{smallEmbedding(rng, users+items, width)}
	m.Factors.Padding = -1
	return workload{m, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return nn.BinaryCrossEntropy(m.Predict(t, b), b.Target(t))
	}, optim.AdaGrad(0.05), several(func() (b data.Batch) {
		b.IDs, b.IDsDims = below(rng, items, n, 2)
		for i := range n {
			b.IDs[2*i] = rng.Int32N(users)
			b.IDs[2*i+1] += users
		}
		b.Y, b.YDims = uniform(rng, n)
		return b
	})}
}

type factors struct{ Factors *nn.Embedding }

// Predict gives a logit for each pair.
func (m *factors) Predict(t *tensor.Tape, b data.Batch) tensor.Tensor {
	pairs := m.Factors.ForwardTokens(t, b.Tokens())
	return pairs.Select(1, 0).Mul(pairs.Select(1, 1)).Sum(1)
}

// translator is an encoder and a decoder (Vaswani et al. 2017) of two layers
// each, width 256, over 8,000 words. Sources are 16 to 32 words long.
func translator(rng *rand.Rand, n int) workload {
	const words, width, time = 8_000, 256, 32
	c := nn.Transformer{Width: width, Heads: 4, PreNorm: true, GELU: true}
	m := &encoderDecoder{smallEmbedding(rng, words, width), nn.NewLearnedPositions(rng, time, width),
		nn.NewTransformerEncoder(rng, 2, c), nn.NewTransformerDecoder(rng, 2, c), nn.NewLinear(rng, width, words)}
	m.Words.Padding = -1
	return workload{m, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return nn.CrossEntropyLoss{}.Linear(m.Decode(t, b), t.Use(m.Head.Weight), t.Use(m.Head.Bias), b.Ints())
	},
		optim.AdamW(3e-4), several(func() (b data.Batch) {
			b.IDs, b.IDsDims = below(rng, words, n, time)
			b.Labels, b.LabelsDims = below(rng, words, n, time)
			b.Lengths, _ = below(rng, time/2+1, n)
			b.Lengths[0] = time / 2
			for i := range b.Lengths {
				b.Lengths[i] += time / 2
			}
			return b
		})}
}

type encoderDecoder struct {
	Words     *nn.Embedding
	Positions *nn.LearnedPositions
	Encoder   *nn.TransformerEncoder
	Decoder   *nn.TransformerDecoder
	Head      *nn.Linear
}

// Decode gives what the head reads, [n, time, width].
func (m *encoderDecoder) Decode(t *tensor.Tape, b data.Batch) tensor.Tensor {
	embed := func(ids tensor.Ints) tensor.Tensor { return m.Positions.Forward(m.Words.ForwardTokens(t, ids)) }
	source := embed(b.Tokens())
	padding := nn.Mask{Padding: nn.LengthMask(t, b.InputLengths(), source.Dim(1))}
	memory := m.Encoder.Run(source, padding)
	return m.Decoder.Run(embed(b.DecoderInput(t, 1)), memory, nn.Mask{Causal: true}, padding)
}
