package tensor

import "sync"

// spare keeps values for reuse across goroutines. A sync.Pool would lose them
// to the garbage collector, and a training step would allocate now and then.
type spare struct {
	New func() any

	mu   sync.Mutex
	free []any
}

// Get takes a value out, or makes one.
func (s *spare) Get() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return s.New()
	}
	v := s.free[last]
	s.free = s.free[:last]
	return v
}

// Put gives a value back.
func (s *spare) Put(v any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, v)
}
