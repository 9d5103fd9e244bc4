package data

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"math/rand/v2"
	"slices"
	"sync/atomic"
)

// A Loader serves a data set in batches, epoch after epoch. The order of epoch
// e is a function of (Seed, e) alone, so a training can be resumed in the
// middle. It runs one epoch at a time: whatever runs beside it (a validation in
// the middle of an epoch, another goroutine) needs a loader of its own.
type Loader struct {
	Dataset   Dataset
	BatchSize int // 0: the whole set in one batch (full-batch gradient descent)

	// Shuffle takes a new random order every epoch, or, with SameOrder, in
	// one random order that all epochs share.
	Shuffle   bool
	SameOrder bool
	Seed      uint64
	// Order, if not nil, is the order itself, the same every epoch; it may
	// name a part of the set, and names samples by their index.
	Order []int
	// Weights, if not nil, draws the samples of an epoch with replacement, each
	// with a probability proportional to its weight, one weight for each sample
	// of the data set (PyTorch's WeightedRandomSampler; ClassWeights balances
	// classes). Draws is how many an epoch has; 0 means as many as the set.
	// Shuffle then changes nothing; an Order beside Weights is an error.
	// Augment changes a sample that is drawn twice in an epoch in the same way.
	Weights []float64
	Draws   int
	// Bucket above 0 makes batches of sequences of like length, so that little
	// of them is padding: of every Bucket batches' worth of samples in the
	// order above, those of like length go together, and with Shuffle the
	// batches come in random order (only one that is not full stays the last).
	// 20 to 100 is usual. The data set must know lengths, as Sequences do.
	Bucket int
	// DropLast leaves out a last batch that is not full.
	DropLast bool

	// Prefetch prepares this many batches ahead, each on a goroutine of its
	// own, while the one before is used. Batches, their order and their bits
	// are the same as without. No goroutine outlives an epoch, however it ends.
	Prefetch int

	order  []int
	sums   []float64 // of the weights, up to each sample
	random rand.PCG
	busy   int32 // 1 while an epoch is dealt out; atomic
	batch  Batch
	now    slot   // for EpochParts
	ahead  []slot // for Prefetch
}

// Len is the number of batches in an epoch.
func (l *Loader) Len() int {
	n, b := l.samples(), l.batchSize()
	if b == 0 {
		return 0
	}
	if l.DropLast {
		return n / b
	}
	return (n + b - 1) / b
}

func (l *Loader) samples() int {
	if l.Dataset == nil {
		panic("data: the Loader has no Dataset")
	}
	switch {
	case l.Order != nil:
		return len(l.Order)
	case l.Weights != nil && l.Draws > 0:
		return l.Draws
	}
	return l.Dataset.Len()
}

func (l *Loader) batchSize() int {
	if l.BatchSize <= 0 {
		return l.samples()
	}
	return l.BatchSize
}

// Permutation is the order of the samples in an epoch, in which Weights may
// repeat some and leave out others. The slice is valid until the next call. It
// panics on weights that cannot be drawn from.
func (l *Loader) Permutation(epoch int) []int {
	n := l.samples()
	l.order = resize(l.order, n)
	if l.Order != nil {
		copy(l.order, l.Order)
	} else {
		for i := range l.order {
			l.order[i] = i
		}
	}
	if l.Shuffle || l.Weights != nil {
		stream := uint64(epoch) + 1
		if l.SameOrder {
			stream = 0
		}
		l.random.Seed(l.Seed, stream)
		if l.Weights != nil {
			l.draw()
		} else {
			shuffle(l.order, &l.random)
		}
	}
	if l.Bucket > 0 {
		l.bucket()
	}
	return l.order
}

// bucket sorts the samples of every Bucket batches by length, and shuffles the
// batches.
func (l *Loader) bucket() {
	size := l.batchSize()
	for pool := range slices.Chunk(l.order, max(size*l.Bucket, 1)) {
		slices.SortStableFunc(pool, l.byLength)
	}
	if !l.Shuffle {
		return
	}
	full := len(l.order) / max(size, 1)
	for i := full - 1; i > 0; i-- {
		hi, _ := bits.Mul64(l.random.Uint64(), uint64(i+1))
		a, b := l.order[i*size:(i+1)*size], l.order[int(hi)*size:(int(hi)+1)*size]
		for k := range a {
			a[k], b[k] = b[k], a[k]
		}
	}
}

func (l *Loader) byLength(a, b int) int {
	return cmp.Compare(lengthOf(l.Dataset, a), lengthOf(l.Dataset, b))
}

// shuffle puts order in a random order. It draws what rand.Shuffle draws, and
// spares an indirect call or two for every sample, which count where a step
// takes less than a microsecond.
func shuffle(order []int, random *rand.PCG) {
	for i := len(order) - 1; i > 0; i-- {
		n := uint64(i + 1)
		j := random.Uint64()
		if n&(n-1) == 0 {
			j &= n - 1
		} else {
			var low uint64
			if j, low = bits.Mul64(j, n); low < n {
				for low < -n%n {
					j, low = bits.Mul64(random.Uint64(), n)
				}
			}
		}
		order[i], order[j] = order[j], order[i]
	}
}

const dealing = "data: the loader is dealing out another epoch, whose order and memory it would overwrite: use a second Loader"

// check refuses settings that the data set does not fit.
func (l *Loader) check() error {
	if l.BatchSize < 0 {
		return fmt.Errorf("data: Loader.BatchSize is %d: want at least 1, or 0 for the whole set", l.BatchSize)
	}
	if l.Bucket > 0 && l.samples() > 0 && lengthOf(l.Dataset, 0) < 0 {
		return fmt.Errorf("data: Loader.Bucket needs a data set that knows the lengths of its sequences; a %T does not", l.Dataset)
	}
	return l.checkWeights()
}

// Epoch yields the batches of one epoch. A batch is valid until the next
// one; an error of the data set ends the epoch.
func (l *Loader) Epoch(epoch int) iter.Seq2[Batch, error] {
	return l.EpochFrom(context.Background(), epoch, 0)
}

// EpochFrom is Epoch without its first batches, for resuming in the middle.
// When ctx is done while a prefetched batch is waited for, the epoch ends with
// its error. train.Fit reads a loader through it.
func (l *Loader) EpochFrom(ctx context.Context, epoch, batch int) iter.Seq2[Batch, error] {
	return func(yield func(Batch, error) bool) {
		if !atomic.CompareAndSwapInt32(&l.busy, 0, 1) {
			yield(Batch{}, errors.New(dealing))
			return
		}
		defer atomic.StoreInt32(&l.busy, 0)
		if err := l.check(); err != nil {
			yield(Batch{}, err)
			return
		}
		order, size := l.Permutation(epoch), l.batchSize()
		if l.Prefetch > 0 {
			l.prefetch(ctx, batch, func(k int, s *slot) error { return l.fill(&s.batch, order, k, size, epoch) },
				func(s *slot, err error) bool {
					if err != nil {
						return yield(Batch{}, err)
					}
					return yield(s.batch, nil)
				})
			return
		}
		for k, n := batch, l.Len(); k < n; k++ {
			if err := l.fill(&l.batch, order, k, size, epoch); err != nil {
				yield(Batch{}, err)
				return
			}
			if !yield(l.batch, nil) {
				return
			}
		}
	}
}

// fill makes b batch k of an epoch.
func (l *Loader) fill(b *Batch, order []int, k, size, epoch int) error {
	return l.read(b, order[k*size:min((k+1)*size, len(order))], k, epoch)
}

// read makes b the samples at index, which belong to batch k of an epoch.
func (l *Loader) read(b *Batch, index []int, k, epoch int) error {
	b.Epoch = epoch
	if err := l.Dataset.Batch(index, b); err != nil {
		return fmt.Errorf("data: batch %d of epoch %d: %w", k, epoch, err)
	}
	return nil
}
