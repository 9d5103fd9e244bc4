package work

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func put(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, folder, name, want string) {
	t.Helper()
	if got, _ := os.ReadFile(filepath.Join(folder, name)); string(got) != want {
		t.Errorf("%s holds %q, want %q", name, got, want)
	}
}

func fill(t *testing.T, book, folder string) []string {
	t.Helper()
	diverged, err := Fill(book, folder)
	if err != nil {
		t.Fatal(err)
	}
	return diverged
}

func TestFill(t *testing.T) {
	book, folder := t.TempDir(), filepath.Join(t.TempDir(), "work")
	put(t, book, "a.ipynb", "a1")
	put(t, book, "b.ipynb", "b1")
	put(t, book, "c.ipynb", "c1")
	put(t, book, "main.go", "no notebook")
	if err := os.MkdirAll(filepath.Join(book, "images", "charts"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, book, "images/charts/a.png", "picture 1")
	put(t, book, "images/charts/a.mmd", "its text")
	fill(t, book, folder)
	holds(t, folder, "a.ipynb", "a1")
	holds(t, folder, "images/charts/a.png", "picture 1") // the notebooks show it by this name
	put(t, book, "images/charts/a.png", "picture 2")
	fill(t, book, folder)
	holds(t, folder, "images/charts/a.png", "picture 2")
	if _, err := os.Stat(filepath.Join(folder, "images", "charts", "a.mmd")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("more than the picture is copied")
	}
	if _, err := os.Stat(filepath.Join(folder, "main.go")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("more than notebooks is copied")
	}

	put(t, folder, "a.ipynb", "mine")
	put(t, folder, "new.ipynb", "mine too")
	os.Remove(filepath.Join(folder, "c.ipynb"))
	if diverged := fill(t, book, folder); len(diverged) > 0 {
		t.Errorf("the book has not changed, but %v", diverged)
	}
	holds(t, folder, "a.ipynb", "mine")
	holds(t, folder, "new.ipynb", "mine too")
	holds(t, folder, "c.ipynb", "c1") // deleting brings the book's back

	put(t, book, "a.ipynb", "a2")
	put(t, book, "b.ipynb", "b2")
	for range 2 { // it is said again at every start
		if diverged := fill(t, book, folder); !slices.Equal(diverged, []string{"a.ipynb"}) {
			t.Errorf("both have changed a, but %v", diverged)
		}
	}
	holds(t, folder, "a.ipynb", "mine")
	holds(t, folder, "b.ipynb", "b2")
	if left, _ := filepath.Glob(filepath.Join(folder, ".part-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// Without its record every copy that differs is the reader's.
func TestLostRecord(t *testing.T) {
	book, folder := t.TempDir(), t.TempDir()
	put(t, book, "a.ipynb", "a1")
	fill(t, book, folder)
	put(t, folder, record, "{ damaged")
	put(t, book, "a.ipynb", "a2")
	fill(t, book, folder)
	holds(t, folder, "a.ipynb", "a1")
}

func TestRestore(t *testing.T) {
	book, folder := t.TempDir(), t.TempDir()
	put(t, book, "a.ipynb", "a1")
	fill(t, book, folder)
	for i, want := range []string{"a.yours-1.ipynb", "a.yours-2.ipynb"} {
		own := strings.Repeat("mine", i+1)
		put(t, folder, "a.ipynb", own)
		kept, err := Restore(book, folder, "a.ipynb")
		if err != nil || kept != want {
			t.Fatalf("kept as %q, %v; want %q", kept, err, want)
		}
		holds(t, folder, "a.ipynb", "a1")
		holds(t, folder, want, own)
	}
	holds(t, folder, "a.yours-1.ipynb", "mine")
	if kept, err := Restore(book, folder, "a.ipynb"); kept != "" || err != nil {
		t.Errorf("nothing to keep, but %q, %v", kept, err)
	}
	if _, err := Restore(book, folder, "../a.ipynb"); err == nil || !strings.Contains(err.Error(), "a.ipynb") {
		t.Errorf("%v; want what the book has", err)
	}
}

func TestNotWritable(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can write everywhere; docker/test looks at this")
	}
	book, folder := t.TempDir(), t.TempDir()
	put(t, book, "a.ipynb", "a1")
	os.Chmod(folder, 0o500)
	if _, err := Fill(book, folder); err == nil || !strings.Contains(err.Error(), "Mount it without :ro") {
		t.Errorf("%v; want the remedy", err)
	}
}

// What a front end writes around the cells is no change of the reader's; a cell
// that was run or rewritten is.
func TestUntouched(t *testing.T) {
	notebook := func(meta, cellMeta, source, output string) string {
		return `{"cells":[{"cell_type":"code","execution_count":1,"id":"a","metadata":{` + cellMeta + `},"outputs":[{"name":"stdout","output_type":"stream","text":` +
			output + `}],"source":` + source + `}],"metadata":{` + meta + `},"nbformat":4,"nbformat_minor":5}`
	}
	edition := notebook(`"language_info":{"name":"go"}`, ``, `["a\n","b"]`, `["1\n"]`)
	book, folder := t.TempDir(), filepath.Join(t.TempDir(), "work")
	put(t, book, "a.ipynb", edition)
	fill(t, book, folder)
	read := notebook(`"language_info":{"name":"go","version":"go1.99"}`, `"collapsed":true`, `"a\nb"`, `"1\n"`)
	put(t, folder, "a.ipynb", read)
	fill(t, book, folder)
	holds(t, folder, "a.ipynb", read) // there is nothing new
	next := notebook(`"language_info":{"name":"go"}`, ``, `["a\n","b"]`, `["2\n"]`)
	put(t, book, "a.ipynb", next)
	fill(t, book, folder)
	holds(t, folder, "a.ipynb", next)
	for _, mine := range []string{notebook(``, ``, `"a"`, `"2\n"`), notebook(``, ``, `"a\nb"`, `"3\n"`)} {
		put(t, folder, "a.ipynb", mine)
		put(t, book, "a.ipynb", edition)
		if diverged := fill(t, book, folder); !slices.Equal(diverged, []string{"a.ipynb"}) {
			t.Errorf("diverged: %v", diverged)
		}
		holds(t, folder, "a.ipynb", mine)
		put(t, book, "a.ipynb", next)
	}
}
