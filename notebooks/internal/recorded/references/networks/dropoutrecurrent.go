package main

import (
	"context"
	"log"
	"math"
	"slices"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// Where masks are drawn, after Gal & Ghahramani 2016, figure 1.
const (
	galNone      = "none"
	galStep      = "a new mask per step"
	galNoState   = "a new mask per step, not on states"
	galSequence  = "one mask per sequence"
	galEmbedding = 48
	galWindow    = 64
	galBatch     = 16
)

// galNet reads characters and predicts the next ones: an embedding, an LSTM, a
// dense layer, with dropout before and behind the LSTM and on its states.
type galNet struct {
	Embed *nn.Embedding
	LSTM  *nn.LSTM
	Head  *nn.Linear

	masks string
	p     float32
}

func newGalNet(masks string, p float32, letters, hidden int, seed uint64) *galNet {
	rng := nn.NewRand(seed)
	c := nn.Recurrent{In: galEmbedding, Hidden: hidden}
	if masks == galStep || masks == galSequence {
		c.InputDropout, c.RecurrentDropout = p, p
	}
	return &galNet{nn.NewEmbedding(rng, letters, galEmbedding), nn.NewLSTM(rng, c),
		nn.NewLinear(rng, hidden, letters), masks, p}
}

// logits are those of the next characters: [batch, time] → [batch, time,
// letters].
func (m *galNet) logits(t *tensor.Tape, ids tensor.Ints) tensor.Tensor {
	x := m.Embed.ForwardTokens(t, ids)
	var y tensor.Tensor
	switch {
	case m.masks == galStep && t.Training():
		// A run of one step draws masks of its own.
		var s nn.Sequences
		outs := make([]tensor.Tensor, x.Dim(1))
		for k := range outs {
			outs[k], s.H0, s.C0 = m.LSTM.Run(x.Slice(1, k, k+1), s)
		}
		y = tensor.Concat(1, outs...)
	case m.masks == galNoState:
		y = m.LSTM.Forward(x.Dropout(m.p))
	default:
		y = m.LSTM.Forward(x)
	}
	switch {
	case m.masks == galSequence && t.Training():
		y = y.Mul(t.Full(1, y.Dim(0), 1, y.Dim(2)).Dropout(m.p))
	case m.masks != galNone:
		y = y.Dropout(m.p)
	}
	return m.Head.Forward(y)
}

// fitGal trains for some epochs and returns the validation losses per character
// after each, and the test loss where the validation loss was smallest.
func fitGal(m *galNet, training, validation, test []int32, epochs int, rate float64, seed uint64) (losses []float64, tested float64) {
	o := train.SupervisedBy(m, func(t *tensor.Tape, b data.Batch) tensor.Tensor {
		return m.logits(t, b.Tokens())
	}, nn.CrossEntropy)
	windows := func(ids []int32) *data.Loader {
		return &data.Loader{Dataset: data.NextTokens(ids, galWindow, galWindow), BatchSize: galBatch}
	}
	loader, valid, tests := windows(training), windows(validation), windows(test)
	loader.Shuffle, loader.Seed = true, seed
	loss := func(l *data.Loader) float64 {
		v, err := train.Evaluate(context.Background(), o, l)
		if err != nil {
			log.Fatal("networks: ", err)
		}
		return v["loss"]
	}
	best := math.Inf(1)
	_, err := train.Fit(context.Background(), o, loader, train.Config{
		Epochs: epochs, Optimizer: optim.Chain(optim.ClipByGlobalNorm(1), optim.Adam(rate)), Seed: seed,
		Callbacks: []train.Callback{train.OnEpoch(func(r *train.Run) error {
			v := loss(valid)
			losses = append(losses, v)
			if v < best {
				best, tested = v, loss(tests)
			}
			return nil
		})}})
	if err != nil {
		log.Fatal("networks: ", err)
	}
	return losses, tested
}

// shakespeare are the plays as numbers: characters to train on, and the 20,000
// behind them twice, to choose by and to test.
func shakespeare(n int) (training, validation, test []int32, letters int) {
	text, err := datasets.Shakespeare(context.Background())
	if err != nil {
		log.Fatal("networks: ", err)
	}
	kinds := slices.Compact(slices.Sorted(slices.Values([]rune(text))))
	var ids []int32
	for _, c := range text {
		k, _ := slices.BinarySearch(kinds, c)
		ids = append(ids, int32(k))
	}
	return ids[:n], ids[n : n+20000], ids[n+20000 : n+40000], len(kinds)
}

// recurrentSeed trains with masks of a kind; none has p 0.
func recurrentSeed(masks string, p float32) func(r *recorder, seed uint64) {
	return func(r *recorder, seed uint64) {
		const characters, hidden, epochs, rate = 30000, 256, 36, 3e-3
		training, validation, test, letters := shakespeare(characters)
		losses, tested := fitGal(newGalNet(masks, p, letters, hidden, seed), training, validation, test, epochs, rate, seed)
		for k, v := range losses {
			r.add("validation loss", float64(k+1), v)
		}
		r.add("test loss", 0, tested)
	}
}
