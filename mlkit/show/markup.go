package show

import (
	"fmt"
	"math"
	"strings"

	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
)

// markup is the text handler of all figures: plain text in which ^{…} raises and _{…} lowers. A letter that the font does not have
// is an error, because the font would leave it out: 10⁻³ would read 10³.
type markup struct{ fonts *font.Cache }

var _ text.Handler = markup{}

// A span is a stretch of one line at one height; rise is in units of the font size.
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
	for _, s := range spans(txt) {
		face := m.fonts.Lookup(f, f.Size*vg.Length(s.scale))
		width += face.Width(s.text)
	}
	e := m.Extents(f)
	return width, e.Ascent, e.Descent
}

func (m markup) Draw(c vg.Canvas, txt string, sty text.Style, pt vg.Point) {
	txt = strings.TrimRight(txt, "\n")
	if txt == "" {
		return
	}
	m.mustHave(txt, sty.Font)
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
		p := pt.Add(vg.Point{X: vg.Length(sty.XAlign) * w, Y: vg.Length(len(lines)-i) * sty.Font.Size})
		for _, s := range spans(line) {
			face := m.fonts.Lookup(sty.Font, sty.Font.Size*vg.Length(s.scale))
			c.FillString(face, vg.Point{X: p.X, Y: p.Y + vg.Length(s.rise)*sty.Font.Size}, s.text)
			p.X += face.Width(s.text)
		}
	}
}

// mustHave panics, which render turns into an error, if the font lacks a letter of txt.
func (m markup) mustHave(txt string, f font.Font) {
	for _, r := range txt {
		if !m.has(r, f) {
			panic(fmt.Errorf("the font of the figures has no letter %q (in %q); Latin, Greek and Cyrillic are there, raise and lower with ^{…} and _{…}", r, txt))
		}
	}
}

func (m markup) has(r rune, f font.Font) bool {
	if r == '\n' {
		return true
	}
	var buf sfnt.Buffer
	g, err := m.fonts.Lookup(f, f.Size).Face.GlyphIndex(&buf, r)
	return err == nil && g != 0
}

// printable is s with a question mark for every letter that the font lacks.
func printable(s string, sty text.Style) string {
	m := markup{font.DefaultCache}
	return strings.Map(func(r rune) rune {
		if m.has(r, sty.Font) {
			return r
		}
		return '?'
	}, s)
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
