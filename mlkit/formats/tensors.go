package formats

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"slices"
)

// Tensors are the named tensors of an open file, read on demand.
type Tensors struct {
	r      io.ReaderAt
	start  int64 // of the data
	names  []string
	infos  map[string]*TensorInfo
	closer io.Closer
}

// TensorInfo describes a tensor as the file does.
type TensorInfo struct {
	DType string // "F32", "BF16", "I64", …
	Dims  []int

	begin, end int64
	// strides are those of a view that is not row-major, in elements; nil
	// otherwise. begin and end are then those of its storage's part.
	strides []int
}

// open opens a file of tensors, which stays open for what is read of it later.
func open[T interface{ keep(io.Closer) }](path string, parse func(io.ReaderAt, int64) (T, error)) (none T, err error) {
	f, err := os.Open(path)
	if err != nil {
		return none, fmt.Errorf("formats: %w", err)
	}
	info, err := f.Stat()
	var t T
	if err == nil {
		t, err = parse(f, info.Size())
	}
	if err != nil {
		f.Close()
		return none, fmt.Errorf("formats: %s: %w", path, err)
	}
	t.keep(f)
	return t, nil
}

func (s *Tensors) keep(c io.Closer) { s.closer = c }

// Close closes the file.
func (s *Tensors) Close() error {
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}

// Names returns the names of the tensors in the order of the file: that of
// their data in safetensors, of their descriptions in GGUF and of the saved
// object in a file of torch.save.
func (s *Tensors) Names() []string { return s.names }

// Info returns the description of a tensor and whether the file has it.
func (s *Tensors) Info(name string) (TensorInfo, bool) {
	if i, ok := s.infos[name]; ok {
		return *i, true
	}
	return TensorInfo{}, false
}

// Read reads a tensor in its own type. F16, BF16 and the 8-bit floats become
// float32, which represents them exactly. F4, F6 and C64 tensors are an error:
// Array.Data has no type for them.
func (s *Tensors) Read(name string) (Array, error) {
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
func (s *Tensors) count(name string) int {
	if info, ok := s.infos[name]; ok {
		return product(info.Dims)
	}
	return 0
}

// section is the data of a tensor, row-major.
func (s *Tensors) section(info *TensorInfo) io.Reader {
	r := io.NewSectionReader(s.r, s.start+info.begin, info.end-info.begin)
	if info.strides == nil {
		return r
	}
	return &gathered{from: r, info: info}
}

func (s *Tensors) missing(name string) error {
	return fmt.Errorf("formats: there is no tensor %q in the file; Names lists those that are", name)
}

// elements reads a tensor piece by piece: f gets the bytes of elements i, i+1,
// …. The tensor has one of the types for which is holds.
func (s *Tensors) elements(name, want string, is func(dtype) bool, f func(i int, b []byte, d dtype) error) error {
	info, ok := s.infos[name]
	if !ok {
		return s.missing(name)
	}
	d := dtypes[dtypeRank(info.DType)]
	if !is(d) {
		return fmt.Errorf("formats: tensor %q has dtype %s, expected one of %s", name, info.DType, want)
	}
	r, size := s.section(info), int64(d.bits/8)
	all := int64(product(info.Dims)) * size
	buf := make([]byte, min(pieceBytes, all))
	for at := int64(0); at < all; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), all-at)]
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
func (s *Tensors) ReadFloats(name string, dst []float32) error {
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
func (s *Tensors) Floats(name string) ([]float32, error) {
	dst := make([]float32, s.count(name))
	return dst, s.ReadFloats(name, dst)
}

// Doubles reads a tensor of type F64.
func (s *Tensors) Doubles(name string) ([]float64, error) {
	dst := make([]float64, s.count(name))
	return dst, s.elements(name, "F64", func(d dtype) bool { return d.name == "F64" }, func(i int, b []byte, _ dtype) error {
		_, err := binary.Decode(b, le, dst[i:][:len(b)/8])
		return err
	})
}

// Ints reads a tensor of an integer type or BOOL as int64. A U64 beyond the
// range of int64 is an error.
func (s *Tensors) Ints(name string) ([]int64, error) {
	dst := make([]int64, s.count(name))
	return dst, s.elements(name, "I8 I16 I32 I64 U8 U16 U32 U64 BOOL",
		func(d dtype) bool { return d.integer != nil }, func(i int, b []byte, d dtype) error {
			for size := d.bits / 8; len(b) > 0; i, b = i+1, b[size:] {
				if dst[i] = d.integer(b); dst[i] < 0 && d.name == "U64" {
					return fmt.Errorf("element %d, %d, is beyond the range of int64: use Read", i, uint64(dst[i]))
				}
			}
			return nil
		})
}

// gathered reads the elements of a view in row-major order.
type gathered struct {
	from *io.SectionReader
	info *TensorInfo
	data []byte // once read
}

func (g *gathered) Read(p []byte) (int, error) {
	if g.data == nil {
		span := make([]byte, g.from.Size())
		if _, err := io.ReadFull(g.from, span); err != nil {
			return 0, err
		}
		size := dtypes[dtypeRank(g.info.DType)].bits / 8
		g.data = make([]byte, 0, size*product(g.info.Dims))
		var dims, strides []int
		for axis, n := range g.info.Dims {
			if n > 1 {
				dims, strides = append(dims, n), append(strides, g.info.strides[axis])
			}
		}
		g.gather(span, dims, strides, size)
	}
	if len(g.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, g.data)
	g.data = g.data[n:]
	return n, nil
}

// gather appends the elements that begin at span and have the strides, row by
// row.
func (g *gathered) gather(span []byte, dims, strides []int, size int) {
	switch len(dims) {
	case 0:
		g.data = append(g.data, span[:size]...)
	case 1:
		step := strides[0] * size
		if size == 4 { // float32: nearly always
			for i := range dims[0] {
				g.data = append(g.data, span[i*step:][:4]...)
			}
			return
		}
		for i := range dims[0] {
			g.data = append(g.data, span[i*step:][:size]...)
		}
	default:
		for i := range dims[0] {
			g.gather(span[i*strides[0]*size:], dims[1:], strides[1:], size)
		}
	}
}
