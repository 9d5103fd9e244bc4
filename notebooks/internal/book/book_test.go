package main

import (
	"path/filepath"
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
	atOnce := make(chan struct{}, 2)     // each kernel compiles and trains
	for _, path := range append(paths, "../testdata/sample.ipynb") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			n, err := nb.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			opt := exec.Options{Timeout: 5 * time.Minute, Smoke: true, Together: true}
			if err := command.Check(t.Context(), t.Output(), env, n, opt); err != nil {
				t.Error(err)
			}
		})
	}
}
