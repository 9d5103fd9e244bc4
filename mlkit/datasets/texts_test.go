package datasets_test

import (
	"cmp"
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"descent/mlkit/datasets"
)

func TestMovieReviews(t *testing.T) {
	if testing.Short() {
		t.Skip("may download")
	}
	s, err := datasets.MovieReviews()
	if err != nil {
		t.Skip(err)
	}
	var below, zero, above int
	for _, x := range s {
		switch {
		case x.Rating < 0:
			below++
		case x.Rating > 0:
			above++
		default:
			zero++
		}
	}
	if below != 5326 || zero != 37 || above != 5242 {
		t.Errorf("%d below 0, %d at 0, %d above", below, zero, above)
	}
	if s[2] != (datasets.Snippet{Text: "Effective but too tepid biopic", Rating: -0.6}) {
		t.Errorf("%+v", s[2])
	}
}

func TestPronunciations(t *testing.T) {
	if testing.Short() {
		t.Skip("may download")
	}
	words, err := datasets.Pronunciations()
	if err != nil {
		t.Skip(err)
	}
	ways := 0
	for _, w := range words {
		ways += len(w.Ways)
		if w.Word == "tomato" && !reflect.DeepEqual(w.Ways, [][]string{{"T", "AH0", "M", "EY1", "T", "OW2"}, {"T", "AH0", "M", "AA1", "T", "OW2"}}) {
			t.Error(w)
		}
	}
	if len(words) != 126052 || ways != 135166 {
		t.Errorf("%d words, %d ways to say them", len(words), ways)
	}
}

func TestTranslations(t *testing.T) {
	if testing.Short() {
		t.Skip("may download")
	}
	for language, n := range map[string]int{"fr": 2700, "zh_Hans": 2144} {
		ts, err := datasets.Translations(language)
		if err != nil {
			t.Skip(err)
		}
		seen := map[string]bool{}
		for _, x := range ts {
			if seen[x.Source] || x.Source == "" || x.Target == "" {
				t.Fatalf("%+v", x)
			}
			seen[x.Source] = true
		}
		if len(ts) != n || !seen["Enter a valid URL."] {
			t.Errorf("%s: %d pairs, want %d", language, len(ts), n)
		}
	}
	for _, language := range []string{"xx", "../fr", ""} {
		if _, err := datasets.Translations(language); err == nil || !strings.Contains(err.Error(), "name of a locale folder") {
			t.Errorf("%q: %v", language, err)
		}
	}
}

func TestMulti30k(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // what is at hand, no download
	for language, want := range map[string]datasets.Translation{
		"de": {Source: "Two young, White males are outside near many bushes.", Target: "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche."},
		"fr": {Source: "Two young, White males are outside near many bushes.", Target: "Deux jeunes hommes blancs sont dehors près de buissons."},
	} {
		train, val, test, err := datasets.Multi30k(ctx, language)
		if err != nil {
			t.Skip(err)
		}
		if len(train) != 29000 || len(val) != 1014 || len(test) != 1000 || train[0] != want {
			t.Errorf("%s: %d, %d and %d pairs, the first %+v", language, len(train), len(val), len(test), train[0])
		}
	}
}

func TestShakespeare(t *testing.T) {
	ctx := datasets.AtHand(context.Background())
	if text, err := datasets.Shakespeare(ctx); err != nil {
		t.Log(err)
	} else if len(text) != 1115394 || !strings.HasPrefix(text, "First Citizen:\nBefore we proceed") {
		t.Errorf("%d characters, %.40q …", len(text), text)
	}
	t.Setenv("MLKIT_DATA", t.TempDir())
	if _, err := datasets.Shakespeare(ctx); !errors.Is(err, datasets.ErrMissing) || !strings.Contains(err.Error(), "tinyshakespeare.txt") {
		t.Error(err)
	}
}

func TestMulti30kRefuses(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, _, err := datasets.Multi30k(ctx, "cs"); err == nil || !strings.Contains(err.Error(), "only de and fr") {
		t.Error(err)
	}
	t.Setenv("MLKIT_DATA", t.TempDir())
	if _, _, _, err := datasets.Multi30k(ctx, "de"); err == nil || !strings.Contains(err.Error(), "multi30k/train.en.gz is not in") {
		t.Error(err)
	}
	if _, err := datasets.Aligned([]string{"a"}, nil); err == nil {
		t.Error("a line without its translation")
	}
	lines, err := datasets.ReadGzippedLines(strings.NewReader(zipped(" A dog.\r\nA cat.\n")))
	if err != nil || !reflect.DeepEqual(lines, []string{"A dog.", "A cat."}) {
		t.Error(lines, err)
	}
	for text, want := range map[string]string{
		"this is no gzip archive":    "invalid header",
		zipped(""):                   "no lines",
		zipped("a\n\nb\n"):           "line 2 is empty",
		zipped("a\n\xff\n"):          "line 2 is empty or not UTF-8",
		zipped("a\nb\n")[:20]:        "unexpected EOF",
		zipped(bomb("")):             "line 1: bufio.Scanner: token too long",
		zipped(bomb("abcdefghij\n")): "more than is allowed",
	} {
		if _, err := datasets.ReadGzippedLines(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

// bomb is 17 MB of a line.
func bomb(line string) string {
	return strings.Repeat(cmp.Or(line, "a"), 17<<20/len(cmp.Or(line, "a")))
}

func TestReadSnippets(t *testing.T) {
	s, err := datasets.ReadSnippets(strings.NewReader("1\t-0.5\tIt \"drags\r\n2\t3\t''x''\n"))
	if err != nil || !reflect.DeepEqual(s, []datasets.Snippet{{`It "drags`, -.5}, {"''x''", 3}}) {
		t.Error(s, err)
	}
	for text, want := range map[string]string{
		"":                                    "no lines",
		"1\t2\n":                              "line 1 has 2 fields",
		"1\t2\ta\tb\n":                        "line 1 has 4 fields",
		"1\tx\ta\n":                           "not a rating",
		"1\tNaN\ta\n":                         "not a rating",
		"1\t4.1\ta\n":                         "not a rating",
		"1\t2\t \n":                           "no text",
		"1\t2\ta\xff\n":                       "not UTF-8",
		"1\t2\t" + strings.Repeat("a", 1<<17): "too long",
	} {
		if _, err := datasets.ReadSnippets(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

func TestReadPronunciations(t *testing.T) {
	w, err := datasets.ReadPronunciations(strings.NewReader("a AH0\na(2) EY1 # comment\n\nb B IY1\n"))
	if err != nil || !reflect.DeepEqual(w, []datasets.Pronunciation{{"a", [][]string{{"AH0"}, {"EY1"}}}, {"b", [][]string{{"B", "IY1"}}}}) {
		t.Error(w, err)
	}
	for text, want := range map[string]string{
		"":              "no words",
		"a\n":           "not a word and its phonemes",
		"a # B\n":       "not a word and its phonemes",
		"a(2) B\n":      "does not follow",
		"b B\na(2) B\n": "does not follow",
		"(2) B\n":       "has no word",
		"\xff B\n":      "not a word",
	} {
		if _, err := datasets.ReadPronunciations(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

const smallPO = `# head
msgid ""
msgstr ""
"Language: fr\n"

#: a.py:1
msgctxt "verb"
msgid "Save"
msgstr "Enregistrer"
msgid "two "
"lines\n\"x\""
msgstr ""
"deux "
"lignes"

#, fuzzy
#| msgid "old"
msgid "Fuzzy"
msgstr "Flou"

#, python-format
msgid "%d page"
msgid_plural "%d pages"
msgstr[0] "%d feuille"
msgstr[1] "%d feuilles"
msgstr[2] "%d de feuilles"

msgid "untranslated"
msgstr ""

#~ msgid "obsolete"
#~ msgstr "vieux"
`

// What is left out and what is read is what msgfmt of GNU gettext does.
func TestReadPO(t *testing.T) {
	ts, err := datasets.ReadPO(strings.NewReader(smallPO))
	want := []datasets.Translation{{"Save", "Enregistrer"}, {"two lines\n\"x\"", "deux lignes"}, {"%d page", "%d feuille"}, {"%d pages", "%d feuilles"}}
	if err != nil || !reflect.DeepEqual(ts, want) {
		t.Errorf("%q, %v", ts, err)
	}
	for text, want := range map[string]string{
		`"a"`:                                  "without a keyword",
		`msgfoo "a"`:                           "none of msgctxt",
		`msgstr[x] "a"`:                        "none of msgctxt",
		`msgstr[-1] "a"`:                       "none of msgctxt",
		`msgid a`:                              "not in quotation marks",
		`msgid "`:                              "not in quotation marks",
		`msgid "a" b"`:                         "unescaped quotation mark",
		`msgid "\z"`:                           "escape",
		"msgid \"\xff\"":                       "invalid UTF-8",
		"msgstr \"\"\nmsgstr \"\"":             "twice",
		`msgid "` + strings.Repeat("a", 1<<20): "too long",
	} {
		if _, err := datasets.ReadPO(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

// A text of many lines takes memory in proportion to them.
func TestReadPOOfManyLines(t *testing.T) {
	text := "msgid \"\"\n" + strings.Repeat("\"a\"\n", 100_000) + "msgstr \"b\"\n"
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	ts, err := datasets.ReadPO(strings.NewReader(text))
	runtime.ReadMemStats(&after)
	if err != nil || len(ts) != 1 || len(ts[0].Source) != 100_000 {
		t.Errorf("%d, %v", len(ts), err)
	}
	if n := after.TotalAlloc - before.TotalAlloc; n > uint64(50*len(text)) {
		t.Errorf("%d bytes allocated for a text of %d", n, len(text))
	}
}

func TestInnerMember(t *testing.T) {
	inner := zipped("this is no tar archive, though it is gzipped")
	for _, archive := range []string{"", "no gzip", inner} {
		if _, err := datasets.InnerMember([]byte(archive), "a", 10); err == nil {
			t.Errorf("%.20q is an archive", archive)
		}
	}
}
