package text

import (
	"regexp"
	"strings"
)

var (
	before = strings.NewReplacer("<skipped>", "", "-\n", "", "\n", " ")

	signs13a  = regexp.MustCompile("([{-~\\[-` -&(-+:-@/])")
	afterWord = regexp.MustCompile(`([^0-9])([.,])`)
	beforeOne = regexp.MustCompile(`([.,])([^0-9])`)
	dash13a   = regexp.MustCompile(`([0-9])(-)`)
)

// Words13a splits a text as NIST's mteval-v13a does, the default of sacreBLEU:
// ASCII punctuation stands alone, except full stops and commas within numbers,
// and so does a hyphen after a digit. Capital letters are kept. Use it for
// BLEU.
func Words13a(s string) []string {
	s = before.Replace(s)
	if strings.Contains(s, "&") {
		for _, pair := range [][2]string{{"&quot;", `"`}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}} {
			s = strings.ReplaceAll(s, pair[0], pair[1])
		}
	}
	s = signs13a.ReplaceAllString(" "+s+" ", " $1 ")
	s = afterWord.ReplaceAllString(s, "$1 $2 ")
	s = beforeOne.ReplaceAllString(s, " $1 $2")
	s = dash13a.ReplaceAllString(s, "$1 $2 ")
	return strings.Fields(s)
}
