package formats

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"os"
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

	r      io.ReaderAt
	start  int64 // of the data
	names  []string
	infos  map[string]*TensorInfo
	closer io.Closer
}

// TensorInfo describes a tensor as the header does.
type TensorInfo struct {
	DType string // "F32", "BF16", "I64", …
	Dims  []int

	begin, end int64
}

// OpenSafetensors opens a file, which the caller must close. Errors name the
// file and say what is wrong with it.
func OpenSafetensors(path string) (*Safetensors, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("formats: %w", err)
	}
	info, err := f.Stat()
	var s *Safetensors
	if err == nil {
		s, err = NewSafetensors(f, info.Size())
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("formats: %s: %w", path, err)
	}
	s.closer = f
	return s, nil
}

// Close closes the file that OpenSafetensors opened.
func (s *Safetensors) Close() error {
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}

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
	s := &Safetensors{Metadata: h.metadata, r: r, start: 8 + int64(n), names: make([]string, len(h.tensors)), infos: h.byName}
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

// Names returns the names of the tensors in the order of their data.
func (s *Safetensors) Names() []string { return s.names }

// Info returns the description of a tensor and whether the file has it.
func (s *Safetensors) Info(name string) (TensorInfo, bool) {
	if i, ok := s.infos[name]; ok {
		return *i, true
	}
	return TensorInfo{}, false
}

// Read reads a tensor in its own type. F16, BF16 and the 8-bit floats become
// float32, which represents them exactly. F4, F6 and C64 tensors are an error:
// Array.Data has no type for them.
func (s *Safetensors) Read(name string) (Array, error) {
	info, ok := s.infos[name]
	if !ok {
		return Array{}, s.missing(name)
	}
	a := Array{Name: name, Dims: slices.Clone(info.Dims)}
	if k := findKind(func(k *kind) bool { return k.safetensors == info.DType }); k != nil {
		data, err := k.read(s.section(info), product(info.Dims), le)
		if err != nil {
			return Array{}, fmt.Errorf("formats: tensor %q: %w", name, cutShort(err))
		}
		a.Data = data
		return a, nil
	}
	data, err := s.Floats(name)
	a.Data = data
	return a, err
}

// count is the number of elements of a tensor, 0 if it is not there.
func (s *Safetensors) count(name string) int {
	if info, ok := s.infos[name]; ok {
		return product(info.Dims)
	}
	return 0
}

// section is the data of a tensor.
func (s *Safetensors) section(info *TensorInfo) *io.SectionReader {
	return io.NewSectionReader(s.r, s.start+info.begin, info.end-info.begin)
}

func (s *Safetensors) missing(name string) error {
	return fmt.Errorf("formats: there is no tensor %q in the file; Names lists those that are", name)
}

// elements reads a tensor piece by piece: f gets the bytes of elements i, i+1,
// …. The tensor has one of the types for which is holds.
func (s *Safetensors) elements(name, want string, is func(dtype) bool, f func(i int, b []byte, d dtype) error) error {
	info, ok := s.infos[name]
	if !ok {
		return s.missing(name)
	}
	d := dtypes[dtypeRank(info.DType)]
	if !is(d) {
		return fmt.Errorf("formats: tensor %q has dtype %s, expected one of %s", name, info.DType, want)
	}
	r, size := s.section(info), int64(d.bits/8)
	buf := make([]byte, min(pieceBytes, info.end-info.begin))
	for at := int64(0); at < info.end-info.begin; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), info.end-info.begin-at)]
		_, err := io.ReadFull(r, buf)
		if err == nil {
			err = f(int(at/size), buf, d)
		}
		if err != nil {
			return fmt.Errorf("formats: tensor %q: %w", name, cutShort(err))
		}
	}
	return nil
}

// ReadFloats reads a tensor of type F32, F64, F16, BF16 or one of the F8 types
// into dst, which must have as many elements as the tensor. An F64 is rounded
// to the nearest float32; a finite value beyond the range of float32 is an
// error.
func (s *Safetensors) ReadFloats(name string, dst []float32) error {
	if info, ok := s.infos[name]; ok && product(info.Dims) != len(dst) {
		return fmt.Errorf("formats: tensor %q has shape %v, but dst has %d elements", name, info.Dims, len(dst))
	}
	return s.elements(name, "F32 F64 F16 BF16 F8", func(d dtype) bool { return d.float != nil }, func(i int, b []byte, d dtype) error {
		if d.name == "F32" {
			_, err := binary.Decode(b, le, dst[i:][:len(b)/4])
			return err
		}
		for size := d.bits / 8; len(b) > 0; i, b = i+1, b[size:] {
			v := d.float(b)
			if dst[i] = float32(v); outOfRange(v) {
				return fmt.Errorf("element %d: %w", i, rangeError(v))
			}
		}
		return nil
	})
}

// Floats reads a tensor of a floating-point type (see ReadFloats).
func (s *Safetensors) Floats(name string) ([]float32, error) {
	dst := make([]float32, s.count(name))
	return dst, s.ReadFloats(name, dst)
}

// Doubles reads a tensor of type F64.
func (s *Safetensors) Doubles(name string) ([]float64, error) {
	dst := make([]float64, s.count(name))
	return dst, s.elements(name, "F64", func(d dtype) bool { return d.name == "F64" }, func(i int, b []byte, _ dtype) error {
		_, err := binary.Decode(b, le, dst[i:][:len(b)/8])
		return err
	})
}

// Ints reads a tensor of an integer type or BOOL as int64. A U64 beyond the
// range of int64 is an error.
func (s *Safetensors) Ints(name string) ([]int64, error) {
	dst := make([]int64, s.count(name))
	return dst, s.elements(name, "I8 I16 I32 I64 U8 U16 U32 U64 BOOL", func(d dtype) bool { return d.integer != nil }, func(i int, b []byte, d dtype) error {
		for size := d.bits / 8; len(b) > 0; i, b = i+1, b[size:] {
			if dst[i] = d.integer(b); dst[i] < 0 && d.name == "U64" {
				return fmt.Errorf("element %d, %d, is beyond the range of int64: use Read", i, uint64(dst[i]))
			}
		}
		return nil
	})
}
