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

// TestReadmeProgram keeps the README's promise: its program, in a module that
// uses this one as the README says, prints what the README says.
func TestReadmeProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	find := func(pattern string) string {
		m := regexp.MustCompile(pattern).FindSubmatch(text)
		if m == nil {
			t.Fatalf("the README has nothing like %s", pattern)
		}
		return string(m[1])
	}
	program, want := find("(?s)```go\n(.*?)```"), find("It prints `(.*?)`")
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	replace := strings.ReplaceAll(find(`(?m)^    (replace descent => .*)$`), "../descent", root)
	// The other requirements, as `go mod tidy` would write them.
	ours, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mod := strings.Replace(string(ours), "module descent", "module example", 1) +
		"\n" + find(`(?m)^    (require descent .*)$`) + "\n" + replace + "\n"
	mod = regexp.MustCompile(`(?s)\ntool \(.*?\)\n`).ReplaceAllString(mod, "\n")
	sum, err := os.ReadFile("../go.sum")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range map[string]string{"go.mod": mod, "go.sum": string(sum), "main.go": program} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := strings.TrimSpace(string(out)); got != want {
		t.Errorf("the program prints %q, the README says %q", got, want)
	}
}

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
