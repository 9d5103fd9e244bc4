package privacy

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"sync/atomic"

	"descent/mlkit/data"
)

// Sampled is a source of batches in which every sample takes part with the same
// probability, independently of all others and of other steps.
type Sampled interface {
	// Sampling returns that probability and the number of samples.
	Sampling() (rate float64, samples int, err error)
}

// Poisson serves a data set in batches drawn by Poisson sampling: each sample
// is in a batch with the probability BatchSize/samples, the rate, whatever else
// is in it. Batches have BatchSize samples on average, some more, some fewer,
// some perhaps none, and an epoch is 1/rate of them, in which a sample may come
// twice or not at all. A loader serves one epoch at a time. It is what the
// accountants compute with; a data.Loader, which serves every sample once an
// epoch, is not.
type Poisson struct {
	Dataset data.Dataset
	// BatchSize is the expected number of samples in a batch, 0 < BatchSize ≤
	// Dataset.Len(). It need not be whole.
	BatchSize float64
	// InsecureSeed, if not 0, draws batches that anyone who knows it can draw,
	// too, so ε does not hold: for books and tests. Otherwise who takes part is
	// secret, and differs from run to run.
	InsecureSeed uint64

	key    key
	keyed  bool
	busy   atomic.Bool // an epoch is dealt out
	stream stream
	batch  data.Batch
	index  []int
}

// Sampling implements Sampled.
func (p *Poisson) Sampling() (rate float64, samples int, err error) {
	if p.Dataset == nil {
		return 0, 0, errors.New("privacy: the Poisson loader has no Dataset")
	}
	n := p.Dataset.Len()
	if !(p.BatchSize > 0 && p.BatchSize <= float64(n)) {
		return 0, 0, fmt.Errorf("privacy: Poisson.BatchSize is %v, must be above 0 and at most the %d samples there are", p.BatchSize, n)
	}
	return p.BatchSize / float64(n), n, nil
}

// Len is the number of batches in an epoch, Dataset.Len()/BatchSize, rounded.
func (p *Poisson) Len() int {
	rate, _, err := p.Sampling()
	if err != nil {
		return 1 // its Epoch tells
	}
	return max(1, int(math.Round(1/rate)))
}

// Epoch yields the batches of one epoch. A batch is valid until the next one.
func (p *Poisson) Epoch(epoch int) iter.Seq2[data.Batch, error] {
	return p.EpochFrom(context.Background(), epoch, 0)
}

// EpochFrom is Epoch without its first batches, for resuming in the middle.
func (p *Poisson) EpochFrom(_ context.Context, epoch, batch int) iter.Seq2[data.Batch, error] {
	return func(yield func(data.Batch, error) bool) {
		rate, n, err := p.Sampling()
		if err != nil {
			yield(data.Batch{}, err)
			return
		}
		if !p.busy.CompareAndSwap(false, true) {
			yield(data.Batch{}, errors.New("privacy: the loader is dealing out another epoch, whose memory it would overwrite: use a second Poisson"))
			return
		}
		defer p.busy.Store(false)
		if !p.keyed || p.InsecureSeed != 0 {
			p.key, p.keyed = newKey(p.InsecureSeed, 0), true
		}
		for k, steps := batch, p.Len(); k < steps; k++ {
			p.stream.begin(&p.key, uint64(epoch), uint64(k), 0)
			p.index = p.stream.sample(p.index[:0], n, rate)
			p.batch.Epoch = epoch
			if err := p.Dataset.Batch(p.index, &p.batch); err != nil {
				yield(data.Batch{}, fmt.Errorf("privacy: batch %d of epoch %d: %w", k, epoch, err))
				return
			}
			if !yield(p.batch, nil) {
				return
			}
		}
	}
}

// Fingerprint names the settings, for train's checkpoints.
func (p *Poisson) Fingerprint() string {
	return fmt.Sprintf("Poisson sampling of %v of %d samples, seed %d", p.BatchSize, p.Dataset.Len(), p.InsecureSeed)
}

// sample appends the numbers below n that are drawn, each with probability q.
// The gaps between them are geometric.
func (s *stream) sample(index []int, n int, q float64) []int {
	if q == 1 {
		for i := range n {
			index = append(index, i)
		}
		return index
	}
	scale := 1 / math.Log1p(-q)
	for i := -1; ; {
		gap := math.Floor(math.Log(s.uniform()) * scale)
		if gap >= float64(n-1-i) {
			return index
		}
		i += 1 + int(gap)
		index = append(index, i)
	}
}
