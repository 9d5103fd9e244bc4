package formats

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// The npy format is NumPy's (NEP 1). The Go library for it, sbinet/npyio
// v0.6.0, is not used: it ends silently, with zeros, where a file is truncated,
// and panics or allocates without bound on a damaged header.

const (
	npyMagic = "\x93NUMPY"
	// maxNPYHeader and maxAxes are NumPy's own limits.
	maxNPYHeader = 10_000
	maxAxes      = 64
)

// ReadNPY reads one array in NumPy's npy format: floats, integers or bools, in
// either byte order. Data keeps the type of the file, except that float16
// becomes float32. An array in Fortran order is converted to C order. ReadNPY
// does not read past the array, so arrays that np.save has written to one file
// can be read one after the other; at the end of the stream, errors.Is(err,
// io.EOF) holds.
func ReadNPY(r io.Reader) (Array, error) {
	h, err := readNPYHeader(r)
	if err != nil {
		return Array{}, err
	}
	a := Array{Dims: h.dims}
	if h.kind != nil {
		a.Data, err = h.kind.read(r, h.count, h.order)
	} else {
		var halves []uint16
		halves, err = readElements[uint16](r, h.count, h.order)
		floats := make([]float32, len(halves))
		for i, v := range halves {
			floats[i] = float32(fromHalf(v))
		}
		a.Data = floats
	}
	if err != nil {
		return Array{}, fmt.Errorf("npy data after %d of %d elements: %w", a.Len(), h.count, cutShort(err))
	}
	if h.fortran {
		a.Data = kindOf(a.Data).rowMajor(a.Data, a.Dims)
	}
	return a, nil
}

// npyHeader is what stands before the elements.
type npyHeader struct {
	kind    *kind // nil for float16
	order   binary.ByteOrder
	fortran bool
	dims    []int
	count   int
}

func readNPYHeader(r io.Reader) (npyHeader, error) {
	var head [8]byte
	switch n, err := io.ReadFull(r, head[:]); {
	case n == 0 && err == io.EOF:
		return npyHeader{}, fmt.Errorf("no npy array: end of the stream, or a truncated file: %w", io.EOF)
	case err != nil:
		return npyHeader{}, fmt.Errorf("npy header: %w", cutShort(err))
	}
	if string(head[:6]) != npyMagic {
		return npyHeader{}, fmt.Errorf("not an npy file: it begins with %q", head[:6])
	}
	size := make([]byte, 4)
	switch [2]byte(head[6:]) {
	case [2]byte{1, 0}:
		size = size[:2]
	case [2]byte{2, 0}, [2]byte{3, 0}:
	default:
		return npyHeader{}, fmt.Errorf("npy version %d.%d is not supported: 1.0, 2.0 and 3.0 are", head[6], head[7])
	}
	if _, err := io.ReadFull(r, size); err != nil {
		return npyHeader{}, fmt.Errorf("npy header: %w", cutShort(err))
	}
	n := int64(binary.LittleEndian.Uint16(size))
	if len(size) == 4 {
		n = int64(binary.LittleEndian.Uint32(size))
	}
	if n > maxNPYHeader {
		return npyHeader{}, fmt.Errorf("npy header of %d bytes, more than the limit of %d: the file is damaged, or its elements have many fields; save each field as an array of its own", n, maxNPYHeader)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return npyHeader{}, fmt.Errorf("npy header: %w", cutShort(err))
	}
	h, err := parseNPYHeader(string(text), head[6])
	if err != nil {
		return npyHeader{}, fmt.Errorf("npy header %.200q: %w", strings.TrimSpace(string(text)), err)
	}
	return h, nil
}

// WriteNPY writes one array in npy format 1.0, little-endian and in C order.
// The bytes are those that np.save writes.
func WriteNPY(w io.Writer, a Array) error {
	if err := a.check(); err != nil {
		return fmt.Errorf("formats: %w", err)
	}
	if len(a.Dims) > maxAxes {
		return fmt.Errorf("formats: array %q has %d axes: NumPy reads at most %d", a.Name, len(a.Dims), maxAxes)
	}
	k := kindOf(a.Data)
	order := "<"
	if k.size == 1 {
		order = "|"
	}
	shape := "("
	for i, d := range a.Dims {
		if shape += strconv.Itoa(d); i == 0 || i+1 < len(a.Dims) {
			shape += ","
		}
		if i+1 < len(a.Dims) {
			shape += " "
		}
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s), }", order+k.npy, shape)
	pad := 63 - (10+len(header))%64
	header += strings.Repeat(" ", pad) + "\n"
	b := append([]byte(npyMagic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	if _, err := w.Write(append(b, header...)); err != nil {
		return err
	}
	return k.write(w, a.Data)
}

// LoadNPY reads an npy file that holds exactly one array. Errors name the file.
func LoadNPY(path string) (Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return Array{}, fmt.Errorf("formats: %w", err)
	}
	defer f.Close()
	a, err := readWholeNPY(f)
	if err != nil {
		return Array{}, fmt.Errorf("formats: %s: %w", path, err)
	}
	return a, nil
}

// readWholeNPY reads one array with which the stream ends.
func readWholeNPY(r io.Reader) (Array, error) {
	a, err := ReadNPY(r)
	if errors.Is(err, io.EOF) {
		err = errors.New("no npy array: the file is empty")
	}
	if err != nil {
		return Array{}, err
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 {
		return Array{}, fmt.Errorf("more data follow the array of shape %v: use ReadNPY to read several arrays from one file", a.Dims)
	} else if !errors.Is(err, io.EOF) {
		return Array{}, err // a checksum that does not fit
	}
	return a, nil
}

// SaveNPY writes an array to an npy file.
func SaveNPY(path string, a Array) error {
	if err := WriteFile(path, func(w io.Writer) error { return WriteNPY(w, a) }); err != nil {
		return fmt.Errorf("formats: %s: %w", path, err)
	}
	return nil
}
