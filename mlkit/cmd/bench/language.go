package main

import (
	"math/rand/v2"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// The workloads that read token ids.

// gptLike is a decoder-only transformer that predicts the next of 96 characters.
func gptLike(width, layers, heads, context int) func(rng *rand.Rand, n int) workload {
	const characters = 96
	return func(rng *rand.Rand, n int) workload {
		m := &gpt{nn.NewEmbedding(rng, characters, width), nn.NewLearnedPositions(rng, context, width),
			nn.NewTransformerEncoder(rng, layers, nn.Transformer{Width: width, Heads: heads, PreNorm: true, GELU: true}), nn.NewLinear(rng, width, characters)}
		return workload{m, func(t *tensor.Tape, b data.Batch) tensor.Tensor { return nn.CrossEntropy(m.Predict(t, b), b.Ints()) },
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
	m := &wordLSTM{smallEmbedding(rng, words, width), nn.NewLSTM(rng, nn.Recurrent{In: width, Hidden: width, Layers: 2}), tensor.NewParam(words)}
	m.Words.Padding = -1
	return workload{m, func(t *tensor.Tape, b data.Batch) tensor.Tensor { return nn.CrossEntropy(m.Predict(t, b), b.Ints()) },
		optim.Chain(optim.ClipByGlobalNorm(1), optim.Adam(1e-3)), nextTokens(rng, words, n, time)}
}

type wordLSTM struct {
	Words *nn.Embedding
	LSTM  *nn.LSTM
	Bias  *tensor.Param
}

// Predict gives the logits [n, time, words].
func (m *wordLSTM) Predict(t *tensor.Tape, b data.Batch) tensor.Tensor {
	h := m.LSTM.Forward(m.Words.ForwardTokens(t, b.Tokens()))
	return h.Linear(t.Use(m.Words.Weight), t.Use(m.Bias))
}

// bagOfWords averages the vectors of a text's 100 words, of 50,000, and
// classifies the mean.
func bagOfWords(rule optim.Rule) func(rng *rand.Rand, n int) workload {
	const words, width, length = 50_000, 64, 100
	return func(rng *rand.Rand, n int) workload {
		m := &bag{nn.NewEmbedding(rng, words, width), nn.NewLinear(rng, width, 2)}
		return workload{m, func(t *tensor.Tape, b data.Batch) tensor.Tensor { return nn.CrossEntropy(m.Predict(t, b), b.Ints()) },
			rule, several(func() (b data.Batch) {
				b.IDs, b.IDsDims = below(rng, words, n, length)
				b.Labels, b.LabelsDims = below(rng, 2, n)
				return b
			})}
	}
}

type bag struct {
	Words *nn.Embedding
	Out   *nn.Linear
}

// Predict gives the logits [n, 2].
func (m *bag) Predict(t *tensor.Tape, b data.Batch) tensor.Tensor {
	return m.Out.Forward(m.Words.ForwardTokens(t, b.Tokens()).Mean(1))
}
