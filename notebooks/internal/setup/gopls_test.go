package setup

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Without gopls the book works, so what is missing is said, and tried again.
func TestInstallGopls(t *testing.T) {
	golang, err := findGo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cache := t.TempDir()
	env := &Env{Repo: golang.repo(), golang: golang, gopls: goplsPart(cache, golang)}
	env.golang.GOMODCACHE, env.golang.GOPROXY = t.TempDir(), closedPort
	t.Setenv("GOPROXY", closedPort)
	t.Setenv("GONOSUMDB", "*")
	t.Setenv("DESCENT_SHARED", "")
	real := os.Getenv("PATH")
	path(t, nil)
	if err := env.InstallGopls(t.Context(), nil, nil); err == nil || !strings.Contains(err.Error(), "needs the network") {
		t.Errorf("without a network: %v", err)
	}
	if exists(env.gopls) {
		t.Error("half an installation passes for a whole one")
	}
	// The image has one on the PATH, which must be the one that was tried out.
	version := func(v string) string { return fmt.Sprintf("echo '%s %s'", goplsPackage, v) }
	path(t, map[string]string{"gopls": version("v0.1.0")})
	t.Setenv("PATH", os.Getenv("PATH")+string(filepath.ListSeparator)+real)
	if env.hasGopls(t.Context()) {
		t.Error("another version passes for the pinned one")
	}
	path(t, map[string]string{"gopls": version(goplsVersion)})
	t.Setenv("PATH", os.Getenv("PATH")+string(filepath.ListSeparator)+real)
	if err := env.InstallGopls(t.Context(), nil, nil); err != nil {
		t.Errorf("with the pinned version on the PATH: %v", err)
	}
}
