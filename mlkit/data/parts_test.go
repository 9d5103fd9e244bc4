package data_test

import (
	"context"
	"slices"
	"testing"

	"descent/mlkit/data"
)

// TestEpochParts: the parts that all readers get are the batch, cut as Split
// cuts it, with and without batches prepared ahead.
func TestEpochParts(t *testing.T) {
	x := make([]float32, 23)
	for i := range x {
		x[i] = float32(i)
	}
	set := data.FromSlices(x, []int{1}, x, []int{1})
	for _, ahead := range []int{0, 2} {
		for _, n := range []int{1, 3, 12} {
			loader := func() *data.Loader {
				return &data.Loader{Dataset: set, BatchSize: 8, Shuffle: true, Seed: 5, Prefetch: ahead}
			}
			var want, got [][]int
			for b, err := range loader().EpochFrom(context.Background(), 2, 1) {
				if err != nil {
					t.Fatal(err)
				}
				var part data.Batch
				for k := range n {
					b.Split(&part, k, n)
					want = append(want, slices.Clone(part.Index))
				}
			}
			half := n / 2
			parts := map[int][]int{}
			for _, r := range [][2]int{{0, half}, {half, n}} {
				batch := 0
				for ps, err := range loader().EpochParts(context.Background(), 2, 1, n, r[0], r[1]) {
					if err != nil || len(ps) != r[1]-r[0] {
						t.Fatal(len(ps), err)
					}
					for i, p := range ps {
						parts[batch*n+r[0]+i] = slices.Clone(p.Index)
						for k, at := range p.Index {
							if p.X[k] != x[at] || p.Epoch != 2 {
								t.Errorf("sample %d is %v of epoch %d", at, p.X[k], p.Epoch)
							}
						}
					}
					batch++
				}
			}
			for k := range len(parts) {
				got = append(got, parts[k])
			}
			if !slices.EqualFunc(got, want, slices.Equal[[]int]) {
				t.Errorf("%d parts: %v, want %v", n, got, want)
			}
		}
	}
}
