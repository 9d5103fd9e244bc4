//go:build unix && !solaris && !illumos && !aix

package formats

import (
	"os"
	"syscall"
)

// mapFile puts a file into memory as its pages are read; unmap ends that.
func mapFile(f *os.File, size int64) (b []byte, unmap func() error, err error) {
	b, err = syscall.Mmap(int(f.Fd()), 0, int(size), syscall.PROT_READ, syscall.MAP_SHARED)
	return b, func() error { return syscall.Munmap(b) }, err
}
