package setup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"descent/notebooks/internal/session"
)

// path makes a folder of programs the only one on the PATH.
func path(t *testing.T, programs map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

func fakePython(minor int, venv bool) string {
	return fmt.Sprintf(`echo '{"path":"/py/%d","version":"3.%d.1 (x)","minor":%d,"venv":%t}'`, minor, minor, minor, venv)
}

func TestFindPython(t *testing.T) {
	for name, c := range map[string]struct {
		programs map[string]string
		found    string // the interpreter's path, or
		want     string // what the error says
	}{
		"none":            {nil, "", "found: none"},
		"good":            {map[string]string{"python3": fakePython(12, true)}, "/py/12", ""},
		"old":             {map[string]string{"python3": fakePython(8, true)}, "", "python3 3.8.1"},
		"no venv":         {map[string]string{"python3": fakePython(11, false)}, "", "apt install python3-venv (or python3.11-venv)"},
		"broken":          {map[string]string{"python3": "exit 1"}, "", "python3 (does not run)"},
		"a better beside": {map[string]string{"python3": fakePython(9, true), "python3.11": fakePython(11, true)}, "/py/11", ""},
		"only python":     {map[string]string{"python": fakePython(13, true)}, "/py/13", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path(t, c.programs)
			py, err := findPython(t.Context())
			if py.Path != c.found && err == nil || (err == nil) != (c.want == "") {
				t.Fatalf("found %+v, %v", py, err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "apt install")) {
				t.Errorf("%v\nwant %q and the remedy", err, c.want)
			}
		})
	}
}

func TestFindGo(t *testing.T) {
	golang, err := findGo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if exists(filepath.Join(golang.repo(), "go.mod")) == false {
		t.Errorf("no checkout at %q", golang.repo())
	}
	t.Chdir(t.TempDir())
	if _, err := findGo(t.Context()); err == nil || !strings.Contains(err.Error(), "not inside a checkout") {
		t.Errorf("outside of a checkout: %v", err)
	}
	path(t, nil)
	if _, err := findGo(t.Context()); !errors.Is(err, errNoGo) {
		t.Errorf("without Go: %v", err)
	}
}

// closedPort is an address where nobody answers.
const closedPort = "http://127.0.0.1:9"

func TestNoNetwork(t *testing.T) {
	golang, err := findGo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("go", func(t *testing.T) {
		offline := golang
		offline.GOMODCACHE = t.TempDir()
		offline.GOPROXY = closedPort
		t.Setenv("GOPROXY", closedPort)
		t.Setenv("GONOSUMDB", "*")
		missing, err := offline.missingModules()
		if err != nil || len(missing) < 10 {
			t.Fatalf("in an empty cache %d modules are missing, %v", len(missing), err)
		}
		err = offline.download(t.Context(), &progress{}, len(missing))
		if err == nil || !strings.Contains(err.Error(), "needs the network") || !strings.Contains(err.Error(), closedPort) {
			t.Errorf("%v; want the remedy and the proxy", err)
		}
	})
	t.Run("pip", func(t *testing.T) {
		if testing.Short() {
			t.Skip("-short: makes a Python environment")
		}
		py, err := findPython(t.Context())
		if err != nil {
			t.Skip(err)
		}
		t.Setenv("PIP_INDEX_URL", closedPort)
		dir := filepath.Join(t.TempDir(), "python")
		err = atomically(dir, func(dir string) error {
			return makeVenv(t.Context(), &progress{}, filepath.Dir(dir), py, dir, "JupyterLab", requirements)
		})
		if err == nil || !strings.Contains(err.Error(), "needs the network") {
			t.Errorf("%v; want the remedy", err)
		}
		if exists(dir) {
			t.Error("half an environment passes for a whole one")
		}
	})
}

func TestMissingModules(t *testing.T) {
	dir := t.TempDir()
	mod := filepath.Join(dir, "go.mod")
	os.WriteFile(mod, []byte("module x\n\nrequire example.com/One v1.0.0\n\ntool (\n\texample.com/tool\n)\n\n"+
		"require (\n\t// why\n\texample.com/two v2.0.0-2024 // indirect\n\texample.com/three v3.0.0\n)\n"), 0o600)
	cache := filepath.Join(dir, "cache")
	os.MkdirAll(filepath.Join(cache, "example.com", "!one@v1.0.0"), 0o700)
	os.MkdirAll(filepath.Join(cache, "example.com", "three@v3.0.0"), 0o700)
	got, err := toolchain{GOMOD: mod, GOMODCACHE: cache}.missingModules()
	if err != nil || !slices.Equal(got, []string{"example.com/two@v2.0.0-2024"}) {
		t.Errorf("missing: %v, %v", got, err)
	}
}

// An interrupted part is no part; the next set-up removes what is left of it
// and of parts that nobody has used for long, and nothing else.
func TestInterruptedSetup(t *testing.T) {
	cache := t.TempDir()
	part := filepath.Join(cache, "tools-1")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := atomically(part, func(dir string) error {
		cmd := exec.CommandContext(ctx, "sh", "-c", "sleep 300 & sleep 300")
		session.Group(cmd)
		time.AfterFunc(50*time.Millisecond, func() { cancel(session.ErrInterrupted) })
		out, err := cmd.CombinedOutput()
		return failure(ctx, "what", "remedy", out, err)
	})
	if !errors.Is(err, session.ErrInterrupted) {
		t.Errorf("%v; want the interruption itself, not a failed command", err)
	}
	if left, _ := os.ReadDir(cache); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	old := time.Now().Add(-2 * unused)
	for name, keep := range map[string]bool{
		"tools-1" + tempMark + "77": false, "python-1": true, "python-old": false, "book-old": true,
	} {
		dir := filepath.Join(cache, name)
		os.Mkdir(dir, 0o700)
		if strings.HasSuffix(name, "old") {
			os.Chtimes(dir, old, old)
		}
		defer func() {
			if exists(dir) != keep {
				t.Errorf("%s: there is %v, want %v", name, exists(dir), keep)
			}
		}()
	}
	clean(cache)
}

// emptyCache moves the set-up's cache to a new folder, which it returns. Go's
// own caches stay where they are.
func emptyCache(t *testing.T, golang toolchain) string {
	t.Helper()
	// Not t.TempDir, which must be empty in the end: the go command leaves a
	// process behind that writes its telemetry below HOME.
	base, err := os.MkdirTemp("", "home-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	t.Setenv("XDG_CACHE_HOME", base)
	t.Setenv("HOME", base) // macOS
	t.Setenv("GOMODCACHE", golang.GOMODCACHE)
	t.Setenv("GOCACHE", golang.GOCACHE)
	cache, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return cache
}

func TestLockedSetup(t *testing.T) {
	golang, err := findGo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cache := emptyCache(t, golang)
	lock, err := session.TryLock(filepath.Join(cache, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	ctx, cancel := context.WithCancelCause(t.Context())
	log := writerFunc(func(line []byte) {
		if bytes.Contains(line, []byte("another set-up is at work")) {
			cancel(session.ErrInterrupted)
		}
	})
	// If it waits without a word, or not at all, this does not end well.
	if _, err := Prepare(ctx, Options{Log: log}); !errors.Is(err, session.ErrInterrupted) {
		t.Errorf("%v; want to wait for the lock", err)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(p []byte) (int, error) { f(p); return len(p), nil }

// GoOnly needs no Python, and makes what another processor needs.
func TestGoOnly(t *testing.T) {
	golang, err := findGo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own, err := toolsKey(golang)
	if err != nil {
		t.Fatal(err)
	}
	cache := emptyCache(t, golang)
	t.Setenv("GOARCH", "arm64")
	if runtime.GOARCH == "arm64" {
		t.Setenv("GOARCH", "amd64")
	}
	golang, err = findGo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key, err := toolsKey(golang)
	if err != nil || key == own {
		t.Fatalf("the kernel for %s passes for this machine's: %s, %v", golang.GOARCH, key, err)
	}
	made := filepath.Join(cache, "tools-"+key)
	if err := os.Mkdir(made, 0o700); err != nil { // compiling it takes a minute
		t.Fatal(err)
	}
	path(t, map[string]string{"go": "exec '" + golang.goCommand() + `' "$@"`})
	if _, err := Prepare(t.Context(), Options{}); err == nil || !strings.Contains(err.Error(), "found: none") {
		t.Errorf("with no Python there: %v", err)
	}
	env, err := Prepare(t.Context(), Options{GoOnly: true})
	if err != nil || env.tools != made || exists(env.Book) {
		t.Errorf("only what Go makes: %+v, %v", env, err)
	}
}

func TestNoCacheFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, nil, 0o600)
	t.Setenv("XDG_CACHE_HOME", file)
	if runtime.GOOS == "darwin" {
		t.Setenv("HOME", file)
	}
	if _, err := cacheDir(); err == nil || !strings.Contains(err.Error(), "XDG_CACHE_HOME") {
		t.Errorf("%v; want the remedy", err)
	}
}

// Every requirement is pinned and has a checksum, for every system.
func TestRequirements(t *testing.T) {
	pinned := regexp.MustCompile(`^[a-z0-9-]+==[^ ]+( ; .+)? \\$`)
	hash := regexp.MustCompile(`^    --hash=sha256:[0-9a-f]{64}( \\)?$`)
	packages := 0
	for line := range strings.Lines(requirements) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || strings.HasPrefix(line, "#") || hash.MatchString(line):
		case pinned.MatchString(line):
			packages++
		default:
			t.Errorf("not pinned with a checksum: %q", line)
		}
	}
	if packages < 50 {
		t.Errorf("only %d packages", packages)
	}
}

// The user's own Python and Jupyter settings stay out.
func TestEnviron(t *testing.T) {
	for _, name := range []string{"PYTHONPATH", "JUPYTER_PATH", "JUPYTER_TOKEN", "PIP_TARGET", "VIRTUAL_ENV"} {
		t.Setenv(name, "user's")
	}
	env := Env{Book: "/book"}
	all := strings.Join(env.Environ(map[string]string{"JUPYTER_TOKEN": "ours"}), "\n")
	if strings.Contains(all, "user's") {
		t.Errorf("the user's settings are in\n%s", all)
	}
	for _, want := range []string{"JUPYTER_CONFIG_DIR=/book/", "JUPYTER_DATA_DIR=/book/", "JUPYTER_TOKEN=ours"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s", want)
		}
	}
}
