package main

import (
	"descent/mlkit/data"
	"descent/mlkit/tensor"
)

const (
	reach  = 2 // pixels
	places = (2*reach + 1) * (2*reach + 1)
)

// shifted are digits, each at 25 places: up to two pixels up or down and left
// or right. Sample p·n + i is digit i of n at place p, and place 12 is where it
// was.
type shifted struct{ digits *data.Images }

func (s shifted) Len() int { return places * s.digits.Len() }

func (s shifted) Batch(index []int, b *data.Batch) error {
	dims := s.digits.Dims
	size := tensor.SizeOf(dims)
	b.Reset(index, dims, nil, true)
	clear(b.X)
	for k, j := range index {
		place, i := j/s.digits.Len(), j%s.digits.Len()
		dy, dx := place/(2*reach+1)-reach, place%(2*reach+1)-reach
		from, to := s.digits.Image(i), b.X[k*size:(k+1)*size]
		for y := max(0, dy); y < min(28, 28+dy); y++ {
			for x := max(0, dx); x < min(28, 28+dx); x++ {
				to[28*y+x] = float32(from[28*(y-dy)+x-dx]) / 255
			}
		}
		b.Labels[k] = s.digits.Labels[i]
	}
	return nil
}

// course are the numbers of the samples of a training that sees each digit a
// number of times: where it was or, if moved, each time at another place, as
// long as there are any. One label may be left out.
func (s shifted) course(passes int, moved bool, without int32) (index []int) {
	n := s.digits.Len()
	for pass := range passes {
		for i, label := range s.digits.Labels {
			place := places / 2
			if moved {
				place = (i + 7*pass) % places
			}
			if label != without {
				index = append(index, place*n+i)
			}
		}
	}
	return index
}

// part are the digits from one to another.
func part(m *data.Images, from, to int) *data.Images {
	p := *m
	size := tensor.SizeOf(m.Dims)
	p.Pixels, p.Labels = m.Pixels[from*size:to*size], m.Labels[from:to]
	return &p
}
