package setup

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"descent/notebooks/internal/session"
)

// gopls completes and explains code in cells. It is a module of its own,
// because it needs its own version of golang.org/x/tools. To upgrade it, in an
// empty folder:
//
//	go mod init gopls && go get -tool golang.org/x/tools/gopls@VERSION
//
//go:embed gopls.mod
var goplsMod string

//go:embed gopls.sum
var goplsSum string

const goplsPackage = "golang.org/x/tools/gopls"

var goplsVersion = regexp.MustCompile(`\t` + regexp.QuoteMeta(goplsPackage) + ` (v\S+)`).FindStringSubmatch(goplsMod)[1]

// goplsPart is the folder of gopls. The kernel has it on its PATH before there
// is one.
func goplsPart(cache string, t toolchain) string {
	return part(cache, "gopls-"+digest(goplsMod, goplsSum, t.GOVERSION, t.GOOS, t.GOARCH))
}

// InstallGopls makes sure that there is gopls, of the pinned version, and lets
// a new one read the packages that cells import, so that it answers the first
// question at once. It takes a minute the first time, and the first page does
// not need it: call it in the background. Kernels that already run find it.
func (e *Env) InstallGopls(ctx context.Context, log io.Writer, packages []string) error {
	if e.hasGopls(ctx) {
		return nil
	}
	cache := filepath.Dir(e.gopls)
	lock, err := session.Lock(ctx, filepath.Join(cache, "gopls.lock"), nil)
	if err != nil {
		return err
	}
	defer lock.Close()
	if e.hasGopls(ctx) {
		return nil
	}
	p := &progress{out: log, start: time.Now()}
	err = p.timed("completion and documentation: compiling gopls", func() error { return e.buildGopls(ctx) })
	if err == nil {
		err = p.timed("completion and documentation: reading the packages", func() error { return e.ShowGopls(ctx, packages) })
	}
	if err == nil {
		p.printf("completion (Tab) and documentation (Shift-Tab) are ready")
	}
	return err
}

// hasGopls reports whether the kernel finds the pinned version: ours, or, in
// the image, one on the PATH.
func (e *Env) hasGopls(ctx context.Context) bool {
	if exists(e.gopls) {
		now := time.Now()
		os.Chtimes(e.gopls, now, now) // tells clean that it is in use
		return true
	}
	path, err := exec.LookPath("gopls")
	if err != nil {
		return false
	}
	cmd := exec.CommandContext(ctx, path, "version")
	session.Group(cmd)
	out, err := cmd.Output()
	return err == nil && strings.HasPrefix(string(out), goplsPackage+" "+goplsVersion+"\n")
}

func (e *Env) buildGopls(ctx context.Context) error {
	// Not below the cache folder, where the next set-up takes unfinished parts
	// away.
	dir, err := os.MkdirTemp("", "gopls-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for name, text := range map[string]string{"go.mod": goplsMod, "go.sum": goplsSum} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	cmd := e.gently(e.golang.command(ctx, "build", "-ldflags=-s", "-o", "gopls", goplsPackage))
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return failure(ctx, "compiling gopls failed", "Cells run without it. It needs the network once (GOPROXY is "+e.golang.GOPROXY+"); the next start tries again.", out, err)
	}
	cache := filepath.Dir(e.gopls)
	lock, err := session.Lock(ctx, filepath.Join(cache, "lock"), nil)
	if err != nil {
		return err
	}
	defer lock.Close()
	return atomically(e.gopls, func(part string) error {
		return move(filepath.Join(dir, "gopls"), filepath.Join(part, "gopls"))
	})
}

// move moves a program, to another file system too.
func move(from, to string) error {
	if os.Rename(from, to) == nil {
		return nil
	}
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o755)
}

// gently lets a command in the background give way to what the reader does.
func (e *Env) gently(cmd *exec.Cmd) *exec.Cmd {
	if e.Urgent {
		return cmd
	}
	if nice, err := exec.LookPath("nice"); err == nil {
		cmd.Args = append([]string{"nice", "-n", "10", cmd.Path}, cmd.Args[1:]...)
		cmd.Path = nice
	}
	return cmd
}

// ShowGopls lets gopls read the packages, as a cell imports them; it remembers.
func (e *Env) ShowGopls(ctx context.Context, packages []string) error {
	if len(packages) == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "gopls-read-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	language := strings.TrimPrefix(e.golang.GOVERSION, "go")
	if language, _, _ = strings.Cut(language, " "); strings.Contains(language, "-") || language == "" {
		language = "1.26.0"
	}
	source := "package main\n\n"
	for _, path := range packages {
		source += fmt.Sprintf("import _ %q\n", path)
	}
	err = errors.Join(
		os.WriteFile(filepath.Join(dir, "main.go"), []byte(source+"\nfunc main() {}\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module cells\n\ngo "+language+"\n"), 0o600),
		os.WriteFile(filepath.Join(dir, "go.work"), fmt.Appendf(nil, "go %s\n\nuse (\n\t.\n\t%q\n)\n", language, e.Repo), 0o600))
	if err != nil {
		return err
	}
	program := filepath.Join(e.gopls, "gopls")
	if !exists(program) {
		program = "gopls"
	}
	cmd := e.golang.command(ctx)
	if cmd.Path, err = exec.LookPath(program); err != nil {
		return err
	}
	cmd.Args = []string{"gopls", "check", "main.go"}
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "GOWORK=", "GOPROXY=off",
		"PATH="+filepath.Join(e.golang.GOROOT, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	e.gently(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return failure(ctx, "gopls cannot read the packages", "Completion works, slower at first.", out, err)
	}
	return nil
}
