package train

import "time"

// Epoch is what happened in one pass over the data.
type Epoch struct {
	Number int // from 0
	// Loss is the mean over the samples of the losses at the time of their
	// step, so with parameters that change from one to the next.
	Loss float64
	// LearningRate is that of the optimizer's next step (optim.Optimizer.
	// LearningRate): after schedule and reductions; NaN where no rule tells it.
	LearningRate float64
	// Metrics are further figures by name; those of a validation begin with
	// "val_".
	Metrics map[string]float64
	Time    time.Duration
}

// History is the record of a training.
type History struct {
	Epochs []Epoch
	// StepLoss holds the loss of every step, with Config.KeepSteps.
	StepLoss []float64
	// Steps is the number of optimizer steps, in earlier runs too when resumed.
	// A batch in which nothing counts (see Objective.Weight) makes none.
	Steps int
	// Stopped says why training ended before its last epoch, "" if it did not.
	Stopped string
	Time    time.Duration
}

// Losses are the epochs' losses, for a curve.
func (h History) Losses() []float64 {
	out := make([]float64, len(h.Epochs))
	for i, e := range h.Epochs {
		out[i] = e.Loss
	}
	return out
}

// Metric is one metric over the epochs, NaN where it was not measured.
func (h History) Metric(name string) []float64 {
	out := make([]float64, len(h.Epochs))
	for i, e := range h.Epochs {
		v, ok := e.Metrics[name]
		if !ok {
			v = nan
		}
		out[i] = v
	}
	return out
}

// Last is the last epoch, or the zero Epoch when there was none.
func (h History) Last() Epoch {
	if len(h.Epochs) == 0 {
		return Epoch{}
	}
	return h.Epochs[len(h.Epochs)-1]
}
