package tensor

import (
	"fmt"
	"math"

	"descent/mlkit/internal/kernel"
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
		channelStats(t, mu, vars, in.data, size)
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
	if size == 1 {
		scale, shift := t.floats.take(channels), t.floats.take(channels)
		for c, r := range rstd {
			scale[c], shift[c] = r, 0
			if gamma != nil {
				scale[c] *= gamma[c]
			}
			if bi >= 0 {
				shift[c] = t.nodes[bi].data[c]
			}
		}
		for i := 0; i < len(data); i += channels {
			for c, v := range data[i : i+channels] {
				n.data[i+c] = (v-mu[c])*scale[c] + shift[c]
			}
		}
	} else {
		for o := 0; o*size < len(data); o++ {
			c := o % channels
			dst := n.data[o*size : o*size+size]
			scale := rstd[c]
			if gamma != nil {
				scale *= gamma[c]
			}
			kernel.AddScalar(dst, data[o*size:o*size+size], -mu[c])
			kernel.Scale(dst, dst, scale)
			if bi >= 0 {
				kernel.AddScalar(dst, dst, t.nodes[bi].data[c])
			}
		}
	}
	n.saved[0], n.saved[1] = mu, rstd
	n.i[0] = flag(training)
	n.record(t, backBatchNorm, x.i, gi, bi)
	return y
}

// channelStats computes mean and biased variance of each channel, in two
// passes so that a large mean does no harm.
func channelStats(t *Tape, mean, variance, x []float32, size int) {
	channels := len(mean)
	clear(mean)
	clear(variance)
	count := float32(len(x) / channels)
	if size == 1 {
		kernel.AddRows(mean, x, channels)
	} else {
		sumPlanes(mean, x, channels, size)
	}
	divide(mean, count)
	tmp := t.floats.reuse(size)
	for o := 0; o*size < len(x); o++ {
		c := o % channels
		if size == 1 {
			d := x[o] - mean[c]
			variance[c] += d * d
			continue
		}
		kernel.AddScalar(tmp, x[o*size:o*size+size], -mean[c])
		variance[c] += kernel.SumSquares(tmp)
	}
	t.floats.recycle(tmp)
	divide(variance, count)
}

func backBatchNorm(t *Tape, n *node) {
	// With x̂ = (x − mu)·rstd over m values of a channel:
	// dw = Σ dy·x̂, db = Σ dy, dx = w·rstd·(dy − db/m − x̂·dw/m); the last two
	// terms go through the batch's statistics, and are absent otherwise.
	x, channels, size := t.operand(n, 0), n.d[1], planeSize(&n.shape)
	mu, rstd, dy := n.saved[0], n.saved[1], n.grad
	dw, db := t.floats.zeroed(channels), t.floats.zeroed(channels)
	tmp := t.floats.reuse(size)
	for o := 0; o*size < len(x); o++ {
		c := o % channels
		if size == 1 {
			dw[c] += dy[o] * (x[o] - mu[c]) * rstd[c]
			db[c] += dy[o]
			continue
		}
		g := dy[o*size : o*size+size]
		kernel.AddScalar(tmp, x[o*size:o*size+size], -mu[c])
		dw[c] += kernel.Dot(g, tmp) * rstd[c]
		db[c] += kernel.Sum(g)
	}
	if g := t.gradOf(n, 1); g != nil {
		kernel.Add(g, g, dw)
	}
	if g := t.gradOf(n, 2); g != nil {
		kernel.Add(g, g, db)
	}
	if !t.nodes[n.in[0]].needs {
		t.floats.recycle(tmp)
		return
	}
	training, m := n.i[0] == 1, float32(len(x)/channels)
	for o := 0; o*size < len(x); o++ {
		c := o % channels
		scale := rstd[c]
		if n.in[1] >= 0 {
			scale *= t.operand(n, 1)[c]
		}
		slope, shift := float32(0), float32(0)
		if training {
			slope, shift = -scale*rstd[c]*dw[c]/m, -scale*db[c]/m
		}
		if size == 1 {
			dy[o] = scale*dy[o] + slope*(x[o]-mu[c]) + shift
			continue
		}
		g := dy[o*size : o*size+size]
		kernel.Scale(g, g, scale)
		if training {
			kernel.AddScalar(tmp, x[o*size:o*size+size], -mu[c])
			kernel.Axpy(g, slope, tmp)
			kernel.AddScalar(g, g, shift)
		}
	}
	t.floats.recycle(tmp)
	t.handOn(n, 0)
}
