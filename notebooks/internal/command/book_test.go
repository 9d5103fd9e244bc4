package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"descent/notebooks/internal/exec"
	"descent/notebooks/internal/nb"
	"descent/notebooks/internal/setup"
)

// prepare sets up as the program does, once for all tests.
var prepare = sync.OnceValues(func() (*setup.Env, error) {
	return setup.Prepare(context.Background(), setup.Options{Log: os.Stderr})
})

func ready(t *testing.T) *setup.Env {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts no kernel")
	}
	env, err := prepare()
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// atOnce limits how many kernels work at the same time: each compiles and trains.
var atOnce = make(chan struct{}, 2)

// Every notebook keeps the book's rules.
func TestLint(t *testing.T) {
	paths, err := bookFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		n, err := nb.Read(path)
		if err == nil {
			err = lint(n)
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// Every notebook of the book, and the sample, runs from a fresh kernel, once, and
// shows what its committed outputs show. Its cells are compiled together, which
// saves most of the time, and those that train for minutes are only tried out,
// small; go run ./notebooks check runs them in full, cell by cell.
func TestBook(t *testing.T) {
	env := ready(t)
	paths, err := bookFiles()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(paths, "../testdata/sample.ipynb") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			committed, err := nb.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			n, err := nb.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			opt := exec.Options{Timeout: defaultTimeout, Smoke: n.HasSmoke(), Together: true}
			if err := execute(t.Context(), t.Output(), env, n, opt); err != nil {
				opt.Together = false // to blame the right cell
				t.Fatal(errors.Join(execute(t.Context(), t.Output(), env, n, opt), fmt.Errorf("compiled together: %w", err)))
			}
			if err := differences(committed, n, n.HasSmoke()); err != nil {
				t.Error(err)
			}
		})
	}
}
