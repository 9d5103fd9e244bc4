package cpu

import (
	"sync"
	"sync/atomic"
)

// FreeList keeps values that are not in use, so that a call that needs one
// allocates nothing. (A sync.Pool would lose them to the garbage collector, and
// a training step would allocate again.) The zero value is an empty list; any
// number of goroutines may use it.
type FreeList[T any] struct {
	first atomic.Pointer[T] // a place of its own, for one goroutine that trains
	mu    sync.Mutex
	more  []*T
}

// Get returns a value that nobody else has: one that was put back, as it was,
// or a new zero value.
func (l *FreeList[T]) Get() *T {
	if x := l.first.Swap(nil); x != nil {
		return x
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.more)
	if n == 0 {
		return new(T)
	}
	x := l.more[n-1]
	l.more = l.more[:n-1]
	return x
}

// Put gives x back. The caller has cleared what would keep memory of others
// alive, and uses x no more.
func (l *FreeList[T]) Put(x *T) {
	if l.first.CompareAndSwap(nil, x) {
		return
	}
	l.mu.Lock()
	l.more = append(l.more, x)
	l.mu.Unlock()
}
