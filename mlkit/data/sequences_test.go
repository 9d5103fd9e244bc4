package data_test

import (
	"slices"
	"strings"
	"testing"

	"descent/mlkit/data"
)

func TestSequences(t *testing.T) {
	s := &data.Sequences{X: [][]float32{{1, 2}, {3, 4, 5, 6, 7, 8}, {9, 9, 9, 9}}, Width: 2, Labels: []int32{5, 6, 7}}
	var b data.Batch
	for range 2 { // the second time into the memory of the first
		if err := s.Batch([]int{1, 0}, &b); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b.X, []float32{3, 4, 5, 6, 7, 8, 1, 2, 0, 0, 0, 0}) || !slices.Equal(b.XDims, []int{2, 3, 2}) ||
			!slices.Equal(b.Lengths, []int32{3, 1}) || !slices.Equal(b.Labels, []int32{6, 5}) || b.TargetLengths().Size() != 0 {
			t.Errorf("%+v", b)
		}
	}
	var part data.Batch
	b.Split(&part, 1, 2)
	if !slices.Equal(part.InputLengths().Data, []int32{1}) || !slices.Equal(part.XDims, []int{1, 3, 2}) {
		t.Errorf("%+v", part)
	}
	s.Labels, s.LabelSequences = nil, [][]int32{{}, {1, 2, 3}, {4}}
	if err := s.Batch([]int{1, 2, 0}, &b); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(b.Labels, []int32{1, 2, 3, 4, -1, -1, -1, -1, -1}) || !slices.Equal(b.LabelsDims, []int{3, 3}) ||
		!slices.Equal(b.TargetLengths().Data, []int32{3, 1, 0}) || !slices.Equal(b.Lengths, []int32{3, 2, 1}) {
		t.Errorf("%+v", b)
	}
	// What has no lengths forgets those of the batch before.
	if err := data.FromLabels([]float32{1}, []int{1}, []int32{0}).Batch([]int{0}, &b); err != nil || b.Lengths != nil || b.LabelLengths != nil {
		t.Errorf("%+v, %v", b, err)
	}
	for want, bad := range map[string]*data.Sequences{
		"whole steps":              {X: [][]float32{{1, 2, 3}}, Width: 2, Labels: []int32{0}},
		"no label":                 {X: [][]float32{{1, 2}}, Width: 2},
		"2 labels for 1 sequences": {X: [][]float32{{1, 2}}, Width: 2, Labels: []int32{0, 1}},
		"set one of them":          {X: [][]float32{{1, 2}}, Width: 2, Labels: []int32{0}, LabelSequences: [][]int32{{1}}},
	} {
		if err := bad.Batch([]int{0}, &b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if err := s.Batch([]int{3}, &b); err == nil {
		t.Error("index out of range")
	}
}

func TestSequencesAllocateNothing(t *testing.T) {
	s := &data.Sequences{X: [][]float32{{1, 2}, {3, 4, 5, 6}}, Width: 2, LabelSequences: [][]int32{{1}, {1, 2}}}
	var b data.Batch
	index := []int{0, 1}
	if n := testing.AllocsPerRun(10, func() {
		if err := s.Batch(index, &b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a batch", n)
	}
}
