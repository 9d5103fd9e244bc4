package datasets

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrMissing is wrapped by the errors for data that have to be put in place by
// hand; their text says how.
var ErrMissing = errors.New("the data are missing")

// memory is files by name, as a file system without folders.
type memory map[string][]byte

func (m memory) Open(name string) (fs.File, error) {
	b, ok := m[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return &openFile{Reader: bytes.NewReader(b)}, nil
}

// openFile is a file in memory that can only be read.
type openFile struct{ *bytes.Reader }

func (openFile) Close() error { return nil }

func (openFile) Stat() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }

// digest is the SHA-256 of all names and contents in the order of the names:
// the same however the files were packed.
func (m memory) digest() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(h, "%s\x00%d\x00", name, len(m[name]))
		h.Write(m[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// hosted is an archive of a pinned commit. Its host may repack it at any time,
// so the checksum is that of its contents, not of the archive.
type hosted struct {
	what   string // of the messages
	file   string // in Dir
	size   string
	url    string
	folder string // the one that is read
	suffix string // of the names that count, or ""
	digest string
}

// read returns the files in the folder by name. Every error says how to get the
// archive.
func (h hosted) read() (memory, error) {
	dir, err := Dir()
	if err != nil {
		return nil, err
	}
	archive := filepath.Join(dir, h.file)
	get := fmt.Sprintf("curl -fL --create-dirs -o '%s' %s", archive, h.url)
	if _, err := os.Stat(archive); err != nil {
		return nil, fmt.Errorf("datasets: %s: %w: put the file %s (%s) there as %s, for example with\n\t%s\nor set MLKIT_DATA to the folder that holds %s",
			h.what, ErrMissing, h.url, h.size, archive, get, h.file)
	}
	files, err := under(archive, h.folder, 64<<20)
	if err == nil {
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return !strings.HasSuffix(name, h.suffix) })
		if sum := files.digest(); sum != h.digest {
			err = fmt.Errorf("datasets: %s: %d files in %s with the checksum %s, want %s", archive, len(files), h.folder, sum, h.digest)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: these are not the data of %s, or not all of them: download them again with\n\t%s", err, h.what, get)
	}
	return files, nil
}

// under reads the files of an archive that lie in a folder, at the top or
// inside the single folder that a host puts around them, into memory: limit
// bytes at most.
func under(archive, folder string, limit int64) (memory, error) {
	return gather(archive, limit, func(e entry) (string, bool) {
		name, ok := strings.CutPrefix(e.name, folder)
		if !ok {
			_, rest, _ := strings.Cut(e.name, "/")
			name, ok = strings.CutPrefix(rest, folder)
		}
		return name, ok
	})
}

// gather reads the files of an archive that pick selects and names into memory:
// limit bytes at most.
func gather(archive string, limit int64, pick func(entry) (name string, ok bool)) (memory, error) {
	m := memory{}
	err := eachEntry(archive, streamed(limit), func(e entry) error {
		name, ok := pick(e)
		if !ok || !e.regular {
			return nil
		}
		if _, twice := m[name]; twice {
			return fmt.Errorf("%q is in the archive twice", name)
		}
		r, err := e.open()
		if err != nil {
			return err
		}
		b, err := io.ReadAll(io.LimitReader(r, limit+1))
		if err != nil {
			return err
		}
		if limit -= int64(len(b)); limit < 0 || len(m) > 200_000 {
			return errBomb
		}
		m[name] = b
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("datasets: %s: %w", archive, err)
	}
	return m, nil
}
