package tensor

import (
	"fmt"

	"descent/mlkit/internal/kernel/conv"
	"descent/mlkit/internal/kernel/rowwise"
)

// Pool holds the options of pooling, vertical before horizontal.
// One-dimensional pooling reads the first of each pair.
type Pool struct {
	Kernel   [2]int
	Stride   [2]int // 0 is the kernel's size: windows side by side
	Padding  [2]int // at most half of the kernel
	Dilation [2]int // of maxima only; 0 is 1
	CeilMode bool   // also windows that hang over the far edge
	// ExcludePad divides averages by the number of elements inside the image,
	// not by the size of the window (Keras's way).
	ExcludePad bool
}

// MaxPool2D takes the largest element of each window: [n, c, h, w] to
// [n, c, oh, ow], oh = (h + 2·padding − dilation·(kernel−1) − 1)/stride + 1. Of
// equal elements the first gets the gradient.
func (x Tensor) MaxPool2D(p Pool) Tensor { return x.pool("MaxPool2D", p, true) }

// MaxPool2DIndices is MaxPool2D, and where each largest element is: h·W+w in
// its plane, Ints of the result's shape that live until Reset.
func (x Tensor) MaxPool2DIndices(p Pool) (Tensor, Ints) {
	y := x.pool("MaxPool2DIndices", p, true)
	n := y.node("MaxPool2DIndices")
	return y, Ints{n.kept.(*pooling).places, n.shape}
}

// MaxUnpool2D puts the elements of x, [n, c, oh, ow], to the places ids in
// planes of h×w, with zeros elsewhere: what [Tensor.MaxPool2DIndices] took
// (Zeiler & Fergus 2014). Where several go to one place the last stays.
func (x Tensor) MaxUnpool2D(ids Ints, h, w int) Tensor {
	const op = "MaxUnpool2D"
	in := x.node(op)
	if in.n != 4 || ids.dims != in.shape || h < 0 || w < 0 {
		shapePanic(op, -1, fmt.Sprintf("needs [n, channels, h, w], ids of its shape, not %v, and a size that is not negative", append([]int{}, ids.dims.dims()...)), x)
	}
	n, c, size := in.d[0], in.d[1], in.d[2]*in.d[3]
	flat := shape{n: 3, d: [MaxRank]int{n, c, size}}
	return x.t.Full(0, n, c, h*w).ScatterSet(2, Ints{ids.Data, flat}, x.reshaped("Reshape", flat)).Reshape(n, c, h, w)
}

// AvgPool2D takes the mean of each window; padding counts as zeros.
func (x Tensor) AvgPool2D(p Pool) Tensor { return x.pool("AvgPool2D", p, false) }

// MaxPool1D is MaxPool2D over sequences [n, c, length].
func (x Tensor) MaxPool1D(p Pool) Tensor { return x.pool1D("MaxPool1D", p, true) }

// AvgPool1D is AvgPool2D over sequences [n, c, length].
func (x Tensor) AvgPool1D(p Pool) Tensor { return x.pool1D("AvgPool1D", p, false) }

func (x Tensor) pool1D(op string, p Pool, largest bool) Tensor {
	p.Kernel, p.Stride = [2]int{1, p.Kernel[0]}, [2]int{1, p.Stride[0]}
	p.Padding, p.Dilation = [2]int{0, p.Padding[0]}, [2]int{1, p.Dilation[0]}
	return x.pool(op, p, largest)
}

func (x Tensor) pool(op string, p Pool, largest bool) Tensor {
	in := x.node(op)
	d, ok := in.asImages(op == "MaxPool1D" || op == "AvgPool1D")
	wanted := op == "MaxPool2DIndices" || in.needs
	if !ok {
		shapePanic(op, 0, "needs images [n, channels, h, w] or, in one dimension, sequences [n, channels, length]", x)
	}
	notNegative(op, p.Stride, p.Padding, p.Dilation)
	for a := range 2 {
		if p.Stride[a] == 0 {
			p.Stride[a] = p.Kernel[a]
		}
	}
	k := conv.Pool{N: d[0], C: d[1], H: d[2], W: d[3], KH: p.Kernel[0], KW: p.Kernel[1],
		StrideH: p.Stride[0], StrideW: p.Stride[1], PadH: p.Padding[0], PadW: p.Padding[1],
		DilH: max(p.Dilation[0], 1), DilW: max(p.Dilation[1], 1), CeilMode: p.CeilMode, CountIncludePad: !p.ExcludePad}
	if !largest {
		k.DilH, k.DilW = 1, 1
	}
	if min(k.H, k.W, k.KH, k.KW) < 1 || k.OutH() < 1 || k.OutW() < 1 || 2*k.PadH > k.DilH*(k.KH-1)+1 ||
		2*k.PadW > k.DilW*(k.KW-1)+1 {
		shapePanic(op, 2, fmt.Sprintf("a window of %v with padding %v does not fit (at most half a window may be padding)", p.Kernel, p.Padding), x)
	}
	if k.SeesPaddingOnly() {
		shapePanic(op, -1, fmt.Sprintf("dilated by %v, some windows would hold padding only", p.Dilation), x)
	}
	t := x.t
	s := in.shape.with(in.n-1, k.OutW())
	if s.n == 4 {
		s.d[2] = k.OutH()
	}
	s = makeShape(op, s.dims())
	y := t.floats.take(s.size())
	var ids []int32
	back := backAvgPool
	if largest {
		back = backMaxPool
		if wanted {
			ids = t.ints.take(s.size())
		}
		k.MaxForward(y, ids, in.data)
	} else {
		k.AvgForward(y, in.data)
	}
	res, n := t.push(op)
	n.data, n.shape = y, s
	*poolings.lend(t, n) = pooling{k, ids}
	n.record(t, back, x.i)
	return res
}

// pooling is what pooling keeps: its geometry and, of maxima, their places.
type pooling struct {
	conv.Pool
	places []int32
}

var poolings = newKeeper[pooling]()

func backMaxPool(t *Tape, n *node) {
	g, acc := t.gradBuffer(n, 0)
	k := n.kept.(*pooling)
	k.MaxBackward(g, n.grad, k.places, acc)
}

func backAvgPool(t *Tape, n *node) {
	g, acc := t.gradBuffer(n, 0)
	n.kept.(*pooling).AvgBackward(g, n.grad, acc)
}

// AdaptiveAvgPool2D averages images [n, c, h, w] to [n, c, oh, ow] whatever
// their size: cell i covers the rows from ⌊i·h/oh⌋ up to ⌈(i+1)·h/oh⌉, which
// overlap where oh does not divide h. AdaptiveAvgPool2D(1, 1) is the global
// average, as is Mean(2, 3) without the axes.
func (x Tensor) AdaptiveAvgPool2D(oh, ow int) Tensor {
	const op = "AdaptiveAvgPool2D"
	in := x.node(op)
	if in.n != 4 || oh < 1 || ow < 1 || in.d[2] < 1 || in.d[3] < 1 {
		shapePanic(op, 2, fmt.Sprintf("needs images [n, channels, h, w] and a size of at least 1×1, not %d×%d", oh, ow), x)
	}
	h, w := in.d[2], in.d[3]
	s := makeShape(op, []int{in.d[0], in.d[1], oh, ow})
	src := in.data
	y := x.t.floats.take(s.size())
	c := cells{h: h, w: w, oh: oh, ow: ow}
	for o := range y {
		at, rows, cols := c.cell(o)
		if cols == w { // whole rows follow one another
			rows, cols = 1, rows*cols
		}
		var sum float64
		for r := range rows {
			sum += float64(rowwise.Sum(src[at+r*w : at+r*w+cols]))
		}
		y[o] = float32(sum / float64(rows*cols))
	}
	res, n := x.t.push(op)
	n.data, n.shape = y, s
	n.record(x.t, backAdaptiveAvgPool, x.i)
	return res
}

// AdaptiveMaxPool2D takes the largest elements of images [n, c, h, w], to [n,
// c, oh, ow] whatever their size, and where they are: h·W+w in its plane. The
// cells are those of [Tensor.AdaptiveAvgPool2D]; of equal elements it is the
// first, a NaN is the largest.
func (x Tensor) AdaptiveMaxPool2D(oh, ow int) (Tensor, Ints) {
	const op = "AdaptiveMaxPool2D"
	in := x.node(op)
	if in.n != 4 || oh < 1 || ow < 1 || in.d[2] < 1 || in.d[3] < 1 {
		shapePanic(op, 2, fmt.Sprintf("needs images [n, channels, h, w] and a size of at least 1×1, not %d×%d", oh, ow), x)
	}
	s := makeShape(op, []int{in.d[0], in.d[1], oh, ow})
	ids := x.t.ints.take(s.size())
	c := cells{h: in.d[2], w: in.d[3], oh: oh, ow: ow}
	for o := range ids {
		at, rows, cols := c.cell(o)
		best := at
		for r := range rows {
			for i, v := range in.data[at+r*c.w : at+r*c.w+cols] {
				if b := in.data[best]; v > b || v != v && b == b {
					best = at + r*c.w + i
				}
			}
		}
		ids[o] = int32(best % (c.h * c.w))
	}
	flat := Ints{ids, shape{n: 3, d: [MaxRank]int{s.d[0], s.d[1], oh * ow}}}
	return x.Reshape(s.d[0], s.d[1], c.h*c.w).Gather(2, flat).reshaped("Reshape", s), Ints{ids, s}
}

func backAdaptiveAvgPool(t *Tape, n *node) {
	g, in := t.gradOf(n, 0), &t.nodes[n.in[0]]
	c := cells{h: in.d[2], w: in.d[3], oh: n.d[2], ow: n.d[3]}
	for o, dy := range n.grad {
		at, rows, cols := c.cell(o)
		dy /= float32(rows * cols)
		for r := range rows {
			row := g[at+r*c.w : at+r*c.w+cols]
			for j := range row {
				row[j] += dy
			}
		}
	}
}

// cells divides planes of h×w into oh×ow cells.
type cells struct{ h, w, oh, ow int }

// cell gives where output element o reads: its first element, rows and columns.
func (c *cells) cell(o int) (at, rows, cols int) {
	plane, i, j := o/(c.oh*c.ow), o/c.ow%c.oh, o%c.ow
	r0, r1 := i*c.h/c.oh, ((i+1)*c.h+c.oh-1)/c.oh
	c0, c1 := j*c.w/c.ow, ((j+1)*c.w+c.ow-1)/c.ow
	return plane*c.h*c.w + r0*c.w + c0, r1 - r0, c1 - c0
}
