package main

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"descent/notebooks/internal/command"
	"descent/notebooks/internal/exec"
	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/setup/setuptest"
)

// Every notebook of the book, and the sample, runs from a fresh kernel, once,
// and shows what its committed outputs show. Its cells are compiled together,
// which saves most of the time, and those that train for minutes are only tried
// out, small; go run ./notebooks check runs them in full, cell by cell.
func TestBook(t *testing.T) {
	paths, err := filepath.Glob("../../*.ipynb")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no notebooks: %v", err)
	}
	env := setuptest.Ready(t)
	t.Setenv("MLKIT_CACHE", t.TempDir()) // what was trained earlier could stand in for missing data
	var book []*nb.Notebook
	for _, path := range append(paths, "../testdata/sample.ipynb") {
		n, err := nb.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		book = append(book, n)
	}
	// The longest first: the last to end leaves the other core idle.
	slices.SortStableFunc(book, func(a, b *nb.Notebook) int { return len(b.Cells()) - len(a.Cells()) })
	waiting := make(chan *nb.Notebook, len(book))
	for _, n := range book {
		waiting <- n
	}
	close(waiting)
	var workers sync.WaitGroup
	for range 2 { // each kernel compiles and trains
		workers.Go(func() {
			for n := range waiting {
				t.Run(filepath.Base(n.Path), func(t *testing.T) {
					opt := exec.Options{Timeout: 10 * time.Minute, Smoke: true, Together: true}
					if err := command.Check(t.Context(), t.Output(), env, n, opt); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
	workers.Wait()
}
