package text

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

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

// TrainBPE learns the given number of merges from words, fewer when no pair
// occurs twice any more. Of equally frequent pairs the first by the alphabet is
// joined.
func TrainBPE(words []string, merges int) *BPE {
	counts := map[string]int{}
	for _, w := range words {
		counts[w]++
	}
	type entry struct {
		parts []string
		count int
	}
	var entries []entry
	pairs := map[[2]string]int{}
	where := map[[2]string]map[int]bool{} // entries that may hold a pair
	add := func(i, sign int) {
		e := entries[i]
		for k := 1; k < len(e.parts); k++ {
			p := [2]string{e.parts[k-1], e.parts[k]}
			pairs[p] += sign * e.count
			if where[p] == nil {
				where[p] = map[int]bool{}
			}
			where[p][i] = true
		}
	}
	for _, w := range slices.Sorted(maps.Keys(counts)) {
		entries = append(entries, entry{letters(w), counts[w]})
		add(len(entries)-1, 1)
	}
	var learned [][2]string
	for len(learned) < merges {
		best, most := [2]string{}, 1
		for p, n := range pairs {
			if n > most || n == most && n > 1 && cmp.Or(cmp.Compare(p[0], best[0]), cmp.Compare(p[1], best[1])) < 0 {
				best, most = p, n
			}
		}
		if most < 2 {
			break
		}
		learned = append(learned, best)
		for i := range where[best] {
			add(i, -1)
			entries[i].parts = join(entries[i].parts, best)
			add(i, 1)
		}
		delete(pairs, best)
		delete(where, best)
	}
	return NewBPE(learned)
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
