package setup

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"unicode"

	"descent/notebooks/internal/gonb"
	"descent/notebooks/internal/session"
)

// modulePath is the module whose checkout holds the book.
const modulePath = "descent"

// tools are the programs that the kernel consists of; go.mod pins them.
var tools = []string{gonb.Module, "golang.org/x/tools/cmd/goimports"}

// toolchain is what `go env` says inside the checkout, which is also the
// toolchain that go.mod selects.
type toolchain struct {
	GOMOD, GOROOT, GOVERSION, GOMODCACHE, GOCACHE, GOPROXY string
	GOOS, GOARCH                                           string
}

func findGo(ctx context.Context) (toolchain, error) {
	var t toolchain
	path, err := exec.LookPath("go")
	if err != nil {
		return t, errNoGo
	}
	cmd := exec.CommandContext(ctx, path, "env", "-json",
		"GOMOD", "GOROOT", "GOVERSION", "GOMODCACHE", "GOCACHE", "GOPROXY", "GOOS", "GOARCH")
	session.Group(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return t, failure(ctx, "go env failed", "Does `go version` work in this folder?", out, err)
	}
	if err := json.Unmarshal(out, &t); err != nil {
		return t, fmt.Errorf("go env -json: %w", err)
	}
	mod, err := os.ReadFile(t.GOMOD)
	if err != nil || !strings.HasPrefix(string(mod), "module "+modulePath+"\n") {
		dir, _ := os.Getwd()
		return t, fmt.Errorf("%s is not inside a checkout of %s: change into the folder that holds go.mod and notebooks/", dir, modulePath)
	}
	return t, nil
}

func (t toolchain) repo() string { return filepath.Dir(t.GOMOD) }

func (t toolchain) goCommand() string { return filepath.Join(t.GOROOT, "bin", "go") }

// toolsKey changes with everything the tools are compiled from.
func toolsKey(t toolchain) (string, error) {
	parts := []string{t.GOVERSION, t.GOOS, t.GOARCH, gonb.Digest()}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(t.repo(), name))
		if err != nil {
			return "", err
		}
		parts = append(parts, string(data))
	}
	return digest(parts...), nil
}

// environ is the environment of every go command that we or the kernel run. The
// user's workspace and flags are left out: they would change what a cell means.
// (GOWORK is empty, not off: the kernel has a workspace of its own.) Without
// cgo a machine needs no C compiler, and the set-up and the cells share one
// compiled standard library.
func (t toolchain) environ() map[string]string {
	return map[string]string{
		"CGO_ENABLED": "0",
		"GOCACHE":     t.GOCACHE,
		"GOFLAGS":     "-buildvcs=false",
		"GOMODCACHE":  t.GOMODCACHE,
		"GOOS":        t.GOOS,
		"GOARCH":      t.GOARCH,
		"GOTOOLCHAIN": "local",
		"GOWORK":      "",
		"GO111MODULE": "",
	}
}

func (t toolchain) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, t.goCommand(), args...)
	cmd.Dir = t.repo()
	cmd.Env = os.Environ()
	for k, v := range t.environ() {
		cmd.Env = append(cmd.Env, k+"="+v)
	}
	cmd.Env = append(cmd.Env, "GOWORK=off") // a workspace around the checkout is not ours
	session.Group(cmd)
	return cmd
}

// missingModules returns those of the modules of go.mod that are not in the
// module cache. The kernel works offline, so all of them must be there before
// it starts.
func (t toolchain) missingModules() ([]string, error) {
	file, err := os.Open(t.GOMOD)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var missing []string
	look := func(path, version string) {
		if !exists(filepath.Join(t.GOMODCACHE, escape(path)+"@"+escape(version))) {
			missing = append(missing, path+"@"+version)
		}
	}
	inRequire := false
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		switch {
		case len(fields) >= 2 && fields[0] == "require" && fields[1] == "(":
			inRequire = true
			continue
		case len(fields) >= 3 && fields[0] == "require":
			fields = fields[1:]
		case len(fields) > 0 && fields[0] == ")":
			inRequire = false
			continue
		case !inRequire || len(fields) < 2 || strings.HasPrefix(fields[0], "//"):
			continue
		}
		look(fields[0], fields[1])
	}
	return missing, lines.Err()
}

// escape writes capitals as the module cache does, for file systems that do not
// tell them apart (go.dev/ref/mod#module-cache).
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsUpper(r) {
			b.WriteByte('!')
			r = unicode.ToLower(r)
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (t toolchain) download(ctx context.Context, log *progress, missing int) error {
	return log.timed(fmt.Sprintf("downloading %d Go modules", missing), func() error {
		out, err := t.command(ctx, "mod", "download").CombinedOutput() // their go.mod files too
		if err != nil {
			return failure(ctx, "downloading the Go modules failed",
				"The first start needs the network (GOPROXY is "+t.GOPROXY+"); start again and it goes on from here.", out, err)
		}
		return nil
	})
}

func (t toolchain) buildTools(ctx context.Context, log *progress, dir string) error {
	return log.timed("compiling the Go kernel", func() error {
		mod, err := t.kernelSource(ctx, filepath.Dir(dir))
		if err != nil {
			return err
		}
		defer os.RemoveAll(filepath.Dir(mod))
		args := append([]string{"build", "-ldflags=-s", "-modfile=" + mod, "-o", dir + string(filepath.Separator)}, tools...)
		out, err := t.command(ctx, args...).CombinedOutput()
		if err != nil {
			return failure(ctx, "compiling the Go kernel failed",
				"Does `go build ./...` work in the checkout? Is there room on the disk?", out, err)
		}
		return nil
	})
}

// kernelSource writes GoNB's source with our changes into the cache, and
// returns a go.mod, in a folder of its own, that has it in the place of GoNB's
// module. The name of the source's folder says what is in it: Go's cache keeps
// what is compiled from there.
func (t toolchain) kernelSource(ctx context.Context, cache string) (mod string, err error) {
	cmd := t.command(ctx, "list", "-m", "-f", "{{.Dir}}", gonb.Module)
	out, err := cmd.Output()
	module := strings.TrimSpace(string(out))
	if err != nil || module == "" {
		return "", failure(ctx, "go list -m "+gonb.Module+" failed", "Does `go build ./...` work in the checkout?", out, err)
	}
	source := filepath.Join(cache, "gonb-"+digest(filepath.Base(module), gonb.Digest()))
	if !exists(source) {
		if err := atomically(source, func(dir string) error { return gonb.Write(module, dir) }); err != nil {
			return "", fmt.Errorf("writing the kernel's source: %w", err)
		}
	}
	dir, err := os.MkdirTemp("", "gonb-mod-")
	if err != nil {
		return "", err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(t.repo(), name))
		if name == "go.mod" {
			data = fmt.Appendf(data, "\nreplace %s => %s\n", gonb.Module, strconv.Quote(source))
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			os.RemoveAll(dir)
			return "", err
		}
	}
	return filepath.Join(dir, "go.mod"), nil
}

// WarmUp compiles packages ahead of the first cell that imports them. What
// fails to compile is the notebook's business, so it returns nothing.
func (e *Env) WarmUp(ctx context.Context, packages []string) {
	if e.golang.command(ctx, append([]string{"build"}, packages...)...).Run() == nil {
		return
	}
	// One path that does not resolve fails them all: compile one by one.
	for _, p := range packages {
		if ctx.Err() == nil {
			e.golang.command(ctx, "build", p).Run()
		}
	}
}

// Fetch loads the data sets that are packages, of those named, so that cells
// find them without a network.
func (e *Env) Fetch(ctx context.Context, log io.Writer, names []string) error {
	if len(names) == 0 {
		return nil // and the library is not compiled for it
	}
	dir, err := os.MkdirTemp("", "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// Not `go run`: that would keep the program in Go's cache.
	program := filepath.Join(dir, "fetch")
	out, err := e.golang.command(ctx, "build", "-ldflags=-s", "-o", program, modulePath+"/notebooks/internal/fetch").CombinedOutput()
	if err != nil {
		return failure(ctx, "compiling what loads the data sets failed", "Does `go build ./...` work in the checkout?", out, err)
	}
	cmd := e.golang.command(ctx)
	cmd.Path, cmd.Args = program, append([]string{program}, names...)
	cmd.Env = append(cmd.Env, "MLKIT_PYTHON="+e.Python, // ours has pip, others may not
		"PATH="+filepath.Join(e.golang.GOROOT, "bin")+string(filepath.ListSeparator)+os.Getenv("PATH"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return cause(ctx, err)
	}
	return nil
}
