package explain

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate"
)

// Curve is how a score changes while an input's groups go, or come.
type Curve struct {
	Share []float64 // of the groups that have gone or come, from 0 to 1
	Score []float64 // with this share
}

// Area is the mean score over the shares, by the trapezoidal rule: of a
// deletion, the lower the better values point to what the score depends on; of
// an insertion, the higher.
func (c Curve) Area() float64 { return integrate.Trapezoidal(c.Share, c.Score) }

// Deletion measures whether values say what a score depends on: it replaces the
// groups of the input by the baseline, those of the highest mean value first,
// in that many steps, and computes the score after each (Petsiuk, Das & Saenko,
// RISE, 2018, section 4.3; Samek et al. 2017). Compare the area with that of
// values drawn at random, on the same input and baseline: part of every fall is
// that inputs half taken away are unlike all that the model has seen.
func Deletion(f Scores, in Input, values []float32, steps int) (Curve, error) {
	return curve("Deletion", f, in, values, steps, false)
}

// Insertion goes the other way: from the baseline to the input, the groups of
// the highest value first.
func Insertion(f Scores, in Input, values []float32, steps int) (Curve, error) {
	return curve("Insertion", f, in, values, steps, true)
}

func curve(op string, f Scores, in Input, values []float32, steps int, come bool) (c Curve, err error) {
	in, n, err := grouped(op, in, math.MaxInt)
	if err != nil {
		return c, err
	}
	if len(values) != len(in.X) || steps < 1 {
		return c, fmt.Errorf("explain: %s: %d values in %d steps for an input of %d: need a value for each element, and a step", op, len(values), steps, len(in.X))
	}
	steps = min(steps, n)
	sum, count := make([]float64, n), make([]float64, n)
	for k, g := range in.Groups {
		if v := float64(values[k]); v != v {
			return c, fmt.Errorf("explain: %s: value %d is NaN", op, k)
		}
		sum[g] += float64(values[k])
		count[g]++
	}
	order := upTo(n)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sum[b]/count[b], sum[a]/count[a]) })
	rank := make([]int, n)
	for r, g := range order {
		rank[g] = r
	}
	for i := range steps + 1 {
		c.Share = append(c.Share, float64(i*n/steps)/float64(n))
	}
	c.Score, err = evaluate(op, f, in, steps+1, func(i int, x []float32) {
		for k, g := range in.Groups {
			if x[k] = in.X[k]; (rank[g] < i*n/steps) != come {
				x[k] = in.Baseline[k]
			}
		}
	}, nil)
	return c, err
}
