package cpu

import (
	"errors"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// countTask counts how often each part runs; with nested it calls Parallel
// from inside a part.
type countTask struct {
	runs   []atomic.Int32
	nested *countTask
	bad    int // part that panics, if > 0
}

func (c *countTask) Part(i int) {
	c.runs[i].Add(1)
	if c.nested != nil {
		Parallel(len(c.nested.runs), c.nested)
	}
	if c.bad > 0 && i >= c.bad {
		panic("bad part")
	}
}

func (c *countTask) want(t *testing.T, n int32) {
	t.Helper()
	for i := range c.runs {
		if got := c.runs[i].Load(); got != n {
			t.Fatalf("part %d ran %d times, want %d", i, got, n)
		}
	}
}

func atProcs(t *testing.T, f func(t *testing.T)) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, n := range []int{1, 2, 5} {
		runtime.GOMAXPROCS(n)
		f(t)
	}
}

func TestParallel(t *testing.T) {
	atProcs(t, func(t *testing.T) {
		for _, parts := range []int{0, 1, 2, 3, 64, 1000} {
			c := &countTask{runs: make([]atomic.Int32, parts)}
			for range 20 {
				Parallel(parts, c)
			}
			c.want(t, 20)
		}
	})
}

func TestParallelNested(t *testing.T) {
	atProcs(t, func(t *testing.T) {
		in := &countTask{runs: make([]atomic.Int32, 7)}
		out := &countTask{runs: make([]atomic.Int32, 9), nested: in}
		Parallel(9, out)
		out.want(t, 1)
		in.want(t, 9)
	})
}

func TestParallelFromManyGoroutines(t *testing.T) {
	atProcs(t, func(t *testing.T) {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				c := &countTask{runs: make([]atomic.Int32, 5)}
				for range 200 {
					Parallel(5, c)
				}
				c.want(t, 200)
			})
		}
		wg.Wait()
	})
}

// TestParallelAfterPark starts jobs at the moments when workers park.
func TestParallelAfterPark(t *testing.T) {
	c := &countTask{runs: make([]atomic.Int32, 6)}
	n := int32(0)
	for pause := time.Duration(0); pause < 2*spinFor; pause += spinFor / 20 {
		time.Sleep(pause)
		Parallel(6, c)
		n++
	}
	c.want(t, n)
}

func TestParallelPanic(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // so that the bad part is the caller's
	c := &countTask{runs: make([]atomic.Int32, 3), bad: 1}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic of a part was lost")
			}
		}()
		Parallel(3, c)
	}()
	if pool.busy.Load() {
		t.Error("the pool is still busy after a panic")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("too many parts: no panic")
			}
		}()
		Parallel(maxParts+1, c)
	}()
}

// TestParallelPanicOnWorker checks that a panic reaches the caller as it was
// raised, with the stack it came from, from a part that no caller runs, and
// that the pool works on.
func TestParallelPanicOnWorker(t *testing.T) {
	if Workers() < 2 {
		t.Skip("needs two processors")
	}
	for round := range 50 {
		want := errors.New("bad part")
		p := &onWorker{caller: goroutineID(), do: func() { panic(want) }}
		func() {
			defer func() {
				if got := recover(); got != want {
					t.Fatalf("round %d: recovered %v, want the very value of the panic", round, got)
				}
			}()
			Parallel(100, p)
			t.Fatal("the panic of a part was lost")
		}()
		c := &countTask{runs: make([]atomic.Int32, 64)}
		Parallel(64, c)
		c.want(t, 1)
	}
	if pool.busy.Load() || pool.failed.Load() != nil {
		t.Error("the pool keeps something of a panic")
	}
	var p Panic
	func() {
		defer func() { p = Caught(recover()) }()
		lost()
	}()
	if p.Value() != "lost" || !strings.Contains(elsewhere(p.stack).Error(), "cpu.lost") {
		t.Errorf("caught %v with the stack\n%s", p.Value(), p.stack)
	}
}

func lost() { panic("lost") }

// TestParallelGoexit ends goroutines inside parts, as t.FailNow does.
func TestParallelGoexit(t *testing.T) {
	if Workers() < 2 {
		t.Skip("needs two processors")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a part that ended a worker went unnoticed")
			}
		}()
		Parallel(100, &onWorker{caller: goroutineID(), do: runtime.Goexit})
	}()
	done := make(chan struct{})
	go func() { // the caller itself
		defer close(done)
		Parallel(100, &onWorker{caller: "", do: runtime.Goexit})
	}()
	<-done
	c := &countTask{runs: make([]atomic.Int32, 64)}
	Parallel(64, c)
	c.want(t, 1)
}

// onWorker does something in a part that runs on another goroutine than caller;
// the caller's own parts wait until that has happened.
type onWorker struct {
	caller string
	do     func()
	done   atomic.Bool
}

func (o *onWorker) Part(int) {
	if goroutineID() != o.caller {
		o.done.Store(true)
		o.do()
	}
	for !o.done.Load() {
		runtime.Gosched()
	}
}

// goroutineID is the number that the goroutine's stack trace begins with.
func goroutineID() string {
	var b [64]byte
	id, _, _ := strings.Cut(strings.TrimPrefix(string(b[:runtime.Stack(b[:], false)]), "goroutine "), " ")
	return id
}

func TestParallelLeavesNothingBehind(t *testing.T) {
	c := &countTask{runs: make([]atomic.Int32, 64)}
	Parallel(64, c)
	before := runtime.NumGoroutine()
	for range 500 {
		Parallel(64, c)
	}
	if after := runtime.NumGoroutine(); after > before {
		t.Errorf("%d goroutines after 500 calls, %d after the first", after, before)
	}
	for wait := 0; pool.parked.Load() != pool.live.Load(); wait++ {
		if wait > 2000 {
			t.Fatalf("%d of %d workers parked after two idle seconds", pool.parked.Load(), pool.live.Load())
		}
		time.Sleep(time.Millisecond)
	}
	if pool.task != nil {
		t.Error("the pool still holds the last task")
	}
}

func TestParallelAllocatesNothing(t *testing.T) {
	c := &countTask{runs: make([]atomic.Int32, 64)}
	Parallel(64, c)
	if n := testing.AllocsPerRun(100, func() { Parallel(64, c) }); n != 0 {
		t.Errorf("%g allocations a call", n)
	}
}
