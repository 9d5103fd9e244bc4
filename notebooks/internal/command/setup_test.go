package command

import (
	"path/filepath"
	"slices"
	"testing"

	"descent/notebooks/internal/nb"
)

// The opening page lists each notebook that is named as a chapter is, and its
// own order is the book's.
func TestContents(t *testing.T) {
	chapters, paths, err := contents()
	if err != nil {
		t.Fatal(err)
	}
	if len(chapters) != len(paths) || filepath.Base(paths[0]) != opening {
		t.Errorf("%v, %v", chapters, paths)
	}
	for _, path := range strays(paths) {
		if chapter, _ := filepath.Match("[0-9][0-9]-*", filepath.Base(path)); chapter {
			t.Errorf("the map of %s lacks %s", opening, path)
		}
	}
	text, speech := slices.Index(paths, "../../06-text.ipynb"), slices.Index(paths, "../../06-speech.ipynb")
	if text < 0 || speech < text {
		t.Errorf("the order is not the map's: %q", paths)
	}
}

// Every notebook keeps the book's rules.
func TestLint(t *testing.T) {
	_, paths, err := contents()
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
