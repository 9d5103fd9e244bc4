package tensor

import (
	"fmt"
	"math"

	"descent/mlkit/internal/kernel/elementwise"
	"descent/mlkit/internal/kernel/rowwise"
)

// BatchNorm normalises each channel of x [n, c, ...] to mean 0 and variance 1
// and applies weight and bias, each [c] or the zero Tensor (Ioffe & Szegedy
// 2015). In training it uses the mean and biased variance of the batch, and
// collects them for the running ones: running ← (1−momentum)·running +
// momentum·batch, with the unbiased variance as in PyTorch, committed after the
// step (see [Grads.Commit]). Otherwise it uses the running statistics, and is
// an affine map. Without running statistics (nil) it always uses the batch.
// A batch with one value per channel has no variance and panics in training.
func (x Tensor) BatchNorm(w, b Tensor, mean, variance *Buffer, momentum, eps float32) Tensor {
	const op = "BatchNorm"
	in := x.node(op)
	if in.n < 2 || in.d[1] < 1 {
		shapePanic(op, 1, "needs channels: [n, channels, ...]", x)
	}
	channels, size := in.d[1], planeSize(&in.shape)
	gamma, gi := x.channelBias(op, w, channels, x)
	_, bi := x.channelBias(op, b, channels, x)
	if mean != nil && (len(mean.Data) != channels || len(variance.Data) != channels) {
		shapePanic(op, 1, fmt.Sprintf("the running statistics are for %d channels", len(mean.Data)), x)
	}
	t := x.t
	training := t.training || mean == nil
	count := in.d[0] * size
	if training && count < 2 {
		shapePanic(op, 0, "one value per channel has no variance: use a larger batch, or evaluation mode", x)
	}
	// y = (x − mu)·rstd·w + b
	mu, rstd := t.floats.take(channels), t.floats.take(channels)
	if training {
		vars := t.floats.take(channels)
		rowwise.ChannelStats(mu, vars, in.data, size)
		for c, v := range vars {
			rstd[c] = float32(1 / math.Sqrt(float64(v)+float64(eps)))
			vars[c] = v * float32(count) / float32(count-1)
		}
		if mean != nil {
			t.CollectBuffer(mean, mu, momentum)
			t.CollectBuffer(variance, vars, momentum)
		}
	} else {
		copy(mu, mean.Data)
		for c, v := range variance.Data {
			rstd[c] = float32(1 / math.Sqrt(float64(v)+float64(eps)))
		}
	}
	y, n := x.unary(op, nil)
	data := t.operand(n, 0)
	scale, shift := t.floats.reuse(channels), t.floats.reuse(channels)
	copy(scale, rstd)
	if gamma != nil {
		elementwise.Mul(scale, rstd, gamma)
	}
	clear(shift)
	if bi >= 0 {
		copy(shift, t.nodes[bi].data)
	}
	rowwise.ChannelAffine(n.data, data, mu, scale, shift, size)
	t.floats.recycle(scale)
	t.floats.recycle(shift)
	*batchNorms.lend(t, n) = batchNorm{mu, rstd, training}
	n.record(t, backBatchNorm, x.i, gi, bi)
	return y
}

// batchNorm is what batch normalisation keeps: a channel's mean and 1/deviation,
// and whether they are those of the batch.
type batchNorm struct {
	mean, rstd []float32
	ofBatch    bool
}

var batchNorms = newKeeper[batchNorm]()

func backBatchNorm(t *Tape, n *node) {
	// With x̂ = (x − mu)·rstd over m values of a channel:
	// dw = Σ dy·x̂, db = Σ dy, dx = w·rstd·(dy − db/m − x̂·dw/m); the last two
	// terms go through the batch's statistics, and are absent otherwise.
	x, channels, size := t.operand(n, 0), n.d[1], planeSize(&n.shape)
	b := n.kept.(*batchNorm)
	mu, rstd, dy := b.mean, b.rstd, n.grad
	dw, db := t.floats.reuse(channels), t.floats.reuse(channels)
	rowwise.ChannelGradSums(db, dw, dy, x, mu, size)
	elementwise.Mul(dw, dw, rstd)
	if g := t.gradOf(n, 1); g != nil {
		elementwise.Add(g, g, dw)
	}
	if g := t.gradOf(n, 2); g != nil {
		elementwise.Add(g, g, db)
	}
	if t.nodes[n.in[0]].needs {
		scale, slope, shift := t.floats.reuse(channels), t.floats.zeroed(channels), t.floats.zeroed(channels)
		copy(scale, rstd)
		if n.in[1] >= 0 {
			elementwise.Mul(scale, rstd, t.operand(n, 1))
		}
		if b.ofBatch {
			m := float32(len(x) / channels)
			for c, s := range scale {
				slope[c], shift[c] = -s*rstd[c]*dw[c]/m, -s*db[c]/m
			}
		}
		rowwise.ChannelGrad(dy, dy, x, mu, scale, slope, shift, size)
		t.floats.recycle(scale)
		t.floats.recycle(slope)
		t.floats.recycle(shift)
		t.handOn(n, 0)
	}
	t.floats.recycle(dw)
	t.floats.recycle(db)
}
