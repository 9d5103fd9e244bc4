package rowwise

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
)

// A batch that lies in several parts is normalised by the statistics of all:
// the methods below are the steps of Norm.Batch and Norm.Grad, between which
// the parts' sums are added up. Of one part they compute the bits of those two.

// PartSums computes the sum of each channel of a part of the batch.
func (p *Norm) PartSums(sum []float64, x []float32) {
	n := p.checkPart("Norm.PartSums", len(sum), 1, x)
	j := newRowJob(partSumsPart)
	j.X, j.Cols, j.Size = [9][]float32{x, p.Mean}, len(p.Mean), p.Size
	j.More.wide = sum
	j.Parallel(len(p.Mean), channelsAtATime(n, p.Size))
}

func partSumsPart(j *rowJob, lo, hi int) {
	x, sum := j.X[0], j.More.wide[lo:hi]
	if j.Size == 1 {
		narrow := j.At(1, lo, hi)
		clear(narrow)
		addColumns(narrow, x[lo:], len(x)/j.Cols, j.Cols)
		widen(sum, narrow)
		return
	}
	for c := range sum {
		sum[c] = planeSums(j, lo+c, x)
	}
}

// SetMean makes Mean of the sums of the whole batch, of n values a channel.
func (p *Norm) SetMean(sum []float64, n float64) { p.divide(p.Mean, sum, n) }

// PartSquares computes the sum of the squared differences to Mean of each
// channel of a part of the batch; scratch is of a number for each channel.
func (p *Norm) PartSquares(sum []float64, x, scratch []float32) {
	n := p.checkPart("Norm.PartSquares", len(sum), 1, x)
	cpu.CheckLen("Norm.PartSquares", "scratch", len(sum), len(scratch))
	j := newRowJob(partSquaresPart)
	j.X, j.Cols, j.Size = [9][]float32{x, p.Mean, scratch}, len(p.Mean), p.Size
	j.More.wide = sum
	j.Parallel(len(p.Mean), channelsAtATime(n, p.Size))
}

func partSquaresPart(j *rowJob, lo, hi int) {
	x, mean, sum := j.X[0], j.At(1, lo, hi), j.More.wide[lo:hi]
	if j.Size == 1 {
		narrow := j.At(2, lo, hi)
		clear(narrow)
		addColumnSquares(narrow, x[lo:], mean, len(x)/j.Cols, j.Cols)
		widen(sum, narrow)
		return
	}
	for c := range sum {
		sum[c] = planeSquares(j, lo+c, x, mean[c])
	}
}

// SetVariance makes the biased variance of the sums of squares of the whole
// batch, of n values a channel, and RStd and Scale of that (see Batch).
func (p *Norm) SetVariance(variance []float32, sum []float64, weight []float32, n float64, eps float32) {
	p.divide(variance, sum, n)
	p.Scales(variance, weight, eps)
}

// divide is the division of Norm.Batch, which columns multiply instead.
func (p *Norm) divide(dst []float32, sum []float64, n float64) {
	for c, s := range sum {
		if p.Size == 1 {
			dst[c] = float32(s) * float32(1/n)
		} else {
			dst[c] = float32(s / n)
		}
	}
}

// PartGradSums computes the sums of dy and of dy*(x-Mean) of a part of the
// batch, in few digits for the gradients of weight and bias, and in sums, the
// ones behind the others, to be added to those of other parts. With ReLU, dy is
// set to 0 where y, the result, is.
func (p *Norm) PartGradSums(sum, dot []float32, sums []float64, dy, x, y []float32) {
	n := p.checkPart("Norm.PartGradSums", len(sums), 2, x)
	cpu.CheckLen("Norm.PartGradSums", "dy", len(x), len(dy))
	if p.ReLU {
		elementwise.ReLUMask(dy, dy, y)
	}
	channels := len(p.Mean)
	j := newRowJob(partGradSumsPart)
	j.X, j.Cols, j.Size = [9][]float32{sum[:channels], dot[:channels], dy, x, p.Mean}, channels, p.Size
	j.More.wide = sums
	j.Parallel(channels, channelsAtATime(n, p.Size))
}

func partGradSumsPart(j *rowJob, lo, hi int) {
	sum, dot, dy, x, mean := j.At(0, lo, hi), j.At(1, lo, hi), j.X[2], j.X[3], j.At(4, lo, hi)
	wide, wideDot := j.More.wide[lo:hi], j.More.wide[j.Cols+lo:j.Cols+hi]
	if j.Size == 1 {
		clear(sum)
		clear(dot)
		addColumnGradSums(sum, dot, dy[lo:], x[lo:], mean, len(x)/j.Cols, j.Cols)
		widen(wide, sum)
		widen(wideDot, dot)
		return
	}
	for c := range sum {
		wide[c], wideDot[c] = planesGradSums(j, lo+c, dy, x, mean[c])
		sum[c], dot[c] = float32(wide[c]), float32(wideDot[c])
	}
}

// PartGrad puts the gradient with respect to x in the place of dy, given the
// sums of PartGradSums over the whole batch, of n values a channel. slope and
// offset are scratch memory, of a number for each channel.
func (p *Norm) PartGrad(dy, x []float32, sums []float64, slope, offset []float32, n float64) {
	p.checkPart("Norm.PartGrad", len(sums), 2, x)
	channels := len(p.Mean)
	for c := range p.Mean {
		slope[c], offset[c] = p.through(c, float32(sums[c]), float32(sums[channels+c]), int(n), true)
	}
	ChannelGrad(dy, dy, x, p.Mean, p.Scale, slope, offset, p.Size)
}

// checkPart returns how many rows a part of the batch has.
func (p *Norm) checkPart(op string, sums, each int, x []float32) int {
	cpu.CheckLen(op, "sums", each*len(p.Mean), sums)
	return checkChannels(op, len(p.Mean), p.Size, len(x), p.RStd, p.Scale, p.Shift)
}

func widen(dst []float64, src []float32) {
	for i, v := range src {
		dst[i] = float64(v)
	}
}
