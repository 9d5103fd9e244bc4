package data_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/tensor"
)

var sentences = &data.Sequences{Tokens: [][]int32{{5}, {6, 7, 8}, {9, 10}, {}}, Labels: []int32{0, 1, 1, 0}}

func TestTokensInABatch(t *testing.T) {
	b := batch(t, sentences, 0, 1, 0, 3)
	if fmt.Sprint(b.IDs, b.IDsDims, b.Lengths, b.Labels) != "[6 7 8 5 0 0 0 0 0] [3 3] [3 1 0] [1 0 0]" || b.X != nil {
		t.Errorf("%+v", b)
	}
	if ids := b.Tokens(); !reflect.DeepEqual(ids.Dims(), []int{3, 3}) || ids.Data[1] != 7 {
		t.Errorf("%v", ids)
	}
	tape := tensor.NewTape(1)
	if text := panics(func() { b.Input(tape) }); !strings.Contains(text, "use Tokens") {
		t.Error(text)
	}
	features := batch(t, data.FromLabels([]float32{1}, []int{1}, []int32{0}), 0, 0)
	if text := panics(func() { features.Tokens() }); !strings.Contains(text, "use Input") {
		t.Error(text)
	}
	var part data.Batch
	b.Split(&part, 1, 3)
	if fmt.Sprint(part.IDs, part.IDsDims, part.Lengths, part.Labels) != "[5 0 0] [1 3] [1] [0]" {
		t.Errorf("%+v", part)
	}
	// A batch that was used for tokens serves features again, and the reverse.
	if err := data.FromSlices([]float32{1, 2}, []int{1}, []float32{3, 4}, []int{1}).Batch([]int{1}, &b); err != nil || b.IDs != nil || b.Lengths != nil || b.X[0] != 2 {
		t.Errorf("%+v %v", b, err)
	}
	if _, err := one(&data.Sequences{Tokens: [][]int32{{1}}, X: [][]float32{{1}}, Width: 1, Labels: []int32{0}}); err == nil || !strings.Contains(err.Error(), "set one of them") {
		t.Error(err)
	}
}

func one(set data.Dataset) (b data.Batch, err error) {
	err = set.Batch([]int{0}, &b)
	return b, err
}

func TestTokensThroughTheOtherSets(t *testing.T) {
	sub := data.Subset(sentences, []int{2, 1})
	if b := batch(t, sub, 0, 0, 1); fmt.Sprint(b.IDs, b.Index) != "[9 10 0 6 7 8] [2 1]" {
		t.Errorf("%+v", b)
	}
	all := data.Concat(sub, &data.Sequences{Tokens: [][]int32{{1, 2, 3, 4}}, Labels: []int32{7}})
	if b := batch(t, all, 0, 2, 0); fmt.Sprint(b.IDs, b.IDsDims, b.Lengths, b.Labels, b.Index) != "[1 2 3 4 9 10 0 0] [2 4] [4 2] [7 1] [2 0]" {
		t.Errorf("%+v", b)
	}
	pairs := &data.Sequences{Tokens: [][]int32{{1}, {2, 3}}, LabelSequences: [][]int32{{4, 5}, {6}}}
	if b := batch(t, data.Concat(pairs, pairs), 0, 3, 0); fmt.Sprint(b.IDs, b.Labels, b.LabelsDims, b.LabelLengths) != "[2 3 1 0] [6 -1 4 5] [2 2] [1 2]" {
		t.Errorf("%+v", b)
	}
	waves := &data.Sequences{X: [][]float32{{1, 2}, {3, 4, 5, 6}}, Width: 2, Labels: []int32{0, 1}}
	if b := batch(t, data.Concat(waves, waves), 0, 2, 1); fmt.Sprint(b.X, b.XDims, b.Lengths, b.Labels) != "[1 2 0 0 3 4 5 6] [2 2 2] [1 2] [0 1]" {
		t.Errorf("%+v", b)
	}
	// A sequence behind a sample that is not one keeps its length.
	mixed := data.Concat(data.FromLabels([]float32{7, 8, 9, 10}, []int{2, 2}, []int32{1}), waves)
	if b := batch(t, mixed, 0, 0, 2); fmt.Sprint(b.X, b.Lengths, b.Labels) != "[7 8 9 10 3 4 5 6] [2 2] [1 1]" {
		t.Errorf("%+v", b)
	}
	for why, set := range map[string]data.Dataset{
		"is of another kind": data.Concat(sentences, waves),
		"one label a sample": data.Mixup(sentences, 2, 0.2, 1),
	} {
		var b data.Batch
		if err := set.Batch([]int{0, min(5, set.Len()-1)}, &b); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if _, err := data.FitStandard(sentences); err == nil || !strings.Contains(err.Error(), "token ids") {
		t.Error(err)
	}
	if _, err := one((&data.Scaler{}).Of(sentences)); err == nil || !strings.Contains(err.Error(), "token ids") {
		t.Error(err)
	}
}

func TestNextTokens(t *testing.T) {
	set := data.NextTokens([]int32{1, 2, 3, 4, 5, 6}, 3, 2)
	if b := batch(t, set, 0, 1, 0); set.Len() != 2 || fmt.Sprint(b.IDs, b.Labels, b.LabelsDims) != "[3 4 5 1 2 3] [4 5 6 2 3 4] [2 3]" {
		t.Errorf("%d windows, %+v", set.Len(), b)
	}
	if n := data.NextTokens([]int32{1, 2, 3}, 3, 1).Len(); n != 0 {
		t.Errorf("%d windows in a text as long as one", n)
	}
	if n := data.NextTokens([]int32{1, 2, 3, 4}, 3, 9).Len(); n != 1 {
		t.Errorf("%d windows", n)
	}
	if text := panics(func() { data.NextTokens(nil, 0, 1) }); !strings.Contains(text, "at least 1") {
		t.Error(text)
	}
}

func TestDecoderInput(t *testing.T) {
	tape := tensor.NewTape(1)
	b := batch(t, &data.Sequences{Tokens: [][]int32{{1}, {1}}, LabelSequences: [][]int32{{7, 8, 3}, {9, 3}}}, 0, 0, 1)
	if in := b.DecoderInput(tape, 2); fmt.Sprint(in.Data, in.Dims()) != "[2 7 8 2 9 3] [2 3]" {
		t.Errorf("%v", in)
	}
	if text := panics(func() { batch(t, sentences, 0, 0).DecoderInput(tape, 2) }); !strings.Contains(text, "not one sequence a sample") {
		t.Error(text)
	}
}

func TestBuckets(t *testing.T) {
	set := &data.Sequences{}
	rng := uint32(1)
	for i := range 103 {
		rng = rng*1664525 + 1013904223
		set.Tokens, set.Labels = append(set.Tokens, make([]int32, rng>>24)), append(set.Labels, int32(i))
	}
	loader := &data.Loader{Dataset: data.Map(data.Subset(set, perm(103)), func(*data.Batch) error { return nil }), BatchSize: 10, Shuffle: true, Seed: 1, Bucket: 5}
	plain := *loader
	plain.Bucket = 0
	padding := func(l *data.Loader) (cells int, order []int) {
		for b, err := range l.Epoch(3) {
			if err != nil {
				t.Fatal(err)
			}
			cells += len(b.IDs)
			order = append(order, b.Index...)
		}
		return cells, order
	}
	with, order := padding(loader)
	without, _ := padding(&plain)
	if with*10 > without*8 {
		t.Errorf("%d cells with buckets, %d without", with, without)
	}
	seen := slices.Clone(order)
	slices.Sort(seen)
	if !reflect.DeepEqual(seen, perm(103)) {
		t.Error("not every sample once")
	}
	loader.Prefetch = 3
	if _, again := padding(loader); !reflect.DeepEqual(again, order) {
		t.Error("another order with Prefetch")
	}
	for _, err := range (&data.Loader{Dataset: data.FromLabels([]float32{1}, []int{1}, []int32{0}), Bucket: 2}).Epoch(0) {
		if err == nil || !strings.Contains(err.Error(), "knows the lengths") {
			t.Error(err)
		}
	}
	// Without Shuffle the pools keep their place.
	sorted := &data.Loader{Dataset: set, BatchSize: 10, Bucket: 2}
	for i, k := range sorted.Permutation(0) {
		if i/20 != k/20 {
			t.Fatalf("sample %d has gone to place %d", k, i)
		}
	}
}

func perm(n int) []int {
	p := make([]int, n)
	for i := range p {
		p[i] = i
	}
	return p
}

func TestTokensAllocateNothing(t *testing.T) {
	loader := &data.Loader{Dataset: sentences, BatchSize: 2, Shuffle: true, Bucket: 2}
	epoch := 0
	deal := func() {
		epoch++
		for _, err := range loader.Epoch(epoch) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	deal()
	deal()
	if n := testing.AllocsPerRun(20, deal); n > 3 { // the iterator itself
		t.Errorf("an epoch allocates %v times", n)
	}
}
