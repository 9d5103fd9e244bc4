package tensor

import (
	"fmt"
	"strings"

	"descent/mlkit/internal/kernel/conv"
	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/gemm"
	"descent/mlkit/internal/kernel/rowwise"
)

// Conv holds the options of a convolution, vertical before horizontal; the
// zero value is stride 1, no padding, no dilation, one group. One-dimensional
// convolutions read the first of each pair.
type Conv struct {
	Stride   [2]int // 0 is 1
	Padding  [2]int // zeros on both sides
	More     [2]int // further zeros, below and on the right only
	Dilation [2]int // distance between a window's taps; 0 is 1
	Groups   int    // 0 is 1; as many as channels for a depthwise convolution
}

// Conv2D is the convolution of deep learning (a cross-correlation; LeCun et al.
// 1989): images x [n, c, h, w], weights [out, c/groups, kh, kw], bias [out] or
// the zero Tensor for none; the result is [n, out, oh, ow] with
// oh = (h + 2·padding + more − dilation·(kh−1) − 1)/stride + 1, rounded down.
//
// A 3×3 convolution of stride 1 with 16 channels or more is computed in tiles
// of 4×4 outputs (Winograd's filtering; Lavin & Gray 2015). Its rounding error
// is then about 1e-6 of the largest input near the tile, also in outputs that
// do not see that input. Inputs that hold an infinity, a NaN or a number beyond
// 1e19 are computed directly, so that these reach only the outputs that see
// them.
func (x Tensor) Conv2D(w, b Tensor, c Conv) Tensor {
	return x.conv("Conv2D", w, b, c, gemm.None)
}

// Conv2DReLU is Conv2D followed by ReLU, in one pass over the result.
func (x Tensor) Conv2DReLU(w, b Tensor, c Conv) Tensor {
	return x.conv("Conv2DReLU", w, b, c, gemm.ReLUAct)
}

// Conv2DMaxPool is Conv2D, ReLU where relu is set, and MaxPool2D over windows
// of 2×2 side by side: [n, c, h, w] to [n, out, oh/2, ow/2]. The numbers are
// those of the three operations. The convolution's result and its gradient,
// four times as large, are never in memory as a whole.
func (x Tensor) Conv2DMaxPool(w, b Tensor, c Conv, relu bool) Tensor {
	act := gemm.None
	if relu {
		act = gemm.ReLUAct
	}
	const op = "Conv2DMaxPool"
	k, nx, nw, bias, bi := x.convSizes(op, w, b, c)
	if !k.Poolable() {
		return x.conv(op, w, b, c, act).MaxPool2D(Pool{Kernel: [2]int{2, 2}})
	}
	t := x.t
	s := makeShape(op, []int{k.N, k.OutC, k.OutH() / 2, k.OutW() / 2})
	y := t.floats.take(s.size())
	var arg []int32
	if nx.needs || nw.needs {
		arg = t.ints.take(k.PoolArgs())
	}
	k.ForwardPool(y, arg, nx.data, nw.data, bias, act)
	res, n := t.push(op)
	n.data, n.shape = y, s
	*convolutions.lend(t, n) = convolution{Conv: k, act: act, places: arg}
	n.record(t, backConvMaxPool, x.i, w.i, bi)
	return res
}

func backConvMaxPool(t *Tape, n *node) {
	k := n.kept.(*convolution)
	dy := n.grad
	if k.act == gemm.ReLUAct {
		elementwise.ReLUMask(dy, dy, n.data)
	}
	t.sumPlanes(t.gradOf(n, 2), dy, k.OutC, n.d[2]*n.d[3])
	if g, acc := t.gradBuffer(n, 1); g != nil {
		k.BackwardWeightPool(g, dy, k.places, t.operand(n, 0), acc)
	}
	if g, acc := t.gradBuffer(n, 0); g != nil {
		k.BackwardDataPool(g, dy, k.places, t.operand(n, 1), acc)
	}
}

// Conv1D is Conv2D over sequences: x [n, c, length], weights [out, c/groups,
// k], result [n, out, olength]. Three taps at stride 1 and any dilation, with
// 16 channels or more, are computed in tiles of four outputs, with the rounding
// error described at Conv2D.
func (x Tensor) Conv1D(w, b Tensor, c Conv) Tensor {
	return x.conv("Conv1D", w, b, c.flat(), gemm.None)
}

// flat is the convolution of sequences as one of images with one row.
func (c Conv) flat() Conv {
	return Conv{Stride: [2]int{1, c.Stride[0]}, Padding: [2]int{0, c.Padding[0]}, More: [2]int{0, c.More[0]},
		Dilation: [2]int{1, c.Dilation[0]}, Groups: c.Groups}
}

// RunningNorm is batch normalisation by running statistics, as in evaluation
// (see [Tensor.BatchNorm]), with a ReLU or a ReLU6 behind it where that is
// set.
type RunningNorm struct {
	Weight, Bias   Tensor // [c] or the zero Tensor
	Mean, Variance *Buffer
	Eps            float32
	ReLU           bool
	ReLU6          bool // in place of ReLU
}

// Conv2DBatchNorm is Conv2D followed by a normalisation with running
// statistics, to the same bits. On a tape that records no gradients it is
// applied while the convolution's result is in cache, so it costs next to
// nothing. Nothing is folded into a copy of the weights, so nothing can be out
// of date.
func (x Tensor) Conv2DBatchNorm(w, b Tensor, c Conv, r RunningNorm) Tensor {
	return x.convNorm("Conv2DBatchNorm", w, b, c, r)
}

// Conv1DBatchNorm is Conv2DBatchNorm over sequences, see Conv1D.
func (x Tensor) Conv1DBatchNorm(w, b Tensor, c Conv, r RunningNorm) Tensor {
	return x.convNorm("Conv1DBatchNorm", w, b, c.flat(), r)
}

func (x Tensor) convNorm(op string, w, b Tensor, c Conv, r RunningNorm) Tensor {
	x.node(op)
	if r.Mean == nil || r.Variance == nil {
		shapePanic(op, -1, "a normalisation with running statistics needs both", x)
	}
	t := x.t
	if t.RecordsGrad() {
		y := x.conv(op, w, b, c, gemm.None)
		defer t.SetTraining(t.training)
		t.SetTraining(false)
		y = y.batchNorm(op, r.Weight, r.Bias, r.Mean, r.Variance, 0, r.Eps, r.ReLU && !r.ReLU6)
		if r.ReLU6 {
			y = y.ReLU6()
		}
		return y
	}
	k, nx, nw, bias, _ := x.convSizes(op, w, b, c)
	gamma, _ := x.channelBias(op, r.Weight, k.OutC, w)
	beta, _ := x.channelBias(op, r.Bias, k.OutC, w)
	if len(r.Mean.Data) != k.OutC || len(r.Variance.Data) != k.OutC {
		shapePanic(op, 1, fmt.Sprintf("the running statistics are for %d channels", len(r.Mean.Data)), x, w)
	}
	s := resultShape(op, &k, nx.shape)
	norm := t.norm(k.OutC, k.OutH()*k.OutW(), r.ReLU)
	if r.ReLU6 {
		norm.Top = 6
	}
	copy(norm.Mean, r.Mean.Data)
	copy(norm.Shift, beta)
	norm.Scales(r.Variance.Data, gamma, r.Eps)
	y := t.floats.take(s.size())
	k.ForwardNorm(y, nx.data, nw.data, bias, &norm)
	res, n := t.push(op)
	n.data, n.shape = y, s
	return res
}

// resultShape is the shape that a convolution makes of s.
func resultShape(op string, k *conv.Conv, s shape) shape {
	s.d[1], s.d[s.n-1] = k.OutC, k.OutW()
	if s.n == 4 {
		s.d[2] = k.OutH()
	}
	return makeShape(op, s.dims())
}

func (x Tensor) conv(op string, w, b Tensor, c Conv, act gemm.Activation) Tensor {
	k, nx, nw, bias, bi := x.convSizes(op, w, b, c)
	t := x.t
	s := resultShape(op, &k, nx.shape)
	y := t.floats.take(s.size())
	k.Forward(y, nx.data, nw.data, bias, act)
	res, n := t.push(op)
	n.data, n.shape = y, s
	*convolutions.lend(t, n) = convolution{Conv: k, act: act}
	n.record(t, backConv, x.i, w.i, bi)
	return res
}

// convSizes checks the operands of a convolution. The nodes are valid until the
// next push.
func (x Tensor) convSizes(op string, w, b Tensor, c Conv) (k conv.Conv, nx, nw *node, bias []float32, bi int32) {
	nx, nw = x.node(op), w.node(op)
	sameTape(op, x, w)
	flat := strings.HasPrefix(op, "Conv1D")
	sx, ok := nx.asImages(flat)
	sw, okw := nw.asImages(flat)
	if !ok || !okw {
		shapePanic(op, 0, "needs x [n, channels, h, w] and weights [out, channels/groups, kh, kw], or in one dimension [n, channels, length] and [out, channels/groups, k]", x, w)
	}
	k = c.kernel(op)
	k.N, k.C, k.H, k.W = sx[0], sx[1], sx[2], sx[3]
	k.OutC, k.KH, k.KW = sw[0], sw[2], sw[3]
	if k.C%k.Groups != 0 || k.OutC%k.Groups != 0 || sw[1] != k.C/k.Groups {
		shapePanic(op, 1, fmt.Sprintf("the weight's second axis must be the channels by the groups, %d/%d, and the groups divide both kinds of channels", k.C, k.Groups), x, w)
	}
	if k.C < 1 || k.OutC < 1 || min(k.H, k.W, k.KH, k.KW) < 1 || k.OutH() < 1 || k.OutW() < 1 {
		shapePanic(op, -1, fmt.Sprintf("the window does not fit the input padded by %v", c.Padding), x, w)
	}
	bias, bi = x.channelBias(op, b, k.OutC, w)
	return k, nx, nw, bias, bi
}

// asImages is the shape as images [n, c, h, w]; of sequences [n, c, length] if
// flat is set, as images with one row.
func (s *shape) asImages(flat bool) (images [4]int, ok bool) {
	if flat {
		return [4]int{s.d[0], s.d[1], 1, s.d[2]}, s.n == 3
	}
	return [4]int{s.d[0], s.d[1], s.d[2], s.d[3]}, s.n == 4
}

func backConv(t *Tape, n *node) {
	k := n.kept.(*convolution)
	dy := n.grad
	if k.act == gemm.ReLUAct {
		elementwise.ReLUMask(dy, dy, n.data)
	}
	t.sumPlanes(t.gradOf(n, 2), dy, k.OutC, k.OutH()*k.OutW())
	if g, acc := t.gradBuffer(n, 1); g != nil {
		k.BackwardWeight(g, dy, t.operand(n, 0), acc)
	}
	if g, acc := t.gradBuffer(n, 0); g != nil {
		k.BackwardData(g, dy, t.operand(n, 1), acc)
	}
}

// ConvTranspose2D is the transpose of Conv2D as a linear map, which enlarges
// images (Zeiler et al., Deconvolutional Networks, 2010): x [n, c, h, w],
// weights [c, out/groups, kh, kw], bias [out] or the zero Tensor; the result is
// [n, out, oh, ow] with oh = (h−1)·stride − 2·padding + dilation·(kh−1) + 1 +
// outputPadding. The output padding, less than the stride, chooses among the
// sizes that the convolution would shrink to h.
func (x Tensor) ConvTranspose2D(w, b Tensor, c Conv, outputPadding [2]int) Tensor {
	return x.convTranspose("ConvTranspose2D", w, b, c, outputPadding, false)
}

// ConvTranspose1D is ConvTranspose2D over sequences: x [n, c, length], weights
// [c, out/groups, k], result [n, out, olength].
func (x Tensor) ConvTranspose1D(w, b Tensor, c Conv, outputPadding int) Tensor {
	return x.convTranspose("ConvTranspose1D", w, b, c.flat(), [2]int{0, outputPadding}, true)
}

func (x Tensor) convTranspose(op string, w, b Tensor, c Conv, outputPadding [2]int, flat bool) Tensor {
	nx, nw := x.node(op), w.node(op)
	sameTape(op, x, w)
	sx, ok := nx.asImages(flat)
	sw, okw := nw.asImages(flat)
	if !ok || !okw || sx[1] != sw[0] {
		shapePanic(op, 1, "needs images [n, channels, h, w] and weights [channels, out/groups, kh, kw], or in one dimension [n, channels, length] and [channels, out/groups, k]", x, w)
	}
	if c.More != [2]int{} {
		panic(&ShapeError{Op: op, Why: "a transposed convolution has an output padding, not More"})
	}
	k := c.kernel(op) // the convolution from the result to x
	k.N, k.OutC, k.C = sx[0], sx[1], sw[1]*k.Groups
	k.KH, k.KW = sw[2], sw[3]
	k.H = (sx[2]-1)*k.StrideH - 2*k.PadH + k.DilH*(k.KH-1) + 1 + outputPadding[0]
	k.W = (sx[3]-1)*k.StrideW - 2*k.PadW + k.DilW*(k.KW-1) + 1 + outputPadding[1]
	if k.C < 1 || k.OutC < 1 || k.OutC%k.Groups != 0 || min(k.H, k.W, k.KH, k.KW) < 1 || k.OutH() != sx[2] ||
		k.OutW() != sx[3] {
		shapePanic(op, 2, fmt.Sprintf("no image of %d×%d shrinks to x: the groups must divide the channels, the output padding %v be less than the stride", k.H, k.W, outputPadding), x, w)
	}
	bias, bi := x.channelBias(op, b, k.C, w)
	t := x.t
	s := nx.shape
	s.d[1], s.d[s.n-1] = k.C, k.W
	if !flat {
		s.d[2] = k.H
	}
	s = makeShape(op, s.dims())
	y := t.floats.take(s.size())
	k.BackwardData(y, nx.data, nw.data, false)
	for o := 0; bias != nil && o < k.N*k.C; o++ {
		plane := y[o*k.H*k.W : (o+1)*k.H*k.W]
		elementwise.AddScalar(plane, plane, bias[o%k.C])
	}
	res, n := t.push(op)
	n.data, n.shape = y, s
	*convolutions.lend(t, n) = convolution{Conv: k}
	n.record(t, backConvTranspose, x.i, w.i, bi)
	return res
}

func backConvTranspose(t *Tape, n *node) {
	k := n.kept.(*convolution)
	t.sumPlanes(t.gradOf(n, 2), n.grad, k.C, k.H*k.W)
	if g, acc := t.gradBuffer(n, 1); g != nil {
		k.BackwardWeight(g, t.operand(n, 0), n.grad, acc)
	}
	g, acc := t.gradBuffer(n, 0)
	if g == nil {
		return
	}
	dst := g
	if acc {
		dst = t.floats.reuse(len(g))
	}
	k.Forward(dst, n.grad, t.operand(n, 1), nil, gemm.None)
	if acc {
		elementwise.Add(g, g, dst)
		t.floats.recycle(dst)
	}
}

// channelBias gives the data and the node of an optional bias of n channels.
func (x Tensor) channelBias(op string, b Tensor, n int, w Tensor) ([]float32, int32) {
	if b.t == nil {
		return nil, -1
	}
	nb := b.node(op)
	sameTape(op, x, b)
	if nb.n != 1 || nb.d[0] != n {
		shapePanic(op, 0, fmt.Sprintf("the bias must have shape [%d]", n), x, w, b)
	}
	return nb.data, b.i
}

// sumPlanes adds the sum of each channel's planes of size elements to g (unless
// nil), image by image.
func (t *Tape) sumPlanes(g, images []float32, channels, size int) {
	if g == nil || len(images) == 0 {
		return
	}
	sums := t.floats.reuse(len(images) / size)
	rowwise.SumRows(sums, images, size)
	rowwise.AddRows(g, sums, channels)
	t.floats.recycle(sums)
}

// kernel gives the options with their defaults; the sizes are still missing.
func (c Conv) kernel(op string) conv.Conv {
	notNegative(op, c.Stride, c.Padding, c.More, c.Dilation, [2]int{c.Groups})
	return conv.Conv{
		StrideH: max(c.Stride[0], 1), StrideW: max(c.Stride[1], 1),
		PadH: c.Padding[0], PadW: c.Padding[1], MoreH: c.More[0], MoreW: c.More[1],
		DilH: max(c.Dilation[0], 1), DilW: max(c.Dilation[1], 1),
		Groups: max(c.Groups, 1),
	}
}

func notNegative(op string, options ...[2]int) {
	for _, o := range options {
		if o[0] < 0 || o[1] < 0 {
			panic(&ShapeError{Op: op, Why: "a stride, a padding, a dilation or the number of groups is negative"})
		}
	}
}

// convolution is what a convolution keeps: its geometry, the activation that
// follows, and where the largest of each window were if pooling follows, too.
type convolution struct {
	conv.Conv
	act     gemm.Activation
	places  []int32
	samples convSamples
}

var convolutions = newKeeper[convolution]()
