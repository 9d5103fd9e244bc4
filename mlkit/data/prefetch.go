package data

import (
	"context"
	"sync"

	"descent/mlkit/internal/kernel/cpu"
)

// slot is where one goroutine prepares every n-th batch of an epoch, n being
// the number of slots.
type slot struct {
	batch Batch
	parts []Batch       // instead of batch: see Loader.EpochParts
	free  chan struct{} // one token while the batch may be overwritten
	ready chan prepared
}

type prepared struct {
	err   error
	panic cpu.Panic
}

// prefetch yields batches first, first+1, … in order. Batch k is prepared
// in slot k mod slots; a slot starts on its next batch when the consumer has
// come back for the one after.
func (l *Loader) prefetch(ctx context.Context, first int, fill func(k int, s *slot) error,
	yield func(*slot, error) bool) {
	n := l.Len()
	slots := min(l.Prefetch+1, n-first)
	for len(l.ahead) < slots {
		l.ahead = append(l.ahead, slot{free: make(chan struct{}, 1), ready: make(chan prepared, 1)})
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	for s := range slots {
		a := &l.ahead[s]
		select { // an epoch that was left early may have left these full
		case <-a.ready:
		default:
		}
		select {
		case a.free <- struct{}{}:
		default:
		}
		wg.Go(func() {
			for k := first + s; k < n; k += slots {
				select {
				case <-a.free:
				case <-stop:
					return
				}
				a.ready <- a.prepare(k, fill)
			}
		})
	}
	for k := first; k < n; k++ {
		a := &l.ahead[(k-first)%slots]
		var p prepared
		select {
		case p = <-a.ready:
		default:
			select {
			case p = <-a.ready:
			case <-ctx.Done():
				p.err = ctx.Err()
			}
		}
		p.panic.Raise()
		if p.err != nil {
			yield(nil, p.err)
			return
		}
		if !yield(a, nil) {
			return
		}
		a.free <- struct{}{}
	}
}

func (a *slot) prepare(k int, fill func(k int, s *slot) error) (p prepared) {
	defer func() { p.panic = cpu.Caught(recover()) }()
	p.err = fill(k, a)
	return p
}
