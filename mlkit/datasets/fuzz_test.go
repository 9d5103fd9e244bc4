package datasets_test

import (
	"bytes"
	"descent/mlkit/data"
	"descent/mlkit/datasets"
	"descent/mlkit/internal/fuzztest"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// The corpus of each target, testdata/fuzz, was written by testdata/seeds.py.
// TestMutations goes on from there to a few thousand damaged inputs, the same
// at every run; go test -fuzz=NAME goes on without end.
func FuzzArchiveInMemory(f *testing.F) { fuzz(f, checkMemory) }
func FuzzExtract(f *testing.F)         { fuzz(f, checkExtract) }
func FuzzReadTS(f *testing.F)          { fuzz(f, checkTS) }
func FuzzReadPO(f *testing.F)          { fuzz(f, checkPO) }
func FuzzReadLines(f *testing.F)       { fuzz(f, checkLines) }

func fuzz(f *testing.F, check func(testing.TB, []byte)) {
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

func TestMutations(t *testing.T) {
	for target, c := range map[string]struct {
		n     int
		bound fuzztest.Bound
		check func(testing.TB, []byte)
	}{
		// Where something is compressed, a byte of it can become 1032.
		"FuzzArchiveInMemory": {2000, fuzztest.Bound{Fixed: 1 << 20, PerByte: 8 * 1032}, checkMemory},
		"FuzzExtract":         {1000, fuzztest.Bound{Fixed: 1 << 20, PerByte: 8 * 1032}, checkExtract},
		"FuzzReadTS":          {3000, fuzztest.Bound{Fixed: 1 << 18, PerByte: 256}, checkTS},
		"FuzzReadPO":          {3000, fuzztest.Bound{Fixed: 1 << 18, PerByte: 256}, checkPO},
		"FuzzReadLines":       {3000, fuzztest.Bound{Fixed: 1 << 18, PerByte: 8 * 1032}, checkLines},
	} {
		t.Run(target, func(t *testing.T) {
			if testing.Short() {
				c.n /= 10
			}
			fuzztest.Run(t, fuzztest.Corpus(t, target), c.n, c.bound, c.check)
		})
	}
}

// Of whatever archive, no more is read into memory than is allowed.
func checkMemory(t testing.TB, b []byte) {
	path := filepath.Join(t.TempDir(), "archive")
	const limit = 1000
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"", "set/"} {
		files, err := datasets.Under(path, folder, limit)
		size := 0
		for _, text := range files {
			size += len(text)
		}
		if size > limit || err != nil && (files != nil || !strings.Contains(err.Error(), path)) {
			t.Errorf("%d bytes, %v", size, err)
		}
		if folder != "" {
			continue
		}
		for name, want := range files {
			if got, err := datasets.Member(path, name, limit); err != nil || len(got) > limit {
				t.Errorf("%q: %v, and alone %q, %v", name, len(want), got, err)
			}
		}
	}
	if got, err := datasets.InnerMember(b, "set/a.txt", limit); len(got) > limit || err != nil && got != nil {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// Whatever an archive holds, nothing appears outside of its folder, and no more
// than is allowed inside.
func checkExtract(t testing.TB, b []byte) {
	const limit = 1000
	parent := t.TempDir()
	archive := filepath.Join(parent, "archive")
	if err := os.WriteFile(archive, b, 0o666); err != nil {
		t.Fatal(err)
	}
	err := datasets.Extract(archive, filepath.Join(parent, "out"), limit)
	var size int64
	filepath.WalkDir(parent, func(path string, d fs.DirEntry, e error) error {
		switch {
		case e != nil:
			t.Error(e)
		case path == parent || path == archive:
		case err != nil:
			t.Errorf("%v, and it left %s", err, path)
		case !strings.HasPrefix(path, filepath.Join(parent, "out")):
			t.Errorf("%s is outside", path)
		case d.Type().IsRegular():
			info, _ := d.Info()
			size += info.Size()
		case !d.IsDir():
			t.Errorf("%s is neither a file nor a folder", path)
		}
		return nil
	})
	if size > limit {
		t.Errorf("%d bytes of at most %d", size, limit)
	}
	if err != nil && !strings.Contains(err.Error(), archive) {
		t.Errorf("%v does not name %s", err, archive)
	}
}

func checkTS(t testing.TB, b []byte) {
	s, err := datasets.ReadTS(bytes.NewReader(b))
	if err != nil {
		return
	}
	var batch data.Batch
	for i := range s.Len() {
		if err := s.Batch([]int{i}, &batch); err != nil {
			t.Fatal(err)
		}
	}
}

func checkPO(t testing.TB, b []byte) {
	ts, err := datasets.ReadPO(bytes.NewReader(b))
	for _, x := range ts {
		if err != nil || x.Source == "" || x.Target == "" || !utf8.ValidString(x.Source+x.Target) {
			t.Fatalf("%+v, %v", x, err)
		}
	}
}

func checkLines(t testing.TB, b []byte) {
	if s, err := datasets.ReadGzippedLines(bytes.NewReader(b)); (err == nil) != (len(s) > 0) {
		t.Fatal(s, err)
	}
	if s, err := datasets.ReadSnippets(bytes.NewReader(b)); (err == nil) != (len(s) > 0) {
		t.Fatal(s, err)
	}
	words, err := datasets.ReadPronunciations(bytes.NewReader(b))
	if (err == nil) != (len(words) > 0) {
		t.Fatal(words, err)
	}
	for _, w := range words {
		if w.Word == "" || len(w.Ways) == 0 || len(w.Ways[0]) == 0 {
			t.Fatal(w)
		}
	}
}
