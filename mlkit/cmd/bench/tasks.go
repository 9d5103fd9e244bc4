package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
)

// batchSize is that of all tasks on MNIST.
const batchSize = 128

// task is one line of work, which every side does its own way.
type task struct {
	name string
	work func(w *worker) error
	// images of an epoch and the model, for the tasks on MNIST.
	images int
	model  func(rng *rand.Rand) nn.Layer
	// micro is the number of samples that go through the model together (see
	// train.Config.MicroBatch); 0 for the whole batch.
	micro int
	// perUnit is the number of floating-point operations behind one unit of
	// the task's rate (a sample of training: forward, and twice that backward
	// except into the data). 0: the share of the peak says nothing.
	perUnit float64
	group   string
	ranks   int // processes that train together; 0 and 1: one
	// batch and build are those of a workload: build makes it for a batch of n.
	batch int
	build func(rng *rand.Rand, n int) workload
}

// The groups of tasks.
const (
	first     = "first"     // the tasks that the kernels were tuned for first
	models    = "models"    // models of all kinds, see workload
	gridGroup = "grid"      // dense layers of all widths on batches of all sizes
	inference = "inference" // predictions of the first group's networks
	int8Group = "int8"      // the same in bytes, beside float32
	book      = "book"      // the models of the book, which "all" leaves out
	processes = "ranks"     // training on several processes, which "all" leaves out
)

// groups in the order of the table.
var groups = []string{first, models, gridGroup, inference, int8Group, book, processes}

// flops is perUnit; a matrix product's rate is in operations already.
func (t *task) flops(string) float64 { return t.perUnit }

// macs of the models' layers; training does each about three times, the first
// layer twice, for the data need no gradient.
const (
	mlpMacs         = 784*256*2 + (256*128+128*10)*3
	cnnMacs         = 26*26*32*9*2 + (11*11*64*288+1600*128+128*10)*3
	lstmMacs        = 28*28*512*2 + (28*128*512+128*10)*3
	transformerMacs = 28*28*128*2 + (2*28*(4*128*128+2*128*512+2*28*128)+128*10)*3
)

var tasks = []task{
	{name: "linear", group: first, work: line(32)},
	{name: "linear100", group: first, work: line(100)},
	{name: "mlp", group: first, work: classify, images: 60000, model: mlp, perUnit: 2 * mlpMacs},
	{name: "cnn", group: first, work: classify, images: 12800, model: cnn, perUnit: 2 * cnnMacs},
	{name: "lstm", group: first, work: classify, images: 12800, model: lstm, micro: 32, perUnit: 2 * lstmMacs},
	{name: "transformer", group: first, work: classify, images: 6400, model: transformer, micro: 32, perUnit: 2 * transformerMacs},
	{name: "online", group: first, work: online},
	{name: "latency", group: first, work: latency, images: 12800, model: mlp},
	{name: "gemm", group: first, work: products, perUnit: 1e9},

	{name: "mlp-tabular", group: models, work: trainWorkload, batch: 32, build: tabularMLP},
	{name: "mlp-normed", group: models, work: trainWorkload, batch: 128, build: normedMLP},
	{name: "vae", group: models, work: trainWorkload, batch: 128, build: variational},
	{name: "mlp-wide", group: models, work: trainWorkload, batch: 256, build: wideMLP},
	{name: "gpt-256", group: models, work: trainWorkload, batch: 16, build: gptLike(256, 4, 4, 128)},
	{name: "gpt-384", group: models, work: trainWorkload, batch: 8, build: gptLike(384, 6, 6, 256)},
	{name: "lm-lstm", group: models, work: trainWorkload, batch: 32, build: lstmLanguage},
	{name: "bag-adam", group: models, work: trainWorkload, batch: 128, build: bagOfWords(optim.Adam(1e-3))},
	{name: "bag-sgd", group: models, work: trainWorkload, batch: 128, build: bagOfWords(optim.SGD(0.5))},
	{name: "recommender", group: models, work: trainWorkload, batch: 1024, build: recommender},
	{name: "translator", group: models, work: trainWorkload, batch: 32, build: translator},
	{name: "gru", group: models, work: trainWorkload, batch: 32, build: bidirectionalGRU},
	{name: "speller", group: models, work: trainWorkload, batch: 16, build: speller},
	{name: "audio", group: models, work: trainWorkload, batch: 8, build: dilatedAudio},
	{name: "resnet20", group: models, work: trainWorkload, batch: 64, build: resNet20},
	{name: "separable", group: models, work: trainWorkload, batch: 32, build: separable},
	{name: "unet", group: models, work: trainWorkload, batch: 16, build: smallUNet},
	{name: "vit", group: models, work: trainWorkload, batch: 32, build: visionTransformer},

	{name: "grid", group: gridGroup, work: grid, perUnit: 1e9},

	{name: "infer-mlp", group: inference, work: predict, batch: inferenceBatch, build: predictions(mlp)},
	{name: "infer-cnn", group: inference, work: predict, batch: inferenceBatch, build: predictions(cnn)},
	{name: "infer-lstm", group: inference, work: predict, batch: inferenceBatch, build: predictions(lstm)},
	{name: "infer-transformer", group: inference, work: predict, batch: inferenceBatch, build: predictions(transformer)},
	{name: "infer-gpt", group: inference, work: write, batch: 1, build: writer},

	{name: "int8-mlp", group: int8Group, work: predictInt8, batch: inferenceBatch, build: predictions(mlp)},
	{name: "int8-cnn", group: int8Group, work: predictInt8, batch: inferenceBatch, build: predictions(cnn)},
	{name: "int8-lstm", group: int8Group, work: predictInt8, batch: inferenceBatch, build: predictions(lstm)},
	{name: "int8-transformer", group: int8Group, work: predictInt8, batch: inferenceBatch, build: predictions(transformer)},

	{name: "mlp-1rank", group: processes, work: ranked, images: 60000, model: mlp, ranks: 1},
	{name: "mlp-2ranks", group: processes, work: ranked, images: 60000, model: mlp, ranks: 2},
	{name: "cnn-1rank", group: processes, work: ranked, images: 12800, model: cnn, ranks: 1},
	{name: "cnn-2ranks", group: processes, work: ranked, images: 12800, model: cnn, ranks: 2},
	{name: "lstm-1rank", group: processes, work: ranked, images: 12800, model: lstm, micro: 32, ranks: 1},
	{name: "lstm-2ranks", group: processes, work: ranked, images: 12800, model: lstm, micro: 32, ranks: 2},
	{name: "transformer-1rank", group: processes, work: ranked, images: 6400, model: transformer, micro: 32, ranks: 1},
	{name: "transformer-2ranks", group: processes, work: ranked, images: 6400, model: transformer, micro: 32, ranks: 2},

	{name: "digits", work: digits, group: book},
	{name: "speakers", work: sequences, group: book},
	{name: "reviews-lstm", work: sequences, group: book},
	{name: "reviews-transformer", work: sequences, group: book},
}

// gemmSizes are the matrix products, m×n×k.
var gemmSizes = []string{"64x64x64", "128x128x128", "256x256x256", "512x512x512", "1024x1024x1024", "128x256x784",
	"784x256x128", "128x128x256", "128x10x128", "3136x64x288", "21632x32x9"}

func taskNames() []string {
	var names []string
	for _, t := range tasks {
		names = append(names, t.name)
	}
	return names
}

// named are the tasks that a list of names of tasks and groups means: all is
// every group but the book's and that of several processes.
func named(list string) ([]*task, error) {
	var out []*task
	for name := range strings.SplitSeq(list, ",") {
		if t := find(name); t != nil {
			out = append(out, t)
			continue
		}
		if name != "all" && !slices.Contains(groups, name) {
			return nil, fmt.Errorf("there is no task or group %q; the groups are all, %s, the tasks %s", name, strings.Join(groups, ", "), strings.Join(taskNames(), ", "))
		}
		for i := range tasks {
			if t := &tasks[i]; t.group == name || name == "all" && t.group != book && t.group != processes {
				out = append(out, t)
			}
		}
	}
	return out, nil
}

func find(name string) *task {
	if i := slices.IndexFunc(tasks, func(t task) bool { return t.name == name }); i >= 0 {
		return &tasks[i]
	}
	return nil
}

func parse(size string) (m, n, k int) {
	fmt.Sscanf(size, "%dx%dx%d", &m, &n, &k)
	return m, n, k
}

func mlp(rng *rand.Rand) nn.Layer {
	return glorot(rng, nn.Sequential{nn.Flatten{}, nn.NewLinear(rng, 784, 256), nn.ReLU{},
		nn.NewLinear(rng, 256, 128), nn.ReLU{}, nn.NewLinear(rng, 128, 10)})
}

func cnn(rng *rand.Rand) nn.Layer {
	return glorot(rng, nn.Sequential{
		nn.NewConv2D(rng, nn.Conv{In: 1, Out: 32, Kernel: 3}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.NewConv2D(rng, nn.Conv{In: 32, Out: 64, Kernel: 3}), nn.ReLU{}, nn.MaxPool2D{Kernel: 2},
		nn.Flatten{}, nn.NewLinear(rng, 1600, 128), nn.ReLU{}, nn.NewLinear(rng, 128, 10),
	})
}

// glorot is a model with Keras's start, which gets further in a few epochs than
// PyTorch's.
func glorot(rng *rand.Rand, model nn.Layer) nn.Layer {
	for _, p := range nn.Params(model) {
		if len(p.Dims()) > 1 {
			nn.GlorotUniform(p, rng)
		} else {
			nn.Constant(p, 0)
		}
	}
	return model
}

// rows makes 28 steps of 28 of an image.
func rows(x tensor.Tensor) tensor.Tensor { return x.Reshape(-1, 28, 28) }

func lstm(rng *rand.Rand) nn.Layer {
	return &lstmNet{nn.NewLSTM(rng, nn.Recurrent{In: 28, Hidden: 128}), nn.NewLinear(rng, 128, 10)}
}

// lstmNet classifies an image by the LSTM's last state.
type lstmNet struct {
	LSTM *nn.LSTM
	Head *nn.Linear
}

func (n *lstmNet) Forward(x tensor.Tensor) tensor.Tensor {
	return n.Head.Forward(n.LSTM.Last(rows(x), nn.Sequences{}))
}

// layers is the network as a chain of layers, with the same parameters.
func (n *lstmNet) layers() nn.Layer {
	last := func(x tensor.Tensor) tensor.Tensor { return x.Select(1, x.Dim(1)-1) }
	return nn.Sequential{nn.Func(rows), n.LSTM, nn.Func(last), n.Head}
}

func transformer(rng *rand.Rand) nn.Layer {
	mean := func(x tensor.Tensor) tensor.Tensor { return x.Mean(1) }
	encoder := nn.NewTransformerEncoder(rng, 2, nn.Transformer{Width: 128, Heads: 4, Hidden: 512, PreNorm: true,
		GELU: true})
	encoder.Norm = nil // as in the peers: PyTorch's encoder has no last norm unless told
	return nn.Sequential{
		nn.Func(rows), nn.NewLinear(rng, 28, 128), nn.NewLearnedPositions(rng, 28, 128), encoder, nn.Func(mean),
		nn.NewLinear(rng, 128, 10),
	}
}
