package train

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"descent/mlkit/formats"
	"descent/mlkit/nn"
)

// EarlyStop ends training when a figure no longer gets better, and restores the
// weights of its best epoch (Prechelt, Early Stopping – But When?, 1998). Zero
// values are sensible.
type EarlyStop struct {
	// Metric is the name of the figure: "val_loss", "val_accuracy", "loss".
	// Empty means val_loss, or loss where there is no validation.
	Metric string
	// Maximize says that more is better. Without it that is assumed of metrics
	// named accuracy, top…, precision, recall, f1, …auc and r2.
	Maximize bool
	// Patience is the number of epochs without a better figure after which
	// training ends; 0 means 5. With a negative one it never ends early: only
	// the best weights are restored.
	Patience int
	// MinDelta is by how much a figure must be better to count.
	MinDelta float64
	// Path, if set, is a file to which the best weights are written each time
	// (see SaveWeights).
	Path string
}

// Callback makes the callback.
func (c EarlyStop) Callback() Callback {
	if c.Patience == 0 {
		c.Patience = 5
	}
	if !(c.MinDelta >= 0) {
		panic(fmt.Sprintf("train: EarlyStop: MinDelta is %v, must be at least 0", c.MinDelta))
	}
	var best struct {
		Epoch, Since int
		Value        number
		Counts       []int64
	}
	var state []nn.Named
	var weights [][]float32
	return func(e Event, r *Run) error {
		switch e {
		case Begin:
			if c.Path != "" && r.Rank() == 0 {
				if err := formats.CheckWritable(c.Path); err != nil {
					return fmt.Errorf("train: early stopping: %w", err)
				}
			}
			state = nn.State(r.Model)
			best.Epoch, best.Value, best.Counts = -1, number(nan), make([]int64, len(state))
			weights = make([][]float32, len(state))
			if err := r.Keep("early_stop", &best); err != nil {
				return err
			}
			if len(best.Counts) != len(state) {
				return fmt.Errorf("train: resume: early stopping kept %d tensors, the model has %d", len(best.Counts), len(state))
			}
			for i, n := range state {
				weights[i] = make([]float32, len(values(n)))
				if err := r.KeepFloats("early_stop/"+n.Name, weights[i]); err != nil {
					return err
				}
			}
		case EpochEnd:
			name, v, err := c.figure(r)
			if err != nil {
				return err
			}
			if better := c.better(name, v, float64(best.Value)); !better {
				best.Since++
				if c.Patience > 0 && best.Since >= c.Patience {
					return Stop(fmt.Sprintf("%s did not get better for %d epochs (best %.6g at epoch %d)", name, best.Since, float64(best.Value), best.Epoch))
				}
				return nil
			}
			best.Epoch, best.Since, best.Value = r.Epoch, 0, number(v)
			for i, n := range state {
				copy(weights[i], values(n))
				if n.Buffer != nil {
					best.Counts[i] = n.Buffer.Count
				}
			}
			if c.Path != "" && r.Rank() == 0 {
				return SaveWeights(c.Path, r.Model, map[string]string{name: fmt.Sprint(v), "epoch": fmt.Sprint(r.Epoch)})
			}
		case End:
			if best.Epoch < 0 || r.interrupted() { // an interrupted run is to be resumed
				return nil
			}
			for i, n := range state {
				copy(values(n), weights[i])
				if n.Buffer != nil {
					n.Buffer.Count = best.Counts[i]
				}
			}
		}
		return nil
	}
}

// figure is the watched figure of the epoch that just ended.
func (c EarlyStop) figure(r *Run) (string, float64, error) {
	last, name := r.History.Last(), c.Metric
	if _, ok := last.Metrics["val_loss"]; name == "" && ok {
		name = "val_loss"
	}
	if name == "" || name == "loss" {
		return "loss", last.Loss, nil
	}
	v, ok := last.Metrics[name]
	if !ok {
		known := append([]string{"loss"}, slices.Sorted(maps.Keys(last.Metrics))...)
		return name, 0, fmt.Errorf("train: early stopping watches %q, which is not measured; there is %s", name, strings.Join(known, ", "))
	}
	return name, v, nil
}

func (c EarlyStop) better(name string, v, best float64) bool {
	if math.IsNaN(v) {
		return false
	}
	if math.IsNaN(best) {
		return true
	}
	if c.Maximize || moreIsBetter(name) {
		v, best = -v, -best
	}
	return v < best-c.MinDelta
}

func moreIsBetter(name string) bool {
	name = strings.TrimPrefix(name, "val_")
	for _, n := range []string{"accuracy", "precision", "recall", "f1", "r2"} {
		if name == n {
			return true
		}
	}
	return strings.HasSuffix(name, "auc") || strings.HasPrefix(name, "top")
}
