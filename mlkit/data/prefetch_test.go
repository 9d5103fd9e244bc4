package data_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"descent/mlkit/data"
)

func numbered(n int) data.Dataset {
	x, y := make([]float32, n), make([]float32, n)
	for i := range x {
		x[i], y[i] = float32(i), float32(-i)
	}
	return data.FromSlices(x, []int{1}, y, []int{1})
}

// noGoroutineLeft waits for goroutines that are on their way out.
func noGoroutineLeft(t *testing.T, before int) {
	t.Helper()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestPrefetchDealsTheSameBatches(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, n := range []int{1, 4, 23} {
		plain := &data.Loader{Dataset: numbered(n), BatchSize: 4, Shuffle: true, Seed: 5}
		for _, ahead := range []int{1, 2, 7, 100} {
			l := &data.Loader{Dataset: numbered(n), BatchSize: 4, Shuffle: true, Seed: 5, Prefetch: ahead}
			for epoch := range 3 {
				wa, ws := collect(t, plain, epoch)
				ga, gs := collect(t, l, epoch)
				if !slices.Equal(wa, ga) || !slices.Equal(ws, gs) {
					t.Errorf("%d samples, %d ahead, epoch %d: %v, want %v", n, ahead, epoch, ga, wa)
				}
				for range l.Epoch(epoch) { // left early, and begun again
					break
				}
			}
			var from []int
			for b, err := range l.EpochFrom(context.Background(), 1, 2) {
				if err != nil || b.Epoch != 1 {
					t.Fatal(err, b.Epoch)
				}
				from = append(from, b.Index...)
			}
			if all, _ := collect(t, plain, 1); !slices.Equal(from, all[min(8, len(all)):]) {
				t.Errorf("from batch 2: %v of %v", from, all)
			}
		}
	}
	noGoroutineLeft(t, before)
}

// flaky fails, panics or hangs at a sample.
type flaky struct {
	data.Dataset
	at   int
	what func() error
}

func (f flaky) Batch(index []int, b *data.Batch) error {
	if slices.Contains(index, f.at) {
		if err := f.what(); err != nil {
			return err
		}
	}
	return f.Dataset.Batch(index, b)
}

func TestPrefetchPassesOnWhatGoesWrong(t *testing.T) {
	before := runtime.NumGoroutine()
	bad := errors.New("bad sample")
	for _, ahead := range []int{0, 1, 3} {
		l := &data.Loader{Dataset: flaky{numbered(40), 17, func() error { return bad }}, BatchSize: 4, Prefetch: ahead}
		good := 0
		for b, err := range l.Epoch(2) {
			if err != nil {
				if !errors.Is(err, bad) || err.Error() != "data: batch 4 of epoch 2: bad sample" {
					t.Errorf("%v", err)
				}
				break
			}
			good += b.Len()
		}
		if good != 16 {
			t.Errorf("%d ahead: %d samples before the error", ahead, good)
		}

		func() {
			defer func() {
				if p := recover(); p != "oh" {
					t.Errorf("panic %v", p)
				}
			}()
			for range (&data.Loader{Dataset: flaky{numbered(40), 17, func() error { panic("oh") }}, BatchSize: 4, Prefetch: ahead}).Epoch(0) {
			}
		}()

		if ahead == 0 {
			continue
		}
		ctx, cancel := context.WithCancel(context.Background())
		hang := make(chan struct{})
		l = &data.Loader{Dataset: flaky{numbered(40), 9, func() error { cancel(); <-hang; return nil }}, BatchSize: 4, Prefetch: ahead}
		var last error
		for _, err := range l.EpochFrom(ctx, 0, 0) {
			if last = err; err != nil {
				close(hang) // only now: the epoch ended before its batch came
			}
		}
		if !errors.Is(last, context.Canceled) {
			t.Errorf("%d ahead: cancelled: %v", ahead, last)
		}
	}
	noGoroutineLeft(t, before)
}

func TestDealingAllocatesNothing(t *testing.T) {
	images := &data.Images{Pixels: make([]byte, 100*3*8*8), Dims: []int{3, 8, 8}, Labels: make([]int32, 100)}
	augmented := data.Augment(data.Subset(images, []int{5, 6, 7, 8, 9, 10, 11, 12}), 1, data.FlipHorizontal(.5), data.FlipVertical(.5), data.RandomCrop(2, 0),
		data.Rotate(10, 0), data.Shift(.1, 0), data.Noise(.1), data.Cutout(3, 0))
	sc, err := data.FitStandard(numbered(8))
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]data.Dataset{"images": images, "augmented": augmented, "concat": data.Concat(augmented, images), "scaled": sc.Of(numbered(8)),
		"mixup": data.Mixup(augmented, 2, .2, 1), "cutmix": data.CutMix(images, 2, 1, 1)} {
		var b data.Batch
		index := []int{0, 3, 7, 2}
		step := func() {
			if err := set.Batch(index, &b); err != nil {
				t.Fatal(err)
			}
		}
		step()
		if n := testing.AllocsPerRun(20, step); n != 0 {
			t.Errorf("%s: %v allocations a batch", name, n)
		}
	}
}

func TestComposed(t *testing.T) {
	set := data.Concat(data.Subset(data.Subset(numbered(20), []int{10, 11, 12, 13}), []int{3, 1}), numbered(3))
	var b data.Batch
	if err := set.Batch([]int{4, 0, 1, 2}, &b); err != nil || !reflect.DeepEqual(b.X, []float32{2, 13, 11, 0}) || !reflect.DeepEqual(b.Y, []float32{-2, -13, -11, 0}) {
		t.Errorf("%v %v %v", err, b.X, b.Y)
	}
	if err := data.Subset(numbered(20), []int{10, 11}).Batch([]int{1}, &b); err != nil || b.Index[0] != 11 {
		t.Errorf("%v %v", err, b.Index)
	}
	doubled := data.Map(numbered(5), func(b *data.Batch) error {
		for i := range b.X {
			b.X[i] *= 2
		}
		return nil
	})
	if err := doubled.Batch([]int{4}, &b); err != nil || b.X[0] != 8 || doubled.Len() != 5 {
		t.Errorf("%v %v", err, b.X)
	}
	other := data.FromSlices(make([]float32, 4), []int{2}, make([]float32, 2), []int{1})
	for _, bad := range []struct {
		set   data.Dataset
		index []int
	}{{data.Concat(numbered(2), other), []int{0, 3}}, {data.Concat(numbered(2)), []int{2}}, {data.Subset(numbered(2), []int{1}), []int{1}}, {data.Concat(), []int{0}}} {
		if err := bad.set.Batch(bad.index, &b); err == nil {
			t.Errorf("%v: no error", bad.index)
		}
	}
}

func TestSplits(t *testing.T) {
	labels := make([]int32, 50)
	for i := range labels {
		labels[i] = int32(min(i/20, 2)) // 20, 20, 10
	}
	count := func(index []int) (c [3]int) {
		for _, i := range index {
			c[labels[i]]++
		}
		return c
	}
	f := data.StratifiedSplit(labels, 0.2, 1)
	if count(f.Train) != [3]int{16, 16, 8} || count(f.Test) != [3]int{4, 4, 2} || !slices.IsSorted(f.Train) {
		t.Errorf("%v", f)
	}
	if g := data.StratifiedSplit(labels, 0.2, 2); slices.Equal(f.Test, g.Test) {
		t.Error("two seeds, one split")
	}
	if g := data.Split(50, 0.3, 1); len(g.Test) != 15 || len(g.Train) != 35 || !slices.Equal(g.Test, data.Split(50, 0.3, 1).Test) {
		t.Errorf("%v", g)
	}
	whole := func(folds []data.Fold, n int) {
		t.Helper()
		var all []int
		for _, f := range folds {
			all = append(all, f.Test...)
			if both := append(slices.Clone(f.Train), f.Test...); len(both) != n {
				t.Errorf("%v", f)
			} else if slices.Sort(both); both[0] != 0 || both[n-1] != n-1 || len(slices.Compact(both)) != n {
				t.Errorf("%v", f)
			}
		}
		slices.Sort(all)
		if len(slices.Compact(all)) != n {
			t.Errorf("tested on %v", all)
		}
	}
	whole(data.KFold(11, 3, 1), 11)
	s := data.StratifiedKFold(labels, 5, 1)
	whole(s, 50)
	for _, f := range s {
		if count(f.Test) != [3]int{4, 4, 2} {
			t.Errorf("%v", count(f.Test))
		}
	}
	groups := []string{"a", "b", "c", "a", "d", "a", "b", "e", "a"}
	g := data.GroupKFold(groups, 3)
	whole(g, 9)
	for _, f := range g {
		for _, i := range f.Train {
			for _, j := range f.Test {
				if groups[i] == groups[j] {
					t.Errorf("group %s is divided", groups[i])
				}
			}
		}
	}
	if fmt.Sprint(len(g[0].Test), len(g[1].Test), len(g[2].Test)) != "4 3 2" {
		t.Errorf("%v", g)
	}
	for _, bad := range []func(){func() { data.KFold(3, 4, 1) }, func() { data.KFold(3, 1, 1) }, func() { data.Split(3, 1.5, 1) }, func() { data.GroupKFold(groups, 6) }} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			bad()
		}()
	}
}

// sklearn.preprocessing.StandardScaler().fit([[1, 5], [2, 5], [4, 5]]): mean_
// [2.3333333, 5], scale_ [1.24721913, 1]
func TestScalers(t *testing.T) {
	set := data.FromSlices([]float32{1, 5, 2, 5, 4, 5}, []int{2}, make([]float32, 3), []int{1})
	s, err := data.FitStandard(set)
	if err != nil || fmt.Sprintf("%.7f %.7f", s.Center, s.Scale) != "[2.3333333 5.0000000] [1.2472191 1.0000000]" {
		t.Errorf("%v %+v", err, s)
	}
	m, err := data.FitMinMax(data.Subset(set, []int{0, 2}))
	if err != nil {
		t.Fatal(err)
	}
	var b data.Batch
	if err := m.Of(set).Batch([]int{1, 2}, &b); err != nil || fmt.Sprint(b.X) != "[0.33333334 0 1 0]" {
		t.Errorf("%v %v", err, b.X)
	}
	m.Invert(b.X)
	if fmt.Sprint(b.X) != "[2 5 4 5]" {
		t.Errorf("%v", b.X)
	}
	nan := float32(0)
	nan /= nan
	for _, fit := range []func(data.Dataset) (*data.Scaler, error){data.FitStandard, data.FitMinMax} {
		if _, err := fit(data.FromSlices([]float32{1, 2, 3, nan}, []int{2}, make([]float32, 2), []int{1})); err == nil || err.Error() != "data: feature 1 of sample 1 is NaN: fill or leave out what is missing before fitting a scaler" {
			t.Errorf("%v", err)
		}
		if _, err := fit(data.Subset(set, nil)); err == nil {
			t.Error("empty set")
		}
	}
	if err := m.Of(numbered(2)).Batch([]int{0}, &b); err == nil {
		t.Error("2 columns on 1")
	}
}
