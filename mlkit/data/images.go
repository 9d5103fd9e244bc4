package data

import (
	"fmt"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/tensor"
)

// Images are pictures of one size, kept as bytes and turned into floats only
// a batch at a time. They are a [Dataset] of samples [channels, height, width]
// with one label each.
type Images struct {
	// Pixels holds image after image, each channel by channel, row by row.
	Pixels []byte
	// Dims are the dimensions of one sample: [channels, height, width], or
	// [channels·height·width] for a network that wants rows (see Flat).
	Dims   []int
	Labels []int32
	// Classes are the names of the labels, for pictures and tables.
	Classes []string
	// Scale and Shift make a float of a byte: b·Scale + Shift. A Scale of 0
	// means 1/255, so floats of 0 to 1.
	Scale, Shift float32
}

// Len is the number of images.
func (m *Images) Len() int { return len(m.Labels) }

// Image is the pixels of image i, a part of Pixels.
func (m *Images) Image(i int) []byte {
	size := tensor.SizeOf(m.Dims)
	return m.Pixels[i*size : (i+1)*size : (i+1)*size]
}

// Batch fills b with X [n, Dims...] and Labels [n].
func (m *Images) Batch(index []int, b *Batch) error {
	b.Reset(index, m.Dims, nil, true)
	size, scale := tensor.SizeOf(m.Dims), m.Scale
	if scale == 0 {
		scale = 1. / 255
	}
	if len(m.Pixels) != size*len(m.Labels) {
		return fmt.Errorf("data: %d bytes are not %d images of %v", len(m.Pixels), len(m.Labels), m.Dims)
	}
	for k, i := range index {
		if err := checkIndex(i, len(m.Labels)); err != nil {
			return err
		}
		elementwise.BytesToFloats(b.X[k*size:(k+1)*size], m.Pixels[i*size:(i+1)*size], scale, m.Shift)
		b.Labels[k] = m.Labels[i]
	}
	return nil
}

// Flat gives the same images (they are not copied) as samples of one axis.
func (m *Images) Flat() *Images {
	f := *m
	f.Dims = []int{tensor.SizeOf(m.Dims)}
	return &f
}

// Normalized gives the same images with floats (b/255 − mean)/std: mean 0 and
// standard deviation 1 when the arguments are those of the training images.
func (m *Images) Normalized(mean, std float32) *Images {
	f := *m
	f.Scale, f.Shift = 1/(255*std), -mean/std
	return &f
}

func checkIndex(i, n int) error {
	if i < 0 || i >= n {
		return fmt.Errorf("data: sample %d of a set of %d", i, n)
	}
	return nil
}
