package formats

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"time"
)

// WriteFile writes a file in such a way that its name always stands for
// something complete: what write writes goes to a temporary file in the same
// folder, which is synced to the disk and then renamed. Missing folders are
// made. When anything fails, a file that was there before stays as it was.
func WriteFile(path string, write func(w io.Writer) error) (err error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	sweep(dir, base)
	f, err := os.CreateTemp(dir, "."+base+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	b := bufio.NewWriterSize(f, 1<<16)
	if err = write(b); err != nil {
		return err
	}
	if err = b.Flush(); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil { // CreateTemp made it private
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	// The rename itself is on the disk when the folder is. Some systems cannot
	// sync a folder; the file is then as safe as they make it.
	if d, e := os.Open(dir); e == nil {
		_ = d.Sync()
		d.Close()
	}
	return nil
}

// sweep removes what a killed process left behind long ago.
func sweep(dir, base string) {
	left, _ := filepath.Glob(filepath.Join(dir, "."+base+".*.tmp"))
	for _, name := range left {
		if info, err := os.Stat(name); err == nil && time.Since(info.ModTime()) > time.Hour {
			os.Remove(name)
		}
	}
}
