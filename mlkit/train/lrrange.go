package train

import (
	"context"
	"errors"
	"fmt"
	"math"

	"descent/mlkit/nn"
	"descent/mlkit/optim"
)

// LRRange says how LRRangeTest goes through learning rates. Zero values are
// sensible.
type LRRange struct {
	// Rule makes the optimizer for a rate; nil means optim.SGD without options.
	Rule     func(rate float64) optim.Rule
	Min, Max float64 // 0 means 1e-6 and 10
	Steps    int     // 0 means 100
	Seed     uint64  // as Config.Seed
}

// LRCurve is the loss by learning rate.
type LRCurve struct {
	Rates, Losses []float64 // of each step: the loss before it, at its rate
	// Smoothed is the running mean of Losses with decay 0.9, unbiased.
	Smoothed []float64
	// Suggestion is the rate at which the smoothed loss falls fastest, a
	// sensible first try; 0 when it never falls.
	Suggestion float64
	// Diverged says that the sweep ended early: the smoothed loss had risen
	// above its smallest by three times that, or the loss was not finite.
	Diverged bool
}

// LRRangeTest trains with a learning rate that grows exponentially from step to
// step, until the loss explodes (the range test of Smith, Cyclical Learning
// Rates, 2017). Afterwards the model's parameters and buffers are what they
// were, whatever happens.
func LRRangeTest[B any](ctx context.Context, o Objective[B], source Source[B], c LRRange) (LRCurve, error) {
	if c.Rule == nil {
		c.Rule = func(rate float64) optim.Rule { return optim.SGD(rate) }
	}
	if c.Min == 0 {
		c.Min = 1e-6
	}
	if c.Max == 0 {
		c.Max = 10
	}
	if c.Steps == 0 {
		c.Steps = 100
	}
	if !(c.Min > 0 && c.Max > c.Min && c.Steps > 1) {
		return LRCurve{}, fmt.Errorf("train: LRRangeTest: %d steps from %v to %v; need two steps and 0 < Min < Max", c.Steps, c.Min, c.Max)
	}
	defer keepState(o.Model)()
	rate := func(step int) float64 { return c.Min * math.Pow(c.Max/c.Min, float64(step)/float64(c.Steps-1)) }
	var curve LRCurve
	running, best := 0.0, math.Inf(1)
	// The last step is seen by its loss alone; a step at a rate that broke the
	// loss changes parameters that are thrown away.
	record := OnStep(func(r *Run) error {
		k := len(curve.Rates)
		running = 0.9*running + 0.1*r.Loss
		smooth := running / (1 - math.Pow(0.9, float64(k+1)))
		best = min(best, smooth)
		// A loss near zero may grow to a tenth of the first one.
		if !(smooth-best <= 3*max(math.Abs(best), 0.1*math.Abs(append(curve.Losses, r.Loss)[0]))) {
			curve.Diverged = true
			return Stop("diverged")
		}
		curve.Rates, curve.Losses = append(curve.Rates, rate(k)), append(curve.Losses, r.Loss)
		curve.Smoothed = append(curve.Smoothed, smooth)
		if k+1 == c.Steps {
			return Stop("swept")
		}
		return nil
	})
	if source.Len() == 0 {
		return curve, errors.New("train: LRRangeTest: the source has no batches")
	}
	// An epoch may have fewer steps than batches: those in which nothing
	// counts.
	_, err := Fit(ctx, o, source, Config{Epochs: c.Steps, Optimizer: c.Rule(1), Schedule: rate,
		Seed: c.Seed, AllowNonFinite: true, Callbacks: []Callback{record}})
	curve.suggest()
	return curve, err
}

// suggest looks for the steepest fall before the smallest loss. Rates are
// equally far apart on the logarithmic scale, so differences are slopes: over a
// tenth of the sweep, and after its first tenth, so that the noise of the
// batches does not decide.
func (c *LRCurve) suggest() {
	lowest := 0
	for i, v := range c.Smoothed {
		if v < c.Smoothed[lowest] {
			lowest = i
		}
	}
	w := max(len(c.Smoothed)/20, 1)
	steepest := 0.0
	for i := 3 * w; i+w <= lowest; i++ {
		if d := c.Smoothed[i+w] - c.Smoothed[i-w]; d < steepest {
			steepest, c.Suggestion = d, c.Rates[i]
		}
	}
}

// keepState copies a model's parameters and buffers and returns the function
// that puts them back.
func keepState(model any) (restore func()) {
	state := nn.State(model)
	data := make([][]float32, len(state))
	counts := make([]int64, len(state))
	for i, n := range state {
		if n.Param != nil {
			data[i] = append([]float32{}, n.Param.Data...)
		} else {
			data[i], counts[i] = append([]float32{}, n.Buffer.Data...), n.Buffer.Count
		}
	}
	return func() {
		for i, n := range state {
			if n.Param != nil {
				copy(n.Param.Data, data[i])
			} else {
				copy(n.Buffer.Data, data[i])
				n.Buffer.Count = counts[i]
			}
		}
	}
}
