package mpi

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"

	"descent/mlkit/train"
)

// World is the ranks that a launcher has started, seen from one of them. It is
// a [train.Group]. Its operations may be begun by one goroutine at a time.
type World struct {
	rank, ranks int
	about       string // the library's version; "" without one

	engine *engine // nil in a world of one without a launcher
	limit  time.Duration
	spare  []*operation
	alone  done

	close   sync.Once
	closed  error
	failing sync.Once
}

var (
	_ train.Group = (*World)(nil)

	starting sync.Mutex
	started  *World
)

// Start joins the ranks that the launcher has started. Further calls return the
// same World. The error says what is missing, and how to install it.
func Start() (*World, error) {
	starting.Lock()
	defer starting.Unlock()
	if started != nil {
		return started, nil
	}
	w := &World{ranks: 1}
	if text := os.Getenv("MLKIT_MPI_WAIT"); text != "" {
		var err error
		if w.limit, err = time.ParseDuration(text); err != nil || w.limit <= 0 {
			return nil, fmt.Errorf("mpi: MLKIT_MPI_WAIT is %q, want a time such as 30s", text)
		}
	}
	if launched() != "" {
		if err := w.join(); err != nil {
			return nil, err
		}
	}
	started = w
	return w, nil
}

// Rank is the number of this process, from 0.
func (w *World) Rank() int { return w.rank }

// Ranks is how many processes there are.
func (w *World) Ranks() int { return w.ranks }

// Library names the library and its version; "" in a world of one that no
// launcher has started.
func (w *World) Library() string { return w.about }

// done is an operation of a world of one.
type done struct{}

// Done implements train.Pending.
func (done) Done() bool { return true }

// Wait implements train.Pending.
func (done) Wait() error { return nil }

// AllReduce makes x the sum of all ranks' x, in the library's order: the same
// bits on all ranks, others for another number of them. Of two ranks it is one
// sum of two numbers.
func (w *World) AllReduce(x []float32) train.Pending {
	if w.ranks == 1 {
		return w.alone
	}
	return w.begin(allReduce, x, x, 0)
}

// AllToAll cuts src into a part for each rank and collects in dst those for
// this one.
func (w *World) AllToAll(dst, src []float32) train.Pending {
	if len(dst) != len(src) || len(src)%w.ranks != 0 {
		panic(fmt.Sprintf("mpi: AllToAll from %d to %d numbers among %d ranks", len(src), len(dst), w.ranks))
	}
	return w.exchange(allToAll, dst, src)
}

// AllGather collects the src of all ranks in dst, by rank.
func (w *World) AllGather(dst, src []float32) train.Pending {
	if len(dst) != len(src)*w.ranks {
		panic(fmt.Sprintf("mpi: AllGather from %d to %d numbers among %d ranks", len(src), len(dst), w.ranks))
	}
	return w.exchange(allGather, dst, src)
}

// ReduceScatter makes dst this rank's part of the sum of all ranks' src, in the
// library's order.
func (w *World) ReduceScatter(dst, src []float32) train.Pending {
	if len(src) != len(dst)*w.ranks {
		panic(fmt.Sprintf("mpi: ReduceScatter from %d to %d numbers among %d ranks", len(src), len(dst), w.ranks))
	}
	return w.exchange(reduceScatter, dst, src)
}

// exchange begins a collective operation, which among one is a copy.
func (w *World) exchange(kind int, dst, src []float32) train.Pending {
	if w.ranks == 1 {
		copy(dst, src)
		return w.alone
	}
	return w.begin(kind, dst, src, 0)
}

// Broadcast makes x that of rank root.
func (w *World) Broadcast(x []float32, root int) train.Pending {
	if root < 0 || root >= w.ranks {
		panic(fmt.Sprintf("mpi: Broadcast from rank %d of %d", root, w.ranks))
	}
	if w.ranks == 1 {
		return w.alone
	}
	return w.begin(broadcast, x, x, root)
}

// Barrier returns when all ranks have called it.
func (w *World) Barrier() error {
	if w.ranks == 1 {
		return nil
	}
	return w.begin(barrier, nil, nil, 0).Wait()
}

// Fail ends the job: it writes err to standard error, as this rank's, and ends
// the processes of all ranks. nil waits to be ended by another. In a world of
// one it returns err.
func (w *World) Fail(err error) error {
	if w.ranks == 1 {
		return err
	}
	if err == nil { // the message is another rank's
		time.Sleep(5 * time.Second)
		os.Exit(1)
	}
	w.end(fmt.Sprintf("rank %d of %d: %v", w.rank, w.ranks, err))
	return err
}

// forwarding is the time that a launcher gets to pass a last message on: when
// it is told to abort, MPICH's reads no more of what the ranks have written.
const forwarding = 200 * time.Millisecond

// end writes one message and ends all ranks.
func (w *World) end(message string) {
	w.failing.Do(func() {
		fmt.Fprintln(os.Stderr, message)
		go func() { // the library may not come back either
			time.Sleep(2 * time.Second)
			os.Exit(1)
		}()
		time.Sleep(forwarding)
		w.abort()
		os.Exit(1)
	})
	select {} // another goroutine is ending the process
}

// Close leaves the ranks in good order, when all of them do. No operation may
// be under way. A program calls it at its end, also after an error.
func (w *World) Close() error {
	w.close.Do(func() {
		if w.engine != nil {
			w.closed = w.leave()
		}
	})
	return w.closed
}

const (
	allReduce = iota
	allToAll
	allGather
	reduceScatter
	broadcast
	barrier
)

var calls = [...]string{"MPI_Iallreduce", "MPI_Ialltoall", "MPI_Iallgather", "MPI_Ireduce_scatter_block", "MPI_Ibcast", "MPI_Ibarrier"}

// patience is how a wait goes on: it asks without pause for as long as an
// exchange between two caches takes, then lets others have the processor, then
// sleeps, so that a rank that waits for long costs nothing.
type patience struct {
	asked int
	since time.Time
}

// spinning is how long a wait only offers the processor to others. It is a time
// and no count: on a busy machine each offer may cost milliseconds.
const spinning = 20 * time.Millisecond

func (p *patience) pause() {
	switch p.asked++; {
	case p.asked < 100:
	case p.asked == 100:
		p.since = time.Now()
	default:
		if waited := p.waited(); waited < spinning {
			runtime.Gosched()
			yield()
		} else {
			time.Sleep(min(waited/100, time.Millisecond))
		}
	}
}

// waited is how long, but for the first moment.
func (p *patience) waited() time.Duration {
	if p.asked < 100 {
		return 0
	}
	return time.Since(p.since)
}
