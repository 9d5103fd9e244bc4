package metrics

import (
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
// missing.
func Curve(scores []float64, positive []bool) []CurvePoint {
	order := make([]int, len(scores))
	var p, n float64
	for i := range order {
		order[i] = i
		if positive[i] {
			p++
		} else {
			n++
		}
	}
	sort.Slice(order, func(a, b int) bool { return scores[order[a]] > scores[order[b]] })
	points := []CurvePoint{{Threshold: math.Inf(1), TruePositiveRate: 0 / p, FalsePositiveRate: 0 / n, Precision: 1}}
	var tp, fp float64
	for k, i := range order {
		if positive[i] {
			tp++
		} else {
			fp++
		}
		if k+1 < len(order) && scores[order[k+1]] == scores[i] {
			continue
		}
		points = append(points, CurvePoint{scores[i], tp / p, fp / n, tp / (tp + fp)})
	}
	return points
}

// AreaUnderROC is the area under the curve of scores, by the trapezoidal rule.
func AreaUnderROC(scores []float64, positive []bool) (area float64) {
	c := Curve(scores, positive)
	for i := 1; i < len(c); i++ {
		area += (c[i].FalsePositiveRate - c[i-1].FalsePositiveRate) * (c[i].TruePositiveRate + c[i-1].TruePositiveRate) / 2
	}
	return area
}

// AveragePrecision is the area under the precision–recall curve of scores.
func AveragePrecision(scores []float64, positive []bool) (area float64) {
	c := Curve(scores, positive)
	for i := 1; i < len(c); i++ {
		area += (c[i].TruePositiveRate - c[i-1].TruePositiveRate) * c[i].Precision
	}
	return area
}
