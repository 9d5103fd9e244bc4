package train_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "descent/mlkit/datasets" // which the program imports
)

// TestReadmeProgram keeps the README's promise: its program, in a module that
// uses this one as the README says, prints what the README says. It stands here
// because this package's tests import what the program does: all of that is
// compiled before the test starts, and not a second time beside it.
func TestReadmeProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles a program")
	}
	text, err := os.ReadFile("../../README.md")
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
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	replace := strings.ReplaceAll(find(`(?m)^    (replace descent => .*)$`), "../descent", root)
	// The other requirements, as `go mod tidy` would write them.
	ours, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	mod := strings.Replace(string(ours), "module descent", "module example", 1) +
		"\n" + find(`(?m)^    (require descent .*)$`) + "\n" + replace + "\n"
	mod = regexp.MustCompile(`(?s)\ntool \(.*?\)\n`).ReplaceAllString(mod, "\n")
	sum, err := os.ReadFile("../../go.sum")
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
