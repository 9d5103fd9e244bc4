package datasets

import (
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

	"descent/mlkit/data"
)

const (
	bccdFile   = "bccd.tar.gz"
	bccdURL    = "https://github.com/Shenggan/BCCD_Dataset/archive/d272fb14cdff6e473fafeeeba32aba5f560e9e43.tar.gz"
	bccdDigest = "949554629eeca49dcde5769d41eec538f3e700bf73f741bb865d0e49b2087dd1"
)

// ErrMissing is wrapped in the error for data that are not there and have to be
// put there by hand; its text says what to do.
var ErrMissing = errors.New("the data are missing")

// BCCD is 364 photographs of blood under the microscope, 640×480 pixels, with
// boxes around red cells, white cells and platelets (Shenggan, BCCD_Dataset,
// 2017; MIT), in the set's own division: 205 to train on, 87 to validate, 72 to
// test. Options scale them. Where the archive of the pinned commit, as its host
// packs it, is not in [Dir] as bccd.tar.gz (7 MB), the error wraps ErrMissing and
// names the address; what is in it is held against a checksum.
func BCCD(o data.ImageOptions) (train, val, test *data.ObjectImages, err error) {
	dir, err := Dir()
	if err != nil {
		return nil, nil, nil, err
	}
	archive := filepath.Join(dir, bccdFile)
	if _, err := os.Stat(archive); err != nil {
		return nil, nil, nil, fmt.Errorf("datasets: BCCD: %w: put the file %s (7 MB) there as %s, or set MLKIT_DATA to the folder that holds %s", ErrMissing, bccdURL, archive, bccdFile)
	}
	files, err := under(archive, "BCCD/", 64<<20)
	if err != nil {
		return nil, nil, nil, err
	}
	if sum := files.digest(); sum != bccdDigest {
		return nil, nil, nil, fmt.Errorf("datasets: %s: its contents have the checksum %s, not that of BCCD: fetch it again from %s", archive, sum, bccdURL)
	}
	var sets [3]*data.ObjectImages
	for i, name := range []string{"train", "val", "test"} {
		if sets[i], err = data.LoadVOC(files, name, []string{"RBC", "WBC", "Platelets"}, o); err != nil {
			return nil, nil, nil, fmt.Errorf("datasets: BCCD: %w", err)
		}
	}
	return sets[0], sets[1], sets[2], nil
}

// memory is files by name, as a file system that can only read whole files.
type memory map[string][]byte

func (m memory) ReadFile(name string) ([]byte, error) {
	if b, ok := m[name]; ok {
		return b, nil
	}
	return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
}

func (m memory) Open(name string) (fs.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
}

// digest is the SHA-256 of all names and contents in the order of the names: the
// same however the files were packed.
func (m memory) digest() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(h, "%s\x00%d\x00", name, len(m[name]))
		h.Write(m[name])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// under reads the files of an archive that lie in a folder, at the top or in the
// one folder that a host puts around them, into memory: limit bytes at most.
func under(archive, folder string, limit int64) (memory, error) {
	m := memory{}
	err := eachEntry(archive, func(e entry) error {
		name, ok := strings.CutPrefix(e.name, folder)
		if !ok {
			_, rest, _ := strings.Cut(e.name, "/")
			name, ok = strings.CutPrefix(rest, folder)
		}
		if !ok || !e.regular {
			return nil
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
			return errors.New("it unpacks to more than is allowed")
		}
		m[name] = b
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("datasets: %s: %w", archive, err)
	}
	return m, nil
}
