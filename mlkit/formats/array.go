package formats

import "fmt"

// An Array is an array as files hold it: safetensors, npy.
type Array struct {
	Name string
	Dims []int // empty for a single number
	// Data is a slice of float32, float64, int64, int32, uint8 or bool, row-major.
	Data any
}

// Len is the number of elements in Data, −1 for a type that is not one of
// Array's.
func (a Array) Len() int {
	switch d := a.Data.(type) {
	case []float32:
		return len(d)
	case []float64:
		return len(d)
	case []int64:
		return len(d)
	case []int32:
		return len(d)
	case []uint8:
		return len(d)
	case []bool:
		return len(d)
	}
	return -1
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
		return fmt.Errorf("array %q: a %T cannot be written; take a slice of float32, float64, int64, int32, uint8 or bool", a.Name, a.Data)
	case n != product(a.Dims):
		return fmt.Errorf("array %q: %d elements are not %v", a.Name, n, a.Dims)
	}
	return nil
}
