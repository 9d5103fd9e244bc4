//go:build !unix || solaris || illumos || aix

package formats

import (
	"io"
	"os"
)

// mapFile reads a file: here it cannot be mapped.
func mapFile(f *os.File, size int64) (b []byte, unmap func() error, err error) {
	b = make([]byte, size)
	_, err = io.ReadFull(io.NewSectionReader(f, 0, size), b)
	return b, func() error { return nil }, err
}
