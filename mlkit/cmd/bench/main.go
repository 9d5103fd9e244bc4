// Command bench trains the same models on the same data in mlkit and, with
// -peers, in PyTorch, Keras, JAX, NumPy, scikit-learn and GoMLX, and prints one
// table of ratios.
//
//	go run ./mlkit/cmd/bench                          our side, all tasks
//	go run ./mlkit/cmd/bench -peers -task mlp,cnn     beside the peers
//	go run ./mlkit/cmd/bench -peers -python python3   with the packages of a Python at hand
//
// Tasks come in groups, which -task takes, too. "first" are the tasks that the
// kernels were tuned for first. "models" are trainings of other kinds, on
// random data: all sides start from the same weights, and the run is refused
// where the losses of the first steps differ. PyTorch is used there as an
// expert would: fused optimizers, sparse gradients, the faster layout of
// images. (torch.compile was no faster and took 19 s to begin.) "grid" is a
// network of four dense layers, of widths from 64 to 2,048, trained on batches
// of 1 to 4,096 by SGD: a grid of ratios, each with the initial of the best
// peer. "inference" are predictions by the first group's networks, beside ONNX
// Runtime, too: the latency of one image, and the rate of 128; and a GPT that
// reads a text token by token with a cache of keys and values.
//
// A model is measured for -seconds in each run, and its best block of a fifth
// of a second counts. Where other programs run beside, -cputime with -threads 1
// takes processor time instead; two threads can then be compared only roughly.
//
// With MLKIT_CPU=avx2 the peers are kept to AVX2, too, by the variables that
// the first line of output names; ONNX Runtime has no such switch.
//
// The models of the book's section 6 are tasks, too, which "all" leaves out:
// they train as the notebooks do, so the number of epochs is theirs, and one
// more round is one more seed:
//
//	go run ./mlkit/cmd/bench -peers -only torch -threads 2 -rounds 3 -task digits -epochs 5
//	(speakers: 40 epochs; reviews-lstm, reviews-transformer: 8)
//
// "ranks" trains on one and on two processes that share each batch, through MPI
// (package mpi), beside PyTorch's DistributedDataParallel with gloo:
//
//	go run ./mlkit/cmd/bench -peers -only torch -threads 1 -task ranks
//
// A figure of a shared machine means little by itself. What counts is the
// ratio of two sides measured in one run: each peer runs between two runs of
// ours, each as a process of its own, and the best epoch of each side counts.
//
// Peak memory is that of the whole process, start-up the time from the start
// of the process to the end of the first training step. A share of the machine
// is the arithmetic that the task needs over what a loop of nothing but
// fused multiply-adds reaches in the same run.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
)

// Result is one measurement: a line of -json.
type Result struct {
	Framework string    `json:"framework"`
	Task      string    `json:"task"`
	Threads   int       `json:"threads"`
	Value     float64   `json:"value"`
	Unit      string    `json:"unit"`
	Epochs    []float64 `json:"epochs_s"`
	Accuracy  float64   `json:"accuracy,omitempty"`
	PeakRSS   float64   `json:"peak_rss_mb"`
	Startup   float64   `json:"startup_ms,omitempty"`
	Size      string    `json:"size,omitempty"` // gemm: m×n×k
	Peak      float64   `json:"fma_peak,omitempty"`
	Losses    []float64 `json:"losses,omitempty"` // of the first steps of a workload
}

func main() {
	var (
		tasks   = flag.String("task", "all", "tasks and groups of tasks, separated by commas; groups: all (but book and ranks), "+strings.Join(groups, ", ")+"; tasks: "+strings.Join(taskNames(), ", "))
		threads = flag.String("threads", "1,2", "numbers of threads to run with")
		epochs  = flag.Int("epochs", 3, "epochs of each run; the best one counts")
		rounds  = flag.Int("rounds", 2, "runs of our side and of each peer, alternating")
		asJSON  = flag.Bool("json", false, "print one JSON object a line instead of the table")
		peers   = flag.Bool("peers", false, "run the peers beside (needs Python 3 and, once, a download of several gigabytes)")
		only    = flag.String("only", "", "with -peers: run only these, separated by commas: "+strings.Join(peerNames(), ", "))
		python  = flag.String("python", "", "with -peers: a Python that has the packages, instead of an environment made for the peers")
		quick   = flag.Bool("quick", false, "small batches and few steps of the models, to see that all sides do the same work; the figures mean nothing")
		seconds = flag.Float64("seconds", 3, "time that a model, and five cells of the grid, is measured for in each run")
		cpuTime = flag.Bool("cputime", false, "take processor time for the clock's, for models, grid and inference with one thread on a machine that has other things to do")
		profile = flag.String("profile", "", "folder for CPU profiles of our side, one a task: see go tool pprof -top")
		worker  = flag.Bool("worker", false, "internal: run one task in this process")
		seed    = flag.Uint64("seed", 1, "seed of the first round; further rounds count up")
	)
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, plan{*tasks, *threads, *only, *epochs, *rounds, *seed, *asJSON, *peers, *worker, *python,
		*profile, *quick, *cpuTime, *seconds}); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type plan struct {
	tasks, threads, only string
	epochs, rounds       int
	seed                 uint64
	json, peers, worker  bool
	python, profile      string
	quick, cpuTime       bool
	seconds              float64
}

func run(ctx context.Context, p plan) error {
	chosen, err := named(p.tasks)
	if err != nil {
		return err
	}
	var threads []int
	for s := range strings.SplitSeq(p.threads, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return fmt.Errorf("-threads wants numbers from 1, separated by commas, not %q", p.threads)
		}
		threads = append(threads, n)
	}
	if p.epochs < 1 || p.rounds < 1 {
		return fmt.Errorf("-epochs and -rounds start at 1")
	}
	if !(p.seconds >= 0) {
		return fmt.Errorf("-seconds is %v: it must not be negative", p.seconds)
	}
	if p.cpuTime && processorTime == nil {
		return fmt.Errorf("-cputime works on Unix only")
	}
	if p.cpuTime && !slices.Equal(threads, []int{1}) {
		return fmt.Errorf("-cputime goes with -threads 1: the processor time of several threads includes their waiting")
	}
	if p.worker {
		return work(ctx, p.job(chosen[0], threads[0]))
	}
	sides := []side{ours{}}
	if p.peers {
		all, err := setUpPeers(ctx, p.python, func(name string) bool {
			return p.only == "" || slices.Contains(strings.Split(p.only, ","), name)
		})
		if err != nil {
			return err
		}
		sides = append(sides, all...)
	}
	here := thisMachine()
	if p.json {
		b, _ := json.Marshal(map[string]machine{"machine": here})
		fmt.Println(string(b))
	} else {
		fmt.Println(here)
	}
	var table Table
	report := func(r Result) {
		table.Add(r)
		if p.json {
			b, _ := json.Marshal(r)
			fmt.Println(string(b))
		}
	}
	for len(chosen) > 0 {
		together := 1
		for together < len(chosen) && chosen[together].ranks > 1 { // beside those of one rank
			together++
		}
		for _, n := range threads {
			for round := range p.rounds {
				for _, t := range chosen[:together] {
					if err := measure(ctx, p.job(t, n), sides, round, p.rounds, report); err != nil {
						return err
					}
				}
			}
		}
		chosen = chosen[together:]
	}
	if !p.json {
		fmt.Print(table.String())
	}
	return nil
}

// job is one task for one side.
type job struct {
	task           *task
	threads        int
	epochs         int
	seed           uint64
	quick, cpuTime bool
	seconds        float64
	profile        string // a folder, or empty
}

func (p plan) job(t *task, threads int) job {
	return job{t, threads, p.epochs, p.seed, p.quick, p.cpuTime, p.seconds, p.profile}
}

// side is us or a peer.
type side interface {
	name() string
	does(t *task) bool
	run(ctx context.Context, j job) ([]Result, error)
}

// measure is one round of a task: it alternates between us and each peer.
func measure(ctx context.Context, j job, sides []side, round, rounds int, report func(Result)) error {
	j.seed += uint64(round)
	losses := map[string][]float64{} // ours, by size
	for k, s := range sides {
		if !s.does(j.task) {
			continue
		}
		turns := []side{s}
		if k > 1 { // ours again between two peers
			turns = []side{sides[0], s}
		}
		for _, s := range turns {
			fmt.Fprintf(os.Stderr, "%-12s %d thread(s), round %d of %d: %s\n", j.task.name, j.threads, round+1, rounds, s.name())
			results, err := s.run(ctx, j)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				fmt.Fprintf(os.Stderr, "  %s failed: %v\n", s.name(), err)
				continue
			}
			for _, r := range results {
				if r.Framework == mlkit {
					losses[r.Size] = r.Losses
				} else if err := agree(losses[r.Size], r.Losses); err != nil {
					return fmt.Errorf("%s %s, %s: %w", j.task.name, r.Size, r.Framework, err)
				}
				report(r)
			}
		}
	}
	return nil
}
