package metrics

import "math"

// Average says how the figures of classes become one.
type Average int

const (
	// Macro is the plain mean over the classes that there are, among labels or
	// predictions, as in scikit-learn: one that is in neither does not count.
	Macro    Average = iota
	Micro            // over all samples together, which is the accuracy
	Weighted         // the mean weighted by the number of samples of each class
	Positive         // that of class 1 alone, for two classes
)

// Confusion counts samples by label (row) and prediction (column).
type Confusion struct {
	Counts [][]int
	// Undefined is the number of samples without a prediction, whose outputs
	// are NaN. They are not in Counts; with any, all figures are NaN.
	Undefined int
}

// judge counts one sample by its logits.
func (c *Confusion) judge(logits []float32, label int) {
	if hasNaN(logits) {
		c.Undefined++
		return
	}
	c.Add(label, argmax(logits), max(len(logits), 2))
}

// Add counts one sample, by its label and its prediction, of a problem with the
// given number of classes.
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
func (c *Confusion) Precision(a Average) float64 { return c.average(a, precision) }

// Recall averages the classes' recalls.
func (c *Confusion) Recall(a Average) float64 { return c.average(a, recall) }

// F1 averages the classes' F1.
func (c *Confusion) F1(a Average) float64 { return c.average(a, f1) }

func precision(hit, _, predicted float64) float64 { return ratio(hit, predicted) }
func recall(hit, label, _ float64) float64        { return ratio(hit, label) }
func f1(hit, label, predicted float64) float64    { return ratio(2*hit, label+predicted) }

// class counts the samples that are right in class k, are of it, and are
// predicted to be.
func (c *Confusion) class(k int) (hit, label, predicted float64) {
	for j, n := range c.Counts[k] {
		label, predicted = label+float64(n), predicted+float64(c.Counts[j][k])
	}
	return float64(c.Counts[k][k]), label, predicted
}

// ClassFigures are the figures of one class.
type ClassFigures struct {
	Samples, Predicted    int // by label, by prediction
	Precision, Recall, F1 float64
}

// PerClass returns the figures of each class, [classes], as scikit-learn's
// classification_report does: 0 where the divisor is 0. With samples
// without a prediction (see Undefined) they are NaN.
func (c *Confusion) PerClass() []ClassFigures {
	out := make([]ClassFigures, len(c.Counts))
	for k := range out {
		hit, label, predicted := c.class(k)
		f := ClassFigures{int(label), int(predicted), precision(hit, label, predicted),
			recall(hit, label, predicted), f1(hit, label, predicted)}
		if c.Undefined > 0 {
			f.Precision, f.Recall, f.F1 = math.NaN(), math.NaN(), math.NaN()
		}
		out[k] = f
	}
	return out
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// average applies f to the counts of each class.
func (c *Confusion) average(a Average, f func(hit, label, predicted float64) float64) float64 {
	var sum, all, hits, present float64
	for k := range c.Counts {
		hit, label, predicted := c.class(k)
		all, hits = all+label, hits+hit
		if label+predicted > 0 {
			present++
		}
		v := f(hit, label, predicted)
		switch {
		case a == Macro:
			sum += v
		case a == Weighted:
			sum += v * label
		case a == Positive && k == 1:
			sum = v
		}
	}
	switch {
	case all == 0 || c.Undefined > 0:
		return math.NaN()
	case a == Macro:
		return sum / present
	case a == Weighted:
		return sum / all
	case a == Micro:
		return f(hits, all, all)
	}
	return sum
}
