package text

import (
	"cmp"
	"container/heap"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"unicode/utf8"
)

// ByteBPE splits text into pieces of bytes by byte-pair encoding, as GPT-2 does
// (Radford et al., Language Models are Unsupervised Multitask Learners, 2019,
// §2.2): any text can be written, and comes back byte for byte. It is read from
// a tokenizer.json ([ReadByteBPE]) or from the description in a GGUF file
// ([ByteBPEFromGGUF]). [BPE] is learned from words instead.
type ByteBPE struct {
	// Tokens are the pieces by their ids. A byte that is not printable ASCII
	// stands there as another letter, a blank as Ġ; see Text.
	Tokens []string
	// Special are the ids of tokens that stand for no text, such as
	// "<|endoftext|>", by their names.
	Special map[string]int32

	read   bool
	ids    tokenIDs   // empty unless whole
	merges []merge    // by their pairs
	bytes  [256]int32 // ids of the pieces of one byte; −1 for none
	digits bool       // every digit stands alone
	// whole: a word that is a piece is not split, whatever the merges say
	whole bool
}

// merge says to which piece a pair is joined, and how early.
type merge struct{ left, right, rank, id int32 }

func (m merge) compare(left, right int32) int {
	return cmp.Or(cmp.Compare(m.left, left), cmp.Compare(m.right, right))
}

// tokenIDs finds the ids of tokens: a table of ids with open addressing, a
// fifth of the memory of a map.
type tokenIDs struct {
	tokens []string
	table  []int32 // id + 1; 0 is empty
}

var tokenSeed = maphash.MakeSeed()

func newTokenIDs(tokens []string) tokenIDs {
	size := 4
	for 3*size < 4*len(tokens) {
		size *= 2
	}
	return tokenIDs{tokens, make([]int32, size)}
}

// place is where the id of a token is, or would be.
func (t *tokenIDs) place(token string) *int32 {
	for i := maphash.String(tokenSeed, token); ; i++ {
		at := &t.table[i%uint64(len(t.table))]
		if *at == 0 || t.tokens[*at-1] == token {
			return at
		}
	}
}

func (t *tokenIDs) find(token string) (int32, bool) {
	at := *t.place(token)
	return at - 1, at > 0
}

// byteBPE is what a ByteBPE is made from.
type byteBPE struct {
	tokens        []string
	merges        []string // two pieces with a blank between them
	special       map[string]int32
	digits, whole bool
}

func (c byteBPE) build() (*ByteBPE, error) {
	b := &ByteBPE{read: true, Tokens: c.tokens, Special: c.special, digits: c.digits, whole: c.whole,
		ids: newTokenIDs(c.tokens), merges: make([]merge, len(c.merges))}
	for i, token := range c.tokens {
		at := b.ids.place(token)
		if *at > 0 {
			return nil, fmt.Errorf("text: ByteBPE: tokens %d and %d are both %.100q", *at-1, i, token)
		}
		*at = int32(i + 1)
	}
	for i, id := range c.special {
		if id < 0 || int(id) >= len(c.tokens) || c.tokens[id] != i || i == "" {
			return nil, fmt.Errorf("text: ByteBPE: the special token %.100q has id %d, which is not its place among %d tokens", i, id, len(c.tokens))
		}
	}
	for i, token := range c.tokens {
		if _, special := c.special[token]; special {
			continue
		}
		if token == "" {
			return nil, fmt.Errorf("text: ByteBPE: token %d is empty", i)
		}
		for _, r := range token {
			if _, ok := byteOf(r); !ok {
				return nil, fmt.Errorf("text: ByteBPE: token %d, %.100q, has the letter %q, which stands for no byte: this is no byte-level vocabulary, or the token is special and not listed so", i, token, r)
			}
		}
	}
	for i := range 256 {
		b.bytes[i] = -1
		if id, ok := b.ids.find(string(byteLetters[i])); ok {
			b.bytes[i] = id
		}
	}
	var both []byte
	for i, m := range c.merges {
		first, second, _ := strings.Cut(m, " ")
		left, ok1 := b.ids.find(first)
		right, ok2 := b.ids.find(second)
		both = append(append(both[:0], first...), second...)
		id, ok3 := b.ids.find(string(both))
		if !ok1 || !ok2 || !ok3 {
			return nil, fmt.Errorf("text: ByteBPE: merge %d joins %.100q and %.100q; these and what they make must be tokens", i, first, second)
		}
		b.merges[i] = merge{left, right, int32(i), id}
	}
	slices.SortFunc(b.merges, func(x, y merge) int {
		return cmp.Or(x.compare(y.left, y.right), cmp.Compare(x.rank, y.rank))
	})
	// Of merges of one pair the first counts.
	b.merges = slices.CompactFunc(b.merges, func(x, y merge) bool { return x.compare(y.left, y.right) == 0 })
	if !b.whole {
		b.ids = tokenIDs{}
	}
	return b, nil
}

// byteLetters are the letters that stand for bytes in the vocabulary: the
// printable ones of Latin-1 for themselves, the others from U+0100 on.
var byteLetters = func() (letters [256]rune) {
	next := rune(0x100)
	for b := range letters {
		if b >= '!' && b <= '~' || b >= 0xA1 && b <= 0xAC || b >= 0xAE {
			letters[b] = rune(b)
		} else {
			letters[b] = next
			next++
		}
	}
	return letters
}()

var letterBytes = func() map[rune]byte {
	m := make(map[rune]byte, 256)
	for b, r := range byteLetters {
		m[r] = byte(b)
	}
	return m
}()

func byteOf(r rune) (byte, bool) {
	b, ok := letterBytes[r]
	return b, ok
}

// Encode returns the ids of a text. Text that looks like a special token is
// text, so nobody can write one into a message; EncodeSpecial reads it. An
// error names a byte that the vocabulary has no piece for.
func (b *ByteBPE) Encode(s string) ([]int32, error) {
	if !b.read {
		panic("text: a ByteBPE must be read, with ReadByteBPE or ByteBPEFromGGUF: this one does not know its merges")
	}
	return b.encode(nil, s)
}

// EncodeSpecial is Encode, but the names of special tokens in the text become
// their ids: for what a program writes around a text, such as the frame of a
// chat.
func (b *ByteBPE) EncodeSpecial(s string) ([]int32, error) {
	if !b.read {
		return b.Encode(s)
	}
	var ids []int32
	var err error
	names := make([]string, 0, len(b.Special))
	for name := range b.Special {
		names = append(names, name)
	}
	// The longest first: of several that begin at a place it is meant.
	slices.SortFunc(names, func(x, y string) int { return cmp.Or(len(y)-len(x), strings.Compare(x, y)) })
	begin := 0
	for at := 0; at < len(s); {
		k := slices.IndexFunc(names, func(name string) bool { return strings.HasPrefix(s[at:], name) })
		if k < 0 {
			at++
			continue
		}
		if ids, err = b.encode(ids, s[begin:at]); err != nil {
			return nil, err
		}
		ids = append(ids, b.Special[names[k]])
		at += len(names[k])
		begin = at
	}
	return b.encode(ids, s[begin:])
}

// encode appends the ids of a text without special tokens.
func (b *ByteBPE) encode(ids []int32, s string) ([]int32, error) {
	var err error
	eachPretoken(s, b.digits, func(word string) {
		if err == nil {
			ids, err = b.word(ids, word)
		}
	})
	return ids, err
}

// word appends the pieces of one word.
func (b *ByteBPE) word(ids []int32, word string) ([]int32, error) {
	if b.whole {
		if id, ok := b.ids.find(asLetters(word)); ok {
			return append(ids, id), nil
		}
	}
	w := merging{b: b, parts: make([]part, len(word))}
	for i := range len(word) {
		id := b.bytes[word[i]]
		if id < 0 {
			return nil, fmt.Errorf("text: ByteBPE: the vocabulary has no piece for the byte 0x%02x in %.40q", word[i], word)
		}
		w.parts[i] = part{id: id, before: i - 1, after: i + 1}
	}
	for i := range len(word) - 1 {
		w.offer(i)
	}
	for len(w.heap) > 0 {
		w.join(heap.Pop(&w.heap).(pair))
	}
	for i := 0; i < len(w.parts); i = w.parts[i].after {
		ids = append(ids, w.parts[i].id)
	}
	return ids, nil
}

// part is a piece of a word, in a list of those that are left.
type part struct {
	id            int32 // −1: joined to the one before
	before, after int
}

// pair is two neighbours that can be joined.
type pair struct {
	at int // of the first
	merge
}

// merging is a word on its way from bytes to pieces: the pairs wait in a heap,
// so that a long word costs n·log n.
type merging struct {
	b     *ByteBPE
	parts []part
	heap  mergeHeap
}

// offer puts the pair at a place into the heap, if it can be joined.
func (w *merging) offer(at int) {
	p := w.parts[at]
	if p.after >= len(w.parts) {
		return
	}
	right := w.parts[p.after].id
	i, ok := slices.BinarySearchFunc(w.b.merges, [2]int32{p.id, right},
		func(m merge, pair [2]int32) int { return m.compare(pair[0], pair[1]) })
	if ok {
		heap.Push(&w.heap, pair{at, w.b.merges[i]})
	}
}

// join makes one part of two, unless one of them has changed in the meantime.
func (w *merging) join(p pair) {
	left := &w.parts[p.at]
	if left.id != p.left || left.after >= len(w.parts) || w.parts[left.after].id != p.right {
		return
	}
	right := &w.parts[left.after]
	left.id, left.after, right.id = p.id, right.after, -1
	if left.after < len(w.parts) {
		w.parts[left.after].before = p.at
	}
	w.offer(p.at)
	if left.before >= 0 {
		w.offer(left.before)
	}
}

// mergeHeap has the earliest merge on top, of equals the leftmost.
type mergeHeap []pair

func (h mergeHeap) Len() int { return len(h) }
func (h mergeHeap) Less(i, j int) bool {
	return h[i].rank < h[j].rank || h[i].rank == h[j].rank && h[i].at < h[j].at
}
func (h mergeHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *mergeHeap) Push(x any)   { *h = append(*h, x.(pair)) }
func (h *mergeHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

func asLetters(word string) string {
	var out strings.Builder
	for i := range len(word) {
		out.WriteRune(byteLetters[word[i]])
	}
	return out.String()
}

// Text returns the bytes that a token stands for; a special one has none. They
// need not be whole letters: an emoji may take several tokens. An id that is
// not in the vocabulary panics.
func (b *ByteBPE) Text(id int32) string {
	if id < 0 || int(id) >= len(b.Tokens) {
		panic(fmt.Sprintf("text: ByteBPE: id %d is not in a vocabulary of %d tokens", id, len(b.Tokens)))
	}
	token := b.Tokens[id]
	if special, ok := b.Special[token]; ok && special == id {
		return ""
	}
	var out strings.Builder
	for _, r := range token {
		c, _ := byteOf(r)
		out.WriteByte(c)
	}
	return out.String()
}

// Decode returns the text of ids, without special tokens: what Encode was
// given. Ids that a model has chosen may leave a letter incomplete; it is there
// as the bytes that it is. For output as it comes, see [Whole].
func (b *ByteBPE) Decode(ids []int32) string {
	var out strings.Builder
	for _, id := range ids {
		out.WriteString(b.Text(id))
	}
	return out.String()
}

// Whole divides a text that is still being written after its last complete
// letter: print the first part, keep the rest for what comes next.
func Whole(s string) (whole, rest string) {
	for n := 1; n < utf8.UTFMax && n <= len(s); n++ {
		if c := s[len(s)-n]; utf8.RuneStart(c) {
			if c >= utf8.RuneSelf && !utf8.FullRuneInString(s[len(s)-n:]) {
				return s[:len(s)-n], s[len(s)-n:]
			}
			break
		}
	}
	return s, ""
}
