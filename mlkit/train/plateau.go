package train

import (
	"fmt"
	"math"
)

// Plateau lowers the learning rate when a metric has stopped improving:
// PyTorch's and Keras's ReduceLROnPlateau.
type Plateau struct {
	// Metric is the name of one in History, "" for the training loss. With
	// Maximize, more is better.
	Metric   string
	Maximize bool
	// Factor multiplies the learning rate, 0 < Factor < 1; 0 means 0.1.
	Factor float64
	// Patience is the number of epochs without improvement before a reduction;
	// 0 means 10, negative none.
	Patience int
	// Threshold is the improvement that counts, as a part of the best value,
	// or, with Absolute, in the metric's own unit; 0 means 1e-4, a negative
	// number that any improvement counts.
	Threshold float64
	Absolute  bool
	Cooldown  int     // epochs after a reduction in which none is counted
	MinFactor float64 // the product of all reductions goes no lower
}

// ReduceOnPlateau is a callback that sets Optimizer.Scale, which multiplies
// the learning rate beside the Schedule, after each epoch. It remembers nothing
// itself but goes through the History, so a resumed run goes on exactly.
func ReduceOnPlateau(c Plateau) Callback {
	if c.Factor == 0 {
		c.Factor = 0.1
	}
	if !(c.Factor > 0 && c.Factor < 1) {
		panic(fmt.Sprintf("train: ReduceOnPlateau: the factor is %v, must lie between 0 and 1", c.Factor))
	}
	if c.Patience == 0 {
		c.Patience = 10
	}
	if c.Threshold == 0 {
		c.Threshold = 1e-4
	}
	return OnEpoch(func(r *Run) error {
		values := r.History.Losses()
		if c.Metric != "" {
			values = r.History.Metric(c.Metric)
			if _, ok := r.History.Last().Metrics[c.Metric]; !ok {
				return fmt.Errorf("train: ReduceOnPlateau: no metric %q in the history; is it measured (Config.Validation), and the name right?", c.Metric)
			}
		}
		r.Optimizer.Scale = c.scale(values)
		return nil
	})
}

// scale is the product of the reductions after the given values of the metric.
func (c Plateau) scale(values []float64) float64 {
	scale, bad, cooldown := 1.0, 0, 0
	best := math.Inf(1)
	threshold := max(c.Threshold, 0)
	for _, v := range values {
		if c.Maximize {
			v = -v
		}
		margin := threshold
		if !c.Absolute {
			margin *= math.Abs(best) // whose sign may be either
		}
		if math.IsInf(best, 1) && !math.IsNaN(v) || v < best-margin {
			best, bad = v, 0
		} else {
			bad++
		}
		if cooldown > 0 {
			cooldown--
			bad = 0
		}
		if bad > max(c.Patience, 0) {
			scale = max(scale*c.Factor, c.MinFactor)
			cooldown, bad = c.Cooldown, 0
		}
	}
	return scale
}
