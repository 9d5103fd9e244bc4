package datasets_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"descent/mlkit/datasets"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// GPT reads characters by number and says what comes next.
type GPT struct {
	Tokens    *nn.Embedding
	Positions *nn.LearnedPositions
	Stack     *nn.TransformerEncoder
	Head      *nn.Linear
}

func (g *GPT) ForwardTokens(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	x := g.Positions.Forward(g.Tokens.ForwardTokens(t, ids))
	return g.Head.Forward(g.Stack.Run(x, nn.Mask{Causal: true}))
}

// A small GPT learns the plays character by character and writes on, drawing
// from the likeliest characters that have nine tenths of the probability. With
// width 128 and 2,000 steps, some minutes, most of its words are English.
func ExampleShakespeare() {
	const window, width, batch, steps = 64, 48, 8, 200
	text, err := datasets.Shakespeare(datasets.AtHand(context.Background()))
	if err != nil { // not on this machine
		text = strings.Repeat("JULIET:\nO Romeo, Romeo! wherefore art thou Romeo?\nDeny thy father and refuse thy name;\n\n", 20)
	}
	letters := strings.Join(slices.Compact(slices.Sorted(slices.Values(strings.Split(text, "")))), "")
	ids := make([]int32, len(text))
	for i := range ids {
		ids[i] = int32(strings.IndexByte(letters, text[i]))
	}
	rng := nn.NewRand(1)
	gpt := &GPT{nn.NewEmbedding(rng, len(letters), width), nn.NewLearnedPositions(rng, window, width),
		nn.NewTransformerEncoder(rng, 2, nn.Transformer{Width: width, Heads: 4, PreNorm: true, GELU: true}), nn.NewLinear(rng, width, len(letters))}
	opt, tape, first, last := optim.New(nn.Params(gpt), optim.AdamW(3e-3)), tensor.NewTape(1), float32(0), float32(0)
	for step := range steps {
		var in, next []int32
		for range batch {
			at := rng.IntN(len(ids) - window)
			in, next = append(in, ids[at:at+window]...), append(next, ids[at+1:at+window+1]...)
		}
		tape.Reset()
		loss := nn.CrossEntropy(gpt.ForwardTokens(tape, tensor.NewInts(in, batch, window)), tensor.NewInts(next))
		if last = loss.Item(); step == 0 {
			first = last
		}
		opt.Step(loss.Backward())
	}
	eval := tensor.NewEvalTape()
	written, err := nn.Sampling{Max: 50, End: -1, TopP: 0.9, Seed: 2}.Generate([][]int32{ids[:8]}, func(all [][]int32) ([][]float32, error) {
		eval.Reset()
		logits := gpt.ForwardTokens(eval, tensor.NewInts(all[0], 1, len(all[0])))
		return [][]float32{logits.Select(1, -1).Data()}, nil
	})
	fmt.Println("learned:", last < 0.75*first, "- wrote", len(written[0]), "characters", err)
	// Output: learned: true - wrote 50 characters <nil>
}
