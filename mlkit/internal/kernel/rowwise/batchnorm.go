package rowwise

import (
	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/internal/kernel/elementwise"
)

// Kernels for normalisation by channel. x is [n, channels, size], size the
// elements of a plane; size 1 is a batch of rows, where a channel is a column.
// Sums are taken plane after plane (row after row), so they do not depend on
// how the channels are shared out.

func checkChannels(op string, channels, size, elements int, perChannel ...[]float32) (n int) {
	for _, x := range perChannel {
		cpu.CheckLen(op, "what is given for each channel", channels, len(x))
	}
	plane, ok := cpu.Volume(channels, size)
	if !ok || plane == 0 {
		cpu.BadRows(op, elements, channels)
	}
	return cpu.RowsOf(op, elements, plane)
}

// ChannelStats computes the mean and the biased variance of each channel, the
// variance from the differences to the mean, so that a large mean does no harm.
func ChannelStats(mean, variance, x []float32, size int) {
	channels := len(mean)
	n := checkChannels("ChannelStats", channels, size, len(x), mean, variance)
	clear(mean)
	clear(variance)
	if n == 0 {
		return
	}
	j := newRowJob(channelStatsPart)
	j.X, j.Cols, j.Size = [9][]float32{mean, variance, x}, channels, size
	j.Parallel(channels, channelsAtATime(n, size))
}

// channelsAtATime returns how many channels a worker sums up at a time: whole
// lines of the cache where they are columns.
func channelsAtATime(n, size int) int {
	if size == 1 {
		return max(64, cpu.Grain/n)
	}
	return rowsAtATime(cpu.Grain/2, n*size)
}

func channelStatsPart(j *rowJob, lo, hi int) {
	mean, variance, x := j.At(0, lo, hi), j.At(1, lo, hi), j.X[2]
	planes := len(x) / j.Size
	n := float64(planes / j.Cols * j.Size)
	if j.Size == 1 {
		rows := planes / j.Cols
		x = x[lo:]
		addColumns(mean, x, rows, j.Cols)
		elementwise.Scale(mean, mean, float32(1/n))
		addColumnSquares(variance, x, mean, rows, j.Cols)
		elementwise.Scale(variance, variance, float32(1/n))
		return
	}
	for c := range mean {
		mean[c], variance[c] = planeStats(j, lo+c, x)
	}
}

// addColumnSquares adds the squared differences to the mean of each column to
// dst.
func addColumnSquares(dst, x, mean []float32, rows, stride int) {
	sumColumns(dst, nil, rows, func(dst, _ []float32, first, rows int) {
		columnSquares(dst, x[first*stride:], mean, rows, stride)
	})
}

// planeStats returns the mean and the biased variance of a channel's planes.
func planeStats(j *rowJob, c int, x []float32) (mean, variance float32) {
	n := float64(len(x) / j.Size / j.Cols * j.Size)
	mean = float32(planeSums(j, c, x) / n)
	return mean, float32(planeSquares(j, c, x, mean) / n)
}

// planeSums returns the sum of a channel's planes.
func planeSums(j *rowJob, c int, x []float32) (s float64) {
	for o, planes := c, len(x)/j.Size; o < planes; o += j.Cols {
		s += LongSum(x[o*j.Size : (o+1)*j.Size])
	}
	return s
}

// planeSquares returns the sum of the squared differences to the mean.
func planeSquares(j *rowJob, c int, x []float32, mean float32) (q float64) {
	for o, planes := c, len(x)/j.Size; o < planes; o += j.Cols {
		q += longSquares(x[o*j.Size:(o+1)*j.Size], mean)
	}
	return q
}

// ChannelAffine computes y = (x-mean)*scale + shift with the channel's three
// numbers. y may be x.
func ChannelAffine(y, x, mean, scale, shift []float32, size int) {
	(&Norm{Mean: mean, Scale: scale, Shift: shift, Size: size}).Affine(y, x)
}

// channelJob splits by rows, or by planes if they have more than one element;
// x[2] is as long as there are channels.
func channelJob(run func(j *rowJob, lo, hi int), n, size int, x [9][]float32, relu bool) {
	if n == 0 {
		return
	}
	j := newRowJob(run)
	j.X, j.Cols, j.Size, j.More.relu = x, size, size, relu
	if size == 1 {
		j.Cols = len(x[2])
	} else {
		n *= len(x[2])
	}
	j.Parallel(n, rowsAtATime(cpu.Grain, j.Cols))
}

func channelAffinePart(j *rowJob, lo, hi int) {
	mean, scale, shift := j.X[2], j.X[3], j.X[4]
	for o := lo; o < hi; o++ {
		y, x := j.Rows(0, o, o+1), j.Rows(1, o, o+1)
		if j.Size > 1 {
			c := o % len(mean)
			PlaneAffine(y, x, mean[c], scale[c], shift[c], j.More.relu)
			continue
		}
		rowAffine(y, x, mean, scale, shift)
		if j.More.relu {
			elementwise.ReLU(y, y)
		}
	}
}

// ChannelGradSums computes the sums of dy and of dy*(x-mean) over each channel.
func ChannelGradSums(sum, dot, dy, x, mean []float32, size int) {
	cpu.CheckLen("ChannelGradSums", "x", len(dy), len(x))
	channels := len(mean)
	n := checkChannels("ChannelGradSums", channels, size, len(dy), sum, dot)
	clear(sum)
	clear(dot)
	if n == 0 {
		return
	}
	j := newRowJob(channelGradSumsPart)
	j.X, j.Cols, j.Size = [9][]float32{sum, dot, dy, x, mean}, channels, size
	j.Parallel(channels, channelsAtATime(n, size))
}

func channelGradSumsPart(j *rowJob, lo, hi int) {
	sum, dot, dy, x, mean := j.At(0, lo, hi), j.At(1, lo, hi), j.X[2], j.X[3], j.At(4, lo, hi)
	if j.Size == 1 {
		addColumnGradSums(sum, dot, dy[lo:], x[lo:], mean, len(x)/j.Cols, j.Cols)
		return
	}
	for c := range mean {
		s, d := planesGradSums(j, lo+c, dy, x, mean[c])
		sum[c], dot[c] = float32(s), float32(d)
	}
}

// addColumnGradSums adds dy and dy*(x-mean) of each column to sum and dot.
func addColumnGradSums(sum, dot, dy, x, mean []float32, rows, stride int) {
	sumColumns(sum, dot, rows, func(sum, dot []float32, first, rows int) {
		columnGradSums(sum, dot, dy[first*stride:], x[first*stride:], mean, rows, stride)
	})
}

// planesGradSums returns the sums of dy and of dy*(x-mean) over a channel.
func planesGradSums(j *rowJob, c int, dy, x []float32, mean float32) (sum, dot float64) {
	for o, planes := c, len(x)/j.Size; o < planes; o += j.Cols {
		a, b := longPlaneGradSums(dy[o*j.Size:(o+1)*j.Size], x[o*j.Size:(o+1)*j.Size], mean)
		sum += a
		dot += b
	}
	return sum, dot
}

// ChannelGrad computes dst = scale*dy + slope*(x-mean) + shift with the
// channel's four numbers. dst may be dy.
func ChannelGrad(dst, dy, x, mean, scale, slope, shift []float32, size int) {
	cpu.CheckLen("ChannelGrad", "dy", len(dst), len(dy))
	cpu.CheckLen("ChannelGrad", "x", len(dst), len(x))
	n := checkChannels("ChannelGrad", len(mean), size, len(dst), scale, slope, shift)
	channelJob(channelGradPart, n, size, [9][]float32{dst, dy, mean, x, scale, slope, shift}, false)
}

func channelGradPart(j *rowJob, lo, hi int) {
	mean, scale, slope, shift := j.X[2], j.X[4], j.X[5], j.X[6]
	for o := lo; o < hi; o++ {
		dst, dy, x := j.Rows(0, o, o+1), j.Rows(1, o, o+1), j.Rows(3, o, o+1)
		if j.Size == 1 {
			rowGrad(dst, dy, x, mean, scale, slope, shift)
		} else {
			c := o % len(mean)
			planeGrad(dst, dy, x, mean[c], scale[c], slope[c], shift[c])
		}
	}
}
