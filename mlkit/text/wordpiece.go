package text

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// WordPiece splits text as BERT does (Devlin et al., BERT, 2019; Wu et al.,
// Google's Neural Machine Translation System, 2016, §4.1): into words and
// punctuation, and each word from the left into the longest pieces that the
// vocabulary has. A piece that goes on with a word begins with "##". The ids
// are those of Hugging Face's BertTokenizer.
type WordPiece struct {
	// Tokens are the pieces by their ids.
	Tokens []string
	// Cased keeps capital letters and accents, as the models called "cased" do.
	Cased bool

	ids                 map[string]int32
	unknown, start, end int32
	longest             int // piece, in bytes
	specials            map[int32]bool
}

// continues begins a piece that goes on with a word.
const continues = "##"

// longestWord is how many letters a word may have; a longer one is unknown.
const longestWord = 100

// bertSpecial are the tokens that stand for no text.
var bertSpecial = []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}

// NewWordPiece returns a tokenizer with the pieces of a vocabulary by their
// ids. A piece that is there twice, is empty or not UTF-8, or a vocabulary
// without "[UNK]", "[CLS]" or "[SEP]" is an error.
func NewWordPiece(tokens []string) (*WordPiece, error) {
	w := &WordPiece{Tokens: tokens, ids: make(map[string]int32, len(tokens)), specials: map[int32]bool{}}
	for i, token := range tokens {
		if token == "" || !utf8.ValidString(token) {
			return nil, fmt.Errorf("text: WordPiece: token %d is %.100q: it must be UTF-8 and not empty", i, token)
		}
		if first, twice := w.ids[token]; twice {
			return nil, fmt.Errorf("text: WordPiece: tokens %d and %d are both %.100q", first, i, token)
		}
		w.ids[token] = int32(i)
		w.longest = max(w.longest, len(token))
	}
	for _, s := range bertSpecial {
		if id, ok := w.ids[s]; ok {
			w.specials[id] = true
		}
	}
	for token, id := range map[string]*int32{"[UNK]": &w.unknown, "[CLS]": &w.start, "[SEP]": &w.end} {
		var ok bool
		if *id, ok = w.ids[token]; !ok {
			return nil, fmt.Errorf("text: WordPiece: the vocabulary of %d tokens has no %s", len(tokens), token)
		}
	}
	return w, nil
}

// ReadWordPiece reads a vocabulary from a vocab.txt, one piece a line.
func ReadWordPiece(r io.Reader) (*WordPiece, error) {
	var tokens []string
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		tokens = append(tokens, strings.TrimRightFunc(lines.Text(), unicode.IsSpace))
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("line %d is longer than %d bytes: this is no vocab.txt", len(tokens)+1, bufio.MaxScanTokenSize)
		}
		return nil, fmt.Errorf("text: WordPiece: %w", err)
	}
	return NewWordPiece(tokens)
}

// Encode returns the ids of a text between those of "[CLS]" and "[SEP]". Text
// that looks like a special token is text, so nobody can write one into a
// sentence. A word that cannot be split is "[UNK]"; see Unknown.
func (w *WordPiece) Encode(s string) []int32 {
	ids := []int32{w.start}
	w.pieces(s, func(_ string, piece int32) { ids = append(ids, piece) })
	return append(ids, w.end)
}

// Split returns the pieces of a text, without "[CLS]" and "[SEP]".
func (w *WordPiece) Split(s string) []string {
	var out []string
	w.pieces(s, func(_ string, piece int32) { out = append(out, w.Tokens[piece]) })
	return out
}

// Unknown returns the words of a text that Encode turns into "[UNK]", as they
// are after normalisation.
func (w *WordPiece) Unknown(s string) []string {
	var out []string
	w.pieces(s, func(word string, piece int32) {
		if piece == w.unknown {
			out = append(out, word)
		}
	})
	return out
}

// Decode joins the pieces of ids into words, with a blank between words and
// before punctuation, and leaves special tokens out. It is no inverse: capital
// letters, accents and white space are lost. An id that is not in the
// vocabulary panics.
func (w *WordPiece) Decode(ids []int32) string {
	var out strings.Builder
	for _, id := range ids {
		if id < 0 || int(id) >= len(w.Tokens) {
			panic(fmt.Sprintf("text: WordPiece.Decode: id %d is not in a vocabulary of %d tokens", id, len(w.Tokens)))
		}
		if w.specials[id] {
			continue
		}
		piece, inside := strings.CutPrefix(w.Tokens[id], continues)
		if !inside && out.Len() > 0 {
			out.WriteByte(' ')
		}
		out.WriteString(piece)
	}
	return out.String()
}

// pieces calls f with every piece of a text and the word it belongs to.
func (w *WordPiece) pieces(s string, f func(word string, piece int32)) {
	if w.ids == nil {
		panic("text: a WordPiece must come from NewWordPiece or ReadWordPiece: this one does not know its tokens")
	}
	var found []int32
	for _, word := range bertWords(s, w.Cased) {
		found = found[:0]
		if utf8.RuneCountInString(word) > longestWord {
			f(word, w.unknown)
			continue
		}
		for from := 0; from < len(word); {
			piece, n := w.match(word, from)
			if n == 0 {
				found = append(found[:0], w.unknown)
				break
			}
			found = append(found, piece)
			from += n
		}
		for _, piece := range found {
			f(word, piece)
		}
	}
}

// match finds the longest piece with which word goes on at a byte, and its
// length there; 0 for none.
func (w *WordPiece) match(word string, from int) (piece int32, n int) {
	rest := word[from:]
	var room [2 * longestWord]byte
	for n := min(len(rest), w.longest); n > 0; n-- {
		if n < len(rest) && !utf8.RuneStart(rest[n]) {
			continue
		}
		key := rest[:n]
		var id int32
		var ok bool
		if from == 0 {
			id, ok = w.ids[key]
		} else {
			id, ok = w.ids[string(append(append(room[:0], continues...), key...))]
		}
		if ok {
			return id, n
		}
	}
	return 0, 0
}

// bertWords cleans a text as BERT does and splits it into words and signs of
// punctuation.
func bertWords(s string, cased bool) []string {
	var clean strings.Builder
	for _, r := range s { // a byte that is not UTF-8 comes as U+FFFD and goes
		switch {
		case r == utf8.RuneError || isControl(r):
		case unicode.IsSpace(r):
			clean.WriteByte(' ')
		case isIdeograph(r):
			clean.WriteByte(' ')
			clean.WriteRune(r)
			clean.WriteByte(' ')
		default:
			clean.WriteRune(r)
		}
	}
	text := clean.String()
	if !cased {
		text = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return unicode.ToLower(r)
		}, norm.NFD.String(text))
	}
	var words []string
	begin := -1
	flush := func(end int) {
		if begin >= 0 {
			words = append(words, text[begin:end])
		}
		begin = -1
	}
	for i, r := range text {
		switch {
		case unicode.IsSpace(r):
			flush(i)
		case isSign(r):
			flush(i)
			words = append(words, text[i:i+utf8.RuneLen(r)])
		case begin < 0:
			begin = i
		}
	}
	flush(len(text))
	return words
}

// isControl is Unicode's category C without what is not assigned, and without
// what counts as white space.
func isControl(r rune) bool {
	return r != '\t' && r != '\n' && r != '\r' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co)
}

// isSign is punctuation: Unicode's, and all of ASCII that is neither letter nor
// digit.
func isSign(r rune) bool {
	if r < utf8.RuneSelf {
		return r > ' ' && r < 0x7f && !('0' <= r && r <= '9' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z')
	}
	return unicode.IsPunct(r)
}

// ideographs are the blocks of Chinese characters that stand alone in BERT's
// vocabulary: CJK Unified Ideographs, extensions A to E, compatibility.
var ideographs = [][2]rune{{0x4E00, 0x9FFF}, {0x3400, 0x4DBF}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
	{0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0xF900, 0xFAFF}, {0x2F800, 0x2FA1F}}

func isIdeograph(r rune) bool {
	for _, block := range ideographs {
		if block[0] <= r && r <= block[1] {
			return true
		}
	}
	return false
}
