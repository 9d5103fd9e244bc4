package kernel

// Kernels for normalisation by channel. x is [n, channels, size], size the elements of a plane; size
// 1 is a batch of rows, where a channel is a column. Sums are taken plane after plane (row after
// row), so they do not depend on how the channels are shared out.

func checkChannels(op string, channels, size, elements int, perChannel ...[]float32) (n int) {
	for _, x := range perChannel {
		checkLen(op, "what is given for each channel", channels, len(x))
	}
	plane, ok := volume(channels, size)
	if !ok || plane == 0 {
		badRows(op, elements, channels)
	}
	return rowsOf(op, elements, plane)
}

// ChannelStats computes the mean and the biased variance of each channel, the variance from the
// differences to the mean, so that a large mean does no harm.
func ChannelStats(mean, variance, x []float32, size int) {
	channels := len(mean)
	n := checkChannels("ChannelStats", channels, size, len(x), mean, variance)
	clear(mean)
	clear(variance)
	if n == 0 {
		return
	}
	j := getJob((*job).channelStatsPart)
	j.x, j.cols, j.size = [9][]float32{mean, variance, x}, channels, size
	j.parallel(channels, channelsAtATime(n, size))
}

// channelsAtATime returns how many channels a worker sums up at a time: whole lines of the cache
// where they are columns.
func channelsAtATime(n, size int) int {
	if size == 1 {
		return max(64, elemGrain/n)
	}
	return rowsAtATime(elemGrain/2, n*size)
}

func (j *job) channelStatsPart(lo, hi int) {
	mean, variance, x := j.at(0, lo, hi), j.at(1, lo, hi), j.x[2]
	planes := len(x) / j.size
	n := float64(planes / j.cols * j.size)
	if j.size == 1 {
		rows := planes / j.cols
		x = x[lo:]
		addColumns(mean, x, rows, j.cols)
		elem(opScale, mean, mean, nil, float32(1/n), 0)
		sumColumns(variance, nil, rows, func(variance, _ []float32, first, rows int) {
			columnSquares(variance, x[first*j.cols:], mean, rows, j.cols, hi-lo)
		})
		elem(opScale, variance, variance, nil, float32(1/n), 0)
		return
	}
	for c := range mean {
		var s, q float64
		for o := lo + c; o < planes; o += j.cols {
			s += longSum(x[o*j.size : (o+1)*j.size])
		}
		mean[c] = float32(s / n)
		for o := lo + c; o < planes; o += j.cols {
			q += longSquares(x[o*j.size:(o+1)*j.size], mean[c])
		}
		variance[c] = float32(q / n)
	}
}

// ChannelAffine computes y = (x-mean)*scale + shift with the channel's three numbers. y may be x.
func ChannelAffine(y, x, mean, scale, shift []float32, size int) {
	checkLen("ChannelAffine", "x", len(y), len(x))
	n := checkChannels("ChannelAffine", len(mean), size, len(y), scale, shift)
	channelJob((*job).channelAffinePart, n, size, [9][]float32{y, x, mean, scale, shift})
}

// channelJob splits by rows, or by planes if they have more than one element; x[2] is as long as there are channels.
func channelJob(run func(j *job, lo, hi int), n, size int, x [9][]float32) {
	if n == 0 {
		return
	}
	j := getJob(run)
	j.x, j.cols, j.size = x, size, size
	if size == 1 {
		j.cols = len(x[2])
	} else {
		n *= len(x[2])
	}
	j.parallel(n, rowsAtATime(elemGrain, j.cols))
}

func (j *job) channelAffinePart(lo, hi int) {
	mean, scale, shift := j.x[2], j.x[3], j.x[4]
	for o := lo; o < hi; o++ {
		y, x := j.rows(0, o, o+1), j.rows(1, o, o+1)
		if j.size == 1 {
			rowAffine(y, x, mean, scale, shift)
		} else {
			c := o % len(mean)
			planeAffine(y, x, mean[c], scale[c], shift[c])
		}
	}
}

// ChannelGradSums computes the sums of dy and of dy*(x-mean) over each channel.
func ChannelGradSums(sum, dot, dy, x, mean []float32, size int) {
	checkLen("ChannelGradSums", "x", len(dy), len(x))
	channels := len(mean)
	n := checkChannels("ChannelGradSums", channels, size, len(dy), sum, dot)
	clear(sum)
	clear(dot)
	if n == 0 {
		return
	}
	j := getJob((*job).channelGradSumsPart)
	j.x, j.cols, j.size = [9][]float32{sum, dot, dy, x, mean}, channels, size
	j.parallel(channels, channelsAtATime(n, size))
}

func (j *job) channelGradSumsPart(lo, hi int) {
	sum, dot, dy, x, mean := j.at(0, lo, hi), j.at(1, lo, hi), j.x[2], j.x[3], j.at(4, lo, hi)
	planes := len(x) / j.size
	if j.size == 1 {
		dy, x = dy[lo:], x[lo:]
		sumColumns(sum, dot, planes/j.cols, func(sum, dot []float32, first, rows int) {
			columnGradSums(sum, dot, dy[first*j.cols:], x[first*j.cols:], mean, rows, j.cols, hi-lo)
		})
		return
	}
	for c := range mean {
		var s, d float64
		for o := lo + c; o < planes; o += j.cols {
			a, b := longPlaneGradSums(dy[o*j.size:(o+1)*j.size], x[o*j.size:(o+1)*j.size], mean[c])
			s += a
			d += b
		}
		sum[c], dot[c] = float32(s), float32(d)
	}
}

// ChannelGrad computes dst = scale*dy + slope*(x-mean) + shift with the channel's four numbers. dst
// may be dy.
func ChannelGrad(dst, dy, x, mean, scale, slope, shift []float32, size int) {
	checkLen("ChannelGrad", "dy", len(dst), len(dy))
	checkLen("ChannelGrad", "x", len(dst), len(x))
	n := checkChannels("ChannelGrad", len(mean), size, len(dst), scale, slope, shift)
	channelJob((*job).channelGradPart, n, size, [9][]float32{dst, dy, mean, x, scale, slope, shift})
}

func (j *job) channelGradPart(lo, hi int) {
	mean, scale, slope, shift := j.x[2], j.x[4], j.x[5], j.x[6]
	for o := lo; o < hi; o++ {
		dst, dy, x := j.rows(0, o, o+1), j.rows(1, o, o+1), j.rows(3, o, o+1)
		if j.size == 1 {
			rowGrad(dst, dy, x, mean, scale, slope, shift)
		} else {
			c := o % len(mean)
			planeGrad(dst, dy, x, mean[c], scale[c], slope[c], shift[c])
		}
	}
}
