package show

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image"
	"image/draw"
	"image/gif"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func slides() *Slides {
	rates := []float64{0.01, 0.05, 0.09, 0.1}
	return Slider("learning rate", Labels("%g", rates), func(i int) Drawing {
		x, y := descend(rates[i], 30)
		return Plot("Gradient descent in a valley", "x", "y").Line("path", x, y, Marks)
	}).Start(1)
}

// The slider's page, without its script, says where it moves; still and overlay
// together are the other frames.
func TestSlider(t *testing.T) {
	page, err := slides().HTML()
	if err != nil {
		t.Fatal(err)
	}
	again, _ := slides().HTML()
	if page != again {
		t.Error("the same slider gave other bytes")
	}
	without := regexp.MustCompile(`(?s)<script>.*</script>`).ReplaceAllString(page, "")
	if strings.Contains(without, "<img") || !strings.Contains(without, "where scripts run") {
		t.Errorf("without the script the page shows %s; want where the slider moves, and no second picture", without)
	}
	if !strings.Contains(page, `"alts":["Gradient descent in a valley`) || strings.Contains(page, "http") {
		t.Error("no alternative text, or something from elsewhere")
	}
	t.Logf("%d bytes for 4 frames", len(page))
	if len(page) > 90_000 {
		t.Errorf("%d bytes", len(page))
	}
	decode := func(s string) image.Image {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		m, err := png.Decode(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	still := decode(regexp.MustCompile(`"still":"([^"]+)"`).FindStringSubmatch(page)[1])
	over := regexp.MustCompile(`"over":\["([^"]+)","",`).FindStringSubmatch(page)
	if over == nil {
		t.Fatal("no overlay for frame 0, or one for the still itself")
	}
	sum := image.NewRGBA(still.Bounds())
	draw.Draw(sum, sum.Rect, still, image.Point{}, draw.Src)
	draw.Draw(sum, sum.Rect, decode(over[1]), image.Point{}, draw.Over)
	want, err := render(slides().frames[0], sliderDensity)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0
	for i := range sum.Pix {
		worst = max(worst, int(math.Abs(float64(sum.Pix[i])-float64(want.Pix[i]))))
	}
	if worst > 40 { // the palette rounds edges
		t.Errorf("still and overlay differ from the frame by %d of 255", worst)
	}
}

func TestSlider2(t *testing.T) {
	s := Slider2("a", []string{"1", "2"}, "b", []string{"x", "y", "z"}, func(i, j int) Drawing {
		return Plot("", "", "").Size(100, 80).Line("", nil, []float64{float64(i), float64(j)})
	}).Start(1, 2)
	if len(s.frames) != 6 || s.start != 5 || s.at(4) != "a = 2, b = y" {
		t.Errorf("%d frames, start %d, 4 is %q", len(s.frames), s.start, s.at(4))
	}
	if got := s.Describe(); !strings.HasSuffix(got, "A slider for a goes from 1 to 2. A slider for b goes from x to z. Here a = 2, b = z.") {
		t.Errorf("%q", got)
	}
	if _, err := s.HTML(); err != nil {
		t.Error(err)
	}
	if _, err := s.Start(1).HTML(); err == nil {
		t.Error("one index for two parameters is no error")
	}
}

func TestSliderAxes(t *testing.T) {
	s := slides()
	var ranges []string
	for _, p := range s.frames {
		ranges = append(ranges, p.Describe()[strings.Index(p.Describe(), ";"):])
	}
	for _, r := range ranges {
		if r != ranges[0] {
			t.Errorf("the axes jump: %q and %q", ranges[0], r)
		}
	}
}

func TestSliderMistakes(t *testing.T) {
	for want, s := range map[string]*Slides{
		"without positions":  Slider("a", nil, nil),
		"picture 1 is 20×20": Slider("a", []string{"0", "1"}, func(i int) Drawing { return Plot("", "", "").Size(40-20*i, 40-20*i) }),
		"Start([3])":         Slider("a", []string{"0"}, func(i int) Drawing { return Plot("", "", "") }).Start(3),
		"at a = 7":           Slider("a", []string{"7"}, func(i int) Drawing { return Plot("", "", "").YRange(1, 0) }),
	} {
		if _, err := s.HTML(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
		if _, err := s.GIF(time.Second); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("GIF: error %v, want one with %q", err, want)
		}
		s.Show() // must not panic
	}
	if _, err := Slider("a", []string{"</script>"}, func(int) Drawing { return Plot("", "", "") }).HTML(); err != nil {
		t.Error(err)
	} else if page, _ := Slider("a", []string{"</script>"}, func(int) Drawing { return Plot("", "", "") }).HTML(); strings.Count(page, "</script>") != 1 {
		t.Error("a label can end the script")
	}
}

func TestGIF(t *testing.T) {
	b, err := slides().GIF(200 * time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	g, err := gif.DecodeAll(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Image) != 4 || g.Config.Width != Width || g.Delay[0] != 20 || g.LoopCount != 0 {
		t.Errorf("%d frames, %d wide, delay %d, loops %d", len(g.Image), g.Config.Width, g.Delay[0], g.LoopCount)
	}
	t.Logf("%d bytes", len(b))
}

func TestTable(t *testing.T) {
	tab := Table([]string{"optimizer", "loss", "steps"}, [][]any{{"SGD", 0.123456, 1000}, {"Adam <1>", float32(-2), 20}, {"L-BFGS", math.NaN()}}).Caption("Results")
	want := "Results\noptimizer    loss  steps\nSGD        0.1235   1000\nAdam <1>       −2     20\nL-BFGS        NaN\n"
	if got := tab.Text(); got != want {
		t.Errorf("text\n%s\nwant\n%s", got, want)
	}
	h := tab.Format("", "%.2f", "%d").HTML()
	for _, part := range []string{"<caption>Results</caption>", `<th scope="col" style="text-align:right">loss</th>`, `<td style="text-align:left">Adam &lt;1&gt;</td>`,
		`<td style="text-align:right">0.12</td>`, `<td style="text-align:right"></td>`} {
		if !strings.Contains(h, part) {
			t.Errorf("no %s in\n%s", part, h)
		}
	}
	if got := Table(nil, nil).Text(); got != "\n" {
		t.Errorf("an empty table: %q", got)
	}
}

func TestWAV(t *testing.T) {
	b, err := WAV([]float32{0, 1, -1, 2, float32(math.NaN())}, 8000)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) != 54 || string(b[:4]) != "RIFF" || string(b[8:16]) != "WAVEfmt " || b[24] != 0x40 || b[25] != 0x1F {
		t.Errorf("header % x", b[:44])
	}
	if got := fmt.Sprintf("%x", b[44:]); got != "0000ff7f0180ff7f0000" {
		t.Errorf("samples %s", got)
	}
	if _, err := WAV(nil, 8000); err == nil {
		t.Error("no error for no samples")
	}
}

func TestLive(t *testing.T) {
	clock := time.Unix(0, 0)
	var shown []int
	made := 0
	l := &Live{now: func() time.Time { return clock }, draw: func(b bundle, id string) {
		if id != "x" {
			t.Errorf("display id %q", id)
		}
		shown = append(shown, made)
	}, id: "x"}
	picture := func() Drawing { made++; clock = clock.Add(4 * time.Millisecond); return Plot("", "", "").Size(40, 40) }
	for range 100 { // a second
		l.Update(picture)
		clock = clock.Add(10 * time.Millisecond)
	}
	if len(shown) < 5 || len(shown) > 11 || made != len(shown) {
		t.Errorf("%d drawn in a second, %d made; want about ten, and none made for nothing", len(shown), made)
	}
	n := made
	l.Update(picture)
	l.Close()
	if made != n+1 && made != n {
		t.Errorf("Close made %d pictures", made-n)
	}
	if l.pending != nil {
		t.Error("the last state was not shown")
	}
	l.Close()
	l.Close()

	made, shown = 0, nil
	quiet := &Live{quiet: true, now: l.now, draw: l.draw, id: "x"}
	for range 10 {
		quiet.Update(picture)
	}
	if made != 0 {
		t.Errorf("%d pictures drawn for nobody", made)
	}
	quiet.Close()
	if made != 1 {
		t.Errorf("Close drew %d pictures, want 1", made)
	}
}

func TestSaveTo(t *testing.T) {
	dir := t.TempDir()
	SaveTo(dir)
	defer SaveTo("")
	Plot("Training loss, 2 layers!", "", "").Size(100, 80).Line("", nil, []float64{1}).Show()
	Markdown("# Hello")
	HTML("<b>bold</b>", "bold")
	slides().Show()
	var names []string
	files, _ := os.ReadDir(dir)
	for _, f := range files {
		names = append(names, f.Name())
	}
	if got := strings.Join(names, " "); got != "01-training-loss-2-layers.png 02-text.md 03-bold.html 04-gradient-descent-in-a-valley.png 05-gradient-descent-in-a-valley.html" {
		t.Errorf("files %s", got)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "01-training-loss-2-layers.png")); !bytes.HasPrefix(b, []byte("\x89PNG")) {
		t.Error("not a PNG")
	}
}

func TestSave(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sub", "a.png")
	if err := Plot("a", "", "").Save(path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}
