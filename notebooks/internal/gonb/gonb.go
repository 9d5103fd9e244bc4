// Package gonb makes the book's Go kernel: GoNB as go.mod pins it, with a few
// changes. Each is a piece of text that stands once in GoNB's source and what
// takes its place, so that an upgrade of GoNB that moves something fails at
// once and says what. A change that GoNB has taken is deleted here; when none
// is left, so is the package, and the set-up compiles the module itself.
package gonb

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Module is GoNB's module, and the package of its program.
const Module = "github.com/janpfeifer/gonb"

//go:embed descent.go.txt
var descent []byte

//go:embed goplsclient.go.txt
var goplsClient []byte

//go:embed cellerror/cellerror.go
var compileErrors []byte

//go:embed cellerror/panic.go
var panics []byte

// Only Linux can be told to end a process with the one that started it.
const (
	dieOnLinux = `package goplsclient

import "syscall"

func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGKILL }
`
	dieElsewhere = `//go:build !linux

package goplsclient

import "syscall"

func dieWithParent(*syscall.SysProcAttr) {}
`
)

// added are the files that GoNB lacks.
var added = []struct {
	name string
	text []byte
}{
	{"internal/goexec/descent.go", descent},
	{"internal/goexec/goplsclient/descent.go", goplsClient},
	{"internal/goexec/goplsclient/die_linux.go", []byte(dieOnLinux)},
	{"internal/goexec/goplsclient/die_other.go", []byte(dieElsewhere)},
	{"internal/cellerror/cellerror.go", compileErrors},
	{"internal/cellerror/panic.go", panics},
}

// Digest changes with what Write makes of a given source.
func Digest() string {
	h := sha256.New()
	for _, e := range edits {
		fmt.Fprintf(h, "%q %q %q\n", e.file, e.old, e.new)
	}
	for _, a := range added {
		fmt.Fprintf(h, "%q %q\n", a.name, a.text)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

// Write writes GoNB's module, from the folder where the module cache has it,
// with the changes into another one.
func Write(source, dir string) error {
	err := filepath.WalkDir(source, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel == "docs" || rel == "examples" || rel == "binder" || d.Name() == "testdata" {
				return fs.SkipDir // 60 MB that no program is made of
			}
			return os.MkdirAll(filepath.Join(dir, rel), 0o755) // the cache's cannot be written
		}
		if strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(dir, rel), data, 0o644)
	})
	if err != nil {
		return err
	}
	for _, a := range added {
		to := filepath.Join(dir, filepath.FromSlash(a.name))
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, a.text, 0o644); err != nil {
			return err
		}
	}
	for _, e := range edits {
		path := filepath.Join(dir, filepath.FromSlash(e.file))
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if n := bytes.Count(text, []byte(e.old)); n != 1 {
			return fmt.Errorf("%s of GoNB has %d times, not once, what notebooks/internal/gonb changes (%s):\n%s", e.file, n, e.why, e.old)
		}
		text = bytes.Replace(text, []byte(e.old), []byte(e.new), 1)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
