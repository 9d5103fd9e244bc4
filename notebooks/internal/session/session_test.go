//go:build unix

package session

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCloseEndsEverything(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(s.Dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others can look into the session's folder: %v, %v", info.Mode(), err)
	}
	// A child that leaves the process group, and a grandchild whose parent is
	// gone.
	cmd, err := s.Command(os.Environ(), "sh", "-c", "sh -c 'sleep 300 & echo $TMPDIR > $TMPDIR/file' ; echo started; sleep 300")
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.Read(make([]byte, 10))
	for n := 0; n < 3; time.Sleep(10 * time.Millisecond) { // or the test times out
		n = len(marked(markVar + "=" + s.Dir))
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if left := marked(markVar + "=" + s.Dir); len(left) > 0 {
		t.Errorf("processes %v are left", left)
	}
	if _, err := os.Stat(s.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
	cmd.Wait()
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

// The next session clears up after one that was killed, and leaves living ones
// alone.
func TestSweep(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	living, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer living.Close()
	dead := filepath.Join(temp, prefix+"dead")
	os.Mkdir(dead, 0o700)
	os.WriteFile(filepath.Join(dead, "lock"), nil, 0o600)
	long := time.Now().Add(-time.Hour)
	for _, dir := range []string{dead, living.Dir} {
		if err := os.Chtimes(filepath.Join(dir, "lock"), long, long); err != nil {
			t.Fatal(err)
		}
	}
	next, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if _, err := os.Stat(dead); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder of a dead session is left: %v", err)
	}
	if _, err := os.Stat(living.Dir); err != nil {
		t.Errorf("a living session lost its folder: %v", err)
	}
}

func TestNoTemporaryFolder(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	if _, err := New(); err == nil || !strings.Contains(err.Error(), "TMPDIR") {
		t.Errorf("%v; want a hint at TMPDIR", err)
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := TryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := TryLock(path); !errors.Is(err, ErrLocked) {
		t.Errorf("locked twice: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	waits := 0
	if _, err := Lock(ctx, path, func() { waits++ }); !errors.Is(err, context.DeadlineExceeded) || waits != 1 {
		t.Errorf("waiting: %v, announced %d times", err, waits)
	}
	first.Close()
	second, err := Lock(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	second.Close()
}

func TestStop(t *testing.T) {
	cmd := exec.Command("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
	ownGroup(cmd)
	out, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out.Read(make([]byte, 10))
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done) }()
	Stop(cmd, done, 10*time.Millisecond)
	<-done // or the test times out
}
