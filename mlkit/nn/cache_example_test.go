package nn_test

import (
	"fmt"
	"slices"
	"strings"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// A language model of characters, a small GPT whose output weights are its
// embedding's.
type GPT struct {
	Tokens    *nn.Embedding
	Positions *nn.LearnedPositions
	Stack     *nn.TransformerEncoder
}

// loss is that of every next character; the logits are never whole in memory.
func (m *GPT) loss(t *tensor.Tape, ids, following tensor.Ints) tensor.Tensor {
	x := m.Stack.Run(m.Positions.Forward(m.Tokens.ForwardTokens(t, ids)), nn.Mask{Causal: true})
	return nn.CrossEntropyLoss{}.Linear(x, t.Use(m.Tokens.Weight), tensor.Tensor{}, following)
}

// write goes on with texts that are given as ids. Each step computes the new
// characters alone: a cache remembers keys and values of the others.
func (m *GPT) write(prompts [][]int32, s nn.Sampling) ([][]int32, error) {
	t, cache := tensor.NewEvalTape(), m.Stack.Cache()
	return s.Generate(prompts, func(beginnings [][]int32) (logits [][]float32, err error) {
		t.Reset()
		ids, at := cache.Extend(beginnings)
		x := m.Stack.Continue(m.Positions.ForwardAt(m.Tokens.ForwardTokens(t, ids), at), cache)
		x = x.Select(1, x.Dim(1)-1).Linear(t.Use(m.Tokens.Weight), tensor.Tensor{})
		return slices.Collect(slices.Chunk(x.Data(), x.Dim(1))), nil
	})
}

func ExampleKVCache() {
	const letters, context = "abcdefghijklmnopqrstuvwxyz ,.", 24
	text := strings.Repeat("the cat sat on the mat, and the dog lay by the log. ", 20)
	encode := func(s string) (ids []int32) {
		for _, c := range s {
			ids = append(ids, int32(strings.IndexRune(letters, c)))
		}
		return ids
	}
	rng := nn.NewRand(1)
	m := &GPT{nn.NewEmbedding(rng, len(letters), 32), nn.NewLearnedPositions(rng, context, 32),
		nn.NewTransformerEncoder(rng, 2, nn.Transformer{Width: 32, Heads: 2, PreNorm: true, GELU: true})}
	for i := range m.Tokens.Weight.Data {
		m.Tokens.Weight.Data[i] *= 0.1
	}

	ids, t := encode(text), tensor.NewTape(1)
	opt := optim.New(nn.Params(m), optim.AdamW(3e-3))
	for range 200 {
		t.Reset()
		var in, out []int32
		for range 8 {
			at := rng.IntN(len(ids) - context)
			in, out = append(in, ids[at:at+context]...), append(out, ids[at+1:at+context+1]...)
		}
		opt.Step(m.loss(t, tensor.NewInts(in, 8, context), tensor.NewInts(out)).Backward())
	}

	written, err := m.write([][]int32{encode("the cat s"), encode("and the d")}, nn.Sampling{Max: 14, End: -1, TopK: 1})
	if err != nil {
		panic(err)
	}
	for _, w := range written {
		for _, id := range w {
			fmt.Printf("%c", letters[id])
		}
		fmt.Println("|")
	}
	// Output:
	// at on the mat,|
	// og lay by the |
}
