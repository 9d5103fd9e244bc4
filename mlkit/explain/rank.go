package explain

import (
	"cmp"
	"fmt"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// RankCorrelation is Spearman's: the correlation of the ranks of two lists of
// numbers, 1 where they agree in every order and 0 where they have none in
// common. Equal numbers have the mean of their ranks. It is NaN where all
// numbers of a list are equal.
func RankCorrelation[T ~float32 | ~float64](a, b []T) (float64, error) {
	if len(a) != len(b) || len(a) == 0 {
		return 0, fmt.Errorf("explain: RankCorrelation of %d and %d numbers: need as many of each", len(a), len(b))
	}
	return stat.Correlation(ranks(a), ranks(b), nil), nil
}

func ranks[T ~float32 | ~float64](x []T) []float64 {
	order := upTo(len(x))
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(x[i], x[j]) })
	out := make([]float64, len(x))
	for lo := 0; lo < len(order); {
		hi := lo + 1
		for hi < len(order) && x[order[hi]] == x[order[lo]] {
			hi++
		}
		for _, i := range order[lo:hi] {
			out[i] = float64(lo+hi-1) / 2
		}
		lo = hi
	}
	return out
}
