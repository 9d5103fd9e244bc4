package main

import (
	"context"
	"log"
	"path"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/metrics"
	"descent/mlkit/models"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/text"
	"descent/mlkit/train"
)

// attentive is the Transformer of 06-text.
type attentive struct {
	Words     *nn.Embedding
	Encoder   *nn.TransformerEncoder
	Out       *nn.Linear
	Positions *nn.SinusoidalPositions `nn:"-"`
}

func newAttentive(seed uint64, words, width int) *attentive {
	rng := nn.NewRand(seed)
	table := nn.NewPaddedEmbedding(rng, words, width, int(text.Padding))
	for i := range table.Weight.Data {
		table.Weight.Data[i] *= 0.1
	}
	layers := nn.Transformer{Width: width, Heads: 4, Hidden: 2 * width, Dropout: 0.3, PreNorm: true}
	return &attentive{table, nn.NewTransformerEncoder(rng, 1, layers), nn.NewLinear(rng, width, 1),
		nn.NewSinusoidalPositions(400, width)}
}

func (m *attentive) score(t *tensor.Tape, b data.Batch) tensor.Tensor {
	x, lengths := m.Words.ForwardTokens(t, b.Tokens()), b.InputLengths()
	y := m.Encoder.Run(m.Positions.Forward(x.Scale(10)).Scale(0.1).Dropout(0.5),
		nn.Mask{Padding: nn.LengthMask(t, lengths, x.Dim(1))})
	return m.Out.Forward(nn.MeanOverTime(y, lengths).Dropout(0.5)).Squeeze(1)
}

// scratch trains a Transformer and keeps the epoch that is best on the part to
// choose by.
func scratch(s *sentences, seed uint64) float64 {
	words := make([][]string, len(s.texts))
	for i, sentence := range s.texts {
		words[i] = text.Words(sentence)
	}
	var training [][]string
	for _, i := range s.training {
		training = append(training, words[i])
	}
	vocabulary := text.NewVocabulary(training, 0, 2)
	ids := make([][]int32, len(words))
	for i := range ids {
		ids[i] = vocabulary.Encode(words[i])
	}
	m := newAttentive(seed, vocabulary.Len(), 64)
	return s.fit(m, m.score, ids, 64, train.Config{Epochs: 40, Seed: seed,
		Optimizer: optim.AdamW(2e-3, optim.WeightDecay(0.05)),
		Callbacks: []train.Callback{train.EarlyStop{Metric: "val_accuracy", Patience: 10}.Callback()}})
}

// encoder is MiniLM with one output.
type encoder struct {
	Model *models.BERT
	Out   *nn.Linear
}

func (m *encoder) score(t *tensor.Tape, b data.Batch) tensor.Tensor {
	lengths := b.InputLengths()
	x := m.Model.Forward(t, b.Tokens(), lengths, tensor.Ints{})
	return m.Out.Forward(nn.MeanOverTime(x, lengths).Dropout(0.1)).Squeeze(1)
}

func pretrained() *models.Sentences {
	weights, vocabulary, err := datasets.MiniLM()
	if err != nil {
		log.Fatal("transfer: ", err)
	}
	m, err := models.OpenSentences(weights, vocabulary, models.MiniLM6)
	if err != nil {
		log.Fatal("transfer: ", err)
	}
	return m
}

// tuned trains the two upper layers of MiniLM and an output.
func tuned(s *sentences, seed uint64) float64 {
	return s.tune(seed, 2e-4, func(m *encoder) {
		var below []string
		for _, n := range nn.State(m) {
			upper, _ := path.Match("model.encoder.layer.[45].*", n.Name)
			if out, _ := path.Match("out.*", n.Name); !upper && !out {
				below = append(below, n.Name)
			}
		}
		nn.FreezeNamed(m, below...)
	})
}

// full trains all of MiniLM and an output.
func full(s *sentences, seed uint64) float64 {
	return s.tune(seed, 2e-4, func(*encoder) {})
}

// adapted trains a change of rank 8 of the matrices in MiniLM's layers, and an
// output.
func adapted(s *sentences, seed uint64) float64 {
	return s.tune(seed, 1e-3, func(m *encoder) {
		nn.AddLoRA(nn.NewRand(seed+200), m.Model, nn.LoRA{Rank: 8, Alpha: 16, On: []string{"encoder.layer.*.weight"}})
	})
}

// tune trains what prepare leaves unfrozen, at one cycle of learning rates up
// to rate.
func (s *sentences) tune(seed uint64, rate float64, prepare func(*encoder)) float64 {
	p := pretrained()
	ids := make([][]int32, len(s.texts))
	for i, sentence := range s.texts {
		ids[i] = p.Words.Encode(sentence)
	}
	m := &encoder{p.Model, nn.NewLinear(nn.NewRand(seed), 384, 1)}
	m.Model.Dropout = 0.1
	prepare(m)
	epochs := 2
	if len(s.training) < 1000 {
		epochs = 6
	}
	steps := epochs * ((len(s.training) + 31) / 32)
	return s.fit(m, m.score, ids, 32, train.Config{Epochs: epochs, Seed: seed,
		Optimizer: optim.AdamW(rate, optim.WeightDecay(0.01)), Schedule: optim.OneCycle(steps, 0.1, 10, 100)})
}

// fit trains a model and returns its accuracy on the test part in percent.
func (s *sentences) fit(m any, score func(*tensor.Tape, data.Batch) tensor.Tensor, ids [][]int32, batch int,
	c train.Config) float64 {
	o := train.SupervisedBy(m, score, func(x tensor.Tensor, y tensor.Ints) tensor.Tensor {
		return nn.BinaryCrossEntropy(x, y.Float(x.Tape()))
	})
	part := func(index []int, shuffle bool) *data.Loader {
		set := &data.Sequences{Labels: s.labelsOf(index)}
		for _, i := range index {
			set.Tokens = append(set.Tokens, ids[i])
		}
		return &data.Loader{Dataset: set, BatchSize: batch, Shuffle: shuffle, Seed: c.Seed}
	}
	if len(c.Callbacks) > 0 {
		c.Validation = train.Validate(o, part(s.tuning, false), metrics.Accuracy())
	}
	if _, err := train.Fit(context.Background(), o, part(s.training, true), c); err != nil {
		log.Fatal("transfer: ", err)
	}
	figures, err := train.Evaluate(context.Background(), o, part(s.test, false), metrics.Accuracy())
	if err != nil {
		log.Fatal("transfer: ", err)
	}
	return 100 * figures["accuracy"]
}
