package train

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"descent/mlkit/internal/kernel/cpu"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// pieces computes a batch piece by piece, on as many tapes as processors are at
// work: a piece goes all the way forward and back on one of them, while what it
// computes is in that processor's cache, and there is but one gathering at the
// end of a step, not one in every operation.
type pieces[B any] struct {
	o     Objective[B]
	seed  uint64
	count *tensor.Tape // counts the steps, for the random numbers
	sum   *tensor.GradSum
	share *share
	each  func(k int, loss float64, g tensor.Grads) // gets the gradients in place of sum: PerSample

	step  int
	batch B
	all   []piece[B]
	next  atomic.Int64 // the piece whose gradients are to be added

	mu   sync.Mutex
	free []*tensor.Tape
}

type piece[B any] struct {
	batch B
	measure
	err   error
	panic cpu.Panic
}

func newPieces[B any](o Objective[B], c *Config, count *tensor.Tape, sum *tensor.GradSum,
	share *share) (*pieces[B], error) {
	if o.Split == nil || o.Size == nil {
		return nil, errors.New("needs an Objective with Split and Size")
	}
	for _, n := range nn.State(o.Model) {
		if n.Buffer != nil {
			return nil, fmt.Errorf("cannot be used with this model: %q is a statistic of whole batches", n.Name)
		}
	}
	return &pieces[B]{o: o, seed: c.Seed, count: count, sum: sum, share: share}, nil
}

// run adds the gradients of n pieces of the batch to the sum, and returns what
// makes its loss.
func (s *pieces[B]) run(step int, batch B, n int) (loss mean, err error) {
	s.count.Reset()
	s.step, s.batch = step, batch
	for len(s.all) < n {
		s.all = append(s.all, piece[B]{})
	}
	s.all = s.all[:n]
	s.next.Store(0)
	cpu.Parallel(n, s)
	for k := range s.all {
		p := &s.all[k]
		p.panic.Raise()
		if p.err != nil {
			return loss, p.err
		}
		loss.add(p.measure)
	}
	return loss, nil
}

// Part computes one piece; cpu.Parallel calls it on any goroutine.
func (s *pieces[B]) Part(k int) {
	p := &s.all[k]
	p.err, p.panic = nil, cpu.Panic{}
	tape := s.tape()
	added := false
	defer func() {
		v := recover()
		if refusal(v) != nil {
			p.err = stepError(s.step, v)
		} else {
			p.panic = cpu.Caught(v)
		}
		if !added {
			s.await(k)
			if s.each != nil && v == nil && p.err == nil { // nothing counts
				s.each(k, 0, tensor.Grads{})
			}
		}
		s.next.Store(int64(k) + 1)
		s.putBack(tape)
	}()
	// Every piece has random numbers of its own, on whatever tape.
	tape.Seed(s.seed+uint64(k)*0x9e3779b97f4a7c15, s.count.Step()-1)
	tape.Reset()
	s.o.Split(s.batch, &p.batch, k, len(s.all))
	p.measure = measure{empty: true}
	size := s.o.Size(p.batch)
	if size == 0 {
		return
	}
	m, err := s.o.given(&p.batch)
	if err != nil || m.empty {
		p.err = err
		return
	}
	l := s.o.Loss(tape, p.batch)
	if m = s.o.measured(l, &p.batch, m); m.empty {
		return
	}
	p.measure = m
	grads := l.Backward()
	// In the order of the pieces, so that the sum does not depend on who comes
	// first. Those before are under way: pieces are begun in order.
	s.await(k)
	added = true
	if s.each != nil {
		s.each(k, m.loss, grads)
		return
	}
	if s.o.Weight == nil {
		if p.err = s.share.compatible(tape.Means()); p.err != nil {
			return
		}
	}
	s.sum.Add(grads, s.share.of(m, float64(size)))
}

// await returns when all pieces before k have been added.
func (s *pieces[B]) await(k int) {
	for spins := 0; s.next.Load() != int64(k); spins++ {
		if spins > 1000 {
			runtime.Gosched()
		}
	}
}

// tape takes a tape out: the one used last, whose memory is likely in a cache.
func (s *pieces[B]) tape() *tensor.Tape {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return tensor.NewTape(0)
	}
	t := s.free[last]
	s.free = s.free[:last]
	return t
}

func (s *pieces[B]) putBack(t *tensor.Tape) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, t)
}
