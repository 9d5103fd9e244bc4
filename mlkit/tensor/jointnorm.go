package tensor

// Batch normalisation of a batch that lies on several tapes, by the statistics
// of all its parts: what is synchronised between devices elsewhere (PyTorch's
// SyncBatchNorm).

// JoinStatistics makes batch normalisations in training take the statistics of
// a batch whose parts lie on several tapes, each run by a goroutine or process
// of its own. sum is called on each: it adds up the x of all of them, which
// have the same length, and puts the sums in their place. The tapes must come
// to the same normalisations in the same order, forwards and backwards. nil
// ends that.
func (t *Tape) JoinStatistics(sum func(x []float64)) { t.join = sum }

// joined computes the normalisation and the biased variances of the whole batch
// and returns how many values a channel has there, of which n lie here.
func (b *batchNorm) joined(t *Tape, y, x, variance, weight []float32, n int) (count float64) {
	channels := len(b.Mean)
	b.join = t.join
	sums := t.doubles.reuse(channels + 1)
	b.PartSums(sums[:channels], x)
	sums[channels] = float64(n)
	b.join(sums)
	b.count = sums[channels]
	if b.count >= 2 {
		b.SetMean(sums[:channels], b.count)
		b.PartSquares(sums[:channels], x, variance)
		b.join(sums[:channels])
		b.SetVariance(variance, sums[:channels], weight, b.count, b.eps)
		b.Affine(y, x)
	}
	t.doubles.recycle(sums)
	return b.count
}

// joinedGrad is Norm.Grad for the part of the batch that lies here: dw and db
// are of this part, what goes through the statistics is of all.
func (b *batchNorm) joinedGrad(t *Tape, dy, x, y, db, dw, slope, offset []float32, wanted bool) {
	sums := t.doubles.reuse(2 * len(b.Mean))
	b.PartGradSums(db, dw, sums, dy, x, y)
	b.join(sums)
	if wanted {
		b.PartGrad(dy, x, sums, slope, offset, b.count)
	}
	t.doubles.recycle(sums)
}
