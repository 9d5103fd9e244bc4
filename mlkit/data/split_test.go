package data_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"descent/mlkit/data"
)

// labelsOf is count[k] labels k, dealt through one another.
func labelsOf(counts ...int) []int32 {
	var labels []int32
	for left := slices.Clone(counts); slices.Max(left) > 0; {
		for k := range left {
			if left[k] > 0 {
				left[k]--
				labels = append(labels, int32(k))
			}
		}
	}
	return labels
}

func testCounts(f data.Fold, labels []int32, classes int) []int {
	counts := make([]int, classes)
	for _, i := range f.Test {
		counts[labels[i]]++
	}
	return counts
}

// Without ties the counts are scikit-learn 1.9's:
//
//	y = np.repeat(np.arange(len(counts)), counts)
//	_, t = train_test_split(y, test_size=round(share * len(y)), stratify=y)
//	print(np.bincount(t))
//
// which refuses what has classes of one sample, or fewer test samples than
// classes: there largest remainders are by hand.
func TestStratifiedSplitCounts(t *testing.T) {
	for _, c := range []struct {
		counts []int
		share  float64
		want   []int
	}{
		{[]int{5, 9, 36, 3, 47}, 0.25, []int{1, 2, 9, 1, 12}},
		{[]int{50, 3}, 27. / 53, []int{25, 2}},
		{[]int{333, 333, 334}, 0.001, []int{0, 0, 1}},
		{[]int{1000, 10, 1}, 0.3, []int{300, 3, 0}},
		{[]int{1000, 10, 1}, 0.7, []int{700, 7, 1}},
		{[]int{2, 3}, 0, []int{0, 0}},
		{[]int{2, 3}, 1, []int{2, 3}},
	} {
		labels := labelsOf(c.counts...)
		f := data.StratifiedSplit(labels, c.share, 7)
		if got := testCounts(f, labels, len(c.counts)); !slices.Equal(got, c.want) {
			t.Errorf("%v of %v: %v, want %v", c.share, c.counts, got, c.want)
		}
	}
}

// Whatever the classes, the asked number is met exactly, no class is off its
// share by one sample, and which of equal classes give the odd samples is drawn
// anew by every seed.
func TestStratifiedSplitIsExactAndFair(t *testing.T) {
	many := func(classes, each int) []int { return slices.Repeat([]int{each}, classes) }
	for _, counts := range [][]int{many(100, 4), many(100, 14), many(7, 7), many(1000, 1), {1, 1, 1, 100}, {3, 5, 8, 13, 21, 34}, many(3, 333)} {
		labels := labelsOf(counts...)
		n := len(labels)
		for _, share := range []float64{0.001, 0.05, 0.1, 0.2, 0.29, 1. / 3, 0.5, 0.7, 0.9, 0.999} {
			given := make([]int, len(counts))
			for seed := range uint64(20) {
				f := data.StratifiedSplit(labels, share, seed)
				if len(f.Test) != int(share*float64(n)+0.5) || len(f.Test)+len(f.Train) != n || len(f.Test) != len(data.Split(n, share, seed).Test) {
					t.Fatalf("%v of %d samples: %d to test on, %d to train on", share, n, len(f.Test), len(f.Train))
				}
				for k, got := range testCounts(f, labels, len(counts)) {
					if d := math.Abs(float64(got) - share*float64(counts[k])); d >= 1 {
						t.Fatalf("%v of %v: %d of class %d", share, counts, got, k)
					}
					given[k] += got
				}
				if again := data.StratifiedSplit(labels, share, seed); !slices.Equal(again.Test, f.Test) {
					t.Fatal("the same seed divides in another way")
				}
			}
			if len(counts) == 100 && counts[0] == 4 && share == 0.1 && slices.Max(given) > 17 { // 8 of 20 are expected: 17 are 4 standard deviations
				t.Errorf("the odd samples always come from the same classes: %v", given)
			}
		}
	}
}

// Labels of any numbers, in parts whose sizes and classes differ by one at
// most.
func TestKFoldsAreEven(t *testing.T) {
	for _, counts := range [][]int{{20, 80}, {1, 2, 3, 50}, slices.Repeat([]int{4}, 30), {7, 7, 7}} {
		labels := labelsOf(counts...)
		for k := 2; k <= 7; k++ {
			tested := 0
			for _, f := range data.StratifiedKFold(labels, k, 3) {
				tested += len(f.Test)
				if uneven(len(f.Test), len(labels), k) {
					t.Errorf("%d of %d samples in a part of %d", len(f.Test), len(labels), k)
				}
				for c, got := range testCounts(f, labels, len(counts)) {
					if uneven(got, counts[c], k) {
						t.Errorf("%d of the %d samples of class %d in a part of %d", got, counts[c], c, k)
					}
				}
			}
			if tested != len(labels) {
				t.Errorf("%d of %d samples are tested on", tested, len(labels))
			}
		}
	}
}

// uneven tells whether got is not n/k, rounded down or up.
func uneven(got, n, k int) bool { return got != n/k && got != (n+k-1)/k }

// Groups of very different sizes: none is divided, none lost, and no part is
// larger than the largest group or the mean and the largest together allow.
func TestGroupKFoldBalances(t *testing.T) {
	var groups []string
	for g, n := range []int{40, 30, 20, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1, 1} {
		for range n {
			groups = append(groups, fmt.Sprint(g))
		}
	}
	sizes := []int{}
	for _, f := range data.GroupKFold(groups, 3) {
		sizes = append(sizes, len(f.Test))
		in := map[string]bool{}
		for _, i := range f.Test {
			in[groups[i]] = true
		}
		for _, i := range f.Train {
			if in[groups[i]] {
				t.Fatalf("group %s is on both sides", groups[i])
			}
		}
	}
	if slices.Sort(sizes); !slices.Equal(sizes, []int{49, 49, 49}) {
		t.Errorf("parts of %v", sizes)
	}
	defer func() {
		if recover() == nil {
			t.Error("samples without a group (NaN) were all put into one part")
		}
	}()
	data.GroupKFold([]float64{1, 2, math.NaN(), math.NaN()}, 2)
}
