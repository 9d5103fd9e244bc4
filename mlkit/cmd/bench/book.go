package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/formats"
	"descent/mlkit/metrics"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/text"
	"descent/mlkit/train"
)

// The models of the book's section 6, trained as the notebooks train them, for
// as many epochs as -epochs says. Their data are prepared here and handed to
// the peers, so that all sides train on the same numbers.

// bookTask trains a model of the book. All of its epochs count, not the best
// one: they differ in length only by what else the machine does.
type bookTask struct {
	batch int
	// parts are the data of a seed: to train on, to choose the best epoch by
	// (nil where the last one is kept), to test on. nil for the images.
	parts func(seed uint64) (*sequenceParts, error)
	model func(seed uint64, parts *sequenceParts) predictor
	rule  optim.Rule
	// schedule is for a number of steps; nil is the rate as it is.
	schedule func(steps int) optim.Schedule
	noise    float64 // added to the training inputs
	binary   bool    // one logit, the label is its sign
}

// predictor is a model of padded sequences.
type predictor interface {
	Predict(t *tensor.Tape, b data.Batch) tensor.Tensor
}

// sequenceParts are the parts of a data set.
type sequenceParts struct {
	train, tune, test *data.Sequences
	vocabulary        int // the number of different tokens, where the inputs are ids
}

var bookTasks = map[string]bookTask{
	"speakers": {
		batch: 16, parts: vowelParts, rule: optim.AdamW(3e-3), noise: 0.5,
		schedule: func(steps int) optim.Schedule { return optim.WarmUp(20, optim.Cosine(steps, 0)) },
		model:    func(seed uint64, _ *sequenceParts) predictor { return newListener(seed) },
	},
	"reviews-lstm": {
		batch: 64, parts: reviewParts, rule: optim.AdamW(2e-3, optim.WeightDecay(0.05)), binary: true,
		model: func(seed uint64, p *sequenceParts) predictor { return newReviewLSTM(seed, p.vocabulary) },
	},
	"reviews-transformer": {
		batch: 64, parts: reviewParts, rule: optim.AdamW(2e-3, optim.WeightDecay(0.05)), binary: true,
		model: func(seed uint64, p *sequenceParts) predictor { return newReviewTransformer(seed, p.vocabulary) },
	},
}

// digits is the network of 06-image, trained as there.
func digits(w *worker) error {
	images, test, err := datasets.MNIST()
	if err != nil {
		return err
	}
	rng := nn.NewRand(w.seed)
	model := nn.Sequential{
		nn.NewConv2D(rng, nn.Conv{In: 1, Out: 16, Kernel: 5, Padding: nn.Same, NoBias: true}), nn.NewBatchNorm(16),
		nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.NewConv2D(rng, nn.Conv{In: 16, Out: 32, Kernel: 5, Padding: nn.Same, NoBias: true}),
		nn.NewBatchNorm(32), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.Flatten{}, nn.NewLinear(rng, 32*7*7, 128), nn.ReLU{}, nn.Dropout{P: 0.4}, nn.NewLinear(rng, 128, 10),
	}
	loader := &data.Loader{Dataset: images, BatchSize: 100, Shuffle: true, Seed: w.seed}
	o := train.Supervised(model, nn.CrossEntropy)
	return w.book(o, loader, &data.Loader{Dataset: test, BatchSize: 250}, nil,
		train.Config{Optimizer: optim.Adam(3e-3), Schedule: optim.OneCycle(w.epochs*loader.Len(), 0.3, 25, 1e4)})
}

// sequences trains a model of bookTasks.
func sequences(w *worker) error {
	c := bookTasks[w.task.name]
	parts, err := c.parts(w.seed)
	if err != nil {
		return err
	}
	model := c.model(w.seed, parts)
	o := train.SupervisedBy(model, model.Predict, nn.CrossEntropy)
	if c.binary {
		o.LossOf = func(p tensor.Tensor, b data.Batch) tensor.Tensor {
			return nn.BinaryCrossEntropy(p, b.Ints().Float(p.Tape()))
		}
	}
	loader := &data.Loader{Dataset: noisy(parts.train, c.noise), BatchSize: c.batch, Shuffle: true, Seed: w.seed}
	config := train.Config{Optimizer: c.rule}
	if c.schedule != nil {
		config.Schedule = c.schedule(w.epochs * loader.Len())
	}
	of := func(s *data.Sequences) train.Source[data.Batch] {
		if s == nil {
			return nil
		}
		return &data.Loader{Dataset: s, BatchSize: 64}
	}
	return w.book(o, loader, of(parts.test), of(parts.tune), config)
}

// book trains, and reports the mean rate of the epochs and the accuracy on
// test, after the last epoch or after the one that was best on tune.
func (w *worker) book(o train.Objective[data.Batch], loader *data.Loader, test, tune train.Source[data.Batch],
	c train.Config) error {
	c.Epochs, c.Seed = w.epochs, w.seed
	c.Callbacks = []train.Callback{train.OnStep(func(*train.Run) error { w.firstStep(); return nil })}
	if tune != nil {
		c.Validation = train.Validate(o, tune, metrics.Accuracy())
		c.Callbacks = append(c.Callbacks, train.EarlyStop{Metric: "val_accuracy", Patience: -1}.Callback())
	}
	h, err := train.Fit(w.ctx, o, loader, c)
	if err != nil {
		return err
	}
	figures, err := train.Evaluate(w.ctx, o, test, metrics.Accuracy())
	if err != nil {
		return err
	}
	var seconds []float64
	total := 0.0
	for _, e := range h.Epochs {
		seconds = append(seconds, e.Time.Seconds())
		total += e.Time.Seconds()
	}
	w.report(Result{Value: float64(loader.Dataset.Len()*len(seconds)) / total, Unit: "samples/s", Epochs: seconds,
		Accuracy: figures["accuracy"]})
	return nil
}

// noisy adds normal noise to the true steps, new in every epoch.
func noisy(set *data.Sequences, sigma float64) data.Dataset {
	if sigma == 0 {
		return set
	}
	return data.Map(set, func(b *data.Batch) error {
		for k, i := range b.Index {
			rng := rand.New(rand.NewPCG(uint64(b.Epoch), uint64(i)))
			row := b.X[k*b.XDims[1]*b.XDims[2]:]
			for j := range int(b.Lengths[k]) * b.XDims[2] {
				row[j] += float32(sigma * rng.NormFloat64())
			}
		}
		return nil
	})
}

// vowelParts are the utterances of 06-speech, each coefficient standardised by
// the training part.
func vowelParts(uint64) (*sequenceParts, error) {
	tr, te, err := datasets.JapaneseVowels()
	if err != nil {
		return nil, err
	}
	sum, square, n := make([]float64, tr.Width), make([]float64, tr.Width), 0.0
	for _, x := range tr.X {
		for i, v := range x {
			sum[i%tr.Width] += float64(v)
			square[i%tr.Width] += float64(v) * float64(v)
		}
		n += float64(len(x) / tr.Width)
	}
	for _, part := range []*data.Sequences{tr, te} {
		for _, x := range part.X {
			for i := range x {
				mean := sum[i%tr.Width] / n
				x[i] = float32((float64(x[i]) - mean) / math.Sqrt(square[i%tr.Width]/n-mean*mean))
			}
		}
	}
	return &sequenceParts{train: tr, test: te}, nil
}

// reviewParts is the seeded division of 06-text: sentences as ids of words, a
// vocabulary of the training part.
func reviewParts(seed uint64) (*sequenceParts, error) {
	snippets, err := datasets.MovieReviews()
	if err != nil {
		return nil, err
	}
	var tokens [][]string
	var labels []int32
	seen := map[string]bool{}
	for _, s := range snippets {
		if s.Rating == 0 || seen[s.Text] {
			continue
		}
		seen[s.Text] = true
		label := int32(0)
		if s.Rating > 0 {
			label = 1
		}
		tokens, labels = append(tokens, text.Words(s.Text)), append(labels, label)
	}
	outer := data.StratifiedSplit(labels, 0.2, seed)
	half := data.Split(len(outer.Test), 0.5, seed)
	var words [][]string
	for _, i := range outer.Train {
		words = append(words, tokens[i])
	}
	vocabulary := text.NewVocabulary(words, 0, 2)
	part := func(index []int) *data.Sequences {
		s := &data.Sequences{}
		for _, i := range index {
			s.Tokens, s.Labels = append(s.Tokens, vocabulary.Encode(tokens[i])), append(s.Labels, labels[i])
		}
		return s
	}
	of := func(index []int) (out []int) {
		for _, k := range index {
			out = append(out, outer.Test[k])
		}
		return out
	}
	return &sequenceParts{part(outer.Train), part(of(half.Train)), part(of(half.Test)), vocabulary.Len()}, nil
}

// save writes the parts for the peers, as train_x [n, longest, width] or, of
// token ids, [n, longest], zeros beyond the ends, train_lengths, train_y, and
// so on.
func (p *sequenceParts) save(path string) error {
	arrays := []formats.Array{{Name: "vocabulary", Dims: []int{1}, Data: []int32{int32(p.vocabulary)}}}
	for _, part := range []struct {
		name string
		set  *data.Sequences
	}{{"train", p.train}, {"tune", p.tune}, {"test", p.test}} {
		if part.set == nil {
			continue
		}
		var b data.Batch
		all := make([]int, part.set.Len())
		for i := range all {
			all[i] = i
		}
		if err := part.set.Batch(all, &b); err != nil {
			return err
		}
		x := formats.Array{Name: part.name + "_x", Dims: slices.Clone(b.XDims), Data: b.X}
		if b.IDs != nil {
			x.Dims, x.Data = slices.Clone(b.IDsDims), b.IDs
		}
		arrays = append(arrays, x,
			formats.Array{Name: part.name + "_lengths", Dims: []int{len(all)}, Data: b.Lengths},
			formats.Array{Name: part.name + "_y", Dims: []int{len(all)}, Data: b.Labels})
	}
	if err := formats.SaveNPZ(path, arrays...); err != nil {
		return fmt.Errorf("data for the peers: %w", err)
	}
	return nil
}

// listener is the network of 06-speech that tells speakers apart.
type listener struct {
	GRU  *nn.GRU
	Head *nn.Linear
}

func newListener(seed uint64) *listener {
	rng := nn.NewRand(seed)
	return &listener{nn.NewGRU(rng, nn.Recurrent{In: 12, Hidden: 128, Bidirectional: true}), nn.NewLinear(rng, 256, 9)}
}

func (l *listener) Predict(t *tensor.Tape, b data.Batch) tensor.Tensor {
	h, _ := l.GRU.Run(b.Input(t), nn.Sequences{Lengths: b.InputLengths()})
	return l.Head.Forward(nn.MeanOverTime(h, b.InputLengths()).Dropout(0.5))
}

// smallEmbedding has vectors of a size that training can still turn around.
func smallEmbedding(rng *rand.Rand, count, width int) *nn.Embedding {
	e := nn.NewPaddedEmbedding(rng, count, width, int(text.Padding))
	for i := range e.Weight.Data {
		e.Weight.Data[i] *= 0.1
	}
	return e
}

// reviewLSTM is the recurrent network of 06-text.
type reviewLSTM struct {
	Words *nn.Embedding
	LSTM  *nn.LSTM
	Out   *nn.Linear
}

func newReviewLSTM(seed uint64, words int) *reviewLSTM {
	rng := nn.NewRand(seed)
	return &reviewLSTM{smallEmbedding(rng, words, 64),
		nn.NewLSTM(rng, nn.Recurrent{In: 64, Hidden: 64, Bidirectional: true}), nn.NewLinear(rng, 128, 1)}
}

func (m *reviewLSTM) Predict(t *tensor.Tape, b data.Batch) tensor.Tensor {
	out, _, _ := m.LSTM.Run(m.Words.ForwardTokens(t, b.Tokens()).Dropout(0.5), nn.Sequences{Lengths: b.InputLengths()})
	return m.Out.Forward(nn.MeanOverTime(out, b.InputLengths()).Dropout(0.5)).Squeeze(1)
}

// reviewTransformer is the Transformer of 06-text.
type reviewTransformer struct {
	Words     *nn.Embedding
	Encoder   *nn.TransformerEncoder
	Out       *nn.Linear
	Positions *nn.SinusoidalPositions `nn:"-"`
}

func newReviewTransformer(seed uint64, words int) *reviewTransformer {
	rng := nn.NewRand(seed)
	return &reviewTransformer{smallEmbedding(rng, words, 64),
		nn.NewTransformerEncoder(rng, 1, nn.Transformer{Width: 64, Heads: 4, Hidden: 128, Dropout: 0.3, PreNorm: true}),
		nn.NewLinear(rng, 64, 1), nn.NewSinusoidalPositions(400, 64)}
}

func (m *reviewTransformer) Predict(t *tensor.Tape, b data.Batch) tensor.Tensor {
	x := m.Positions.Forward(m.Words.ForwardTokens(t, b.Tokens()).Scale(10)).Scale(0.1).Dropout(0.5)
	y := m.Encoder.Run(x, nn.Mask{Padding: nn.LengthMask(t, b.InputLengths(), x.Dim(1))})
	return m.Out.Forward(nn.MeanOverTime(y, b.InputLengths()).Dropout(0.5)).Squeeze(1)
}
