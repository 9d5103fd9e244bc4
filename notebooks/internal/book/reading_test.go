package main

import (
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"descent/notebooks/internal/nb"
)

var update = flag.Bool("update", false, "write the reading times into the map of the opening page")

const toRead = "to read"

// The map of the opening page, which the site's first page repeats, says how
// long each chapter takes to read. After longer changes of the text:
//
//	go test ./notebooks/internal/book -run TestReadingTimes -update
func TestReadingTimes(t *testing.T) {
	const folder = "../.."
	start, chapters := opening(t, folder)
	times := map[string]string{}
	for _, c := range chapters[1:] {
		n, err := nb.Read(filepath.Join(folder, c.File))
		if err != nil {
			t.Fatal(err)
		}
		took := n.ReadingTime()
		times[c.File] = stated(took)
		said, err := time.ParseDuration(strings.NewReplacer(" h", "h", " min", "m", " ", "").Replace(c.Columns[toRead]))
		if off := (said - took).Abs(); err != nil || off > 5*time.Minute && off > took/5 {
			if !*update {
				t.Errorf("%s takes %v to read, the map says %q: run this test with -update", c.File, took.Round(time.Minute), c.Columns[toRead])
			}
		}
	}
	if !*update {
		return
	}
	for _, c := range start.Cells() {
		if strings.Contains(c.Source(), "\n| notebook |") {
			c.SetSource(withTimes(c.Source(), times))
		}
	}
	if err := start.Write(start.Path); err != nil {
		t.Fatal(err)
	}
}

func stated(d time.Duration) string {
	d = nb.Rounded(d)
	switch h, m := int(d.Hours()), int(d.Minutes())%60; {
	case h == 0:
		return fmt.Sprintf("%d min", m)
	case m == 0:
		return fmt.Sprintf("%d h", h)
	default:
		return fmt.Sprintf("%d h %d min", h, m)
	}
}

var linked = regexp.MustCompile(`\]\(([^)]+\.ipynb)\)`)

// withTimes sets the column of the reading times.
func withTimes(table string, times map[string]string) string {
	var b strings.Builder
	column := -1
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if column < 0 {
			column = slices.Index(cells, " "+toRead+" ")
		} else if m := linked.FindStringSubmatch(line); m != nil && column < len(cells) {
			cells[column] = " " + times[m[1]] + " "
		}
		b.WriteString(strings.Join(cells, "|"))
	}
	return b.String()
}
