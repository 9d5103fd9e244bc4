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

// Words13a divides a text as NIST's program mteval-v13a does, and sacreBLEU by
// default: signs of ASCII by themselves, full stops and commas except within
// numbers, and a hyphen after a digit. It keeps capital letters. For BLEU.
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
