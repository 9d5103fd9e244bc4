package metrics

import (
	"fmt"
	"math"
)

// Reliability compares a classifier's confidence, the probability of the class
// that it predicts, with how often that class is right (the reliability
// diagram; DeGroot & Fienberg 1983). NewReliability makes one.
type Reliability struct {
	// Bins divide the confidences from 0 to 1 into intervals of equal width,
	// each open below and closed above.
	Bins []ReliabilityBin
}

// ReliabilityBin holds the samples whose confidence lies in one interval.
type ReliabilityBin struct {
	Samples int
	// Confidence and Accuracy are means over the samples, NaN without any.
	Confidence, Accuracy float64
}

// NewReliability returns an empty diagram of the given number of bins, at least
// 1.
func NewReliability(bins int) *Reliability {
	if bins < 1 {
		panic(fmt.Sprintf("metrics: a reliability diagram of %d bins: want at least 1", bins))
	}
	r := &Reliability{Bins: make([]ReliabilityBin, bins)}
	for i := range r.Bins {
		r.Bins[i].Confidence, r.Bins[i].Accuracy = math.NaN(), math.NaN()
	}
	return r
}

// Add counts one sample by its confidence, which must lie in [0, 1], and by
// whether the prediction was right.
func (r *Reliability) Add(confidence float64, right bool) {
	if !(confidence >= 0 && confidence <= 1) {
		panic(fmt.Sprintf("metrics: confidence %v: want a probability", confidence))
	}
	n := len(r.Bins)
	b := &r.Bins[max(int(math.Ceil(confidence*float64(n)))-1, 0)]
	if b.Samples == 0 {
		b.Confidence, b.Accuracy = 0, 0
	}
	hit := 0.
	if right {
		hit = 1
	}
	b.Samples++
	b.Confidence += (confidence - b.Confidence) / float64(b.Samples)
	b.Accuracy += (hit - b.Accuracy) / float64(b.Samples)
}

// Error is the expected calibration error: the mean difference of accuracy and
// confidence over the bins, weighted by their samples (Naeini, Cooper &
// Hauskrecht 2015; Guo et al., On Calibration of Modern Neural Networks, 2017,
// eq. 3). It lies in [0, 1] and is NaN without samples.
func (r *Reliability) Error() float64 {
	var sum, n float64
	for _, b := range r.Bins {
		if b.Samples > 0 {
			sum += float64(b.Samples) * math.Abs(b.Accuracy-b.Confidence)
			n += float64(b.Samples)
		}
	}
	return sum / n
}

// CalibrationError is the expected calibration error of softmax(logits), or of
// the sigmoid of a single logit, with the given number of bins: see
// [Reliability]. The papers take 10 to 15.
func CalibrationError(bins int) Metric {
	NewReliability(bins) // panics now rather than in the first evaluation
	return reliable(func() *Reliability { return NewReliability(bins) })
}

// ReliabilityInto is a metric for its side effect: it fills r afresh in every
// measurement, with as many bins as r has. Its value is the calibration error.
func ReliabilityInto(r *Reliability) Metric {
	bins := len(r.Bins)
	NewReliability(bins)
	return reliable(func() *Reliability {
		*r = *NewReliability(bins)
		return r
	})
}

func reliable(begin func() *Reliability) Metric {
	return classified("calibration_error", func() (func([]float32, int), func() float64) {
		r := begin()
		return func(logits []float32, label int) {
			if hasNaN(logits) {
				return // the figure is NaN
			}
			k := argmax(logits)
			r.Add(min(math.Exp(logSoftmax(logits, k)), 1), k == label)
		}, r.Error
	})
}
