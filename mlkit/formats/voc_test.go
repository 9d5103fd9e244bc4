package formats_test

import (
	"bytes"
	"descent/mlkit/data"
	"descent/mlkit/formats"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"
)

const annotation = `<annotation><filename>a.jpg</filename><size><width>20</width><height>10</height><depth>3</depth></size>
<object><name>cat</name><difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>10</xmax><ymax>6.5</ymax></bndbox></object>
<object><name>dog</name><difficult>1</difficult><bndbox><xmin>0</xmin><ymin>1</ymin><xmax>21</xmax><ymax>10</ymax></bndbox></object></annotation>`

func TestParseVOC(t *testing.T) {
	a, err := formats.ParseVOC([]byte(annotation))
	want := formats.VOCAnnotation{Filename: "a.jpg", Width: 20, Height: 10, Objects: []formats.VOCObject{
		{"cat", data.Box{X0: 0, Y0: 1, X1: 10, Y1: 6.5}, false},
		{"dog", data.Box{X0: 0, Y0: 0, X1: 20, Y1: 10}, true},
	}}
	if err != nil || !reflect.DeepEqual(a, want) {
		t.Errorf("%+v %v", a, err)
	}
	for from, c := range map[string]struct{ to, why string }{
		"<width>20":  {"<width>-20", "claims a picture of 10×-20"},
		"<xmax>10":   {"<xmax>NaN", "not a position in a picture"},
		"<xmax>21":   {"<xmax>1e30", "not a position in a picture"},
		"<xmin>1<":   {"<xmin>15<", "covers nothing of a picture"},
		"<name>cat":  {"<name> ", "lacks a name"},
		"</ymax>":    {"", "not an annotation"},
		"annotation": {"other", "not an annotation"},
		"<ymin>2":    {"<ymin>two", "not an annotation"},
		"<height>10": {"<height>99999999999", "claims a picture"},
	} {
		if _, err := formats.ParseVOC([]byte(strings.ReplaceAll(annotation, from, c.to))); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q: %v, want %q", c.to, err, c.why)
		}
	}
	// What would be read as 0, as the last of two, or not at all.
	for from, c := range map[string]struct{ to, why string }{
		"<xmin>1</xmin>":             {"", "object 0: bndbox lacks xmin"},
		"<xmin>1<":                   {"<xmin> <", "object 0: xmin is empty"},
		"<ymin>2</ymin>":             {"<ymin/>", "object 0: ymin is empty"},
		"<xmax>10</xmax>":            {"<Xmax>10</Xmax>", "element <Xmax> in bndbox must be spelled <xmax>"},
		"<ymax>6.5</ymax>":           {"<ymax>6,5</ymax>", `ymax is "6,5", not a number`},
		"<ymax>6.5":                  {"<ymax>0x6", `ymax is "0x6", not a number`},
		"<ymin>2":                    {"<ymin>2</ymin><ymin>3", "ymin appears twice in bndbox"},
		"<width>20</width>":          {"", "size lacks width"},
		"<height>10":                 {"<height>", "height is empty"},
		"<height>10<":                {"<height>10.5<", "not in whole pixels"},
		"<size>":                     {"<size/><size>", "size lacks"},
		"</size>":                    {"</size><size><width>1</width><height>1</height></size>", "size appears twice in annotation"},
		"<name>cat</name>":           {"<name>cat</name><name>dog</name>", "name appears twice in object"},
		"<difficult>0":               {"<difficult>Unspecified", "neither 0 nor 1"},
		"<difficult>1":               {"<difficult>", "neither 0 nor 1"},
		"</bndbox></object></annota": {"</bndbox><object></object></object></annota", "an object inside object would be ignored"},
		"<filename>":                 {"<objects><object><name>x</name></object></objects><filename>", "an object inside objects"},
		"<object><name>dog":          {"<Object></Object><object><name>dog", "element <Object> in annotation must be spelled <object>"},
		"</annotation>":              {"</annotation><annotation></annotation>", "expected a single <annotation>"},
		"10</ymax></bndbox></object></annotation>": {"10</ymax></bndbox></object></annotation>x", "outside the annotation"},
		"<depth>3": {strings.Repeat("<depth>", 200), "nested more than 100 deep"},
		"<bndbox><xmin>0</xmin><ymin>1</ymin><xmax>21</xmax><ymax>10</ymax></bndbox>": {"<part><name>tail</name><bndbox><xmin>0</xmin></bndbox></part>", "object 1: it lacks a name or a bndbox"},
		"<filename>a": {`<?xml version="1.0" encoding="klingon"?><filename>a`, "not an annotation"},
	} {
		text := strings.Replace(annotation, from, c.to, 1)
		if _, err := formats.ParseVOC([]byte(text)); text == annotation || err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%q: %v, want %q", c.to, err, c.why)
		}
	}
	for _, harmless := range []string{"<segmented>0</segmented>", "<source><annotation>x</annotation></source>", "<!-- x -->"} {
		a, err := formats.ParseVOC([]byte(strings.Replace(annotation, "<filename>", harmless+"<filename>", 1)))
		if err != nil || !reflect.DeepEqual(a, want) {
			t.Errorf("%s: %+v %v", harmless, a, err)
		}
	}
	part := "<pose>Left</pose><part><name>head</name><bndbox><xmin>3</xmin><ymin>3</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></part><bndbox>"
	if a, err := formats.ParseVOC([]byte(strings.Replace(annotation, "<bndbox>", part, 1))); err != nil || !reflect.DeepEqual(a, want) {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := formats.ParseVOC(bytes.Repeat([]byte(" "), 1<<22+1)); err == nil {
		t.Error("an annotation without end was read")
	}
}

// What an annotation is written in, it says itself.
func TestVOCEncodings(t *testing.T) {
	body := strings.Replace(annotation, "cat", "café", 1)
	utf16le, utf16be := []byte{0xff, 0xfe}, []byte{0xfe, 0xff}
	for _, u := range utf16.Encode([]rune(`<?xml version="1.0" encoding="UTF-16"?>` + body)) {
		utf16le, utf16be = append(utf16le, byte(u), byte(u>>8)), append(utf16be, byte(u>>8), byte(u))
	}
	declared := func(encoding, eAcute string) []byte {
		return []byte(`<?xml version="1.0" encoding="` + encoding + `"?>` + strings.ReplaceAll(body, "é", eAcute))
	}
	for name, text := range map[string][]byte{
		"UTF-8": []byte(body), "declared UTF-8": declared("utf-8", "é"), "with a mark": []byte("\xef\xbb\xbf" + body), "ISO-8859-1": declared("ISO-8859-1", "\xe9"),
		"iso-8859-15": declared("iso-8859-15", "\xe9"), "latin1": declared("latin1", "\xe9"), "windows-1252": declared("windows-1252", "\xe9"), "GBK": declared("GBK", "\xa8\xa6"),
		"UTF-16LE": utf16le, "UTF-16BE": utf16be, "US-ASCII": declared("US-ASCII", "&#233;"),
	} {
		if a, err := formats.ParseVOC(text); err != nil || a.Objects[0].Name != "café" || a.Objects[1].Name != "dog" {
			t.Errorf("%s: %+v %v", name, a, err)
		}
	}
	for why, text := range map[string][]byte{
		"invalid UTF-8":              []byte(strings.ReplaceAll(body, "é", "\xe9")),
		`unknown encoding "klingon"`: declared("klingon", "é"),
		"not an annotation":          utf16le[:len(utf16le)-9],
		"save the file as UTF-8":     declared("x-user-defined", "é"),
	} {
		if _, err := formats.ParseVOC(text); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
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
	half := formats.ImageOptions{Height: 5, Width: 10, Gray: true}
	m, err := formats.LoadVOC(fsys, "train", []string{"dog", "cat"}, half)
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
		"evil": "not a valid file name", "lost": fs.ErrNotExist.Error(), "none": "lists no pictures", "absent": "file does not exist",
		"small": "the picture has 10×20 pixels, its annotation says 10×30", "../../../x": "file does not exist",
	} {
		if _, err := formats.LoadVOC(fsys, set, []string{"cat", "dog"}, half); err == nil || !strings.Contains(fmt.Sprint(err), why) {
			t.Errorf("%s: %v, want %q", set, err, why)
		}
	}
	if _, err := formats.LoadVOC(fsys, "train", []string{"cat"}, half); err == nil || !strings.Contains(err.Error(), `class "dog" is not among`) {
		t.Error(err)
	}
}

// batch is the samples at index.
func batch(t *testing.T, set data.Dataset, epoch int, index ...int) data.Batch {
	t.Helper()
	b := data.Batch{Epoch: epoch}
	if err := set.Batch(index, &b); err != nil {
		t.Fatal(err)
	}
	return b
}

// A file may turn out to have no end.
func TestVOCOfADevice(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"ImageSets/Main/train.txt": "a\n", "Annotations/b": ""} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o777)
		os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666)
	}
	if _, err := os.Stat("/dev/zero"); err != nil {
		t.Skip(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "Annotations/a.xml")); err != nil {
		t.Skip(err)
	}
	if _, err := formats.LoadVOC(os.DirFS(dir), "train", nil, formats.ImageOptions{}); err == nil || !strings.Contains(err.Error(), "a.xml has more than 4194304 bytes") {
		t.Error(err)
	}
}
