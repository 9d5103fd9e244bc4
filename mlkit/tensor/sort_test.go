package tensor_test

import (
	"math"
	"slices"
	"testing"

	"descent/mlkit/tensor"
)

func values(x T, _ tensor.Ints) T { return x }

// Places are numpy.argsort(kind="stable"), numpy.searchsorted, numpy.unique.
func TestPlacesInOrder(t *testing.T) {
	tape := tensor.NewTape(1)
	nan := float32(math.NaN())
	x := tape.Input([]float32{3, 1, 2, 1, nan, 1, 0, -5}, 2, 4)
	for name, c := range map[string]struct {
		got  tensor.Ints
		dims []int
		want []int32
	}{
		"ascending":    {x.ArgSort(1, false), []int{2, 4}, []int32{1, 3, 2, 0, 3, 2, 1, 0}},
		"descending":   {x.ArgSort(1, true), []int{2, 4}, []int32{0, 2, 1, 3, 0, 1, 2, 3}},
		"first axis":   {x.ArgSort(0, false), []int{2, 4}, []int32{0, 0, 1, 1, 1, 1, 0, 0}},
		"smallest":     {x.Slice(0, 0, 1).ArgMin(1), []int{1}, []int32{1}},
		"NaN smallest": {x.ArgMin(1), []int{2}, []int32{1, 0}},
		"left":         {x.SearchSorted([]float32{0, 1, 1, 3}, false), []int{2, 4}, []int32{3, 1, 3, 1, 4, 1, 0, 0}},
		"right":        {x.SearchSorted([]float32{0, 1, 1, 3}, true), []int{2, 4}, []int32{4, 3, 3, 3, 4, 3, 1, 0}},
	} {
		if !slices.Equal(c.got.Data, c.want) || !slices.Equal(c.got.Dims(), c.dims) {
			t.Errorf("%s: %v %v, want %v %v", name, c.got.Dims(), c.got.Data, c.dims, c.want)
		}
	}
	v, inverse, counts := tape.Input([]float32{3, nan, -1, 3, nan, 3}, 6).Unique()
	if len(v) != 3 || v[0] != -1 || v[1] != 3 || v[2] == v[2] || !slices.Equal(inverse.Data, []int32{1, 2, 0, 1, 2, 1}) || !slices.Equal(counts, []int{1, 3, 2}) {
		t.Error(v, inverse.Data, counts)
	}
	if _, ids := x.TopK(1, 2); !slices.Equal(ids.Data, []int32{0, 2, 0, 1}) {
		t.Error(ids.Data)
	}
}

func TestMasksOfAxes(t *testing.T) {
	tape := tensor.NewTape(1)
	x := tape.Input([]float32{0, 2, 0, 0, float32(math.NaN()), -1}, 3, 2)
	if a, b := x.Any(1).Data(), x.All(1).Data(); !slices.Equal(a, []float32{1, 0, 1}) || !slices.Equal(b, []float32{0, 0, 1}) {
		t.Error(a, b)
	}
	if r := tape.Input([]float32{0.5, 1.5, -2.5, 2.4}, 4).Round().Data(); !slices.Equal(r, []float32{0, 2, -2, 2}) {
		t.Error(r)
	}
}

// Noise follows from seed, step and place alone, and no two streams are alike.
func TestNoise(t *testing.T) {
	draw := func(seed uint64, steps int) (a, b []float32) {
		tape := tensor.NewTape(seed)
		for range steps {
			tape.Reset()
		}
		return slices.Clone(tape.Normal(100, 100).Data()), slices.Clone(tape.Uniform(100, 100).Data())
	}
	normal, uniform := draw(1, 0)
	again, _ := draw(1, 0)
	next, _ := draw(1, 1)
	other, _ := draw(2, 0)
	if !slices.Equal(normal, again) || slices.Equal(normal, next) || slices.Equal(normal, other) || slices.Equal(next, other) {
		t.Error("noise is not a function of seed and step")
	}
	moments := func(x []float32) (mean, variance float64) {
		for _, v := range x {
			mean += float64(v) / float64(len(x))
			variance += float64(v) * float64(v) / float64(len(x))
		}
		return mean, variance - mean*mean
	}
	if m, v := moments(normal); math.Abs(m) > 0.05 || math.Abs(v-1) > 0.06 {
		t.Errorf("normal: mean %v, variance %v", m, v)
	}
	if m, v := moments(uniform); math.Abs(m-0.5) > 0.02 || math.Abs(v-1./12) > 0.005 || slices.Min(uniform) < 0 || slices.Max(uniform) >= 1 {
		t.Errorf("uniform: mean %v, variance %v", m, v)
	}
}
