package data

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
)

// EpochParts is EpochFrom for one of several programs that share the work of
// each batch: of every batch cut into n parts, by rows as [Batch.Split] cuts
// it, it reads parts lo to hi (hi not included) and asks the data set for no
// other sample. Each part is read as a batch by itself, so its padding follows
// from its own samples; a part without rows is an empty Batch. The slice and
// its batches are valid until the next ones.
func (l *Loader) EpochParts(ctx context.Context, epoch, batch, n, lo, hi int) iter.Seq2[[]Batch, error] {
	return func(yield func([]Batch, error) bool) {
		if !atomic.CompareAndSwapInt32(&l.busy, 0, 1) {
			yield(nil, errors.New(dealing))
			return
		}
		defer atomic.StoreInt32(&l.busy, 0)
		if err := l.check(); err != nil {
			yield(nil, err)
			return
		}
		order, size := l.Permutation(epoch), l.batchSize()
		fill := func(k int, s *slot) error {
			for len(s.parts) < hi-lo {
				s.parts = append(s.parts, Batch{})
			}
			rows := min((k+1)*size, len(order)) - k*size
			for i := range hi - lo {
				b, part := &s.parts[i], lo+i
				from, to := k*size+rows*part/n, k*size+rows*(part+1)/n
				if from == to {
					b.Index, b.Epoch = b.Index[:0], epoch
					continue
				}
				if err := l.read(b, order[from:to], k, epoch); err != nil {
					return err
				}
			}
			return nil
		}
		if l.Prefetch > 0 {
			l.prefetch(ctx, batch, fill, func(s *slot, err error) bool {
				if err != nil {
					return yield(nil, err)
				}
				return yield(s.parts, nil)
			})
			return
		}
		for k, all := batch, l.Len(); k < all; k++ {
			if err := fill(k, &l.now); err != nil {
				yield(nil, err)
				return
			}
			if !yield(l.now.parts, nil) {
				return
			}
		}
	}
}
