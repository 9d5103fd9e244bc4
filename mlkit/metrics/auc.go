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
func ROCAUC() Metric { return ranked("roc_auc", oneVsRest(AreaUnderROC, false)) }

// ROCAUCWeighted is ROCAUC with the classes weighted by their numbers of
// samples.
func ROCAUCWeighted() Metric { return ranked("roc_auc_weighted", oneVsRest(AreaUnderROC, true)) }

// ROCAUCOneVsOne is the mean area over all pairs of classes, each pair judged
// on its own samples by the probability of one class and then of the other
// (Hand & Till, A Simple Generalisation of the Area Under the ROC Curve, 2001,
// eq. 7). It does not change with the frequencies of the classes.
func ROCAUCOneVsOne() Metric { return ranked("roc_auc_ovo", oneVsOne) }

// PRAUC is the area under the precision–recall curve as average precision,
// Σ (Rᵢ − Rᵢ₋₁)·Pᵢ, which does not interpolate; with more than two classes the
// mean over the classes.
func PRAUC() Metric { return ranked("pr_auc", oneVsRest(AveragePrecision, false)) }

// ranking holds the scores of samples: score tells that of class k for sample
// i. Of two classes only those of class 1 count.
type ranking struct {
	labels  []int
	classes int
	score   func(i, k int) float64
}

// ranked makes a metric of a figure about the order of all samples.
func ranked(name string, figure func(ranking) float64) Metric {
	return classified(name, func() (func([]float32, int), func() float64) {
		var logits []float32
		r := ranking{classes: 2}
		add := func(row []float32, label int) {
			r.labels = append(r.labels, label)
			if len(row) > 2 {
				r.classes = len(row)
				logits = append(logits, row...)
			} else { // the log odds order samples as the probability does
				logits = append(logits, row[len(row)-1])
				if len(row) == 2 {
					logits[len(logits)-1] -= row[0]
				}
			}
		}
		r.score = func(i, k int) float64 {
			if r.classes == 2 {
				return float64(logits[i])
			}
			return logSoftmax(logits[i*r.classes:(i+1)*r.classes], k)
		}
		return add, func() float64 { return figure(r) }
	})
}

// against is the area of class k on the samples for which in is true.
func (r ranking) against(k int, area func([]float64, []bool) float64, in func(label int) bool) float64 {
	var scores []float64
	var positive []bool
	for i, l := range r.labels {
		if in(l) {
			scores, positive = append(scores, r.score(i, k)), append(positive, l == k)
		}
	}
	return area(scores, positive)
}

// oneVsRest averages the areas of the classes, each against all others.
func oneVsRest(area func([]float64, []bool) float64, weighted bool) func(ranking) float64 {
	all := func(int) bool { return true }
	return func(r ranking) float64 {
		if r.classes == 2 {
			return r.against(1, area, all)
		}
		count := make([]float64, r.classes)
		for _, l := range r.labels {
			count[l]++
		}
		var sum, weights float64
		for k := range r.classes {
			w := 1.
			if weighted {
				w = count[k]
			}
			sum, weights = sum+w*r.against(k, area, all), weights+w
		}
		return sum / weights
	}
}

// oneVsOne averages the areas of the pairs of classes.
func oneVsOne(r ranking) float64 {
	if r.classes == 2 {
		return oneVsRest(AreaUnderROC, false)(r)
	}
	var sum, pairs float64
	for a := range r.classes {
		for b := range a {
			pair := func(label int) bool { return label == a || label == b }
			sum += (r.against(a, AreaUnderROC, pair) + r.against(b, AreaUnderROC, pair)) / 2
			pairs++
		}
	}
	return sum / pairs
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
// missing. A score that is NaN has no rank: the curve is then one point of
// NaNs. Curve panics unless there is one label for each score.
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

// cumulate counts p positives and n negatives by threshold, nil where a score
// is NaN.
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
