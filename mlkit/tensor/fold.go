package tensor

import "fmt"

// Window is how Unfold cuts an image into patches, vertically and horizontally.
// Zeros in Stride and Dilation mean 1.
type Window struct{ Kernel, Stride, Padding, Dilation [2]int }

// Unfold cuts images [n, c, h, w] into patches: [n, c·kh·kw, patches], a column
// for each place of the window, row by row; padding is 0 (PyTorch's unfold,
// known as im2col).
func (x Tensor) Unfold(w Window) Tensor {
	in := x.node("Unfold")
	if in.n != 4 {
		shapePanic("Unfold", 0, "needs images [n, channels, height, width]", x)
	}
	c := w.cut("Unfold", in.d[2], in.d[3], x)
	planes := in.d[0] * in.d[1]
	s := makeShape("Unfold", []int{in.d[0], in.d[1] * w.Kernel[0] * w.Kernel[1], c.patches})
	data := x.t.floats.take(s.size())
	c.pick(data, in.data, planes, false)
	y, n := x.t.push("Unfold")
	n.data, n.shape = data, s
	*patches.lend(x.t, n) = c
	n.record(x.t, backUnfold, x.i)
	return y
}

func backUnfold(t *Tape, n *node) {
	c := n.kept.(*patchwork)
	g := t.gradOf(n, 0)
	c.put(g, n.grad, len(g)/max(c.h*c.w, 1))
}

// Fold adds patches [n, c·kh·kw, patches], as Unfold cuts them, up to images
// [n, c, h, w]: where they overlap, their sum (PyTorch's fold).
func (x Tensor) Fold(h, w int, by Window) Tensor {
	in := x.node("Fold")
	if h < 0 || w < 0 {
		shapePanic("Fold", 0, fmt.Sprintf("an image of %d×%d", h, w), x)
	}
	c := by.cut("Fold", h, w, x)
	k := by.Kernel[0] * by.Kernel[1]
	if in.n != 3 || in.d[1]%k != 0 || in.d[2] != c.patches {
		shapePanic("Fold", 1, fmt.Sprintf("needs [n, channels·%d, %d]", k, c.patches), x)
	}
	s := makeShape("Fold", []int{in.d[0], in.d[1] / k, h, w})
	data := x.t.floats.zeroed(s.size())
	c.put(data, in.data, s.d[0]*s.d[1])
	y, n := x.t.push("Fold")
	n.data, n.shape = data, s
	*patches.lend(x.t, n) = c
	n.record(x.t, backFold, x.i)
	return y
}

func backFold(t *Tape, n *node) {
	n.kept.(*patchwork).pick(t.gradOf(n, 0), n.grad, n.shape.d[0]*n.shape.d[1], true)
}

// patchwork says where each element of the patches of a plane lies in the plane
// of h×w, −1 in the padding.
type patchwork struct {
	h, w, patches int
	from          []int32
}

var patches = newKeeper[patchwork]()

func (w Window) cut(op string, h, width int, x Tensor) patchwork {
	size := [2]int{h, width}
	var out [2]int
	for k := range 2 {
		w.Stride[k], w.Dilation[k] = max(w.Stride[k], 1), max(w.Dilation[k], 1)
		if w.Kernel[k] < 1 || w.Padding[k] < 0 {
			shapePanic(op, 2+k, fmt.Sprintf("kernel %v and padding %v: want at least 1 and 0", w.Kernel, w.Padding), x)
		}
		span := size[k] + 2*w.Padding[k] - w.Dilation[k]*(w.Kernel[k]-1)
		if span < 1 {
			shapePanic(op, 2+k, fmt.Sprintf("a window of %d, dilated by %d, does not fit into %d with padding %d", w.Kernel[k], w.Dilation[k], size[k], w.Padding[k]), x)
		}
		out[k] = (span-1)/w.Stride[k] + 1
	}
	c := patchwork{h: h, w: width, patches: out[0] * out[1]}
	c.from = x.t.ints.take(w.Kernel[0] * w.Kernel[1] * c.patches)
	at := 0
	for ky := range w.Kernel[0] {
		for kx := range w.Kernel[1] {
			for py := range out[0] {
				for px := range out[1] {
					sy, sx := py*w.Stride[0]+ky*w.Dilation[0]-w.Padding[0], px*w.Stride[1]+kx*w.Dilation[1]-w.Padding[1]
					c.from[at] = -1
					if sy >= 0 && sy < h && sx >= 0 && sx < width {
						c.from[at] = int32(sy*width + sx)
					}
					at++
				}
			}
		}
	}
	return c
}

// pick sets the patches to, or adds to them, what the planes hold.
func (c *patchwork) pick(patches, planes []float32, n int, add bool) {
	for p := range n {
		dst, src := patches[p*len(c.from):][:len(c.from)], planes[p*c.h*c.w:][:c.h*c.w]
		for i, o := range c.from {
			var v float32
			if o >= 0 {
				v = src[o]
			}
			if add {
				v += dst[i]
			}
			dst[i] = v
		}
	}
}

// put adds the patches to the planes.
func (c *patchwork) put(planes, patches []float32, n int) {
	for p := range n {
		dst, src := planes[p*c.h*c.w:][:c.h*c.w], patches[p*len(c.from):][:len(c.from)]
		for i, o := range c.from {
			if o >= 0 {
				dst[o] += src[i]
			}
		}
	}
}

// PixelShuffle turns channels into resolution: [n, c·r², h, w] to [n, c, h·r,
// w·r], channel r²·k + r·i + j giving pixel (i, j) of each r×r block (Shi et
// al., Real-Time Single Image and Video Super-Resolution, 2016, eq. 4).
func (x Tensor) PixelShuffle(r int) Tensor {
	in := x.node("PixelShuffle")
	if in.n != 4 || r < 1 || in.d[1]%(r*r) != 0 {
		shapePanic("PixelShuffle", 1, fmt.Sprintf("needs [n, channels·%d², h, w]", r), x)
	}
	n, c, h, w := in.d[0], in.d[1]/(r*r), in.d[2], in.d[3]
	return x.Reshape(n, c, r, r, h, w).Permute(0, 1, 4, 2, 5, 3).Reshape(n, c, h*r, w*r)
}

// PixelUnshuffle undoes [Tensor.PixelShuffle]: [n, c, h·r, w·r] to [n, c·r², h,
// w].
func (x Tensor) PixelUnshuffle(r int) Tensor {
	in := x.node("PixelUnshuffle")
	if in.n != 4 || r < 1 || in.d[2]%r != 0 || in.d[3]%r != 0 {
		shapePanic("PixelUnshuffle", 2, fmt.Sprintf("needs [n, channels, h·%d, w·%d]", r, r), x)
	}
	n, c, h, w := in.d[0], in.d[1], in.d[2]/r, in.d[3]/r
	return x.Reshape(n, c, h, r, w, r).Permute(0, 1, 3, 5, 2, 4).Reshape(n, c*r*r, h, w)
}
