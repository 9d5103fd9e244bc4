package main

import (
	"path/filepath"
	"reflect"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/formats"
)

// What the peers train on is what we train on, padded.
func TestPartsForPeers(t *testing.T) {
	p := &sequenceParts{vocabulary: 9,
		train: &data.Sequences{Width: 2, X: [][]float32{{1, 2}, {3, 4, 5, 6}}, Labels: []int32{1, 0}},
		test:  &data.Sequences{Width: 2, X: [][]float32{{7, 8}}, Labels: []int32{1}}}
	path := filepath.Join(t.TempDir(), "parts.npz")
	if err := p.save(path); err != nil {
		t.Fatal(err)
	}
	got, err := formats.LoadNPZ(path)
	if err != nil {
		t.Fatal(err)
	}
	want := []formats.Array{
		{Name: "vocabulary", Dims: []int{1}, Data: []int32{9}},
		{Name: "train_x", Dims: []int{2, 2, 2}, Data: []float32{1, 2, 0, 0, 3, 4, 5, 6}},
		{Name: "train_lengths", Dims: []int{2}, Data: []int32{1, 2}},
		{Name: "train_y", Dims: []int{2}, Data: []int32{1, 0}},
		{Name: "test_x", Dims: []int{1, 1, 2}, Data: []float32{7, 8}},
		{Name: "test_lengths", Dims: []int{1}, Data: []int32{1}},
		{Name: "test_y", Dims: []int{1}, Data: []int32{1}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}

// Token ids travel as integers.
func TestTokensForPeers(t *testing.T) {
	p := &sequenceParts{vocabulary: 9, train: &data.Sequences{Tokens: [][]int32{{1}, {2, 3}}, Labels: []int32{1, 0}}}
	path := filepath.Join(t.TempDir(), "parts.npz")
	if err := p.save(path); err != nil {
		t.Fatal(err)
	}
	if got, err := formats.LoadNPZ(path); err != nil || !reflect.DeepEqual(got[1], formats.Array{Name: "train_x", Dims: []int{2, 2}, Data: []int32{1, 0, 2, 3}}) {
		t.Errorf("%v %v", got, err)
	}
}

// "all" is the benchmark's own tasks: the book's train for their own number of
// epochs.
func TestBookTasksAreAskedForByName(t *testing.T) {
	for _, name := range []string{"digits", "speakers", "reviews-lstm", "reviews-transformer"} {
		if task := find(name); task == nil || task.group != book {
			t.Errorf("%s is no task of the book", name)
		}
	}
	for name, c := range bookTasks {
		if find(name) == nil || c.parts == nil || c.model == nil {
			t.Errorf("%s is incomplete", name)
		}
	}
}

func TestWorkerOfABookTask(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: needs a package that may have to be downloaded")
	}
	parts, err := vowelParts(1)
	if err != nil {
		t.Skip(err)
	}
	if n, w := parts.train.Len(), parts.train.Width; n != 270 || w != 12 {
		t.Errorf("%d utterances of width %d", n, w)
	}
	if err := work(t.Context(), job{task: find("speakers"), threads: 1, epochs: 1, seed: 1}); err != nil {
		t.Error(err)
	}
}
