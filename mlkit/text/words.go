package text

import (
	"strings"
	"unicode"
)

// Words splits a text into lower-case words and punctuation: a word is a run of
// letters, digits and combining marks, with apostrophes and hyphens inside it;
// every other character except white space is a token of its own. In a script
// without spaces between words, such as Chinese, a whole run is one word: split
// it into characters.
func Words(s string) []string {
	return split(strings.ToLower(s))
}

// CasedWords is like Words but keeps capital letters.
func CasedWords(s string) []string { return split(s) }

func split(s string) []string {
	var out []string
	runes := []rune(s)
	inWord := func(i int) bool {
		return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]) ||
			unicode.IsMark(runes[i]))
	}
	for i := 0; i < len(runes); {
		if unicode.IsSpace(runes[i]) {
			i++
			continue
		}
		j := i + 1
		if inWord(i) {
			for inWord(j) || inWord(j+1) && (runes[j] == '\'' || runes[j] == '’' || runes[j] == '-') {
				j++
			}
		}
		out = append(out, string(runes[i:j]))
		i = j
	}
	return out
}
