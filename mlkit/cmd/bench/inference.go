package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"descent/mlkit/data"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// Predictions of the first group's networks, of one image and of a batch.

// inferenceBatch is the number of images that throughput is measured with.
const inferenceBatch = 128

// predictions is a workload for the peers: the weights of a network, and
// images.
func predictions(model func(rng *rand.Rand) nn.Layer) func(rng *rand.Rand, n int) workload {
	return func(rng *rand.Rand, n int) workload {
		w := workload{model: model(rng)}
		b := data.Batch{}
		b.X, b.XDims = uniform(rng, n, 1, 28, 28)
		b.Index = indices(b)
		w.batches = []data.Batch{b}
		return w
	}
}

// writer is the workload of a transformer that reads a text of 128 characters.
func writer(rng *rand.Rand, n int) workload {
	w := gptLike(256, 4, 4, 128)(rng, n)
	w.batches = w.batches[:1]
	return w
}

// write measures a transformer that reads and predicts one token after the
// other, with a cache of what it has read: the mean time of one over a whole
// text. The text is given, so that all sides read the same.
func write(w *worker) error {
	load := w.task.workload(w.seed, w.quick)
	clock := w.clock()
	next := wholeText(load)
	figures := outputFigures(next())
	w.firstStep()
	for clock.step() {
		next()
	}
	w.report(Result{Value: 1e6 * least(clock.perStep) / float64(load.batches[0].IDsDims[1]), Unit: "µs",
		Losses: figures, Size: "next token"})
	return nil
}

// wholeText reads the text and gives the logits behind its last token.
func wholeText(load *workload) func() []float32 {
	m, text := load.model.(*gpt), load.batches[0].IDs
	cache, tape := m.Encoder.Cache(), tensor.NewEvalTape()
	begun := make([][]int32, 1)
	return func() (logits []float32) {
		for i := range text {
			tape.Reset()
			begun[0] = text[:i+1]
			ids, at := cache.Extend(begun)
			x := m.Positions.ForwardAt(m.Tokens.ForwardTokens(tape, ids), at)
			logits = m.Head.Forward(m.Encoder.Continue(x, cache)).Data()
		}
		return logits
	}
}

// predict measures one image, then the batch.
func predict(w *worker) error {
	load := w.task.workload(w.seed, w.quick)
	model, images, tape := load.model.(nn.Layer), load.batches[0], tensor.NewEvalTape()
	for _, n := range []int{1, images.Len()} {
		call := func() []float32 {
			tape.Reset()
			return model.Forward(tape.Input(images.X[:n*784], n, 1, 28, 28)).Data()
		}
		figures := outputFigures(call())
		w.firstStep()
		clock := w.clock()
		for clock.step() {
			call()
		}
		seconds := least(clock.perStep)
		r := Result{Value: seconds * 1e6, Unit: "µs", Losses: figures, Size: fmt.Sprintf("batch %d", n)}
		if n > 1 {
			r.Value, r.Unit = float64(n)/seconds, "samples/s"
		}
		w.report(r)
	}
	return nil
}

// outputFigures are the mean absolute and the mean squared logit, which must
// agree between the sides as losses do.
func outputFigures(y []float32) []float64 {
	var absolute, square float64
	for _, v := range y {
		absolute += math.Abs(float64(v))
		square += float64(v) * float64(v)
	}
	return []float64{absolute / float64(len(y)), square / float64(len(y))}
}
