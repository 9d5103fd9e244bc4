package gonb

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The changes fit GoNB as go.mod pins it.
func TestWrite(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", Module).Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "gonb")
	if err := Write(strings.TrimSpace(string(out)), dir); err != nil {
		t.Fatal(err)
	}
	// And say which does not: here all are there already.
	if err := Write(dir, filepath.Join(t.TempDir(), "again")); err == nil || !strings.Contains(err.Error(), "notebooks/internal/gonb changes") {
		t.Errorf("changed twice: %v", err)
	}
	if bad, err := exec.Command("gofmt", "-l", filepath.Join(dir, "internal"), filepath.Join(dir, "main.go")).CombinedOutput(); err != nil || len(bad) > 0 {
		t.Errorf("gofmt: %s%v", bad, err)
	}
}
