package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/formats"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// A workload is a training whose data say nothing, for only its time counts: a
// model, its loss and its optimizer as a user writes them, and a few batches
// that come round. All sides start from our weights and train on our batches,
// so the losses of their first steps must agree: a side that leaves work out is
// noticed (see agree).
type workload struct {
	model   any
	loss    func(t *tensor.Tape, b data.Batch) tensor.Tensor
	rule    optim.Rule
	batches []data.Batch
}

// distinct is the number of batches that a workload goes round in, and compared
// the number of first steps whose losses are compared.
const (
	distinct = 4
	compared = 3
)

// quickBatch is the batch of -quick, where the batch is not smaller anyway.
const quickBatch = 2

// size is the number of samples in a batch of this task.
func (t *task) size(quick bool) int {
	if quick {
		return min(t.batch, quickBatch)
	}
	return t.batch
}

// workload is the task's for a seed.
func (t *task) workload(seed uint64, quick bool) *workload {
	w := t.build(nn.NewRand(seed), t.size(quick))
	return &w
}

// Len and Epoch make the batches a source of training.
func (w *workload) Len() int { return len(w.batches) }

func (w *workload) Epoch(int) train.Batches[data.Batch] {
	return func(yield func(data.Batch, error) bool) {
		for _, b := range w.batches {
			if !yield(b, nil) {
				return
			}
		}
	}
}

// trainWorkload takes the first steps, whose losses it reports, and then as
// many as -seconds allows. The best block of steps counts: one of at least a
// fifth of a second, so that a task of many short steps is not measured by the
// machine's luckiest moment.
func trainWorkload(w *worker) error {
	clock := w.clock()
	losses, err := w.steps(w.task.workload(w.seed, w.quick), func() bool { w.firstStep(); return true }, clock.step)
	if err != nil {
		return err
	}
	w.report(Result{Value: float64(w.task.size(w.quick)) / least(clock.perStep), Unit: "samples/s",
		Epochs: clock.perStep, Losses: losses})
	return nil
}

// steps trains, and gives the losses of the first steps. It calls first after
// each of those, then more after every step; the one that returns false ends
// it.
func (w *worker) steps(load *workload, first, more func() bool) (losses []float64, err error) {
	o := train.Objective[data.Batch]{Model: load.model, Loss: load.loss, Size: data.Batch.Len}
	_, err = train.Fit(w.ctx, o, load, train.Config{Epochs: math.MaxInt32, Optimizer: load.rule, Seed: w.seed,
		Callbacks: []train.Callback{train.OnStep(func(r *train.Run) error {
			next := more
			if len(losses) < compared {
				losses, next = append(losses, r.Loss), first
			}
			if !next() {
				return train.ErrStop
			}
			return nil
		})}})
	return losses, err
}

// blocks times steps in blocks of at least a fifth of a second until the budget
// is spent. The first call only starts the clock.
type blocks struct {
	budget       float64
	now          func() float64 // seconds of any clock
	perStep      []float64      // the mean of each block, in seconds
	spent, block float64
	steps        int
	last         float64
	started      bool
}

// blockTime is the least time of a block, in seconds.
const blockTime = 0.2

// step notes the end of a step and reports whether there is budget for more.
func (c *blocks) step() bool {
	now := c.now()
	if !c.started {
		c.last, c.started = now, true
		return true
	}
	d := now - c.last
	c.last, c.steps, c.block, c.spent = now, c.steps+1, c.block+d, c.spent+d
	if c.block < blockTime && c.spent < c.budget {
		return true
	}
	c.perStep = append(c.perStep, c.block/float64(c.steps))
	c.steps, c.block = 0, 0
	return c.spent < c.budget
}

// clock is what the job's steps are timed with.
func (w *worker) clock() *blocks {
	began := time.Now()
	c := &blocks{budget: w.job.budget(), now: func() float64 { return time.Since(began).Seconds() }}
	if w.cpuTime {
		c.now = processorTime
	}
	return c
}

// budget is the time that a workload, or a cell of the grid, is measured for.
func (j job) budget() float64 {
	switch {
	case j.quick:
		return 0
	case j.task.name == "grid":
		return j.seconds / 5
	}
	return j.seconds
}

// save writes the weights and the batches into folder dir for the peers:
// weights.safetensors under PyTorch's names, batches.safetensors as x, ids, y
// and labels, each with an axis of the batches in front.
func (w *workload) save(dir string) error {
	if err := train.SaveWeights(filepath.Join(dir, "weights.safetensors"), w.model, nil); err != nil {
		return err
	}
	var x, y []float32
	var ids, labels, lengths, labelLengths []int32
	for _, b := range w.batches {
		x, y = append(x, b.X...), append(y, b.Y...)
		ids, labels = append(ids, b.IDs...), append(labels, b.Labels...)
		lengths, labelLengths = append(lengths, b.Lengths...), append(labelLengths, b.LabelLengths...)
	}
	var arrays []formats.Array
	add := func(name string, dims []int, n int, data any) {
		if n > 0 {
			arrays = append(arrays, formats.Array{Name: name, Dims: append([]int{len(w.batches)}, dims...), Data: data})
		}
	}
	b := w.batches[0]
	add("x", b.XDims, len(x), x)
	add("y", b.YDims, len(y), y)
	add("ids", b.IDsDims, len(ids), ids)
	add("labels", b.LabelsDims, len(labels), labels)
	add("lengths", []int{b.Len()}, len(lengths), lengths)
	add("label_lengths", []int{b.Len()}, len(labelLengths), labelLengths)
	return formats.WriteFile(filepath.Join(dir, "batches.safetensors"), func(out io.Writer) error {
		buffered := bufio.NewWriter(out)
		if err := formats.WriteSafetensors(buffered, arrays, nil); err != nil {
			return err
		}
		return buffered.Flush()
	})
}

// agree is an error unless a peer's losses of the first steps are ours. The
// first ones differ by the order of sums alone. After a step the optimizer may
// have enlarged such a difference where a gradient is almost zero.
func agree(ours, theirs []float64) error {
	if len(ours) != len(theirs) {
		return fmt.Errorf("%d losses of first steps beside our %d", len(theirs), len(ours))
	}
	for i, l := range ours {
		tolerance := 1e-4
		if i > 0 {
			tolerance = 2e-3
		}
		if !(math.Abs(theirs[i]-l) <= tolerance*math.Abs(l)) {
			return fmt.Errorf("the loss of step %d is %v, ours %v: the sides do not do the same work", i+1, theirs[i], l)
		}
	}
	return nil
}

// exchange makes a folder with what the peers of a job need of a workload.
func exchange(load *workload) (dir string, remove func(), err error) {
	dir, err = os.MkdirTemp("", "bench-")
	if err != nil {
		return "", nil, err
	}
	remove = func() { os.RemoveAll(dir) }
	if err := load.save(dir); err != nil {
		remove()
		return "", nil, fmt.Errorf("weights and data for the peers: %w", err)
	}
	return dir, remove, nil
}

// several makes the batches of a workload.
func several(one func() data.Batch) []data.Batch {
	var out []data.Batch
	for range distinct {
		b := one()
		b.Index = indices(b)
		out = append(out, b)
	}
	return out
}

func indices(b data.Batch) []int {
	n := 0
	switch {
	case b.X != nil:
		n = b.XDims[0]
	default:
		n = b.IDsDims[0]
	}
	index := make([]int, n)
	for i := range index {
		index[i] = i
	}
	return index
}

// normal are numbers of the standard normal distribution.
func normal(rng *rand.Rand, dims ...int) ([]float32, []int) {
	x := make([]float32, tensor.SizeOf(dims))
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x, dims
}

// uniform are numbers of [0, 1).
func uniform(rng *rand.Rand, dims ...int) ([]float32, []int) {
	x := make([]float32, tensor.SizeOf(dims))
	for i := range x {
		x[i] = rng.Float32()
	}
	return x, dims
}

// below are integers of [0, n).
func below(rng *rand.Rand, n int, dims ...int) ([]int32, []int) {
	x := make([]int32, tensor.SizeOf(dims))
	for i := range x {
		x[i] = rng.Int32N(int32(n))
	}
	return x, dims
}
