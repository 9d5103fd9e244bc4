package data_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
)

func collect(t *testing.T, l *data.Loader, epoch int) (all []int, sizes []int) {
	t.Helper()
	for b, err := range l.Epoch(epoch) {
		if err != nil {
			t.Fatal(err)
		}
		for k, i := range b.Index {
			if b.X[k] != float32(i) || b.Y[k] != float32(-i) {
				t.Fatalf("sample %d came as x %v, y %v", i, b.X[k], b.Y[k])
			}
		}
		all, sizes = append(all, b.Index...), append(sizes, b.Len())
	}
	return all, sizes
}

func TestLoader(t *testing.T) {
	x, y := make([]float32, 10), make([]float32, 10)
	for i := range x {
		x[i], y[i] = float32(i), float32(-i)
	}
	set := data.FromSlices(x, []int{1}, y, []int{1})
	inOrder := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}

	plain := &data.Loader{Dataset: set, BatchSize: 4}
	if all, sizes := collect(t, plain, 0); !slices.Equal(all, inOrder) || !slices.Equal(sizes, []int{4, 4, 2}) || plain.Len() != 3 {
		t.Errorf("%v %v", all, sizes)
	}
	drop := &data.Loader{Dataset: set, BatchSize: 4, DropLast: true}
	if _, sizes := collect(t, drop, 0); !slices.Equal(sizes, []int{4, 4}) || drop.Len() != 2 {
		t.Errorf("DropLast: %v", sizes)
	}
	if _, sizes := collect(t, &data.Loader{Dataset: set}, 0); !slices.Equal(sizes, []int{10}) {
		t.Errorf("full batch: %v", sizes)
	}

	renewed := &data.Loader{Dataset: set, BatchSize: 4, Shuffle: true, Seed: 3}
	first, _ := collect(t, renewed, 0)
	second, _ := collect(t, renewed, 1)
	again, _ := collect(t, &data.Loader{Dataset: set, BatchSize: 4, Shuffle: true, Seed: 3}, 1)
	if slices.Equal(first, second) || !slices.Equal(second, again) || slices.Equal(first, inOrder) {
		t.Errorf("renewed: %v %v %v", first, second, again)
	}
	sorted := slices.Clone(first)
	slices.Sort(sorted)
	if !slices.Equal(sorted, inOrder) {
		t.Errorf("not a permutation: %v", first)
	}
	fixed := &data.Loader{Dataset: set, BatchSize: 4, Shuffle: true, SameOrder: true, Seed: 3}
	a, _ := collect(t, fixed, 0)
	b, _ := collect(t, fixed, 5)
	if !slices.Equal(a, b) || slices.Equal(a, inOrder) {
		t.Errorf("same order: %v %v", a, b)
	}
	if all, _ := collect(t, &data.Loader{Dataset: set, BatchSize: 2, Order: []int{7, 7, 1}}, 0); fmt.Sprint(all) != "[7 7 1]" {
		t.Errorf("given order: %v", all)
	}
	for _, err := range (&data.Loader{Dataset: set, Order: []int{10}}).Epoch(0) {
		if err == nil {
			t.Error("sample 10 of 10: no error")
		}
	}
}

// An epoch within an epoch of the same loader would change its order and
// overwrite its batch in silence.
func TestLoaderDealsOneEpochAtATime(t *testing.T) {
	set := data.FromSlices(make([]float32, 6), []int{1}, make([]float32, 6), nil)
	defer func() {
		if p := recover(); p != "data: the Loader has no Dataset" {
			t.Error(p)
		}
	}()
	defer func() { (&data.Loader{}).Len() }()
	for _, prefetch := range []int{0, 2} {
		l := &data.Loader{Dataset: set, BatchSize: 2, Shuffle: true, Prefetch: prefetch}
		for b, err := range l.Epoch(0) {
			if err != nil || !slices.Equal(b.YDims, []int{2}) {
				t.Fatal(b.YDims, err)
			}
			for _, err := range l.Epoch(1) {
				if err == nil || !strings.Contains(err.Error(), "use a second Loader") {
					t.Errorf("an epoch in an epoch: %v", err)
				}
			}
			break
		}
		n := 0
		for b := range l.Epoch(0) {
			n += b.Len()
		}
		if n != 6 {
			t.Errorf("after an epoch that was left: %d samples", n)
		}
	}
}

// The orders are those of rand.Shuffle, so that a seed means the same as it
// always has.
func TestPermutationIsRandShuffle(t *testing.T) {
	for _, n := range []int{1, 2, 3, 16, 100, 1000, 4097} {
		l := &data.Loader{Dataset: data.FromSlices(make([]float32, n), nil, make([]float32, n), nil), Shuffle: true, Seed: 7}
		for epoch := range 3 {
			want := make([]int, n)
			for i := range want {
				want[i] = i
			}
			rand.New(rand.NewPCG(7, uint64(epoch)+1)).Shuffle(n, func(i, j int) { want[i], want[j] = want[j], want[i] })
			if got := l.Permutation(epoch); !slices.Equal(got, want) {
				t.Fatalf("%d samples, epoch %d: another order", n, epoch)
			}
		}
	}
}
