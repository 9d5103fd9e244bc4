package mlkit_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReadmeRename runs the README's rename on a copy. Every import must then
// lead to a package; nothing else of a program depends on the module's name, so
// it need not be compiled again, which would take a minute.
func TestReadmeRename(t *testing.T) {
	if testing.Short() {
		t.Skip("copies the repository")
	}
	for _, program := range []string{"git", "perl", "sh", "xargs"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	list := exec.Command("git", "ls-files", "-z")
	list.Dir = ".."
	files, err := list.Output()
	if err != nil {
		t.Skipf("needs the repository, to copy what belongs to it: %v", err)
	}
	dir := t.TempDir()
	for _, name := range strings.Split(strings.Trim(string(files), "\x00"), "\x00") {
		b, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			continue // removed and not committed yet
		}
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, b, 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	rename := regexp.MustCompile("(?s)```sh\n(go mod edit -module .*?)```").FindSubmatch(text)
	if rename == nil {
		t.Fatal("the README has no rename")
	}
	cmd := exec.Command("sh", "-c", "set -e; git init -q; git add -A\n"+string(rename[1])+`
if grep -rn --include='*.go' '"descent/[a-z]' .; then exit 1; fi
go list -deps -test ./... >packages
grep -qx github.com/you/descent/mlkit/train packages
go test ./mlkit -run TestWhoMayImportWhom`)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
