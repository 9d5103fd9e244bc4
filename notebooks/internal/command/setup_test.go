package command

import (
	"context"
	"os"
	"sync"
	"testing"

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
