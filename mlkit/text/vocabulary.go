package text

import (
	"cmp"
	"maps"
	"slices"
)

// The first tokens of every vocabulary.
const (
	Padding int32 = iota // fills a batch up behind the end of a sequence
	Unknown              // stands for what is not in the vocabulary
	Start                // before the first token of what is to be written
	End                  // after its last
)

var special = []string{"<pad>", "<unk>", "<s>", "</s>"}

// Vocabulary numbers tokens.
type Vocabulary struct {
	// Tokens are the tokens by their ids; the first four are Padding, Unknown,
	// Start and End.
	Tokens []string
	ids    map[string]int32
}

// NewVocabulary makes a vocabulary of the tokens that occur at least atLeast
// times in the sequences, the most frequent first (equally frequent ones by the
// alphabet), and at most size with the four special ones; size 0 means all.
// Give it the training part alone.
func NewVocabulary(sequences [][]string, size, atLeast int) *Vocabulary {
	counts := map[string]int{}
	for _, s := range sequences {
		for _, token := range s {
			counts[token]++
		}
	}
	for _, s := range special {
		delete(counts, s)
	}
	tokens := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b))
	})
	v := &Vocabulary{Tokens: slices.Clone(special), ids: map[string]int32{}}
	for _, token := range tokens {
		if counts[token] >= atLeast && (size <= 0 || len(v.Tokens) < size) {
			v.ids[token] = int32(len(v.Tokens))
			v.Tokens = append(v.Tokens, token)
		}
	}
	return v
}

// Len is the number of tokens, with the special ones.
func (v *Vocabulary) Len() int { return len(v.Tokens) }

// ID is the number of a token, Unknown if it has none. A special token in a text
// is unknown too: nobody can write the end into a sentence.
func (v *Vocabulary) ID(token string) int32 {
	if id, ok := v.ids[token]; ok {
		return id
	}
	return Unknown
}

// Encode is the ids of tokens.
func (v *Vocabulary) Encode(tokens []string) []int32 {
	ids := make([]int32, len(tokens))
	for i, token := range tokens {
		ids[i] = v.ID(token)
	}
	return ids
}

// Decode is the tokens of ids, without padding, start, and what follows the end.
// An id that is not in the vocabulary gives "<unk>".
func (v *Vocabulary) Decode(ids []int32) []string {
	var out []string
	for _, id := range ids {
		switch {
		case id == End:
			return out
		case id == Padding || id == Start:
		case id < 0 || int(id) >= len(v.Tokens):
			out = append(out, special[Unknown])
		default:
			out = append(out, v.Tokens[id])
		}
	}
	return out
}

// Pad lays sequences of ids out as the rows of a batch, [len(sequences), length],
// and fills them up with Padding to the length of the longest.
func Pad(sequences [][]int32) (ids []int32, length int) {
	for _, s := range sequences {
		length = max(length, len(s))
	}
	ids = make([]int32, len(sequences)*length)
	for i, s := range sequences {
		copy(ids[i*length:], s)
	}
	return ids, length
}
