package compress

import (
	"fmt"
	"slices"
	"sync/atomic"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	kernel "descent/mlkit/internal/kernel/int8"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// chain is units that pass bytes on, as one layer: floats come in, and go out
// of the last of them. Images lie with their channels last, so that the window
// of a convolution is a few runs of bytes and needs no copy.
type chain struct {
	steps  []step
	static bool
	// tell, unless it is nil, is told the shape of each unit's result.
	tell func(p *product, dims ...int)
}

// step is a unit or a pooling. What is between them, a Flatten, only changes
// what the next unit expects.
type step struct {
	product *product
	pool    tensor.Pool
}

// product is a unit in bytes.
type product struct {
	form
	w      *kernel.Weights
	scales []float32 // of the weights, for each of w.Padded columns
	bias   []float32 // likewise
	flat   int       // of a Linear behind images: their channels; otherwise 0

	// Where the range of the input is fixed.
	rng   affine
	minus []int32
	mixed []float32 // scales times that of the input, in steps of the next unit's
	shift []float32 // the bias in those steps
	pool  bool      // the result is pooled in windows of 2×2
	act   func(dst, x []float32)
}

// layout is bytes of images [n, h, w, c] with borders of padding, or of rows
// [n, c] as images of one pixel; ld is from one pixel to the next.
type layout struct {
	n, h, w, c, ld int
	pad            [2]int
}

func (l *layout) line() int  { return (l.w + 2*l.pad[1]) * l.ld }
func (l *layout) image() int { return (l.h + 2*l.pad[0]) * l.line() }
func (l *layout) start() int { return l.pad[0]*l.line() + l.pad[1]*l.ld }

// room is a call's memory.
type room struct {
	bytes  [2][]uint8
	floats []float32
	minus  []int32
	mixed  []float32
	rows   []uint8
	lent   []float32 // see lend
}

var rooms cpu.FreeList[room]

// grown returns n elements of *buf, with any contents.
func grown[T any](buf *[]T, n int) []T {
	if cap(*buf) < n {
		*buf = make([]T, n+n/4)
	}
	return (*buf)[:n]
}

func (c *chain) Forward(x tensor.Tensor) tensor.Tensor { return c.run(x, nil) }

// lend is Forward for a result that is used up before r is given back: it lies
// in r, which need not be cleared as a tape's memory is.
func lend(l nn.Layer, x tensor.Tensor, r *room) tensor.Tensor {
	if s, ok := l.(stage); ok && len(s) == 1 {
		l = s[0].layer
	}
	if c, ok := l.(*chain); ok {
		return c.run(x, r)
	}
	return l.Forward(x)
}

// run computes the chain's result, in to unless that is nil.
func (c *chain) run(x tensor.Tensor, to *room) tensor.Tensor {
	first := c.steps[0].product
	dims, err := first.input(x.Dims())
	if err != "" {
		panic(&tensor.ShapeError{Op: first.String() + " in int8", Shapes: [][]int{slices.Clone(x.Dims())}, Why: err})
	}
	r := rooms.Get()
	defer rooms.Put(r)
	rng := first.rng
	if !c.static {
		lo, hi, ok := kernel.Extent(x.Data())
		if !ok || notFinite(hi-lo) {
			first.refuse(x)
		}
		rng = affineOf(lo, hi)
	}
	at := 0
	l, ok := enter(r, x.Data(), dims, first.padding(), rng)
	if !ok {
		first.refuse(x)
	}
	for i := range c.steps {
		s := &c.steps[i]
		if s.product == nil {
			l = c.poolInto(r, s, l, at, c.padAfter(i), c.productAfter(i).rng.zero)
			at = 1 - at
			continue
		}
		p := s.product
		if i == len(c.steps)-1 {
			y := p.floats(r, x, l, r.bytes[at], rng, c, to)
			if c.tell != nil {
				c.tell(p, y.Dims()...)
			}
			return y
		}
		next := c.productAfter(i)
		l = p.bytes(r, l, at, c.padAfter(i), next)
		if c.tell != nil {
			p.told(c.tell, l)
		}
		at, rng = 1-at, next.rng
	}
	panic("unreachable: a chain ends with a unit")
}

// productAfter is the unit that reads what step i makes.
func (c *chain) productAfter(i int) *product {
	for i++; c.steps[i].product == nil; i++ {
	}
	return c.steps[i].product
}

// padAfter is the border that the step behind i needs.
func (c *chain) padAfter(i int) [2]int {
	if p := c.steps[i+1].product; p != nil {
		return p.padding()
	}
	return [2]int{}
}

// refuse panics for an input that is not a number.
func (p *product) refuse(x tensor.Tensor) {
	for i, v := range x.Data() {
		if v != v || notFinite(v) {
			panic(&tensor.ShapeError{Op: p.String() + " in int8", Shapes: [][]int{slices.Clone(x.Dims())},
				Why: fmt.Sprintf("its input is not finite: number %d is %v", i, v)})
		}
	}
}

// flatConv reports whether the unit is a Conv1D.
func (p *product) flatConv() bool { return p.conv != nil && len(p.dims) == 3 }

// padding is the unit's, vertical and horizontal.
func (p *product) padding() [2]int {
	switch {
	case p.conv == nil:
		return [2]int{}
	case p.flatConv():
		return [2]int{0, p.conv.Padding[0]}
	}
	return p.conv.Padding
}

// window is the unit's kernel, stride and dilation, vertical and horizontal.
func (p *product) window() (size, stride, dilation [2]int) {
	c, d := p.conv, p.dims
	if p.flatConv() {
		return [2]int{1, d[2]}, [2]int{1, max(c.Stride[0], 1)}, [2]int{1, max(c.Dilation[0], 1)}
	}
	return [2]int{d[2], d[3]}, [2]int{max(c.Stride[0], 1), max(c.Stride[1], 1)}, [2]int{max(c.Dilation[0], 1),
		max(c.Dilation[1], 1)}
}

// input reads the shape of an input as [n, c, h, w], or says what is wrong.
func (p *product) input(dims []int) (shape [4]int, wrong string) {
	w := p.dims
	switch {
	case p.conv == nil:
		if len(dims) < 1 || dims[len(dims)-1] != w[1] {
			return shape, fmt.Sprintf("want [..., %d]", w[1])
		}
		return [4]int{tensor.SizeOf(dims) / w[1], w[1], 1, 1}, ""
	case p.flatConv():
		if len(dims) != 3 || dims[1] != w[1] {
			return shape, fmt.Sprintf("want [n, %d, length]", w[1])
		}
		shape = [4]int{dims[0], dims[1], 1, dims[2]}
	default:
		if len(dims) != 4 || dims[1] != w[1] {
			return shape, fmt.Sprintf("want [n, %d, h, w]", w[1])
		}
		shape = [4]int(dims)
	}
	if h, v := p.size(shape[2], shape[3]); h < 1 || v < 1 || p.pool && min(h, v) < 2 {
		return shape, "the window does not fit"
	}
	return shape, ""
}

// size is that of a convolution's result.
func (p *product) size(h, w int) (int, int) {
	k, s, d := p.window()
	pad := p.padding()
	out := func(n, i int) int {
		if n += 2*pad[i] - d[i]*(k[i]-1) - 1; n < 0 {
			return 0
		}
		return n/s[i] + 1
	}
	return out(h, 0), out(w, 1)
}

// enter makes bytes of floats [n, c, h, w], with their channels last.
func enter(r *room, x []float32, dims [4]int, pad [2]int, rng affine) (l layout, ok bool) {
	l = layout{n: dims[0], c: dims[1], ld: dims[1], h: dims[2], w: dims[3], pad: pad}
	y := grown(&r.bytes[0], l.n*l.image()+kernel.Slack)
	inverse := rng.inverse()
	if pad == [2]int{} && (l.c == 1 || l.h*l.w == 1) {
		return l, kernel.Quantize(y[:len(x)], x, inverse, rng.zero)
	}
	if pad != [2]int{} {
		border(y, &l, rng.zero)
	}
	e := enterings.Get()
	e.x, e.y, e.l, e.inverse, e.zero = x, y, l, inverse, rng.zero
	cpu.Parallel(l.n, e)
	ok = !e.bad.Load()
	e.x, e.y = nil, nil
	e.bad.Store(false)
	enterings.Put(e)
	return l, ok
}

// entering makes bytes of an image at a time.
type entering struct {
	x       []float32
	y       []uint8
	l       layout
	inverse float32
	zero    uint8
	bad     atomic.Bool
}

var enterings cpu.FreeList[entering]

func (e *entering) Part(i int) {
	l := &e.l
	r := rooms.Get()
	defer rooms.Put(r)
	image := e.x[i*l.c*l.h*l.w:][:l.c*l.h*l.w]
	if l.c > 1 {
		last := grown(&r.floats, len(image))
		gemm.Transpose(last, image, l.c, l.h*l.w)
		image = last
	}
	row := l.w * l.c
	for y := range l.h {
		if !kernel.Quantize(e.y[i*l.image()+l.start()+y*l.line():][:row], image[y*row:(y+1)*row], e.inverse, e.zero) {
			e.bad.Store(true)
		}
	}
}

// border fills all of an image with the byte of 0: what is inside comes later.
func border(y []uint8, l *layout, zero uint8) {
	n := l.n * l.image()
	if zero == 0 {
		clear(y[:n])
		return
	}
	y[0] = zero
	for done := 1; done < n; done *= 2 {
		copy(y[done:n], y[:done])
	}
}

// over is the product of the unit for an input of the given layout, without
// where the results go.
func (p *product) over(l *layout) (k kernel.Product, h, w int) {
	k = kernel.Product{W: p.w, Images: 1, Lines: 1, Bias: p.bias, ReLU: p.relu}
	if p.conv == nil {
		if p.flat > 0 { // the bytes of an image, one behind the other
			k.Width, k.RowStep = l.n, l.image()
			return k, 1, 1
		}
		k.Width, k.RowStep = l.n, l.ld
		return k, 1, 1
	}
	_, stride, dilation := p.window()
	h, w = p.size(l.h, l.w)
	k.Images, k.Lines, k.Width = l.n, h, w
	k.ImageStep, k.LineStep, k.RowStep = l.image(), stride[0]*l.line(), stride[1]*l.ld
	if k.Apart = dilation[0] * l.line(); p.flatConv() {
		k.Apart = dilation[1] * l.ld
	}
	return k, h, w
}

// bytes computes the unit's result for the one that reads it.
func (p *product) bytes(r *room, l layout, at int, pad [2]int, next *product) layout {
	k, h, w := p.over(&l)
	k.Minus, k.Scale, k.Bias = p.minus, p.mixed, p.shift
	k.Zero, k.Pool = next.rng.zero, p.pool
	k.Act, k.Inverse = p.act, next.rng.inverse()
	if p.pool {
		h, w = h/2, w/2
	}
	out := layout{n: l.n, h: h, w: w, c: p.w.N, ld: p.w.N, pad: pad}
	if p.conv == nil {
		out.ld = p.w.Padded()
	}
	y := grown(&r.bytes[1-at], out.n*out.image()+kernel.Slack)
	if pad != [2]int{} {
		border(y, &out, k.Zero)
	}
	k.Room = out.ld
	if p.conv == nil {
		k.YRowStep = out.ld
	} else {
		k.YImageStep, k.YLineStep, k.YRowStep = out.image(), out.line(), out.ld
	}
	k.Bytes(y[out.start():], r.bytes[at][:cap(r.bytes[at])])
	return out
}

// floats computes the unit's result as a tensor.
func (p *product) floats(r *room, x tensor.Tensor, l layout, a []uint8, rng affine, c *chain, to *room) tensor.Tensor {
	k, h, w := p.over(&l)
	if k.Minus, k.Scale = p.minus, p.mixed; !c.static {
		k.Minus, k.Scale = grown(&r.minus, p.w.Padded()), grown(&r.mixed, p.w.Padded())
		p.mix(k.Minus, k.Scale, rng)
	}
	n := p.w.N
	k.Room, k.YRowStep = n, n
	t := x.Tape()
	var y []float32
	if size := l.n * h * w * n; to != nil {
		y = grown(&to.lent, size)
	} else {
		y = t.Scratch(size)
	}
	a = a[:cap(a)]
	if p.conv == nil {
		k.Floats(y, a)
		var dims [tensor.MaxRank]int
		rank := 2
		if dims[0], dims[1] = l.n, n; c.steps[0].product.conv == nil && x.Rank() != 2 {
			rank = copy(dims[:], x.Dims())
			dims[rank-1] = n
		}
		return t.Input(y, dims[:rank]...)
	}
	k.YImageStep, k.YLineStep = h*w*n, w*n
	last := grown(&r.floats, len(y))
	k.Floats(last, a)
	e := leavings.Get()
	*e = leaving{y: y, last: last, size: h * w, channels: n}
	cpu.Parallel(l.n, e)
	*e = leaving{}
	leavings.Put(e)
	if p.flatConv() {
		return t.Input(y, l.n, n, w)
	}
	return t.Input(y, l.n, n, h, w)
}

// told tells the shape of what bytes has computed.
func (p *product) told(tell func(p *product, dims ...int), l layout) {
	switch {
	case p.conv == nil:
		tell(p, l.n, l.c)
	case p.flatConv():
		tell(p, l.n, l.c, l.w)
	default:
		tell(p, l.n, l.c, l.h, l.w)
	}
}

// leaving brings the channels of an image at a time to the front.
type leaving struct {
	y, last        []float32
	size, channels int
}

var leavings cpu.FreeList[leaving]

func (e *leaving) Part(i int) {
	n := e.size * e.channels
	gemm.Transpose(e.y[i*n:(i+1)*n], e.last[i*n:(i+1)*n], e.size, e.channels)
}

// mix computes what depends on the input's range: what a sum has too much, and
// the scale of a product.
func (p *product) mix(minus []int32, mixed []float32, rng affine) {
	for i, s := range p.w.Sums() {
		minus[i] = s * int32(rng.zero)
		mixed[i] = p.scales[i] * rng.scale
	}
}

// actOf is a function of single numbers that is applied to the results of a
// unit before they become bytes, and nil for another layer.
func actOf(l nn.Layer) func(dst, x []float32) {
	switch l := l.(type) {
	case nn.GELU:
		if l.Tanh {
			return elementwise.GELUTanh
		}
		return elementwise.GELU
	case nn.SiLU:
		return elementwise.SiLU
	case nn.Tanh:
		return elementwise.Tanh
	case nn.Sigmoid:
		return elementwise.Sigmoid
	}
	return nil
}

// poolOf are the options of a pooling that bytes can go through.
func poolOf(l nn.Layer) (o tensor.Pool, ok bool) {
	switch l := l.(type) {
	case nn.MaxPool2D:
		o = tensor.Pool{Kernel: [2]int{l.Kernel, or(l.KernelW, l.Kernel)}}
		o.Stride = [2]int{or(l.Stride, o.Kernel[0]), or(l.StrideW, or(l.Stride, o.Kernel[1]))}
		return o, l.Padding == 0 && l.PaddingW <= 0 && max(l.Dilation, l.DilationW) <= 1 && !l.CeilMode
	case nn.MaxPool1D:
		o = tensor.Pool{Kernel: [2]int{1, l.Kernel}, Stride: [2]int{1, or(l.Stride, l.Kernel)}}
		return o, l.Padding == 0 && l.Dilation <= 1 && !l.CeilMode
	}
	return o, false
}

func or(v, otherwise int) int {
	if v == 0 {
		return otherwise
	}
	return v
}

// poolInto takes the largest bytes of each window: byte and number rise
// together.
func (c *chain) poolInto(r *room, s *step, l layout, at int, pad [2]int, zero uint8) layout {
	o := &s.pool
	out := layout{n: l.n, c: l.c, ld: l.c, pad: pad, h: (l.h-o.Kernel[0])/o.Stride[0] + 1,
		w: (l.w-o.Kernel[1])/o.Stride[1] + 1}
	if l.h < o.Kernel[0] || l.w < o.Kernel[1] {
		panic(&tensor.ShapeError{Op: "MaxPool in int8", Shapes: [][]int{{l.n, l.c, l.h, l.w}},
			Why: fmt.Sprintf("a window of %d×%d does not fit", o.Kernel[0], o.Kernel[1])})
	}
	y := grown(&r.bytes[1-at], out.n*out.image()+kernel.Slack)
	if pad != [2]int{} {
		border(y, &out, zero)
	}
	p := poolings.Get()
	*p = pooling{x: r.bytes[at], y: y, from: l, to: out, pool: *o}
	cpu.Parallel(out.n, p)
	*p = pooling{}
	poolings.Put(p)
	return out
}

type pooling struct {
	x, y     []uint8
	from, to layout
	pool     tensor.Pool
}

var poolings cpu.FreeList[pooling]

// Part pools an image: first down its lines, then along them.
func (p *pooling) Part(i int) {
	r := rooms.Get()
	defer rooms.Put(r)
	from, to, o := &p.from, &p.to, &p.pool
	c := from.c
	line := grown(&r.rows, from.w*c)
	for y := range to.h {
		for k := range o.Kernel[0] {
			x := p.x[i*from.image()+from.start()+(y*o.Stride[0]+k)*from.line():][:from.w*c]
			if k == 0 {
				copy(line, x)
			} else {
				kernel.Larger(line, x)
			}
		}
		out := p.y[i*to.image()+to.start()+y*to.line():]
		for v := range to.w {
			pixel := out[v*c : (v+1)*c]
			copy(pixel, line[v*o.Stride[1]*c:])
			for k := 1; k < o.Kernel[1]; k++ {
				kernel.Larger(pixel, line[(v*o.Stride[1]+k)*c:][:c])
			}
		}
	}
}
