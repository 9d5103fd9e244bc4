package metrics

import (
	"fmt"
	"math"
	"sort"
)

// ROCAUC is the area under the receiver operating characteristic: the
// probability that a positive sample scores above a negative one. With more
// than two classes it is the mean over the classes, each against the rest, by
// softmax probabilities.
func ROCAUC() Metric { return ranked("roc_auc", AreaUnderROC) }

// PRAUC is the area under the precision–recall curve as average precision,
// Σ (Rᵢ − Rᵢ₋₁)·Pᵢ, which does not interpolate; with more than two classes the
// mean over the classes.
func PRAUC() Metric { return ranked("pr_auc", AveragePrecision) }

func ranked(name string, area func(scores []float64, positive []bool) float64) Metric {
	return classified(name, func() (func([]float32, int), func() float64) {
		var labels []int
		var logits []float32
		classes := 2
		add := func(row []float32, label int) {
			labels = append(labels, label)
			if len(row) > 2 {
				classes = len(row)
				logits = append(logits, row...)
			} else { // the log odds order samples as the probability does
				logits = append(logits, row[len(row)-1])
				if len(row) == 2 {
					logits[len(logits)-1] -= row[0]
				}
			}
		}
		return add, func() float64 {
			scores, positive := make([]float64, len(labels)), make([]bool, len(labels))
			one := func(k int) float64 {
				for i, l := range labels {
					positive[i] = l == k
					if classes == 2 {
						scores[i] = float64(logits[i])
					} else {
						scores[i] = logSoftmax(logits[i*classes:(i+1)*classes], k)
					}
				}
				return area(scores, positive)
			}
			if classes == 2 {
				return one(1)
			}
			var sum float64
			for k := range classes {
				sum += one(k)
			}
			return sum / float64(classes)
		}
	})
}

// CurvePoint is a point of a ROC or precision–recall curve: what happens when
// samples of at least Threshold are called positive.
type CurvePoint struct {
	Threshold         float64
	TruePositiveRate  float64 // recall
	FalsePositiveRate float64
	Precision         float64
}

// Curve gives the points of the ROC and precision–recall curves, one for each
// different score, the highest first, after the one at which nothing is called
// positive (threshold +Inf, precision 1). Rates are NaN when a class is
// missing. A score that is NaN has no rank: the curve is then one point of NaNs.
// Curve panics unless there is one label for each score.
func Curve(scores []float64, positive []bool) []CurvePoint {
	counts, p, n := cumulate(scores, positive)
	if counts == nil {
		nan := math.NaN()
		return []CurvePoint{{nan, nan, nan, nan}}
	}
	points := make([]CurvePoint, len(counts))
	for i, c := range counts {
		points[i] = CurvePoint{c.threshold, c.tp / p, c.fp / n, 1}
		if i > 0 {
			points[i].Precision = c.tp / (c.tp + c.fp)
		}
	}
	return points
}

// counted are the positives and negatives of at least a threshold.
type counted struct{ threshold, tp, fp float64 }

// cumulate counts p positives and n negatives by threshold, nil where a score is
// NaN.
func cumulate(scores []float64, positive []bool) (counts []counted, p, n float64) {
	if len(scores) != len(positive) {
		panic(fmt.Sprintf("metrics: %d scores for %d labels", len(scores), len(positive)))
	}
	order := make([]int, len(scores))
	for i, s := range scores {
		if math.IsNaN(s) {
			return nil, 0, 0
		}
		order[i] = i
	}
	sort.Slice(order, func(a, b int) bool { return scores[order[a]] > scores[order[b]] })
	counts = []counted{{threshold: math.Inf(1)}}
	for k, i := range order {
		if positive[i] {
			p++
		} else {
			n++
		}
		if k+1 == len(order) || scores[order[k+1]] != scores[i] {
			counts = append(counts, counted{scores[i], p, n})
		}
	}
	return counts, p, n
}

// AreaUnderROC is the area under the ROC curve of scores, by the trapezoidal
// rule: from 0 to 1; NaN when a class is missing or a score is NaN.
func AreaUnderROC(scores []float64, positive []bool) float64 {
	c, p, n := cumulate(scores, positive)
	area := 0. // in samples, which are whole: no rounding brings it above 1
	for i := 1; i < len(c); i++ {
		area += (c[i].fp - c[i-1].fp) * (c[i].tp + c[i-1].tp) / 2
	}
	return area / (p * n)
}

// AveragePrecision is the area under the precision–recall curve of scores: from
// 0 to 1; NaN when there is no positive or a score is NaN.
func AveragePrecision(scores []float64, positive []bool) float64 {
	c, p, _ := cumulate(scores, positive)
	area := 0.
	for i := 1; i < len(c); i++ {
		area += (c[i].tp - c[i-1].tp) * c[i].tp / (c[i].tp + c[i].fp)
	}
	return area / p
}
