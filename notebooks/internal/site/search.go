package site

import (
	"encoding/json"
	"os"
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
	Text    string `json:"text"` // the prose, as a reader sees it
	Code    string `json:"code"` // the code, line by line
}

// sections cuts a notebook at its headings. Prose and code count, outputs do
// not.
func sections(b *nb.Notebook) []section {
	name := page(b.Path)
	all := []section{{Page: name}}
	var prose strings.Builder // since the last heading
	end := func() {
		last := &all[len(all)-1]
		last.Text = strings.TrimSpace(last.Text + " " + nb.Plain(prose.String()))
		prose.Reset()
	}
	for _, c := range b.Cells() {
		fenced := false
		for line := range strings.Lines(c.Source()) {
			line = strings.TrimRight(line, "\n")
			if c.IsMarkdown() && strings.HasPrefix(line, "```") {
				fenced = !fenced
				continue
			}
			if c.IsCode() || fenced {
				all[len(all)-1].Code += line + "\n"
				continue
			}
			heading := strings.TrimLeft(line, "#")
			if heading == line || !strings.HasPrefix(heading, " ") {
				prose.WriteString(line + "\n")
				continue
			}
			end()
			heading = nb.Plain(heading)
			title := heading
			if len(all) > 1 {
				title = all[1].Title
			}
			all = append(all, section{Page: name, Title: title, Heading: heading, Find: heading})
		}
		prose.WriteString("\n") // a cell ends a paragraph
	}
	end()
	if all[0].Text == "" && all[0].Code == "" { // as a rule a notebook begins with its title
		all = all[1:]
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
