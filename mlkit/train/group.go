package train

import (
	"errors"
	"fmt"
	"sync"
)

// A Group is the ranks that train one model together (Config.Group), each with
// a copy of the model and the whole program: processes, on one machine or many
// (package mpi), or goroutines ([LocalGroup]). A Group stands for one of them.
//
// Operations begin at once and are over when Wait returns; until then their
// slices belong to the Group. All ranks begin the same operations in the same
// order with slices of the same length, one goroutine of each rank.
type Group interface {
	Rank() int  // of this one, from 0
	Ranks() int // how many there are
	// AllReduce makes x the sum of all ranks' x, added in an order of the
	// Group's own, with the same bits everywhere.
	AllReduce(x []float32) Pending
	// AllToAll cuts src into one part for each rank and collects in dst what
	// the ranks have for this one, by rank. Both are of the same length, a
	// multiple of Ranks.
	AllToAll(dst, src []float32) Pending
	// AllGather collects the src of every rank in dst, by rank.
	AllGather(dst, src []float32) Pending
	// Broadcast makes x that of rank root.
	Broadcast(x []float32, root int) Pending
	// Fail ends the work of all ranks because of err: operations of others end
	// with an error that tells of it, or their processes are ended. nil waits
	// for such an end, which another rank has brought about. What it returns,
	// where it returns, is err.
	Fail(err error) error
}

// SharedMemory is a Group whose ranks may see each other's memory, as those on
// one machine do. Few ranks then add up gradients without sending them.
type SharedMemory interface {
	Group
	// Shared gives every rank n numbers that it alone writes and all read; the
	// result holds those of all, by rank, until release. nil: not all ranks
	// share memory. All call it alike. Operations order it: what a rank has
	// written before it begins one, others read when theirs is over.
	Shared(n int) (all [][]float32, release func(), err error)
}

// Pending is an operation of a Group under way.
type Pending interface {
	// Done reports whether Wait would return at once, and may help the
	// operation along.
	Done() bool
	// Wait must be called once.
	Wait() error
}

// A RankError is what ended the work of another rank, and so that of this one.
type RankError struct {
	Rank int
	Err  error
}

func (e *RankError) Error() string { return fmt.Sprintf("train: rank %d: %v", e.Rank, e.Err) }

// Unwrap gives the error of the other rank.
func (e *RankError) Unwrap() error { return e.Err }

// LocalGroup makes a Group of goroutines: one element for each. Every goroutine
// calls Fit with a model, a loader and callbacks of its own, alike in all. It
// serves tests of programs that will run as processes; on one machine
// Config.MicroBatch uses the processors with less memory.
func LocalGroup(ranks int) []Group {
	if ranks < 1 {
		panic(fmt.Sprintf("train: LocalGroup of %d", ranks))
	}
	l := &local{ranks: ranks}
	l.cond.L = &l.mu
	all := make([]Group, ranks)
	for r := range all {
		all[r] = &localRank{local: l, rank: r}
	}
	return all
}

type local struct {
	ranks  int
	mu     sync.Mutex
	cond   sync.Cond
	first  int        // number of ops[0]
	ops    []*localOp // begun and not yet waited for by all
	spare  []*localOp
	failed *RankError
	shared [][][]float32 // what each call of Shared gave
}

type localRank struct {
	*local
	rank, next, shares int
}

var _ SharedMemory = (*localRank)(nil)

// Shared implements SharedMemory.
func (g *localRank) Shared(n int) (all [][]float32, release func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.shared) == g.shares {
		all = make([][]float32, g.ranks)
		for r := range all {
			all[r] = make([]float32, n)
		}
		g.shared = append(g.shared, all)
	}
	k := g.shares
	g.shares++
	return g.shared[k], func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.shared[k] = nil
	}, nil
}

type localOp struct {
	l             *local
	kind          string
	root          int
	dst, src      [][]float32
	begun, waited int
	sum           []float32
}

func (g *localRank) Rank() int  { return g.rank }
func (g *localRank) Ranks() int { return g.ranks }

func (g *localRank) AllReduce(x []float32) Pending        { return g.begin("AllReduce", x, x, 0) }
func (g *localRank) AllToAll(dst, src []float32) Pending  { return g.begin("AllToAll", dst, src, 0) }
func (g *localRank) AllGather(dst, src []float32) Pending { return g.begin("AllGather", dst, src, 0) }
func (g *localRank) Broadcast(x []float32, root int) Pending {
	return g.begin("Broadcast", x, x, root)
}

func (g *localRank) begin(kind string, dst, src []float32, root int) Pending {
	l := g.local
	l.mu.Lock()
	defer l.mu.Unlock()
	k := g.next - l.first
	g.next++
	for len(l.ops) <= k {
		if n := len(l.spare); n > 0 {
			l.ops = append(l.ops, l.spare[n-1])
			l.spare = l.spare[:n-1]
		} else {
			l.ops = append(l.ops, &localOp{l: l, dst: make([][]float32, l.ranks), src: make([][]float32, l.ranks)})
		}
	}
	op := l.ops[k]
	if op.begun == 0 {
		op.kind, op.root = kind, root
	}
	op.dst[g.rank], op.src[g.rank] = dst, src
	if wrong := op.wrong(g.rank, kind, root); wrong != nil && l.failed == nil {
		l.failed = &RankError{g.rank, wrong}
		l.cond.Broadcast()
	}
	if op.begun++; op.begun == l.ranks && l.failed == nil {
		op.do()
		l.cond.Broadcast()
	}
	return op
}

func (op *localOp) wrong(rank int, kind string, root int) error {
	for r, src := range op.src {
		if src != nil && (kind != op.kind || root != op.root || len(src) != len(op.src[rank]) ||
			len(op.dst[r]) != len(op.dst[rank])) {
			return fmt.Errorf("begins %s of %d numbers where rank %d begins %s of %d", kind, len(op.src[rank]), r, op.kind, len(src))
		}
	}
	if n := len(op.src[rank]); kind == "AllGather" && len(op.dst[rank]) != n*len(op.src) || kind == "AllToAll" && n%len(op.src) != 0 {
		return fmt.Errorf("%s from %d to %d numbers among %d ranks", kind, n, len(op.dst[rank]), len(op.src))
	}
	return nil
}

// do does the work for all, on the goroutine that comes last.
func (op *localOp) do() {
	n := len(op.src[0])
	switch op.kind {
	case "AllReduce":
		op.sum = append(op.sum[:0], op.src[0]...)
		for _, x := range op.src[1:] {
			for i, v := range x {
				op.sum[i] += v
			}
		}
		for _, x := range op.dst {
			copy(x, op.sum)
		}
	case "AllToAll":
		c := n / len(op.src)
		for to, dst := range op.dst {
			for from, src := range op.src {
				copy(dst[from*c:(from+1)*c], src[to*c:])
			}
		}
	case "AllGather":
		for _, dst := range op.dst {
			for from, src := range op.src {
				copy(dst[from*n:], src)
			}
		}
	case "Broadcast":
		for _, x := range op.dst {
			copy(x, op.src[op.root])
		}
	}
}

// Done implements Pending.
func (op *localOp) Done() bool {
	op.l.mu.Lock()
	defer op.l.mu.Unlock()
	return op.begun == op.l.ranks || op.l.failed != nil
}

// Wait implements Pending.
func (op *localOp) Wait() error {
	l := op.l
	l.mu.Lock()
	defer l.mu.Unlock()
	for op.begun < l.ranks && l.failed == nil {
		l.cond.Wait()
	}
	if l.failed != nil {
		return l.failed
	}
	if op.waited++; op.waited == l.ranks {
		for len(l.ops) > 0 && l.ops[0].waited == l.ranks {
			done := l.ops[0]
			done.begun, done.waited = 0, 0
			clear(done.src)
			clear(done.dst)
			l.spare = append(l.spare, done)
			copy(l.ops, l.ops[1:])
			l.ops = l.ops[:len(l.ops)-1]
			l.first++
		}
	}
	return nil
}

// Fail implements Group.
func (g *localRank) Fail(err error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var known *RankError
	if g.failed == nil && err != nil && !errors.As(err, &known) {
		g.failed = &RankError{g.rank, err}
	}
	g.cond.Broadcast()
	return err
}
