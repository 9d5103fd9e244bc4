// Command ranks trains a network on MNIST on the ranks that it is started with,
// or measures what they cost each other:
//
//	mpiexec -n 4 ranks -checkpoint mnist.safetensors
//	mpiexec -n 4 ranks -measure
//
// Interrupted, killed, or ended by a fault, the same command goes on from the
// checkpoint, also with another number of ranks, to the same weights. -measure
// times exchanges of several sizes, fits latency and bandwidth to them, and
// says what they, and batches that grow, make of a training on 8 to 1,024
// ranks.
package main

import (
	"context"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/metrics"
	"descent/mlkit/mpi"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

func main() {
	var (
		measuring  = flag.Bool("measure", false, "measure exchanges instead of training")
		checkpoint = flag.String("checkpoint", "", "file to save to after every epoch and to go on from")
		epochs     = flag.Int("epochs", 5, "passes over the 60,000 digits")
		batch      = flag.Int("batch", 256, "digits a step, of all ranks together")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *measuring, *checkpoint, *epochs, *batch); err != nil {
		fmt.Fprintln(os.Stderr, "ranks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, measuring bool, checkpoint string, epochs, batch int) (err error) {
	world, err := mpi.Start()
	if err != nil {
		return err
	}
	defer func() {
		if closed := world.Close(); err == nil {
			err = closed
		}
	}()
	if measuring {
		return measure(world)
	}
	digits, err := datasets.MNISTTrain(60000)
	if err != nil {
		return err
	}
	test, err := datasets.MNISTTest()
	if err != nil {
		return err
	}
	model := network()
	o := train.Supervised(model, nn.CrossEntropy)
	c := train.Config{Epochs: epochs, Optimizer: optim.Adam(1e-3), Group: world,
		Validation: train.Validate(o, &data.Loader{Dataset: test, BatchSize: 1000}, metrics.Accuracy()),
		Callbacks:  []train.Callback{train.Progress(nil)}}
	if checkpoint != "" {
		c.Resume = checkpoint
		c.Callbacks = append(c.Callbacks, train.Checkpoint(checkpoint, 0))
	}
	_, err = train.Fit(ctx, o, &data.Loader{Dataset: digits, BatchSize: batch, Shuffle: true, Seed: 1, Prefetch: 1}, c)
	return err
}

func network() nn.Sequential {
	rng := nn.NewRand(1)
	return nn.Sequential{nn.Flatten{}, nn.NewLinear(rng, 784, 256), nn.ReLU{}, nn.NewLinear(rng, 256, 128),
		nn.ReLU{}, nn.NewLinear(rng, 128, 10)}
}

// measure prints the times of exchanges and what follows from them.
func measure(w *mpi.World) error {
	say := func(format string, args ...any) {
		if w.Rank() == 0 {
			fmt.Printf(format, args...)
		}
	}
	if w.Ranks() == 1 {
		return fmt.Errorf("one rank has nobody to exchange with: mpiexec -n 2 ranks -measure")
	}
	say("%s, %d ranks\n\n%12s %14s %14s %18s\n", w.Library(), w.Ranks(), "bytes", "library, µs", "fixed tree, µs", "shared memory, µs")
	var bytes, seconds []float64
	for n := w.Ranks() * 16; n <= 1<<22; n *= 8 {
		x, y := make([]float32, n), make([]float32, n)
		part := n / w.Ranks()
		sum, err := best(w, func() error { return w.AllReduce(x).Wait() })
		if err != nil {
			return err
		}
		tree, err := best(w, func() error { // as train sums: parts, added here, collected
			if err := w.AllToAll(y, x).Wait(); err != nil {
				return err
			}
			for r := 1; r < w.Ranks(); r++ {
				for i := range part {
					y[i] += y[r*part+i]
				}
			}
			return w.AllGather(x, y[:part]).Wait()
		})
		if err != nil {
			return err
		}
		direct, err := shared(w, n)
		if err != nil {
			return err
		}
		clear(x)
		say("%12d %14.1f %14.1f %18s\n", 4*n, sum*1e6, tree*1e6, direct)
		bytes, seconds = append(bytes, float64(4*n)), append(seconds, sum)
	}
	latency, perByte := fit(w.Ranks(), bytes, seconds)
	say("\nfitted: %.1f µs a message, %.2f GB/s\n\n", latency*1e6, 1e-9/perByte)
	if w.Rank() != 0 { // which has the processor for itself
		return nil
	}
	compute, size, err := step()
	if err != nil {
		return err
	}
	noise, err := noiseScale()
	if err != nil {
		return err
	}
	say("a network of %d numbers, whose step takes %.2f ms with %d digits a rank, on ranks joined as these are:\n", size, compute*1e3, perRank)
	say("%8s %8s %14s %12s %24s %16s %8s\n", "ranks", "batch", "exchange, ms", "efficiency", "digits a rank for 90 %", "worth of a digit", "both")
	limit := 0
	for ranks := 8; ranks <= 1024; ranks *= 2 {
		e := exchange(ranks, latency, perByte, float64(4*size))
		efficiency, worth := compute/(compute+e), 1/(1+float64(perRank*ranks)/noise)
		if limit == 0 && worth < efficiency {
			limit = ranks
		}
		say("%8d %8d %14.2f %11.0f%% %24.0f %15.0f%% %7.0f%%\n", ranks, perRank*ranks, e*1e3, 100*efficiency,
			math.Ceil(9*e/compute*perRank), 100*worth, 100*efficiency*worth)
	}
	say("A digit is worth less in a large batch, half at %.0f, the noise scale of the gradient\n(McCandlish et al. 2018, appendix A), here after 200 steps; it grows with training.\n", noise)
	if limit > 0 {
		say("From %d ranks on the batch, not the network, is the limit.\n", limit)
	}
	return nil
}

// perRank is how many digits a rank has of a batch.
const perRank = 128

// noiseScale is the batch at which a step is worth half as much a sample as one
// of a small batch: of the squares of gradients of small batches and of a large
// one, as McCandlish et al. 2018 have it (equations A.1 and A.2).
func noiseScale() (float64, error) {
	const batches = 64
	digits, err := datasets.MNISTTrain(60000)
	if err != nil {
		return 0, err
	}
	model := network()
	params := nn.Params(model)
	o := train.Supervised(model, nn.CrossEntropy)
	loader := &data.Loader{Dataset: digits, BatchSize: perRank, Shuffle: true, Seed: 1}
	enough := train.OnStep(func(r *train.Run) error {
		if r.Step == 200 {
			return train.ErrStop
		}
		return nil
	})
	if _, err := train.Fit(context.Background(), o, loader,
		train.Config{Optimizer: optim.Adam(1e-3), Callbacks: []train.Callback{enough}}); err != nil {
		return 0, err
	}
	tape, sum := tensor.NewTape(1), tensor.NewGradSum()
	square := func(g tensor.Grads) float64 {
		var all [][]float32
		for _, p := range params {
			all = append(all, g.Of(p))
		}
		n := optim.GlobalNorm(all)
		return float64(n) * float64(n)
	}
	small := 0.0
	for b, err := range loader.Epoch(1) {
		if err != nil {
			return 0, err
		}
		tape.Reset()
		g := o.Loss(tape, b).Backward()
		small += square(g) / batches
		if sum.Add(g, 1.0/batches); sum.Added == batches {
			break
		}
	}
	large := square(sum.Grads())
	signal := (batches*large - small) / (batches - 1)
	noise := (small - large) * perRank * batches / (batches - 1)
	if signal <= 0 {
		return 0, fmt.Errorf("the gradient of %d digits is nothing but noise", batches*perRank)
	}
	return noise / signal, nil
}

// shared is the time in which every rank writes n numbers to memory that all
// share, and adds up those of all, as few ranks of one machine do; a dash where
// there is none.
func shared(w *mpi.World, n int) (string, error) {
	memory, ok := any(w).(train.SharedMemory)
	if !ok {
		return "-", nil
	}
	all, release, err := memory.Shared(n)
	if err != nil || all == nil {
		return "-", err
	}
	defer release()
	x, sum, one, here := make([]float32, n), make([]float32, n), make([]float32, 1), make([]float32, w.Ranks())
	t, err := best(w, func() error {
		copy(all[w.Rank()], x)
		if err := w.AllGather(here, one).Wait(); err != nil { // all have written
			return err
		}
		elementwise.Add(sum, all[0], all[1])
		for _, x := range all[2:] {
			elementwise.Add(sum, sum, x)
		}
		return nil
	})
	return fmt.Sprintf("%.1f", t*1e6), err
}

// best is the shortest time of an operation on this rank.
func best(w *mpi.World, do func() error) (float64, error) {
	shortest := math.Inf(1)
	for begun := time.Now(); ; {
		var all []float64
		for range 5 {
			if err := w.Barrier(); err != nil {
				return 0, err
			}
			start := time.Now()
			if err := do(); err != nil {
				return 0, err
			}
			all = append(all, time.Since(start).Seconds())
		}
		shortest = min(shortest, slices.Min(all))
		again := []float32{0} // ranks must agree on how often
		if time.Since(begun) < 300*time.Millisecond {
			again[0] = 1
		}
		if err := w.Broadcast(again, 0).Wait(); err != nil {
			return 0, err
		}
		if again[0] == 0 {
			return shortest, nil
		}
	}
}

// exchange is the time of an all-reduce by halves: 2·log₂R messages, and
// 2·(R−1)/R of the bytes (Thakur, Rabenseifner and Gropp 2005, section 4).
func exchange(ranks int, latency, perByte, bytes float64) float64 {
	r := float64(ranks)
	return 2*math.Log2(r)*latency + 2*(r-1)/r*bytes*perByte
}

// fit finds latency and the time of a byte by least squares of the relative
// errors.
func fit(ranks int, bytes, seconds []float64) (latency, perByte float64) {
	var aa, ab, bb, a1, b1 float64
	for i, s := range seconds {
		a, b := exchange(ranks, 1, 0, bytes[i])/s, exchange(ranks, 0, 1, bytes[i])/s
		aa, ab, bb, a1, b1 = aa+a*a, ab+a*b, bb+b*b, a1+a, b1+b
	}
	det := aa*bb - ab*ab
	return max(0, (a1*bb-b1*ab)/det), max(1e-15, (b1*aa-a1*ab)/det)
}

// step is the time of a step on one rank with its digits, and how many
// parameters the network has.
func step() (seconds float64, size int, err error) {
	model := network()
	params := nn.Params(model)
	for _, p := range params {
		size += p.Size()
	}
	opt, tape := optim.New(params, optim.Adam(1e-3)), tensor.NewTape(1)
	x, y := make([]float32, perRank*784), make([]int32, perRank)
	for i := range x {
		x[i] = float32(i%256) / 255
	}
	seconds = math.Inf(1)
	for range 50 {
		start := time.Now()
		tape.Reset()
		opt.Step(nn.CrossEntropy(model.Forward(tape.Input(x, perRank, 1, 28, 28)), tensor.NewInts(y)).Backward())
		seconds = min(seconds, time.Since(start).Seconds())
	}
	return seconds, size, nil
}
