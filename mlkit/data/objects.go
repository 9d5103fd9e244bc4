package data

import (
	"fmt"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

// ObjectImages are pictures of one size with the objects in them, kept as
// bytes. [Centers.Targets] makes a training set of them.
type ObjectImages struct {
	Pixels  []byte // picture after picture, each channel by channel, row by row
	Dims    []int  // of one picture: [channels, height, width]
	Objects [][]Object
	Classes []string // the names of the classes
}

// Len is the number of pictures.
func (m *ObjectImages) Len() int { return len(m.Objects) }

// Image is the pixels of picture i, a part of Pixels.
func (m *ObjectImages) Image(i int) []byte {
	size := tensor.SizeOf(m.Dims)
	return m.Pixels[i*size : (i+1)*size : (i+1)*size]
}

// Slice is pictures lo to hi, not copied.
func (m *ObjectImages) Slice(lo, hi int) *ObjectImages {
	part, size := *m, tensor.SizeOf(m.Dims)
	part.Pixels, part.Objects = m.Pixels[lo*size:hi*size], m.Objects[lo:hi]
	return &part
}

// Batch fills b with X [n, channels, height, width], floats of 0 to 1, without
// targets: what a detector looks at.
func (m *ObjectImages) Batch(index []int, b *Batch) error {
	b.Reset(index, m.Dims, nil, false)
	return m.fill(index, b)
}

func (m *ObjectImages) fill(index []int, b *Batch) error {
	size := tensor.SizeOf(m.Dims)
	if len(m.Dims) != 3 || len(m.Pixels) != size*len(m.Objects) {
		return fmt.Errorf("data: %d bytes are not %d pictures of %v, [channels, height, width]", len(m.Pixels), len(m.Objects), m.Dims)
	}
	for k, i := range index {
		if err := checkIndex(i, len(m.Objects)); err != nil {
			return err
		}
		elementwise.BytesToFloats(b.X[k*size:(k+1)*size], m.Pixels[i*size:(i+1)*size], 1./255, 0)
	}
	return nil
}
