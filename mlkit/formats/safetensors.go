package formats

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"os"
	"slices"
	"sort"
	"strings"
)

// maxHeader is the limit of the reference implementation.
const maxHeader = 100_000_000

// metadataKey is the one name in a header that is no tensor's.
const metadataKey = "__metadata__"

// dtypes gives the bytes of an element of each type of the format, in the
// order in which the reference implementation ranks them.
var dtypes = []struct {
	name string
	size int
}{{"BOOL", 1}, {"U8", 1}, {"I8", 1}, {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"F8_E8M0", 1}, {"I16", 2}, {"U16", 2}, {"F16", 2},
	{"BF16", 2}, {"I32", 4}, {"U32", 4}, {"F32", 4}, {"C64", 8}, {"F64", 8}, {"I64", 8}, {"U64", 8}}

func dtypeRank(name string) int {
	for i, d := range dtypes {
		if d.name == name {
			return i
		}
	}
	return -1
}

// Safetensors is an open file of named tensors in the safetensors format
// (Hugging Face 2022): the length of a JSON header, the header, the data. Only
// the header is in memory; tensors are read when asked for. A file whose
// header does not describe its data exactly is refused.
type Safetensors struct {
	// Metadata are the texts that came with the tensors.
	Metadata map[string]string

	r      io.ReaderAt
	start  int64 // of the data
	names  []string
	infos  map[string]TensorInfo
	closer io.Closer
}

// TensorInfo is what a header says of one tensor.
type TensorInfo struct {
	DType string // "F32", "BF16", "I64", …
	Dims  []int

	begin, end int64
}

// OpenSafetensors opens a file. The caller closes it. Errors name the file and
// what is wrong in it.
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

// Close closes the file of OpenSafetensors.
func (s *Safetensors) Close() error {
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}

// NewSafetensors reads the header of a file of size bytes.
func NewSafetensors(r io.ReaderAt, size int64) (*Safetensors, error) {
	var word [8]byte
	if size < 8 {
		return nil, fmt.Errorf("%d bytes are no safetensors file: the file is truncated", size)
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
	header := make([]byte, n)
	if _, err := r.ReadAt(header, 8); err != nil {
		return nil, fmt.Errorf("header: %w", cutShort(err))
	}
	s := &Safetensors{r: r, start: 8 + int64(n), infos: map[string]TensorInfo{}}
	if err := s.parse(header); err != nil {
		return nil, err
	}
	return s, s.tile(size - s.start)
}

// parse reads the header token by token: a map would hide a name that is
// there twice.
func (s *Safetensors) parse(header []byte) error {
	if header[0] != '{' {
		return errors.New("the header does not begin with {: not a safetensors file, or damaged")
	}
	bad := func(err error) error { return fmt.Errorf("header: %w", cutShort(err)) }
	d := json.NewDecoder(bytes.NewReader(header))
	if _, err := d.Token(); err != nil {
		return bad(err)
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return bad(err)
		}
		name := key.(string)
		if name == metadataKey {
			if s.Metadata != nil {
				return fmt.Errorf("header: %s is there twice", metadataKey)
			}
			s.Metadata = map[string]string{}
			if err := d.Decode(&s.Metadata); err != nil {
				return bad(err)
			}
			continue
		}
		var e struct {
			DType   string   `json:"dtype"`
			Shape   []uint64 `json:"shape"`
			Offsets []uint64 `json:"data_offsets"`
		}
		if err := d.Decode(&e); err != nil {
			return fmt.Errorf("header, tensor %q: %w", name, cutShort(err))
		}
		if _, twice := s.infos[name]; twice {
			return fmt.Errorf("header: tensor %q is there twice", name)
		}
		info, err := tensorInfo(e.DType, e.Shape, e.Offsets)
		if err != nil {
			return fmt.Errorf("header, tensor %q: %w", name, err)
		}
		s.infos[name] = info
		s.names = append(s.names, name)
	}
	if _, err := d.Token(); err != nil {
		return bad(err)
	}
	if rest := header[d.InputOffset():]; len(bytes.TrimRight(rest, " \t\r\n")) > 0 {
		return errors.New("header: there is something behind its end")
	}
	return nil
}

func tensorInfo(dtype string, shape, offsets []uint64) (TensorInfo, error) {
	rank := dtypeRank(dtype)
	if rank < 0 {
		return TensorInfo{}, fmt.Errorf("unknown dtype %q", dtype)
	}
	if len(offsets) != 2 || offsets[0] > offsets[1] || offsets[1] > math.MaxInt64 {
		return TensorInfo{}, fmt.Errorf("data_offsets %v are not a begin and an end", offsets)
	}
	info := TensorInfo{DType: dtype, Dims: make([]int, len(shape)), begin: int64(offsets[0]), end: int64(offsets[1])}
	size := uint64(dtypes[rank].size)
	for i, d := range shape {
		hi, lo := bits.Mul64(size, d)
		if hi != 0 || lo > math.MaxInt64 || d > math.MaxInt64 {
			return TensorInfo{}, fmt.Errorf("shape %v overflows", shape)
		}
		size, info.Dims[i] = lo, int(d)
	}
	if size != offsets[1]-offsets[0] {
		return TensorInfo{}, fmt.Errorf("%s of shape %v takes %d bytes, its data_offsets span %d", dtype, shape, size, offsets[1]-offsets[0])
	}
	return info, nil
}

// tile checks that the tensors cover the data without holes and overlaps.
func (s *Safetensors) tile(size int64) error {
	sort.Slice(s.names, func(i, j int) bool {
		a, b := s.infos[s.names[i]], s.infos[s.names[j]]
		if a.begin != b.begin {
			return a.begin < b.begin
		}
		return a.end < b.end
	})
	var at int64
	for _, name := range s.names {
		if b := s.infos[name].begin; b != at {
			return fmt.Errorf("tensor %q begins at byte %d of the data, the one before it ends at %d", name, b, at)
		}
		at = s.infos[name].end
	}
	switch {
	case at > size:
		return fmt.Errorf("the tensors take %d bytes, the file has only %d of them: the file is truncated", at, size)
	case at < size:
		return fmt.Errorf("%d bytes follow after the last tensor", size-at)
	}
	return nil
}

// Names are the tensors' names in the order of their data.
func (s *Safetensors) Names() []string { return s.names }

// Info says what a tensor is, and whether it is there.
func (s *Safetensors) Info(name string) (TensorInfo, bool) {
	i, ok := s.infos[name]
	return i, ok
}

// elements reads a tensor piece by piece: f gets the bytes of elements i, i+1, ….
func (s *Safetensors) elements(name, want string, f func(i int, b []byte, dtype string, size int)) error {
	info, ok := s.infos[name]
	if !ok {
		return fmt.Errorf("formats: there is no tensor %q in the file", name)
	}
	if !slices.Contains(strings.Fields(want), info.DType) {
		return fmt.Errorf("formats: tensor %q has dtype %s; wanted is one of %s", name, info.DType, want)
	}
	size := dtypes[dtypeRank(info.DType)].size
	buf := make([]byte, min(1<<16, info.end-info.begin))
	for at := info.begin; at < info.end; at += int64(len(buf)) {
		buf = buf[:min(int64(len(buf)), info.end-at)]
		if _, err := s.r.ReadAt(buf, s.start+at); err != nil {
			return fmt.Errorf("formats: tensor %q: %w", name, cutShort(err))
		}
		f(int(at-info.begin)/size, buf, info.DType, size)
	}
	return nil
}

// ReadFloats reads a tensor of type F32, F64, F16 or BF16 into dst, which has
// its number of elements.
func (s *Safetensors) ReadFloats(name string, dst []float32) error {
	if info, ok := s.infos[name]; ok && product(info.Dims) != len(dst) {
		return fmt.Errorf("formats: tensor %q has the shape %v, %d elements are wanted", name, info.Dims, len(dst))
	}
	return s.elements(name, "F32 F64 F16 BF16", func(i int, b []byte, dtype string, size int) {
		for ; len(b) > 0; i, b = i+1, b[size:] {
			switch dtype {
			case "F32":
				dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b))
			case "F64":
				dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b)))
			case "BF16":
				dst[i] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
			case "F16":
				dst[i] = fromHalf(binary.LittleEndian.Uint16(b))
			}
		}
	})
}

// Floats reads a tensor of a floating-point type.
func (s *Safetensors) Floats(name string) ([]float32, error) {
	dst := make([]float32, product(s.infos[name].Dims))
	return dst, s.ReadFloats(name, dst)
}

// Doubles reads a tensor of type F64.
func (s *Safetensors) Doubles(name string) ([]float64, error) {
	dst := make([]float64, product(s.infos[name].Dims))
	return dst, s.elements(name, "F64", func(i int, b []byte, _ string, _ int) {
		for ; len(b) > 0; i, b = i+1, b[8:] {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	})
}

// Ints reads a tensor of type I64, I32, U8 or BOOL.
func (s *Safetensors) Ints(name string) ([]int64, error) {
	dst := make([]int64, product(s.infos[name].Dims))
	return dst, s.elements(name, "I64 I32 U8 BOOL", func(i int, b []byte, _ string, size int) {
		for ; len(b) > 0; i, b = i+1, b[size:] {
			switch size {
			case 8:
				dst[i] = int64(binary.LittleEndian.Uint64(b))
			case 4:
				dst[i] = int64(int32(binary.LittleEndian.Uint32(b)))
			default:
				dst[i] = int64(b[0])
			}
		}
	})
}

// fromHalf is the float32 of an IEEE 754 half-precision number.
func fromHalf(h uint16) float32 {
	sign, exp, frac := uint32(h>>15)<<31, uint32(h>>10)&31, uint32(h)&1023
	switch exp {
	case 0: // zero or subnormal: frac · 2⁻²⁴, exact in float32
		v := float32(frac) / (1 << 24)
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// WriteSafetensors writes arrays and metadata in the order and layout of the
// reference implementation: the same contents, the same bytes.
func WriteSafetensors(w io.Writer, arrays []Array, metadata map[string]string) error {
	sorted := slices.Clone(arrays)
	names := map[string]bool{metadataKey: true}
	for _, a := range sorted {
		if err := a.check(); err != nil {
			return fmt.Errorf("formats: %w", err)
		}
		if names[a.Name] {
			return fmt.Errorf("formats: two tensors named %q", a.Name)
		}
		names[a.Name] = true
	}
	sort.SliceStable(sorted, func(i, j int) bool {
		ri, rj := dtypeRank(sorted[i].dtype()), dtypeRank(sorted[j].dtype())
		if ri != rj {
			return ri > rj
		}
		return sorted[i].Name < sorted[j].Name
	})
	header, err := safetensorsHeader(sorted, metadata)
	if err != nil {
		return err
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(len(header))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, a := range sorted {
		if err := writeLittleEndian(w, a.Data); err != nil {
			return err
		}
	}
	return nil
}

func (a Array) dtype() string {
	switch a.Data.(type) {
	case []float32:
		return "F32"
	case []float64:
		return "F64"
	case []int64:
		return "I64"
	case []int32:
		return "I32"
	case []bool:
		return "BOOL"
	}
	return "U8"
}

func safetensorsHeader(sorted []Array, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	put := func(before string, v any) {
		b.WriteString(before)
		_ = enc.Encode(v) // into memory, of types that always encode
		b.Truncate(b.Len() - 1)
	}
	sep := "{"
	if len(metadata) > 0 {
		put(sep, metadataKey)
		put(":", metadata)
		sep = ","
	}
	at := 0
	for _, a := range sorted {
		end := at + a.Len()*dtypes[dtypeRank(a.dtype())].size
		put(sep, a.Name)
		dims := a.Dims
		if dims == nil {
			dims = []int{}
		}
		put(":", struct {
			DType   string `json:"dtype"`
			Shape   []int  `json:"shape"`
			Offsets [2]int `json:"data_offsets"`
		}{a.dtype(), dims, [2]int{at, end}})
		at, sep = end, ","
	}
	if sep == "{" {
		b.WriteString("{")
	}
	b.WriteString("}")
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len() > maxHeader {
		return nil, fmt.Errorf("formats: a safetensors header of %d bytes: at most %d are allowed", b.Len(), maxHeader)
	}
	return b.Bytes(), nil
}

// writeLittleEndian writes the elements in pieces, so that a large tensor does
// not need its size again as a buffer.
func writeLittleEndian(w io.Writer, x any) error {
	const piece = 1 << 13
	switch x := x.(type) {
	case []float32:
		return writePieces(w, x, piece)
	case []float64:
		return writePieces(w, x, piece)
	case []int64:
		return writePieces(w, x, piece)
	case []int32:
		return writePieces(w, x, piece)
	default: // bytes, bools
		return binary.Write(w, binary.LittleEndian, x)
	}
}

func writePieces[T any](w io.Writer, x []T, piece int) error {
	for len(x) > 0 {
		n := min(piece, len(x))
		if err := binary.Write(w, binary.LittleEndian, x[:n]); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}
