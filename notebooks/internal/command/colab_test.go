package command

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"descent/notebooks/internal/nb"
)

// On Colab every link and every picture in the text has an address, and no cell
// of code or output differs from the book's.
func TestColabEdition(t *testing.T) {
	top, err := checkout(".")
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "edition")
	for range 2 { // also over an earlier one
		if err := writeColab(top, dir, "https://github.com/o/descent", "colab"); err != nil {
			t.Fatal(err)
		}
	}
	paths, err := filepath.Glob(filepath.Join(top, "notebooks", "*.ipynb"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no chapters: %v", err)
	}
	link := regexp.MustCompile(`\]\(([^)\s]+)`)
	var relative, there, pictures int
	for _, path := range append(paths, filepath.Join(top, filepath.FromSlash(colabFile))) {
		rel, err := filepath.Rel(top, path)
		if err != nil {
			t.Fatal(err)
		}
		book, err := nb.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := nb.Read(filepath.Join(dir, rel))
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range got.Cells() {
			before := book.Cells()[i]
			if c.IsCode() {
				if !c.HasTag(parametersTag) && c.Source() != before.Source() || len(c.Outputs()) != len(before.Outputs()) {
					t.Errorf("%s: code cell %d changed", rel, i)
				}
				continue
			}
			for _, m := range link.FindAllStringSubmatch(c.Source(), -1) {
				switch {
				case strings.HasPrefix(m[1], "https://colab.research.google.com/github/o/descent/blob/colab/"):
					there++
				case strings.HasPrefix(m[1], "https://raw.githubusercontent.com/o/descent/colab/notebooks/images/"):
					pictures++
					name := strings.TrimPrefix(m[1], "https://raw.githubusercontent.com/o/descent/colab/")
					if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
						t.Errorf("%s: %v", rel, err)
					}
				case !strings.Contains(m[1], ":") && !strings.HasPrefix(m[1], "#"):
					if _, err := os.Stat(filepath.Join(filepath.Dir(path), filepath.FromSlash(m[1]))); err == nil {
						relative++
						t.Errorf("%s: the link %s leads nowhere on Colab", rel, m[1])
					}
				}
			}
		}
	}
	t.Logf("%d links to chapters, %d pictures", there, pictures)
	if there < 100 || pictures < 9 || relative > 0 {
		t.Errorf("%d links to chapters and %d pictures have addresses, %d have none", there, pictures, relative)
	}
	for name, c := range map[string]struct{ dir, address string }{
		"another code host": {filepath.Join(dir, "x"), "https://gitlab.example/o/descent"},
		"a folder in use":   {top, "https://github.com/o/descent"},
	} {
		if err := writeColab(top, c.dir, c.address, "colab"); err == nil {
			t.Errorf("no error for %s", name)
		}
	}
}
