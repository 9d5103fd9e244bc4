package metrics

import (
	"fmt"
	"math"
)

// classified makes a metric of what add sees: the logits of one sample and its
// label. A NaN among them says nothing about the class: the figure is then NaN.
func classified(name string, begin func() (add func(logits []float32, label int), value func() float64)) Metric {
	return Metric{Name: name, New: func() Meter {
		add, value := begin()
		undefined := false
		defined := func() float64 {
			if undefined {
				return math.NaN()
			}
			return value()
		}
		return meter{value: defined, add: func(a Answer) error {
			x, classes := a.Outputs, len(a.Outputs)/max(len(a.Labels), 1)
			if len(a.Labels) == 0 || classes*len(a.Labels) != len(x) ||
				classes > 1 && a.Dims[len(a.Dims)-1] != classes {
				return fmt.Errorf("predictions of %v for %d labels: want [..., classes] logits, one row a label", a.Dims, len(a.Labels))
			}
			for i, l := range a.Labels {
				if l < 0 {
					continue
				}
				if int(l) >= max(classes, 2) {
					return fmt.Errorf("label %d of sample %d: predictions have %d classes", l, i, max(classes, 2))
				}
				row := x[i*classes : (i+1)*classes]
				undefined = undefined || hasNaN(row)
				add(row, int(l))
			}
			return nil
		}}
	}}
}

func hasNaN(x []float32) bool {
	for _, v := range x {
		if v != v {
			return true
		}
	}
	return false
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
func Accuracy() Metric { return topK("accuracy", 1) }

// TopK is the share of samples whose label is among the k largest logits, k at
// least 1.
func TopK(k int) Metric {
	if k < 1 {
		panic(fmt.Sprintf("metrics: TopK(%d): must be at least 1", k))
	}
	return topK(fmt.Sprintf("top%d", k), k)
}

func topK(name string, k int) Metric {
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
			if above < k {
				hit++
			}
		}, func() float64 { return hit / n }
	})
}

// Perplexity is exp of the mean cross-entropy of softmax(logits): for a
// language model, among how many equally likely words it might as well choose.
func Perplexity() Metric {
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

// Precision, of what is predicted to be a class, is the share that is. A class
// that is never predicted counts 0, as in scikit-learn.
func Precision(a Average) Metric {
	return confused("precision", a, func(c *Confusion) float64 { return c.Precision(a) })
}

// Recall, of what is a class, is the share that is predicted to be. A class
// that is predicted but has no samples counts 0, as in scikit-learn.
func Recall(a Average) Metric {
	return confused("recall", a, func(c *Confusion) float64 { return c.Recall(a) })
}

// F1 is the harmonic mean of precision and recall.
func F1(a Average) Metric {
	return confused("f1", a, func(c *Confusion) float64 { return c.F1(a) })
}

func confused(name string, a Average, value func(*Confusion) float64) Metric {
	m := classified(name, func() (func([]float32, int), func() float64) {
		c := &Confusion{}
		return c.judge, func() float64 { return value(c) }
	})
	if a != Positive {
		return m
	}
	begin := m.New
	m.New = func() Meter {
		inner := begin()
		return meter{value: inner.Value, add: func(a Answer) error {
			if n := len(a.Labels); n > 0 && len(a.Outputs)/n > 2 {
				return fmt.Errorf("predictions of %d classes: the average Positive is that of class 1 of two; take Macro, Micro or Weighted", len(a.Outputs)/n)
			}
			return inner.Add(a)
		}}
	}
	return m
}

// ConfusionInto is a metric for its side effect: it fills c afresh in every
// measurement. Its value is the accuracy.
func ConfusionInto(c *Confusion) Metric {
	return classified("accuracy", func() (func([]float32, int), func() float64) {
		*c = Confusion{}
		return c.judge, c.Accuracy
	})
}
