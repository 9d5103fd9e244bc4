package tensor

import (
	"fmt"
	"math"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// LayerNorm normalises each sample over its last axes, those of w, to mean 0
// and (biased) variance 1, then applies weight and bias: y = (x − mean)/√(var +
// eps)·w + b (Ba et al. 2016). w and b have the shape of those axes; as the
// zero Tensor they are 1 and 0, and without w it is the last axis alone.
func (x Tensor) LayerNorm(w, b Tensor, eps float32) Tensor {
	const op = "LayerNorm"
	in := x.node(op)
	cols := in.last()
	if w.t != nil {
		cols = len(w.node(op).data)
	}
	gamma, gi := x.affine(op, w, w)
	beta, bi := x.affine(op, b, w)
	if in.n < 1 || cols < 1 {
		shapePanic(op, -1, "nothing to normalise", x)
	}
	t := x.t
	rows := len(in.data) / cols
	mean, rstd := t.floats.take(rows), t.floats.take(rows)
	y, n := x.unary(op, nil)
	rowwise.LayerNorm(n.data, nil, mean, rstd, t.operand(n, 0), gamma, beta, cols, eps)
	*norms.lend(t, n) = normalised{mean: mean, rstd: rstd, cols: cols, eps: eps}
	n.record(t, backLayerNorm, x.i, gi, bi)
	return y
}

func backLayerNorm(t *Tape, n *node) {
	var gamma []float32
	if n.in[1] >= 0 {
		gamma = t.operand(n, 1)
	}
	k := n.kept.(*normalised)
	rowwise.LayerNormGrad(t.gradOf(n, 0), t.gradOf(n, 1), t.gradOf(n, 2), n.grad, t.operand(n, 0), k.mean, k.rstd,
		gamma, k.cols)
}

// normalised is what the normalisations by row keep: the row's mean and
// 1/deviation (RMSNorm: 1/root mean square), its length, and, by groups of
// channels, the normalised values and the size of a channel; and eps.
type normalised struct {
	mean, rstd, xhat []float32
	cols, size       int
	eps              float32
}

var norms = newKeeper[normalised]()

// affine gives the data and node of an optional weight or bias p, which must
// have the shape of x's last axes, and that of w if there is one.
func (x Tensor) affine(op string, p, w Tensor) ([]float32, int32) {
	if p.t == nil {
		return nil, -1
	}
	in, np := x.node(op), p.node(op)
	sameTape(op, x, p)
	fits := np.n >= 1 && np.n <= in.n
	for k := 0; fits && k < np.n; k++ {
		fits = np.d[k] == in.d[in.n-np.n+k]
	}
	if w.t != nil {
		fits = fits && np.shape == w.node(op).shape
	} else {
		fits = fits && np.n == 1
	}
	if !fits {
		shapePanic(op, -1, "weight and bias must have the shape of the input's last axes", x, p)
	}
	return np.data, p.i
}

// RMSNorm divides by the root mean square over the last axis and applies a
// weight: y = x/√(mean(x²) + eps)·w (Zhang & Sennrich 2019). w has the last
// axis's length, or is the zero Tensor.
func (x Tensor) RMSNorm(w Tensor, eps float32) Tensor {
	const op = "RMSNorm"
	in := x.node(op)
	cols := in.last()
	if in.n < 1 || cols < 1 || w.t != nil && w.node(op).n != 1 {
		shapePanic(op, -1, "needs an axis to normalise, and a weight of its length", x)
	}
	gamma, gi := x.affine(op, w, w)
	t := x.t
	r := t.floats.take(len(in.data) / cols)
	y, n := x.unary(op, nil)
	data := t.operand(n, 0)
	for i := range r {
		row, out := data[i*cols:i*cols+cols], n.data[i*cols:i*cols+cols]
		r[i] = float32(1 / math.Sqrt(float64(rowwise.SumSquares(row))/float64(cols)+float64(eps)))
		elementwise.Scale(out, row, r[i])
		if gamma != nil {
			elementwise.Mul(out, out, gamma)
		}
	}
	*norms.lend(t, n) = normalised{rstd: r, eps: eps}
	n.record(t, backRMSNorm, x.i, gi)
	return y
}

func backRMSNorm(t *Tape, n *node) { // dx = r·(dy·w − x·r²·mean(dy·w·x))
	x, cols := t.operand(n, 0), n.last()
	gw, needs := t.gradOf(n, 1), t.nodes[n.in[0]].needs
	tmp := t.floats.reuse(cols)
	for i, r := range n.kept.(*normalised).rstd {
		row, dy := x[i*cols:i*cols+cols], n.grad[i*cols:i*cols+cols]
		if gw != nil {
			elementwise.Scale(tmp, row, r)
			elementwise.MulAdd(gw, dy, tmp)
		}
		if !needs {
			continue
		}
		if n.in[1] >= 0 {
			elementwise.Mul(dy, dy, t.operand(n, 1))
		}
		s := rowwise.Dot(dy, row) / float32(cols)
		elementwise.Axpy(dy, -s*r*r, row)
		elementwise.Scale(dy, dy, r)
	}
	t.floats.recycle(tmp)
	t.handOn(n, 0)
}

// GroupNorm normalises x [n, c, ...] over each of the groups that its channels
// are divided into, sample by sample, and applies a weight and a bias for each
// channel, [c] (Wu & He 2018). With one group it is layer normalisation over
// all of a sample; with a group for each channel it is instance normalisation
// (Ulyanov et al. 2016). w and b may be the zero Tensor.
func (x Tensor) GroupNorm(groups int, w, b Tensor, eps float32) Tensor {
	const op = "GroupNorm"
	in := x.node(op)
	if in.n < 2 || groups < 1 || in.d[1]%groups != 0 || in.d[1] == 0 {
		shapePanic(op, 1, fmt.Sprintf("the channels of [n, channels, ...] must divide into %d groups", groups), x)
	}
	channels := in.d[1]
	size := planeSize(&in.shape)
	cols := channels / groups * size
	if cols == 0 {
		shapePanic(op, 2, "nothing to normalise", x)
	}
	gamma, gi := x.channelBias(op, w, channels, x)
	beta, bi := x.channelBias(op, b, channels, x)
	t := x.t
	rows := len(in.data) / cols
	mean, rstd := t.floats.take(rows), t.floats.take(rows)
	y, n := x.unary(op, nil)
	xhat := n.data
	if gamma != nil || beta != nil {
		xhat = t.floats.take(len(n.data))
	}
	rowwise.LayerNorm(xhat, nil, mean, rstd, t.operand(n, 0), nil, nil, cols, eps)
	if gamma != nil || beta != nil {
		scale, shift := gamma, beta
		if scale == nil {
			scale = t.floats.take(channels)
			elementwise.Fill(scale, 1)
		}
		if shift == nil {
			shift = t.floats.zeroed(channels)
		}
		rowwise.ChannelAffine(n.data, xhat, t.floats.zeroed(channels), scale, shift, size)
	}
	*norms.lend(t, n) = normalised{mean, rstd, xhat, cols, size, eps}
	n.record(t, backGroupNorm, x.i, gi, bi)
	return y
}

func backGroupNorm(t *Tape, n *node) {
	k, channels := n.kept.(*normalised), n.d[1]
	gw, gb := t.gradOf(n, 1), t.gradOf(n, 2)
	if gw != nil || gb != nil {
		dw, db := t.floats.reuse(channels), t.floats.reuse(channels)
		rowwise.ChannelGradSums(db, dw, n.grad, k.xhat, t.floats.zeroed(channels), k.size)
		if gw != nil {
			elementwise.Add(gw, gw, dw)
		}
		if gb != nil {
			elementwise.Add(gb, gb, db)
		}
		t.floats.recycle(dw)
		t.floats.recycle(db)
	}
	g := t.gradOf(n, 0)
	if g == nil {
		return
	}
	if n.in[1] >= 0 {
		zero := t.floats.zeroed(channels)
		rowwise.ChannelAffine(n.grad, n.grad, zero, t.operand(n, 1), zero, k.size)
	}
	rowwise.LayerNormGrad(g, nil, nil, n.grad, t.operand(n, 0), k.mean, k.rstd, nil, k.cols)
}

// LocalResponseNorm divides each element of x [n, c, ...] by a power of the sum
// of squares at its place in neighbouring channels: y = x/(k +
// alpha/size·Σx²)^beta, over the size channels from c − size/2 on (Krizhevsky
// et al. 2012, with PyTorch's alpha, which is size times theirs).
func (x Tensor) LocalResponseNorm(size int, alpha, beta, k float32) Tensor {
	const op = "LocalResponseNorm"
	in := x.node(op)
	if in.n < 2 || size < 1 {
		shapePanic(op, 1, fmt.Sprintf("needs channels [n, channels, ...] and a size of at least 1, not %d", size), x)
	}
	channels, t := in.d[1], x.t
	den := t.floats.take(len(in.data))
	elementwise.Fill(den, k)
	y, n := x.unary(op, backLocalResponseNorm)
	data := t.operand(n, 0)
	plane := planeSize(&n.shape)
	tmp := t.floats.reuse(plane)
	for o := 0; o*plane < len(data); o++ {
		d := den[o*plane : o*plane+plane]
		lo, hi := neighbours(o, channels, size/2, (size-1)/2)
		for c := lo; c < hi; c++ {
			src := data[c*plane : c*plane+plane]
			elementwise.Scale(tmp, src, alpha/float32(size))
			elementwise.MulAdd(d, tmp, src)
		}
	}
	t.floats.recycle(tmp)
	raise(n.data, den, -beta)
	elementwise.Mul(n.data, n.data, data)
	*responses.lend(t, n) = response{size, alpha, beta, den}
	return y
}

// response is what LocalResponseNorm keeps; den is k + alpha/size·Σx².
type response struct {
	size        int
	alpha, beta float32
	den         []float32
}

var responses = newKeeper[response]()

func backLocalResponseNorm(t *Tape, n *node) {
	// dx[c] = dy[c]·den[c]^−beta − 2·alpha·beta/size·x[c]·Σ dy·y/den over the
	// channels whose window holds c.
	r, channels, plane := n.kept.(*response), n.d[1], planeSize(&n.shape)
	x, den, g := t.operand(n, 0), r.den, t.gradOf(n, 0)
	share := t.floats.reuse(len(den))
	elementwise.Mul(share, n.grad, n.data)
	elementwise.Div(share, share, den)
	factor := -2 * r.alpha * r.beta / float32(r.size)
	sum := t.floats.reuse(plane)
	for o := 0; o*plane < len(x); o++ {
		clear(sum)
		lo, hi := neighbours(o, channels, (r.size-1)/2, r.size/2)
		for c := lo; c < hi; c++ {
			elementwise.Axpy(sum, factor, share[c*plane:c*plane+plane])
		}
		elementwise.MulAdd(g[o*plane:o*plane+plane], sum, x[o*plane:o*plane+plane])
	}
	raise(share, den, -r.beta)
	elementwise.MulAdd(g, share, n.grad)
	t.floats.recycle(sum)
	t.floats.recycle(share)
}

// raise computes xᵖ of positive numbers, by functions that the processor has in
// vectors.
func raise(dst, x []float32, p float32) {
	elementwise.Log(dst, x)
	elementwise.Scale(dst, dst, p)
	elementwise.Exp(dst, dst)
}

// neighbours gives the planes from lo up to hi: those up to before channels
// before plane o and up to after channels after it, of the same sample.
func neighbours(o, channels, before, after int) (lo, hi int) {
	first := o - o%channels
	return max(o-before, first), min(o+after+1, first+channels)
}

// planeSize is the number of elements of one channel of one sample.
func planeSize(s *shape) int { return SizeOf(s.d[2:s.n]) }
