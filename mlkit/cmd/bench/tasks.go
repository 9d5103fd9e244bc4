package main

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"descent/mlkit/nn"
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
	// perUnit is the number of floating-point operations behind one unit of
	// the task's rate (a sample of training: forward, and twice that backward
	// except into the data). 0: the share of the peak says nothing.
	perUnit float64
}

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
	{name: "linear", work: line(32)},
	{name: "linear100", work: line(100)},
	{name: "mlp", work: classify, images: 60000, model: mlp, perUnit: 2 * mlpMacs},
	{name: "online", work: online},
	{name: "latency", work: latency, images: 12800, model: mlp},
	{name: "gemm", work: products, perUnit: 1e9},
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
	return nn.Sequential{nn.Func(tensor.Tensor.Flatten), nn.NewLinear(rng, 784, 256), nn.Func(tensor.Tensor.ReLU),
		nn.NewLinear(rng, 256, 128), nn.Func(tensor.Tensor.ReLU), nn.NewLinear(rng, 128, 10)}
}
