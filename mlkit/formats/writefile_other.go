//go:build !unix || solaris || illumos || aix

package formats

import (
	"io/fs"
	"os"
)

const closeFirst = true

func lock(*os.File) {}

func orphaned(string) (left, known bool) { return false, false }

func keepOwner(*os.File, fs.FileInfo) {}
