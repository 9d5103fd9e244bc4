package data_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"descent/mlkit/data"
)

func pictures(n int) *data.Images {
	m := &data.Images{Pixels: make([]byte, n*2*4*3), Dims: []int{2, 4, 3}, Scale: 1}
	for i := range n {
		m.Labels = append(m.Labels, int32(i%3))
		for j := range 24 {
			m.Pixels[i*24+j] = byte(10*i + j)
		}
	}
	return m
}

func batch(t *testing.T, set data.Dataset, epoch int, index ...int) data.Batch {
	t.Helper()
	b := data.Batch{Epoch: epoch}
	if err := set.Batch(index, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAugmentationsByHand(t *testing.T) {
	one := &data.Images{Pixels: []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, Dims: []int{1, 4, 3}, Labels: []int32{0}, Scale: 1}
	apply := func(a data.Augmentation) string { return fmt.Sprint(batch(t, data.Augment(one, 1, a), 0, 0).X) }
	if got := apply(data.FlipHorizontal(1)); got != "[3 2 1 6 5 4 9 8 7 12 11 10]" {
		t.Error(got)
	}
	if got := apply(data.FlipVertical(1)); got != "[10 11 12 7 8 9 4 5 6 1 2 3]" {
		t.Error(got)
	}
	if got := apply(data.FlipHorizontal(0)); got != "[1 2 3 4 5 6 7 8 9 10 11 12]" {
		t.Error(got)
	}
	// Over many epochs a crop shows every place, and only those.
	seen := map[string]bool{}
	for epoch := range 200 {
		seen[fmt.Sprint(batch(t, data.Augment(one, 1, data.RandomCrop(1, 0)), epoch, 0).X)] = true
	}
	if len(seen) != 9 || !seen["[0 1 2 0 4 5 0 7 8 0 10 11]"] || !seen["[5 6 0 8 9 0 11 12 0 0 0 0]"] {
		t.Errorf("%d crops: %v", len(seen), seen)
	}
	seen = map[string]bool{}
	for epoch := range 100 {
		seen[fmt.Sprint(batch(t, data.Augment(one, 1, data.Shift(.34, -1)), epoch, 0).X)] = true
	}
	if len(seen) != 9 || !seen["[-1 -1 -1 1 2 3 4 5 6 7 8 9]"] {
		t.Errorf("%d shifts: %v", len(seen), seen)
	}
	// Half a turn of a 2×2 image, by a rotation that is always 180°.
	square := &data.Images{Pixels: []byte{1, 2, 3, 4}, Dims: []int{1, 2, 2}, Labels: []int32{0}, Scale: 1}
	mean := 0.0
	for epoch := range 300 {
		b := batch(t, data.Augment(square, 1, data.Rotate(0, 9)), epoch, 0)
		if !slices.Equal(b.X, []float32{1, 2, 3, 4}) {
			t.Fatalf("no turn: %v", b.X)
		}
		for _, v := range batch(t, data.Augment(square, 1, data.Rotate(45, 0)), epoch, 0).X {
			if v < 0 || v > 4 {
				t.Fatalf("interpolation outside of its range: %v", v)
			}
		}
		noise := batch(t, data.Augment(square, 1, data.Noise(.5)), epoch, 0).X[0] - 1
		mean += float64(noise*noise) / 300
	}
	if math.Abs(math.Sqrt(mean)-.5) > .07 {
		t.Errorf("noise of standard deviation %v, want 0.5", math.Sqrt(mean))
	}
	holes := map[int]int{}
	for epoch := range 300 {
		n := 0
		for _, v := range batch(t, data.Augment(one, 1, data.Cutout(2, -7)), epoch, 0).X {
			if v == -7 {
				n++
			}
		}
		holes[n]++
	}
	if len(holes) != 3 || holes[4] == 0 || holes[2] == 0 || holes[1] == 0 {
		t.Errorf("holes of size: %v", holes)
	}
}

// What is drawn depends on seed, epoch and sample, on nothing else.
func TestAugmentIsSeeded(t *testing.T) {
	all := []data.Augmentation{data.FlipHorizontal(.5), data.Rotate(20, 0), data.Noise(1), data.Cutout(2, 0)}
	set := data.Augment(pictures(9), 4, all...)
	a := batch(t, set, 3, 1, 5, 8)
	b := batch(t, set, 3, 8, 5)
	if !slices.Equal(a.X[48:72], b.X[:24]) || !slices.Equal(a.X[24:48], b.X[24:]) {
		t.Error("the batch shows in a sample")
	}
	if sub := batch(t, data.Augment(data.Subset(pictures(9), []int{8}), 4, all...), 3, 0); !slices.Equal(sub.X, b.X[:24]) {
		t.Error("the subset shows in a sample")
	}
	for _, other := range []data.Batch{batch(t, set, 4, 8), batch(t, data.Augment(pictures(9), 5, all...), 3, 8)} {
		if slices.Equal(other.X, b.X[:24]) {
			t.Error("another epoch or seed, the same sample")
		}
	}
	l := &data.Loader{Dataset: set, BatchSize: 2, Shuffle: true, Prefetch: 3}
	for b, err := range l.Epoch(3) {
		if err != nil {
			t.Fatal(err)
		}
		for k, i := range b.Index {
			if want := batch(t, set, 3, i); !slices.Equal(b.X[k*24:(k+1)*24], want.X) {
				t.Errorf("sample %d of a prefetched batch differs", i)
			}
		}
	}
}

func TestMixupAndCutMix(t *testing.T) {
	set := pictures(9)
	for epoch := range 20 {
		b := batch(t, data.Mixup(set, 3, .4, 1), epoch, 4, 7)
		c := batch(t, data.Mixup(set, 3, .4, 1), epoch, 7)
		if !slices.Equal(b.X[24:], c.X) || b.Labels != nil || !reflect.DeepEqual(b.YDims, []int{2, 3}) {
			t.Fatalf("%v", b)
		}
		for k, i := range b.Index {
			// Pixels are 10i + j: the mixture is 10(λi + (1−λ)other) + j.
			x, y := b.X[k*24:(k+1)*24], b.Y[k*3:(k+1)*3]
			var sum, own float32
			for _, v := range y {
				sum += v
			}
			if own = y[i%3]; math.Abs(float64(sum-1)) > 1e-6 || own < 0 || math.Abs(float64(x[5]-x[0]-5)) > 1e-4 {
				t.Errorf("sample %d: %v %v", i, x, y)
			}
		}
		b = batch(t, data.CutMix(set, 3, 1, 1), epoch, 4)
		kept := 0
		for j, v := range b.X {
			if v == float32(40+j) {
				kept++
			} else if int(v)%10 != j%10 {
				t.Errorf("pixel %d is %v: of no sample", j, v)
			}
		}
		if share := float32(kept) / 24; math.Abs(float64(b.Y[1]-share)) > 1e-6 && b.Y[1] < 1 { // 1 when the other has the same label
			t.Errorf("%d of 24 pixels kept, label %v", kept, b.Y)
		}
	}
	var b data.Batch
	for _, bad := range []data.Dataset{data.Mixup(numbered(3), 2, 1, 1), data.CutMix(set.Flat(), 3, 1, 1), data.Mixup(set, 2, 1, 1), data.Augment(set.Flat(), 1, data.FlipVertical(1))} {
		if err := bad.Batch([]int{2}, &b); err == nil {
			t.Error("no error")
		}
	}
}

// Beta(a, a) has mean 1/2 and variance 1/(4(2a+1)).
func TestMixupDrawsFromBeta(t *testing.T) {
	set := data.FromLabels([]float32{0, 1}, []int{1}, []int32{0, 1})
	for _, a := range []float64{.2, 1, 3} {
		var n, mean, square float64
		for epoch := range 4000 {
			b := batch(t, data.Mixup(set, 2, a, 1), epoch, 0)
			if b.X[0] == 0 {
				continue // mixed with itself
			}
			l := float64(b.Y[0])
			n, mean, square = n+1, mean+l, square+l*l
		}
		mean /= n
		if v := square/n - mean*mean; math.Abs(mean-.5) > .03 || math.Abs(v*4*(2*a+1)-1) > .1 {
			t.Errorf("Beta(%v): mean %v, variance %v of %v draws", a, mean, v, n)
		}
	}
}
