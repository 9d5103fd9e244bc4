package text

import (
	"strings"
	"unicode"
)

// Words divides a text into lower-case words and marks: runs of letters, digits
// and combining marks, with apostrophes and hyphens between them, and every
// other sign that is not a blank by itself. Texts without blanks between words,
// as in Chinese, are one word: divide them into letters.
func Words(s string) []string {
	return split(strings.ToLower(s))
}

// CasedWords is Words that keeps capital letters.
func CasedWords(s string) []string { return split(s) }

func split(s string) []string {
	var out []string
	runes := []rune(s)
	inWord := func(i int) bool {
		return i >= 0 && i < len(runes) && (unicode.IsLetter(runes[i]) || unicode.IsDigit(runes[i]) || unicode.IsMark(runes[i]))
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
