package main

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/mpi"
	"descent/mlkit/nn"
	"descent/mlkit/optim"
	"descent/mlkit/train"
)

// command is how a task of some ranks is started.
func (t *task) command(ctx context.Context, program string, args ...string) (*exec.Cmd, error) {
	if t.ranks <= 1 {
		return exec.CommandContext(ctx, program, args...), nil
	}
	cmd, err := mpi.Command(t.ranks, program, args...)
	if err != nil {
		return nil, err
	}
	limited := exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
	limited.Env = cmd.Env
	return limited, nil
}

// ranked trains as classify does, a batch of 128 for every rank, which is cut
// as the one of a single rank is. One rank trains without a Group: it is what
// others are measured against.
func ranked(w *worker) error {
	t := w.task
	set, err := datasets.MNISTTrain(t.images)
	if err != nil {
		return err
	}
	c := train.Config{Epochs: w.epochs, Optimizer: optim.Adam(1e-3), Seed: w.seed}
	rank := 0
	if t.ranks > 1 {
		world, err := mpi.Start()
		if err != nil {
			return err
		}
		defer world.Close()
		rank = world.Rank()
		c.Group = world
		c.Shards = t.ranks
		if t.micro > 0 {
			c.Shards *= batchSize / t.micro
		}
	} else {
		c.MicroBatch = t.micro
	}
	c.Callbacks = []train.Callback{train.OnEpoch(func(*train.Run) error { w.firstStep(); return nil })}
	model := t.model(nn.NewRand(w.seed))
	h, err := train.Fit(w.ctx, train.Supervised(model, nn.CrossEntropy),
		&data.Loader{Dataset: set, BatchSize: batchSize * t.ranks, Shuffle: true, Seed: w.seed}, c)
	if err != nil {
		return err
	}
	best := time.Duration(1 << 62)
	var seconds []float64
	for _, e := range h.Epochs {
		best = min(best, e.Time)
		seconds = append(seconds, e.Time.Seconds())
	}
	if rank == 0 {
		w.report(Result{Value: float64(t.images) / best.Seconds(), Unit: "samples/s", Epochs: seconds})
	}
	return nil
}

// efficiencies says, for every model trained on several ranks, how much of as
// many single ranks' work they do: ours, and the peers', and how many times as
// fast as these we are.
func (t *Table) efficiencies() string {
	var out strings.Builder
	for _, k := range t.keys {
		several := find(k.task)
		if several == nil || several.ranks < 2 {
			continue
		}
		model, _, _ := strings.Cut(k.task, "-")
		alone := t.rows[t.key(model+"-1rank", "", k.threads)]
		fmt.Fprintf(&out, "%s, %d ranks of %d thread(s):", model, several.ranks, k.threads)
		us := t.rows[k][mlkit]
		for _, name := range slices.Sorted(maps.Keys(t.rows[k])) {
			b := t.rows[k][name]
			if one := alone[name]; one != nil {
				fmt.Fprintf(&out, "  %s %.0f %% efficient", name, 100*b.Value/one.Value/float64(several.ranks))
			}
			if name != mlkit && us != nil {
				fmt.Fprintf(&out, ", mlkit %.2f times as fast", ratio(us, b))
			}
			out.WriteString(";")
		}
		out.WriteString("\n")
	}
	return out.String()
}
