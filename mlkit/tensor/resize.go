package tensor

import (
	"fmt"
	"math"
)

// Filter is how Resize interpolates.
type Filter uint8

const (
	// Bilinear is linear interpolation in both directions (a triangle).
	Bilinear Filter = iota
	// Bicubic is cubic convolution (Keys 1981), with a = −0.75, and −0.5 with
	// antialiasing, as PyTorch and Pillow.
	Bicubic
)

// Resize brings images [n, c, h, w] to [n, c, oh, ow]; the edges of the image
// stay where they are (align_corners=False). When it shrinks with antialias,
// the filter is widened by the factor, so that every pixel counts and no
// pattern appears that is not there (PyTorch's interpolate with antialias=True,
// Pillow's resize). UpsampleNearest and UpsampleBilinear are faster where they
// suffice.
func (x Tensor) Resize(oh, ow int, filter Filter, antialias bool) Tensor {
	in := x.node("Resize")
	if in.n != 4 || in.d[2] < 1 || in.d[3] < 1 || oh < 1 || ow < 1 || filter > Bicubic {
		shapePanic("Resize", 2, fmt.Sprintf("needs images [n, channels, height, width] of at least one pixel; to %d×%d by filter %d", oh, ow, filter), x)
	}
	rows, columns := x.weights(in.d[2], oh, filter, antialias), x.weights(in.d[3], ow, filter, antialias)
	return rows.MatMul(x.MatMulT(columns))
}

// weights is the matrix [out, in] that resizes a line.
func (x Tensor) weights(in, out int, filter Filter, antialias bool) Tensor {
	w := x.t.floats.zeroed(in * out)
	scale, wide, a := float64(in)/float64(out), 1., -0.75
	if antialias {
		wide, a = max(scale, 1), -0.5
	}
	f, support := tent, 1.
	if filter == Bicubic {
		f, support = func(t float64) float64 { return cubic(t, a) }, 2
	}
	for i := range out {
		row := w[i*in : (i+1)*in]
		center := (float64(i) + 0.5) * scale
		if filter == Bilinear && !antialias {
			center = max(center, 0.5)
		}
		sum := 0.
		for j := int(math.Floor(center - support*wide)); j <= int(math.Ceil(center+support*wide)); j++ {
			at := j
			if antialias && (j < 0 || j >= in) { // the filter ends at the border
				continue
			}
			at = min(max(at, 0), in-1)
			v := f((float64(j) + 0.5 - center) / wide)
			row[at] += float32(v)
			sum += v
		}
		for j := range row {
			row[j] /= float32(sum)
		}
	}
	return x.t.Input(w, out, in)
}

func tent(t float64) float64 { return max(1-math.Abs(t), 0) }

// cubic is Keys's kernel.
func cubic(t, a float64) float64 {
	switch t = math.Abs(t); {
	case t < 1:
		return ((a+2)*t-(a+3))*t*t + 1
	case t < 2:
		return a * (((t-5)*t+8)*t - 4)
	}
	return 0
}
