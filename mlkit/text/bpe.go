package text

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"descent/mlkit/internal/strictjson"
)

// WordEnd ends the last piece of a word, so that pieces can be joined into
// words again.
const WordEnd = "</w>"

// BPE splits words into subwords by byte-pair encoding (Sennrich, Haddow &
// Birch, Neural Machine Translation of Rare Words with Subword Units, 2016): it
// starts from letters and merges the pairs that were most frequent in training.
// It is saved and loaded as JSON, {"merges": [["e", "s"], ["es", "t</w>"], …]}.
type BPE struct {
	// Merges are the pairs that are joined, the most frequent first.
	Merges [][2]string
	rank   map[[2]string]int
}

// NewBPE returns a BPE with merges learned elsewhere, the most frequent first.
func NewBPE(merges [][2]string) *BPE {
	b := &BPE{Merges: merges, rank: make(map[[2]string]int, len(merges))}
	for i, m := range merges {
		if _, twice := b.rank[m]; !twice {
			b.rank[m] = i
		}
	}
	return b
}

// bpeJSON is the form in which a BPE is saved.
type bpeJSON struct {
	Merges [][2]string `json:"merges"`
}

// MarshalJSON writes the merges in their order.
func (b BPE) MarshalJSON() ([]byte, error) {
	j := bpeJSON{append([][2]string{}, b.Merges...)} // no merges are [], not null
	if err := j.check(); err != nil {
		return nil, err
	}
	return strictjson.Marshal(j)
}

// UnmarshalJSON reads what MarshalJSON wrote; b is unchanged after an error.
func (b *BPE) UnmarshalJSON(text []byte) error {
	var j bpeJSON
	if err := strictjson.Unmarshal(text, &j); err != nil {
		return fmt.Errorf("text: BPE: %w", err)
	}
	if err := j.check(); err != nil {
		return err
	}
	*b = *NewBPE(j.Merges)
	return nil
}

func (j bpeJSON) check() error {
	for i, m := range j.Merges {
		for _, part := range m {
			if part == "" || !utf8.ValidString(part) {
				return fmt.Errorf("text: BPE: merge %d is %q: both parts must be texts of UTF-8 that are not empty", i, m)
			}
		}
	}
	return nil
}

// letters are the letters of a word, the last with WordEnd.
func letters(word string) []string {
	if word == "" {
		return nil
	}
	parts := strings.Split(word, "")
	parts[len(parts)-1] += WordEnd
	return parts
}

// join makes one part of every two neighbours that are the pair.
func join(parts []string, pair [2]string) []string {
	out := parts[:0]
	for k := 0; k < len(parts); k++ {
		if k+1 < len(parts) && parts[k] == pair[0] && parts[k+1] == pair[1] {
			out = append(out, pair[0]+pair[1])
			k++
		} else {
			out = append(out, parts[k])
		}
	}
	return out
}

// Split returns the subwords of a word. It panics on a zero BPE, one that comes
// neither from TrainBPE nor NewBPE nor from JSON: it would split every word
// into letters.
func (b *BPE) Split(word string) []string {
	if b.rank == nil {
		panic("text: a BPE must come from TrainBPE or NewBPE, or be loaded: this one does not know its merges")
	}
	parts := letters(word)
	for len(parts) > 1 {
		best := len(b.Merges)
		for k := 1; k < len(parts); k++ {
			if r, ok := b.rank[[2]string{parts[k-1], parts[k]}]; ok {
				best = min(best, r)
			}
		}
		if best == len(b.Merges) {
			break
		}
		parts = join(parts, b.Merges[best])
	}
	return parts
}

// SplitAll returns the subwords of all words in one slice.
func (b *BPE) SplitAll(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, b.Split(w)...)
	}
	return out
}

// Join merges subwords into words. A last piece without WordEnd ends a word as
// well.
func Join(pieces []string) []string {
	var out []string
	var word strings.Builder
	for i, p := range pieces {
		p, ends := strings.CutSuffix(p, WordEnd)
		word.WriteString(p)
		if ends || i == len(pieces)-1 {
			out = append(out, word.String())
			word.Reset()
		}
	}
	return out
}
