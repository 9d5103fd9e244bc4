package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// eachPretoken calls f with the words between which GPT-2's tokenizer never
// merges; together they are the text. They are what its expression finds,
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// With digits, every number character is cut out first, as SmolLM2's does.
func eachPretoken(s string, digits bool, f func(word string)) {
	if digits {
		for {
			i := strings.IndexFunc(s, unicode.IsNumber)
			if i < 0 {
				break
			}
			eachPretoken(s[:i], false, f)
			_, n := utf8.DecodeRuneInString(s[i:])
			f(s[i : i+n])
			s = s[i+n:]
		}
	}
	for len(s) > 0 {
		n := pretoken(s)
		f(s[:n])
		s = s[n:]
	}
}

var contractions = []string{"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"}

// pretoken is the length of the word that a text begins with.
func pretoken(s string) int {
	for _, c := range contractions {
		if strings.HasPrefix(s, c) {
			return len(c)
		}
	}
	from := 0
	if s[0] == ' ' && len(s) > 1 {
		from = 1
	}
	if kind := kindOf(s[from:]); kind != blankKind {
		return from + run(s[from:], kind)
	}
	n := run(s, blankKind)
	if n < len(s) { // \s+(?!\S): a blank before a word is left to it
		if _, last := utf8.DecodeLastRuneInString(s[:n]); last < n {
			return n - last
		}
	}
	return n
}

type runeKind int

const (
	letterKind runeKind = iota
	numberKind
	otherKind
	blankKind
)

// kindOf is the kind of the first letter; a byte that is not UTF-8 is other.
func kindOf(s string) runeKind {
	r, _ := utf8.DecodeRuneInString(s)
	switch {
	case unicode.IsLetter(r):
		return letterKind
	case unicode.IsNumber(r):
		return numberKind
	case unicode.IsSpace(r):
		return blankKind
	}
	return otherKind
}

// run is the length of the run of a kind that a text begins with.
func run(s string, kind runeKind) int {
	n := 0
	for n < len(s) && kindOf(s[n:]) == kind {
		_, size := utf8.DecodeRuneInString(s[n:])
		n += size
	}
	return n
}
