// Command gomlx is GoMLX, on its backend in pure Go, at the tasks of the
// benchmarks that take it less than minutes: one JSON object, as the other
// peers print. A module of its own keeps GoMLX out of the library's go.mod.
package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/backends/simplego"
	"github.com/gomlx/gomlx/pkg/core/graph"
	"github.com/gomlx/gomlx/pkg/core/tensors"
	"github.com/gomlx/gomlx/pkg/ml/context"
	"github.com/gomlx/gomlx/pkg/ml/datasets"
	"github.com/gomlx/gomlx/pkg/ml/layers"
	"github.com/gomlx/gomlx/pkg/ml/layers/activations"
	"github.com/gomlx/gomlx/pkg/ml/train"
	"github.com/gomlx/gomlx/pkg/ml/train/losses"
	"github.com/gomlx/gomlx/pkg/ml/train/optimizers"
)

var (
	task    = flag.String("task", "", "linear, linear100 or mlp")
	threads = flag.Int("threads", 1, "goroutines at a time (GOMAXPROCS does it)")
	epochs  = flag.Int("epochs", 1, "epochs")
	seed    = flag.Int64("seed", 1, "seed")
	mnist   = flag.String("mnist", "", "folder of MNIST's idx files")
)

func main() {
	flag.Parse()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	backend, err := simplego.New("")
	if err != nil {
		return err
	}
	out := map[string]any{"framework": "GoMLX 0.26 (pure Go)", "task": *task, "threads": *threads}
	var first time.Time
	began, _ := strconv.ParseInt(os.Getenv("BENCH_START"), 10, 64)
	fit := func(set *datasets.InMemoryDataset, model train.ModelFn, loss losses.LossFn,
		optimizer optimizers.Interface, steps, rounds int) (seconds []float64, err error) {
		ctx := context.New()
		if err := ctx.SetRNGStateFromSeed(*seed); err != nil {
			return nil, err
		}
		loop := train.NewLoop(train.NewTrainer(backend, ctx, model, loss, optimizer, nil, nil))
		for range rounds {
			start := time.Now()
			if first.IsZero() {
				if _, err := loop.RunSteps(set, 1); err != nil {
					return nil, err
				}
				first = time.Now()
			}
			if _, err := loop.RunSteps(set, steps); err != nil {
				return nil, err
			}
			seconds = append(seconds, time.Since(start).Seconds())
		}
		return seconds, nil
	}
	switch *task {
	case "linear", "linear100":
		size := 32
		if *task == "linear100" {
			size = 100
		}
		x, y := points()
		set, err := inMemory(backend, x, y, size)
		if err != nil {
			return err
		}
		model := func(ctx *context.Context, _ any, in []*graph.Node) []*graph.Node {
			return []*graph.Node{layers.Dense(ctx, in[0], true, 1)}
		}
		seconds, err := fit(set, model, losses.MeanSquaredError,
			optimizers.StochasticGradientDescent().WithLearningRate(0.01).WithDecay(false).Done(),
			1000*((100+size-1)/size), *epochs)
		if err != nil {
			return err
		}
		out["value"], out["unit"], out["epochs_s"] = least(seconds), "s", seconds
	case "mlp":
		const n = 1280 // an epoch of 60,000 would take minutes
		images, err := readIDX("train-images-idx3-ubyte.gz", 16, n*784)
		if err != nil {
			return err
		}
		labels, err := readIDX("train-labels-idx1-ubyte.gz", 8, n)
		if err != nil {
			return err
		}
		x, y := make([][]float32, n), make([][]int32, n)
		for i := range x {
			x[i], y[i] = make([]float32, 784), []int32{int32(labels[i])}
			for k := range x[i] {
				x[i][k] = float32(images[i*784+k]) / 255
			}
		}
		set, err := inMemory(backend, x, y, 128)
		if err != nil {
			return err
		}
		model := func(ctx *context.Context, _ any, in []*graph.Node) []*graph.Node {
			h := activations.Relu(layers.Dense(ctx.In("0"), in[0], true, 256))
			h = activations.Relu(layers.Dense(ctx.In("1"), h, true, 128))
			return []*graph.Node{layers.Dense(ctx.In("2"), h, true, 10)}
		}
		seconds, err := fit(set, model, losses.SparseCategoricalCrossEntropyLogits,
			optimizers.Adam().LearningRate(1e-3).Done(), n/128, *epochs)
		if err != nil {
			return err
		}
		out["value"], out["unit"], out["epochs_s"] = n/least(seconds), "samples/s", seconds
	default:
		return fmt.Errorf("no task %q", *task)
	}
	out["startup_ms"] = first.Sub(time.Unix(0, began)).Seconds() * 1e3
	out["peak_rss_mb"] = peakMB()
	return json.NewEncoder(os.Stdout).Encode(out)
}

func inMemory[X, Y any](backend backends.Backend, x X, y Y, size int) (*datasets.InMemoryDataset, error) {
	set, err := datasets.InMemoryFromData(backend, "data", []any{tensors.FromAnyValue(x)}, []any{tensors.FromAnyValue(y)})
	if err != nil {
		return nil, err
	}
	return set.Infinite(true).Shuffle().BatchSize(size, false), nil
}

func least(s []float64) float64 {
	m := s[0]
	for _, v := range s {
		m = min(m, v)
	}
	return m
}

// points follow the same law as the other sides'; the time does not depend on
// which they are.
func points() (x, y [][]float32) {
	rng := rand.New(rand.NewPCG(42, 42))
	for range 100 {
		v := rng.Float32()
		x, y = append(x, []float32{v}), append(y, []float32{2*v + 1 + float32(rng.NormFloat64())})
	}
	return x, y
}

func readIDX(name string, skip, n int) ([]byte, error) {
	f, err := os.Open(filepath.Join(*mnist, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	b := make([]byte, skip+n)
	if _, err := io.ReadFull(z, b); err != nil {
		return nil, err
	}
	return b[skip:], nil
}

func peakMB() float64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if rest, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}
