// Package setup makes a machine ready for the book: a Python environment with
// JupyterLab and nbclient, the Go kernel (GoNB) and goimports, the downloaded
// Go modules. Everything lives in one cache folder; nothing is written into the
// user's own Jupyter, Python or home configuration.
//
// What is made is named after what it was made from (requirements, versions,
// checksums), so an upgrade makes anew what it must, several checkouts share
// what they can, and a set-up that was interrupted is simply done again: each
// part is built under a temporary name and renamed when it is complete.
package setup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"descent/notebooks/internal/session"
)

// unused is how long a part of the cache may lie unused before the next set-up
// that builds something removes it.
const unused = 60 * 24 * time.Hour

// Options says for whom to set up. The zero value is the checkout around the
// working directory, silently.
type Options struct {
	Log  io.Writer // progress; nil: none
	Warm []string  // packages worth compiling ahead, because notebooks import them

	// GoOnly leaves out what needs a Python of the machine that the book will
	// run on. With GOOS and GOARCH set, the rest is made for that machine's
	// processor, at this one's speed; Prepare over there finds it and adds
	// Python's part.
	GoOnly bool
}

// sharedVar names a folder with finished parts, made by a set-up with
// XDG_CACHE_HOME pointing above it. It need not be writable: what it lacks is
// made in the user's own cache folder. The image keeps its parts there, so that
// they serve whatever user the container runs as.
const sharedVar = "DESCENT_SHARED"

// Env is a machine that is ready.
type Env struct {
	Repo   string // the checkout, absolute
	Python string // the interpreter of the book's environment
	Book   string // this checkout's own Jupyter data and settings
	tools  string // folder of gonb and goimports
	gopls  string // folder of gopls, which there may not be yet
	golang toolchain

	// Urgent is for who waits for gopls: while it is compiled it does not give
	// way to what else runs.
	Urgent bool
}

// Prepare brings the machine to the state that the checkout asks for and
// returns it. When nothing is missing that takes some 50 ms; the first time it
// takes about a minute and needs the network. Several processes may call it at
// once: one works, the others wait.
//
// Every error says what to do.
func Prepare(ctx context.Context, opt Options) (*Env, error) {
	if err := session.Unsupported(); err != nil {
		return nil, err
	}
	log := &progress{out: opt.Log, start: time.Now()}
	cache, err := cacheDir()
	if err != nil {
		return nil, err
	}
	golang, err := findGo(ctx)
	if err != nil {
		return nil, err
	}
	key, err := toolsKey(golang)
	if err != nil {
		return nil, err
	}
	env := &Env{
		Repo:   golang.repo(),
		Book:   filepath.Join(cache, "book-"+digest(golang.repo())),
		tools:  part(cache, "tools-"+key),
		gopls:  goplsPart(cache, golang),
		golang: golang,
	}
	var python interpreter
	venv := "" // none
	if !opt.GoOnly {
		if python, err = findPython(ctx); err != nil {
			return nil, err
		}
		venv = part(cache, "python-"+pythonKey(python))
		env.Python = filepath.Join(venv, "bin", "python")
	}
	m, err := env.missing(venv)
	if err != nil {
		return nil, err
	}
	if m.any() {
		lock, err := session.Lock(ctx, filepath.Join(cache, "lock"), func() {
			log.printf("another set-up is at work; waiting for it")
		})
		if err != nil {
			return nil, fmt.Errorf("waiting for another set-up (lock %s): %w", filepath.Join(cache, "lock"), err)
		}
		defer lock.Close()
		// The one that we waited for may have done everything.
		if m, err = env.missing(venv); err != nil {
			return nil, err
		}
		if m.any() {
			log.printf("setting up in %s", cache)
			clean(cache)
			if err := build(ctx, log, env, python, venv, m, opt.Warm); err != nil {
				return nil, err
			}
			log.printf("ready; from now on this takes no time and no network")
		}
	}
	now := time.Now()
	for _, dir := range []string{venv, env.tools} {
		os.Chtimes(dir, now, now) // tells clean that it is in use
	}
	if opt.GoOnly {
		return env, nil
	}
	if err := env.writeBook(); err != nil {
		return nil, fmt.Errorf("writing Jupyter's settings: %w", err)
	}
	return env, nil
}

// missing is what a set-up has to make.
type missing struct {
	venv, tools bool
	modules     []string
}

func (m missing) any() bool { return m.venv || m.tools || len(m.modules) > 0 }

func (e *Env) missing(venv string) (missing, error) {
	modules, err := e.golang.missingModules()
	return missing{venv: venv != "" && !exists(venv), tools: !exists(e.tools), modules: modules}, err
}

// build makes the parts that are missing. Python's part waits for the network
// while Go's compiles, so they go side by side.
func build(ctx context.Context, log *progress, env *Env, python interpreter, venv string, m missing, warm []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	run := func(f func() error) {
		wg.Go(func() {
			if err := f(); err != nil {
				cancel(err) // the first cause is kept
			}
		})
	}
	if m.venv {
		run(func() error {
			return atomically(venv, func(dir string) error {
				return errors.Join(makeVenv(ctx, log, filepath.Dir(venv), python, dir, "JupyterLab", requirements), moveScripts(dir, venv))
			})
		})
	}
	run(func() error {
		if len(m.modules) > 0 {
			if err := env.golang.download(ctx, log, len(m.modules)); err != nil {
				return err
			}
		}
		if m.tools {
			err := atomically(env.tools, func(dir string) error { return env.golang.buildTools(ctx, log, dir) })
			if err != nil {
				return err
			}
		}
		// Afterwards: at once, both would compile what both need.
		if len(warm) > 0 {
			return log.timed("compiling what the notebook imports", func() error {
				env.WarmUp(ctx, warm)
				return nil
			})
		}
		return nil
	})
	wg.Wait()
	return context.Cause(ctx)
}

// atomically builds a folder under another name; only a complete one gets the
// name that others look for.
func atomically(dir string, make func(dir string) error) error {
	temp, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+tempMark)
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := make(temp); err != nil {
		return err
	}
	return os.Rename(temp, dir)
}

const tempMark = ".part-"

// clean removes what interrupted set-ups left and what nobody has used for a
// long time. The lock must be held.
func clean(cache string) {
	entries, _ := os.ReadDir(cache)
	for _, e := range entries {
		old := false
		if info, err := e.Info(); err == nil {
			old = time.Since(info.ModTime()) > unused && !strings.HasPrefix(e.Name(), "book-")
		}
		if e.IsDir() && (old || strings.Contains(e.Name(), tempMark)) {
			os.RemoveAll(filepath.Join(cache, e.Name()))
		}
	}
}

func cacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder: set HOME or XDG_CACHE_HOME (%w)", err)
	}
	dir := filepath.Join(base, "descent")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("cannot make the cache folder: make %s writable, or point XDG_CACHE_HOME to a folder that is (%w)", base, err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return "", err
	}
	return dir, nil
}

// part returns where a part of the set-up is, or is to be made.
func part(cache, name string) string {
	if shared := os.Getenv(sharedVar); shared != "" && exists(filepath.Join(shared, name)) {
		return filepath.Join(shared, name)
	}
	return filepath.Join(cache, name)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// digest names things after their contents: short, but no accident makes two
// equal.
func digest(parts ...string) string {
	h := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// progress prints what is being done with the seconds since the start.
type progress struct {
	mu    sync.Mutex
	out   io.Writer
	start time.Time
}

func (p *progress) printf(format string, args ...any) {
	if p.out == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "%5.1fs  %s\n", time.Since(p.start).Seconds(), fmt.Sprintf(format, args...))
}

// timed does the work, and says so before and after.
func (p *progress) timed(what string, work func() error) error {
	p.printf("%s ...", what)
	start := time.Now()
	if err := work(); err != nil {
		return err
	}
	p.printf("%s: done in %.1f s", what, time.Since(start).Seconds())
	return nil
}

// failure turns a failed command into an error that shows the end of what it
// printed and says what to do.
func failure(ctx context.Context, what, remedy string, output []byte, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	lines = lines[max(0, len(lines)-12):]
	return errors.New(what + ": " + err.Error() + "\n    " + strings.Join(lines, "\n    ") + "\n" + remedy)
}

// cause returns why a command failed: because the context ended, if it did.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
