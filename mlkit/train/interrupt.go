package train

import (
	"context"
	"runtime"
	"sync/atomic"
	"time"

	"descent/mlkit/internal/kernel/cpu"
)

// watch lets a loop over batches be left at once when its context ends, also
// while the source blocks: the loop then runs on a goroutine of its own, which
// is left behind inside of the source and touches nothing any more when that
// comes back. It costs a step nothing but two atomic stores.
type watch struct{ state atomic.Int32 }

const (
	computing int32 = iota // the loop's own work, which is waited for
	reading                // the source is at work
	abandoned
)

// reading says that the source is at work from now on.
func (w *watch) reading() { w.state.Store(reading) }

// arrived says that the source has delivered, or has ended. If it reports
// false, the loop was left and must return without touching anything.
func (w *watch) arrived() bool { return w.state.CompareAndSwap(reading, computing) }

// run runs the loop and reports whether it came to its end; false means that
// the context ended while the source was at work.
func (w *watch) run(ctx context.Context, loop func()) bool {
	w.state.Store(computing)
	if ctx.Done() == nil {
		loop()
		return true
	}
	var caught cpu.Panic
	finished, whole := make(chan struct{}), false
	go func() {
		defer close(finished)
		defer func() { caught = cpu.Caught(recover()) }()
		loop()
		whole = true
	}()
	select {
	case <-finished:
	case <-ctx.Done():
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for waiting := true; waiting; {
			if w.state.CompareAndSwap(reading, abandoned) {
				return false
			}
			select {
			case <-finished:
				waiting = false
			case <-tick.C:
			}
		}
	}
	if !whole {
		caught.Raise()
		runtime.Goexit() // as the loop did: testing.T.FailNow in a callback
	}
	return true
}

// eachBatch calls do for the batches of one epoch of the source, until it
// returns an error.
func eachBatch[B any](ctx context.Context, source Source[B], do func(B) error) (err error) {
	var w watch
	if !w.run(ctx, func() {
		w.reading()
		from(source)(ctx, 0, 0)(func(b B, failed error) bool {
			if !w.arrived() {
				return false
			}
			if err == nil { // else the source does not listen
				if err = failed; err == nil {
					err = ctx.Err()
				}
				if err == nil {
					err = do(b)
				}
			}
			more := err == nil
			w.reading()
			return more
		})
	}) {
		return ctx.Err()
	}
	return err
}
