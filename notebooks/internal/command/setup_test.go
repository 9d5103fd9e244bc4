package command

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/setup"
)

// prepare sets up as the program does, once for all tests.
var prepare = sync.OnceValues(func() (*setup.Env, error) {
	return setup.Prepare(context.Background(), setup.Options{Log: os.Stderr})
})

func ready(t *testing.T) *setup.Env {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts no kernel")
	}
	env, err := prepare()
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// The book's order is that of the opening page, which knows every notebook.
func TestReadingOrder(t *testing.T) {
	paths, err := bookFiles()
	if err != nil {
		t.Fatal(err)
	}
	start, err := nb.Read(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, c := range start.Cells() {
		text.WriteString(c.Source())
	}
	place := -1
	for _, path := range paths[1:] {
		i := strings.Index(text.String(), "]("+filepath.Base(path))
		if i < 0 {
			t.Errorf("%s has no link to %s", start.Path, filepath.Base(path))
		}
		if i < place {
			t.Errorf("%s comes too late", path)
		}
		place = i
	}
	if name := filepath.Base(paths[0]); name != "00-start-here.ipynb" {
		t.Errorf("the book begins with %s", name)
	}
	// Without an opening page that can be read, by name.
	dir := t.TempDir()
	broken := []string{filepath.Join(dir, "02-b.ipynb"), filepath.Join(dir, "01-a.ipynb")}
	readingOrder(broken)
	if filepath.Base(broken[0]) != "01-a.ipynb" {
		t.Errorf("%v", broken)
	}
	readingOrder(nil)
}

// Every notebook keeps the book's rules.
func TestLint(t *testing.T) {
	paths, err := bookFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		n, err := nb.Read(path)
		if err == nil {
			err = lint(n)
		}
		if err != nil {
			t.Error(err)
		}
	}
}
