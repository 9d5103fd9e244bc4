package show

import (
	"regexp"
	"strings"

	"github.com/rivo/uniseg"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

func lineHeight(s text.Style) vg.Length { return s.Font.Size * 1.25 }

// wrap breaks s into lines no wider than width, between words or, as Chinese
// and Japanese do, between letters. A word that is wider by itself stays whole.
func wrap(s string, sty text.Style, width vg.Length) []string {
	var lines []string
	for para := range strings.SplitSeq(s, "\n") {
		line := ""
		for _, field := range strings.Fields(para) {
			glue := " "
			for _, word := range breakable(field) {
				switch {
				case line == "":
					line = word
				case sty.Width(line+glue+word) <= width:
					line += glue + word
				default:
					lines = append(lines, line)
					line = word
				}
				glue = ""
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// breakable cuts a word where a line may end inside of it: nowhere in Latin,
// where hyphens stay with their word, and by the rules of Unicode's annex 14
// where letters are wide.
func breakable(word string) []string {
	if !strings.ContainsFunc(word, func(r rune) bool { return r > 0x10FF && uniseg.StringWidth(string(r)) > 1 }) {
		return []string{word}
	}
	var out []string
	state := -1
	for word != "" {
		var part string
		part, word, _, state = uniseg.FirstLineSegmentInString(word, state)
		out = append(out, part)
	}
	return out
}

// wrapAll is wrap for what must be read whole: it also breaks words that are
// wider than a line, anywhere.
func wrapAll(s string, sty text.Style, width vg.Length) []string {
	var lines []string
	for _, line := range wrap(s, sty, width) {
		for sty.Width(line) > width && !strings.ContainsAny(line, "^_{}") {
			head := ""
			for g := uniseg.NewGraphemes(line); g.Next() && (head == "" || sty.Width(head+g.Str()) <= width); {
				head += g.Str()
			}
			if len(head) == len(line) {
				break
			}
			lines = append(lines, head)
			line = line[len(head):]
		}
		lines = append(lines, line)
	}
	return lines
}

// fit cuts s with an ellipsis so that it is no wider than width.
func fit(s string, sty text.Style, width vg.Length) string {
	if sty.Width(s) <= width {
		return s
	}
	r := []rune(s)
	for len(r) > 0 && sty.Width(string(r)+"…") > width {
		r = r[:len(r)-1]
	}
	return string(r) + "…"
}

// minusSigns puts a minus for the hyphen with which package fmt begins a
// negative number.
func minusSigns(s string) string { return negative.ReplaceAllString(s, "${1}−${2}") }

var negative = regexp.MustCompile(`(^|[\s(=,±])-(\.?[0-9])`)

// drawTitle writes the title at the top left of c and returns what is left of
// it.
func drawTitle(c draw.Canvas, title string) draw.Canvas {
	title = minusSigns(title)
	if title == "" {
		return c
	}
	size := float64(titleSize)
	if c.Max.X-c.Min.X < 420 { // a panel
		size = labelSize
	}
	sty := bold(textStyle(size, ink, draw.XLeft, draw.YTop))
	for _, line := range wrapAll(title, sty, c.Max.X-c.Min.X) {
		c.FillText(sty, vg.Point{X: c.Min.X, Y: c.Max.Y}, line)
		c.Max.Y -= lineHeight(sty)
	}
	c.Max.Y -= 4
	return c
}
