package train

import (
	"fmt"
	"math"

	"descent/mlkit/data"
	"descent/mlkit/tensor"
)

// The metrics here look at predictions [..., classes], which are logits, and
// labels [...]; or at one logit a sample, [n] or [n, 1], where a positive one
// predicts label 1. Labels below 0 are left out. Those of regression look at
// predictions and targets of equal shape.

type meter struct {
	add   func(prediction tensor.Tensor, b data.Batch) error
	value func() float64
}

func (m meter) Add(p tensor.Tensor, b data.Batch) error { return m.add(p, b) }
func (m meter) Value() float64                          { return m.value() }

// classified makes a metric of what add sees: the logits of one sample and its
// label.
func classified(name string, begin func() (add func(logits []float32, label int), value func() float64)) Metric[data.Batch] {
	return Metric[data.Batch]{Name: name, New: func() Meter[data.Batch] {
		add, value := begin()
		return meter{value: value, add: func(p tensor.Tensor, b data.Batch) error {
			x, classes := p.Data(), len(p.Data())/max(len(b.Labels), 1)
			if len(b.Labels) == 0 || classes*len(b.Labels) != len(x) || classes > 1 && p.Dim(-1) != classes {
				return fmt.Errorf("predictions of %v for %d labels: want [..., classes] logits, one row a label", p.Dims(), len(b.Labels))
			}
			for i, l := range b.Labels {
				if l < 0 {
					continue
				}
				if int(l) >= max(classes, 2) {
					return fmt.Errorf("label %d of sample %d: predictions have %d classes", l, i, max(classes, 2))
				}
				add(x[i*classes:(i+1)*classes], int(l))
			}
			return nil
		}}
	}}
}

// argmax is the predicted class of a row of logits, the first of equals; of a
// single logit, whether it is positive.
func argmax(logits []float32) int {
	if len(logits) == 1 {
		if logits[0] > 0 {
			return 1
		}
		return 0
	}
	best := 0
	for k, v := range logits {
		if v > logits[best] {
			best = k
		}
	}
	return best
}

// Accuracy is the share of samples whose largest logit is the label's.
func Accuracy() Metric[data.Batch] { return topK("accuracy", 1) }

// TopK is the share of samples whose label is among the k largest logits.
func TopK(k int) Metric[data.Batch] { return topK(fmt.Sprintf("top%d", k), k) }

func topK(name string, k int) Metric[data.Batch] {
	return classified(name, func() (func([]float32, int), func() float64) {
		var hit, n float64
		return func(logits []float32, label int) {
			n++
			if len(logits) == 1 {
				if argmax(logits) == label || k > 1 {
					hit++
				}
				return
			}
			above := 0 // logits that stand before the label's
			for j, v := range logits {
				if v > logits[label] || v == logits[label] && j < label {
					above++
				}
			}
			if above < k && logits[label] == logits[label] {
				hit++
			}
		}, func() float64 { return hit / n }
	})
}

// Perplexity is exp of the mean cross-entropy of softmax(logits): for a
// language model, among how many equally likely words it might as well choose.
func Perplexity() Metric[data.Batch] {
	return classified("perplexity", func() (func([]float32, int), func() float64) {
		var sum, n float64
		return func(logits []float32, label int) {
			sum, n = sum-logSoftmax(logits, label), n+1
		}, func() float64 { return math.Exp(sum / n) }
	})
}

// logSoftmax is log softmax(logits)[k], a single logit meaning (0, logit).
func logSoftmax(logits []float32, k int) float64 {
	at := func(j int) float64 {
		if len(logits) == 1 {
			return float64(j) * float64(logits[0])
		}
		return float64(logits[j])
	}
	most := math.Inf(-1)
	for j := range max(len(logits), 2) {
		most = math.Max(most, at(j))
	}
	var sum float64
	for j := range max(len(logits), 2) {
		sum += math.Exp(at(j) - most)
	}
	return at(k) - most - math.Log(sum)
}

// Average says how the figures of classes become one.
type Average int

const (
	Macro    Average = iota // the plain mean over classes
	Micro                   // over all samples together, which is the accuracy
	Weighted                // the mean weighted by the number of samples of each class
	Positive                // that of class 1 alone, for two classes
)

// Precision, of what is predicted to be a class, is the share that is. A class
// that is never predicted counts 0.
func Precision(a Average) Metric[data.Batch] {
	return confused("precision", func(c *Confusion) float64 { return c.Precision(a) })
}

// Recall, of what is a class, is the share that is predicted to be. A class
// without samples counts 0.
func Recall(a Average) Metric[data.Batch] {
	return confused("recall", func(c *Confusion) float64 { return c.Recall(a) })
}

// F1 is the harmonic mean of precision and recall.
func F1(a Average) Metric[data.Batch] {
	return confused("f1", func(c *Confusion) float64 { return c.F1(a) })
}

func confused(name string, value func(*Confusion) float64) Metric[data.Batch] {
	return classified(name, func() (func([]float32, int), func() float64) {
		c := &Confusion{}
		return func(logits []float32, label int) { c.Add(label, argmax(logits), max(len(logits), 2)) }, func() float64 { return value(c) }
	})
}

// ConfusionInto is a metric for its side effect: it fills c afresh in every
// measurement. Its value is the accuracy.
func ConfusionInto(c *Confusion) Metric[data.Batch] {
	return classified("accuracy", func() (func([]float32, int), func() float64) {
		*c = Confusion{}
		return func(logits []float32, label int) { c.Add(label, argmax(logits), max(len(logits), 2)) }, c.Accuracy
	})
}

// Confusion counts samples by label (row) and prediction (column).
type Confusion struct{ Counts [][]int }

// Add counts one sample of a problem of so many classes.
func (c *Confusion) Add(label, predicted, classes int) {
	for len(c.Counts) < classes {
		c.Counts = append(c.Counts, nil)
	}
	for i := range c.Counts {
		for len(c.Counts[i]) < len(c.Counts) {
			c.Counts[i] = append(c.Counts[i], 0)
		}
	}
	c.Counts[label][predicted]++
}

// Accuracy is the share on the diagonal.
func (c *Confusion) Accuracy() float64 { return c.Recall(Micro) }

// Precision averages the classes' precisions.
func (c *Confusion) Precision(a Average) float64 {
	return c.average(a, func(hit, label, predicted float64) float64 { return ratio(hit, predicted) })
}

// Recall averages the classes' recalls.
func (c *Confusion) Recall(a Average) float64 {
	return c.average(a, func(hit, label, predicted float64) float64 { return ratio(hit, label) })
}

// F1 averages the classes' F1.
func (c *Confusion) F1(a Average) float64 {
	return c.average(a, func(hit, label, predicted float64) float64 { return ratio(2*hit, label+predicted) })
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// average applies f to each class: how many samples were right, are of the
// class, are predicted to be.
func (c *Confusion) average(a Average, f func(hit, label, predicted float64) float64) float64 {
	var sum, all, hits float64
	for k, row := range c.Counts {
		var label, predicted float64
		for j := range row {
			label, predicted = label+float64(row[j]), predicted+float64(c.Counts[j][k])
		}
		hit := float64(row[k])
		all, hits = all+label, hits+hit
		v := f(hit, label, predicted)
		switch {
		case a == Macro:
			sum += v / float64(len(c.Counts))
		case a == Weighted:
			sum += v * label
		case a == Positive && k == 1:
			sum = v
		}
	}
	switch {
	case all == 0:
		return nan
	case a == Weighted:
		return sum / all
	case a == Micro:
		return f(hits, all, all)
	}
	return sum
}

// regression makes a metric of sums over all elements.
func regression(name string, value func(s *regressionSums) float64) Metric[data.Batch] {
	return Metric[data.Batch]{Name: name, New: func() Meter[data.Batch] {
		s := &regressionSums{}
		return meter{value: func() float64 { return value(s) }, add: func(p tensor.Tensor, b data.Batch) error {
			x := p.Data()
			if len(x) != len(b.Y) {
				return fmt.Errorf("predictions of %v for targets of %v", p.Dims(), b.YDims)
			}
			for i, y := range b.Y {
				s.add(float64(x[i]), float64(y))
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
func MAE() Metric[data.Batch] {
	return regression("mae", func(s *regressionSums) float64 { return s.abs / s.n })
}

// RMSE is the root of the mean squared error.
func RMSE() Metric[data.Batch] {
	return regression("rmse", func(s *regressionSums) float64 { return math.Sqrt(s.square / s.n) })
}

// R2 is the coefficient of determination: 1 for perfect predictions, 0 for
// those no better than the mean of the targets. Several outputs count as one
// list of numbers.
func R2() Metric[data.Batch] {
	return regression("r2", func(s *regressionSums) float64 { return 1 - s.square/s.spread })
}
