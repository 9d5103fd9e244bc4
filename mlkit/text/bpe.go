package text

import "strings"

// WordEnd is at the end of the last piece of a word, so that pieces can be
// joined to words again.
const WordEnd = "</w>"

// BPE divides words into pieces by byte-pair encoding (Sennrich, Haddow & Birch,
// Neural Machine Translation of Rare Words with Subword Units, 2016): it begins
// with letters and joins the pairs that were most frequent in training.
type BPE struct {
	// Merges are the pairs that are joined, the most frequent first.
	Merges [][2]string
	rank   map[[2]string]int
}

// NewBPE makes a BPE of pairs that were learned elsewhere.
func NewBPE(merges [][2]string) *BPE {
	b := &BPE{Merges: merges, rank: make(map[[2]string]int, len(merges))}
	for i, m := range merges {
		if _, twice := b.rank[m]; !twice {
			b.rank[m] = i
		}
	}
	return b
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

// Split is the pieces of a word.
func (b *BPE) Split(word string) []string {
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

// SplitAll is the pieces of words, one after the other.
func (b *BPE) SplitAll(words []string) []string {
	var out []string
	for _, w := range words {
		out = append(out, b.Split(w)...)
	}
	return out
}

// Join makes words of pieces again. A last piece without WordEnd is a word, too.
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
