package formats

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"reflect"
	"slices"
	"strings"
)

// An Array is a named array in the form in which files hold it: safetensors,
// npy, npz and idx.
type Array struct {
	Name string
	Dims []int // empty for a single number
	// Data holds the elements in row-major order: a slice of float32, float64,
	// int8, int16, int32, int64, uint8, uint16, uint32, uint64 or bool. Readers
	// keep the type of the file, so that what is read can be written again
	// unchanged. The only exceptions are floats of fewer than 32 bits, for
	// which Go has no type: they become float32, which represents each of them
	// exactly.
	Data any
}

// Len is the number of elements in Data, or −1 if Data has a type that an Array
// cannot hold.
func (a Array) Len() int {
	if kindOf(a.Data) == nil {
		return -1
	}
	return reflect.ValueOf(a.Data).Len()
}

// Floats returns the elements as float32: Data itself if it has that type,
// otherwise a copy with each element rounded to the nearest float32. A bool
// becomes 0 or 1. A finite number beyond the range of float32 is an error.
func (a Array) Floats() ([]float32, error) {
	switch d := a.Data.(type) {
	case []float32:
		return d, nil
	case []float64:
		out := make([]float32, len(d))
		for i, v := range d {
			if out[i] = float32(v); outOfRange(v) {
				return nil, fmt.Errorf("formats: array %q, element %d: %w", a.Name, i, rangeError(v))
			}
		}
		return out, nil
	case []int8:
		return converted[float32](d), nil
	case []int16:
		return converted[float32](d), nil
	case []int32:
		return converted[float32](d), nil
	case []int64:
		return converted[float32](d), nil
	case []uint8:
		return converted[float32](d), nil
	case []uint16:
		return converted[float32](d), nil
	case []uint32:
		return converted[float32](d), nil
	case []uint64:
		return converted[float32](d), nil
	case []bool:
		return converted[float32](zeroOrOne(d)), nil
	}
	return nil, fmt.Errorf("formats: array %q holds a %T, not numbers", a.Name, a.Data)
}

// Ints returns the elements as int64: Data itself if it has that type,
// otherwise a copy. A bool becomes 0 or 1. Floats are an error, as is a uint64
// beyond the range of int64.
func (a Array) Ints() ([]int64, error) {
	switch d := a.Data.(type) {
	case []int64:
		return d, nil
	case []int8:
		return converted[int64](d), nil
	case []int16:
		return converted[int64](d), nil
	case []int32:
		return converted[int64](d), nil
	case []uint8:
		return converted[int64](d), nil
	case []uint16:
		return converted[int64](d), nil
	case []uint32:
		return converted[int64](d), nil
	case []uint64:
		if i := slices.IndexFunc(d, func(v uint64) bool { return v > math.MaxInt64 }); i >= 0 {
			return nil, fmt.Errorf("formats: array %q, element %d: %d is beyond the range of int64: use Data, which holds it exactly", a.Name, i, d[i])
		}
		return converted[int64](d), nil
	case []bool:
		return converted[int64](zeroOrOne(d)), nil
	}
	return nil, fmt.Errorf("formats: array %q holds a %T, not integers", a.Name, a.Data)
}

type number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32
}

func converted[To, From number](x []From) []To {
	y := make([]To, len(x))
	for i, v := range x {
		y[i] = To(v)
	}
	return y
}

func zeroOrOne(x []bool) []uint8 {
	y := make([]uint8, len(x))
	for i, v := range x {
		if v {
			y[i] = 1
		}
	}
	return y
}

// outOfRange tells whether v is finite and float32(v) is not.
func outOfRange(v float64) bool {
	return math.IsInf(float64(float32(v)), 0) && !math.IsInf(v, 0)
}

func rangeError(v float64) error {
	return fmt.Errorf("%g is beyond the range of float32: read float64", v)
}

// product is the number of elements in an array of the dimensions.
func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

func (a Array) check() error {
	switch n := a.Len(); {
	case n < 0:
		return fmt.Errorf("array %q: a %T cannot be written: use a slice of %s", a.Name, a.Data, kindNames())
	case n != product(a.Dims) || slices.ContainsFunc(a.Dims, func(d int) bool { return d < 0 }):
		return fmt.Errorf("array %q: %d elements do not make the shape %v", a.Name, n, a.Dims)
	}
	return nil
}

// A kind is a type of elements that Array.Data may have, its names in the
// formats, and what is done with its elements in bulk.
type kind struct {
	slice       reflect.Type
	safetensors string
	npy         string // without the byte order
	idx         byte   // 0 where idx has no such type
	size        int    // bytes of an element
	read        func(r io.Reader, n int, e binary.ByteOrder) (any, error)
	write       func(w io.Writer, x any) error
	rowMajor    func(x any, dims []int) any // from column-major
}

var kinds = []kind{
	newKind[float32]("F32", "f4", 0x0d), newKind[float64]("F64", "f8", 0x0e),
	newKind[int8]("I8", "i1", 0x09), newKind[int16]("I16", "i2", 0x0b), newKind[int32]("I32", "i4", 0x0c), newKind[int64]("I64", "i8", 0),
	newKind[uint8]("U8", "u1", 0x08), newKind[uint16]("U16", "u2", 0), newKind[uint32]("U32", "u4", 0), newKind[uint64]("U64", "u8", 0),
	newKind[bool]("BOOL", "b1", 0),
}

func newKind[T any](safetensors, npy string, idx byte) kind {
	var one T
	return kind{reflect.TypeFor[[]T](), safetensors, npy, idx, binary.Size(one),
		func(r io.Reader, n int, e binary.ByteOrder) (any, error) { return readElements[T](r, n, e) },
		func(w io.Writer, x any) error { return writeElements(w, x.([]T)) },
		func(x any, dims []int) any { return rowMajor(x.([]T), dims) }}
}

// kindOf is the kind of a slice, nil for one that is not among them.
func kindOf(data any) *kind {
	return findKind(func(k *kind) bool { return k.slice == reflect.TypeOf(data) })
}

func findKind(is func(*kind) bool) *kind {
	for i := range kinds {
		if is(&kinds[i]) {
			return &kinds[i]
		}
	}
	return nil
}

func kindNames() string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.slice.Elem().String())
	}
	return strings.Join(names, ", ")
}

// pieceBytes is how much of an array is read or written at once.
const pieceBytes = 1 << 16

// readElements reads n elements, and takes memory as they arrive, not as the
// header claims. An error is that of r, and comes with what has been read.
func readElements[T any](r io.Reader, n int, e binary.ByteOrder) ([]T, error) {
	var one T
	size := binary.Size(one)
	buf := make([]byte, min(n*size, pieceBytes))
	x := make([]T, 0, min(n, pieceBytes/size))
	for len(x) < n {
		m := min(n-len(x), pieceBytes/size)
		if _, err := io.ReadFull(r, buf[:m*size]); err != nil {
			return x, err
		}
		x = slices.Grow(x, m)[:len(x)+m]
		if _, err := binary.Decode(buf[:m*size], e, x[len(x)-m:]); err != nil {
			return x, err
		}
	}
	return x, nil
}

// writeElements writes little-endian elements in pieces, so that a large array
// does not need its size again as a buffer.
func writeElements[T any](w io.Writer, x []T) error {
	var one T
	piece := pieceBytes / binary.Size(one)
	for len(x) > 0 {
		n := min(piece, len(x))
		if err := binary.Write(w, binary.LittleEndian, x[:n]); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}

// rowMajor gives the elements of a column-major array in row-major order.
func rowMajor[T any](x []T, dims []int) []T {
	type axis struct{ at, size, step int }
	var axes []axis // those of one entry change nothing
	step := 1
	for _, d := range dims {
		if d > 1 {
			axes = append(axes, axis{0, d, step})
		}
		step *= d
	}
	y := make([]T, len(x))
	j := 0 // of x's element
	for i := range y {
		y[i] = x[j]
		for k := len(axes) - 1; k >= 0; k-- {
			a := &axes[k]
			a.at, j = a.at+1, j+a.step
			if a.at < a.size {
				break
			}
			a.at, j = 0, j-a.size*a.step
		}
	}
	return y
}
