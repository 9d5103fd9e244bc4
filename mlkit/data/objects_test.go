package data_test

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"descent/mlkit/data"
)

func TestBoxes(t *testing.T) {
	a := data.Box{X0: 0, Y0: 0, X1: 4, Y1: 2}
	for _, c := range []struct {
		b    data.Box
		want float32
	}{
		{a, 1},
		{data.Box{X0: 2, Y0: 0, X1: 6, Y1: 2}, 4. / 12},
		{data.Box{X0: 1, Y0: 1, X1: 2, Y1: 2}, 1. / 8},
		{data.Box{X0: 4, Y0: 0, X1: 6, Y1: 2}, 0}, // only touching
		{data.Box{X0: 3, Y0: 0, X1: 1, Y1: 2}, 0}, // no inside
	} {
		if got := a.IoU(c.b); math.Abs(float64(got-c.want)) > 1e-6 || got != c.b.IoU(a) {
			t.Errorf("IoU with %v: %v, want %v", c.b, got, c.want)
		}
	}
	if (data.Box{}).IoU(data.Box{}) != 0 {
		t.Error("two empty boxes have an IoU")
	}
}

func TestNMS(t *testing.T) {
	at := func(x float32, class int, score float32) data.Detection {
		return data.Detection{Box: data.Box{X0: x, X1: x + 10, Y1: 10}, Class: class, Score: score}
	}
	found := []data.Detection{at(1, 0, 0.5), at(0, 0, 0.9), at(1, 1, 0.4), at(8, 0, 0.6), at(2, 0, 0.7), at(50, 0, 0.5)}
	before := append([]data.Detection{}, found...)
	got := data.NMS(found, 0.5)
	// at(2) falls to at(0), and at(1) to it as well; another class and those
	// far away stay.
	if want := []data.Detection{found[1], found[3], found[5], found[2]}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if !reflect.DeepEqual(found, before) {
		t.Error("the input was changed")
	}
	if got := data.NMS(found, 1); len(got) != len(found) {
		t.Errorf("with an IoU of 1 only %d of %d are left", len(got), len(found))
	}
}

// scene is one picture of 3 classes and 32×48 pixels.
func scene(objects ...data.Object) *data.ObjectImages {
	m := &data.ObjectImages{Pixels: make([]byte, 32*48), Dims: []int{1, 32, 48}, Objects: [][]data.Object{objects}}
	for _, o := range objects { // the middle of each is bright
		m.Pixels[int(o.Y0+o.Y1)/2*48+int(o.X0+o.X1)/2] = 255
	}
	return m
}

// output is what a perfect network says where targets are y.
func output(y []float32, classes, cells int) []float32 {
	out := make([]float32, (classes+4)*cells)
	for i := range out {
		if v := y[i]; i >= classes*cells {
			out[i] = float32(math.Log(float64(max(v, 1e-6))))
		} else if out[i] = -9; v == 1 {
			out[i] = 9
		}
	}
	return out
}

func TestCentersThereAndBack(t *testing.T) {
	objects := []data.Object{
		{Box: data.Box{X0: 3, Y0: 2, X1: 17, Y1: 27}, Class: 2},
		{Box: data.Box{X0: 20, Y0: 5, X1: 24, Y1: 8}, Class: 0}, // smaller than a cell
		{Box: data.Box{X0: 24, Y0: 10, X1: 48, Y1: 32}, Class: 2},
		{Box: data.Box{X0: 2, Y0: 28, X1: 6, Y1: 32}, Class: 1, Difficult: true},
	}
	c := data.Centers{Classes: 3, Stride: 4, Spread: 1}
	m := scene(objects...)
	b := batch(t, c.Targets(m), 0, 0)
	const cells = 8 * 12
	if !reflect.DeepEqual(b.YDims, []int{1, 8, 8, 12}) || len(b.X) != 32*48 {
		t.Fatal(b.YDims)
	}
	var weight float64
	for _, w := range b.Y[7*cells:] {
		weight += float64(w)
	}
	if math.Abs(weight-3) > 1e-5 {
		t.Errorf("weights add up to %v, not to 1 for each of 3 objects", weight)
	}
	found := c.Decode(output(b.Y, 3, cells), 8, 12, 0.5)
	if len(found) != 3 {
		t.Fatalf("%d detections: %v", len(found), found)
	}
	for _, d := range found {
		near := false
		for _, o := range objects[:3] {
			near = near || o.Class == d.Class && o.IoU(d.Box) > 0.999
		}
		if !near {
			t.Errorf("%v is no object", d)
		}
	}
	if !reflect.DeepEqual(m.Objects[0], objects) {
		t.Error("the set's objects were changed or put in another order")
	}
}

// Whatever is mirrored, scaled and shifted, the bright middle of the object
// stays in the middle of its box.
func TestCentersAugmentation(t *testing.T) {
	m := scene(data.Object{Box: data.Box{X0: 11, Y0: 9, X1: 22, Y1: 20}, Class: 1})
	c := data.Centers{Classes: 3, Stride: 4, Mirror: true, Turn: true, Zoom: 0.2, Seed: 4}
	set := c.Targets(m)
	places := map[data.Box]bool{}
	for epoch := range 20 {
		var b data.Batch
		b.Epoch = epoch
		if err := set.Batch([]int{0}, &b); err != nil {
			t.Fatal(err)
		}
		found := c.Decode(output(b.Y, 3, 8*12), 8, 12, 0.5)
		if len(found) != 1 {
			t.Fatalf("epoch %d: %v", epoch, found)
		}
		d, bright := found[0], 0
		for i, v := range b.X {
			if v > b.X[bright] {
				bright = i
			}
		}
		x, y := float64(bright%48)+0.5, float64(bright/48)+0.5
		if math.Abs(x-float64(d.X0+d.X1)/2) > 1.3 || math.Abs(y-float64(d.Y0+d.Y1)/2) > 1.3 {
			t.Errorf("epoch %d: bright at (%g, %g), the box is %v", epoch, x, y, d.Box)
		}
		places[d.Box] = true
		var again data.Batch
		again.Epoch = epoch
		if err := set.Batch([]int{0}, &again); err != nil || !reflect.DeepEqual(again.Y, b.Y) || !reflect.DeepEqual(again.X, b.X) {
			t.Errorf("epoch %d differs the second time: %v", epoch, err)
		}
	}
	if len(places) < 15 {
		t.Errorf("only %d different places in 20 epochs", len(places))
	}
}

func TestCentersRefuse(t *testing.T) {
	var b data.Batch
	for why, set := range map[string]data.Dataset{
		"multiples of it":  data.Centers{Classes: 3, Stride: 5}.Targets(scene()),
		"class 2: Centers": data.Centers{Classes: 2}.Targets(scene(data.Object{Box: data.Box{X1: 9, Y1: 9}, Class: 2})),
		"are not 2 pic":    data.Centers{Classes: 2}.Targets(&data.ObjectImages{Dims: []int{1, 32, 48}, Objects: make([][]data.Object, 2)}),
	} {
		if err := set.Batch([]int{0}, &b); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%v, want %q", err, why)
		}
	}
	if text := panics(func() { data.Centers{Classes: 2}.Decode(make([]float32, 7), 1, 1, 0) }); !strings.Contains(text, "with 2 classes has 6") {
		t.Error(text)
	}
}

func TestCentersAllocateNothing(t *testing.T) {
	set := data.Centers{Classes: 3, Mirror: true, Turn: true, Zoom: 0.1}.Targets(scene(
		data.Object{Box: data.Box{X0: 3, Y0: 2, X1: 17, Y1: 27}, Class: 2}, data.Object{Box: data.Box{X0: 20, Y0: 5, X1: 24, Y1: 8}}))
	var b data.Batch
	index := []int{0, 0, 0}
	fill := func() {
		b.Epoch++
		if err := set.Batch(index, &b); err != nil {
			t.Fatal(err)
		}
	}
	fill()
	if n := testing.AllocsPerRun(50, fill); n != 0 {
		t.Errorf("a batch allocates %v times", n)
	}
}
