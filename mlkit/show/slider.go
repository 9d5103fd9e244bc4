package show

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"html"
	"image"
	"image/color"
	"image/gif"
	"math"
	"os"
	"strings"
	"time"

	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// Slides is a row of pictures of which one is seen at a time: a parameter moves, the picture follows. Make it with Slider.
type Slides struct {
	name   string
	labels []string
	frames []*Picture
	start  int
	alt    string
	err    error
}

// Slider draws a picture for every label (the values of the parameter called name) and lets the reader choose with a slider, or the
// arrow keys. All pictures are drawn beforehand and travel in the page, so it needs no kernel: it moves in a notebook that was only
// opened, in an exported page, from a file. Where scripts are not allowed it is the picture of Start, alone. Keep to 30 pictures.
//
// The pictures have to be of one size. Figures get common axes, wide enough for all of them, unless a range was set.
func Slider(name string, labels []string, frame func(i int) Drawing) *Slides {
	s := &Slides{name: name, labels: labels}
	if len(labels) == 0 {
		s.err = errors.New("a slider without positions")
	}
	var figures []*Figure
	for i := range labels {
		d := frame(i)
		if f, ok := d.(*Figure); ok {
			figures = append(figures, f)
		}
		s.frames = append(s.frames, d.picture())
		if a, b := s.frames[0], s.frames[i]; a.w != b.w || a.h != b.h {
			s.err = fmt.Errorf("picture %d is %d×%d, picture 0 is %d×%d; they have to be of one size", i, b.w, b.h, a.w, a.h)
		}
	}
	commonAxes(figures)
	return s
}

// Labels writes the values of a slider: Labels("%g", rates).
func Labels[T any](format string, values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprintf(format, v)
	}
	return out
}

func commonAxes(figures []*Figure) {
	inf := math.Inf(1)
	x, y := [2]float64{inf, -inf}, [2]float64{inf, -inf}
	for _, f := range figures {
		sx, sy := f.scales()
		x[0], x[1] = math.Min(x[0], sx.lo), math.Max(x[1], sx.hi)
		y[0], y[1] = math.Min(y[0], sy.lo), math.Max(y[1], sy.hi)
	}
	for _, f := range figures {
		for _, a := range []struct {
			axis *axis
			r    [2]float64
		}{{&f.x, x}, {&f.y, y}} {
			if !a.axis.fixed {
				a.axis.lo, a.axis.hi, a.axis.fixed = a.r[0], a.r[1], true
			}
		}
	}
}

// Start sets the position that is seen first, and the only one where scripts are not allowed (0 unless set).
func (s *Slides) Start(i int) *Slides {
	if i < 0 || i >= len(s.labels) {
		s.err = fmt.Errorf("Start(%d) of a slider with %d positions", i, len(s.labels))
		return s
	}
	s.start = i
	return s
}

// Alt sets the alternative text of the whole; each picture keeps its own as well.
func (s *Slides) Alt(text string) *Slides { s.alt = text; return s }

// Describe returns the alternative text.
func (s *Slides) Describe() string {
	if s.alt != "" || len(s.frames) == 0 {
		return s.alt
	}
	return fmt.Sprintf("%s A slider for %s goes from %s to %s; here %s.", s.frames[s.start].Describe(), plainText(s.name),
		s.labels[0], s.labels[len(s.labels)-1], s.labels[s.start])
}

// Show displays the slider.
func (s *Slides) Show() { s.show(s.HTML) }

// ShowGIF displays the pictures as an animation, one per delay, for places where no script runs.
func (s *Slides) ShowGIF(delay time.Duration) {
	s.show(func() (string, error) {
		b, err := s.GIF(delay)
		if err != nil {
			return "", err
		}
		return imgTag("gif", b, s.frames[0], s.Describe()), nil
	})
}

func (s *Slides) show(make func() (string, error)) {
	page, err := make()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		send(pngBundle(errorPicture(&Picture{title: s.name, w: Width, h: Height}, err)), "")
		return
	}
	send(bundle{name: s.frames[0].title, data: map[protocol.MIMEType]any{protocol.MIMETextHTML: page, protocol.MIMETextPlain: s.Describe()},
		meta: map[string]any{"alt": s.Describe()}}, "")
}

// render draws all frames.
func (s *Slides) render(density float64) ([]*image.RGBA, error) {
	if s.err != nil {
		return nil, fmt.Errorf("show: slider %q: %w", s.name, s.err)
	}
	var out []*image.RGBA
	for i, p := range s.frames {
		img, err := render(p, density)
		if err != nil {
			return nil, fmt.Errorf("show: slider %q at %s: %w", s.name, s.labels[i], err)
		}
		out = append(out, img)
	}
	return out, nil
}

// sliderDensity is the compromise between crisp letters and the weight of many pictures in one page.
const sliderDensity = 1.5

// HTML returns the slider as a fragment that depends on nothing outside of it. The first picture is whole; the others hold only the
// pixels that differ from it and are laid over it, which makes them a fraction of the size.
func (s *Slides) HTML() (string, error) {
	frames, err := s.render(sliderDensity)
	if err != nil {
		return "", err
	}
	base := frames[s.start]
	still, err := encodePNG(base, pngColours, s.frames[s.start].photo)
	if err != nil {
		return "", err
	}
	over, alts := make([]string, len(frames)), make([]string, len(frames))
	for i, f := range frames {
		alts[i] = s.frames[i].Describe()
		if i == s.start {
			continue
		}
		diff := difference(base, f)
		b, err := encodePNG(diff, pngColours/4, s.frames[i].photo)
		if err != nil {
			return "", err
		}
		over[i] = base64.StdEncoding.EncodeToString(b)
	}
	data, err := json.Marshal(map[string]any{"name": plainText(s.name), "labels": s.labels, "over": over, "alts": alts, "start": s.start})
	if err != nil {
		return "", err
	}
	h := fnv.New64a()
	h.Write(data)
	h.Write(still)
	class := fmt.Sprintf("mlkit-slider-%016x", h.Sum64())
	return fmt.Sprintf(`<div class="%s" style="max-width:%dpx"><div style="position:relative">%s</div></div>
<script>(function(S,C){%s})(%s,%q)</script>`, class, s.frames[0].w, imgTag("png", still, s.frames[0], s.Describe()), sliderScript, data, class), nil
}

func imgTag(kind string, b []byte, p *Picture, alt string) string {
	return fmt.Sprintf(`<img src="data:image/%s;base64,%s" width="%d" height="%d" alt="%s" style="display:block;max-width:100%%;height:auto">`,
		kind, base64.StdEncoding.EncodeToString(b), p.w, p.h, html.EscapeString(alt))
}

// sliderScript builds the slider from S (data) in every element of class C that has none yet: a page may show the same slider twice
// and a notebook runs the script again when it redraws an output. Arrow keys go no further than the slider:
// JupyterLab would move to the next cell. The words take the colour of the page, light or dark.
var sliderScript = strings.Join(strings.Fields(`
document.querySelectorAll('.'+C+':not([data-on])').forEach(function(box){
	box.dataset.on='1';
	var frame=box.firstElementChild, still=frame.querySelector('img'), over=S.over.map(function(b){
		if(!b)return null;
		var m=new Image();
		m.src='data:image/png;base64,'+b;
		m.alt='';
		m.style.cssText='position:absolute;left:0;top:0;width:100%;height:100%;max-width:none;margin:0;visibility:hidden';
		frame.appendChild(m);
		return m;});
	frame.style.display='inline-block';
	var row=document.createElement('label'), word=document.createElement('span'), range=document.createElement('input');
	row.style.cssText='display:flex;gap:12px;align-items:center;color:inherit;font:14px/1.5 sans-serif;padding:6px 10px';
	word.style.cssText='flex:0 0 auto;min-width:11em;font-variant-numeric:tabular-nums';
	range.type='range';range.min=0;range.max=S.labels.length-1;range.step=1;range.value=S.start;
	range.style.cssText='flex:1 1 auto;min-width:60px;accent-color:#0072B2';
	range.setAttribute('aria-label',S.name);
	range.addEventListener('keydown',function(e){e.stopPropagation();});
	function move(){
		var k=+range.value;
		over.forEach(function(m,i){if(m)m.style.visibility=i===k?'visible':'hidden';});
		word.textContent=S.name+' = '+S.labels[k];
		range.setAttribute('aria-valuetext',S.labels[k]);
		still.alt=S.alts[k];}
	range.addEventListener('input',move);
	row.appendChild(word);row.appendChild(range);box.appendChild(row);
	move();});
`), " ")

// difference returns b where it differs from a, and transparency elsewhere.
func difference(a, b *image.RGBA) *image.RGBA {
	out := image.NewRGBA(b.Rect)
	for i := 0; i < len(b.Pix); i += 4 {
		if a.Pix[i] != b.Pix[i] || a.Pix[i+1] != b.Pix[i+1] || a.Pix[i+2] != b.Pix[i+2] || a.Pix[i+3] != b.Pix[i+3] {
			copy(out.Pix[i:i+4], b.Pix[i:i+4])
		}
	}
	return out
}

// GIF returns the pictures as an endless animation in CSS pixels. After the first frame it holds what changes.
func (s *Slides) GIF(delay time.Duration) ([]byte, error) {
	frames, err := s.render(1)
	if err != nil {
		return nil, err
	}
	all := map[color.RGBA]int{}
	for _, f := range frames {
		for c, n := range histogram(f) {
			all[c] += n
		}
	}
	delete(all, color.RGBA{})
	pal := append(color.Palette{color.RGBA{}}, makePalette(all, 255)...)
	g := &gif.GIF{Config: image.Config{ColorModel: pal, Width: s.frames[0].w, Height: s.frames[0].h}}
	for i, f := range frames {
		m := f
		if i > 0 {
			m = difference(frames[i-1], f)
		}
		g.Image = append(g.Image, remap(m, pal))
		g.Delay = append(g.Delay, int(delay.Milliseconds()/10))
		g.Disposal = append(g.Disposal, gif.DisposalNone)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		return nil, fmt.Errorf("show: slider %q: %w", s.name, err)
	}
	return b.Bytes(), nil
}
