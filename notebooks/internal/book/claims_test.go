package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"descent/notebooks/internal/nb"
)

var (
	citedNotebook = regexp.MustCompile(`\]\(([^)]+\.ipynb)\)`)
	citedCell     = regexp.MustCompile(`([\d.]+), In \[(\d+)\]<!-- ([\w-]+) -->`)
	anySection    = regexp.MustCompile(`(?m)^##+ (\d+(?:\.\d+)+) `)
)

// The opening page's table of claims names cells by section and number, and, in
// a comment that the page does not show, by their lasting names, which this
// test holds against the notebooks. After cells were added:
//
//	go test ./notebooks/internal/book -run TestClaims -update
func TestClaims(t *testing.T) {
	const folder = "../.."
	start, err := nb.Read(filepath.Join(folder, "00-start-here.ipynb"))
	if err != nil {
		t.Fatal(err)
	}
	cited := 0
	for _, c := range start.Cells() {
		if !strings.Contains(c.Source(), "\n| the document's claim |") {
			continue
		}
		var table strings.Builder
		for line := range strings.Lines(c.Source()) {
			parts := citedNotebook.FindAllStringSubmatchIndex(line, -1)
			out, end := line, len(line)
			for k := len(parts) - 1; k >= 0; k-- {
				at, file := parts[k][1], line[parts[k][2]:parts[k][3]]
				places := cellPlaces(t, filepath.Join(folder, file))
				new := citedCell.ReplaceAllStringFunc(out[at:end], func(s string) string {
					cited++
					m := citedCell.FindStringSubmatch(s)
					place, ok := places[m[3]]
					if !ok {
						t.Errorf("%s has no cell %s, which the table of claims names", file, m[3])
						return s
					}
					now := fmt.Sprintf("%s<!-- %s -->", place, m[3])
					if now != s && !*update {
						t.Errorf("%s: the table of claims says %q, the cell is %q: run this test with -update", file, s, now)
					}
					return now
				})
				out, end = out[:at]+new+out[end:], parts[k][0]
			}
			table.WriteString(out)
		}
		if *update {
			c.SetSource(table.String())
		}
	}
	if cited < 40 {
		t.Errorf("the table of claims names only %d cells", cited)
	}
	if *update {
		if err := start.Write(start.Path); err != nil {
			t.Fatal(err)
		}
	}
}

// cellPlaces are the sections and numbers of a notebook's code cells by their
// ids.
func cellPlaces(t *testing.T, path string) map[string]string {
	n, err := nb.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{}
	section, count := "", 0
	for _, c := range n.Cells() {
		if c.IsMarkdown() {
			if m := anySection.FindAllStringSubmatch(c.Source(), -1); m != nil {
				section = m[len(m)-1][1]
			}
		} else if c.IsCode() {
			count++
			places[c.ID()] = section + ", In [" + strconv.Itoa(count) + "]"
		}
	}
	return places
}
