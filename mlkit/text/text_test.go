package text

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWords(t *testing.T) {
	for s, want := range map[string][]string{
		"":                        nil,
		" \t\n":                   nil,
		"It's a well-made Film.":  {"it's", "a", "well-made", "film", "."},
		"''Conan'' - no":          {"'", "'", "conan", "'", "'", "-", "no"},
		"l’été, 3.5 %":            {"l’été", ",", "3", ".", "5", "%"},
		"中文":                      {"中文"},
		"e\u0301t\u00e9":          {"e\u0301t\u00e9"},
		"a-":                      {"a", "-"},
		"not\u00a0broken {0} <b>": {"not", "broken", "{", "0", "}", "<", "b", ">"},
	} {
		if got := Words(s); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
	if got := CasedWords("Ab C"); !slices.Equal(got, []string{"Ab", "C"}) {
		t.Error(got)
	}
}

// The answers are those of sacreBLEU 2.6.0:
//
//	from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
//	print(Tokenizer13a()(s).split())
func TestWords13a(t *testing.T) {
	for s, want := range map[string][]string{
		"It's 3.5, isn't it? (yes/no) - 10-20% of \"it\".": {"It's", "3.5", ",", "isn't", "it", "?", "(", "yes", "/", "no", ")", "-", "10", "-", "20", "%", "of", "\"", "it", "\"", "."},
		"a&amp;b &lt;tag&gt; x@y.z, 1,000.5":               {"a", "&", "b", "<", "tag", ">", "x", "@", "y", ".", "z", ",", "1,000.5"},
		"Cliquez ici… «oui» l’élément n°5.":                {"Cliquez", "ici…", "«oui»", "l’élément", "n°5", "."},
		"no.,end ... 5. .5 {x}[y]`~^_":                     {"no", ".", ",", "end", ".", ".", ".", "5", ".", ".", "5", "{", "x", "}", "[", "y", "]", "`", "~", "^", "_"},
		"tab\tnew-\nline\nx":                               {"tab", "newline", "x"},
		"été,1 a,b &amp;lt;":                               {"été", ",", "1", "a", ",", "b", "<"},
	} {
		if got := Words13a(s); !slices.Equal(got, want) {
			t.Errorf("%q:\n%q, want\n%q", s, got, want)
		}
	}
}

func TestVocabulary(t *testing.T) {
	v := NewVocabulary([][]string{{"b", "a", "b"}, {"c", "a", "</s>", "d"}}, 7, 1)
	if want := []string{"<pad>", "<unk>", "<s>", "</s>", "a", "b", "c"}; !slices.Equal(v.Tokens, want) {
		t.Fatal(v.Tokens)
	}
	if v := NewVocabulary([][]string{{"b", "a", "b"}}, 0, 2); !slices.Equal(v.Tokens[4:], []string{"b"}) {
		t.Fatal(v.Tokens)
	}
	ids := v.Encode([]string{"c", "d", "</s>", "a"})
	if !slices.Equal(ids, []int32{6, Unknown, Unknown, 4}) {
		t.Error(ids)
	}
	if got := v.Decode([]int32{Start, 4, Padding, 99, -1, 5, End, 6}); !slices.Equal(got, []string{"a", "<unk>", "<unk>", "b"}) {
		t.Error(got)
	}
	flat, n := Pad([][]int32{{5}, {}, {6, 7}})
	if n != 2 || !slices.Equal(flat, []int32{5, 0, 0, 0, 6, 7}) {
		t.Error(flat, n)
	}
}

// The words and counts are those of Sennrich et al. 2016, algorithm 1, whose
// program prints the same first merges (it marks the end of a word as a symbol
// of its own; here the last letter carries it).
func TestBPE(t *testing.T) {
	var words []string
	for w, n := range map[string]int{"low": 5, "lower": 2, "newest": 6, "widest": 3} {
		words = append(words, slices.Repeat([]string{w}, n)...)
	}
	b := TrainBPE(words, 6)
	want := [][2]string{{"e", "s"}, {"es", "t</w>"}, {"l", "o"}, {"e", "w"}, {"ew", "est</w>"}, {"n", "ewest</w>"}}
	if !reflect.DeepEqual(b.Merges, want) {
		t.Fatal(b.Merges)
	}
	for word, parts := range map[string]string{"newest": "newest</w>", "lowest": "lo w est</w>", "x": "x</w>", "": "", "été": "é t é</w>"} {
		if got := strings.Join(b.Split(word), " "); got != parts {
			t.Errorf("%s: %s, want %s", word, got, parts)
		}
	}
	if n := len(TrainBPE([]string{"ab", "cd"}, 10).Merges); n != 0 {
		t.Errorf("%d merges of pairs that occur once", n)
	}
	if got := Join(b.SplitAll([]string{"lowest", "new", "é"})); !slices.Equal(got, []string{"lowest", "new", "é"}) {
		t.Error(got)
	}
	if got := Join([]string{"a", "b</w>", "c"}); !slices.Equal(got, []string{"ab", "c"}) {
		t.Error(got)
	}
	if again := NewBPE(append(want, want[0])); !slices.Equal(again.Split("newest"), b.Split("newest")) {
		t.Error("a pair that comes twice changes its place")
	}
}

// trainBPESlowly counts all pairs anew for every merge: the definition, against
// which the incremental counts are held.
func trainBPESlowly(words []string, merges int) (learned [][2]string) {
	parts := make([][]string, len(words))
	for i, w := range words {
		parts[i] = letters(w)
	}
	for len(learned) < merges {
		pairs := map[[2]string]int{}
		for _, p := range parts {
			for k := 1; k < len(p); k++ {
				pairs[[2]string{p[k-1], p[k]}]++
			}
		}
		best, most := [2]string{}, 1
		for p, n := range pairs {
			if n > most || n == most && n > 1 && (p[0] < best[0] || p[0] == best[0] && p[1] < best[1]) {
				best, most = p, n
			}
		}
		if most < 2 {
			return learned
		}
		learned = append(learned, best)
		for i := range parts {
			parts[i] = join(parts[i], best)
		}
	}
	return learned
}

// Words of few letters: many pairs are equally frequent, overlap (aaa), or
// become rarer and more frequent again.
func TestBPECounts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for trial := range 40 {
		words := make([]string, 60)
		for i := range words {
			w := make([]byte, 1+rng.IntN(9))
			for k := range w {
				w[k] = 'a' + byte(rng.IntN(2+trial%3))
			}
			words[i] = string(w)
		}
		if got, want := TrainBPE(words, 200).Merges, trainBPESlowly(words, 200); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q:\n%q, want\n%q", words, got, want)
		}
	}
}

// A vocabulary of the size of Multi30k's English and German words.
func BenchmarkTrainBPE(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	syllables := make([]string, 300)
	for i := range syllables {
		for range 2 + rng.IntN(2) {
			syllables[i] += string(rune('a' + rng.IntN(26)))
		}
	}
	var words []string
	for range 25_000 {
		w := ""
		for range 1 + rng.IntN(4) {
			w += syllables[int(300*math.Pow(rng.Float64(), 2))]
		}
		words = append(words, slices.Repeat([]string{w}, 1+int(1/(0.01+rng.Float64())))...)
	}
	for b.Loop() {
		TrainBPE(words, 4000)
	}
}

// Whatever is written, nothing but blanks is lost.
func FuzzWords(f *testing.F) {
	f.Add("It's a 'film' — l’été 3.5")
	f.Add("\xff a\u0301-b")
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			Words(s)
			return
		}
		words := CasedWords(s)
		if got, want := strings.Join(words, ""), strings.Join(strings.Fields(s), ""); got != want {
			t.Errorf("%q became %q", want, got)
		}
		Words13a(s)
		b := TrainBPE(words, 20)
		for _, w := range words {
			if got := strings.TrimSuffix(strings.Join(b.Split(w), ""), WordEnd); got != w {
				t.Errorf("%q became %q", w, got)
			}
		}
	})
}
