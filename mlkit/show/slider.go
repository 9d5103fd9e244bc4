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

// Slides are pictures of which one is visible at a time: the reader moves a
// parameter and the picture follows. Make them with Slider or Slider2.
type Slides struct {
	params []param
	frames []*Picture // one for every combination, the last parameter running fastest
	start  int
	alt    string
	err    error
}

type param struct {
	Name   string   `json:"name"`
	Labels []string `json:"labels"`
}

// Slider draws one picture for each label (a value of the parameter called
// name) and lets the reader choose with a slider or the arrow keys. All
// pictures are drawn in advance and are part of the page, so no kernel is
// needed: the slider works in a notebook that was only opened, in an exported
// page, and from a file. Where scripts are not allowed, as on a code host,
// Show's picture of Start is visible, and a line that says where it moves. Use
// up to about 30 pictures; more than 300 are an error.
//
// All pictures must have the same size. Figures without a range of their own
// get common axes, wide enough for all of them.
func Slider(name string, labels []string, frame func(i int) Drawing) *Slides {
	s := &Slides{params: []param{{plainText(name), labels}}}
	for i := range labels {
		s.frames = append(s.frames, frame(i).picture())
	}
	return s.finish()
}

// Slider2 is Slider for two parameters, with one picture for each combination.
// Six values of one and five of the other are plenty.
func Slider2(name string, labels []string, name2 string, labels2 []string, frame func(i, j int) Drawing) *Slides {
	s := &Slides{params: []param{{plainText(name), labels}, {plainText(name2), labels2}}}
	for i := range labels {
		for j := range labels2 {
			s.frames = append(s.frames, frame(i, j).picture())
		}
	}
	return s.finish()
}

// maxFrames bounds what a slider holds in memory and puts into the page.
const maxFrames = 300

func (s *Slides) finish() *Slides {
	switch n := len(s.frames); {
	case n == 0:
		s.err = errors.New("a slider without positions")
	case n > maxFrames:
		s.err = fmt.Errorf("a slider with %d pictures, which would all lie in the page; take at most %d values, best below 30", n, maxFrames)
	}
	var figures []*Figure
	for i, p := range s.frames {
		if a := s.frames[0]; a.w != p.w || a.h != p.h {
			s.err = fmt.Errorf("picture %d is %d×%d, picture 0 is %d×%d; they have to be of one size", i, p.w, p.h, a.w, a.h)
		}
		if p.figure != nil {
			figures = append(figures, p.figure)
		}
	}
	commonAxes(figures)
	return s
}

// at says where the sliders stand at picture k.
func (s *Slides) at(k int) string {
	words := make([]string, len(s.params))
	for i := len(s.params) - 1; i >= 0; i-- {
		p := s.params[i]
		words[i] = p.Name + " = " + p.Labels[k%len(p.Labels)]
		k /= len(p.Labels)
	}
	return strings.Join(words, ", ")
}

// Labels formats the values of a slider: Labels("%g", rates).
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

// Start sets the position that is visible first, and the only one where scripts
// are not allowed: one index per parameter (default 0).
func (s *Slides) Start(position ...int) *Slides {
	k := 0
	for i, p := range s.params {
		if len(position) != len(s.params) || position[i] < 0 || position[i] >= len(p.Labels) {
			s.err = fmt.Errorf("Start(%v): want an index for each of %d parameters, below its number of labels", position, len(s.params))
			return s
		}
		k = k*len(p.Labels) + position[i]
	}
	s.start = k
	return s
}

// Alt sets the alternative text of the whole. Each picture keeps its own as
// well.
func (s *Slides) Alt(text string) *Slides { s.alt = text; return s }

// Describe returns the alternative text.
func (s *Slides) Describe() string {
	if s.alt != "" || len(s.frames) == 0 {
		return s.alt
	}
	out := s.frames[s.start].Describe()
	for _, p := range s.params {
		out += fmt.Sprintf(" A slider for %s goes from %s to %s.", p.Name, p.Labels[0], p.Labels[len(p.Labels)-1])
	}
	return out + " Here " + s.at(s.start) + "."
}

// Show displays the picture of Start and then the slider, whose script hides
// that picture: code hosts keep pictures, and drop scripts.
func (s *Slides) Show() {
	s.show(func() (string, error) {
		page, err := s.HTML()
		if err == nil {
			still := *s.frames[s.start]
			send(pngBundle(still.Alt(s.Describe())), "")
		}
		return page, err
	})
}

// ShowGIF displays the pictures as an animation, each for the given delay, for
// places where scripts do not run.
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
		send(pngBundle(errorPicture(&Picture{title: "slider", w: Width, h: Height}, err)), "")
		return
	}
	send(bundle{name: s.frames[0].title, data: map[protocol.MIMEType]any{protocol.MIMETextHTML: page,
		protocol.MIMETextPlain: s.Describe()},
		meta: map[string]any{"alt": s.Describe()}}, "")
}

// render draws picture i.
func (s *Slides) render(i int, density float64) (*image.RGBA, error) {
	if s.err != nil {
		return nil, fmt.Errorf("show: slider: %w", s.err)
	}
	img, err := render(s.frames[i], density)
	if err != nil {
		return nil, fmt.Errorf("show: slider at %s: %w", s.at(i), err)
	}
	return img, nil
}

// sliderDensity is the compromise between crisp letters and the weight of many
// pictures in one page.
const sliderDensity = 1.5

// withoutScript stands in the page where the slider's script does not run.
const withoutScript = `<p>This picture stands still here. It has a slider where scripts run: in JupyterLab, when you have run the cell or trust the notebook, and in an exported page.</p>`

// HTML returns the slider as a self-contained fragment. The picture of Start is
// complete; the others contain only the pixels that differ from it and are laid
// over it, at a fraction of the size.
func (s *Slides) HTML() (string, error) {
	base, err := s.render(s.start, sliderDensity)
	if err != nil {
		return "", err
	}
	still, err := encodePNG(base, s.frames[s.start].colours)
	if err != nil {
		return "", err
	}
	over, alts := make([]string, len(s.frames)), make([]string, len(s.frames))
	for i := range s.frames {
		alts[i] = s.frames[i].Describe()
		if i == s.start {
			continue
		}
		f, err := s.render(i, sliderDensity)
		if err != nil {
			return "", err
		}
		b, err := encodeOverlay(difference(base, f, 2), f, s.frames[i].colours)
		if err != nil {
			return "", err
		}
		over[i] = base64.StdEncoding.EncodeToString(b)
	}
	data, err := json.Marshal(map[string]any{"params": s.params, "over": over, "alts": alts, "start": s.start,
		"still": base64.StdEncoding.EncodeToString(still), "width": s.frames[0].w, "height": s.frames[0].h,
		"shown": Density * s.frames[0].w})
	if err != nil {
		return "", err
	}
	h := fnv.New64a()
	h.Write(data)
	class := fmt.Sprintf("mlkit-slider-%016x", h.Sum64())
	return fmt.Sprintf(`<div class="%s" style="max-width:%dpx">%s</div>
<script>(function(S,C){%s})(%s,%q)</script>`, class, s.frames[0].w, withoutScript, sliderScript, data, class), nil
}

func imgTag(kind string, b []byte, p *Picture, alt string) string {
	return fmt.Sprintf(`<img src="data:image/%s;base64,%s" width="%d" height="%d" alt="%s" style="display:block;max-width:100%%;height:auto">`,
		kind, base64.StdEncoding.EncodeToString(b), p.w, p.h, html.EscapeString(alt))
}

// sliderScript builds the slider from S (data) in every element of class C that
// has none yet: a page may show the same slider twice and a notebook runs the
// script again when it redraws an output. Arrow keys go no further than the
// slider: JupyterLab would move to the next cell. The words take the colour of
// the page, light or dark. The still that Show has displayed before is the only
// picture of the output before, in JupyterLab, nbconvert and Sphinx.
var sliderScript = strings.Join(strings.Fields(`
document.querySelectorAll('.'+C+':not([data-on])').forEach(function(box){
	box.dataset.on='1';
	hideStill(box);
	var frame=document.createElement('div'), still=picture(S.still,S.alts[S.start]);
	still.width=S.width;still.height=S.height;
	still.style.cssText='display:block;max-width:100%;height:auto';
	frame.appendChild(still);
	box.replaceChildren(frame);
	var over=S.over.map(function(b){
		if(!b)return null;
		var m=picture(b,'');
		m.style.cssText='position:absolute;left:0;top:0;width:100%;height:100%;max-width:none;margin:0;visibility:hidden';
		frame.appendChild(m);
		return m;});
	frame.style.cssText='position:relative;display:inline-block';
	var rows=S.params.map(function(P){
		var row=document.createElement('label'), word=document.createElement('span'), range=document.createElement('input');
		row.style.cssText='display:flex;gap:12px;align-items:center;color:inherit;font:14px/1.5 sans-serif;padding:4px 10px';
		word.style.cssText='flex:0 0 auto;min-width:11em;font-variant-numeric:tabular-nums';
		range.type='range';range.min=0;range.max=P.labels.length-1;range.step=1;
		range.style.cssText='flex:1 1 auto;min-width:60px;accent-color:#0072B2';
		range.setAttribute('aria-label',P.name);
		range.addEventListener('keydown',function(e){e.stopPropagation();});
		range.addEventListener('input',move);
		row.appendChild(word);row.appendChild(range);box.appendChild(row);
		return {P:P,word:word,range:range};});
	var k=S.start;
	for(var i=rows.length-1;i>=0;i--){var n=rows[i].P.labels.length;rows[i].range.value=k%n;k=(k-k%n)/n;}
	function move(){
		var k=0;
		rows.forEach(function(r){
			var i=+r.range.value;
			k=k*r.P.labels.length+i;
			r.word.textContent=r.P.name+' = '+r.P.labels[i];
			r.range.setAttribute('aria-valuetext',r.P.labels[i]);});
		over.forEach(function(m,i){if(m)m.style.visibility=i===k?'visible':'hidden';});
		still.alt=S.alts[k];}
	move();});
`+stillScript), " ")

// stillScript makes pictures, and hides the still that was displayed before the
// element.
const stillScript = `
function picture(b,alt){
	var m=new Image();
	m.src='data:image/png;base64,'+b;
	m.alt=alt;
	return m;}
function hideStill(box){
	for(var n=box,up=0;n&&up<4&&!n.matches('.jp-OutputArea,.cell_output');n=n.parentElement,up++){
		var before=n.previousElementSibling, found=before?before.querySelectorAll('img'):[];
		if(before&&before.matches('img'))found=[before];
		if(found.length===1){hideIf(before,found[0]);return;}}}
function hideIf(part,img){
	if(!img.complete){img.addEventListener('load',function(){hideIf(part,img);});return;}
	if(img.naturalWidth===S.shown)part.style.display='none';}
`

// encodeOverlay takes the palette from the whole frame: where the still's line
// is painted over, the ground has to be its exact colour, or the line would
// leave a shadow. (The rim of the difference is there for the same reason: a
// browser that scales both pictures mixes the pixels at the edge.)
func encodeOverlay(diff, frame *image.RGBA, kind int) ([]byte, error) {
	var src image.Image = diff
	if kind != photo {
		n := 47
		if kind == field {
			n = 255
		}
		src = remap(diff, append(color.Palette{color.RGBA{}}, makePalette(histogram(frame), n)...))
	}
	return writePNG(src)
}

// difference returns b where it differs from a, and up to rim pixels around,
// and transparency elsewhere.
func difference(a, b *image.RGBA, rim int) *image.RGBA {
	out := image.NewRGBA(b.Rect)
	w, h := b.Rect.Dx(), b.Rect.Dy()
	for i := 0; i < len(b.Pix); i += 4 {
		if [4]uint8(a.Pix[i:i+4]) == [4]uint8(b.Pix[i:i+4]) {
			continue
		}
		x, y := i/4%w, i/4/w
		for v := max(y-rim, 0); v <= min(y+rim, h-1); v++ {
			lo, hi := 4*(v*w+max(x-rim, 0)), 4*(v*w+min(x+rim, w-1)+1)
			copy(out.Pix[lo:hi], b.Pix[lo:hi])
		}
	}
	return out
}

// GIF returns the pictures as an endless animation, one pixel per CSS pixel.
// Frames after the first contain only what changes.
func (s *Slides) GIF(delay time.Duration) ([]byte, error) {
	var frames []*image.RGBA
	all := map[color.RGBA]int{}
	for i := range max(len(s.frames), 1) {
		f, err := s.render(i, 1)
		if err != nil {
			return nil, err
		}
		for c, n := range histogram(f) {
			all[c] += n
		}
		frames = append(frames, f)
	}
	delete(all, color.RGBA{})
	pal := append(color.Palette{color.RGBA{}}, makePalette(all, 255)...)
	g := &gif.GIF{Config: image.Config{ColorModel: pal, Width: s.frames[0].w, Height: s.frames[0].h}}
	for i, f := range frames {
		m := f
		if i > 0 {
			m = difference(frames[i-1], f, 0)
		}
		g.Image = append(g.Image, remap(m, pal))
		g.Delay = append(g.Delay, int(delay.Milliseconds()/10))
		g.Disposal = append(g.Disposal, gif.DisposalNone)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		return nil, fmt.Errorf("show: slider: %w", err)
	}
	return b.Bytes(), nil
}
