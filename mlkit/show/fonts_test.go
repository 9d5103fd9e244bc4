package show

import (
	"bytes"
	"encoding/binary"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot/vg"
)

// withFonts lets a test see only these font files.
func withFonts(t *testing.T, files ...string) *fallback {
	t.Helper()
	before := systemFonts
	systemFonts = &fallback{find: func() []string { return files }}
	t.Cleanup(func() { systemFonts = before })
	return systemFonts
}

func foreign() map[string]Drawing {
	return map[string]Drawing{
		"figure": Plot("训练集与验证集上的损失：学习率过大时会发生什么？很长的标题需要换行", "训练轮数 epoch", "损失 L_{训练}").
			Line("训练", nil, []float64{2, 1, 0.5}).Line("验证 😀", nil, []float64{2, 1.2, 0.9}).HLine("目标", 0.5).Text(1, 1.5, "这里：10^{−3}"),
		"bars":      Plot("各类别的准确率", "", "准确率（%）").Categories("猫和狗的图像分类", "很长的类别名称需要换行", "支持向量机").Bars("", []float64{1, 2, 3}, nil),
		"confusion": Confusion("混淆矩阵 👨‍👩‍👧", []string{"猫", "狗"}, [][]int{{8, 1}, {0, 9}}),
		"other":     Plot("עברית ไทย हिन्दी العربية \xff\x00\ufffe\U0010ffff", "", "").Line("", nil, []float64{1}),
	}
}

// Without a font the letters are boxes: no figure is refused, and the reader is
// told once.
func TestLettersWithoutFont(t *testing.T) {
	fonts := withFonts(t, "/no/such/font.ttf")
	for name, d := range foreign() {
		if _, err := d.picture().PNG(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !fonts.warned {
		t.Error("no warning")
	}
	fonts.warned = false
	var out bytes.Buffer
	fonts.warn(&out)
	fonts.warn(&out)
	if s := out.String(); strings.Count(s, "no font on this machine") != 1 || !strings.Contains(s, "MLKIT_FONT") {
		t.Errorf("warned %q", s)
	}
	blank, err := Plot("　", "", "").Size(100, 60).Image()
	if err != nil {
		t.Fatal(err)
	}
	box, err := Plot("训", "", "").Size(100, 60).Image()
	if err != nil {
		t.Fatal(err)
	}
	if _, many := worst(t, blank, box); many < 100 {
		t.Errorf("the box differs from a blank in %d channels", many)
	}
}

// Where the fonts differ only the letters do: each Chinese letter has the same
// place.
func TestSameLayoutWithAndWithoutFonts(t *testing.T) {
	sty := textStyle(20, ink, 0, 0)
	var widths []float64
	for _, files := range [][]string{nil, fontFiles()} {
		withFonts(t, files...)
		widths = append(widths, float64(sty.Width("a训练b，集")))
	}
	if own := float64(sty.Width("ab")); widths[0] != widths[1] || widths[0] != own+4*20 {
		t.Errorf("widths %v, want %v", widths, own+4*20)
	}
}

// A letter is drawn by the first file that has it; files that are no fonts are
// passed over.
func TestFallbackFont(t *testing.T) {
	dir := t.TempDir()
	broken, font := filepath.Join(dir, "a.ttf"), filepath.Join(dir, "b.ttf")
	os.WriteFile(broken, []byte("not a font"), 0o644)
	os.WriteFile(font, goregular.TTF, 0o644)
	fonts := withFonts(t, dir, broken, font)
	if f := fonts.lookup('a'); f == nil || fonts.lookup('a') != f || len(fonts.open) != 1 {
		t.Errorf("%v from %d files", f, len(fonts.open))
	}
	if fonts.lookup('训') != nil || string(fonts.missing) != "训" {
		t.Errorf("missing %q", string(fonts.missing))
	}
	if canDraw(fonts.lookup('a'), ' ') {
		t.Error("a letter without an outline, as coloured emoji have none, is taken")
	}
	withFonts(t, font)
	m := markup{textStyle(1, ink, 0, 0).Handler.Cache()}
	if p := m.pieces("a训b", textStyle(10, ink, 0, 0).Font); len(p) != 3 || p[1].kind != noFont || p[1].width != 10 {
		t.Errorf("%+v", p)
	}
}

// With a font of the machine the letters differ from each other, which boxes do
// not.
func TestChineseIsDrawn(t *testing.T) {
	files := fontFiles()
	if withFonts(t, files...); systemFonts.lookup('训') == nil || systemFonts.lookup('练') == nil {
		t.Skip("this machine has no Chinese font")
	}
	draw := func(s string) *image.RGBA {
		img, err := Plot(s, "", "").Size(120, 80).Image()
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	if _, many := worst(t, draw("训"), draw("练")); many < 100 {
		t.Errorf("two letters differ in %d channels", many)
	}
}

func TestPreferredFonts(t *testing.T) {
	for _, c := range [][2]string{{"notosanscjk-regular.ttc", "notosanscjk-bold.ttc"}, {"notosanscjk-regular.ttc", "wqy-microhei.ttc"},
		{"wqy-microhei.ttc", "dejavusans.ttf"}, {"dejavusans.ttf", "aaa.ttf"}, {"aaa.ttf", "notosanscjk-bold.ttc"}} {
		if rankFont(c[0]) >= rankFont(c[1]) {
			t.Errorf("%s is not before %s", c[0], c[1])
		}
	}
	if parseFonts(bytes.NewReader(goregular.TTF)) == nil || parseFonts(bytes.NewReader(nil)) != nil {
		t.Error("a single font is not read, or nothing is a font")
	}
	var _ *sfnt.Font = parseFonts(bytes.NewReader(goregular.TTF))[0]
}

// Tables at odd offsets, as in the fonts of WenQuanYi, are put in order; what
// is cut off is no font.
func TestUnalignedFont(t *testing.T) {
	odd := slices.Clone(goregular.TTF)
	tables := int(binary.BigEndian.Uint16(odd[4:]))
	for k := range tables {
		entry := odd[12+16*k:]
		binary.BigEndian.PutUint32(entry[8:], binary.BigEndian.Uint32(entry[8:])+1)
	}
	end := 12 + 16*tables
	odd = slices.Concat(odd[:end], []byte{0}, odd[end:])
	if _, err := sfnt.Parse(odd); err == nil {
		t.Skip("x/image reads them now: aligned is no longer needed")
	}
	fonts := parseFonts(bytes.NewReader(odd))
	if len(fonts) != 1 || !canDraw(fonts[0], 'a') {
		t.Fatalf("%d fonts", len(fonts))
	}
	for n := 0; n < len(odd); n += 997 {
		parseFonts(bytes.NewReader(odd[:n]))
	}
}

func TestDrawable(t *testing.T) {
	for in, want := range map[string]string{"e\u0301\tx": "é x", "👨\u200d👩\ufe0f": "👨👩", "\ufeffa\r": "a", "한": "한", "👍🏽": "👍"} {
		if got := drawable(in); got != want {
			t.Errorf("%q is drawn as %q, want %q", in, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	withFonts(t)
	sty := textStyle(10, ink, 0, 0)
	for _, c := range []struct {
		in, want string
		width    float64
	}{
		{"训练集，验证集", "训练|集，|验证|集", 25},
		{"mini-batch L-BFGS", "mini-batch|L-BFGS", 60},
		{"用 SGD 训练", "用 SGD|训练", 45},
	} {
		if got := strings.Join(wrap(c.in, sty, vg.Length(c.width)), "|"); got != c.want {
			t.Errorf("%q wraps to %q, want %q", c.in, got, c.want)
		}
	}
	if lines := wrapAll(strings.Repeat("x", 100), sty, 100); len(lines) < 4 || strings.Join(lines, "") != strings.Repeat("x", 100) {
		t.Errorf("%q", lines)
	}
}
