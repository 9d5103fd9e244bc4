package metrics

import (
	"fmt"
	"math"
)

// regression makes a metric of sums over all elements.
func regression(name string, value func(s *regressionSums) float64) Metric {
	return Metric{Name: name, New: func() Meter {
		s := &regressionSums{}
		return meter{value: func() float64 { return value(s) }, add: func(a Answer) error {
			if len(a.Outputs) != len(a.Targets) {
				return fmt.Errorf("predictions of %v, %d numbers, for %d targets", a.Dims, len(a.Outputs), len(a.Targets))
			}
			for i, y := range a.Targets {
				s.add(float64(a.Outputs[i]), float64(y))
			}
			return nil
		}}
	}}
}

type regressionSums struct{ n, abs, square, mean, spread float64 }

// add keeps mean and spread of the targets by Welford's update (1962), which
// does not cancel.
func (s *regressionSums) add(x, y float64) {
	s.n++
	s.abs += math.Abs(x - y)
	s.square += (x - y) * (x - y)
	d := y - s.mean
	s.mean += d / s.n
	s.spread += d * (y - s.mean)
}

// MAE is the mean absolute error.
func MAE() Metric {
	return regression("mae", func(s *regressionSums) float64 { return s.abs / s.n })
}

// RMSE is the root of the mean squared error.
func RMSE() Metric {
	return regression("rmse", func(s *regressionSums) float64 { return math.Sqrt(s.square / s.n) })
}

// R2 is the coefficient of determination: 1 for perfect predictions, 0 for
// those no better than the mean of the targets. Of targets that are all equal
// it is 1 if every prediction is right and 0 otherwise, and of fewer than two
// numbers NaN, as in scikit-learn. Several outputs count as one list of
// numbers.
func R2() Metric {
	return regression("r2", func(s *regressionSums) float64 {
		switch {
		case s.n < 2 || math.IsNaN(s.square):
			return math.NaN()
		case s.spread == 0 && s.square == 0:
			return 1
		case s.spread == 0:
			return 0
		}
		return 1 - s.square/s.spread
	})
}
