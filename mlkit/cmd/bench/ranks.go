package main

import (
	"context"
	"fmt"
	"os/exec"
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

// ranked trains as classify does, a batch of 128 for every rank. One rank
// trains without a Group: it is what others are measured against.
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
		if t.micro > 0 {
			c.Shards = t.ranks * batchSize / t.micro
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
		w.report(Result{Value: float64(t.images) / best.Seconds(), Unit: "samples/s", Epochs: seconds, Size: fmt.Sprintf("%d ranks", t.ranks)})
	}
	return nil
}
