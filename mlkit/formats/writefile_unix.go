//go:build unix && !solaris && !illumos && !aix

package formats

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// closeFirst: an open file can be renamed, and its lock keeps others from
// sweeping it away before it is.
const closeFirst = false

// lock holds the file until it is closed or the process ends, however it does.
// Where the file system knows no locks, sweep goes by the file's age.
func lock(f *os.File) { _ = flock(f, syscall.LOCK_EX) }

func flock(f *os.File, how int) error {
	for {
		if err := syscall.Flock(int(f.Fd()), how); !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// orphaned reports whether no process has locked the file; known is false where
// that cannot be said.
func orphaned(name string) (left, known bool) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return false, false
	}
	defer f.Close()
	switch err := flock(f, syscall.LOCK_EX|syscall.LOCK_NB); {
	case err == nil:
		return true, true
	case errors.Is(err, syscall.EWOULDBLOCK):
		return false, true
	}
	return false, false
}

// keepOwner gives the new file the old one's owner where it is another's and
// the process may (root writing a user's file).
func keepOwner(f *os.File, old fs.FileInfo) {
	info, err := f.Stat()
	if err != nil {
		return
	}
	was, ok := old.Sys().(*syscall.Stat_t)
	is, ok2 := info.Sys().(*syscall.Stat_t)
	if ok && ok2 && (was.Uid != is.Uid || was.Gid != is.Gid) {
		_ = f.Chown(int(was.Uid), int(was.Gid))
	}
}
