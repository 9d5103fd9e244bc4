package datasets

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Extract unpacks a .tar, .tar.gz or .zip archive into the folder dir, which
// must not exist and appears only when it is complete. The archive is not
// trusted: absolute names, "..", links, devices and names of more than 4,096
// bytes or 100 folders are refused, as is an archive that unpacks to more than
// limit bytes or 200,000 entries, that holds no file, or that is cut short
// between two.
func Extract(archive, dir string, limit int64) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("datasets: %s: %w", archive, err)
		}
	}()
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("%s already exists", dir)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+".*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp) // gone by its new name if all went well
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(temp) // a second fence: nothing leaves it
	if err != nil {
		return err
	}
	defer root.Close()
	u := &unpacking{root: root, left: limit, entries: 200_000}
	if err := eachEntry(archive, limit+1<<28, u.entry); err != nil {
		return err
	}
	if u.files == 0 {
		return errors.New("the archive holds no files")
	}
	return os.Rename(temp, dir)
}

// entry is one file or folder of an archive.
type entry struct {
	name    string
	folder  bool
	regular bool
	size    int64
	open    func() (io.Reader, error)
}

// errStop ends eachEntry early.
var errStop = errors.New("stop")

// errBomb ends the unpacking of an archive that grows beyond its bound.
var errBomb = errors.New("the archive unpacks to more than is allowed")

// bounded passes on at most left bytes of a stream, and then fails. Entries
// that are skipped have to be unpacked, too.
type bounded struct {
	r     io.Reader
	left  int64
	zeros int // with which what was read ends
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errBomb
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return 0, errBomb
	}
	end := n - len(bytes.TrimRight(p[:n], "\x00"))
	if b.zeros += end; end < n {
		b.zeros = end
	}
	return n, err
}

// streamed bounds what a tar archive may unpack to in all if limit bytes of it
// are wanted.
func streamed(limit int64) int64 { return 16*limit + 1<<24 }

// eachEntry calls f for every entry of an archive. The stream of a tar archive,
// with skipped entries and headers, is bounded by most bytes.
func eachEntry(archive string, most int64, f func(entry) error) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	head := bufio.NewReader(file)
	magic, _ := head.Peek(4)
	switch {
	case string(magic) == "PK\x03\x04" || string(magic) == "PK\x05\x06":
		info, err := file.Stat()
		if err != nil {
			return err
		}
		z, err := zip.NewReader(file, info.Size())
		if err != nil {
			return err
		}
		for _, e := range z.File {
			var r io.ReadCloser
			err := f(entry{name: e.Name, folder: strings.HasSuffix(e.Name, "/"), regular: e.Mode().IsRegular(),
				size: int64(min(e.UncompressedSize64, 1<<62)),
				open: func() (_ io.Reader, err error) { r, err = e.Open(); return r, err }})
			if r != nil {
				r.Close()
			}
			if err != nil {
				return err
			}
		}
		return nil
	case len(magic) > 1 && magic[0] == 0x1f && magic[1] == 0x8b:
		z, err := gzip.NewReader(head)
		if err != nil {
			return err
		}
		return eachTar(z, most, f)
	}
	return eachTar(head, most, f)
}

func eachTar(r io.Reader, most int64, f func(entry) error) error {
	stream := &bounded{r: r, left: most}
	t := tar.NewReader(stream)
	for first := true; ; first = false {
		h, err := t.Next()
		if err == io.EOF && stream.zeros < 512 { // GNU tar and Go end here as well
			return errors.New("the archive has no end mark, a block of zeros: it is empty or truncated")
		}
		if err == io.EOF {
			return nil
		}
		if first && errors.Is(err, tar.ErrHeader) {
			return errors.New("neither a .tar, .tar.gz nor .zip archive, or damaged")
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader { // git archives carry their commit in one
			continue
		}
		err = f(entry{name: h.Name, folder: h.Typeflag == tar.TypeDir, regular: h.Typeflag == tar.TypeReg, size: h.Size,
			open: func() (io.Reader, error) { return t, nil }})
		if err != nil {
			return err
		}
	}
}

type unpacking struct {
	root    *os.Root
	left    int64
	entries int // that may still come
	files   int
}

func (u *unpacking) entry(e entry) error {
	name := path.Clean(strings.TrimSuffix(e.name, "/"))
	if u.entries--; u.entries < 0 {
		return errors.New("the archive has too many entries")
	}
	if len(e.name) > 4096 || strings.Count(e.name, "/") > 100 {
		return fmt.Errorf("%.40q…: the name has %d bytes and %d folders, more than is allowed", e.name, len(e.name), strings.Count(e.name, "/"))
	}
	if !filepath.IsLocal(filepath.FromSlash(name)) || strings.Contains(e.name, "\\") || path.IsAbs(e.name) {
		return fmt.Errorf("the archive wants to write to %q, outside of its folder", e.name)
	}
	if e.folder {
		return u.root.MkdirAll(name, 0o755)
	}
	if !e.regular {
		return fmt.Errorf("%q in the archive is a link or a device", e.name)
	}
	if e.size > u.left {
		return fmt.Errorf("%q: %w", e.name, errBomb)
	}
	r, err := e.open()
	if err != nil {
		return fmt.Errorf("%q: %w", e.name, err)
	}
	if parent := path.Dir(name); parent != "." {
		if err := u.root.MkdirAll(parent, 0o755); err != nil {
			return err
		}
	}
	out, err := u.root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	// What is counted is what comes, not what was announced.
	n, err := io.Copy(out, io.LimitReader(r, u.left+1))
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("%q: %w", e.name, err)
	}
	u.files++
	if u.left -= n; u.left < 0 {
		return fmt.Errorf("%q: %w", e.name, errBomb)
	}
	return nil
}

// member reads one file of an archive into memory, of at most limit bytes.
func member(archive, name string, limit int64) ([]byte, error) {
	b, err := entryOf(func(f func(entry) error) error { return eachEntry(archive, streamed(limit), f) }, name, limit)
	if err != nil {
		return nil, fmt.Errorf("datasets: %s: %w", archive, err)
	}
	return b, nil
}

// innerMember reads one file of a .tar.gz archive that is itself in memory.
func innerMember(archive []byte, name string, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	return entryOf(func(f func(entry) error) error { return eachTar(z, streamed(limit), f) }, name, limit)
}

// entryOf reads the entry with a name among those that each goes through.
func entryOf(each func(func(entry) error) error, name string, limit int64) ([]byte, error) {
	var b []byte
	err := each(func(e entry) error {
		if e.name != name || !e.regular {
			return nil
		}
		r, err := e.open()
		if err != nil {
			return err
		}
		if b, err = io.ReadAll(io.LimitReader(r, limit+1)); err != nil {
			return err
		}
		if int64(len(b)) > limit {
			return fmt.Errorf("%q is larger than %d bytes", name, limit)
		}
		return errStop
	})
	if errors.Is(err, errStop) {
		return b, nil
	}
	if err == nil {
		err = fmt.Errorf("there is no %q in it", name)
	}
	return nil, err
}
