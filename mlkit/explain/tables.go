package explain

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
)

// Importance of a column: how much a figure gets worse without it.
type Importance struct {
	Mean, Std float64 // over the repetitions; the deviation is of the population
	Values    []float64
}

// PermutationImportance measures for every column of a table [rows, columns]
// how much a figure of merit falls when the column's values are shuffled among
// the rows (Breiman, Random forests, 2001). figure computes it, the more the
// better, for a table of that form; it must not keep or change it. Columns that
// say the same stand in for each other and seem unimportant. The same seed
// shuffles alike.
func PermutationImportance(figure func(x []float32) float64, x []float32, columns, repeats int,
	seed uint64) ([]Importance, error) {
	if err := table("PermutationImportance", x, columns); err != nil {
		return nil, err
	}
	if repeats < 1 {
		return nil, fmt.Errorf("explain: PermutationImportance: %d repetitions: at least 1", repeats)
	}
	whole := figure(x)
	rows := len(x) / columns
	out := make([]Importance, columns)
	changed := slices.Clone(x)
	rng := rand.New(rand.NewPCG(seed, 0))
	for c := range out {
		for range repeats {
			for r, from := range rng.Perm(rows) {
				changed[r*columns+c] = x[from*columns+c]
			}
			out[c].Values = append(out[c].Values, whole-figure(changed))
		}
		for r := range rows {
			changed[r*columns+c] = x[r*columns+c]
		}
		out[c].Mean, out[c].Std = stat.PopMeanStdDev(out[c].Values, nil)
	}
	return out, nil
}

// PartialDependence is the mean score over all rows of a table [rows, columns]
// when one column has a value everywhere, for each value of the grid (Friedman,
// Greedy function approximation, 2001, section 8.2). Where columns depend on
// each other it asks about rows that do not occur.
func PartialDependence(f Scores, x []float32, columns, column, target int, grid []float32) ([]float64, error) {
	if err := table("PartialDependence", x, columns); err != nil {
		return nil, err
	}
	if column < 0 || column >= columns {
		return nil, fmt.Errorf("explain: PartialDependence: column %d of %d", column, columns)
	}
	rows := len(x) / columns
	in := Input{X: x[:columns], Dims: []int{columns}, Target: target}
	out := make([]float64, len(grid))
	for i, v := range grid {
		scores, err := evaluate("PartialDependence", f, in, rows, func(r int, row []float32) {
			copy(row, x[r*columns:(r+1)*columns])
			row[column] = v
		}, nil)
		if err != nil {
			return nil, err
		}
		out[i] = stat.Mean(scores, nil)
	}
	return out, nil
}

// AttentionRollout multiplies the attention of all layers, each [queries, keys]
// with rows that add up to 1 and averaged over its heads, mixed in equal parts
// with the identity for the residual connection (Abnar & Zuidema, Quantifying
// attention flow in transformers, 2020, section 3.1). Row q of the result
// [tokens, tokens] says how much of each token of the input has gone into
// position q of the last layer, if values mixed as attention says and nothing
// else happened on the way.
func AttentionRollout(layers [][]float32, tokens int) ([]float32, error) {
	if tokens < 1 {
		return nil, fmt.Errorf("explain: AttentionRollout: %d tokens: at least 1", tokens)
	}
	flow := make([]float32, tokens*tokens)
	for q := range tokens {
		flow[q*tokens+q] = 1
	}
	for l, a := range layers {
		if len(a) != tokens*tokens {
			return nil, fmt.Errorf("explain: AttentionRollout: layer %d has %d numbers for %d tokens, not the square", l, len(a), tokens)
		}
		next := make([]float32, tokens*tokens)
		for q := range tokens {
			for k := range tokens {
				share := a[q*tokens+k] / 2
				if q == k {
					share += 0.5
				}
				for j := range tokens {
					next[q*tokens+j] += share * flow[k*tokens+j]
				}
			}
		}
		flow = next
	}
	return flow, nil
}

func table(op string, x []float32, columns int) error {
	if columns < 1 || len(x) == 0 || len(x)%columns != 0 {
		return fmt.Errorf("explain: %s: a table of %d numbers with %d columns", op, len(x), columns)
	}
	return nil
}
