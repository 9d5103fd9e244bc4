package main

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"descent/notebooks/internal/nb"
)

var (
	sectionNumber = regexp.MustCompile(`^(#+) (\d+(?:\.\d+)*)(, part \d+)?[ ,]`)
	nextChapter   = regexp.MustCompile(`(?m)^\*\*Next:\*\* [^\n]*?\]\(([^)]+)\)`)
)

// In the order of the opening page, every chapter but the last ends with a link
// to the next, and sections are numbered through: no number is there twice, and
// none is left out among the sections of a chapter, also where a chapter has
// several notebooks.
func TestOrder(t *testing.T) {
	const folder = "../.."
	_, chapters := opening(t, folder)
	where := map[string]string{} // notebook by number, as written
	last := map[string]int{}     // section by the number before its last point
	for i, c := range chapters {
		text := prose(t, filepath.Join(folder, c.File))
		m := nextChapter.FindAllStringSubmatch(text, -1)
		switch {
		case i == len(chapters)-1 && m != nil:
			t.Errorf("%s is the last, but says that %s comes next", c.File, m[0][1])
		case i == len(chapters)-1:
		case len(m) != 1 || m[0][1] != chapters[i+1].File:
			t.Errorf("%s: a last line that begins \"**Next:**\" must link to %s", c.File, chapters[i+1].File)
		}
		for line := range strings.Lines(text) {
			m := sectionNumber.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			if other := where[m[2]+m[3]]; other != "" {
				t.Errorf("%s: %q has a number that %s has already", c.File, strings.TrimSpace(line), other)
			}
			where[m[2]+m[3]] = c.File
			if point := strings.LastIndex(m[2], "."); point > 0 && m[1] != "#" {
				k, _ := strconv.Atoi(m[2][point+1:])
				if before := last[m[2][:point]]; k != before+1 {
					t.Errorf("%s: %q comes after section %s.%d", c.File, strings.TrimSpace(line), m[2][:point], before)
				}
				last[m[2][:point]] = k
			}
		}
	}
	if len(where) < 40 {
		t.Errorf("only %d numbered sections", len(where))
	}
}

// prose is a notebook's text, without the code in it.
func prose(t *testing.T, path string) string {
	n, err := nb.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	code := false
	for _, c := range n.Cells() {
		if !c.IsMarkdown() {
			continue
		}
		for line := range strings.Lines(c.Source() + "\n") {
			if strings.HasPrefix(line, "```") {
				code = !code
			} else if !code {
				b.WriteString(line)
			}
		}
	}
	return b.String()
}

// opening is the opening page, and the chapters that it lists.
func opening(t *testing.T, folder string) (*nb.Notebook, []nb.Chapter) {
	t.Helper()
	start, err := nb.Read(filepath.Join(folder, "00-start-here.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	chapters, err := start.Contents()
	if err != nil {
		t.Fatal(err)
	}
	return start, chapters
}
