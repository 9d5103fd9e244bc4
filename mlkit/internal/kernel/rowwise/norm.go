package rowwise

import (
	"math"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
)

// Norm is a normalisation by channel of [n, channels, Size]: (x − Mean)·Scale +
// Shift with Scale = RStd·weight, and 0 where that is negative if ReLU is set.
//
// A channel's passes are made one after another while it is in the second-level
// cache, where it is planes and there are channels enough for several workers.
type Norm struct {
	Mean, RStd, Scale, Shift []float32
	ReLU                     bool
	Top                      float32 // of a convolution: its ReLU ends there, unless 0
	Size                     int
}

func (p *Norm) wholeChannels() bool { return p.Size > 1 && len(p.Mean) >= 4 }

// Batch computes y with the mean and the biased variance of the batch. It
// writes them, 1/√(variance + eps) and Scale; weight may be nil, for 1.
func (p *Norm) Batch(y, x, variance, weight []float32, eps float32) {
	cpu.CheckLen("Norm.Batch", "x", len(y), len(x))
	channels := len(p.Mean)
	n := checkChannels("Norm.Batch", channels, p.Size, len(x), variance, p.RStd, p.Scale, p.Shift)
	if n == 0 || !p.wholeChannels() {
		ChannelStats(p.Mean, variance, x, p.Size)
		p.Scales(variance, weight, eps)
		p.Affine(y, x)
		return
	}
	j := newRowJob(normBatchPart)
	j.X, j.Cols, j.Size = [9][]float32{y, x, p.Mean, variance, p.RStd, p.Scale, p.Shift, weight}, channels, p.Size
	j.S, j.More.relu = eps, p.ReLU
	j.Parallel(channels, channelsAtATime(n, p.Size))
}

func normBatchPart(j *rowJob, lo, hi int) {
	y, x := j.X[0], j.X[1]
	p := Norm{Mean: j.At(2, lo, hi), RStd: j.At(4, lo, hi), Scale: j.At(5, lo, hi), Shift: j.At(6, lo, hi)}
	variance, weight := j.At(3, lo, hi), j.At(7, lo, hi)
	for c := range p.Mean {
		p.Mean[c], variance[c] = planeStats(j, lo+c, x)
		p.scale(c, variance, weight, j.S)
		for o := lo + c; o < len(x)/j.Size; o += j.Cols {
			PlaneAffine(y[o*j.Size:(o+1)*j.Size], x[o*j.Size:(o+1)*j.Size], p.Mean[c], p.Scale[c], p.Shift[c],
				j.More.relu)
		}
	}
}

// Scales computes RStd and Scale from the variances.
func (p *Norm) Scales(variance, weight []float32, eps float32) {
	for c := range variance {
		p.scale(c, variance, weight, eps)
	}
}

func (p *Norm) scale(c int, variance, weight []float32, eps float32) {
	p.RStd[c] = float32(1 / math.Sqrt(float64(variance[c])+float64(eps)))
	p.Scale[c] = p.RStd[c]
	if weight != nil {
		p.Scale[c] *= weight[c]
	}
}

// Affine computes y with the mean and the scale that are there. y may be x.
func (p *Norm) Affine(y, x []float32) {
	cpu.CheckLen("Norm.Affine", "x", len(y), len(x))
	n := checkChannels("Norm.Affine", len(p.Mean), p.Size, len(y), p.Scale, p.Shift)
	channelJob(channelAffinePart, n, p.Size, [9][]float32{y, x, p.Mean, p.Scale, p.Shift}, p.ReLU)
}

// PlaneAffine computes y = (x-mean)*scale + shift, and with relu 0 where that
// is negative. y may be x.
func PlaneAffine(y, x []float32, mean, scale, shift float32, relu bool) {
	if relu {
		planeAffineReLU(y, x, mean, scale, shift)
	} else {
		planeAffine(y, x, mean, scale, shift)
	}
}

// Grad computes a channel's sums of dy and of dy*(x-Mean) and, if wanted, the
// gradient with respect to x in the place of dy: through the statistics too if
// they are of the batch. With ReLU, y is the result, and dy counts where that
// is not 0. slope and offset are scratch memory, of a number for each channel.
func (p *Norm) Grad(dy, x, y, sum, dot, slope, offset []float32, ofBatch, wanted bool) {
	cpu.CheckLen("Norm.Grad", "x", len(dy), len(x))
	channels := len(p.Mean)
	n := checkChannels("Norm.Grad", channels, p.Size, len(dy), p.RStd, p.Scale, p.Shift, sum, dot, slope, offset)
	if n > 0 && p.wholeChannels() {
		j := newRowJob(normGradPart)
		j.X, j.Cols, j.Size = [9][]float32{dy, x, p.Mean, p.RStd, p.Scale, p.Shift, sum, dot}, channels, p.Size
		j.More.relu, j.More.ofBatch, j.More.wanted = p.ReLU, ofBatch, wanted
		j.Parallel(channels, channelsAtATime(n, p.Size))
		return
	}
	if p.ReLU {
		elementwise.ReLUMask(dy, dy, y)
	}
	ChannelGradSums(sum, dot, dy, x, p.Mean, p.Size)
	if !wanted {
		return
	}
	for c := range slope {
		slope[c], offset[c] = p.through(c, sum[c], dot[c], n*p.Size, ofBatch)
	}
	ChannelGrad(dy, dy, x, p.Mean, p.Scale, slope, offset, p.Size)
}

// through returns what the gradient through a channel's statistics, over m
// values, is: slope·(x − Mean) + offset; 0 where they are not of the batch.
func (p *Norm) through(c int, sum, dot float32, m int, ofBatch bool) (slope, offset float32) {
	if !ofBatch {
		return 0, 0
	}
	return -p.Scale[c] * p.RStd[c] * (dot * p.RStd[c]) / float32(m), -p.Scale[c] * sum / float32(m)
}

func normGradPart(j *rowJob, lo, hi int) {
	dy, x := j.X[0], j.X[1]
	p := Norm{Mean: j.At(2, lo, hi), RStd: j.At(3, lo, hi), Scale: j.At(4, lo, hi), Shift: j.At(5, lo, hi)}
	sum, dot := j.At(6, lo, hi), j.At(7, lo, hi)
	planes := len(x) / j.Size
	for c, mean := range p.Mean {
		var s, d float64
		for o := lo + c; o < planes; o += j.Cols {
			dy, x := dy[o*j.Size:(o+1)*j.Size], x[o*j.Size:(o+1)*j.Size]
			for len(dy) > 0 {
				n := min(len(dy), cpu.Grain)
				var a, b float32
				if j.More.relu {
					a, b = planeGradSumsReLU(dy[:n], x[:n], mean, p.Scale[c], p.Shift[c])
				} else {
					a, b = planeGradSums(dy[:n], x[:n], mean)
				}
				s, d = s+float64(a), d+float64(b)
				dy, x = dy[n:], x[n:]
			}
		}
		sum[c], dot[c] = float32(s), float32(d)
		if !j.More.wanted {
			continue
		}
		slope, offset := p.through(c, sum[c], dot[c], planes/j.Cols*j.Size, j.More.ofBatch)
		for o := lo + c; o < planes; o += j.Cols {
			dy := dy[o*j.Size : (o+1)*j.Size]
			planeGrad(dy, dy, x[o*j.Size:(o+1)*j.Size], mean, p.Scale[c], slope, offset)
		}
	}
}
