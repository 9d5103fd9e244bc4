package fuzztest

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The same seeds give the same inputs, most of which differ from all seeds and
// from each other.
func TestMutations(t *testing.T) {
	seeds := [][]byte{[]byte("a text with 12 and 345"), {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}}
	first, second := slices.Collect(Mutations(seeds, 1000)), slices.Collect(Mutations(seeds, 1000))
	if !slices.EqualFunc(first, second, bytes.Equal) {
		t.Error("the inputs differ from run to run")
	}
	kinds := map[string]bool{}
	for _, b := range first {
		kinds[string(b)] = true
	}
	if len(kinds) < 800 || !bytes.Equal(seeds[1], []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Errorf("%d different inputs; seed %v", len(kinds), seeds[1])
	}
}

// What Entry writes, Corpus reads.
func TestCorpus(t *testing.T) {
	t.Chdir(t.TempDir())
	dir := filepath.Join("testdata", "fuzz", "FuzzX")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	want := [][]byte{[]byte("\x00\xff\"\\é\n"), {}, []byte("several")}
	for i, text := range []string{Entry(want[0]), Entry(want[1]), "go test fuzz v1\nstring(\"several\")\nbool(true)\n"} {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if got := Corpus(t, "FuzzX"); !slices.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Each damaged input is checked.
func TestRun(t *testing.T) {
	calls := 0
	Run(t, [][]byte{{1}, {2, 3}}, 50, Bound{Fixed: 1 << 16}, func(testing.TB, []byte) { calls++ })
	if calls != 52 {
		t.Errorf("%d calls", calls)
	}
}
