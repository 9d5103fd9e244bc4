package data

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
)

// Fold is one division of a set into samples to train on and samples to test
// on, by index, both ascending.
type Fold struct{ Train, Test []int }

// Split divides n samples at random: a share of test (0 to 1) to test on,
// n·test rounded to the nearest, half up, and the others to train on. See
// Subset.
func Split(n int, test float64, seed uint64) Fold {
	return StratifiedSplit(make([]int32, n), test, seed)
}

// StratifiedSplit is Split with the labels in the set's proportions in both
// parts: as many samples to test on as Split has, of each label the share of
// test, rounded down, and one more of those that lost most by that (the largest
// remainders, equal ones at random). So 10 % of 100 labels with 4 samples each
// are 40 samples of 40 labels. A label with few samples may be in one part
// only: one with a single sample always is.
func StratifiedSplit(labels []int32, test float64, seed uint64) Fold {
	if !(test >= 0 && test <= 1) {
		panic(fmt.Sprintf("data: a test part of %v: want 0 to 1", test))
	}
	byLabel, rng := shuffledByLabel(labels, seed)
	side := make([]int, len(labels))
	for k, n := range shares(byLabel, test, rng) {
		for _, i := range byLabel[k][:n] {
			side[i] = 1
		}
	}
	return foldOf(side, 1)
}

// shares is how many of each group to test on, by largest remainders
// (Hamilton's method of apportionment).
func shares(groups [][]int, test float64, rng *rand.Rand) []int {
	counts, remainders := make([]int, len(groups)), make([]float64, len(groups))
	total, left := 0, 0
	for k, g := range groups {
		total += len(g)
		want := test * float64(len(g))
		counts[k] = int(want)
		remainders[k] = math.Round((want-float64(counts[k]))*1e9) / 1e9 // equal ones stay equal
		left -= counts[k]
	}
	left += int(test*float64(total) + 0.5)
	order := rng.Perm(len(groups))
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(remainders[b], remainders[a]) })
	for _, k := range order {
		if left > 0 && counts[k] < len(groups[k]) {
			counts[k]++
			left--
		}
	}
	return counts
}

// KFold divides n samples at random into k parts, whose sizes differ by at
// most one, and makes k folds: each part is tested on once.
func KFold(n, k int, seed uint64) []Fold {
	return StratifiedKFold(make([]int32, n), k, seed)
}

// StratifiedKFold is KFold with every label spread over the parts as evenly as
// can be.
func StratifiedKFold(labels []int32, k int, seed uint64) []Fold {
	checkFolds(k, len(labels), "samples")
	part, next := make([]int, len(labels)), 0
	byLabel, _ := shuffledByLabel(labels, seed)
	for _, members := range byLabel {
		for _, i := range members {
			part[i] = next % k
			next++
		}
	}
	return folds(part, k)
}

// GroupKFold is KFold that never divides a group (a patient, a speaker): the
// groups, the largest first, go to the part that is smallest so far. A group
// that is not equal to itself (NaN) panics.
func GroupKFold[G comparable](groups []G, k int) []Fold {
	count := map[G]int{}
	var names []G
	for i, g := range groups {
		if g != g {
			panic(fmt.Sprintf("data: GroupKFold: sample %d is of group %v, which equals no other", i, g))
		}
		if count[g] == 0 {
			names = append(names, g)
		}
		count[g]++
	}
	checkFolds(k, len(names), "groups")
	sort.SliceStable(names, func(i, j int) bool { return count[names[i]] > count[names[j]] })
	sizes, of := make([]int, k), map[G]int{}
	for _, g := range names {
		smallest := 0
		for p, s := range sizes {
			if s < sizes[smallest] {
				smallest = p
			}
		}
		of[g], sizes[smallest] = smallest, sizes[smallest]+count[g]
	}
	part := make([]int, len(groups))
	for i, g := range groups {
		part[i] = of[g]
	}
	return folds(part, k)
}

func checkFolds(k, n int, what string) {
	if k < 2 || k > n {
		panic(fmt.Sprintf("data: %d folds of %d %s: want 2 to %d", k, n, what, n))
	}
}

// shuffledByLabel lists the samples of each label, labels ascending, in random
// order, and gives the generator, for what is still to be drawn.
func shuffledByLabel(labels []int32, seed uint64) ([][]int, *rand.Rand) {
	by := map[int32][]int{}
	for i, l := range labels {
		by[l] = append(by[l], i)
	}
	rng := rand.New(rand.NewPCG(seed, 0x73706c6974))
	all := make([][]int, 0, len(by))
	for _, l := range slices.Sorted(maps.Keys(by)) {
		m := by[l]
		rng.Shuffle(len(m), func(i, j int) { m[i], m[j] = m[j], m[i] })
		all = append(all, m)
	}
	return all, rng
}

func folds(part []int, k int) []Fold {
	all := make([]Fold, k)
	for p := range all {
		all[p] = foldOf(part, p)
	}
	return all
}

func foldOf(part []int, test int) (f Fold) {
	for i, p := range part {
		if p == test {
			f.Test = append(f.Test, i)
		} else {
			f.Train = append(f.Train, i)
		}
	}
	return f
}
