package data

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sort"
)

// Fold is one division of a set into samples to train on and samples to test
// on, by index, both ascending.
type Fold struct{ Train, Test []int }

// Split divides n samples at random: a share of test (0 to 1, rounded) to test
// on, the others to train on. See Subset.
func Split(n int, test float64, seed uint64) Fold {
	return StratifiedSplit(make([]int32, n), test, seed)
}

// StratifiedSplit divides the samples of each label as Split does, so that both
// parts have the labels in the set's proportions.
func StratifiedSplit(labels []int32, test float64, seed uint64) Fold {
	if !(test >= 0 && test <= 1) {
		panic(fmt.Sprintf("data: a test part of %v: want 0 to 1", test))
	}
	side := make([]int, len(labels))
	for _, members := range shuffledByLabel(labels, seed) {
		for _, i := range members[:int(test*float64(len(members))+0.5)] {
			side[i] = 1
		}
	}
	return foldOf(side, 1)
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
	for _, members := range shuffledByLabel(labels, seed) {
		for _, i := range members {
			part[i] = next % k
			next++
		}
	}
	return folds(part, k)
}

// GroupKFold is KFold that never divides a group (a patient, a speaker): the
// groups, the largest first, go to the part that is smallest so far.
func GroupKFold[G comparable](groups []G, k int) []Fold {
	count := map[G]int{}
	var names []G
	for _, g := range groups {
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
// order.
func shuffledByLabel(labels []int32, seed uint64) [][]int {
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
	return all
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
