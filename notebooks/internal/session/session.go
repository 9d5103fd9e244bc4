// Package session owns what one invocation leaves behind while it runs: a
// private folder for temporary files, and every process started below it. When
// the session closes, both are gone, whatever state a kernel or a cell is in.
//
// Processes are found by a mark in their environment rather than by their
// parent, because a cell's program outlives its kernel and is then nobody's
// child.
package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	prefix = "descent-"
	// markVar is set in the environment of everything that a session starts.
	markVar = "DESCENT_SESSION"
	// young folders are left alone by the sweep: their owner may not hold the
	// lock yet.
	young = time.Minute
)

// Unsupported says why this system cannot run kernels, or is nil.
func Unsupported() error { return unsupported() }

// Session is a folder and the processes that carry its mark.
type Session struct {
	// Dir is the session's own folder, readable by its owner only.
	Dir  string
	lock *os.File
}

// New makes a session in the system's folder for temporary files, and removes
// the folders of sessions that were killed before they could do it themselves.
func New() (*Session, error) {
	if err := unsupported(); err != nil {
		return nil, err
	}
	sweep()
	adopt()
	dir, err := os.MkdirTemp("", prefix) // 0700
	if err != nil {
		return nil, fmt.Errorf("no folder for temporary files (is TMPDIR writable?): %w", err)
	}
	// The mark is compared with what kernels see, so it must not depend on
	// links.
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	s := &Session{Dir: dir}
	for _, sub := range []string{"tmp", "runtime"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	s.lock, err = TryLock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// Runtime is where Jupyter keeps connection files and the server's address.
func (s *Session) Runtime() string { return filepath.Join(s.Dir, "runtime") }

// Environ returns what every process of the session must find in its
// environment.
func (s *Session) Environ() []string {
	return []string{
		markVar + "=" + s.Dir,
		"TMPDIR=" + filepath.Join(s.Dir, "tmp"),
		"JUPYTER_RUNTIME_DIR=" + s.Runtime(),
	}
}

// Script writes a program into the session's folder and returns its path.
func (s *Session) Script(name, text string) (string, error) {
	path := filepath.Join(s.Dir, name)
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// Command prepares a process of the session. It runs in a process group of its
// own, so that Ctrl-C at the terminal reaches the session alone, which then
// ends the others in order. Its standard input is a pipe that closes when this
// process dies, however it dies: programs that must not outlive it watch for
// the end of their input.
func (s *Session) Command(env []string, name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(name, args...)
	cmd.Env = append(env[:len(env):len(env)], s.Environ()...)
	ownGroup(cmd)
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, err
	}
	return cmd, nil
}

// Close kills what still carries the mark and removes the folder. It can be
// called more than once.
func (s *Session) Close() error {
	killMarked(markVar + "=" + s.Dir)
	var err error
	// A process that was being killed may create a last file.
	for range 20 {
		if err = os.RemoveAll(s.Dir); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if s.lock != nil {
		s.lock.Close()
		s.lock = nil
	}
	return err
}

// Stop asks the process to end, and ends it with its group after grace.
// done is closed when the process has been waited for.
func Stop(cmd *exec.Cmd, done <-chan struct{}, grace time.Duration) {
	if cmd.Process == nil {
		return
	}
	terminate(cmd.Process.Pid)
	select {
	case <-done:
	case <-time.After(grace):
	}
	killGroup(cmd.Process.Pid)
}

// Group makes cmd end with its whole process group when its context does. It
// is for helpers such as pip and go, which start children of their own.
func Group(cmd *exec.Cmd) {
	ownGroup(cmd)
	cmd.Cancel = func() error { killGroup(cmd.Process.Pid); return nil }
	cmd.WaitDelay = 2 * time.Second
}

// Folders returns the folders of all sessions, dead ones included.
func Folders() []string {
	temp := os.TempDir()
	if real, err := filepath.EvalSymlinks(temp); err == nil {
		temp = real
	}
	dirs, _ := filepath.Glob(filepath.Join(temp, prefix+"*"))
	return dirs
}

func sweep() {
	for _, dir := range Folders() {
		path := filepath.Join(dir, "lock")
		info, err := os.Stat(path)
		if err != nil || time.Since(info.ModTime()) < young {
			continue
		}
		if lock, err := TryLock(path); err == nil {
			killMarked(markVar + "=" + dir)
			os.RemoveAll(dir)
			lock.Close()
		}
	}
}

// ErrLocked is returned by TryLock when somebody else holds the lock.
var ErrLocked = errors.New("locked by another process")

// TryLock takes an exclusive lock on the file, which it creates. Closing the
// file, or dying, releases it.
func TryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// Lock waits for the lock; waiting is called once if it is not free.
func Lock(ctx context.Context, path string, waiting func()) (*os.File, error) {
	for {
		f, err := TryLock(path)
		if !errors.Is(err, ErrLocked) {
			return f, err
		}
		if waiting != nil {
			waiting()
			waiting = nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
