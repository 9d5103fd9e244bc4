package setup

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"descent/notebooks/internal/session"
)

//go:embed requirements.txt
var requirements string

// oldestPython is what requirements.txt was resolved for.
const oldestPython = 10

// interpreter is a Python that can make environments.
type interpreter struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Minor   int    `json:"minor"`
	Venv    bool   `json:"venv"`
}

// version is the number alone.
func (py interpreter) version() string { number, _, _ := strings.Cut(py.Version, " "); return number }

const probe = `
import importlib.util, json, sys
print(json.dumps({
    "path": sys.executable,
    "version": sys.version,
    "minor": sys.version_info[1] if sys.version_info[0] == 3 else 0,
    "venv": all(importlib.util.find_spec(m) for m in ("venv", "ensurepip")),
}))`

// findPython returns the first Python on the PATH that is good enough. The
// plain names come first: they are what the user chose.
func findPython(ctx context.Context) (interpreter, error) {
	names := []string{"python3", "python"}
	for minor := 14; minor >= oldestPython; minor-- {
		names = append(names, fmt.Sprintf("python3.%d", minor))
	}
	var seen []string
	noVenv := ""
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		cmd := exec.CommandContext(ctx, path, "-I", "-c", probe)
		session.Group(cmd)
		out, err := cmd.Output()
		var py interpreter
		if err != nil || json.Unmarshal(out, &py) != nil {
			if ctx.Err() != nil {
				return py, context.Cause(ctx)
			}
			seen = append(seen, name+" (does not run)")
			continue
		}
		if py.Minor < oldestPython {
			seen = append(seen, name+" "+py.version())
			continue
		}
		if !py.Venv {
			seen = append(seen, name+" "+py.version()+" without venv")
			noVenv = fmt.Sprintf("python3.%d-venv", py.Minor)
			continue
		}
		return py, nil
	}
	if noVenv != "" {
		return interpreter{}, fmt.Errorf("the Python on this machine cannot make environments (found: %s).\n"+
			"Install its venv module, on Debian and Ubuntu: sudo apt install python3-venv (or %s)", strings.Join(seen, ", "), noVenv)
	}
	found := "none"
	if len(seen) > 0 {
		found = strings.Join(seen, ", ")
	}
	return interpreter{}, fmt.Errorf("JupyterLab needs Python 3.%d or newer on the PATH (found: %s).\n"+
		"Install it, on Debian and Ubuntu: sudo apt install python3 python3-venv; on macOS: brew install python3", oldestPython, found)
}

// pythonKey changes with the interpreter too, so that an upgraded system Python
// gets a new environment instead of a broken one.
func pythonKey(py interpreter) string { return digest(requirements, py.Path, py.Version) }

// makeVenv makes an environment in dir and installs what the requirements list:
// with uv, or where it cannot be had with what Python brings.
func makeVenv(ctx context.Context, log *progress, cache string, py interpreter, dir, what, requirements string) error {
	u, err := findUV(ctx, log, cache, py)
	if err == nil {
		err = log.timed("installing "+what+" for Python "+py.version()+" with uv "+u.version, func() error {
			return u.install(ctx, py, dir, requirements)
		})
	}
	if err == nil || ctx.Err() != nil {
		return err
	}
	log.printf("pip takes the place of uv: %s", strings.Join(strings.Fields(err.Error()), " "))
	if err := empty(dir); err != nil {
		return err
	}
	return pipVenv(ctx, log, py, dir, what, requirements)
}

// empty removes what is in the folder.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}

// pipVenv does what uv.install does with venv and pip.
func pipVenv(ctx context.Context, log *progress, py interpreter, dir, what, requirements string) error {
	run := func(name string, args ...string) ([]byte, error) {
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Env = pythonEnviron()
		cmd.Dir = dir // Python would take modules from the working directory
		session.Group(cmd)
		return cmd.CombinedOutput()
	}
	err := log.timed("making an environment with Python "+py.version(), func() error {
		out, err := run(py.Path, "-m", "venv", dir)
		if err != nil {
			return failure(ctx, "making a Python environment failed",
				"On Debian and Ubuntu: sudo apt install python3-venv. Is there room on the disk?", out, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	list := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(list, []byte(requirements), 0o600); err != nil {
		return err
	}
	return log.timed("installing "+what, func() error {
		out, err := run(filepath.Join(dir, "bin", "python"), "-m", "pip", "install",
			"--quiet", "--no-deps", "--require-hashes", "--disable-pip-version-check", "--no-input",
			"--retries", "2", "--timeout", "20", "-r", list)
		if err != nil {
			return failure(ctx, "pip could not install "+what,
				"The first start needs the network (or a pip mirror, see `pip config`); start again and it goes on from here.", out, err)
		}
		return nil
	})
}

// moveScripts makes the programs of an environment find it under its final
// name: they hold its path.
func moveScripts(dir, to string) error {
	files, err := filepath.Glob(filepath.Join(dir, "bin", "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		info, err := os.Lstat(file)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if moved := bytes.ReplaceAll(text, []byte(dir), []byte(to)); !bytes.Equal(moved, text) {
			// As a new file: this one may be a link into uv's cache.
			if err := errors.Join(os.Remove(file), os.WriteFile(file, moved, info.Mode().Perm())); err != nil {
				return err
			}
		}
	}
	return nil
}

// pythonEnviron is the environment without what would mix another Python's
// packages, or the user's own Jupyter, into ours.
func pythonEnviron() []string {
	env := slices.DeleteFunc(os.Environ(), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		switch name {
		case "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "VIRTUAL_ENV",
			"UV_SYSTEM_PYTHON", "UV_BREAK_SYSTEM_PACKAGES", "UV_PYTHON", "UV_CONSTRAINT", "UV_OVERRIDE":
			return true
		}
		return strings.HasPrefix(name, "PYTHON") || strings.HasPrefix(name, "JUPYTER")
	})
	// Options of pip.conf that would install elsewhere.
	return append(env, "PIP_USER=0", "PIP_REQUIRE_VIRTUALENV=0", "PYTHONNOUSERSITE=1", "PYTHONUTF8=1")
}

var errNoGo = errors.New("the go command is not on the PATH: install Go 1.26 or newer (https://go.dev/dl), the kernel compiles every cell with it")

// CompilePython compiles what Python would else compile at the first import, a
// second or two of JupyterLab's first start. Where that cannot be kept, in a
// read-only set-up, nothing is lost.
func (e *Env) CompilePython(ctx context.Context) {
	cmd := exec.CommandContext(ctx, e.Python, "-m", "compileall", "-q", "-q", filepath.Join(filepath.Dir(filepath.Dir(e.Python)), "lib"))
	cmd.Env = pythonEnviron()
	session.Group(cmd)
	cmd.Run()
}
