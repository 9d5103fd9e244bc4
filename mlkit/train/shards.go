package train

import (
	"fmt"

	"descent/mlkit/internal/kernel"
	"descent/mlkit/nn"
	"descent/mlkit/tensor"
)

// shards computes the parts of a batch on a tape each.
type shards[B any] struct {
	o     Objective[B]
	step  int
	batch B
	parts []shard[B]
}

type shard[B any] struct {
	batch B
	tape  *tensor.Tape
	grads tensor.Grads
	size  int
	loss  float64
	err   error
	panic any
}

func newShards[B any](o Objective[B], c *Config, first *tensor.Tape) (*shards[B], error) {
	if o.Split == nil || o.Size == nil {
		return nil, fmt.Errorf("train: Shards need an Objective with Split and Size")
	}
	for _, n := range nn.State(o.Model) {
		if n.Buffer != nil {
			return nil, fmt.Errorf("train: Shards cannot be used with this model: %q is a statistic of whole batches", n.Name)
		}
	}
	s := &shards[B]{o: o, parts: make([]shard[B], c.Shards)}
	s.parts[0].tape = first
	for k := 1; k < c.Shards; k++ {
		s.parts[k].tape = tensor.NewTape(shardSeed(c.Seed, k))
	}
	return s, nil
}

// shardSeed gives every shard random numbers of its own.
func shardSeed(seed uint64, k int) uint64 { return seed + uint64(k)*0x9e3779b97f4a7c15 }

// seed puts the tapes where that of the first shard is, after a resume.
func (s *shards[B]) seed(seed, step uint64) {
	if s != nil {
		for k := range s.parts {
			s.parts[k].tape.Seed(shardSeed(seed, k), step)
		}
	}
}

// Part computes one shard; kernel.Parallel calls it on any goroutine.
func (s *shards[B]) Part(k int) {
	p := &s.parts[k]
	p.err, p.panic = nil, nil
	defer func() {
		if v := recover(); v != nil {
			if shape, ok := v.(*tensor.ShapeError); ok {
				p.err = stepError(s.step, shape)
			} else {
				p.panic = v
			}
		}
	}()
	p.tape.Reset()
	s.o.Split(s.batch, &p.batch, k, len(s.parts))
	if p.size = s.o.Size(p.batch); p.size == 0 {
		return
	}
	l := s.o.Loss(p.tape, p.batch)
	p.loss = float64(l.Item())
	p.grads = l.Backward()
}

// run computes the batch's loss and all gradients.
func (s *shards[B]) run(step int, batch B) (loss float64, err error) {
	s.step, s.batch = step, batch
	kernel.Parallel(len(s.parts), s)
	n := 0
	for k := range s.parts {
		p := &s.parts[k]
		if p.panic != nil {
			panic(p.panic)
		}
		if p.err != nil {
			return 0, p.err
		}
		if p.size > 0 {
			loss, n = loss+float64(p.size)*p.loss, n+p.size
		}
	}
	return loss / float64(n), nil
}

// addTo adds the shards' gradients in their order, weighted so that they make
// w times the gradient of the batch.
func (s *shards[B]) addTo(sum *tensor.GradSum, w float64) {
	n := 0
	for k := range s.parts {
		n += s.parts[k].size
	}
	for k := range s.parts {
		if p := &s.parts[k]; p.size > 0 {
			sum.Add(p.grads, float32(w*float64(p.size)/float64(n)))
		}
	}
}
