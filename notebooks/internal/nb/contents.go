package nb

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

// Chapter is a line of the book's table of contents, which is the table in the
// opening page's cell "map": one chapter a row, in reading order, with a link
// to its notebook in the first column.
type Chapter struct {
	File  string // relative to the book's folder
	Title string
	// Columns has the other columns by the words at their head, as Markdown.
	Columns map[string]string
}

// mapCell is the id of the cell with the table of contents.
const mapCell = "map"

var chapterLink = regexp.MustCompile(`^\[([^\]]+)\]\(([^)#\s]+\.ipynb)\)$`)

// Contents returns the chapters that the opening page lists, itself first.
func (n *Notebook) Contents() ([]Chapter, error) {
	for _, c := range n.Cells() {
		if c.ID() == mapCell {
			rows, err := contents(c.Source())
			if err != nil {
				return nil, fmt.Errorf("%s, cell %d: %w", n.Path, c.Number, err)
			}
			return append([]Chapter{{File: filepath.Base(n.Path), Title: n.Title()}}, rows...), nil
		}
	}
	return nil, fmt.Errorf("%s has no cell %q, which lists the chapters: restore it with git", n.Path, mapCell)
}

func contents(source string) (rows []Chapter, err error) {
	var head []string
	for line := range strings.Lines(source) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if head == nil {
			head = cells
			continue
		}
		if strings.Trim(cells[0], ":-") == "" {
			continue
		}
		m := chapterLink.FindStringSubmatch(cells[0])
		if m == nil || len(cells) != len(head) {
			return nil, fmt.Errorf("the row %q of the table of contents does not begin with a link to a notebook, or has not %d columns", line, len(head))
		}
		row := Chapter{Title: m[1], File: m[2], Columns: map[string]string{}}
		for i := 1; i < len(head); i++ {
			row.Columns[head[i]] = cells[i]
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		return nil, errors.New("its table of contents is empty: restore it with git")
	}
	return rows, nil
}

// Title is the notebook's heading, the name of its file if it has none.
func (n *Notebook) Title() string {
	for _, c := range n.Cells() {
		if !c.IsMarkdown() {
			continue
		}
		for line := range strings.Lines(c.Source()) {
			if title, ok := strings.CutPrefix(line, "# "); ok {
				return strings.TrimSpace(title)
			}
		}
	}
	return strings.TrimSuffix(filepath.Base(n.Path), ".ipynb")
}
