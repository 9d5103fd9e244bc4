package text

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// goldens are the answers of Hugging Face's tokenizers: see goldens.py.
type goldens struct {
	Texts, Decoded                  []string
	WordPiece, Cased, ByteBPE, GPT2 [][]int32
	Special                         map[string][]int32
}

func readGoldens(t testing.TB) (g goldens) {
	f, err := os.Open("testdata/tokenizers.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err == nil {
		err = json.NewDecoder(z).Decode(&g)
	}
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func open[T any](t testing.TB, path string, read func(*bytes.Reader) (T, error)) T {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	v, err := read(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func wordPiece(t testing.TB) *WordPiece {
	return open(t, "testdata/wordpiece.vocab.txt", func(r *bytes.Reader) (*WordPiece, error) { return ReadWordPiece(r) })
}

func byteBPEOf(t testing.TB, name string) *ByteBPE {
	return open(t, "testdata/"+name+".tokenizer.json", func(r *bytes.Reader) (*ByteBPE, error) { return ReadByteBPE(r) })
}

func TestWordPieceIsBERTs(t *testing.T) {
	g, w := readGoldens(t), wordPiece(t)
	cased := wordPiece(t)
	cased.Cased = true
	for i, s := range g.Texts {
		if got := w.Encode(s); !slices.Equal(got, g.WordPiece[i]) {
			t.Errorf("%q: %v, want %v: %q", s, got, g.WordPiece[i], w.Split(s))
		}
		if got := cased.Encode(s); !slices.Equal(got, g.Cased[i]) {
			t.Errorf("%q, cased: %v, want %v: %q", s, got, g.Cased[i], cased.Split(s))
		}
		if got := w.Decode(g.WordPiece[i]); got != g.Decoded[i] {
			t.Errorf("%v: %q, want %q", g.WordPiece[i], got, g.Decoded[i])
		}
		if unknown, want := w.Unknown(s), count(g.WordPiece[i], 1); len(unknown) != want {
			t.Errorf("%q: %d unknown words, want %d: %q", s, len(unknown), want, unknown)
		}
	}
	if got := w.Unknown("A group of \u1200 men, " + strings.Repeat("É", 101)); !slices.Equal(got, []string{"\u1200", strings.Repeat("e", 101)}) {
		t.Errorf("unknown: %q", got)
	}
}

func count(ids []int32, id int32) (n int) {
	for _, i := range ids {
		if i == id {
			n++
		}
	}
	return n
}

func TestByteBPEIsHuggingFaces(t *testing.T) {
	g := readGoldens(t)
	for name, want := range map[string][][]int32{"bytebpe": g.ByteBPE, "gpt2": g.GPT2} {
		b := byteBPEOf(t, name)
		for i, s := range g.Texts {
			got, err := b.Encode(s)
			if err != nil || !slices.Equal(got, want[i]) {
				t.Errorf("%s: %q: %v %v, want %v", name, s, got, err, want[i])
			}
			if back := b.Decode(got); back != s {
				t.Errorf("%s: %q came back as %q", name, s, back)
			}
		}
	}
	b := byteBPEOf(t, "bytebpe")
	for i, want := range g.Special {
		k, _ := strconv.Atoi(i)
		if got, err := b.EncodeSpecial(g.Texts[k]); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v %v, want %v", g.Texts[k], got, err, want)
		}
	}
	if len(g.Special) < 100 {
		t.Errorf("%d texts with special tokens", len(g.Special))
	}
}

// A tokenizer from GGUF's values is the one from tokenizer.json.
func TestByteBPEFromGGUF(t *testing.T) {
	b, values := byteBPEOf(t, "bytebpe"), ggufValues(t)
	g, err := ByteBPEFromGGUF(values)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(b, g) {
		t.Error("they differ")
	}
	for key, bad := range map[string]any{"model": "llama", "pre": "llama-bpe", "tokens": nil, "token_type": []int32{1}, "merges": []string{"ab"}, "add_space_prefix": true, "add_bos_token": true} {
		v := ggufValues(t)
		v["tokenizer.ggml."+key] = bad
		if _, err := ByteBPEFromGGUF(v); err == nil {
			t.Errorf("%s = %v is no error", key, bad)
		} else {
			t.Log(err)
		}
	}
}

func ggufValues(t testing.TB) map[string]any {
	b := byteBPEOf(t, "bytebpe")
	types, merges := make([]int32, len(b.Tokens)), make([]string, len(b.merges))
	for i := range types {
		types[i] = ggufNormal
	}
	for _, id := range b.Special {
		types[id] = ggufControl
	}
	for _, m := range b.merges {
		merges[m.rank] = b.Tokens[m.left] + " " + b.Tokens[m.right]
	}
	return map[string]any{"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm", "tokenizer.ggml.tokens": slices.Clone(b.Tokens), "tokenizer.ggml.token_type": types, "tokenizer.ggml.merges": merges}
}

func TestTokenizersRefuse(t *testing.T) {
	for vocab, why := range map[string]string{
		"[UNK]\n[CLS]\n[SEP]\na\na\n": "tokens 3 and 4 are both",
		"[UNK]\n[CLS]\na\n":           "no [SEP]",
		"[UNK]\n\n[CLS]\n[SEP]\n":     "not empty",
		"[UNK]\n[CLS]\n[SEP]\n\xff\n": "UTF-8",
		strings.Repeat("a", 70_000):   "no vocab.txt",
	} {
		if _, err := ReadWordPiece(strings.NewReader(vocab)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.40q: %v, want %q in it", vocab, err, why)
		}
	}
	const good = `{"normalizer":null,"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false},"added_tokens":[{"id":3,"content":"<s>","special":true}],"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}}`
	b, err := ReadByteBPE(strings.NewReader(good))
	if err != nil {
		t.Fatal(err)
	}
	if ids, err := b.Encode("abba"); err != nil || !slices.Equal(ids, []int32{2, 1, 0}) {
		t.Error(ids, err)
	}
	if _, err := b.Encode("c"); err == nil || !strings.Contains(err.Error(), "0x63") {
		t.Error(err)
	}
	if _, err := ReadByteBPE(strings.NewReader(strings.Replace(good, `"type":"BPE",`, "", 1))); err != nil {
		t.Error("a model without a type, as in GPT-2's own file:", err)
	}
	for _, c := range [][3]string{
		{`"BPE"`, `"Unigram"`, "Unigram"},
		{`"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]`, `"vocab":{"a":0}`, `the model is ""`},
		{`{"a":0,"b":1,"ab":2}`, `[["<unk>",0],["a",-1]]`, "vocab"},
		{`"BPE","vocab":{"a":0,"b":1,"ab":2}`, `"Unigram","vocab":[["<unk>",0],["a",-1]]`, `the model is "Unigram"`},
		{`"merges":["a b"]`, `"merges":null`, "no merges"},
		{`,"merges":["a b"]`, ``, "no merges"},
		{`"BPE"`, `"BPE","dropout":0.1`, "dropout 0.1"},
		{`{"normalizer"`, `{"truncation":{"max_length":8},"normalizer"`, `truncation ({"max_length":8})`},
		{`{"normalizer"`, `{"padding":{"pad_id":0},"normalizer"`, "padding"},
		{`"a b"]}}`, `"a b"]}}{}`, "after top-level value"},
		{`null`, `{"type":"NFC"}`, "NFC"},
		{`"ByteLevel"`, `"Whitespace"`, "Whitespace"},
		{`"add_prefix_space":false`, `"add_prefix_space":true`, "add_prefix_space"},
		{`"special":true`, `"special":false`, "only special"},
		{`"special":true`, `"special":true,"lstrip":true`, "lstrip"},
		{`"id":3`, `"id":4`, "id 4"},
		{`"ab":2`, `"ab":1`, "id 1"},
		{`"ab":2`, `"é ":2`, "stands for no byte"},
		{`"a b"`, `"a c"`, "must be tokens"},
		{`"a b"`, `"ab"`, "two pieces"},
		{`"merges":`, `"byte_fallback":true,"merges":`, "byte_fallback"},
		{`{"normalizer"`, `{"post_processor":{"type":"TemplateProcessing"},"normalizer"`, "TemplateProcessing"},
	} {
		if _, err := ReadByteBPE(strings.NewReader(strings.Replace(good, c[0], c[1], 1))); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: %v, want %q in it", c[1], err, c[2])
		}
	}
}

// What arrives in pieces is printed letter by letter.
func TestWhole(t *testing.T) {
	for s, want := range map[string]int{"": 0, "a": 1, "aé": 3, "a\xc3": 1, "\xf0\x9f\x98": 0, "😀": 4, "a\xff": 2, "a\x80": 2, "\xf0\x9f\x98a": 4} {
		if whole, rest := Whole(s); len(whole) != want || whole+rest != s {
			t.Errorf("%q: %q and %q", s, whole, rest)
		}
	}
}

// Any bytes come back, and a long word costs no more than its length allows.
func FuzzByteBPE(f *testing.F) {
	for _, s := range []string{"It's 3.5\u00a0 \n\n a", "\xff\xfe é", "<|im_end|><|im|>", strings.Repeat("a", 5000)} {
		f.Add(s)
	}
	digits, plain := byteBPEOf(f, "bytebpe"), byteBPEOf(f, "gpt2")
	f.Fuzz(func(t *testing.T, s string) {
		for _, b := range []*ByteBPE{digits, plain} {
			ids, err := b.Encode(s)
			if err != nil || b.Decode(ids) != s {
				t.Errorf("%q came back as %q (%v)", s, b.Decode(ids), err)
			}
			for _, id := range ids {
				if _, special := b.Special[b.Tokens[id]]; special {
					t.Errorf("%q: the special token %d", s, id)
				}
			}
			if _, err := b.EncodeSpecial(s); err != nil {
				t.Error(err)
			}
		}
	})
}

// Pieces are in the vocabulary, none is special but [UNK], and what is decoded
// and encoded again stays what it was.
func FuzzWordPiece(f *testing.F) {
	for _, s := range []string{"It's a naïve 'film' — 漢字!", "\xff\u0301 [CLS] ##ing", strings.Repeat("é", 300)} {
		f.Add(s)
	}
	w := wordPiece(f)
	f.Fuzz(func(t *testing.T, s string) {
		ids := w.Encode(s)
		if unknown := len(w.Unknown(s)); unknown == 0 {
			if again := w.Encode(w.Decode(ids)); utf8.ValidString(s) && !slices.Equal(again, ids) {
				t.Errorf("%q: %v, decoded and encoded again %v", s, ids, again)
			}
		}
		for _, id := range ids[1 : len(ids)-1] {
			if id != w.unknown && w.specials[id] {
				t.Errorf("%q: the special token %d", s, id)
			}
		}
	})
}

func BenchmarkTokenizers(b *testing.B) {
	g := readGoldens(b)
	all := strings.Join(g.Texts, " ")
	w, bpe := wordPiece(b), byteBPEOf(b, "bytebpe")
	b.Run("WordPiece", func(b *testing.B) {
		b.SetBytes(int64(len(all)))
		for b.Loop() {
			w.Encode(all)
		}
	})
	b.Run("ByteBPE", func(b *testing.B) {
		b.SetBytes(int64(len(all)))
		for b.Loop() {
			if _, err := bpe.Encode(all); err != nil {
				b.Fatal(err)
			}
		}
	})
}
