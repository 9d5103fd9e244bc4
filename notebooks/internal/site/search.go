package site

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"descent/notebooks/internal/nb"
)

// section is a part of a page, from one heading to the next, as the search
// script reads it.
type section struct {
	Page    string `json:"page"`
	Title   string `json:"title"` // of the page
	Heading string `json:"heading"`
	Find    string `json:"find"` // text to scroll to
	Text    string `json:"text"`
}

// sections cuts a notebook at its headings. Text and code count, outputs do
// not.
func sections(b *nb.Notebook) []section {
	page := strings.TrimSuffix(filepath.Base(b.Path), ".ipynb")
	var all []section
	add := func(line string) {
		if len(all) == 0 {
			all = append(all, section{Page: page})
		}
		all[len(all)-1].Text += line + "\n"
	}
	for _, c := range b.Cells() {
		fenced := false
		for line := range strings.Lines(c.Source()) {
			line = strings.TrimRight(line, "\n")
			if strings.HasPrefix(line, "```") {
				fenced = !fenced
			}
			heading := strings.TrimLeft(line, "#")
			if c.IsMarkdown() && !fenced && heading != line && strings.HasPrefix(heading, " ") {
				heading = strings.TrimSpace(heading)
				title := heading
				if len(all) > 0 {
					title = all[0].Title
				}
				all = append(all, section{Page: page, Title: title, Heading: heading, Find: heading})
				continue
			}
			add(line)
		}
	}
	return all
}

// writeIndex writes the sections of all notebooks as a script, which a page
// opened from a file may load, too.
func writeIndex(books []*nb.Notebook, path string) error {
	all := []section{}
	for _, b := range books {
		all = append(all, sections(b)...)
	}
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte("window.bookIndex = "+string(data)+";\n"), 0o644)
}
