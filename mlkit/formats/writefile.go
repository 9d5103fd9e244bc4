package formats

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// WriteFile writes a file in such a way that its name always stands for
// something complete: what write writes goes to a temporary file in the same
// folder, which is synced to the disk and then renamed. Missing folders are
// made. When anything fails, a file that was there before stays as it was.
//
// As with os.Create, a symbolic link is followed, a file that was there keeps
// its mode, and a new one has that of the umask. What is no regular file (a
// device, a pipe, a folder) and a file that may not be written are errors.
func WriteFile(path string, write func(w io.Writer) error) error {
	t, err := replace(path)
	if err != nil {
		return err
	}
	defer t.abandon()
	b := bufio.NewWriterSize(t.file, 1<<16)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	return t.commit()
}

// CheckWritable returns the error that WriteFile would have with path, as far
// as can be known beforehand, so that hours of work do not end with it.
func CheckWritable(path string) error {
	t, err := replace(path)
	if err != nil {
		return err
	}
	t.abandon()
	return nil
}

// replacement is a temporary file that is to replace another, or to become a
// new one.
type replacement struct {
	path string // the file itself, no link
	file *os.File
	old  fs.FileInfo // nil for a new file
}

// replace makes the temporary file, after it has removed those that killed
// processes have left behind.
func replace(path string) (*replacement, error) {
	path, old, err := target(path)
	if err != nil {
		return nil, err
	}
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	sweep(dir, base)
	mode := fs.FileMode(0o666)
	if old != nil {
		mode = 0o600 // until it is whole: the old one may be secret
	}
	f, err := createTemp(dir, base, mode)
	if err != nil {
		return nil, err
	}
	return &replacement{path: path, file: f, old: old}, nil
}

// target follows symbolic links, also one to a file that is yet to be made, and
// refuses what cannot be replaced.
func target(path string) (string, fs.FileInfo, error) {
	start := path
	for range 40 { // as many as Linux follows
		info, err := os.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return path, nil, nil
		case err != nil:
			return "", nil, err
		case info.Mode().IsRegular():
			f, err := os.OpenFile(path, os.O_WRONLY, 0) // changes nothing
			if err != nil {
				return "", nil, err
			}
			return path, info, f.Close()
		case info.Mode()&fs.ModeSymlink == 0:
			return "", nil, &fs.PathError{Op: "write", Path: path, Err: fmt.Errorf("it is no regular file but %s", fileType(info.Mode()))}
		}
		to, err := os.Readlink(path)
		if err != nil {
			return "", nil, err
		}
		if !filepath.IsAbs(to) {
			// Not Join, which would take "link/.." for nothing.
			dir, _ := filepath.Split(path)
			to = dir + to
		}
		path = to
	}
	return "", nil, &fs.PathError{Op: "write", Path: start, Err: errors.New("too many symbolic links, perhaps in a circle")}
}

func fileType(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return m.String()
}

// Temporary files are named .base.number.tmp and locked as long as they are
// written.
func createTemp(dir, base string, mode fs.FileMode) (*os.File, error) {
	for range 10000 {
		name := filepath.Join(dir, "."+base+"."+strconv.FormatUint(rand.Uint64(), 10)+".tmp")
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		lock(f)
		// Another process may have swept it away before it was locked.
		mine, err := f.Stat()
		if err == nil {
			var there fs.FileInfo
			if there, err = os.Lstat(name); err == nil && os.SameFile(mine, there) {
				return f, nil
			}
		}
		f.Close()
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			os.Remove(name)
			return nil, err
		}
	}
	return nil, fmt.Errorf("no temporary file can be made for %s", filepath.Join(dir, base))
}

// sweep removes the temporary files of processes that are gone.
func sweep(dir, base string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), "."+base+".")
		number, tmp := strings.CutSuffix(number, ".tmp")
		if _, err := strconv.ParseUint(number, 10, 64); !ok || !tmp || err != nil || !e.Type().IsRegular() {
			continue
		}
		name := filepath.Join(dir, e.Name())
		if left, known := orphaned(name); known && left {
			os.Remove(name)
		} else if info, err := e.Info(); !known && err == nil && time.Since(info.ModTime()) > time.Hour {
			os.Remove(name) // where locks are not to be had
		}
	}
}

// commit puts the temporary file in the place of the other.
func (t *replacement) commit() error {
	if t.old != nil {
		keepOwner(t.file, t.old)
		if err := t.file.Chmod(t.old.Mode()); err != nil {
			return err
		}
	}
	if err := t.file.Sync(); err != nil {
		return err
	}
	name := t.file.Name()
	if closeFirst {
		if err := t.file.Close(); err != nil {
			return err
		}
	}
	if err := os.Rename(name, t.path); err != nil {
		return err
	}
	f := t.file
	t.file = nil
	if !closeFirst {
		if err := f.Close(); err != nil {
			return err
		}
	}
	// The rename itself is on the disk when the folder is. Some systems cannot
	// sync a folder; the file is then as safe as they make it.
	if d, e := os.Open(filepath.Dir(t.path)); e == nil {
		_ = d.Sync()
		d.Close()
	}
	return nil
}

// abandon removes the temporary file, unless it was committed.
func (t *replacement) abandon() {
	if t.file != nil {
		t.file.Close()
		os.Remove(t.file.Name())
	}
}
