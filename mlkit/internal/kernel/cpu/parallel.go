package cpu

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
)

// Task is work that has been cut into parts. Its method set belongs to a
// pointer, so that handing it over allocates nothing.
type Task interface {
	// Part does part i. Parts run in any order, on any goroutine, at the same
	// time; each writes its own piece of the output.
	Part(i int)
}

// maxParts bounds the parts of one call: their number must fit its field of
// pool.state.
const maxParts = 1<<24 - 1

// spinFor is how long a worker looks for the next job before it parks. It
// spans the gaps between the kernels of a training step, because to wake a
// parked goroutine can take longer than the kernel itself (about 100 µs in a
// virtual machine), and is short enough that an idle program is idle.
const spinFor = 200 * time.Microsecond

// pool is the resident workers and the one job they work on.
//
// state describes the job in a single word, so that a worker that comes late
// can neither join a finished job nor read its task: bits 0–23 are the next
// part, bits 24–47 the number of parts. To claim a part is to add one to state
// while next < parts. A job ends, and the next one begins, only when all
// claimed parts are done.
var pool struct {
	busy   atomic.Bool // a job is being run
	task   Task        // read after a claim only
	_      [64]byte    // keeps what spinning workers read away from what the caller writes
	state  atomic.Uint64
	_      [64]byte
	done   atomic.Int32 // parts done
	_      [64]byte
	failed atomic.Pointer[Panic] // the first panic of a part on a worker
	live   atomic.Int32          // workers started
	parked atomic.Int32          // of them, those that wait on wake and are not yet promised a wake-up
	wake   chan struct{}         // one token for each promised wake-up
}

func init() { pool.wake = make(chan struct{}, 1<<10) }

// Workers returns how many parts can run at the same time: GOMAXPROCS, but no
// more than the machine has processors.
func Workers() int { return min(runtime.GOMAXPROCS(0), runtime.NumCPU()) }

// Parallel runs t.Part(i) for every i in [0, parts), on the calling goroutine
// and on the resident workers, and returns when all parts are done. parts must
// follow from shapes alone, never from Workers, unless the cut cannot change
// the result: otherwise results would depend on the machine. While another
// call is running (on another goroutine, or because t itself calls Parallel) it
// runs the parts itself, one after another. It allocates nothing. It panics if
// parts is more than 16,777,215. A panic of t, on whichever goroutine, reaches
// the caller once the parts that had begun are done; those that had not are
// given up.
func Parallel(parts int, t Task) {
	if parts > maxParts {
		panic(fmt.Sprintf("kernel: Parallel: %d parts, at most %d", parts, maxParts))
	}
	if parts <= 1 {
		if parts == 1 {
			t.Part(0)
		}
		return
	}
	helpers := min(Workers(), parts) - 1
	if helpers < 1 || !pool.busy.CompareAndSwap(false, true) {
		for i := range parts {
			t.Part(i)
		}
		return
	}
	through := false
	defer finish(int32(parts), &through)
	pool.task = t
	pool.done.Store(0)
	pool.state.Store(uint64(parts) << 24)
	for int(pool.live.Load()) < helpers {
		pool.live.Add(1)
		go work()
	}
	for range helpers {
		if !promise() {
			break
		}
		pool.wake <- struct{}{}
	}
	for i, ok := claim(); ok; i, ok = claim() {
		t.Part(i)
		pool.done.Add(1)
	}
	through = true
}

// finish ends the job: it waits for the parts that workers have claimed. It
// also runs when a part on the caller has panicked or ended the goroutine, as
// t.FailNow does: through is false then.
func finish(parts int32, through *bool) {
	ended := false // the caller's goroutine
	if !*through {
		if err := recover(); err != nil {
			defer panic(err)
		} else {
			ended = true
		}
		giveUp()
		pool.done.Add(1)
	}
	// What is missing runs at this moment, so it is near its end.
	for spins := 0; pool.done.Load() != parts; spins++ {
		if spins > 1000 {
			runtime.Gosched()
		}
	}
	failed := pool.failed.Swap(nil)
	pool.task = nil
	pool.busy.Store(false)
	// A part that ended a worker asked for what happens to the caller already,
	// if that ends, too.
	if failed != nil && !(ended && failed.Value() == goexited) {
		failed.Raise()
	}
}

// goexited is the panic of a part that has called runtime.Goexit on a worker.
const goexited = "kernel: a part of a parallel task ended its goroutine"

// giveUp ends the parts that nobody has claimed.
func giveUp() {
	for _, ok := claim(); ok; _, ok = claim() {
		pool.done.Add(1)
	}
}

// claim takes the next part of the present job, if one is left.
func claim() (part int, ok bool) {
	for {
		s := pool.state.Load()
		next, parts := s&maxParts, s>>24
		if next >= parts {
			return 0, false
		}
		if pool.state.CompareAndSwap(s, s+1) {
			return int(next), true
		}
	}
}

// promise takes one worker off the parked ones. The caller owes it a token,
// unless the caller is that worker itself.
func promise() bool {
	for {
		n := pool.parked.Load()
		if n == 0 {
			return false
		}
		if pool.parked.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

// work is the life of a worker: it looks for parts, and parks when none has
// come for a while.
func work() {
	idle := time.Now()
	for spins := 1; ; spins++ {
		if i, ok := claim(); ok {
			help(i)
			idle = time.Now()
			continue
		}
		if spins%64 != 0 {
			continue
		}
		runtime.Gosched()
		if time.Since(idle) < spinFor {
			continue
		}
		pool.parked.Add(1)
		// A job may have begun before it could see this worker as parked.
		if s := pool.state.Load(); s&maxParts < s>>24 && promise() {
			continue
		}
		<-pool.wake
		idle = time.Now()
	}
}

// help runs a part that a worker has claimed, and what more it can claim.
func help(part int) {
	ended := false
	defer func() {
		if ended {
			return
		}
		v := recover()
		if v == nil { // runtime.Goexit: the worker ends, too
			v = goexited
			pool.live.Add(-1)
		}
		p := Caught(v)
		pool.failed.CompareAndSwap(nil, &p)
		giveUp()
		pool.done.Add(1)
	}()
	t := pool.task
	for ok := true; ok; {
		t.Part(part)
		part, ok = claim()
		pool.done.Add(1)
	}
	ended = true
}
