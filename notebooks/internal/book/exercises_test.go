package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"descent/notebooks/internal/nb"
)

var (
	exercise = regexp.MustCompile(`(?m)^\*\*\d\.\*\* `)
	bullet   = regexp.MustCompile(`(?m)^- `)
	toWrite  = regexp.MustCompile("(?s)```go\n.*?```")
)

const (
	canDo       = "\n## What you can do now\n"
	toDo        = "\n## Exercises\n"
	aSolution   = "<details><summary>Solution</summary>"
	fewestLines = 5 // of Go in the longest solution
)

// A chapter that says what its reader can do now says it in three to five
// points, and has four to six exercises, each with a cell that checks an answer
// and a solution, at least one of which is a small program.
func TestExercises(t *testing.T) {
	paths, err := filepath.Glob("../../[0-9]*.ipynb")
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, path := range paths {
		n, err := nb.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		checks := 0
		for _, c := range n.Cells() {
			switch {
			case c.IsMarkdown():
				b.WriteString(c.Source() + "\n\n")
			case strings.Contains(b.String(), toDo):
				checks++
				for _, o := range c.Outputs() {
					if _, text := o.Stream(); !strings.HasPrefix(text, "not answered yet") {
						t.Errorf("%s, cell %d: an exercise's committed output is %q", path, c.Number, text)
					}
				}
			}
		}
		_, points, ok := strings.Cut(b.String(), canDo)
		points, tasks, _ := strings.Cut(points, toDo)
		if !ok {
			continue
		}
		held++
		if k := len(bullet.FindAllString(points, -1)); k < 3 || k > 5 {
			t.Errorf("%s: %d points under %q, want 3 to 5", path, k, strings.TrimSpace(canDo))
		}
		k := len(exercise.FindAllString(tasks, -1))
		if k < 4 || k > 6 || checks != k || strings.Count(tasks, aSolution) != k {
			t.Errorf("%s: %d exercises with %d checks and %d solutions, want 4 to 6 of each", path, k, checks, strings.Count(tasks, aSolution))
		}
		longest := 0
		for _, code := range toWrite.FindAllString(tasks, -1) {
			longest = max(longest, strings.Count(code, "\n")-1)
		}
		if longest < fewestLines {
			t.Errorf("%s: no solution has %d lines of Go", path, fewestLines)
		}
	}
	if held < 6 {
		t.Errorf("only %d chapters have exercises of this kind", held)
	}
}
