package text

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"descent/mlkit/internal/strictjson"
)

// The ids of the special tokens, which come first in every vocabulary.
const (
	Padding int32 = iota // fills a batch after the end of a sequence
	Unknown              // a token that is not in the vocabulary
	Start                // precedes the first token of an output sequence
	End                  // follows its last token
)

var special = []string{"<pad>", "<unk>", "<s>", "</s>"}

// Vocabulary numbers tokens. It is saved and loaded as JSON,
// {"tokens": ["<pad>", "<unk>", "<s>", "</s>", …]}.
type Vocabulary struct {
	// Tokens are the tokens by their ids; the first four are Padding, Unknown,
	// Start and End.
	Tokens []string
	ids    map[string]int32
}

// NewVocabulary returns a vocabulary of the tokens that occur at least atLeast
// times in the sequences, the most frequent first (ties in alphabetical order),
// with at most size entries including the four special ones; size 0 means no
// limit. Pass the training split only.
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

// vocabularyJSON is the form in which a Vocabulary is saved.
type vocabularyJSON struct {
	Tokens []string `json:"tokens"`
}

// MarshalJSON writes the tokens by their ids. A token that is not UTF-8, or a
// Vocabulary that is not one (its Tokens have been changed), is an error.
func (v Vocabulary) MarshalJSON() ([]byte, error) {
	j := vocabularyJSON{v.Tokens}
	whole, err := j.vocabulary()
	if err != nil {
		return nil, err
	}
	if !maps.Equal(whole.ids, v.ids) {
		return nil, errors.New("text: the Tokens of a vocabulary have been changed since it was made")
	}
	b, err := strictjson.Marshal(j)
	if err != nil {
		return nil, fmt.Errorf("text: vocabulary: %w", err)
	}
	return b, nil
}

// UnmarshalJSON reads what MarshalJSON wrote; v is unchanged after an error.
func (v *Vocabulary) UnmarshalJSON(b []byte) error {
	var j vocabularyJSON
	if err := strictjson.Unmarshal(b, &j); err != nil {
		return fmt.Errorf("text: vocabulary: %w", err)
	}
	read, err := j.vocabulary()
	if err != nil {
		return err
	}
	*v = *read
	return nil
}

func (j vocabularyJSON) vocabulary() (*Vocabulary, error) {
	if len(j.Tokens) < len(special) || !slices.Equal(j.Tokens[:len(special)], special) {
		return nil, fmt.Errorf("text: a vocabulary begins with %q, this one with %.100q", special, j.Tokens[:min(len(j.Tokens), len(special))])
	}
	v := &Vocabulary{Tokens: j.Tokens, ids: make(map[string]int32, len(j.Tokens))}
	for i, token := range j.Tokens {
		if _, twice := v.ids[token]; twice || i >= len(special) && slices.Contains(special, token) {
			return nil, fmt.Errorf("text: token %q is twice in a vocabulary", token)
		}
		if i >= len(special) {
			v.ids[token] = int32(i)
		}
	}
	return v, nil
}

// Len returns the number of tokens, special ones included.
func (v *Vocabulary) Len() int { return len(v.Tokens) }

// ID returns the id of a token, Unknown if it has none. A special token found
// in a text is unknown too, so nobody can write the end token into a sentence.
// It panics on a zero Vocabulary, one that comes neither from NewVocabulary nor
// from JSON: every token would be unknown.
func (v *Vocabulary) ID(token string) int32 {
	if v.ids == nil {
		panic("text: a Vocabulary must come from NewVocabulary, or be loaded: this one does not know its tokens")
	}
	if id, ok := v.ids[token]; ok {
		return id
	}
	return Unknown
}

// Encode returns the ids of tokens.
func (v *Vocabulary) Encode(tokens []string) []int32 {
	ids := make([]int32, len(tokens))
	for i, token := range tokens {
		ids[i] = v.ID(token)
	}
	return ids
}

// Decode returns the tokens of ids, leaving out padding, the start token, and
// everything from the end token on. An id that is not in the vocabulary becomes
// "<unk>".
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

// Pad arranges sequences of ids as the rows of a batch, [len(sequences),
// length], and pads each to the length of the longest with Padding.
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
