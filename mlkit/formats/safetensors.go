package formats

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// maxHeader is the limit of the reference implementation.
const maxHeader = 100_000_000

// metadataKey is the one name in a header that is no tensor's.
const metadataKey = "__metadata__"

// Safetensors is an open file of named tensors in the safetensors format
// (Hugging Face 2022): the length of a JSON header, the header, the data. Only
// the header is kept in memory; tensors are read on demand. A file whose header
// does not describe its data exactly is refused.
type Safetensors struct {
	// Metadata is the text stored with the tensors, by key.
	Metadata map[string]string
	Tensors
}

// OpenSafetensors opens a file, which the caller must close. Errors name the
// file and say what is wrong with it.
func OpenSafetensors(path string) (*Safetensors, error) { return open(path, NewSafetensors) }

// NewSafetensors reads the header of a file of size bytes from r, which it
// keeps for reading tensors.
func NewSafetensors(r io.ReaderAt, size int64) (*Safetensors, error) {
	var word [8]byte
	if size < 8 {
		return nil, fmt.Errorf("a file of %d bytes is too short for safetensors: it is truncated", size)
	}
	if _, err := r.ReadAt(word[:], 0); err != nil {
		return nil, fmt.Errorf("length of the header: %w", cutShort(err))
	}
	n := binary.LittleEndian.Uint64(word[:])
	if n > maxHeader {
		return nil, fmt.Errorf("a header of %d bytes (at most %d are allowed): not a safetensors file, or damaged", n, maxHeader)
	}
	if n < 2 || int64(n) > size-8 {
		return nil, fmt.Errorf("a header of %d bytes in a file of %d: the file is truncated or damaged", n, size)
	}
	text := make([]byte, n)
	if _, err := r.ReadAt(text, 8); err != nil {
		return nil, fmt.Errorf("header: %w", cutShort(err))
	}
	h, err := parseHeader(text)
	if err != nil {
		return nil, err
	}
	if err := tile(h.tensors, size-8-int64(n)); err != nil {
		return nil, err
	}
	s := &Safetensors{Metadata: h.metadata, Tensors: Tensors{r: r, start: 8 + int64(n),
		names: make([]string, len(h.tensors)), infos: h.byName}}
	for i, t := range h.tensors {
		s.names[i] = t.name
	}
	return s, nil
}

// tile sorts the tensors as their data lie, and checks that they cover the data
// without holes and overlaps.
func tile(tensors []headerEntry, size int64) error {
	slices.SortStableFunc(tensors, func(a, b headerEntry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	var at int64
	for _, e := range tensors {
		if e.begin != at {
			return fmt.Errorf("tensor %q begins at byte %d of the data, the one before it ends at %d: the file is damaged", e.name, e.begin, at)
		}
		at = e.end
	}
	switch {
	case at > size:
		return fmt.Errorf("the tensors take %d bytes, but the file holds only %d of them: it is truncated", at, size)
	case at < size:
		return fmt.Errorf("%d bytes follow after the last tensor: the file is damaged", size-at)
	}
	return nil
}
