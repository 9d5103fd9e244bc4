package formats

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

// GGUF is an open file of the format in which llama.cpp keeps models (versions
// 2 and 3): tensors, most of them quantized, and values that describe the
// model and its tokenizer. Only the description is kept in memory; tensors are
// read on demand.
//
// The quantized types Q8_0, Q4_0 and Q4_1 have blocks of 32 numbers with a
// scale of 16 bits, and Q4_1 with an offset; Floats computes the numbers from
// them. F32, F16, BF16, F64 and the integers are read as from safetensors.
// Other types are listed, and reading one is an error that names it. Shapes
// are row-major, [out, in]: the reverse of the order in the file.
type GGUF struct {
	// Values are what the file says of the model, by name
	// ("llama.context_length"): uint8 … int64, float32, float64, bool, string,
	// or a slice of one of these; []any for an array of arrays.
	Values map[string]any
	Tensors

	blocks map[string]ggufType // of the quantized tensors
	mapped []byte              // the file, once Map was called
	unmap  func() error
}

// ggufType is an element type of GGUF: how many numbers a block of that many
// bytes holds, and how the numbers come out of it. dtype is safetensors' name
// of one that is not quantized.
type ggufType struct {
	name         string
	dtype        string
	count, bytes int
	unpack       func(dst []float32, block []byte)
}

var ggufTypes = map[uint32]ggufType{
	0: {name: "F32", dtype: "F32", count: 1, bytes: 4}, 1: {name: "F16", dtype: "F16", count: 1, bytes: 2},
	30: {name: "BF16", dtype: "BF16", count: 1, bytes: 2}, 28: {name: "F64", dtype: "F64", count: 1, bytes: 8},
	24: {name: "I8", dtype: "I8", count: 1, bytes: 1}, 25: {name: "I16", dtype: "I16", count: 1, bytes: 2},
	26: {name: "I32", dtype: "I32", count: 1, bytes: 4}, 27: {name: "I64", dtype: "I64", count: 1, bytes: 8},
	2: {name: "Q4_0", count: 32, bytes: 18, unpack: unpackQ40}, 3: {name: "Q4_1", count: 32, bytes: 20, unpack: unpackQ41},
	8: {name: "Q8_0", count: 32, bytes: 34, unpack: unpackQ80},
	6: {name: "Q5_0", count: 32, bytes: 22}, 7: {name: "Q5_1", count: 32, bytes: 24}, 9: {name: "Q8_1", count: 32, bytes: 36},
	10: {name: "Q2_K", count: 256, bytes: 84}, 11: {name: "Q3_K", count: 256, bytes: 110},
	12: {name: "Q4_K", count: 256, bytes: 144},
	13: {name: "Q5_K", count: 256, bytes: 176}, 14: {name: "Q6_K", count: 256, bytes: 210},
	15: {name: "Q8_K", count: 256, bytes: 292}, 16: {name: "IQ2_XXS", count: 256, bytes: 66},
	17: {name: "IQ2_XS", count: 256, bytes: 74}, 18: {name: "IQ3_XXS", count: 256, bytes: 98},
	19: {name: "IQ1_S", count: 256, bytes: 50}, 20: {name: "IQ4_NL", count: 32, bytes: 18},
	21: {name: "IQ3_S", count: 256, bytes: 110}, 22: {name: "IQ2_S", count: 256, bytes: 82},
	23: {name: "IQ4_XS", count: 256, bytes: 136}, 29: {name: "IQ1_M", count: 256, bytes: 56},
	34: {name: "TQ1_0", count: 256, bytes: 54}, 35: {name: "TQ2_0", count: 256, bytes: 66},
	39: {name: "MXFP4", count: 32, bytes: 17}, 40: {name: "NVFP4", count: 64, bytes: 36},
	41: {name: "Q1_0", count: 128, bytes: 18},
}

// unpackQ40 is (q − 8)·d, with the first 16 numbers in the low halves of the
// bytes and the others in the high ones.
func unpackQ40(dst []float32, b []byte) {
	d := float32(fromHalf(le.Uint16(b)))
	for j, q := range b[2:18] {
		dst[j], dst[j+16] = float32(int(q&15)-8)*d, float32(int(q>>4)-8)*d
	}
}

// unpackQ41 is q·d + m, laid out likewise.
func unpackQ41(dst []float32, b []byte) {
	d, m := float32(fromHalf(le.Uint16(b))), float32(fromHalf(le.Uint16(b[2:])))
	for j, q := range b[4:20] {
		dst[j], dst[j+16] = float32(q&15)*d+m, float32(q>>4)*d+m
	}
}

// unpackQ80 is q·d, where q has a sign.
func unpackQ80(dst []float32, b []byte) {
	d := float32(fromHalf(le.Uint16(b)))
	for j, q := range b[2:34] {
		dst[j] = float32(int8(q)) * d
	}
}

// OpenGGUF opens a file, which the caller must close. Errors name the file and
// say what is wrong with it.
func OpenGGUF(path string) (*GGUF, error) { return open(path, NewGGUF) }

// NewGGUF reads the description of a file of size bytes from r, which it keeps
// for reading tensors.
func NewGGUF(r io.ReaderAt, size int64) (*GGUF, error) {
	h := &ggufHeader{in: bufio.NewReader(io.NewSectionReader(r, 0, size)), size: size}
	if magic := h.bytes(4); h.err == nil && string(magic) != "GGUF" {
		return nil, errors.New("not a GGUF file: it does not begin with GGUF")
	}
	if v := h.uint(4); h.err == nil && v != 2 && v != 3 {
		if v == 2<<24 || v == 3<<24 {
			return nil, errors.New("it is a file for big-endian machines, which is not read: convert it again without --bigendian")
		}
		return nil, fmt.Errorf("version %d of the format is not known: 2 and 3 are", v)
	}
	tensors, values := h.count(24), h.count(12)
	g := &GGUF{Values: map[string]any{}, Tensors: Tensors{r: r, infos: map[string]*TensorInfo{}},
		blocks: map[string]ggufType{}}
	for range values {
		name := h.text()
		v := h.value(uint32(h.uint(4)), 0)
		if _, there := g.Values[name]; there && h.err == nil {
			return nil, fmt.Errorf("two values are called %q", name)
		}
		if h.err != nil {
			return nil, fmt.Errorf("value %q: %w", name, h.err)
		}
		g.Values[name] = v
	}
	for range tensors {
		if err := h.tensor(g); err != nil {
			return nil, err
		}
	}
	if h.err != nil {
		return nil, h.err
	}
	align := int64(32)
	if v, ok := g.Values["general.alignment"]; ok {
		a, isInt := v.(uint32)
		if align = int64(a); !isInt || a == 0 || a&(a-1) != 0 {
			return nil, fmt.Errorf("general.alignment is %v, not a power of two", v)
		}
	}
	g.start = (h.at + align - 1) / align * align
	for _, name := range g.names {
		if i := g.infos[name]; i.begin%align != 0 || i.end > size-g.start {
			return nil, fmt.Errorf("tensor %q ends at byte %d of the data, of which there are %d: the file is truncated or damaged", name, i.end, max(size-g.start, 0))
		}
	}
	return g, nil
}

// ggufHeader reads the description piece by piece, until something is wrong.
type ggufHeader struct {
	in       *bufio.Reader
	at, size int64
	small    [8]byte // of a number
	err      error
}

func (h *ggufHeader) bytes(n int64) []byte {
	if h.enough(n); h.err != nil {
		return nil
	}
	b := make([]byte, n)
	h.read(b)
	return b
}

// enough checks that n bytes can follow.
func (h *ggufHeader) enough(n int64) {
	if h.err == nil && (n < 0 || n > h.size-h.at) {
		h.err = fmt.Errorf("%d bytes are to follow at byte %d of %d: the file is truncated or damaged", n, h.at, h.size)
	}
}

func (h *ggufHeader) read(b []byte) {
	if _, err := io.ReadFull(h.in, b); err != nil {
		h.err = cutShort(err)
	}
	h.at += int64(len(b))
}

func (h *ggufHeader) uint(size int64) uint64 {
	clear(h.small[:])
	if h.enough(size); h.err == nil {
		h.read(h.small[:size])
	}
	return le.Uint64(h.small[:])
}

// count is a number of things of at least that many bytes each.
func (h *ggufHeader) count(each int64) int64 {
	n := h.uint(8)
	if h.err == nil && n > uint64((h.size-h.at)/each) {
		h.err = fmt.Errorf("%d things are to follow in %d bytes: the file is truncated or damaged", n, h.size-h.at)
	}
	if h.err != nil {
		return 0
	}
	return int64(n)
}

func (h *ggufHeader) text() string {
	n := h.count(1)
	if h.err != nil {
		return ""
	}
	return string(h.bytes(n))
}

// value reads a value of one of the format's types.
func (h *ggufHeader) value(kind uint32, depth int) any {
	switch kind {
	case 0:
		return uint8(h.uint(1))
	case 1:
		return int8(h.uint(1))
	case 2:
		return uint16(h.uint(2))
	case 3:
		return int16(h.uint(2))
	case 4:
		return uint32(h.uint(4))
	case 5:
		return int32(h.uint(4))
	case 6:
		return math.Float32frombits(uint32(h.uint(4)))
	case 7:
		v := h.uint(1)
		if v > 1 && h.err == nil {
			h.err = fmt.Errorf("a bool of %d", v)
		}
		return v == 1
	case 8:
		return h.text()
	case 9:
		return h.array(depth)
	case 10:
		return h.uint(8)
	case 11:
		return int64(h.uint(8))
	case 12:
		return math.Float64frombits(h.uint(8))
	}
	if h.err == nil {
		h.err = fmt.Errorf("type %d is not known", kind)
	}
	return nil
}

// ggufSizes are the bytes that a value of each type has at least.
var ggufSizes = [13]int64{1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8}

func (h *ggufHeader) array(depth int) any {
	kind := uint32(h.uint(4))
	if h.err == nil && (int(kind) >= len(ggufSizes) || depth > 4) {
		h.err = fmt.Errorf("an array of type %d, %d deep", kind, depth)
	}
	if h.err != nil {
		return nil
	}
	n := h.count(ggufSizes[kind])
	switch kind {
	case 0:
		return ggufArray[uint8](h, kind, n, depth)
	case 1:
		return ggufArray[int8](h, kind, n, depth)
	case 2:
		return ggufArray[uint16](h, kind, n, depth)
	case 3:
		return ggufArray[int16](h, kind, n, depth)
	case 4:
		return ggufArray[uint32](h, kind, n, depth)
	case 5:
		return ggufArray[int32](h, kind, n, depth)
	case 6:
		return ggufArray[float32](h, kind, n, depth)
	case 7:
		return ggufArray[bool](h, kind, n, depth)
	case 8:
		return h.texts(n)
	case 10:
		return ggufArray[uint64](h, kind, n, depth)
	case 11:
		return ggufArray[int64](h, kind, n, depth)
	case 12:
		return ggufArray[float64](h, kind, n, depth)
	}
	return ggufArray[any](h, kind, n, depth)
}

// texts reads n texts into one piece of memory: vocabularies have ten thousands
// of short ones.
func (h *ggufHeader) texts(n int64) []string {
	var all strings.Builder
	ends := make([]int32, n)
	for i := range ends {
		size := h.count(1)
		if h.err == nil && size > math.MaxInt32-int64(all.Len()) {
			h.err = fmt.Errorf("texts of more than %d bytes", math.MaxInt32)
		}
		if h.err != nil {
			return nil
		}
		for ; size > 0 && h.err == nil; size -= int64(len(h.small)) {
			some := h.small[:min(size, int64(len(h.small)))]
			h.read(some)
			all.Write(some)
		}
		ends[i] = int32(all.Len())
	}
	if h.err != nil {
		return nil
	}
	texts, whole, from := make([]string, n), strings.Clone(all.String()), int32(0)
	for i, end := range ends {
		texts[i], from = whole[from:end], end
	}
	return texts
}

func ggufArray[T any](h *ggufHeader, kind uint32, n int64, depth int) []T {
	all := make([]T, 0, n)
	for range n {
		v, _ := h.value(kind, depth+1).(T)
		if h.err != nil {
			return nil
		}
		all = append(all, v)
	}
	return all
}

// tensor reads the description of a tensor.
func (h *ggufHeader) tensor(g *GGUF) error {
	name := h.text()
	axes := h.uint(4)
	if h.err == nil && axes > 8 {
		return fmt.Errorf("tensor %q has %d axes: the file is damaged", name, axes)
	}
	var dims []int
	count := uint64(1)
	for range axes {
		d := h.uint(8)
		if d > uint64(h.size) || d > 0 && count > 4*uint64(h.size)/d {
			return fmt.Errorf("tensor %q: an axis of %d in a file of %d bytes: it is truncated or damaged", name, d, h.size)
		}
		dims, count = append(dims, int(d)), count*d
	}
	kind, begin := h.uint(4), h.uint(8)
	if h.err != nil {
		return fmt.Errorf("tensor %q: %w", name, h.err)
	}
	t, ok := ggufTypes[uint32(kind)]
	switch {
	case !ok:
		return fmt.Errorf("tensor %q has type %d, which is not known: convert the file to Q8_0, Q4_0 or Q4_1", name, kind)
	case g.infos[name] != nil:
		return fmt.Errorf("two tensors are called %q", name)
	case len(dims) > 0 && dims[0]%t.count != 0 || len(dims) == 0 && t.count > 1:
		return fmt.Errorf("tensor %q of type %s has rows that are no multiple of %d", name, t.name, t.count)
	case begin > uint64(h.size):
		return fmt.Errorf("tensor %q begins at byte %d in a file of %d: it is truncated or damaged", name, begin, h.size)
	}
	slices.Reverse(dims)
	g.names = append(g.names, name)
	g.infos[name] = &TensorInfo{DType: t.name, Dims: append([]int{}, dims...), begin: int64(begin),
		end: int64(begin) + int64(count)/int64(t.count)*int64(t.bytes)}
	if t.dtype == "" {
		g.blocks[name] = t
	}
	return nil
}

// ReadFloats reads a tensor into dst, which must have as many elements as the
// tensor (see [Tensors.ReadFloats]); a quantized one becomes the numbers that
// it stands for.
func (g *GGUF) ReadFloats(name string, dst []float32) error {
	t, quantized := g.blocks[name]
	if !quantized {
		return g.Tensors.ReadFloats(name, dst)
	}
	info := g.infos[name]
	if t.unpack == nil {
		return fmt.Errorf("formats: tensor %q is quantized as %s, which is not read: Q8_0, Q4_0 and Q4_1 are; convert the file", name, t.name)
	}
	if product(info.Dims) != len(dst) {
		return fmt.Errorf("formats: tensor %q has shape %v, but dst has %d elements", name, info.Dims, len(dst))
	}
	r := bufio.NewReaderSize(g.section(info), 1<<16)
	block := make([]byte, t.bytes)
	for ; len(dst) > 0; dst = dst[t.count:] {
		if _, err := io.ReadFull(r, block); err != nil {
			return fmt.Errorf("formats: tensor %q: %w", name, cutShort(err))
		}
		t.unpack(dst, block)
	}
	return nil
}

// Floats is ReadFloats into new memory.
func (g *GGUF) Floats(name string) ([]float32, error) {
	if t, quantized := g.blocks[name]; quantized && t.unpack == nil {
		return nil, g.ReadFloats(name, nil)
	}
	dst := make([]float32, g.Tensors.count(name))
	return dst, g.ReadFloats(name, dst)
}

// Read reads a tensor in its own type (see [Tensors.Read]), a quantized one as
// float32.
func (g *GGUF) Read(name string) (Array, error) {
	if _, quantized := g.blocks[name]; !quantized {
		return g.Tensors.Read(name)
	}
	data, err := g.Floats(name)
	return Array{Name: name, Dims: slices.Clone(g.infos[name].Dims), Data: data}, err
}

// Ints reads a tensor of an integer type (see [Tensors.Ints]).
func (g *GGUF) Ints(name string) ([]int64, error) {
	if t, quantized := g.blocks[name]; quantized {
		return nil, fmt.Errorf("formats: tensor %q has type %s, which is none of integers", name, t.name)
	}
	return g.Tensors.Ints(name)
}

// Doubles reads a tensor of type F64.
func (g *GGUF) Doubles(name string) ([]float64, error) {
	if t, quantized := g.blocks[name]; quantized {
		return nil, fmt.Errorf("formats: tensor %q has type %s, not F64", name, t.name)
	}
	return g.Tensors.Doubles(name)
}

// Map gives the bytes of a tensor as they are in the file, without reading
// them: the operating system does, page by page, when they are needed, and can
// give the memory away again. (Where it cannot map files, the file is read as a
// whole.) They are valid until Close and must not be changed; if the file is
// cut short meanwhile, reading them ends the program. Only a file from
// [OpenGGUF] can be mapped. The first call must not be concurrent with others.
func (g *GGUF) Map(name string) ([]byte, error) {
	info, ok := g.infos[name]
	if !ok {
		return nil, g.missing(name)
	}
	if g.mapped == nil {
		f, ok := g.closer.(*os.File)
		if !ok {
			return nil, errors.New("formats: GGUF.Map: only a file that OpenGGUF has opened can be mapped")
		}
		stat, err := f.Stat()
		if err == nil {
			g.mapped, g.unmap, err = mapFile(f, stat.Size())
		}
		if err != nil {
			g.mapped = nil
			return nil, fmt.Errorf("formats: %s cannot be mapped: %w", f.Name(), err)
		}
	}
	begin, end := g.start+info.begin, g.start+info.end
	if end > int64(len(g.mapped)) {
		return nil, fmt.Errorf("formats: tensor %q ends at byte %d of %d: the file has been cut short", name, end, len(g.mapped))
	}
	return g.mapped[begin:end:end], nil
}

// Close closes the file, and ends what Map gave.
func (g *GGUF) Close() error {
	var err error
	if g.unmap != nil {
		err = g.unmap()
		g.mapped, g.unmap = nil, nil
	}
	return errors.Join(err, g.Tensors.Close())
}

// Blocks reads the bytes of a quantized tensor as they are in the file: row by
// row, blocks of 32 numbers or 256.
func (g *GGUF) Blocks(name string) ([]byte, error) {
	info, ok := g.infos[name]
	if _, quantized := g.blocks[name]; !ok || !quantized {
		return nil, fmt.Errorf("formats: there is no quantized tensor %q in the file", name)
	}
	b := make([]byte, info.end-info.begin)
	_, err := io.ReadFull(g.section(info), b)
	if err != nil {
		return nil, fmt.Errorf("formats: tensor %q: %w", name, cutShort(err))
	}
	return b, nil
}
