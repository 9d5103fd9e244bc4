package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"descent/notebooks/internal/nb"
)

var (
	where      = regexp.MustCompile(`^\[[^\],]+(?:, ([\d.]+))?\]\(([^)]+)\)$`)
	explaining = regexp.MustCompile(` \(.*\)`)
)

// Each term of the glossary is to be found in the prose of the notebook that it
// is said to be defined in, under a section that this notebook has, and the
// glossary is in alphabetical order.
func TestGlossary(t *testing.T) {
	const folder = "../.."
	glossary, err := nb.Read(filepath.Join(folder, "appendix-notation.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	prose := map[string]string{}
	read := func(file string) string {
		if _, ok := prose[file]; !ok {
			n, err := nb.Read(filepath.Join(folder, file))
			if err != nil {
				t.Fatal(err)
			}
			var b strings.Builder
			for _, c := range n.Cells() {
				if c.IsMarkdown() {
					b.WriteString(c.Source() + "\n")
				}
			}
			prose[file] = plainWords(b.String())
		}
		return prose[file]
	}
	terms, last := 0, ""
	for _, c := range glossary.Cells() {
		if !strings.HasPrefix(c.Source(), "## Glossary") {
			continue
		}
		for line := range strings.Lines(c.Source()) {
			cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
			if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| term") {
				continue
			}
			terms++
			shown := strings.TrimSpace(cells[0])
			term := plainWords(explaining.ReplaceAllString(shown, ""))
			m := where.FindStringSubmatch(strings.TrimSpace(cells[len(cells)-1]))
			switch {
			case len(cells) != 5 || m == nil:
				t.Errorf("%q is no row of the glossary", line)
			case !strings.Contains(read(m[2]), term):
				t.Errorf("%s does not mention %q", m[2], term)
			case m[1] != "" && !regexp.MustCompile(`(?m)^#+ `+regexp.QuoteMeta(m[1])+`\b`).MatchString(read(m[2])):
				t.Errorf("%s has no section %s, where %q is said to be", m[2], m[1], term)
			case strings.ToLower(shown) < last:
				t.Errorf("%q comes after %q", shown, last)
			}
			last = strings.ToLower(shown)
		}
	}
	if terms < 60 {
		t.Errorf("only %d terms", terms)
	}
}

// plainWords makes "full-batch" and "Full batch" the same.
func plainWords(s string) string { return strings.ToLower(strings.ReplaceAll(s, "-", " ")) }
