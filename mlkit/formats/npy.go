package formats

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The npy format is NumPy's (NEP 1). The Go library for it, sbinet/npyio
// v0.6.0, is not used: it ends silently, with zeros, where a file is truncated,
// and panics or allocates without bound on a damaged header.

const npyMagic = "\x93NUMPY"

var (
	npyDescr = regexp.MustCompile(`'descr':\s*'([<>|=]?)([a-zA-Z])(\d+)'`)
	npyOrder = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	npyShape = regexp.MustCompile(`'shape':\s*\(([0-9L, ]*)\)`)
)

// ReadNPY reads one array in NumPy's npy format, of floats, integers or bools,
// in either byte order. Data becomes []float32 (from float16 and float32),
// []float64, []int32 (from integers of 8 and 16 bits, too), []int64, []uint8 or
// []bool. An array in Fortran order is put in C order. Python objects are
// refused.
func ReadNPY(r io.Reader) (Array, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Array{}, fmt.Errorf("npy header: %w", cutShort(err))
	}
	if string(head[:6]) != npyMagic {
		return Array{}, fmt.Errorf("not an npy file: it begins with %q", head[:6])
	}
	size := make([]byte, 4)
	switch head[6] {
	case 1:
		size = size[:2]
	case 2, 3:
	default:
		return Array{}, fmt.Errorf("npy version %d.%d is not known", head[6], head[7])
	}
	if _, err := io.ReadFull(r, size); err != nil {
		return Array{}, fmt.Errorf("npy header: %w", cutShort(err))
	}
	n := int64(binary.LittleEndian.Uint16(size))
	if len(size) == 4 {
		n = int64(binary.LittleEndian.Uint32(size))
	}
	if n > 1<<16 {
		return Array{}, fmt.Errorf("npy header of %d bytes: the file is damaged", n)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return Array{}, fmt.Errorf("npy header: %w", cutShort(err))
	}
	descr, order, shape := npyDescr.FindSubmatch(header), npyOrder.FindSubmatch(header), npyShape.FindSubmatch(header)
	if descr == nil || order == nil || shape == nil {
		return Array{}, fmt.Errorf("npy header %.200q: wanted are a plain descr, fortran_order and shape", header)
	}
	a := Array{Dims: []int{}}
	count := 1
	for f := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(string(shape[1])), ","), ",") {
		if f = strings.TrimSuffix(strings.TrimSpace(f), "L"); f == "" && len(a.Dims) == 0 {
			continue // ()
		}
		d, err := strconv.Atoi(f)
		if err != nil || d < 0 || d > 0 && count > math.MaxInt32/d {
			return Array{}, fmt.Errorf("npy shape (%s): not dimensions of at most 2³¹−1 elements", shape[1])
		}
		count *= d
		a.Dims = append(a.Dims, d)
	}
	var endian binary.ByteOrder = binary.LittleEndian
	if string(descr[1]) == ">" {
		endian = binary.BigEndian
	}
	var err error
	if a.Data, err = npyData(r, string(descr[2])+string(descr[3]), count, endian); err != nil {
		return Array{}, err
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 {
		return Array{}, fmt.Errorf("there is more behind the %d elements of shape %v", count, a.Dims)
	} else if !errors.Is(err, io.EOF) {
		return Array{}, err // a checksum that does not fit
	}
	if string(order[1]) == "True" {
		a.Data = fromFortran(a.Data, a.Dims)
	}
	return a, nil
}

func npyData(r io.Reader, dtype string, n int, e binary.ByteOrder) (any, error) {
	switch dtype {
	case "f2":
		return elements(r, n, 2, func(b []byte) float32 { return fromHalf(e.Uint16(b)) })
	case "f4":
		return elements(r, n, 4, func(b []byte) float32 { return math.Float32frombits(e.Uint32(b)) })
	case "f8":
		return elements(r, n, 8, func(b []byte) float64 { return math.Float64frombits(e.Uint64(b)) })
	case "i1":
		return elements(r, n, 1, func(b []byte) int32 { return int32(int8(b[0])) })
	case "i2":
		return elements(r, n, 2, func(b []byte) int32 { return int32(int16(e.Uint16(b))) })
	case "u2":
		return elements(r, n, 2, func(b []byte) int32 { return int32(e.Uint16(b)) })
	case "i4":
		return elements(r, n, 4, func(b []byte) int32 { return int32(e.Uint32(b)) })
	case "u4":
		return elements(r, n, 4, func(b []byte) int64 { return int64(e.Uint32(b)) })
	case "i8":
		return elements(r, n, 8, func(b []byte) int64 { return int64(e.Uint64(b)) })
	case "u1":
		return elements(r, n, 1, func(b []byte) uint8 { return b[0] })
	case "b1":
		return elements(r, n, 1, func(b []byte) bool { return b[0] != 0 })
	}
	return nil, fmt.Errorf("npy elements of type %q cannot be read: floats, integers up to 64 bits and bools can", dtype)
}

// elements reads n elements, and takes memory as they arrive, not as the
// header claims.
func elements[T any](r io.Reader, n, size int, f func(b []byte) T) ([]T, error) {
	buf := make([]byte, min(n*size, 1<<16))
	x := make([]T, 0, min(n, 1<<16))
	for len(x) < n {
		b := buf[:min(len(buf), (n-len(x))*size)]
		if _, err := io.ReadFull(r, b); err != nil {
			return nil, fmt.Errorf("npy data after %d of %d elements: %w", len(x), n, cutShort(err))
		}
		for ; len(b) > 0; b = b[size:] {
			x = append(x, f(b))
		}
	}
	return x, nil
}

func fromFortran(x any, dims []int) any {
	switch x := x.(type) {
	case []float32:
		return reversed(x, dims)
	case []float64:
		return reversed(x, dims)
	case []int32:
		return reversed(x, dims)
	case []int64:
		return reversed(x, dims)
	case []uint8:
		return reversed(x, dims)
	case []bool:
		return reversed(x, dims)
	}
	return x
}

// reversed turns column-major into row-major.
func reversed[T any](x []T, dims []int) []T {
	y := make([]T, len(x))
	at := make([]int, len(dims)) // of y's element
	for i := range y {
		j, step := 0, 1
		for k, d := range dims {
			j, step = j+at[k]*step, step*d
		}
		y[i] = x[j]
		for k := len(dims) - 1; k >= 0; k-- {
			if at[k]++; at[k] < dims[k] {
				break
			}
			at[k] = 0
		}
	}
	return y
}

// WriteNPY writes one array in npy format, version 1.0, little-endian, C order.
func WriteNPY(w io.Writer, a Array) error {
	if err := a.check(); err != nil {
		return fmt.Errorf("formats: %w", err)
	}
	descr := map[string]string{"F32": "<f4", "F64": "<f8", "I32": "<i4", "I64": "<i8", "U8": "|u1", "BOOL": "|b1"}[a.dtype()]
	shape := "("
	for i, d := range a.Dims {
		if shape += strconv.Itoa(d); i == 0 || i+1 < len(a.Dims) {
			shape += ","
		}
		if i+1 < len(a.Dims) {
			shape += " "
		}
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s), }", descr, shape)
	pad := 63 - (10+len(header))%64
	header += strings.Repeat(" ", pad) + "\n"
	b := append([]byte(npyMagic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	if _, err := w.Write(append(b, header...)); err != nil {
		return err
	}
	return writeLittleEndian(w, a.Data)
}

// LoadNPY reads an npy file. Errors name it.
func LoadNPY(path string) (Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return Array{}, fmt.Errorf("formats: %w", err)
	}
	defer f.Close()
	a, err := ReadNPY(f)
	if err != nil {
		return Array{}, fmt.Errorf("formats: %s: %w", path, err)
	}
	return a, nil
}

// maxNPZ bounds what the arrays of an npz file may take together.
const maxNPZ = 1 << 31

// LoadNPZ reads the arrays of an npz file (np.savez, np.savez_compressed) by
// name, in their order in the file.
func LoadNPZ(path string) ([]Array, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("formats: %s: %w", path, err)
	}
	defer z.Close()
	arrays, err := readNPZ(&z.Reader)
	if err != nil {
		return nil, fmt.Errorf("formats: %s: %w", path, err)
	}
	return arrays, nil
}

func readNPZ(z *zip.Reader) (arrays []Array, err error) {
	var total uint64
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			return nil, fmt.Errorf("%q in the archive is no npy array", f.Name)
		}
		if slices.ContainsFunc(arrays, func(a Array) bool { return a.Name == name }) {
			return nil, fmt.Errorf("%q is in the archive twice", f.Name)
		}
		if total += f.UncompressedSize64; f.UncompressedSize64 > maxNPZ || total > maxNPZ {
			return nil, errors.New("the arrays take more than 2 GiB")
		}
		r, err := f.Open()
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f.Name, err)
		}
		// A stream that goes on past its declared size ends in zip's checksum
		// error, and is not followed.
		a, err := ReadNPY(io.LimitReader(r, int64(f.UncompressedSize64)+1))
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("%q: %w", f.Name, err)
		}
		a.Name = name
		arrays = append(arrays, a)
	}
	return arrays, nil
}

// SaveNPY writes an array to an npy file.
func SaveNPY(path string, a Array) error {
	if err := WriteFile(path, func(w io.Writer) error { return WriteNPY(w, a) }); err != nil {
		return fmt.Errorf("formats: %s: %w", path, err)
	}
	return nil
}

// SaveNPZ writes arrays by name to an npz file that np.load reads.
func SaveNPZ(path string, arrays ...Array) error {
	err := WriteFile(path, func(w io.Writer) error {
		z := zip.NewWriter(w)
		for _, a := range arrays {
			var b bytes.Buffer
			if err := WriteNPY(&b, a); err != nil {
				return err
			}
			f, err := z.Create(a.Name + ".npy")
			if err != nil {
				return err
			}
			if _, err := f.Write(b.Bytes()); err != nil {
				return err
			}
		}
		return z.Close()
	})
	if err != nil {
		return fmt.Errorf("formats: %s: %w", path, err)
	}
	return nil
}
