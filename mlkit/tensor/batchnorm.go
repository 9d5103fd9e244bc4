package tensor

import (
	"fmt"

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
// A batch with one value per channel has no variance and panics in training. Of
// a batch that lies on several tapes see [Tape.JoinStatistics].
func (x Tensor) BatchNorm(w, b Tensor, mean, variance *Buffer, momentum, eps float32) Tensor {
	return x.batchNorm("BatchNorm", w, b, mean, variance, momentum, eps, false)
}

// BatchNormReLU is BatchNorm followed by ReLU, in one pass over the result and
// over its gradient.
func (x Tensor) BatchNormReLU(w, b Tensor, mean, variance *Buffer, momentum, eps float32) Tensor {
	return x.batchNorm("BatchNormReLU", w, b, mean, variance, momentum, eps, true)
}

func (x Tensor) batchNorm(op string, w, b Tensor, mean, variance *Buffer, momentum, eps float32, relu bool) Tensor {
	in := x.node(op)
	if in.n < 2 || in.d[1] < 1 {
		shapePanic(op, 1, "needs channels: [n, channels, ...]", x)
	}
	channels, size := in.d[1], planeSize(&in.shape)
	gamma, gi := x.channelBias(op, w, channels, x)
	beta, bi := x.channelBias(op, b, channels, x)
	if mean != nil && (len(mean.Data) != channels || len(variance.Data) != channels) {
		shapePanic(op, 1, fmt.Sprintf("the running statistics are for %d channels", len(mean.Data)), x)
	}
	t := x.t
	training := t.training || mean == nil
	count := float64(in.d[0] * size)
	joined := training && t.join != nil
	if training && !joined && count < 2 {
		shapePanic(op, 0, oneValue, x)
	}
	y, n := x.unary(op, nil)
	data := t.operand(n, 0)
	k := batchNorms.lend(t, n)
	*k = batchNorm{Norm: t.norm(channels, size, relu), ofBatch: training, eps: eps}
	copy(k.Shift, beta)
	if training {
		vars := t.floats.take(channels)
		if !joined {
			k.Batch(n.data, data, vars, gamma, eps)
		} else if count = k.joined(t, n.data, data, vars, gamma, in.d[0]*size); count < 2 {
			shapePanic(op, 0, oneValue, x)
		}
		if mean != nil {
			for c, v := range vars {
				vars[c] = v * float32(count) / float32(count-1)
			}
			t.CollectBuffer(mean, k.Mean, momentum)
			t.CollectBuffer(variance, vars, momentum)
		}
	} else {
		copy(k.Mean, mean.Data)
		k.Scales(variance.Data, gamma, eps)
		k.Affine(n.data, data)
	}
	n.record(t, backBatchNorm, x.i, gi, bi)
	return y
}

const oneValue = "one value per channel has no variance: use a larger batch, or evaluation mode"

// norm is memory for a normalisation by channel, without shift.
func (t *Tape) norm(channels, size int, relu bool) rowwise.Norm {
	f := t.floats.zeroed(4 * channels)
	return rowwise.Norm{
		Mean: f[:channels], RStd: f[channels : 2*channels], Scale: f[2*channels : 3*channels], Shift: f[3*channels:],
		ReLU: relu, Size: size,
	}
}

// batchNorm is what batch normalisation keeps, whether the statistics are those
// of the batch, and eps.
type batchNorm struct {
	rowwise.Norm
	ofBatch bool
	eps     float32
	join    func(x []float64) // of the tape, where the batch lies on several
	count   float64           // values a channel has on all of them
}

var batchNorms = newKeeper[batchNorm]()

func backBatchNorm(t *Tape, n *node) {
	// With x̂ = (x − mu)·rstd over m values of a channel:
	// dw = Σ dy·x̂, db = Σ dy, dx = w·rstd·(dy − db/m − x̂·dw/m); the last two
	// terms go through the batch's statistics, and are absent otherwise.
	b := n.kept.(*batchNorm)
	channels := len(b.Mean)
	dw, db := t.floats.reuse(channels), t.floats.reuse(channels)
	slope, offset := t.floats.reuse(channels), t.floats.reuse(channels)
	wanted := t.nodes[n.in[0]].needs
	if b.join != nil {
		b.joinedGrad(t, n.grad, t.operand(n, 0), n.data, db, dw, slope, offset, wanted)
	} else {
		b.Grad(n.grad, t.operand(n, 0), n.data, db, dw, slope, offset, b.ofBatch, wanted)
	}
	elementwise.Mul(dw, dw, b.RStd)
	if g := t.gradOf(n, 1); g != nil {
		elementwise.Add(g, g, dw)
	}
	if g := t.gradOf(n, 2); g != nil {
		elementwise.Add(g, g, db)
	}
	if wanted {
		t.handOn(n, 0)
	}
	for _, f := range [][]float32{dw, db, slope, offset} {
		t.floats.recycle(f)
	}
}
