package nb

import (
	"math"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// How long reading takes. English non-fiction is read at 238 words a minute
// (Brysbaert, "How many words do we read per minute?", 2019), this book at a
// slower pace; the others are estimates.
const (
	wordsPerMinute     = 200
	hanPerMinute       = 300 // Chinese characters
	codeLinesPerMinute = 20
	perFigure          = 15 * time.Second
	perFormula         = 10 * time.Second // set on a line of its own
)

var solution = regexp.MustCompile(`(?s)<details>.*?</details>`)

// ReadingTime is about how long it takes to read the notebook, without doing
// its exercises: prose, code, displayed formulas and figures. Solutions do not
// count.
func (n *Notebook) ReadingTime() time.Duration {
	var minutes float64
	var extra time.Duration
	for _, c := range n.Cells() {
		if c.IsCode() {
			for line := range strings.Lines(c.Source()) {
				if strings.TrimSpace(line) != "" {
					minutes += 1. / codeLinesPerMinute
				}
			}
			for _, o := range c.Outputs() {
				if o.Data("image/png") != "" {
					extra += perFigure
				}
			}
			continue
		}
		text := solution.ReplaceAllString(c.Source(), "")
		extra += time.Duration(len(display.FindAllString(text, -1))) * perFormula
		extra += time.Duration(len(pictureLink.FindAllString(text, -1))) * perFigure
		words := strings.FieldsFunc(Plain(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && r != '\'' })
		for _, w := range words {
			han := 0
			for _, r := range w {
				if unicode.Is(unicode.Han, r) {
					han++
				}
			}
			if han > 0 {
				minutes += float64(han) / hanPerMinute
			} else {
				minutes += 1. / wordsPerMinute
			}
		}
	}
	return time.Duration(minutes*float64(time.Minute)) + extra
}

// Rounded is a reading time in whole steps of five minutes, at least one step.
func Rounded(d time.Duration) time.Duration {
	const step = 5 * time.Minute
	return max(step, time.Duration(math.Round(float64(d)/float64(step)))*step)
}
