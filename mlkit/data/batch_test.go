package data_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"descent/mlkit/data"
	"descent/mlkit/tensor"
)

// panics gives the text of f's panic.
func panics(f func()) (text string) {
	defer func() { text = fmt.Sprint(recover()) }()
	f()
	return ""
}

func TestBatchOnATape(t *testing.T) {
	tape := tensor.NewTape(1)
	b := batch(t, data.FromSlices([]float32{1, 2, 3, 4, 5, 6}, []int{2}, []float32{7, 8, 9}, []int{1}), 0, 2, 0)
	if x, y := b.Input(tape), b.Target(tape); !reflect.DeepEqual(x.Data(), []float32{5, 6, 1, 2}) || !reflect.DeepEqual(x.Dims(), []int{2, 2}) || !reflect.DeepEqual(y.Data(), []float32{9, 7}) {
		t.Errorf("%v %v", x.Data(), y.Data())
	}
	l := batch(t, data.FromLabels([]float32{1, 2, 3}, []int{1}, []int32{4, 5, 6}), 0, 1)
	if ids := l.Ints(); !reflect.DeepEqual(ids.Data, []int32{5}) {
		t.Errorf("%v", ids)
	}
	for want, f := range map[string]func(){
		"this batch has targets, no labels":    func() { b.Ints() },
		"this batch has labels, no targets":    func() { l.Target(tape) },
		"3 elements are not whole rows of [2]": func() { data.FromSlices(make([]float32, 3), []int{2}, nil, []int{1}) },
		"2 elements of y are not 1 rows":       func() { data.FromSlices(make([]float32, 3), []int{3}, make([]float32, 2), []int{1}) },
		"3 rows, but 2 labels":                 func() { data.FromLabels(make([]float32, 3), []int{1}, make([]int32, 2)) },
		"3 elements are not whole rows of [0]": func() { data.FromLabels(make([]float32, 3), []int{0}, nil) },
		"sample 3 of a set of 3": func() {
			panic((&data.Loader{Dataset: numbered(3), Order: []int{3}}).Dataset.Batch([]int{3}, &data.Batch{}))
		},
		"6 bytes are not 2 images of [1 2 2]": func() {
			panic((&data.Images{Pixels: make([]byte, 6), Dims: []int{1, 2, 2}, Labels: make([]int32, 2)}).Batch([]int{0}, &data.Batch{}))
		},
	} {
		if got := panics(f); !strings.Contains(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestSplitOfABatch(t *testing.T) {
	b := batch(t, numbered(7), 3, 6, 5, 4, 3, 2, 1, 0)
	var rows []float32
	var part data.Batch
	for k := range 3 {
		b.Split(&part, k, 3)
		if part.XDims[0] != part.Len() || part.YDims[0] != part.Len() || len(part.X) != part.Len() || part.Len() < 2 || part.Labels != nil || part.Epoch != 3 {
			t.Errorf("part %d: %+v", k, part)
		}
		rows = append(rows, part.X...)
	}
	if !reflect.DeepEqual(rows, b.X) {
		t.Errorf("%v", rows)
	}
	l := batch(t, data.FromLabels([]float32{1, 2, 3, 4}, []int{2}, []int32{8, 9}), 0, 0, 1)
	l.Split(&part, 1, 2)
	if !reflect.DeepEqual(part.Labels, []int32{9}) || !reflect.DeepEqual(part.X, []float32{3, 4}) || part.Y != nil {
		t.Errorf("%+v", part)
	}
	l.Split(&part, 0, 3)
	if part.Len() != 0 || len(part.X) != 0 {
		t.Errorf("%+v", part)
	}
}
