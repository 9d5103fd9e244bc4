package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/tensor"
	"descent/mlkit/train"
)

// worker does one task in this process and prints what it measured.
type worker struct {
	job
	ctx   context.Context
	start time.Duration // start of the process to the end of the first step
}

func work(ctx context.Context, j job) error {
	runtime.GOMAXPROCS(j.threads)
	w := &worker{ctx: ctx, job: j}
	if j.profile != "" {
		name := fmt.Sprintf("%s-%d", j.task.name, j.threads)
		if j.task.ranks > 1 {
			name += fmt.Sprintf("-process%d", os.Getpid())
		}
		f, err := os.Create(filepath.Join(j.profile, name+".prof"))
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	return j.task.work(w)
}

// firstStep is to be called after every step.
func (w *worker) firstStep() {
	if w.start == 0 {
		began, _ := strconv.ParseInt(os.Getenv("BENCH_START"), 10, 64)
		w.start = time.Since(time.Unix(0, began))
	}
}

func (w *worker) report(r Result) {
	r.Framework, r.Task, r.Threads = mlkit, w.task.name, w.threads
	r.PeakRSS = peakRSS()
	if w.start > 0 {
		r.Startup = w.start.Seconds() * 1e3
	}
	if w.task.perUnit > 0 {
		r.Peak = gemm.FMAPeak() * float64(w.threads)
	}
	b, _ := json.Marshal(r)
	fmt.Println(string(b))
}

// peakRSS is the largest memory of this process so far, in MB; 0 where the
// system does not tell.
func peakRSS() float64 {
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

// fit trains and gives the seconds of every epoch.
func (w *worker) fit(model nn.Layer, o train.Objective[data.Batch], loader *data.Loader, rule optim.Rule,
	epochs int) ([]float64, error) {
	h, err := train.Fit(w.ctx, o, loader, train.Config{Epochs: epochs, Optimizer: rule, Seed: w.seed,
		MicroBatch: w.task.micro,
		Callbacks:  []train.Callback{train.OnStep(func(*train.Run) error { w.firstStep(); return nil })}})
	var seconds []float64
	for _, e := range h.Epochs {
		seconds = append(seconds, e.Time.Seconds())
	}
	return seconds, err
}

func least(seconds []float64) float64 {
	m := math.Inf(1)
	for _, s := range seconds {
		m = min(m, s)
	}
	return m
}

// line is the document's model: 1000 epochs over a hundred points.
func line(size int) func(w *worker) error {
	return func(w *worker) error {
		set := datasets.NoisyLine(100, 42).Dataset()
		var times []float64
		for range 5 * w.epochs { // an "epoch" here takes a few milliseconds
			model := nn.NewLinear(nn.NewRand(w.seed), 1, 1)
			start := time.Now()
			if _, err := w.fit(model, train.Supervised(model, nn.MSE),
				&data.Loader{Dataset: set, BatchSize: size, Shuffle: true, Seed: w.seed},
				optim.SGD(0.01), 1000); err != nil {
				return err
			}
			times = append(times, time.Since(start).Seconds())
		}
		w.report(Result{Value: least(times), Unit: "s", Epochs: times})
		return nil
	}
}

// trained is a model after some epochs on MNIST, with its test accuracy.
func (w *worker) trained() (nn.Layer, []float64, float64, error) {
	trainSet, err := datasets.MNISTTrain(w.task.images)
	if err != nil {
		return nil, nil, 0, err
	}
	model := w.task.model(nn.NewRand(w.seed))
	seconds, err := w.fit(model, train.Supervised(model, nn.CrossEntropy),
		&data.Loader{Dataset: trainSet, BatchSize: batchSize, Shuffle: true, Seed: w.seed}, optim.Adam(1e-3), w.epochs)
	if err != nil {
		return nil, nil, 0, err
	}
	testSet, err := datasets.MNISTTest()
	if err != nil {
		return nil, nil, 0, err
	}
	right, tape := 0, tensor.NewEvalTape()
	for b, err := range (&data.Loader{Dataset: testSet, BatchSize: batchSize}).Epoch(0) {
		if err != nil {
			return nil, nil, 0, err
		}
		tape.Reset()
		logits := model.Forward(b.Input(tape)).Data()
		for i, label := range b.Labels {
			if rowwise.ArgMax(logits[i*10:(i+1)*10]) == int(label) {
				right++
			}
		}
	}
	return model, seconds, float64(right) / float64(testSet.Len()), nil
}

func classify(w *worker) error {
	_, seconds, accuracy, err := w.trained()
	if err != nil {
		return err
	}
	w.report(Result{Value: float64(w.task.images) / least(seconds), Unit: "samples/s", Epochs: seconds, Accuracy: accuracy})
	return nil
}

// latency is the time for one image through a trained network.
func latency(w *worker) error {
	model, seconds, accuracy, err := w.trained()
	if err != nil {
		return err
	}
	x, tape := make([]float32, 784), tensor.NewEvalTape()
	for i := range x {
		x[i] = float32(i%256) / 255
	}
	w.report(Result{Value: 1e6 * perCall(func() {
		tape.Reset()
		model.Forward(tape.Input(x, 1, 1, 28, 28))
	}), Unit: "µs", Epochs: seconds, Accuracy: accuracy})
	return nil
}

// online is a step on one sample.
func online(w *worker) error {
	rng := nn.NewRand(w.seed)
	model := nn.Sequential{nn.NewLinear(rng, 20, 64), nn.ReLU{}, nn.NewLinear(rng, 64, 64),
		nn.ReLU{}, nn.NewLinear(rng, 64, 2)}
	opt, tape := optim.New(nn.Params(model), optim.SGD(0.01)), tensor.NewTape(w.seed)
	x, y := make([]float32, 20), make([]float32, 2)
	for i := range x {
		x[i] = rng.Float32()
	}
	w.report(Result{Value: 1 / perCall(func() {
		tape.Reset()
		loss := nn.MSE(model.Forward(tape.Input(x, 1, 20)), tape.Input(y, 1, 2))
		opt.Step(loss.Backward())
		w.firstStep()
	}), Unit: "steps/s"})
	return nil
}

// perCall is the best mean of 200 calls, in seconds, as in the peers.
func perCall(f func()) float64 {
	best := math.Inf(1)
	for range 100 {
		start := time.Now()
		for range 200 {
			f()
		}
		best = min(best, time.Since(start).Seconds()/200)
	}
	return best
}

// products times the kernel of matrix multiplication.
func products(w *worker) error {
	for _, size := range gemmSizes {
		m, n, k := parse(size)
		a, b, c := random(m*k), random(k*n), make([]float32, m*n)
		g := gemm.Gemm{M: m, N: n, K: k}
		g.Run(c, a, b)
		flop := 2 * float64(m) * float64(n) * float64(k)
		best, reps := math.Inf(1), max(1, int(2e8/flop))
		for spent := 0.0; spent < 0.4; {
			start := time.Now()
			for range reps {
				g.Run(c, a, b)
			}
			s := time.Since(start).Seconds()
			best, spent = min(best, s/float64(reps)), spent+s
		}
		w.report(Result{Value: flop / best / 1e9, Unit: "GFLOP/s", Size: size})
	}
	return nil
}

func random(n int) []float32 {
	rng := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, n)
	for i := range x {
		x[i] = rng.Float32()
	}
	return x
}
