package nn_test

import (
	"fmt"
	"strings"
	"testing"

	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

func ExampleSummary() {
	rng := nn.NewRand(1)
	frozen := nn.NewLinear(rng, 392, 32)
	frozen.Weight.Frozen = true
	model := nn.Sequential{
		nn.NewConv2D(rng, nn.Conv{In: 1, Out: 8, Kernel: 3, Padding: nn.Same, NoBias: true}), nn.NewBatchNorm(8), nn.ReLU{},
		nn.MaxPool2D{Kernel: 4}, nn.Flatten{}, frozen, nn.ReLU{}, nn.Dropout{P: 0.5}, nn.NewLinear(rng, 32, 10),
	}
	fmt.Print(nn.Summary(model, 64, 1, 28, 28))
	// Output:
	// name  layer                        output shape  parameters
	// 0     Conv2D                       [64 8 28 28]          72
	// 1     BatchNorm + ReLU             [64 8 28 28]          16
	//       MaxPool2D                    [64 8 7 7]             0
	//       Flatten                      [64 392]               0
	// 5     Linear + ReLU, 12544 frozen  [64 32]            12576
	//       Dropout                      [64 32]                0
	// 8     Linear                       [64 10]              330
	// 12994 parameters, 450 of them trainable, 16 numbers in buffers: 50.8 KiB; activations: 3.2 MiB
}

// A model that is no Sequential, with a layer used twice and one not at all.
type twins struct {
	Encoder *nn.Conv1D
	Head    *nn.Linear
	Spare   *nn.Linear
}

func (m *twins) Forward(x tensor.Tensor) tensor.Tensor {
	a, b := m.Encoder.Forward(x), m.Encoder.Forward(x.Neg())
	return m.Head.Forward(a.Sub(b).Flatten())
}

func TestSummaryOfAnyModel(t *testing.T) {
	rng := nn.NewRand(1)
	m := &twins{nn.NewConv1D(rng, nn.Conv{In: 2, Out: 3, Kernel: 3}), nn.NewLinear(rng, 12, 2), nn.NewLinear(rng, 1, 1)}
	s := nn.Summary(m, 5, 2, 6)
	var got []string
	for _, r := range s.Rows {
		got = append(got, fmt.Sprintf("%s %s %v %d", r.Name, r.Layer, r.Shape, r.Params))
	}
	want := "encoder Conv1D [5 3 4] 21|Sub [5 3 4] 0|Flatten [5 12] 0|head Linear [5 2] 26|spare Linear [] 2"
	if g := strings.Join(got, "|"); strings.ReplaceAll(g, "| ", "|") != want {
		t.Errorf("rows\n%s\nwant\n%s", g, want)
	}
	if s.Params != 49 || s.Trainable != 49 || s.ParamBytes != 4*49 {
		t.Errorf("totals %+v", s)
	}
	if !strings.Contains(s.String(), "not reached") {
		t.Errorf("%s", s)
	}
}

// Layers of several operations are one row; ids are no layer's parameters.
func TestSummaryOfSequenceModel(t *testing.T) {
	rng := nn.NewRand(1)
	m := &struct {
		Embed *nn.Embedding
		Body  *nn.TransformerEncoderLayer
		RNN   *nn.LSTM
		Head  *nn.Linear
	}{nn.NewEmbedding(rng, 50, 8), nn.NewTransformerEncoderLayer(rng, nn.Transformer{Width: 8, Heads: 2, Hidden: 16}),
		nn.NewLSTM(rng, nn.Recurrent{In: 8, Hidden: 4, Layers: 2, Bidirectional: true}), nn.NewLinear(rng, 8, 50)}
	s := nn.SummaryOf(m, func(tape *tensor.Tape) {
		x := m.Body.Forward(m.Embed.ForwardTokens(tape, tensor.NewInts(make([]int32, 12), 3, 4)))
		m.Head.Forward(m.RNN.Forward(x))
	})
	var got []string
	for _, r := range s.Rows {
		if r.Name != "" {
			got = append(got, fmt.Sprintf("%s %s %v %d", r.Name, r.Layer, r.Shape, r.Params))
		}
	}
	want := "embed Embedding [3 4 8] 400|body.self_attn MultiHeadAttention [3 4 8] 216|body.self_attn.out_proj Linear [3 4 8] 72|" +
		"body.norm1 LayerNorm [3 4 8] 16|body.linear1 Linear [3 4 8] 144|body.linear2 Linear [3 4 8] 136|" + // one operation
		"body.norm2 LayerNorm [3 4 8] 16|rnn LSTM [3 4 8] 896|head Linear [3 4 50] 450"
	if g := strings.Join(got, "|"); g != want {
		t.Errorf("rows\n%s\nwant\n%s", g, want)
	}
	if last := s.Rows[len(s.Rows)-2].Name; last != "rnn" {
		t.Errorf("%q stands before the head, want the recurrent layer\n%s", last, s)
	}
}

// An operation of one's own has its name in the summary, and a layer that is
// frozen as a whole says so.
func TestSummaryNamesOwnOperationsAndWhatIsFrozen(t *testing.T) {
	own := tensor.NewOp("Wave", func(b tensor.Back) {})
	wave := func(x tensor.Tensor) tensor.Tensor {
		return own.Apply(x.Tape().Scratch(x.Size()), x.Dims(), []tensor.Tensor{x})
	}
	body := nn.NewLinear(nn.NewRand(1), 2, 3)
	body.Weight.Frozen, body.Bias.Frozen = true, true
	s := nn.Summary(nn.Sequential{body, nn.Func(wave), nn.NewLinear(nn.NewRand(1), 3, 1)}, 4, 2).String()
	for _, want := range []string{"0     Linear, frozen  ", "      Wave  ", "2     Linear  "} {
		if !strings.Contains(s, want) {
			t.Errorf("no %q in\n%s", want, s)
		}
	}
}
