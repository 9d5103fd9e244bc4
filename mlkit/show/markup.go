package show

import (
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
	xfont "golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/text/unicode/norm"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// markup is the text handler of all figures: plain text in which ^{…} raises
// and _{…} lowers. A letter that the theme's font does not have is drawn with a
// font of the machine that has it, and if there is none as a box: left out, it
// would make 10³ of 10⁻³.
type markup struct{ fonts *font.Cache }

var _ text.Handler = markup{}

// A span is a stretch of one line at one height; rise is in units of the font
// size.
type span struct {
	text  string
	rise  float64
	scale float64
}

func spans(line string) []span {
	var out []span
	for line != "" {
		i := strings.IndexAny(line, "^_")
		for i >= 0 && !strings.HasPrefix(line[i+1:], "{") {
			k := strings.IndexAny(line[i+1:], "^_")
			if k < 0 {
				i = -1
			} else {
				i += 1 + k
			}
		}
		end := -1
		if i >= 0 {
			end = strings.IndexByte(line[i:], '}')
		}
		if end < 0 {
			return append(out, span{line, 0, 1})
		}
		if i > 0 {
			out = append(out, span{line[:i], 0, 1})
		}
		rise := 0.36
		if line[i] == '_' {
			rise = -0.18
		}
		out = append(out, span{line[i+2 : i+end], rise, 0.72})
		line = line[i+end+1:]
	}
	return out
}

func (m markup) Cache() *font.Cache { return m.fonts }

func (m markup) Extents(f font.Font) font.Extents {
	face := m.fonts.Lookup(f, f.Size)
	return face.Extents()
}

func (m markup) Lines(txt string) []string { return strings.Split(strings.TrimRight(txt, "\n"), "\n") }

func (m markup) Box(txt string, f font.Font) (width, height, depth vg.Length) {
	for _, s := range spans(drawable(txt)) {
		for _, p := range m.pieces(s.text, font.From(f, f.Size*vg.Length(s.scale))) {
			width += p.width
		}
	}
	e := m.Extents(f)
	return width, e.Ascent, e.Descent
}

// A letters is a stretch of text in one font.
type letters struct {
	text  string
	face  font.Face
	width vg.Length
	size  vg.Length
	shift vg.Length // from the left of the place to the first letter
	kind  letterKind
}

type letterKind uint8

const (
	ownFont     letterKind = iota // the theme's font has all
	foreignFont                   // one letter, of another font
	noFont                        // one letter that is drawn as a box
	blank                         // one of the many spaces
)

// pieces cuts text, which drawable has made valid, by the font that has its
// letters. A letter that is as wide as high, as the Chinese are, takes just
// that room whatever its font, and so does the box in its place: the same
// figure is laid out alike on machines with and without such a font.
func (m markup) pieces(text string, f font.Font) []letters {
	own := m.fonts.Lookup(f, f.Size)
	var out []letters
	start := 0
	flush := func(end int) {
		if s := text[start:end]; s != "" {
			out = append(out, letters{text: s, face: own, width: own.Width(s)})
		}
	}
	for i, r := range text {
		if m.has(r, own) {
			continue
		}
		flush(i)
		s := string(r)
		start = i + len(s)
		wide := uniseg.StringWidth(s) > 1
		p := letters{text: s, kind: noFont, width: 0.6 * f.Size, size: f.Size}
		if unicode.IsSpace(r) {
			p.kind, p.width = blank, 0.3*f.Size
		} else if other := systemFonts.lookup(r); other != nil {
			p.kind, p.face = foreignFont, font.Face{Font: f, Face: other}
			p.width = p.face.Width(s)
		}
		if wide {
			if p.kind == foreignFont {
				p.shift = (f.Size - p.width) / 2
			}
			p.width = f.Size
		}
		out = append(out, p)
	}
	flush(len(text))
	return out
}

func (p letters) draw(c vg.Canvas, at vg.Point) {
	at.X += p.shift
	switch p.kind {
	case blank:
		return
	case noFont:
		drawTofu(c, at, p)
		return
	}
	c.FillString(p.face, at, p.text)
	if p.kind == foreignFont && p.face.Font.Weight >= xfont.WeightSemiBold { // their bold style is not looked for
		c.FillString(p.face, vg.Point{X: at.X + p.face.Font.Size*0.03, Y: at.Y}, p.text)
	}
}

// drawTofu draws the box that stands for a letter without a font.
func drawTofu(c vg.Canvas, at vg.Point, p letters) {
	var path vg.Path
	for _, inset := range []vg.Length{0.08, 0.14} {
		x0, x1 := at.X+inset*p.width, at.X+(1-inset)*p.width
		y0, y1 := at.Y+(inset-0.08)*p.width, at.Y+(0.78-inset)*p.size
		corners := []vg.Point{{X: x0, Y: y0}, {X: x1, Y: y0}, {X: x1, Y: y1}, {X: x0, Y: y1}}
		if len(path) > 0 {
			slices.Reverse(corners) // a hole
		}
		path = append(path, pathOf(corners)...)
		path.Close()
	}
	c.Fill(path)
}

func (m markup) Draw(c vg.Canvas, txt string, sty text.Style, pt vg.Point) {
	txt = drawable(strings.TrimRight(txt, "\n"))
	if txt == "" {
		return
	}
	c.SetColor(sty.Color)
	if sty.Rotation != 0 {
		c.Push()
		defer c.Pop()
		c.Rotate(sty.Rotation)
	}
	sin, cos := math.Sincos(sty.Rotation)
	pt.X, pt.Y = pt.Y*vg.Length(sin)+pt.X*vg.Length(cos), pt.Y*vg.Length(cos)-pt.X*vg.Length(sin)
	pt.Y += sty.Height(txt)*vg.Length(sty.YAlign) - m.Extents(sty.Font).Ascent
	lines := m.Lines(txt)
	for i, line := range lines {
		w, _, _ := m.Box(line, sty.Font)
		at := pt.Add(vg.Point{X: vg.Length(sty.XAlign) * w, Y: vg.Length(len(lines)-i) * sty.Font.Size})
		for _, s := range spans(line) {
			raised := vg.Length(s.rise) * sty.Font.Size
			for _, p := range m.pieces(s.text, font.From(sty.Font, sty.Font.Size*vg.Length(s.scale))) {
				p.draw(c, vg.Point{X: at.X, Y: at.Y + raised})
				at.X += p.width
			}
		}
	}
}

// has reports whether the theme's font has r.
func (m markup) has(r rune, own font.Face) bool {
	var buf sfnt.Buffer
	g, err := own.Face.GlyphIndex(&buf, r)
	return err == nil && g != 0
}

// drawable is s as it is drawn: accents joined with their letters, a blank for
// each tab, and without the marks that only tell a program how to join or
// choose letters.
func drawable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == '\r', r == '\uFEFF', r >= '\u200B' && r <= '\u200F', r >= '\u202A' &&
			r <= '\u202E', r >= '\u2060' && r <= '\u206F', // joiners, directions
			r >= '\uFE00' && r <= '\uFE0F', r >= 0xE0000 && r <= 0xE0FFF, // variants
			r >= 0x1F3FB && r <= 0x1F3FF: // the colours of skin
			return -1
		}
		return r
	}, norm.NFC.String(s))
}

// plainText is s without the markup, for alternative texts and file names.
func plainText(s string) string {
	var b strings.Builder
	for _, sp := range spans(s) {
		switch {
		case sp.rise > 0:
			b.WriteString("^" + sp.text)
		case sp.rise < 0:
			b.WriteString("_" + sp.text)
		default:
			b.WriteString(sp.text)
		}
	}
	return b.String()
}
