package data_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io/fs"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

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
	// at(2) falls to at(0), and at(1) to it as well; another class and those far away stay.
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

// Whatever is mirrored, scaled and shifted, the bright middle of the object stays
// in the middle of its box.
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

const annotation = `<annotation><filename>a.jpg</filename><size><width>20</width><height>10</height><depth>3</depth></size>
<object><name>cat</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>6.5</ymax></bndbox></object>
<object><name>dog</name><difficult>1</difficult><bndbox><xmin>0</xmin><ymin>1</ymin><xmax>21</xmax><ymax>10</ymax></bndbox></object></annotation>`

func TestParseVOC(t *testing.T) {
	a, err := data.ParseVOC([]byte(annotation))
	want := data.VOCAnnotation{Filename: "a.jpg", Width: 20, Height: 10, Objects: []data.VOCObject{
		{"cat", data.Box{X0: 0, Y0: 1, X1: 10, Y1: 6.5}, false},
		{"dog", data.Box{X0: 0, Y0: 0, X1: 20, Y1: 10}, true},
	}}
	if err != nil || !reflect.DeepEqual(a, want) {
		t.Errorf("%+v %v", a, err)
	}
	for from, c := range map[string]struct{ to, why string }{
		"<width>20":  {"<width>-20", "claims a picture of 10×-20"},
		"<xmax>10":   {"<xmax>NaN", "no place in a picture"},
		"<xmax>21":   {"<xmax>1e30", "no place in a picture"},
		"<xmin>1<":   {"<xmin>15<", "holds nothing of a picture"},
		"<name>cat":  {"<name> ", "lacks a name"},
		"</ymax>":    {"", "not an annotation"},
		"annotation": {"other", "not an annotation"},
		"<ymin>2":    {"<ymin>two", "not an annotation"},
		"<height>10": {"<height>99999999999", "claims a picture"},
	} {
		if _, err := data.ParseVOC([]byte(strings.ReplaceAll(annotation, from, c.to))); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q: %v, want %q", c.to, err, c.why)
		}
	}
	if _, err := data.ParseVOC(bytes.Repeat([]byte(" "), 1<<22+1)); err == nil {
		t.Error("an annotation without end was read")
	}
}

func FuzzParseVOC(f *testing.F) {
	f.Add([]byte(annotation))
	f.Add([]byte(annotation[:200]))
	f.Add([]byte(`<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><annotation>&c;</annotation>`))
	f.Add([]byte(strings.Repeat("<annotation>", 20000)))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := data.ParseVOC(text)
		if err != nil {
			return
		}
		for _, o := range a.Objects {
			if b := o.Box; !(b.Area() > 0) || b.X0 < 0 || b.Y0 < 0 || b.X1 > float32(a.Width) || b.Y1 > float32(a.Height) || o.Name == "" {
				t.Errorf("%+v in %d×%d", o, a.Height, a.Width)
			}
		}
	})
}

func TestLoadVOC(t *testing.T) {
	var picture bytes.Buffer
	img := image.NewRGBA(image.Rect(0, 0, 20, 10))
	for x := range 20 {
		img.Set(x, 3, color.White)
	}
	if err := jpeg.Encode(&picture, img, nil); err != nil {
		t.Fatal(err)
	}
	fsys := fstest.MapFS{
		"ImageSets/Main/train.txt": {Data: []byte("a\nb\n")},
		"ImageSets/Main/evil.txt":  {Data: []byte("../a\n")},
		"ImageSets/Main/lost.txt":  {Data: []byte("c\n")},
		"ImageSets/Main/small.txt": {Data: []byte("s\n")},
		"ImageSets/Main/none.txt":  {Data: []byte("\n")},
		"Annotations/a.xml":        {Data: []byte(annotation)},
		"Annotations/b.xml":        {Data: []byte(annotation)},
		"Annotations/s.xml":        {Data: []byte(strings.ReplaceAll(annotation, "<width>20", "<width>30"))},
		"JPEGImages/a.jpg":         {Data: picture.Bytes()},
		"JPEGImages/b.jpg":         {Data: picture.Bytes()},
		"JPEGImages/s.jpg":         {Data: picture.Bytes()},
	}
	half := data.ImageOptions{Height: 5, Width: 10, Gray: true}
	m, err := data.LoadVOC(fsys, "train", []string{"dog", "cat"}, half)
	if err != nil || m.Len() != 2 || !reflect.DeepEqual(m.Dims, []int{1, 5, 10}) || len(m.Pixels) != 100 {
		t.Fatal(m, err)
	}
	if want := []data.Object{{Box: data.Box{Y0: 0.5, X1: 5, Y1: 3.25}, Class: 1}, {Box: data.Box{X1: 10, Y1: 5}, Difficult: true}}; !reflect.DeepEqual(m.Objects[1], want) {
		t.Errorf("%+v, want %+v", m.Objects[1], want)
	}
	if part := m.Slice(1, 2); part.Len() != 1 || len(part.Image(0)) != 50 || batch(t, part, 0, 0).XDims[0] != 1 {
		t.Error("a part of the set")
	}
	for set, why := range map[string]string{
		"evil": "not a file's name", "lost": fs.ErrNotExist.Error(), "none": "lists no pictures", "absent": "file does not exist",
		"small": "the picture has 10×20 pixels, its annotation says 10×30", "../../../x": "file does not exist",
	} {
		if _, err := data.LoadVOC(fsys, set, []string{"cat", "dog"}, half); err == nil || !strings.Contains(fmt.Sprint(err), why) {
			t.Errorf("%s: %v, want %q", set, err, why)
		}
	}
	if _, err := data.LoadVOC(fsys, "train", []string{"cat"}, half); err == nil || !strings.Contains(err.Error(), `class "dog" is not among`) {
		t.Error(err)
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
