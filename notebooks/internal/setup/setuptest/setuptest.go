// Package setuptest gives tests the environment that the program's commands
// work in.
package setuptest

import (
	"context"
	"os"
	"sync"
	"testing"

	"descent/notebooks/internal/setup"
)

// prepare sets up as the program does, once for all tests of a package.
var prepare = sync.OnceValues(func() (*setup.Env, error) {
	return setup.Prepare(context.Background(), setup.Options{Log: os.Stderr})
})

// Ready returns the environment. With -short it skips the test: what needs the
// environment starts a kernel, Jupyter or a browser.
func Ready(t *testing.T) *setup.Env {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: starts a kernel, Jupyter or a browser")
	}
	env, err := prepare()
	if err != nil {
		t.Fatal(err)
	}
	return env
}
